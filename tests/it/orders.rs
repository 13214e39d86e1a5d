//! A partner sends orders and reads them back.

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
                "products": [
                    {"line_no": 1, "product_code": "HD9650", "product_name": "Airfryer XXL", "quantity": 2,
                     "unit": "PCS", "unit_price": "125000", "note": null},
                    {"line_no": 2, "product_code": "HR2223", "product_name": null, "quantity": 1,
                     "unit": null, "unit_price": "0.5", "note": null},
                ],
                "total_quantity": 3, "total_amount": "250000.5",
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
    let other = app.partner_named("other-partner", Default::default()).await;
    versuni.create(&order()).await.expect(201);
    other.get("/api/v1/sales-orders/SO-0000000001").await.expect_problem(404, "NOT_FOUND");
    let query = "query($n: String!) { salesOrder(orderNumber: $n) { clientId products { lineNo } } }";
    let variables = json!({"n": "SO-0000000001"});
    assert_eq!(other.graphql(query, variables.clone()).await.data()["salesOrder"], json!(null));
    let seen = app.dashboard().await.graphql(query, variables).await.data();
    assert_eq!(seen["salesOrder"]["clientId"], "versuni-client-001");
    assert_eq!(seen["salesOrder"]["products"].as_array().unwrap().len(), 2);
}
