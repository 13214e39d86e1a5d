//! What a partner orders and what it costs arrives to the last digit, on every database.

use serde_json::{Value, json};

use crate::support::{TestApp, order};

fn order_of(products: Value) -> Value {
    let mut order = order();
    order["products"] = products;
    order
}

#[tokio::test]
async fn money_is_exact_where_binary_fractions_are_not() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for (price, quantity, total) in [
        (json!(0.1), 3, "0.3"),
        (json!("0.1"), 3, "0.3"),
        (json!(0.0001), 1_000_000, "100"),
        (json!(1.005), 100, "100.5"),
        (json!("4.35"), 100, "435"),
        (json!(1e3), 7, "7000"),
        (json!(0), 5, "0"),
    ] {
        let line = json!({"product_code": "P", "quantity": quantity, "unit_price": price});
        let created = partner.create_with_key(&format!("{price}"), &order_of(json!([line]))).await.expect(201);
        assert_eq!(created["data"]["total_amount"], total, "{price} × {quantity}");
        let number = created["data"]["order_number"].as_str().unwrap();
        let read = partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect(200);
        assert_eq!(read["data"], created["data"]);
    }
    assert_eq!(app.database.whole_orders(1).await, 7);
}

#[tokio::test]
async fn the_largest_price_and_the_largest_total_are_kept_and_the_next_larger_ones_refused() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let order_with_rest = |rest: &str| {
        order_of(json!([
            {"product_code": "P", "quantity": 1000, "unit_price": "9999999999.9999"},
            {"product_code": "R", "quantity": 1, "unit_price": rest},
        ]))
    };
    let created = partner.create(&order_with_rest("0.0999")).await.expect(201);
    assert_eq!(created["data"]["products"][0]["unit_price"], "9999999999.9999");
    assert_eq!(created["data"]["total_amount"], "9999999999999.9999");
    let stored = app.database.db_number("SELECT total_amount FROM sales_orders").await;
    assert_eq!(stored, 99_999_999_999_999_999);

    let problem = partner.create(&order_with_rest("0.1000")).await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/products");
    let problem = partner.create(&order_with_rest("10000000000")).await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/products/1/unit_price");
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn one_line_without_a_price_leaves_the_order_without_a_total() {
    let app = TestApp::new().await;
    let products = json!([
        {"product_code": "P", "quantity": 2, "unit_price": "10"},
        {"product_code": "Q", "quantity": 3},
    ]);
    let created = app.partner().await.create(&order_of(products)).await.expect(201);
    assert_eq!(created["data"]["total_amount"], Value::Null);
    assert_eq!(created["data"]["total_quantity"], 5);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn an_order_of_500_full_lines_comes_back_whole_and_in_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let products: Vec<_> = (1..=500)
        .map(|n| {
            json!({"product_code": format!("P-{n}"), "product_name": "ほ".repeat(256), "quantity": 1_000_000,
                   "unit": "PCS", "unit_price": format!("0.{n:04}"), "note": "first line\nsecond line"})
        })
        .collect();
    let created = partner.create(&order_of(json!(products))).await.expect(201);
    let lines = created["data"]["products"].as_array().unwrap();
    assert_eq!(lines.len(), 500);
    for (n, (line, sent)) in (1..).zip(lines.iter().zip(&products)) {
        assert_eq!(line["line_no"], n);
        for field in ["product_code", "product_name", "quantity", "unit", "note"] {
            assert_eq!(line[field], sent[field], "line {n}");
        }
    }
    assert_eq!(created["data"]["total_quantity"], 500_000_000);
    // 1 + 2 + … + 500 ten-thousandths, a million times each.
    assert_eq!(created["data"]["total_amount"], "12525000");
    let number = created["data"]["order_number"].as_str().unwrap();
    let read = partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect(200);
    assert_eq!(read["data"], created["data"]);
    assert_eq!(app.database.whole_orders(500).await, 1);
}
