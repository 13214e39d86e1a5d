//! The cases worth a name.

use serde_json::{Value, json};

use super::{Outcome, assert_same_outcome, create, over_graphql, over_rest};
use crate::support::{TestApp, camel_case, order, respelled};
use sales_order_api::rest;

fn with(pointer: &str, value: Value) -> Value {
    let mut order = order();
    if let Some(place) = order.pointer_mut(pointer) {
        *place = value;
    } else {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        order.pointer_mut(parent).unwrap()[name] = value;
    }
    order
}

#[tokio::test]
async fn the_sample_order_is_the_same_order_on_both_wires() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let Outcome::Taken(taken) = assert_same_outcome(&partner, &order()).await else { panic!("refused") };
    assert_eq!(taken["total_amount"], "250000.5");
    assert_eq!(taken["products"][0]["unit_price"], "125000");
}

#[tokio::test]
async fn a_wrongly_typed_variable_is_the_same_failure_on_both_wires() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for (pointer, value) in [
        ("/customer_code", json!(1)),
        ("/customer_code", Value::Null),
        ("/address", json!(["Jl. Sudirman"])),
        ("/products", json!("none")),
        ("/products/0", json!(7)),
        ("/products/0", Value::Null),
        ("/products/0/quantity", json!("2")),
        ("/products/0/quantity", json!(2.5)),
        ("/products/0/quantity", json!(true)),
        ("/products/0/quantity", json!(3_000_000_000_i64)),
        ("/products/0/unit_price", json!(true)),
        ("/products/0/unit_price", json!([1])),
        ("/note", json!(5)),
        ("/colour", json!("red")),
        ("/products/0/colour", json!("red")),
    ] {
        let outcome = assert_same_outcome(&partner, &with(pointer, value.clone())).await;
        assert!(
            matches!(&outcome, Outcome::Refused { code, .. } if code == "VALIDATION_FAILED"),
            "{pointer} = {value}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_value_written_into_the_document_is_the_same_failure_too() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for input in [
        "{customerCode: 1}",
        "{}",
        "5",
        "null",
        "{customerCode: \"C\", siteCode: \"S\", salesName: \"N\", address: \"A\", products: [{productCode: \"P\", quantity: \"2\"}]}",
        "{customerCode: \"C\", siteCode: \"S\", salesName: \"N\", address: \"A\", products: [{productCode: \"P\", quantity: 0}]}",
    ] {
        let document = format!("mutation {{ createSalesOrder(input: {input}) {{ message }} }}");
        partner.signed_graphql(&document, json!({})).await.expect_error("VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn the_whole_input_may_be_of_the_wrong_type() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for value in [Value::Null, json!([]), json!("order"), json!(1), json!({})] {
        assert_same_outcome(&partner, &value).await;
    }
}

#[tokio::test]
async fn values_at_the_edge_fare_alike() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for (pointer, value, is_taken) in [
        ("/products/0/quantity", json!(1), true),
        ("/products/0/quantity", json!(1_000_000), true),
        ("/products/0/quantity", json!(0), false),
        ("/products/0/quantity", json!(1_000_001), false),
        ("/products/0/unit_price", json!("9999999999.9999"), true),
        ("/products/0/unit_price", json!("10000000000"), false),
        ("/products/0/unit_price", json!(0), true),
        ("/products/0/unit_price", json!("-0"), true),
        ("/products/0/unit_price", json!("0.00001"), false),
        ("/products/0/unit_price", json!(" 12.50 "), true),
        ("/products/0/unit_price", json!(""), true),
        ("/products/0/unit_price", json!("1e3"), false),
        ("/products/0/unit_price", serde_json::from_str("1e3").unwrap(), true),
        ("/products/0/unit_price", serde_json::from_str("0.10000000000000000001").unwrap(), false),
        ("/products/0/unit_price", serde_json::from_str("9999999999.9999").unwrap(), true),
        ("/customer_code", json!("C".repeat(64)), true),
        ("/customer_code", json!("C".repeat(65)), false),
        ("/customer_code", json!("  C  "), true),
        ("/customer_code", json!(" \t "), false),
        ("/address", json!("Jl. Sudirman 1\r\nJakarta"), true),
        ("/address", json!("Jl.\u{0}"), false),
        ("/sales_name", json!("Zoë 😀\u{301}".to_owned() + &"é".repeat(100)), true),
        ("/sales_name", json!("a\nb"), false),
        ("/currency", json!("USD"), true),
        ("/currency", json!(" USD "), true),
        ("/currency", json!("usd"), false),
        ("/currency", json!("XXXX"), false),
        ("/currency", Value::Null, true),
        ("/note", json!("  "), true),
        ("/products", json!([]), false),
        ("/products", json!(vec![json!({"product_code": "P", "quantity": 1}); 500]), true),
        ("/products", json!(vec![json!({"product_code": "P", "quantity": 1}); 501]), false),
        (
            "/products",
            json!(vec![json!({"product_code": "P", "quantity": 1_000_000, "unit_price": "9999999999"}); 2]),
            false,
        ),
    ] {
        let outcome = assert_same_outcome(&partner, &with(pointer, value.clone())).await;
        let shown: String = value.to_string().chars().take(100).collect();
        assert_eq!(matches!(outcome, Outcome::Taken(_)), is_taken, "{pointer} = {shown}: {outcome:?}");
    }
}

#[tokio::test]
async fn every_faulty_field_is_named_on_both_wires() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut bad = order();
    bad["customer_code"] = json!("");
    bad["currency"] = json!("EURO");
    bad["products"][0]["quantity"] = json!(0);
    bad["products"][1]["unit_price"] = json!("-1");
    let Outcome::Refused { faults: Some(faults), .. } = assert_same_outcome(&partner, &bad).await else {
        panic!("taken, or without its faults")
    };
    let pointers: Vec<_> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/currency", "/customer_code", "/products/0/quantity", "/products/1/unit_price"]);
}

#[tokio::test]
async fn who_may_not_is_refused_alike() {
    let app = TestApp::new().await;
    let mut partner = app.partner().await;
    partner.token = "damaged".to_owned();
    partner.create(&order()).await.expect_problem(401, "UNAUTHENTICATED");
    partner
        .signed_graphql(&create(), json!({"input": respelled(&order(), camel_case)}))
        .await
        .expect_error("UNAUTHENTICATED");
}

#[tokio::test]
async fn an_order_retried_on_the_other_wire_is_the_same_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    let created = partner.send_order(&signed, &order()).await.expect(201);
    let body = json!({"query": create(), "variables": {"input": respelled(&order(), camel_case)}});
    let again = app.post_text("/graphql", &signed.headers(), body.to_string()).await.data();
    assert_eq!(again["createSalesOrder"]["replayed"], true);
    assert_eq!(again["createSalesOrder"]["salesOrder"]["orderNumber"], created["data"]["order_number"]);
}

/// The document behind an endpoint.
fn document_of(endpoint: &str) -> &'static str {
    rest::operations().into_iter().find(|operation| operation.name() == endpoint).unwrap().text()
}

#[tokio::test]
async fn every_prepared_document_fits_the_schema() {
    let app = TestApp::new().await;
    for document in rest::operations().iter().map(|operation| operation.text()) {
        if document.starts_with("subscription") {
            let refused = app.subscribe(None, document, json!({})).await;
            assert!(refused.text.contains("UNAUTHENTICATED"), "{document}: {}", refused.text);
            continue;
        }
        // Without variables each is refused for the one value it lacks; a field, an argument or a type that is not in
        // the schema would be refused first, and for another reason.
        let errors = app.graphql(document, json!({})).await.expect(200)["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), 1, "{document}: {errors}");
        let code = errors[0]["extensions"]["code"].as_str().unwrap();
        assert!(["VALIDATION_FAILED", "UNAUTHENTICATED"].contains(&code), "{document}: {errors}");
    }
    let broken = document_of("salesOrder").replace("unitPrice", "price");
    app.graphql(&broken, json!({"order_number": "none"})).await.expect_error("GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn an_order_reads_the_same_on_both_wires() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    assert_eq!(over_rest(&partner, &order()).await, over_graphql(&partner, &order()).await);
    let rest = partner.get("/api/v1/sales-orders/SO-0000000002").await.expect(200)["data"].clone();
    let graphql = partner.graphql(document_of("salesOrder"), json!({"order_number": "SO-0000000002"})).await.data();
    assert_eq!(graphql["salesOrder"], rest);
}

/// GraphQL checks an input's shape before any field is asked; whoever may not send it at all must not learn of the shape.
#[tokio::test]
async fn who_may_not_send_an_order_learns_that_before_what_is_wrong_with_it() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let document = "mutation($i: CreateSalesOrderInput!) { createSalesOrder(input: $i) { replayed } }";
    for variables in [json!({"i": {}}), json!({"i": {"customerCode": 7}}), json!({})] {
        app.graphql(document, variables.clone()).await.expect_error("UNAUTHENTICATED");
        partner.graphql(document, variables.clone()).await.expect_error("MISSING_HEADER");
        dashboard.signed_graphql(document, variables.clone()).await.expect_error("INVALID_SIGNATURE");
        partner.signed_graphql(document, variables).await.expect_error("VALIDATION_FAILED");
    }
    app.post("/api/v1/sales-orders", &json!({})).await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn no_spelling_of_an_order_hides_a_second_value_of_a_field() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let twice = r#"{"customer_code":"A","customer_code":"B","site_code":"S","sales_name":"N","address":"A",
                    "products":[{"product_code":"P","quantity":1}]}"#;
    let smuggled = json!({"$serde_json::private::RawValue": twice}).to_string();
    let number = json!({"customer_code": "A", "site_code": "S", "sales_name": "N", "address": "A",
        "products": [{"product_code": "P", "quantity": {"$serde_json::private::Number": "5"}}]});
    for body in [twice.to_owned(), smuggled, number.to_string()] {
        let answer = app.post_text("/api/v1/sales-orders", &partner.sign().headers(), body).await;
        answer.expect_problem(400, "MALFORMED_BODY");
    }
    let literal = "mutation { createSalesOrder(input: {customerCode: \"A\", customerCode: \"B\", siteCode: \"S\",
        salesName: \"N\", address: \"A\", products: [{productCode: \"P\", quantity: 1}]}) { replayed } }";
    let refused = partner.signed_graphql(literal, json!({})).await.expect_error("GRAPHQL_VALIDATION_FAILED");
    assert!(refused["message"].as_str().unwrap().contains("customerCode"), "{refused}");
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 0);
}
