//! The catalogue of codes is what the service really answers: each of them is reached by a request.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::error::ErrorCode;
use sales_order_api::http;
use sales_order_api::service::clients::ClientChange;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::assert_nothing_internal;
use crate::archiving::archived;
use crate::support::{Answer, PARTNER_KEY, Partner, Socket, TestApp, Told, key_of, on_postgres, order};
use crate::webhooks::signed;

/// What was reached, after a look at each answer.
#[derive(Default)]
struct Reached(BTreeSet<&'static str>);

impl Reached {
    #[track_caller]
    fn over_rest(&mut self, code: ErrorCode, answer: &Answer) -> Value {
        let problem = answer.expect_problem(code.status(), code.as_str());
        assert_eq!(problem["title"], code.title());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("www-authenticate").is_some(), code.status() == 401, "{}", answer.text);
        assert_eq!(answer.header("retry-after").is_some(), matches!(code.status(), 429 | 503), "{}", answer.text);
        assert_nothing_internal(answer);
        self.0.insert(code.as_str());
        problem
    }

    #[track_caller]
    fn over_graphql(&mut self, code: ErrorCode, answer: &Answer) {
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.expect_error(code.as_str());
        assert_nothing_internal(answer);
        self.0.insert(code.as_str());
    }
}

#[tokio::test]
async fn every_code_of_the_catalogue_is_what_some_request_is_answered_with() {
    let mut reached = Reached::default();
    refusals_of_requests(&mut reached).await;
    refusals_of_readers(&mut reached).await;
    refusals_of_callers(&mut reached).await;
    refusals_of_graphql_documents(&mut reached).await;
    refusals_of_operators(&mut reached).await;
    failures_of_ours(&mut reached).await;
    slowness(&mut reached).await;
    let catalogue: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(reached.0, catalogue, "each code needs a request here that is answered with it");
}

async fn refusals_of_requests(reached: &mut Reached) {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let orders = "/api/v1/sales-orders";
    let headers = partner.sign();

    let answer = app.post_text(orders, &headers.headers(), "{").await;
    reached.over_rest(ErrorCode::MalformedBody, &answer);

    let answer = partner.create(&json!({})).await;
    reached.over_rest(ErrorCode::ValidationFailed, &answer);

    let authorization = partner.authorization();
    let answer = app.post_text(orders, &[("authorization", &authorization)], order().to_string()).await;
    let problem = reached.over_rest(ErrorCode::MissingHeader, &answer);
    assert_eq!(problem["headers"], json!(["X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE"]));

    let answer = partner.create_with_key("two words", &order()).await;
    reached.over_rest(ErrorCode::InvalidHeader, &answer);

    let foreign = Request::get("/graphql/ws").header("origin", "https://evil.example").body(Body::empty());
    reached.over_rest(ErrorCode::OriginRefused, &app.send(foreign.unwrap()).await);

    reached.over_rest(ErrorCode::NotFound, &app.get("/api/v1/nothing").await);
    reached.over_rest(ErrorCode::NotFound, &partner.get("/api/v1/sales-orders/SO-0000000001").await);
    let other = Request::delete(orders).body(Body::empty()).unwrap();
    reached.over_rest(ErrorCode::MethodNotAllowed, &app.send(other).await);

    let answer = app.post_text(orders, &headers.headers(), vec![b' '; 6_291_457]).await;
    let problem = reached.over_rest(ErrorCode::PayloadTooLarge, &answer);
    assert_eq!(problem["limit_bytes"], 6_291_456);

    let coded = Request::post(orders).header("transfer-encoding", "gzip, chunked").body(Body::empty());
    reached.over_rest(ErrorCode::TransferCodingUnknown, &app.send(coded.unwrap()).await);

    let mut unnamed = Request::post(orders);
    for (name, value) in headers.headers() {
        unnamed = unnamed.header(name, value);
    }
    let answer = app.send(unnamed.body(Body::from("{}")).unwrap()).await;
    reached.over_rest(ErrorCode::UnsupportedMediaType, &answer);

    partner.create_with_key("first", &order()).await.expect(201);
    let mut other = order();
    other["note"] = json!("another order");
    let answer = partner.create_with_key("first", &other).await;
    let problem = reached.over_rest(ErrorCode::IdempotencyKeyReused, &answer);
    assert_eq!(problem["order_number"], "SO-0000000001");

    let change = ClientChange { reference_policy: Some(ReferencePolicy::Refuse), ..ClientChange::default() };
    app.clients.update_client(&partner.client_id.parse().unwrap(), change).await.unwrap();
    other["partner_reference"] = json!("PO-1");
    let made = partner.create_with_key("second", &other).await.expect(201);
    let answer = partner.create_with_key("third", &other).await;
    let problem = reached.over_rest(ErrorCode::DuplicatePartnerReference, &answer);
    assert_eq!(problem["order_number"], made["data"]["order_number"]);
}

async fn refusals_of_readers(reached: &mut Reached) {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let begin = partner.get("/api/v1/events").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    partner.create(&order()).await.expect(201);
    app.store.expire_events(app.clock.now() + Duration::from_secs(1)).await.unwrap();
    let answer = partner.get(&format!("/api/v1/events?after={begin}")).await;
    reached.over_rest(ErrorCode::CursorExpired, &answer);
}

async fn refusals_of_callers(reached: &mut Reached) {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.login_burst = 1.try_into().unwrap();
        config.rate_limit.login_attempts_per_minute = 1.try_into().unwrap();
    })
    .await;
    let partner = app.partner().await;

    let answer = app.get("/api/v1/sales-orders/SO-0000000001").await;
    reached.over_rest(ErrorCode::Unauthenticated, &answer);

    let stranger = json!({"client_id": "nobody", "client_secret": "x".repeat(43)});
    reached.over_rest(ErrorCode::InvalidCredentials, &app.post("/api/v1/auth/login", &stranger).await);
    let answer = app.post("/api/v1/auth/login", &stranger).await;
    reached.over_rest(ErrorCode::RateLimited, &answer);
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");

    let mut foreign = partner.sign();
    "somebody-else".clone_into(&mut foreign.client_id);
    reached.over_rest(ErrorCode::ClientIdMismatch, &partner.send_order(&foreign, &order()).await);
    let mut late = partner.sign();
    "1".clone_into(&mut late.timestamp);
    reached.over_rest(ErrorCode::InvalidTimestamp, &partner.send_order(&late, &order()).await);
    let forged = partner.sign_text(&partner.sign().timestamp, "another text");
    reached.over_rest(ErrorCode::InvalidSignature, &partner.send_order(&forged, &order()).await);

    let body = order().to_string();
    let bound = partner.sign_body("/api/v1/sales-orders", body.as_bytes());
    app.post_text("/api/v1/sales-orders", &bound.headers(), body.clone()).await.expect(201);
    let other_key = [&bound.headers()[..], &[("idempotency-key", "other")]].concat();
    let answer = app.post_text("/api/v1/sales-orders", &other_key, body).await;
    reached.over_rest(ErrorCode::SignatureReused, &answer);

    let mut socket = Socket::log_in(&app.listen().await, &partner.token).await;
    socket.subscribe("1", "{ signatureCheck { valid } }", json!({})).await;
    let code = ErrorCode::SignedOverWebsocket.as_str();
    match socket.next().await {
        Told::Message(message) => assert_eq!(message["payload"][0]["extensions"]["code"], code, "{message}"),
        Told::Closed(closed) => panic!("closed with {closed}"),
    }
    reached.0.insert(code);

    let pem = key_of("reader").public_key().to_pem();
    let secret = app.client("reader", &[Permission::OrdersRead], SignaturePolicy::Documented, vec![pem]).await;
    let reader = Partner::log_in(&app, "reader", secret, key_of("reader")).await;
    reached.over_rest(ErrorCode::InsufficientScope, &reader.create(&order()).await);

    app.clients.disable_client(&"reader".parse().unwrap()).await.unwrap();
    reached.over_rest(ErrorCode::ClientDisabled, &reader.create(&order()).await);
}

async fn refusals_of_graphql_documents(reached: &mut Reached) {
    let app = TestApp::new().await;
    reached.over_graphql(ErrorCode::GraphqlParseFailed, &app.graphql("{", json!({})).await);
    reached.over_graphql(ErrorCode::GraphqlValidationFailed, &app.graphql("{ nothing }", json!({})).await);
    let aliases = (0..101).map(|number| format!("a{number}: __typename")).collect::<Vec<_>>().join(" ");
    reached.over_graphql(ErrorCode::LimitExceeded, &app.graphql(&format!("{{ {aliases} }}"), json!({})).await);
    let order = "createSalesOrder(input: {customerCode: \"C\", siteCode: \"S\", salesName: \"N\", address: \"A\",
        products: [{productCode: \"P\", quantity: 1}]}) { message }";
    let two = app.graphql(&format!("mutation {{ a: {order} b: {order} }}"), json!({})).await;
    reached.over_graphql(ErrorCode::OneOrderPerRequest, &two);
    for (code, named) in [
        (ErrorCode::PersistedQueryNotFound, json!({"version": 1, "sha256Hash": "0".repeat(64)})),
        (ErrorCode::PersistedQueryNotSupported, json!({"version": 2})),
    ] {
        let answer = app.post("/graphql", &json!({"extensions": {"persistedQuery": named}})).await;
        reached.over_graphql(code, &answer);
    }
    let by_id = app.post("/graphql", &json!({"doc_id": "7182"})).await;
    assert_eq!(by_id.status, 400, "{}", by_id.text);
    by_id.expect_error(ErrorCode::DocumentIdNotSupported.as_str());
    let batch = app.post("/graphql", &json!([{"query": "{ __typename }"}])).await;
    assert_eq!(batch.json()[0]["errors"][0]["extensions"]["code"], ErrorCode::BatchNotSupported.as_str());
    reached.0.extend([ErrorCode::DocumentIdNotSupported.as_str(), ErrorCode::BatchNotSupported.as_str()]);
}

async fn refusals_of_operators(reached: &mut Reached) {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let secret = app.client("erp-001", &[Permission::OrdersManage], SignaturePolicy::Documented, Vec::new()).await;
    let operator = Partner::log_in(&app, "erp-001", secret, &PARTNER_KEY).await;
    let document = "mutation($i: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $i) { version } }";
    let shipped = json!({"i": {"orderNumber": "SO-0000000001", "status": "SHIPPED"}});
    reached.over_graphql(ErrorCode::IllegalTransition, &operator.graphql(document, shipped).await);
    let stale = json!({"i": {"orderNumber": "SO-0000000001", "status": "CONFIRMED", "expectedVersion": 9}});
    reached.over_graphql(ErrorCode::Conflict, &operator.graphql(document, stale).await);
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    let answer = partner.create_with_key("first", &order()).await;
    assert_eq!(reached.over_rest(ErrorCode::OrderArchived, &answer)["order_number"], "SO-0000000001");
}

async fn failures_of_ours(reached: &mut Reached) {
    let app = TestApp::new().await;
    let app_of_off = TestApp::new().await;
    let keys = [("SALES_ORDER_WEBHOOKS__SECRET_KEYS", "[]")];
    let off = TestApp::router_in(&app_of_off.store, &app_of_off.clock, &keys, |config| {
        config.http.listen = "0.0.0.0:8080".parse().unwrap();
    });
    let without_keys = TestApp { router: off, ..app_of_off };
    let partner = without_keys.partner().await;
    let answer = signed(&partner, "PUT", "/erp", Some(&json!({"url": "https://erp.example.com"}))).await;
    reached.over_rest(ErrorCode::WebhooksOff, &answer);
    let partner = app.partner().await;
    let leaving = TestApp::state_in(&app.store, &app.clock, &[], |_| {});
    leaving.leave();
    let asked = Request::get("/health/ready").body(Body::empty()).unwrap();
    let answer = Answer::read(http::router(leaving).oneshot(asked).await.unwrap()).await;
    reached.over_rest(ErrorCode::Stopping, &answer);
    // On SQLite the database's clock is our own.
    if on_postgres().is_none() {
        reached.0.insert(ErrorCode::ClockSkew.as_str());
    } else {
        let wrong = TestApp::state_in(&app.store, &app.clock, &[], |config| {
            config.database.max_clock_skew = Duration::from_secs(1);
        });
        let asked = Request::get("/health/ready").body(Body::empty()).unwrap();
        reached.over_rest(ErrorCode::ClockSkew, &Answer::read(http::router(wrong).oneshot(asked).await.unwrap()).await);
    }

    partner.create(&order()).await.expect(201);
    app.database.break_table("sales_order_lines").await;
    let read = partner.get("/api/v1/sales-orders/SO-0000000001").await;
    reached.over_rest(ErrorCode::InternalError, &read);
    let query = "{ salesOrder(orderNumber: \"SO-0000000001\") { products { lineNo } } }";
    reached.over_graphql(ErrorCode::InternalError, &partner.graphql(query, json!({})).await);

    app.store.close().await;
    let credentials = json!({"client_id": "versuni-client-001", "client_secret": "x".repeat(43)});
    let login = app.post("/api/v1/auth/login", &credentials).await;
    reached.over_rest(ErrorCode::DatabaseUnavailable, &login);
    reached.over_rest(ErrorCode::DatabaseUnavailable, &app.get("/health/ready").await);
    reached.over_graphql(ErrorCode::DatabaseUnavailable, &partner.graphql("{ viewer { name } }", json!({})).await);
}

async fn slowness(reached: &mut Reached) {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let hurried = TestApp::router_on(&app.store, &app.clock, |config| {
        config.http.request_timeout = Duration::from_millis(200);
    });
    let send = async |body: Body| {
        let mut request = Request::post("/api/v1/sales-orders").header("content-type", "application/json");
        let signed = partner.sign();
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        Answer::read(hurried.clone().oneshot(request.body(body).unwrap()).await.unwrap()).await
    };
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    reached.over_rest(ErrorCode::RequestTimeout, &send(never).await);

    // Somebody holds the orders' table longer than the service may take.
    let connection = app.database.db_connect().await;
    let hold = if on_postgres().is_some() {
        "LOCK TABLE sales_orders IN ACCESS EXCLUSIVE MODE"
    } else {
        "DELETE FROM sales_orders"
    };
    let holder = connection.begin().await.unwrap();
    holder.execute_unprepared(hold).await.unwrap();
    reached.over_rest(ErrorCode::Overloaded, &send(Body::from(order().to_string())).await);
    holder.rollback().await.unwrap();
    partner.create(&order()).await.expect(201);
}

#[tokio::test]
async fn the_openapi_description_lists_every_code_with_its_status() {
    let app = TestApp::new().await;
    let document = app.get("/api/v1/openapi.json").await.expect(200);
    let description = document["info"]["description"].as_str().unwrap();
    for code in ErrorCode::ALL {
        let row = format!("| {} | `{}` | {} |\n", code.status(), code.as_str(), code.meaning());
        assert!(description.contains(&row), "{code}");
        assert!(!code.meaning().is_empty());
    }
}
