//! What was signed for an order is kept as evidence, and holds whenever somebody asks.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::service::turns::Turns;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cancellations::{PATH, whole};
use crate::lines::{NUMBER, stage};
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

#[tokio::test]
async fn what_was_signed_for_a_request_is_kept_too_with_the_use_of_its_key() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    app.clock.advance(Duration::from_mins(1));
    let body = whole().to_string();
    let signed = partner.sign_body(PATH, body.as_bytes());
    app.post_text(PATH, &signed.headers(), body.clone()).await.expect(200);
    let digest = hex::encode(Sha256::digest(&body));
    let document = format!("{{ salesOrder(orderNumber: \"{NUMBER}\") {{ requests {{ {RECEIPT} }} }} }}");
    let dashboard = app.dashboard().await;
    let receipt = dashboard.graphql(&document, Value::Null).await.data()["salesOrder"]["requests"][0]["receipt"].take();
    assert_eq!(
        receipt,
        json!({
            "signatureForm": "body_bound",
            "stringToSign": format!("POST:{PATH}:{digest}:{}", signed.timestamp),
            "signature": signed.signature,
            "keyFingerprint": PARTNER_KEY.public_key().fingerprint(),
            "bodySha256": digest,
        })
    );
    partner.graphql(&document, Value::Null).await.expect_error("INSUFFICIENT_SCOPE");
    let used = "SELECT count(*) FROM client_public_keys WHERE body_bound_used_at IS NOT NULL AND body_bound_used_at = last_used_at";
    assert_eq!(app.database.db_number(used).await, 1);
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
        let found = orders.verify_receipt(number, body.map(str::as_bytes), Duration::ZERO, "/orders").await;
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

/// What is wrong with the receipt of the only order, besides that nobody made this signature over it, which a test that puts
/// another text there cannot help.
async fn problems_of_text(app: &TestApp, form: &str, text: &str) -> Vec<String> {
    let orders = sales_order_api::service::Orders::new(app.store.clone(), Turns::unlimited());
    let sql = format!("UPDATE sales_order_receipts SET signature_form = '{form}', string_to_sign = '{text}'");
    app.database.db_execute(&sql).await.unwrap();
    let found = orders.verify_receipt("SO-0000000001", None, Duration::ZERO, "/orders").await.unwrap().problems;
    found.into_iter().filter(|problem| !problem.contains("did not make this signature")).collect()
}

#[tokio::test]
async fn a_receipt_that_binds_the_body_is_of_a_request_that_makes_orders() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let body = order().to_string();
    let signed = partner.sign_body("/api/v1/sales-orders", body.as_bytes());
    app.post_text("/api/v1/sales-orders", &signed.headers(), body.clone()).await.expect(201);
    let (hash, time) = (hex::encode(Sha256::digest(&body)), &signed.timestamp);
    let of = async |request: &str| problems_of_text(&app, "body_bound", &format!("{request}:{hash}:{time}")).await;
    assert!(of("POST:/api/v1/sales-orders").await.is_empty());
    assert!(of("POST:/graphql").await.is_empty());
    // As its callers reach the service, with a slash at the end or without.
    assert!(of("POST:/orders/api/v1/sales-orders/").await.is_empty());
    for other in [
        "POST:/elsewhere/graphql",
        "GET:/graphql",
        "PUT:/api/v1/sales-orders",
        "POST:/api/v1/auth/login",
        "POST:/graphql/ws",
    ] {
        let found = of(other).await;
        let expected = format!("a request was signed that makes no order: {}", other.replacen(':', " ", 1));
        assert_eq!(found, [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_an_older_version_took_over_websocket_is_told_as_what_it_is() {
    let (database, body) = disputed().await;
    std::fs::write(database.folder.path().join("body.json"), &body).unwrap();
    let documented = database.db_text("SELECT string_to_sign FROM sales_order_receipts").await;
    let time = documented.rsplit('|').next().unwrap();
    let empty = Sha256::digest(b"");
    let text = format!("GET:/graphql/ws:{}:{time}", hex::encode(empty));
    let bytes = |bytes: &[u8]| {
        let hex = hex::encode(bytes);
        if crate::support::on_postgres().is_some() { format!("decode('{hex}', 'hex')") } else { format!("x'{hex}'") }
    };
    let (signature, empty) = (bytes(&PARTNER_KEY.sign(text.as_bytes()).unwrap()), bytes(&empty));
    let sql = format!(
        "UPDATE sales_order_receipts SET signature_form = 'body_bound', string_to_sign = '{text}', signature = {signature},
         body_sha256 = {empty}"
    );
    database.db_execute(&sql).await.unwrap();
    let told = "the handshake of a WebSocket was signed, not the order that came over it: the body is not covered";
    let (holds, printed, said) = verify(&database, &["SO-0000000001"]);
    assert!(!holds && said.contains(told), "{said}");
    assert_eq!(printed["problems"], json!([told]), "the rest of it holds");
    let page = command(database.folder.path())
        .args(["--database-url", &database.url, "receipt", "verify", "SO-0000000001"])
        .output()
        .unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("the handshake of a WebSocket: who sent it and when; not the body"), "{page}");
    assert!(!page.contains("and the body)"), "{page}");
}

#[tokio::test]
async fn a_receipt_that_binds_the_key_holds_for_the_key_of_its_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let (body, time) = (order().to_string(), app.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let hash = Sha256::digest(&body).into();
    let path = "/api/v1/sales-orders";
    let text = |key: &str| {
        sales_order_api::auth::string_to_sign::body_and_key_bound_string("POST", path, &hash, &time, key).unwrap()
    };
    let signed = partner.sign_text(&time, &text("po:1"));
    let headers = [&signed.headers()[..], &[("idempotency-key", "po:1")]].concat();
    app.post_text(path, &headers, body.clone()).await.expect(201);
    let orders = sales_order_api::service::Orders::new(app.store.clone(), Turns::unlimited());
    let evidence =
        orders.verify_receipt("SO-0000000001", Some(body.as_bytes()), Duration::ZERO, "/orders").await.unwrap();
    assert_eq!(
        (evidence.problems.join("; "), evidence.receipt.signature_form.as_str()),
        (String::new(), "body_and_key_bound")
    );
    assert_eq!(
        problems_of_text(&app, "body_and_key_bound", &text("po:2")).await,
        ["the signed Idempotency-Key po:2 is not the one that the order was taken under"]
    );
    let without = text("po:1").trim_end_matches(":po:1").to_owned();
    assert_eq!(
        problems_of_text(&app, "body_and_key_bound", &without).await,
        ["the text is not what this client signs"]
    );
}

#[tokio::test]
async fn a_receipt_of_one_of_many_orders_holds_by_the_body_that_names_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let path = "/api/v1/sales-orders/batch";
    let row = |key: &str| {
        let mut row = order();
        row["idempotency_key"] = key.into();
        row
    };
    let body = serde_json::json!({"orders": [row("po-1"), row("po-2")]}).to_string();
    app.post_text(path, &partner.sign_body(path, body.as_bytes()).headers(), body.clone()).await.expect(207);
    let orders = sales_order_api::service::Orders::new(app.store.clone(), Turns::unlimited());
    for number in ["SO-0000000001", "SO-0000000002"] {
        let evidence = orders.verify_receipt(number, Some(body.as_bytes()), Duration::ZERO, "/orders").await.unwrap();
        assert_eq!(evidence.problems, Vec::<String>::new(), "{number}");
        let evidence = orders.verify_receipt(number, Some(b"{}"), Duration::ZERO, "/orders").await.unwrap();
        assert!(!evidence.problems.is_empty(), "{number}: another body");
    }
}
