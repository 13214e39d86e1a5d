//! What was signed for an order is kept as evidence, and holds whenever somebody asks.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::service::turns::Turns;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Database, PARTNER_KEY, Process, Remote, TestApp, command, order};

const RECEIPT: &str = "receipt { signatureForm stringToSign signature keyFingerprint bodySha256 }";

#[tokio::test]
async fn a_dashboard_reads_what_was_signed_and_a_partner_does_not() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    partner.send_order(&signed, &order()).await.expect(201);
    let dashboard = app.dashboard().await;
    let one = format!("{{ salesOrder(orderNumber: \"SO-0000000001\") {{ {RECEIPT} }} }}");
    let receipt = dashboard.graphql(&one, Value::Null).await.data()["salesOrder"]["receipt"].take();
    assert_eq!(
        receipt,
        json!({
            "signatureForm": "documented",
            "stringToSign": format!("versuni-client-001|{}", signed.timestamp),
            "signature": signed.signature,
            "keyFingerprint": PARTNER_KEY.public_key().fingerprint(),
            "bodySha256": hex::encode(Sha256::digest(order().to_string())),
        })
    );
    let page = format!("{{ salesOrders {{ nodes {{ {RECEIPT} }} }} }}");
    assert_eq!(dashboard.graphql(&page, Value::Null).await.data()["salesOrders"]["nodes"][0]["receipt"], receipt);
    // Its own order, but not its own evidence.
    let answer = partner.graphql(&one, Value::Null).await;
    answer.expect_error("INSUFFICIENT_SCOPE");
    assert_eq!(answer.json()["data"]["salesOrder"]["receipt"], Value::Null);
}

/// A database with one order in it, and the body that its sender sent.
async fn disputed() -> (Database, String) {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    partner.create(&partner.sign(), None, &order()).await.unwrap().expect(201);
    service.stop();
    (database, order().to_string())
}

/// Runs `receipt verify`; gives whether it succeeded, what it printed and what it said.
fn verify(database: &Database, arguments: &[&str]) -> (bool, Value, String) {
    let output = command(database.folder.path())
        .args(["--json", "--database-url", &database.url, "receipt", "verify"])
        .args(arguments)
        .output()
        .unwrap();
    let printed = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.success(), printed, String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_proves_again_who_sent_an_order_without_the_service() {
    let (database, body) = disputed().await;
    std::fs::write(database.folder.path().join("body.json"), &body).unwrap();
    let (holds, printed, _) = verify(&database, &["SO-0000000001", "--body", "body.json"]);
    assert!(holds, "{printed}");
    assert_eq!((&printed["valid"], &printed["problems"]), (&json!(true), &json!([])));
    assert_eq!((&printed["client_id"], &printed["key_status_then"]), (&json!("partner"), &json!("active")));
    // Whoever has the public key alone comes to the same.
    let text = printed["string_to_sign"].as_str().unwrap();
    let signature = STANDARD.decode(printed["signature"].as_str().unwrap()).unwrap();
    assert!(PARTNER_KEY.public_key().verify(text.as_bytes(), &signature));

    std::fs::write(database.folder.path().join("body.json"), body.replace("\"quantity\":2", "\"quantity\":1")).unwrap();
    let (holds, printed, said) = verify(&database, &["SO-0000000001", "--body", "body.json"]);
    assert!(!holds && said.contains("the body is not the one that was received"), "{printed} {said}");
    let (holds, _, said) = verify(&database, &["SO-0000000009"]);
    assert!(!holds && said.contains("there is no order SO-0000000009"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_somebody_changed_does_not_hold() {
    for (change, problem) in [
        ("UPDATE sales_order_receipts SET string_to_sign = string_to_sign || '1'", "did not make this signature"),
        ("UPDATE sales_orders SET client_id = 'another'", "another has no key"),
        ("UPDATE client_public_keys SET fingerprint = 'SHA256:other'", "partner has no key"),
        ("UPDATE sales_order_receipts SET key_fingerprint = 'SHA256:other'", "partner has no key"),
        ("UPDATE sales_orders SET created_at = created_at - 3600000000", "the signed time is not the order's"),
        ("UPDATE client_public_keys SET expires_at = 1", "the key was expired when the order was taken"),
        ("UPDATE client_public_keys SET revoked_at = 1", "the key was revoked when the order was taken"),
    ] {
        let (database, _) = disputed().await;
        if change.contains("another") {
            Remote::register(&database, "another").await;
            database.db_execute("DELETE FROM client_public_keys WHERE client_id = 'another'").await.unwrap();
        }
        database.db_execute(change).await.unwrap();
        let (holds, printed, said) = verify(&database, &["SO-0000000001"]);
        assert!(!holds && said.contains(problem), "{change}: {printed} {said}");
        assert_eq!(printed["valid"], false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_holds_after_its_key_was_revoked_and_says_so() {
    let (database, _) = disputed().await;
    let fingerprint = PARTNER_KEY.public_key().fingerprint();
    let store = database.connect().await;
    let clients = sales_order_api::app::clients(&store, &sales_order_api::clock::Clock::system());
    clients.revoke_key(&"partner".parse().unwrap(), fingerprint).await.unwrap();
    let (holds, printed, _) = verify(&database, &["SO-0000000001"]);
    assert!(holds && printed["key_revoked_at"].is_string() && printed["key_status_then"] == "active", "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_binds_the_body_holds_for_no_other_body() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let orders = sales_order_api::service::Orders::new(app.store.clone(), Turns::unlimited());
    let number = "SO-0000000001";
    // Signed as it is minified, sent with white space.
    let sent = serde_json::to_string_pretty(&order()).unwrap();
    let signed = partner.sign_body("/api/v1/sales-orders", order().to_string().as_bytes());
    app.post_text("/api/v1/sales-orders", &signed.headers(), sent.clone()).await.expect(201);
    let problems = async |body: Option<&str>| {
        let found = orders.verify_receipt(number, body.map(str::as_bytes), Duration::ZERO).await;
        found.unwrap().problems.join("; ")
    };
    assert_eq!(problems(Some(&sent)).await, "");
    assert!(problems(None).await.contains("give the body"));
    // Somebody who may write to the database puts another body's hash there.
    let other = sent.replace("\"quantity\": 2", "\"quantity\": 1");
    let hash = hex::encode(Sha256::digest(&other));
    let blob =
        if crate::support::on_postgres().is_some() { format!("decode('{hash}', 'hex')") } else { format!("x'{hash}'") };
    app.database.db_execute(&format!("UPDATE sales_order_receipts SET body_sha256 = {blob}")).await.unwrap();
    assert_eq!(problems(Some(&other)).await, "the signed body is not the one that was received");
    assert_eq!(problems(Some(&sent)).await, "the body is not the one that was received: its SHA-256 differs");
}
