//! Nothing that is secret or personal is kept, and a stranger's request is told of to nobody but staff.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{each, read, staff};
use crate::support::{TestApp, on_postgres, order};

/// Everything that the log has stored, column by column.
async fn stored(app: &TestApp) -> String {
    app.state.request_log().flush().await.unwrap();
    let columns = ["request_id", "client_id", "method", "route", "code", "hint", "partner_reference", "details"];
    let row = columns.map(|column| format!("coalesce({column}, '')")).join(" || ' ' || ");
    if on_postgres().is_some() {
        return app.database.db_last_texts(&format!("SELECT {row} FROM api_requests")).await.join("\n");
    }
    let log = app.database.url.replace(".db", "-requests.db");
    let connection = sea_orm::Database::connect(log).await.unwrap();
    let all = Statement::from_string(DbBackend::Sqlite, format!("SELECT {row} FROM api_requests"));
    let rows = connection.query_all_raw(all).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn nothing_secret_and_nobodys_name_is_kept_of_hostile_and_of_clumsy_requests() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let (secret, token) = (partner.secret.expose_secret().to_owned(), partner.token.clone());
    let signed = partner.sign();
    let signature = signed.signature.clone();
    let names = ["Siti Pribadi", "Jl. Rahasia 77", "+62 812 3456 7890"];
    let login = |body: String| TestApp::post_request("/api/v1/auth/login", &[], body);
    let mut bodies = vec![
        format!(r#"{{"client_id":"versuni-client-001","client_secret":"{secret}x"}}"#),
        format!(r#"{{"client_id":"{secret}","client_secret":"{secret}"}}"#),
        format!("client_id=versuni-client-001&client_secret={secret}"),
        format!(r#"{{"{secret}":1,"{token}":[]}}"#),
        format!(
            r#"{{"partner_reference":"{secret}","products":[{{"product_code":"{token}"}}],"status":"{signature}"}}"#
        ),
        format!(r#"{{"partner_reference":"{token}""#),
        format!("{{\"quantity\":{secret}}}"),
        format!(r#"["{secret}", {secret}, {{"a":{{"b":"{signature}"}}}}]"#),
        secret.clone(),
        format!(r#"{{"note":"{}","sales_name":"{}","phone":"{}"}}"#, names[1], names[0], names[2]),
        format!(r#"{{"customer":{{"name":"{}","address":["{}"]}},"call":{}}}"#, names[0], names[1], "628123456789"),
        format!(r#"{{"partner_reference":"{}"}}"#, escaped(&secret)),
        format!(r#"{{"{}":1,"{}":2}}"#, names[0], escaped(&secret)),
        format!(r#"{{"reason":"{}, {}"}}"#, names[0], names[1]),
        format!(r#"{{"status":["{}"],"unit":"PCS","{}"}}"#, names[0], names[1]),
        format!(r#"{{"product_code":"Pan 12" x","phone":"628123456789","{secret}"}}"#),
        format!(r#"{{"signature":"{}"}}"#, signature.replace('/', "\\/")),
        format!(
            r#"{{"query":"mutation {{ login(input: {{clientSecret: \"{secret}\"}}) {{ token }} }}","operationName":"{secret}"}}"#
        ),
    ];
    bodies.push(format!("{}{}", " ".repeat(20_000), bodies[3]));
    bodies.push(format!(r#"{{"note":"{}","sales_name":"{secret}"}}"#, "x".repeat(17_000)));
    for body in &bodies {
        app.send(login(body.clone())).await;
        for (path, method) in [("/api/v1/sales-orders", "POST"), ("/api/v1/auth/refresh", "POST"), ("/graphql", "POST")]
        {
            let mut headers = signed.headers().to_vec();
            let agent = format!("{secret} {signature}");
            let further = [
                ("user-agent", agent.as_str()),
                ("idempotency-key", secret.as_str()),
                ("x-request-id", secret.as_str()),
            ];
            headers.extend(further);
            let mut request = TestApp::post_request(path, &headers, body.clone());
            *request.method_mut() = method.parse().unwrap();
            app.send(request).await;
            let headers = [("x-client-id", secret.as_str()), ("authorization", &secret), ("x-signature", &signature)];
            app.send(TestApp::post_request(path, &headers, body.clone())).await;
        }
    }
    for path in [format!("/api/v1/{secret}"), format!("/api/v1/sales-orders/{secret}?token={token}")] {
        partner.get(&path).await.expect(404);
    }
    partner.get(&format!("/api/v1/sales-orders/by-reference/{secret}")).await.expect(404);
    // What succeeds is no place for them either.
    let authorization = partner.authorization();
    let headers = [("authorization", authorization.as_str()), ("idempotency-key", &secret), ("user-agent", &signature)];
    for path in ["/api/v1/requests", "/api/v1/events", "/api/v1/sales-orders"] {
        let mut request = axum::http::Request::get(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        app.send(request.body(axum::body::Body::empty()).unwrap()).await.expect(200);
    }
    let all = stored(&app).await;
    assert!(all.contains("VALIDATION_FAILED") && all.contains("MALFORMED_BODY"), "there is something to look through");
    // The first part of a token is the same in all, and no secret.
    let token = token.split_once('.').unwrap().1;
    for secret in [&secret, token, &signature] {
        for at in 0..secret.len() - 16 {
            let part = &secret[at..at + 16];
            assert!(!all.contains(part), "{part} of {secret} is in the log");
        }
    }
    for hidden in names.into_iter().chain(["Siti", "Rahasia", "628123456789"]) {
        assert!(!all.contains(hidden), "{hidden} is in the log");
    }
}

/// A text in which JSON hides every character.
fn escaped(text: &str) -> String {
    text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()
}

#[tokio::test]
async fn who_only_claims_to_be_a_partner_leaves_it_neither_texts_nor_where_it_came_from() {
    let app = TestApp::new().await;
    let (partner, staff) = (app.partner().await, staff(&app).await);
    let body = json!({"client_id": partner.client_id, "client_secret": "guessed"}).to_string();
    let headers =
        [("user-agent", "read me"), ("idempotency-key", "read me too"), ("x-request-id", "call-evil.example")];
    app.post_text("/api/v1/auth/login", &headers, body).await.expect(401);
    let mut order = order();
    order["partner_reference"] = json!("READ-ME");
    let headers = [
        ("x-client-id", partner.client_id.as_str()),
        ("authorization", "Bearer forged"),
        ("user-agent", "read me"),
        ("x-request-id", "call-evil.example"),
    ];
    app.post_text("/api/v1/sales-orders", &headers, order.to_string()).await.expect(401);
    let entries = read(&partner, "status=401").await;
    assert_eq!(entries.len(), 2);
    for entry in &entries {
        assert_eq!((&entry["client_id"], &entry["is_proven"]), (&json!(partner.client_id), &json!(false)));
        for member in ["body", "network", "user_agent", "idempotency_key", "partner_reference", "order_number"] {
            assert!(entry[member].is_null(), "{member}: {entry}");
        }
        assert_eq!(entry["errors"], json!([]));
        assert!(entry["explanation"].is_string(), "{entry}");
    }
    let seen = read(&staff, "status=401").await;
    // What is not shown cannot be found out by asking for it, and an id of the stranger's own is not shown.
    assert_eq!(read(&partner, "partner_reference=READ-ME").await.len(), 0);
    assert_eq!(read(&staff, "partner_reference=READ-ME").await.len(), 1);
    assert_eq!(each(&entries, "request_id"), ["", ""]);
    assert!(seen.iter().all(|entry| entry["user_agent"] == "read me"), "{seen:?}");
    assert!(seen[0]["body"].as_str().unwrap().contains("READ-ME"), "{seen:?}");
}

#[tokio::test]
async fn a_claim_counts_only_where_there_is_such_a_client() {
    let app = TestApp::new().await;
    let staff = staff(&app).await;
    for claimed in ["nobody-001", "versuni-client-001'; DROP TABLE api_requests; --", "\u{7f}"] {
        let body = json!({"client_id": claimed, "client_secret": "guessed"});
        app.post("/api/v1/auth/login", &body).await;
    }
    let entries = read(&staff, "outcome=FAILED").await;
    assert!(entries.len() == 3 && entries.iter().all(|entry| entry["client_id"].is_null()), "{entries:?}");
}

#[tokio::test]
async fn a_token_that_has_expired_still_tells_whose_request_it_was() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.clock.advance(Duration::from_hours(13));
    partner.get("/api/v1/sales-orders/SO-0000000001").await.expect(401);
    let again = partner.log_in_again().await;
    let entries = read(&again, "code=UNAUTHENTICATED").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&entries[0]["is_proven"], &entries[0]["route"]),
        (&json!(true), &json!("/api/v1/sales-orders/{order_number}"))
    );
}

#[tokio::test]
async fn who_found_an_old_token_does_not_fill_its_clients_log() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.clock.advance(Duration::from_hours(13));
    for _ in 0..200 {
        partner.get("/api/v1/sales-orders/SO-0000000001").await.expect(401);
    }
    assert_eq!(read(&partner.log_in_again().await, "code=UNAUTHENTICATED").await.len(), 120);
}

#[tokio::test]
async fn a_stranger_has_a_share_of_the_log_and_takes_none_of_a_partners() {
    let app = TestApp::new().await;
    let (partner, staff) = (app.partner().await, staff(&app).await);
    for n in 0..300 {
        let body = json!({"client_id": format!("x-{n}"), "client_secret": "guessed"});
        app.post_from("203.0.113.7", "/api/v1/auth/login", &[], &body).await;
        partner.get("/api/v1/sales-orders/SO-0000000099").await.expect(404);
    }
    app.post_from("198.51.100.7", "/api/v1/auth/login", &[], &json!({"client_id": "y"})).await;
    let jsonl = {
        app.state.request_log().flush().await.unwrap();
        staff.get("/api/v1/requests.jsonl?outcome=FAILED").await.text
    };
    let entries: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |network: &str| entries.iter().filter(|entry| entry["network"] == network).count();
    assert_eq!((of("203.0.113.0/24"), of("198.51.100.0/24")), (120, 1));
    assert_eq!(entries.iter().filter(|entry| entry["client_id"] == partner.client_id.as_str()).count(), 300);
}
