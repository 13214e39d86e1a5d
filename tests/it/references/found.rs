//! A partner finds its orders by its own reference.

use axum::body::Body;
use axum::http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{move_order, number, referenced};
use crate::support::{Partner, TestApp, order};

fn path(reference: &str) -> String {
    format!("/api/v1/sales-orders/by-reference/{}", utf8_percent_encode(reference, NON_ALPHANUMERIC))
}

/// The numbers of the orders that are found.
async fn found(reader: &Partner<'_>, reference: &str) -> Vec<String> {
    let answer = reader.get(&path(reference)).await.expect(200);
    let orders = answer["data"].as_array().unwrap().iter();
    orders.map(|order| order["order_number"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_partner_finds_its_orders_by_any_reference_that_an_order_may_have() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let long = "é".repeat(70);
    let legal = [
        "4500012345",
        "a/b",
        "/",
        "//",
        "a b",
        "100%",
        "%2F",
        "?x=1&y#z",
        "Größe № 5",
        "订单😀",
        "by-reference",
        "SO-0000000001",
        "'; --",
        &long,
    ];
    for (n, reference) in legal.into_iter().enumerate() {
        let sent = partner.create_with_key(&n.to_string(), &referenced(reference)).await;
        assert_eq!(found(&partner, reference).await, [number(&sent)], "{reference}");
        assert_eq!(found(&partner, &format!(" {reference} ")).await.len(), 1, "{reference}");
    }
    // An order is shown as it is by its number.
    let by_number = partner.get("/api/v1/sales-orders/SO-0000000001").await.expect(200);
    assert_eq!(partner.get(&path("4500012345")).await.expect(200)["data"], json!([by_number["data"]]));
}

#[tokio::test]
async fn several_orders_with_one_reference_are_all_found_the_newest_first() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let mut numbers = Vec::new();
    for n in 0..3 {
        numbers.insert(0, number(&partner.create_with_key(&n.to_string(), &referenced("PO-1")).await));
    }
    partner.create_with_key("other", &referenced("PO-10")).await.expect(201);
    move_order(&operator, &numbers[0], "CANCELLED").await;
    assert_eq!(found(&partner, "PO-1").await, numbers);
    let statuses = partner.get(&path("PO-1")).await.expect(200)["data"].take();
    assert_eq!((&statuses[0]["status"], &statuses[1]["status"]), (&json!("CANCELLED"), &json!("RECEIVED")));
    let document =
        "{ salesOrdersByReference(partnerReference: \"PO-1\", first: 2) { orderNumber products { lineNo } } }";
    let two = partner.graphql(document, Value::Null).await.data()["salesOrdersByReference"].take();
    assert_eq!((&two[0]["orderNumber"], &two[1]["orderNumber"]), (&json!(numbers[0]), &json!(numbers[1])));
    assert_eq!(two[1]["products"], json!([{"lineNo": 1}, {"lineNo": 2}]));
    let many = document.replace("first: 2", "first: 101");
    partner.graphql(&many, Value::Null).await.expect_error("VALIDATION_FAILED");
}

#[tokio::test]
async fn a_reference_finds_ones_own_orders_only_and_a_dashboard_finds_everybodys() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.partner_named("other", sales_order_api::domain::signature_policy::SignaturePolicy::default()).await;
    let own = number(&partner.create(&referenced("PO-1")).await);
    let others = number(&other.create(&referenced("PO-1")).await);
    other.create(&referenced("PO-2")).await.expect(201);
    let dashboard = app.dashboard().await;
    assert_eq!(found(&dashboard, "PO-1").await, [&*others, &*own]);
    assert_eq!(found(&partner, "PO-1").await, [own]);
    for reference in ["PO-2", "po-1", "PO-", "\0", "\n", &"x".repeat(71)] {
        partner.get(&path(reference)).await.expect_problem(404, "NOT_FOUND");
    }
    partner.get("/api/v1/sales-orders/by-reference/%ff").await.expect_problem(404, "NOT_FOUND");
    app.get(&path("PO-1")).await.expect_problem(401, "UNAUTHENTICATED");
    app.get(&path("none")).await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn who_has_the_orders_of_a_reference_already_is_told_so() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let number = number(&partner.create(&referenced("PO-1")).await);
    partner.create_with_key("without", &order()).await.expect(201);
    let tag = partner.get(&path("PO-1")).await.header("etag").unwrap().to_owned();
    let ask = async || {
        let request = Request::get(path("PO-1")).header("if-none-match", &tag);
        app.send(request.header("authorization", partner.authorization()).body(Body::empty()).unwrap()).await
    };
    assert_eq!(ask().await.status.as_u16(), 304);
    move_order(&operator, &number, "CONFIRMED").await;
    assert_eq!(ask().await.expect(200)["data"][0]["status"], "CONFIRMED");
}
