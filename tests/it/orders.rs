//! A partner sends orders and reads them back.

use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::json;

use crate::support::{TestApp, order};

#[tokio::test]
async fn a_partner_sends_the_contracts_sample_order_and_gets_it_back_exactly() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let answer = partner.create(&order()).await;
    assert_eq!(
        answer.expect(201),
        json!({
            "message": "Sales order created successfully",
            "data": {
                "order_number": "SO-0000000001", "status": "RECEIVED", "version": 1,
                "client_id": "versuni-client-001", "customer_code": "CUST-001", "site_code": "SITE-001",
                "sales_name": "John Doe", "address": "Jl. Sudirman No. 1, Jakarta", "note": null, "currency": "IDR",
                "partner_reference": null, "requested_delivery_date": null,
                "products": [
                    {"line_no": 1, "product_code": "HD9650", "product_name": "Airfryer XXL", "quantity": 2,
                     "unit": "PCS", "unit_price": "125000", "note": null, "reference": null, "answer": null},
                    {"line_no": 2, "product_code": "HR2223", "product_name": null, "quantity": 1,
                     "unit": null, "unit_price": "0.5", "note": null, "reference": null, "answer": null},
                ],
                "total_quantity": 3, "total_amount": "250000.5", "shipments": [],
                "created_at": "2026-11-23T13:37:16.123456Z", "updated_at": "2026-11-23T13:37:16.123456Z",
            },
        })
    );
    assert_eq!(answer.header("location"), Some("/api/v1/sales-orders/SO-0000000001"));
    assert_eq!(answer.header("idempotent-replayed"), None);

    let read = partner.get("/api/v1/sales-orders/SO-0000000001").await.expect(200);
    assert_eq!(read["data"], answer.json()["data"]);
}

#[tokio::test]
async fn a_partner_sees_its_own_orders_only_and_a_dashboard_sees_all() {
    let app = TestApp::new().await;
    let versuni = app.partner().await;
    let other = app.partner_named("other-partner", SignaturePolicy::Documented).await;
    versuni.create(&order()).await.expect(201);
    other.get("/api/v1/sales-orders/SO-0000000001").await.expect_problem(404, "NOT_FOUND");
    let query = "query($n: String!) { salesOrder(orderNumber: $n) { clientId products { lineNo } } }";
    let variables = json!({"n": "SO-0000000001"});
    assert_eq!(other.graphql(query, variables.clone()).await.data()["salesOrder"], json!(null));
    let seen = app.dashboard().await.graphql(query, variables).await.data();
    assert_eq!(seen["salesOrder"]["clientId"], "versuni-client-001");
    assert_eq!(seen["salesOrder"]["products"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_price_with_any_spelling_of_a_number_is_taken_exactly() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for (spelling, kept) in [
        ("125000.50", "125000.5"),
        ("0.10", "0.1"),
        ("12.3400", "12.34"),
        ("1.5e3", "1500"),
        ("1E2", "100"),
        ("9999999999.9999", "9999999999.9999"),
        ("\"0.10\"", "0.1"),
    ] {
        let body = |price: &str| {
            format!(
                r#"{{"customer_code":"C","site_code":"S","sales_name":"N","address":"A",
                     "products":[{{"product_code":"P {price}","quantity":1,"unit_price":{spelling}}}]}}"#,
                price = price.replace('"', "")
            )
        };
        let rest =
            app.post_text("/api/v1/sales-orders", &partner.sign().headers(), body(&format!("{spelling} rest"))).await;
        assert_eq!(rest.expect(201)["data"]["products"][0]["unit_price"], kept, "{spelling}");
        let variables = body(&format!("{spelling} graphql"))
            .replace("customer_code", "customerCode")
            .replace("site_code", "siteCode")
            .replace("sales_name", "salesName")
            .replace("product_code", "productCode")
            .replace("unit_price", "unitPrice");
        let graphql = format!(
            r#"{{"query":"mutation($i: CreateSalesOrderInput!) {{ createSalesOrder(input: $i) {{ salesOrder {{ products {{ unitPrice }} }} }} }}","variables":{{"i":{variables}}}}}"#
        );
        let answer = app.post_text("/graphql", &partner.sign().headers(), graphql).await.data();
        assert_eq!(answer["createSalesOrder"]["salesOrder"]["products"][0]["unitPrice"], kept, "{spelling}");
    }
    let too_long = r#"{"customer_code":"C","site_code":"S","sales_name":"N","address":"A",
        "products":[{"product_code":"P","quantity":1,"unit_price":0.10000000000000000001}]}"#;
    let refused = app.post_text("/api/v1/sales-orders", &partner.sign().headers(), too_long).await;
    assert_eq!(refused.expect_problem(400, "VALIDATION_FAILED")["errors"][0]["code"], "precision");
}

#[tokio::test]
async fn every_faulty_field_is_named_at_once_on_both_wires() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let rest = json!({"customer_code": 5, "siteCod": "x", "address": " ", "products": [{"quantity": "2"}]});
    let refused = partner.create(&rest).await.expect_problem(400, "VALIDATION_FAILED");
    let graphql = json!({"customerCode": 5, "siteCod": "x", "address": " ", "products": [{"quantity": "2"}]});
    let document = "mutation($i: CreateSalesOrderInput!) { createSalesOrder(input: $i) { message } }";
    let error = partner.signed_graphql(document, json!({"i": graphql})).await.expect_error("VALIDATION_FAILED");
    let faults = |errors: &serde_json::Value, camel: bool| {
        let errors = errors.as_array().unwrap().iter();
        let spell = |pointer: &str| if camel { pointer.to_owned() } else { camel_case(pointer) };
        errors.map(|e| (spell(e["pointer"].as_str().unwrap()), e["code"].clone())).collect::<Vec<_>>()
    };
    let on_rest = faults(&refused["errors"], false);
    assert_eq!(on_rest, faults(&error["extensions"]["errors"], true));
    assert_eq!(on_rest.len(), 7, "{on_rest:?}");
}

fn camel_case(pointer: &str) -> String {
    let mut words = pointer.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
}
