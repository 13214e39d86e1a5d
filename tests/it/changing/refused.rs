//! What is no change, and who may make one.

use std::time::Duration;

use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use super::{PATH, change, change_with_key, everything, quantity, read};
use crate::cancellations;
use crate::lines::{NUMBER, confirm, events, move_to, stage};
use crate::support::{TestApp, order};

const CHANGE: &str = "mutation($number: String!, $input: ChangeSalesOrderInput!) {
    changeSalesOrder(orderNumber: $number, input: $input) { message replayed request { state } salesOrder { version } } }";

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|it| it["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_change_of_a_version_that_is_no_more_is_told_the_present_one() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1}])).await;
    let stale = change(&partner, &app, &quantity(1, 9, 9)).await.expect_problem(409, "CONFLICT");
    assert_eq!((&stale["current_version"], &stale["current_status"]), (&json!(2), &json!("CONFIRMED")));
    let none = change(&partner, &app, &json!({"address": "Jl. Thamrin No. 5"})).await;
    assert_eq!(pointers(&none.expect_problem(400, "VALIDATION_FAILED")), ["/expected_version"]);
    assert_eq!(read(&partner).await["version"], 2);
}

#[tokio::test]
async fn the_same_change_again_is_answered_as_the_first() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    let body = quantity(1, 1, 5).to_string();
    let signed = partner.sign_body(PATH, body.as_bytes());
    let first = app.post_text(PATH, &signed.headers(), body.clone()).await.expect(200);
    let again = app.post_text(PATH, &signed.headers(), body.clone()).await.expect(200);
    assert_eq!((&again["request"], &again["replayed"]), (&first["request"], &json!(true)));
    // Signed anew, and under a key.
    app.clock.advance(Duration::from_mins(1));
    for key in [None, Some("k")] {
        let again = match key {
            None => change(&partner, &app, &quantity(1, 1, 5)).await,
            Some(key) => change_with_key(&partner, &app, key, &quantity(1, 1, 5)).await,
        };
        let again = again.expect(200);
        assert_eq!((&again["request"], &again["replayed"]), (&first["request"], &json!(true)));
    }
    change_with_key(&partner, &app, "l", &quantity(2, 1, 6)).await.expect(200);
    let replayed = change_with_key(&partner, &app, "l", &quantity(2, 1, 6)).await.expect(200);
    assert_eq!((&replayed["data"]["version"], &replayed["replayed"]), (&json!(3), &json!(true)));
    let refused =
        change_with_key(&partner, &app, "l", &quantity(3, 1, 7)).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!((&refused["order_number"], &refused["request_number"]), (&json!(NUMBER), &json!("RQ-0000000002")));
    // A key names one request, whatever its kind.
    let path = cancellations::PATH;
    let cancelled = cancellations::cancel_with_key(&partner, &app, "l", path, &cancellations::whole()).await;
    cancelled.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_requests").await, 2);
    assert_eq!(events(&app).await, 5);
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_an_error() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    let nothing = change(&partner, &app, &json!({"expected_version": 1})).await;
    assert_eq!(nothing.expect_problem(400, "VALIDATION_FAILED")["errors"][0]["code"], "required");
    let same = json!({"expected_version": 1, "address": "Jl. Sudirman No. 1, Jakarta", "changed_lines": [{"line_no": 1, "quantity": 2}]});
    let problem = change(&partner, &app, &same).await.expect_problem(400, "VALIDATION_FAILED");
    let fault = &problem["errors"][0];
    assert_eq!((&fault["pointer"], &fault["code"]), (&json!(""), &json!("value")));
    assert_eq!(fault["message"], "changes nothing: the order is so already");
    assert_eq!(events(&app).await, 1);
}

#[tokio::test]
async fn every_reason_why_a_change_cannot_be_done_is_named_at_once() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    let said =
        json!([{"lineNo": 1, "confirmedQuantity": 1, "rejectedQuantity": 1}, {"lineNo": 2, "confirmedQuantity": 1}]);
    confirm(&operator, &said).await;
    let ship = "mutation($input: RecordShipmentInput!) { recordShipment(input: $input) { version } }";
    let sent = json!({"orderNumber": NUMBER, "shipmentNumber": "S1", "lines": [{"lineNo": 1, "quantity": 1}]});
    operator.graphql(ship, json!({"input": sent})).await.data();
    let unfit = json!({"expected_version": 3, "changed_lines": [{"line_no": 1, "quantity": 1}, {"line_no": 7, "quantity": 1}],
                       "removed_lines": [{"line_no": 8}]});
    let problem = change(&partner, &app, &unfit).await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(
        pointers(&problem),
        ["/changed_lines/0/quantity", "/changed_lines/1/line_no", "/removed_lines/0/line_no"]
    );
    let problem = change(&partner, &app, &quantity(3, 1, 1)).await.expect_problem(409, "CONFLICT");
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("must be at least 2: of line 1 have 1 left, 1 are rejected"), "{message}");
    let removed = json!({"expected_version": 3, "removed_lines": [{"line_no": 1}]});
    let problem = change(&partner, &app, &removed).await.expect_problem(409, "CONFLICT");
    assert_eq!(pointers(&problem), ["/removed_lines/0/line_no"]);
    move_to(&operator, "SHIPPED").await;
    let gone = change(&partner, &app, &json!({"expected_version": 4, "address": "Jl. Thamrin No. 5"})).await;
    assert_eq!(gone.expect_problem(409, "CONFLICT")["current_status"], "SHIPPED");
    assert_eq!(read(&partner).await["requests"], json!([]));
}

#[tokio::test]
async fn an_order_keeps_the_limits_that_it_was_created_under() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut long = order();
    long["products"] = vec![json!({"product_code": "P", "quantity": 1, "unit_price": "9999999999.9999"}); 499].into();
    partner.create(&long).await.expect(201);
    let added = |count: usize| json!({"expected_version": 1, "added_lines": vec![json!({"product_code": "P", "quantity": 1}); count]});
    let problem = change(&partner, &app, &added(2)).await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/added_lines"), &json!("length"))
    );
    let problem = change(&partner, &app, &quantity(1, 1, 1000)).await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/changed_lines"), &json!("range"))
    );
    let full = change(&partner, &app, &added(1)).await.expect(200);
    assert_eq!(full["data"]["products"].as_array().unwrap().len(), 500);
    // A removed line keeps its number.
    let removed = json!({"expected_version": 2, "removed_lines": [{"line_no": 1}]});
    change(&partner, &app, &removed).await.expect(200);
    let mut again = added(1);
    again["expected_version"] = json!(3);
    change(&partner, &app, &again).await.expect_problem(400, "VALIDATION_FAILED");
    app.database.true_totals().await;
}

#[tokio::test]
async fn only_the_order_s_sender_changes_it_with_a_signature_that_binds_body_and_path() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    let body = everything().to_string();
    let published = app.post_text(PATH, &partner.sign().headers(), body.clone()).await;
    assert_eq!(published.expect_problem(401, "INVALID_SIGNATURE")["hint"], "signed_body_bound_expected");
    for path in ["/api/v1/sales-orders", "/api/v1/sales-orders/SO-0000000001"] {
        let signed = partner.sign_body(path, body.as_bytes());
        let refused = app.post_text(PATH, &signed.headers(), body.clone()).await;
        assert_eq!(refused.expect_problem(401, "INVALID_SIGNATURE")["hint"], "signed_other_path", "{path}");
    }
    let stranger = app.partner_named("stranger", SignaturePolicy::Documented).await;
    change(&stranger, &app, &everything()).await.expect_problem(404, "NOT_FOUND");
    let other = PATH.replace("0001", "0009");
    let signed = partner.sign_body(&other, body.as_bytes());
    app.post_text(&other, &signed.headers(), body).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(events(&app).await, 1);
    let input = json!({"expectedVersion": 1, "changedLines": [{"lineNo": 1, "quantity": 5}]});
    let body = json!({"query": CHANGE, "variables": {"number": NUMBER, "input": input}}).to_string();
    let signed = partner.sign_body("/graphql", body.as_bytes());
    for replayed in [false, true] {
        let done = app.post_text("/graphql", &signed.headers(), body.clone()).await.data()["changeSalesOrder"].take();
        assert_eq!(
            done,
            json!({"message": "Sales order changed as requested", "replayed": replayed, "request": {"state": "ACCEPTED"},
                   "salesOrder": {"version": 2}})
        );
    }
}
