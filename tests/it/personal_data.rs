//! What is personal in an order is erased for good, and all that is not stays.

mod archived;
mod customers;

use std::time::Duration;

use sales_order_api::domain::event::Position;
use sales_order_api::domain::order::OrderNumber;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::domain::webhook::{AttemptOutcome, AttemptTrigger, WebhookAttempt};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};

use crate::cancellations::{ANSWER, answer, cancel};
use crate::changing::change;
use crate::lines::{MOVE, NUMBER, confirm, move_to};
use crate::support::{Answer, PARTNER_KEY, Partner, TestApp, order, take_back_to};

const ERASE: &str = "mutation($number: String!) { eraseSalesOrder(input: {orderNumber: $number}) {
    orderNumber version salesName address note products { note } totalAmount } }";

/// In every text that names or may name a person. Its three-letter pieces are in no other text.
const PERSONAL: &str = "q7z#j";

/// Somebody of the staff who erases, and reads what is left.
async fn eraser(app: &TestApp) -> Partner<'_> {
    let scopes = [Permission::OrdersErase, Permission::OrdersRead];
    let secret = app.client("privacy-001", &scopes, SignaturePolicy::Documented, Vec::new()).await;
    Partner::log_in(app, "privacy-001", secret, &PARTNER_KEY).await
}

async fn erase(eraser: &Partner<'_>, number: &str) -> Answer {
    eraser.graphql(ERASE, json!({"number": number})).await
}

fn personal() -> Value {
    let mut order = order();
    order["sales_name"] = json!(format!("John {PERSONAL}"));
    order["address"] = json!(format!("Jl. {PERSONAL} No. 1"));
    order["note"] = json!(format!("ring at {PERSONAL}"));
    order["products"][0]["note"] = json!(format!("for {PERSONAL}"));
    order
}

async fn move_with_notes(operator: &Partner<'_>, status: &str) {
    let (note, partner_note) = (format!("about {PERSONAL}"), format!("to {PERSONAL}"));
    let input = json!({"orderNumber": NUMBER, "status": status, "note": note, "partnerNote": partner_note});
    operator.graphql(MOVE, json!({"input": input})).await.data();
}

/// The first order, with a name, an address or a note wherever one can be, from its receipt to its delivery.
async fn live_through(app: &TestApp) -> Partner<'_> {
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create_with_key("first", &personal()).await.expect(201);
    app.clock.advance(Duration::from_mins(1));
    let added = json!({"product_code": "P", "quantity": 1, "unit_price": "1", "note": format!("also {PERSONAL}")});
    let moved = json!({"expected_version": 1, "address": format!("Jl. {PERSONAL} No. 2"), "added_lines": [added],
                       "note": format!("moved, {PERSONAL}")});
    change(&partner, app, &moved).await.expect(200);
    move_with_notes(&operator, "CONFIRMED").await;
    app.clock.advance(Duration::from_mins(1));
    cancel(&partner, app, &json!({"reason": "OTHER", "note": format!("no {PERSONAL}")})).await.expect(202);
    let mut said = answer("REJECT", Some("IN_PREPARATION"));
    said["input"]["requestNumber"] = json!("RQ-0000000002");
    said["input"]["note"] = json!(format!("too late for {PERSONAL}"));
    operator.graphql(ANSWER, said).await.data();
    move_with_notes(&operator, "SHIPPED").await;
    move_with_notes(&operator, "DELIVERED").await;
    let mut refused = personal();
    refused["products"][0]["quantity"] = json!(0);
    partner.create(&refused).await.expect(400);
    app.state.request_log().flush().await.unwrap();
    let attempt = format!(
        "INSERT INTO webhook_attempts (endpoint_id, position, order_id, attempt, trigger, at, duration_ms, status, outcome, excerpt)
         VALUES (1, 1, 1, 1, 'EVENT', {}, 1, 500, 'FAILED', 'got {PERSONAL}')",
        app.clock.clock().now().timestamp_micros()
    );
    app.database.db_execute(&attempt).await.unwrap();
    partner
}

/// The tables in which some column of some row holds what is personal.
async fn holders(app: &TestApp) -> Vec<String> {
    let connection = app.database.db_connect().await;
    let backend = connection.get_database_backend();
    let tables = match backend {
        DbBackend::Postgres => {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'
             UNION SELECT matviewname::text FROM pg_matviews WHERE schemaname = 'public' ORDER BY 1"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY 1",
    };
    let mut holders = Vec::new();
    for table in app.database.db_last_texts(tables).await {
        let sql = match backend {
            DbBackend::Postgres => format!("SELECT t::text FROM \"{table}\" t"),
            _ => {
                let columns = format!("SELECT 'hex(\"' || name || '\")' FROM pragma_table_info('{table}')");
                let columns = app.database.db_last_texts(&columns).await;
                format!("SELECT {} FROM \"{table}\"", columns.join(" || ' ' || "))
            }
        };
        let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        let text = |row: &sea_orm::QueryResult| row.try_get_by_index::<String>(0).unwrap();
        let sought = if backend == DbBackend::Postgres { PERSONAL.to_owned() } else { hex::encode_upper(PERSONAL) };
        if rows.iter().any(|row| text(row).contains(&sought)) {
            holders.push(table);
        }
    }
    connection.close().await.unwrap();
    holders
}

#[tokio::test]
async fn nothing_personal_of_an_erased_order_is_left_in_any_table() {
    let app = TestApp::new().await;
    let _partner = live_through(&app).await;
    app.database.merged_totals().await;
    let staff = eraser(&app).await;
    let before = holders(&app).await;
    for table in ["sales_orders", "sales_order_lines", "sales_order_events", "sales_order_requests", "webhook_attempts"]
    {
        assert!(before.contains(&table.to_owned()), "{table} is not among {before:?}");
    }
    assert!(!before.contains(&"api_requests".to_owned()), "the log of requests keeps no text of an order");
    let erased = erase(&staff, NUMBER).await.data()["eraseSalesOrder"].take();
    assert_eq!(
        erased,
        json!({"orderNumber": NUMBER, "version": 8, "salesName": "", "address": "", "note": null,
               "products": [{"note": null}, {"note": null}, {"note": null}], "totalAmount": "250001.5"})
    );
    assert_eq!(holders(&app).await, Vec::<String>::new());
    app.database.true_totals().await;
}

#[tokio::test]
async fn an_erased_order_is_in_no_backup_that_is_made_afterwards() {
    only_on!(Sqlite);
    let app = TestApp::new().await;
    let _partner = live_through(&app).await;
    let eraser = eraser(&app).await;
    let [before, after] = ["before.db", "after.db"].map(|name| app.database.folder.path().join(name));
    // Pieces of the text, as the index of searches has them: it stores each without what it begins with like the one before.
    let is_in = |path: &std::path::Path, text: &str| {
        let bytes = std::fs::read(path).unwrap().to_ascii_lowercase();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let indexed = "SELECT count(*) FROM sales_order_search_data WHERE instr(block, CAST('7z' AS blob)) > 0";
    app.database.db_execute(&format!("VACUUM INTO '{}'", before.display())).await.unwrap();
    assert!(is_in(&before, PERSONAL) && app.database.db_number(indexed).await > 0);
    erase(&eraser, NUMBER).await.data();
    assert_eq!(app.database.db_number(indexed).await, 0);
    app.database.db_execute(&format!("VACUUM INTO '{}'", after.display())).await.unwrap();
    assert!(!is_in(&after, PERSONAL));
}

#[tokio::test]
async fn a_search_finds_an_erased_order_by_its_codes_and_not_by_its_address() {
    let app = TestApp::new().await;
    let _partner = live_through(&app).await;
    let eraser = eraser(&app).await;
    let found = async |word: &str| {
        let document = format!("{{ salesOrders(where: {{search: \"{word}\"}}) {{ nodes {{ orderNumber }} }} }}");
        eraser.graphql(&document, Value::Null).await.data()["salesOrders"]["nodes"].as_array().unwrap().len()
    };
    assert_eq!((found(PERSONAL).await, found("HD9650").await), (1, 1));
    erase(&eraser, NUMBER).await.data();
    assert_eq!((found(PERSONAL).await, found("HD9650").await), (0, 1));
}

#[tokio::test]
async fn whoever_follows_is_told_of_an_erasure_and_the_receipt_and_the_key_still_hold() {
    let app = TestApp::new().await;
    let partner = live_through(&app).await;
    let eraser = eraser(&app).await;
    let receipt = format!("{{ salesOrder(orderNumber: \"{NUMBER}\") {{ receipt {{ signature bodySha256 }} }} }}");
    let before = eraser.graphql(&receipt, Value::Null).await.data();
    erase(&eraser, NUMBER).await.data();
    assert_eq!(eraser.graphql(&receipt, Value::Null).await.data(), before);

    let feed = partner.get("/api/v1/events?limit=100").await.expect(200);
    let last = feed["data"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["kind"], &last["version"], &last["actor"]),
        (&json!("PERSONAL_DATA_ERASED"), &json!(8), &Value::Null)
    );
    assert!(!feed.to_string().to_lowercase().contains(PERSONAL), "{feed}");

    let again = partner.create_with_key("first", &personal()).await.expect(201);
    assert_eq!((&again["data"]["order_number"], &again["data"]["address"]), (&json!(NUMBER), &json!("")));
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 1);
    let entry = "SELECT action || ' ' || actor || ' ' || client_id || ' ' || detail FROM client_audit_log ORDER BY id DESC LIMIT 1";
    assert_eq!(
        app.database.db_text(entry).await,
        format!("PERSONAL_DATA_ERASED privacy-001 versuni-client-001 {{\"order_number\":\"{NUMBER}\"}}")
    );
}

#[tokio::test]
async fn an_erasure_is_repeated_without_effect_and_an_order_under_way_keeps_its_address() {
    let app = TestApp::new().await;
    let (partner, operator, eraser) = (app.partner().await, app.operator().await, eraser(&app).await);
    partner.create(&personal()).await.expect(201);
    for status in ["CONFIRMED", "SHIPPED"] {
        let answer = erase(&eraser, NUMBER).await;
        let error = answer.expect_error("CONFLICT");
        assert!(error["message"].as_str().unwrap().contains("DELIVERED or CANCELLED"), "{error}");
        move_to(&operator, status).await;
    }
    move_to(&operator, "DELIVERED").await;
    let first = erase(&eraser, NUMBER).await.data();
    let events = app.database.db_number("SELECT count(*) FROM sales_order_events").await;
    assert_eq!(erase(&eraser, NUMBER).await.data(), first);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_events").await, events);
    erase(&eraser, "SO-0000000009").await.expect_error("NOT_FOUND");
    erase(&eraser, "9").await.expect_error("NOT_FOUND");
}

#[tokio::test]
async fn an_order_of_which_something_is_to_come_later_keeps_its_address() {
    let app = TestApp::new().await;
    let (partner, operator, eraser) = (app.partner().await, app.operator().await, eraser(&app).await);
    partner.create(&personal()).await.expect(201);
    let answers =
        json!([{"lineNo": 1, "confirmedQuantity": 1, "backOrderedQuantity": 1}, {"lineNo": 2, "confirmedQuantity": 1}]);
    confirm(&operator, &answers).await;
    let left = "mutation { recordShipment(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\",
                lines: [{lineNo: 1, quantity: 1}, {lineNo: 2, quantity: 1}]}) { status } }";
    operator.graphql(left, Value::Null).await.data();
    let arrived =
        "mutation { recordDelivery(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\"}) { status } }";
    assert_eq!(operator.graphql(arrived, Value::Null).await.data()["recordDelivery"]["status"], "DELIVERED");
    erase(&eraser, NUMBER).await.expect_error("CONFLICT");
    confirm(
        &operator,
        &json!([{"lineNo": 1, "confirmedQuantity": 1, "rejectedQuantity": 1, "reason": "DISCONTINUED"}]),
    )
    .await;
    assert_eq!(erase(&eraser, NUMBER).await.data()["eraseSalesOrder"]["address"], "");
}

#[tokio::test]
async fn an_answer_to_a_webhook_that_comes_after_the_erasure_is_kept_without_its_text() {
    let app = TestApp::new().await;
    let (partner, operator, eraser) = (app.partner().await, app.operator().await, eraser(&app).await);
    for n in 0..2 {
        partner.create_with_key(&n.to_string(), &personal()).await.expect(201);
        app.clock.advance(Duration::from_secs(1));
    }
    move_to(&operator, "CANCELLED").await;
    erase(&eraser, NUMBER).await.data();
    let attempt = |order| WebhookAttempt {
        id: 0,
        endpoint_id: 1,
        position: Some(Position::START),
        order: Some(OrderNumber::from_id(order)),
        attempt: 1,
        trigger: AttemptTrigger::Auto,
        at: app.clock.now(),
        duration_ms: 1,
        status: Some(422),
        outcome: AttemptOutcome::Refused,
        excerpt: Some(PERSONAL.to_owned()),
        next_attempt_at: None,
    };
    app.store.insert_webhook_attempts(vec![attempt(1), attempt(2)]).await.unwrap();
    let texts = "SELECT order_id || ' ' || coalesce(excerpt, 'none') FROM webhook_attempts ORDER BY order_id";
    assert_eq!(app.database.db_last_texts(texts).await, ["1 none".to_owned(), format!("2 {PERSONAL}")]);
}

#[tokio::test]
async fn the_version_before_meets_no_event_of_an_erasure() {
    let app = TestApp::new().await;
    let (partner, operator, eraser) = (app.partner().await, app.operator().await, eraser(&app).await);
    partner.create(&personal()).await.expect(201);
    move_to(&operator, "CANCELLED").await;
    erase(&eraser, NUMBER).await.data();
    let events = "SELECT kind FROM sales_order_events ORDER BY position";
    assert_eq!(app.database.db_last_texts(events).await, ["CREATED", "STATUS_CHANGED", "PERSONAL_DATA_ERASED"]);
    take_back_to(&app.store, "erase_search_texts").await;
    assert_eq!(app.database.db_last_texts(events).await, ["CREATED", "STATUS_CHANGED"]);
}

#[tokio::test]
async fn who_erases_and_may_not_read_is_shown_no_order() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create(&personal()).await.expect(201);
    move_to(&operator, "CANCELLED").await;
    let secret = app.client("privacy-002", &[Permission::OrdersErase], SignaturePolicy::Documented, Vec::new()).await;
    let blind = Partner::log_in(&app, "privacy-002", secret, &PARTNER_KEY).await;
    erase(&blind, NUMBER).await.expect_error("INSUFFICIENT_SCOPE");
    let number = format!("mutation {{ eraseSalesOrder(input: {{orderNumber: \"{NUMBER}\"}}) {{ version }} }}");
    assert_eq!(blind.graphql(&number, Value::Null).await.data()["eraseSalesOrder"]["version"], 3);
}
