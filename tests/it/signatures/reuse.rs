//! A signature of the published form that comes again later with another order is counted, and never refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Partner, Signed, TestApp, order, until};

fn order_of(customer_code: &str) -> Value {
    let mut order = order();
    order["customer_code"] = json!(customer_code);
    order
}

/// Waits until the operator sees this count; what is noted is written when nobody waits for it.
async fn expect_count(app: &TestApp, count: i64) {
    let id = "versuni-client-001".parse().unwrap();
    let seen = async || app.clients.show_client(&id).await.unwrap().client.signature_reuses;
    until(&format!("the count of {count}"), async || seen().await == count).await;
}

async fn send(partner: &Partner<'_>, signed: &Signed, customer_code: &str) {
    partner.send_order(signed, &order_of(customer_code)).await.expect(201);
}

#[tokio::test]
async fn a_signature_used_again_later_for_another_order_is_counted_and_shown() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    for customer in ["A", "B", "A", "B"] {
        send(&partner, &signed, customer).await;
    }
    app.clock.advance(Duration::from_secs(5));
    send(&partner, &signed, "C").await;
    app.clock.advance(Duration::from_secs(1));
    // Retries of what was sent are no other use.
    for customer in ["A", "B", "C"] {
        send(&partner, &signed, customer).await;
    }
    let fresh = partner.sign();
    send(&partner, &fresh, "A").await;
    let first = app.clock.now();
    send(&partner, &signed, "D").await;
    expect_count(&app, 1).await;
    let client = app.clients.show_client(&"versuni-client-001".parse().unwrap()).await.unwrap().client;
    assert_eq!(client.signature_reused_at, Some(first), "nothing before was one");

    // Within a minute it is only counted; then it is written all at once.
    for customer in ["E", "F"] {
        app.clock.advance(Duration::from_secs(1));
        send(&partner, &signed, customer).await;
    }
    app.clock.advance(Duration::from_mins(1));
    send(&partner, &signed, "G").await;
    expect_count(&app, 4).await;

    let secret = app
        .client(
            "console-001",
            &[sales_order_api::domain::permission::Permission::ClientsRead],
            sales_order_api::domain::signature_policy::SignaturePolicy::Documented,
            Vec::new(),
        )
        .await;
    let console = Partner::log_in(&app, "console-001", secret, partner.key).await;
    let query = "{ client(clientId: \"versuni-client-001\") { signatureReuses signatureReusedAt } }";
    let data = console.graphql(query, Value::Null).await.data();
    assert_eq!(data["client"]["signatureReuses"], 4, "{data}");
    assert!(data["client"]["signatureReusedAt"].is_string(), "{data}");
}

#[tokio::test]
async fn the_same_order_under_another_key_is_another_use_and_a_form_that_binds_the_body_is_none() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    send(&partner, &signed, "A").await;
    let body = order_of("A").to_string();
    let bound = partner.sign_body("/api/v1/sales-orders", body.as_bytes());
    app.clock.advance(Duration::from_secs(6));
    app.post_text("/api/v1/sales-orders", &bound.headers(), body.clone()).await.expect(201);
    let headers = [&signed.headers()[..], &[("idempotency-key", "po-1")]].concat();
    app.post_text("/api/v1/sales-orders", &headers, body).await.expect(201);
    expect_count(&app, 1).await;
}

#[tokio::test]
async fn a_token_without_clients_read_is_not_told_whether_its_signatures_were_noticed() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let query = "{ viewer { signatureReuses signatureReusedAt keys { sharedWith } } }";
    let seen = partner.graphql(query, json!({})).await.data();
    assert_eq!(
        seen["viewer"],
        json!({"signatureReuses": null, "signatureReusedAt": null, "keys": [{"sharedWith": []}]})
    );
}
