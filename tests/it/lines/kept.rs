//! What no answer may say, and what is kept of the others.

use serde_json::{Value, json};

use super::{CONFIRM, confirm, events, lines, stage};
use crate::support::{TestApp, take_back_to};

#[tokio::test]
async fn every_faulty_answer_is_named_at_once() {
    let app = TestApp::new().await;
    let (_, operator) = stage(&app).await;
    let refusal = async |answers: Value| {
        let refused = operator.graphql(CONFIRM, lines(&answers)).await.expect_error("VALIDATION_FAILED");
        let faults = refused["extensions"]["errors"].as_array().unwrap().clone();
        faults
            .iter()
            .map(|it| format!("{} {}", it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap()))
            .collect()
    };
    let unread: Vec<String> = refusal(json!([
        {"lineNo": 0, "confirmedQuantity": -1, "rejectedQuantity": 1_000_001},
        {"lineNo": 2, "confirmedQuantity": 1, "promisedOn": "tomorrow"},
        {"lineNo": 2, "confirmedQuantity": 1, "colour": "red"},
    ]))
    .await;
    assert_eq!(
        unread,
        [
            "/lines/0/lineNo range",
            "/lines/0/confirmedQuantity range",
            "/lines/0/rejectedQuantity range",
            "/lines/1/promisedOn format",
            "/lines/2/lineNo conflict",
            "/lines/2/colour unknown",
        ]
    );
    let unfit: Vec<String> = refusal(json!([
        {"lineNo": 1, "confirmedQuantity": 1, "backOrderedQuantity": 1, "rejectedQuantity": 1},
        {"lineNo": 3, "confirmedQuantity": 1},
    ]))
    .await;
    assert_eq!(unfit, ["/lines/0 range", "/lines/1/lineNo range"]);
    let none: Vec<String> = refusal(json!([])).await;
    assert_eq!(none, ["/lines length"]);
    let mut unknown = lines(&json!([{"lineNo": 1, "confirmedQuantity": 1, "reason": "BORED"}]));
    let refused = operator.graphql(CONFIRM, unknown.clone()).await.json();
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("OUT_OF_STOCK"), "{refused}");
    unknown["input"] = json!({"orderNumber": "SO-0000000009", "lines": [{"lineNo": 1, "confirmedQuantity": 1}]});
    operator.graphql(CONFIRM, unknown).await.expect_error("NOT_FOUND");
    assert_eq!(events(&app).await, 1);
}

#[tokio::test]
async fn the_database_itself_keeps_quantities_in_their_equation() {
    let app = TestApp::new().await;
    let (_, operator) = stage(&app).await;
    let set = async |values: &str| {
        app.database.db_execute(&format!("UPDATE sales_order_lines SET {values} WHERE line_no = 1")).await
    };
    assert!(set("confirmed_quantity = 1").await.is_err(), "all quantities or none");
    assert!(set("answer_reason = 'OTHER'").await.is_err(), "no reason without quantities");
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1}])).await;
    for broken in [
        "confirmed_quantity = 3",
        "rejected_quantity = -1",
        "shipped_quantity = 2",
        "cancelled_quantity = 2",
        "cancelled_quantity = NULL",
    ] {
        assert!(set(broken).await.is_err(), "{broken}");
    }
    set("cancelled_quantity = 1, shipped_quantity = 1").await.unwrap();
}

#[tokio::test]
async fn a_partner_answers_no_lines_itself() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    partner
        .graphql(CONFIRM, lines(&json!([{"lineNo": 1, "confirmedQuantity": 1}])))
        .await
        .expect_error("INSUFFICIENT_SCOPE");
    assert_eq!(events(&app).await, 1);
}

#[tokio::test]
async fn a_version_from_before_reads_the_history_once_the_migration_is_taken_back() {
    let app = TestApp::new().await;
    let (_, operator) = stage(&app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1}])).await;
    app.store.close().await;
    let store = app.database.connect().await;
    let taken_back = take_back_to(&store, "add_line_answers").await;
    let kinds = app.database.db_last_texts("SELECT kind FROM sales_order_events ORDER BY position").await;
    assert_eq!(kinds, ["CREATED", "STATUS_CHANGED"]);
    assert_eq!(store.migrate_up().await.unwrap(), taken_back);
    assert_eq!(app.database.db_text("SELECT status FROM sales_orders").await, "CONFIRMED");
    store.close().await;
}
