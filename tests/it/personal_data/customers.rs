//! All orders of a customer at once.

use std::time::Duration;

use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::json;

use super::{eraser, personal};
use crate::lines::MOVE;
use crate::support::TestApp;

const ERASE_CUSTOMER: &str = "mutation($input: EraseCustomerInput!) { eraseCustomer(input: $input) {
    erasedCount openOrderNumbers nextAfter } }";

#[tokio::test]
async fn all_orders_of_a_customer_are_erased_and_none_of_another_partners_customer() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.partner_named("another-client-001", SignaturePolicy::Documented).await;
    let (operator, eraser) = (app.operator().await, eraser(&app).await);
    let mut foreign = personal();
    foreign["customer_code"] = json!("CUST-002");
    for (sender, order) in [
        (&partner, personal()),
        (&other, personal()),
        (&partner, foreign),
        (&partner, personal()),
        (&partner, personal()),
    ] {
        app.clock.advance(Duration::from_secs(1));
        sender.create(&order).await.expect(201);
    }
    for number in 1..=4 {
        let input = json!({"orderNumber": format!("SO-{number:010}"), "status": "CANCELLED"});
        operator.graphql(MOVE, json!({"input": input})).await.data();
    }
    let input = json!({"input": {"clientId": "versuni-client-001", "customerCode": "CUST-001"}});
    let outcome = eraser.graphql(ERASE_CUSTOMER, input.clone()).await.data()["eraseCustomer"].take();
    assert_eq!(outcome, json!({"erasedCount": 2, "openOrderNumbers": ["SO-0000000005"], "nextAfter": null}));
    let kept =
        app.database.db_last_texts("SELECT order_number FROM sales_orders WHERE address <> '' ORDER BY id").await;
    assert_eq!(kept, ["SO-0000000002", "SO-0000000003", "SO-0000000005"]);
    let outcome = eraser.graphql(ERASE_CUSTOMER, input).await.data()["eraseCustomer"].take();
    assert_eq!(outcome["erasedCount"], 0);
}

#[tokio::test]
async fn a_customer_of_many_orders_is_erased_piece_by_piece() {
    let app = TestApp::new().await;
    let (partner, eraser) = (app.partner().await, eraser(&app).await);
    for n in 0..101 {
        partner.create_with_key(&n.to_string(), &personal()).await.expect(201);
    }
    app.database.db_execute("UPDATE sales_orders SET status = 'CANCELLED'").await.unwrap();
    let mut input = json!({"clientId": "versuni-client-001", "customerCode": "CUST-001"});
    let first = eraser.graphql(ERASE_CUSTOMER, json!({"input": input})).await.data()["eraseCustomer"].take();
    assert_eq!(first, json!({"erasedCount": 100, "openOrderNumbers": [], "nextAfter": "SO-0000000100"}));
    input["after"] = first["nextAfter"].clone();
    let last = eraser.graphql(ERASE_CUSTOMER, json!({"input": input})).await.data()["eraseCustomer"].take();
    assert_eq!(last, json!({"erasedCount": 1, "openOrderNumbers": [], "nextAfter": null}));
}
