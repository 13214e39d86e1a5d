//! A partner repeats an order that was archived meanwhile.

use std::time::Duration;

use sales_order_api::domain::numbers::{NumberFormat, Numbers};
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::service::clients::ClientChange;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;

use super::{Archivist, archived, cancel, orders};
use crate::lines::NUMBER;
use crate::support::{TestApp, camel_case, order, respelled};

const CREATE: &str =
    "mutation($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) { salesOrder { orderNumber } } }";

#[tokio::test]
async fn a_retry_is_told_of_the_archived_order_and_makes_no_second_one() {
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    let problem = partner.create_with_key("first", &order()).await.expect_problem(410, "ORDER_ARCHIVED");
    assert_eq!(problem["order_number"], NUMBER);
    partner.validate_with_key("first", &order()).await.expect_problem(410, "ORDER_ARCHIVED");
    let mut other = order();
    other["note"] = json!("another order");
    let problem = partner.create_with_key("first", &other).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(problem["order_number"], NUMBER);
    assert_eq!(orders(&app).await, 0);
    let next = partner.create_with_key("second", &order()).await.expect(201);
    assert_ne!(next["data"]["order_number"], NUMBER, "no number comes twice");
}

#[tokio::test]
async fn the_same_signed_request_again_makes_no_second_order_on_either_wire() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let published = partner.sign();
    partner.send_order(&published, &order()).await.expect(201);
    app.clock.advance(Duration::from_secs(1));
    let body = order().to_string();
    let bound = partner.sign_body("/api/v1/sales-orders", body.as_bytes());
    app.post_text("/api/v1/sales-orders", &bound.headers(), body.clone()).await.expect(201);
    app.clock.advance(Duration::from_secs(1));
    let text = json!({"query": CREATE, "variables": {"input": respelled(&order(), camel_case)}}).to_string();
    let over_graphql = partner.sign();
    app.post_text("/graphql", &over_graphql.headers(), text.clone()).await.data();
    for number in [NUMBER, "SO-0000000002", "SO-0000000003"] {
        cancel(&operator, number).await;
    }
    assert_eq!(Archivist::of(&app).archive().await.removed, 3);

    partner.send_order(&published, &order()).await.expect_problem(410, "ORDER_ARCHIVED");
    let again = app.post_text("/api/v1/sales-orders", &bound.headers(), body.clone()).await;
    assert_eq!(again.expect_problem(410, "ORDER_ARCHIVED")["order_number"], "SO-0000000002");
    let error = app.post_text("/graphql", &over_graphql.headers(), text).await.expect_error("ORDER_ARCHIVED");
    assert_eq!(error["extensions"]["orderNumber"], "SO-0000000003");
    // One signed text makes one order, whatever key it is sent with.
    let other_key = [&bound.headers()[..], &[("idempotency-key", "other")]].concat();
    let reused = app.post_text("/api/v1/sales-orders", &other_key, body).await;
    assert_eq!(reused.expect_problem(422, "SIGNATURE_REUSED")["order_number"], "SO-0000000002");
    assert_eq!(orders(&app).await, 0);
}

#[tokio::test]
async fn a_text_that_asked_for_an_archived_order_again_makes_none_with_another_key_either() {
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    app.clock.advance(Duration::from_secs(1));
    let body = order().to_string();
    let bound = partner.sign_body("/api/v1/sales-orders", body.as_bytes());
    for (key, status, code) in [("first", 410, "ORDER_ARCHIVED"), ("other", 422, "SIGNATURE_REUSED")] {
        let headers = [&bound.headers()[..], &[("idempotency-key", key)]].concat();
        let refused = app.post_text("/api/v1/sales-orders", &headers, body.clone()).await;
        assert_eq!(refused.expect_problem(status, code)["order_number"], NUMBER);
    }
    assert_eq!(orders(&app).await, 0);
}

#[tokio::test]
async fn of_many_orders_in_one_request_those_that_are_not_archived_are_taken() {
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    app.clock.advance(Duration::from_secs(1));
    let rows: Vec<_> = ["new-1", "first", "new-2"]
        .map(|key| {
            let mut row = order();
            row["idempotency_key"] = json!(key);
            row
        })
        .into();
    let (path, body) = ("/api/v1/sales-orders/batch", json!({"orders": rows}).to_string());
    let signed = partner.sign_body(path, body.as_bytes());
    let answer = app.post_text(path, &signed.headers(), body).await.expect(207);
    let statuses: Vec<_> = answer["orders"].as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, [json!(201), json!(410), json!(201)], "{answer}");
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test]
async fn an_archived_order_holds_the_reference_that_it_must_have_alone_and_a_cancelled_one_does_not() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let policy = ClientChange { reference_policy: Some(ReferencePolicy::Refuse), ..ClientChange::default() };
    app.clients.update_client(&partner.client_id.parse().unwrap(), policy).await.unwrap();
    let referenced = |reference: &str| {
        let mut order = order();
        order["partner_reference"] = json!(reference);
        order
    };
    partner.create_with_key("1", &referenced("PO-1")).await.expect(201);
    partner.create_with_key("2", &referenced("PO-2")).await.expect(201);
    cancel(&operator, "SO-0000000002").await;
    for status in ["CONFIRMED", "SHIPPED", "DELIVERED"] {
        crate::lines::move_to(&operator, status).await;
    }
    assert_eq!(Archivist::of(&app).archive().await.removed, 2);
    let refused = partner.create_with_key("3", &referenced("PO-1")).await;
    let problem = refused.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE");
    assert_eq!(problem["order_number"], NUMBER);
    assert!(!problem["message"].as_str().unwrap().contains("cancelled first"), "{problem}");
    partner.create_with_key("4", &referenced("PO-2")).await.expect(201);
    let texts = "SELECT coalesce(partner_reference, 'none') FROM archived_sales_orders ORDER BY id";
    assert_eq!(app.database.db_last_texts(texts).await, ["PO-1", "none"]);
}

#[tokio::test]
async fn a_random_number_of_an_archived_order_is_given_to_no_other() {
    // Each number is drawn three times.
    let drawn = std::sync::atomic::AtomicU64::new(0);
    let draw = move || drawn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) / 3;
    let app = TestApp::numbering(Numbers::new(NumberFormat::Random, draw)).await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let number = async |key: &str| {
        let made = partner.create_with_key(key, &order()).await.expect(201);
        made["data"]["order_number"].as_str().unwrap().to_owned()
    };
    let first = number("1").await;
    cancel(&operator, &first).await;
    let archivist = Archivist::of(&app);
    assert_eq!(archivist.archive().await.removed, 1);
    let second = number("2").await;
    assert_ne!(first, second);
    partner.create_with_key("1", &order()).await.expect_problem(410, "ORDER_ARCHIVED");
}

#[tokio::test]
async fn numbers_go_on_behind_archived_ones_when_the_sequence_was_lost() {
    only_on!(Sqlite);
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    app.database.db_execute("DELETE FROM sqlite_sequence WHERE name = 'sales_orders'").await.unwrap();
    let next = partner.create_with_key("second", &order()).await.expect(201);
    assert_eq!(next["data"]["order_number"], "SO-0000000002");
}

#[tokio::test]
async fn an_instance_of_the_version_before_stores_no_order_that_is_archived() {
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    partner.create_with_key("second", &order()).await.expect(201);
    // It knows the table of orders alone.
    let columns = "request_digest, customer_code, site_code, sales_name, address, currency, status, version,
                   total_quantity, created_at, updated_at, search_text";
    let insert = format!(
        "INSERT INTO sales_orders (client_id, idempotency_key, {columns}) SELECT client_id, 'key:first', {columns} FROM sales_orders"
    );
    let refused = app.database.db_execute(&insert).await.unwrap_err().to_string();
    assert!(refused.contains("the sales order is archived"), "{refused}");
    assert_eq!(orders(&app).await, 1);
}

#[tokio::test]
async fn a_connection_that_knew_the_archive_empty_looks_up_the_keys_of_a_batch_when_it_is_large() {
    only_on!(Postgres); // SQLite has one plan.
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    let connection = app.database.db_connect().await;
    let columns = "request_digest, customer_code, site_code, sales_name, address, currency, status, version,
                   total_quantity, created_at, updated_at, search_text";
    partner.create_with_key("second", &order()).await.expect(201);
    let insert = |key: &str| {
        format!(
            "INSERT INTO sales_orders (client_id, idempotency_key, {columns}) SELECT client_id, {key}, {columns} FROM sales_orders
                 WHERE id = 2"
        )
    };
    // The plan of the look is kept from here on.
    for n in 0..8 {
        connection.execute_unprepared(&insert(&format!("'key:few-{n}'"))).await.unwrap();
    }
    let many = "INSERT INTO archived_sales_orders
                    SELECT 1000 + n, client_id, 'key:many-' || n, request_digest, NULL, archive_id, archived_at
                    FROM archived_sales_orders, generate_series(1, 20000) AS n WHERE id = 1";
    connection.execute_unprepared(many).await.unwrap();
    let read =
        "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_xact_user_tables
                WHERE relname = 'archived_sales_orders'";
    let count = async || {
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, read)).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    };
    connection.execute_unprepared("BEGIN").await.unwrap();
    let before = count().await;
    connection.execute_unprepared(&insert("'key:another'")).await.unwrap();
    assert!(count().await - before < 10, "it read {} rows", count().await - before);
    connection.close().await.unwrap();
}
