//! A partner cancels its order or lines of it: at once while nothing was promised, else when staff accept it.

mod racing;

pub use racing::{count, whole_history};

use std::time::Duration;

use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::lines::{NUMBER, confirm, events, move_to, stage};
use crate::support::{Answer, Partner, TestApp, order};

pub const PATH: &str = "/api/v1/sales-orders/SO-0000000001/cancellation";

pub const ANSWER: &str = "mutation($input: AnswerSalesOrderRequestInput!) { answerSalesOrderRequest(input: $input) {
    status version requests { requestNumber state reason answerReason answerNote answeredAt } } }";

const CANCEL: &str = "mutation($number: String!, $input: CancelSalesOrderInput!) {
    cancelSalesOrder(orderNumber: $number, input: $input) { message replayed request { state } salesOrder { status version } } }";

/// All of the order.
pub fn whole() -> Value {
    json!({"reason": "CUSTOMER_REQUEST", "note": "The shop is closed"})
}

/// So much of a line in all.
pub fn line(line_no: i32, quantity: i32) -> Value {
    json!({"reason": "WRONG_DATA", "lines": [{"line_no": line_no, "cancelled_quantity": quantity}]})
}

/// Sends a cancellation of the first order, freshly signed in the form that binds it.
pub async fn cancel(partner: &Partner<'_>, app: &TestApp, body: &Value) -> Answer {
    let body = body.to_string();
    app.post_text(PATH, &partner.sign_body(PATH, body.as_bytes()).headers(), body).await
}

pub async fn cancel_with_key(partner: &Partner<'_>, app: &TestApp, key: &str, path: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let signed = partner.sign_body(path, body.as_bytes());
    app.post_text(path, &[&signed.headers()[..], &[("idempotency-key", key)]].concat(), body).await
}

pub fn answer(decision: &str, reason: Option<&str>) -> Value {
    json!({"input": {"orderNumber": NUMBER, "requestNumber": "RQ-0000000001", "decision": decision, "reason": reason}})
}

async fn say(operator: &Partner<'_>, decision: &str, reason: Option<&str>) -> Value {
    operator.graphql(ANSWER, answer(decision, reason)).await.data()["answerSalesOrderRequest"].take()
}

async fn read(partner: &Partner<'_>) -> Value {
    partner.get(&format!("/api/v1/sales-orders/{NUMBER}")).await.expect(200)["data"].take()
}

async fn history(partner: &Partner<'_>) -> Vec<Value> {
    let document = format!(
        "{{ salesOrder(orderNumber: \"{NUMBER}\") {{ events {{ kind version actor status
        request {{ requestNumber state }} lines {{ lineNo answer {{ cancelledQuantity }} }} }} }} }}"
    );
    partner.graphql(&document, json!({})).await.data()["salesOrder"]["events"].as_array().unwrap().clone()
}

fn kinds(history: &[Value]) -> Vec<&str> {
    history.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

pub async fn acknowledge(operator: &Partner<'_>) {
    let document = format!(
        "mutation {{ acknowledgeSalesOrder(input: {{orderNumber: \"{NUMBER}\", system: \"erp\"}}) {{ version }} }}"
    );
    operator.graphql(&document, json!({})).await.data();
}

#[tokio::test]
async fn a_partner_cancels_lines_and_then_the_order_while_nothing_is_promised() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    app.clock.advance(Duration::from_mins(1));
    let first = cancel(&partner, &app, &line(1, 1)).await.expect(200);
    assert_eq!(first.as_object().unwrap().keys().collect::<Vec<_>>(), ["message", "data", "request", "replayed"]);
    let at = "2026-11-23T13:38:16.123456Z";
    let request = json!({"request_number": "RQ-0000000001", "kind": "CANCELLATION", "state": "ACCEPTED",
        "reason": "WRONG_DATA", "note": null, "lines": [{"line_no": 1, "cancelled_quantity": 1}], "change": null, "requested_at": at,
        "answer_reason": null, "answer_note": null, "answered_at": at});
    assert_eq!((&first["request"], &first["replayed"]), (&request, &json!(false)));
    let order = &first["data"];
    assert_eq!(
        (&order["status"], &order["version"], &order["updated_at"]),
        (&json!("RECEIVED"), &json!(2), &json!(at))
    );
    assert_eq!(order["products"][0]["answer"]["cancelled_quantity"], 1);
    assert_eq!(order["products"][0]["answer"]["open_quantity"], 1);
    assert_eq!(order["requests"], json!([request]));

    let second = cancel(&partner, &app, &whole()).await.expect(200);
    assert_eq!((&second["data"]["status"], &second["data"]["version"]), (&json!("CANCELLED"), &json!(3)));
    let order = read(&partner).await;
    assert_eq!(order, second["data"]);
    assert_eq!(order["requests"][1]["note"], "The shop is closed");
    let list = partner.get("/api/v1/sales-orders").await.expect(200);
    assert_eq!(list["data"], json!([order]));
    let exported = app.dashboard().await.get("/api/v1/sales-orders.jsonl").await.text;
    assert_eq!(serde_json::from_str::<Value>(&exported).unwrap(), order);

    let history = history(&partner).await;
    assert_eq!(kinds(&history), ["CREATED", "REQUEST_ANSWERED", "REQUEST_ANSWERED", "STATUS_CHANGED"]);
    assert_eq!(history[1]["actor"], "versuni-client-001");
    assert_eq!(history[1]["request"], json!({"requestNumber": "RQ-0000000001", "state": "ACCEPTED"}));
    assert_eq!(history[1]["lines"], json!([{"lineNo": 1, "answer": {"cancelledQuantity": 1}}]));
    assert_eq!(history[2]["version"], 3);
    app.database.true_totals().await;
}

#[tokio::test]
async fn what_is_promised_is_cancelled_when_staff_accept_it() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1, "backOrderedQuantity": 1}])).await;
    let pending = cancel(&partner, &app, &line(1, 2)).await.expect(202);
    assert_eq!((&pending["request"]["state"], &pending["data"]["version"]), (&json!("PENDING"), &json!(3)));
    assert_eq!(pending["data"]["products"][0]["answer"]["cancelled_quantity"], 0);
    let waiting =
        "{ salesOrders(where: {requestState: {eq: PENDING}}) { nodes { orderNumber requests { state note } } } }";
    let dashboard = app.dashboard().await;
    let found = dashboard.graphql(waiting, json!({})).await.data()["salesOrders"]["nodes"].take();
    assert_eq!(found, json!([{"orderNumber": NUMBER, "requests": [{"state": "PENDING", "note": null}]}]));

    let mut stale = answer("ACCEPT", None);
    stale["input"]["expectedVersion"] = json!(2);
    let refused = operator.graphql(ANSWER, stale).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["currentVersion"], 3);
    let accepted = say(&operator, "ACCEPT", None).await;
    assert_eq!(
        (&accepted["status"], &accepted["version"]),
        (&json!("RECEIVED"), &json!(4)),
        "nothing else was promised"
    );
    assert_eq!(accepted["requests"][0]["state"], "ACCEPTED");
    assert_eq!(say(&operator, "ACCEPT", None).await, accepted, "said again it changes nothing");
    let refused = operator.graphql(ANSWER, answer("REJECT", Some("OTHER"))).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["requestState"], "ACCEPTED");
    assert_eq!(read(&partner).await["products"][0]["answer"]["cancelled_quantity"], 2);
    let found = dashboard.graphql(waiting, json!({})).await.data()["salesOrders"]["nodes"].take();
    assert_eq!(found, json!([]));

    let history = history(&partner).await;
    let expected =
        ["CREATED", "LINES_CONFIRMED", "STATUS_CHANGED", "REQUEST_RECEIVED", "REQUEST_ANSWERED", "STATUS_CHANGED"];
    assert_eq!(kinds(&history), expected);
    assert_eq!(history[3]["request"]["state"], "PENDING");
    assert_eq!(history[4]["lines"], json!([{"lineNo": 1, "answer": {"cancelledQuantity": 2}}]));
    app.database.true_totals().await;
}

#[tokio::test]
async fn staff_reject_a_request_with_a_reason_and_the_partner_may_ask_again() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    acknowledge(&operator).await;
    cancel(&partner, &app, &whole()).await.expect(202);
    operator.graphql(ANSWER, answer("REJECT", None)).await.expect_error("VALIDATION_FAILED");
    let mut said = answer("REJECT", Some("IN_PREPARATION"));
    said["input"]["note"] = json!("It is on the lorry");
    app.clock.advance(Duration::from_mins(1));
    let rejected = operator.graphql(ANSWER, said.clone()).await.data()["answerSalesOrderRequest"].take();
    assert_eq!(
        rejected,
        json!({"status": "RECEIVED", "version": 3, "requests": [{"requestNumber": "RQ-0000000001", "state": "REJECTED",
            "reason": "CUSTOMER_REQUEST", "answerReason": "IN_PREPARATION", "answerNote": "It is on the lorry",
            "answeredAt": "2026-11-23T13:38:16.123456Z"}]})
    );
    assert_eq!(operator.graphql(ANSWER, said).await.data()["answerSalesOrderRequest"], rejected);
    let request = read(&partner).await["requests"][0].take();
    assert_eq!(
        (&request["answer_reason"], &request["answer_note"]),
        (&json!("IN_PREPARATION"), &json!("It is on the lorry"))
    );
    let again = cancel(&partner, &app, &whole()).await.expect(202);
    assert_eq!(again["request"]["request_number"], "RQ-0000000002", "signed anew it is asked anew");
    let unknown = json!({"input": {"orderNumber": NUMBER, "requestNumber": "RQ-0000000009", "decision": "ACCEPT"}});
    operator.graphql(ANSWER, unknown).await.expect_error("NOT_FOUND");
}

#[tokio::test]
async fn a_request_is_superseded_when_what_it_asks_for_has_left() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 2}, {"lineNo": 2, "confirmedQuantity": 1}])).await;
    cancel(&partner, &app, &line(1, 1)).await.expect(202);
    let ship = "mutation($input: RecordShipmentInput!) { recordShipment(input: $input) { requests { state } } }";
    let states = async |number: &str, quantity: i32| {
        let input =
            json!({"orderNumber": NUMBER, "shipmentNumber": number, "lines": [{"lineNo": 1, "quantity": quantity}]});
        operator.graphql(ship, json!({"input": input})).await.data()["recordShipment"]["requests"].take()
    };
    assert_eq!(states("S1", 1).await, json!([{"state": "PENDING"}]), "one is left");
    assert_eq!(states("S2", 1).await, json!([{"state": "SUPERSEDED"}]));
    assert_eq!(kinds(&history(&partner).await)[4..], ["SHIPMENT_RECORDED", "SHIPMENT_RECORDED", "REQUEST_ANSWERED"]);
    let refused = operator.graphql(ANSWER, answer("ACCEPT", None)).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["requestState"], "SUPERSEDED");
    app.clock.advance(Duration::from_secs(1));
    let gone = cancel(&partner, &app, &line(1, 1)).await.expect_problem(409, "CONFLICT");
    assert_eq!(gone["errors"][0]["pointer"], "/lines/0/cancelled_quantity");
    // The rest of the whole order can still be cancelled, and is all that is.
    cancel(&partner, &app, &whole()).await.expect(202);
    let mut second = answer("ACCEPT", None);
    second["input"]["requestNumber"] = json!("RQ-0000000002");
    let accepted = operator.graphql(ANSWER, second).await.data()["answerSalesOrderRequest"].take();
    assert_eq!((&accepted["status"], &accepted["requests"][1]["state"]), (&json!("SHIPPED"), &json!("ACCEPTED")));
    app.clock.advance(Duration::from_secs(1));
    cancel(&partner, &app, &whole()).await.expect_problem(409, "CONFLICT");
    app.database.true_totals().await;
}

#[tokio::test]
async fn what_staff_do_with_the_whole_order_settles_a_pending_request() {
    for (status, state) in [("SHIPPED", "SUPERSEDED"), ("CANCELLED", "ACCEPTED")] {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        move_to(&operator, "CONFIRMED").await;
        cancel(&partner, &app, &whole()).await.expect(202);
        move_to(&operator, status).await;
        let order = read(&partner).await;
        assert_eq!((&order["status"], &order["requests"][0]["state"]), (&json!(status), &json!(state)));
        assert_eq!(order["requests"][0]["answered_at"], order["updated_at"]);
    }
}

#[tokio::test]
async fn the_same_request_again_is_answered_as_the_first_and_another_one_waits_for_its_answer() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    move_to(&operator, "CONFIRMED").await;
    let body = line(1, 1).to_string();
    let signed = partner.sign_body(PATH, body.as_bytes());
    let first = app.post_text(PATH, &signed.headers(), body.clone()).await.expect(202);
    let again = app.post_text(PATH, &signed.headers(), body.clone()).await.expect(202);
    assert_eq!((&again["request"], &again["replayed"]), (&first["request"], &json!(true)));
    let before = events(&app).await;
    // Signed anew, under a key, and under the text of before with a key: it is pending already.
    assert_eq!(cancel(&partner, &app, &line(1, 1)).await.expect(202)["request"], first["request"]);
    assert_eq!(cancel_with_key(&partner, &app, "k", PATH, &line(1, 1)).await.expect(202)["request"], first["request"]);
    let refused = cancel(&partner, &app, &whole()).await.expect_problem(409, "CONFLICT");
    assert_eq!((&refused["request_number"], &refused["request_state"]), (&json!("RQ-0000000001"), &json!("PENDING")));
    say(&operator, "REJECT", Some("MADE_TO_ORDER")).await;
    let replayed = app.post_text(PATH, &signed.headers(), body.clone()).await.expect(200);
    assert_eq!((&replayed["request"]["state"], &replayed["replayed"]), (&json!("REJECTED"), &json!(true)));
    let with_key = [&signed.headers()[..], &[("idempotency-key", "another")]].concat();
    let replayed = app.post_text(PATH, &with_key, body).await.expect(200);
    assert_eq!(
        replayed["request"]["state"], "REJECTED",
        "one signed text is one request, whatever keys it is sent with"
    );
    assert_eq!(events(&app).await, before + 1);
}

#[tokio::test]
async fn a_key_names_one_request() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    partner.create_with_key("second", &order()).await.expect(201);
    let first = cancel_with_key(&partner, &app, "k", PATH, &line(1, 1)).await.expect(200);
    app.clock.advance(Duration::from_mins(10));
    let again = cancel_with_key(&partner, &app, "k", PATH, &line(1, 1)).await.expect(200);
    assert_eq!((&again["request"], &again["replayed"]), (&first["request"], &json!(true)));
    let other = "/api/v1/sales-orders/SO-0000000002/cancellation";
    for (path, body) in [(PATH, line(1, 2)), (other, line(1, 1))] {
        let refused =
            cancel_with_key(&partner, &app, "k", path, &body).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
        assert_eq!((&refused["order_number"], &refused["request_number"]), (&json!(NUMBER), &json!("RQ-0000000001")));
    }
    // What is so already is no request.
    let so = cancel(&partner, &app, &line(1, 1)).await.expect(200);
    assert_eq!((&so["request"], &so["replayed"], &so["data"]["version"]), (&Value::Null, &json!(true), &json!(2)));
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_requests").await, 1);
}

#[tokio::test]
async fn every_fault_of_a_cancellation_is_named_at_once() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    let faulty = json!({"reason": "BORED", "note": "x".repeat(1001), "typo": 1, "lines": [
        {"line_no": 1, "cancelled_quantity": 0}, {"line_no": 1, "cancelled_quantity": 1}]});
    let problem = cancel(&partner, &app, &faulty).await.expect_problem(400, "VALIDATION_FAILED");
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|it| it["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/reason", "/note", "/lines/0/cancelled_quantity", "/lines/1/line_no", "/typo"]);
    let unfit = json!({"reason": "OTHER", "lines": [
        {"line_no": 1, "cancelled_quantity": 3}, {"line_no": 3, "cancelled_quantity": 1}]});
    let problem = cancel(&partner, &app, &unfit).await.expect_problem(400, "VALIDATION_FAILED");
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|it| it["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/lines/0/cancelled_quantity", "/lines/1/line_no"]);
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 0, "rejectedQuantity": 1}])).await;
    let problem = cancel(&partner, &app, &line(1, 2)).await.expect_problem(409, "CONFLICT");
    assert!(problem["errors"][0]["message"].as_str().unwrap().starts_with("must be at most 1:"), "{problem}");
    assert_eq!(events(&app).await, 2);
}

#[tokio::test]
async fn only_the_order_s_sender_cancels_it_with_a_signature_that_binds_body_and_path() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    let body = whole().to_string();
    let published = app.post_text(PATH, &partner.sign().headers(), body.clone()).await;
    assert_eq!(published.expect_problem(401, "INVALID_SIGNATURE")["hint"], "signed_body_bound_expected");
    let other_path = "/api/v1/sales-orders/SO-0000000002/cancellation";
    for (path, hint) in [
        ("/api/v1/sales-orders", "signed_other_path"),
        ("/api/v1/sales-orders/SO-0000000001", "signed_other_path"),
        (other_path, "signed_other_text"),
    ] {
        let signed = partner.sign_body(path, body.as_bytes());
        let refused = app.post_text(PATH, &signed.headers(), body.clone()).await;
        assert_eq!(refused.expect_problem(401, "INVALID_SIGNATURE")["hint"], hint, "{path}");
    }
    let stranger = app.partner_named("stranger", SignaturePolicy::Documented).await;
    cancel(&stranger, &app, &whole()).await.expect_problem(404, "NOT_FOUND");
    for path in ["/api/v1/sales-orders/none/cancellation", other_path] {
        let signed = partner.sign_body(path, body.as_bytes());
        app.post_text(path, &signed.headers(), body.clone()).await.expect_problem(404, "NOT_FOUND");
    }
    assert_eq!(events(&app).await, 1);
    let variables =
        json!({"number": NUMBER, "input": {"reason": "OTHER", "lines": [{"lineNo": 2, "cancelledQuantity": 1}]}});
    let body = json!({"query": CANCEL, "variables": variables}).to_string();
    let signed = partner.sign_body("/graphql", body.as_bytes());
    for replayed in [false, true] {
        let done = app.post_text("/graphql", &signed.headers(), body.clone()).await.data()["cancelSalesOrder"].take();
        assert_eq!(
            done,
            json!({"message": "Sales order cancelled as requested", "replayed": replayed, "request": {"state": "ACCEPTED"},
                   "salesOrder": {"status": "RECEIVED", "version": 2}})
        );
    }
}

#[tokio::test]
async fn an_order_keeps_twenty_requests_at_most() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut large = order();
    large["products"][0]["quantity"] = json!(100);
    partner.create(&large).await.expect(201);
    for quantity in 1..=20 {
        cancel(&partner, &app, &line(1, quantity)).await.expect(200);
    }
    let refused = cancel(&partner, &app, &line(1, 21)).await.expect_problem(409, "CONFLICT");
    assert!(refused["message"].as_str().unwrap().contains("20"), "{refused}");
    assert_eq!(read(&partner).await["requests"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn what_an_instance_of_the_version_before_let_go_is_superseded_when_it_is_answered() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    move_to(&operator, "CONFIRMED").await;
    cancel(&partner, &app, &whole()).await.expect(202);
    // It knows nothing of requests.
    app.database.db_execute("UPDATE sales_orders SET status = 'SHIPPED', version = version + 1").await.unwrap();
    let answered = say(&operator, "ACCEPT", None).await;
    assert_eq!((&answered["status"], &answered["requests"][0]["state"]), (&json!("SHIPPED"), &json!("SUPERSEDED")));
    assert_eq!(kinds(&history(&partner).await)[2..], ["REQUEST_RECEIVED", "REQUEST_ANSWERED"]);
}

#[tokio::test]
async fn the_database_itself_keeps_one_pending_request_of_an_order() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    move_to(&operator, "CONFIRMED").await;
    cancel(&partner, &app, &whole()).await.expect(202);
    let another = |state: &str, answered_at: &str| {
        format!(
            "INSERT INTO sales_order_requests (order_id, client_id, kind, state, reason, idempotency_key, signed_text, digest,
                 requested_at, answered_at)
             SELECT order_id, client_id, kind, '{state}', reason, 'a', 'b', digest, requested_at, {answered_at}
             FROM sales_order_requests"
        )
    };
    assert!(app.database.db_execute(&another("PENDING", "NULL")).await.is_err());
    assert!(app.database.db_execute(&another("REJECTED", "NULL")).await.is_err(), "what is answered says when");
    app.database.db_execute(&another("REJECTED", "requested_at")).await.unwrap();
}
