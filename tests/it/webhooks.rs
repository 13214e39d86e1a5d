//! A partner is told of what happens to its orders, at an address of its own.

mod audit;
mod hostile;
mod instances;
mod keys;
mod kills;
mod log;
mod managing;
mod page;
mod restored;
mod retries;
mod stage;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use sales_order_api::app::AppState;
use sales_order_api::auth::credentials::Header;
use sales_order_api::auth::webhook_signature::HmacSecret;
use sales_order_api::auth::webhook_verification::{self, VerificationKeys};
use sales_order_api::config::Config;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use crate::support::{Answer, Partner, Received, Receiver, TestApp, key_of, order, until};

pub const ENDPOINTS: &str = "/api/v1/webhook-endpoints";

/// Webhooks may go to receivers on this machine.
pub fn local(config: &mut Config) {
    config.webhooks.allow_http = true;
    config.webhooks.allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
}

/// An instance that sends, until it is dropped.
pub struct Sending(AbortHandle);

impl Sending {
    pub fn on(state: &AppState) -> Self {
        let state = state.clone();
        Self(tokio::spawn(async move { state.deliver_webhooks().await }).abort_handle())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a request about endpoints, freshly signed.
pub async fn signed(partner: &Partner<'_>, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string).unwrap_or_default();
    let path = format!("{ENDPOINTS}{path}");
    let mut request = Request::builder().method(method).uri(&path).header("content-type", "application/json");
    for (name, value) in partner.sign_request(method, &path, body.as_bytes()).headers() {
        request = request.header(name, value);
    }
    partner.app.send(request.body(Body::from(body)).unwrap()).await
}

/// Makes an endpoint at a receiver and has it verified; gives its secret.
pub async fn active(partner: &Partner<'_>, name: &str, receiver: &Receiver, settings: Value) -> String {
    let mut input = settings;
    input["url"] = json!(format!("{}/hooks", receiver.base));
    let made = signed(partner, "PUT", &format!("/{name}"), Some(&input)).await.expect(201);
    assert_eq!(made["data"]["state"], "PENDING");
    let verified = signed(partner, "POST", &format!("/{name}/verification"), None).await.expect(200);
    assert_eq!((&verified["data"]["outcome"], &verified["endpoint"]["state"]), (&json!("DELIVERED"), &json!("ACTIVE")));
    made["secret"].as_str().unwrap().to_owned()
}

/// An endpoint as its owner sees it.
pub async fn read(partner: &Partner<'_>, name: &str) -> Value {
    partner.get(&format!("{ENDPOINTS}/{name}")).await.expect(200)["data"].take()
}

/// The log of an endpoint, the newest attempt first.
pub async fn attempts(partner: &Partner<'_>, name: &str) -> Vec<Value> {
    let page = partner.get(&format!("{ENDPOINTS}/{name}/attempts?limit=200")).await.expect(200);
    page["data"].as_array().unwrap().clone()
}

/// Sends an order with a reference; gives its number.
pub async fn send_order(partner: &Partner<'_>, reference: &str) -> String {
    let mut order = order();
    order["partner_reference"] = json!(reference);
    let made = partner.create_with_key(reference, &order).await.expect(201);
    made["data"]["order_number"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_partner_is_told_of_its_orders_signed_and_in_order_and_of_nobody_elses() {
    let app = TestApp::with(local).await;
    let (partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    let other = app.partner_named("other", SignaturePolicy::default()).await;
    send_order(&partner, "PO-0").await;
    let secret = active(&partner, "erp", &receiver, json!({})).await;
    let _sending = Sending::on(&app.state);
    send_order(&other, "PO-other").await;
    let number = send_order(&partner, "PO-1").await;
    let first = receiver.events_after(1).await.remove(0);
    move_to(&operator, &number, "CONFIRMED").await;
    let events = receiver.events_after(2).await;
    let kinds: Vec<_> = events.iter().map(|event| (event.body["type"].as_str().unwrap(), event.sequence())).collect();
    assert_eq!(kinds, [("sales_order.created", 1), ("sales_order.status_changed", 2)]);
    assert!(events.iter().all(|event| event.order() == number), "of what was before it is told nothing: {events:?}");
    let data = &first.body["data"];
    assert_eq!(data["partner_reference"], "PO-1");
    assert_eq!(data["client_id"], "versuni-client-001");
    assert_eq!(data["order_url"], format!("/api/v1/sales-orders/{number}"));
    assert_eq!(first.body["timestamp"], data["created_at"]);
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!((first.header("webhook-attempt"), first.header("webhook-trigger")), ("1", "auto"));
    assert_eq!(
        (first.header("webhook-cursor"), first.header("webhook-sequence")),
        (data["cursor"].as_str().unwrap(), "1")
    );
    assert!(first.header("webhook-id").starts_with("msg_"), "{:?}", first.headers);
    verify(&app, &first, &secret);
    // The cursor is the feed's own.
    let feed = partner.get(&format!("/api/v1/events?after={}", data["cursor"].as_str().unwrap())).await.expect(200);
    assert_eq!(feed["data"].as_array().unwrap().len(), 1);
    until("the endpoint is told of everything", async || read(&partner, "erp").await["cursor"] == feed["next_cursor"])
        .await;
    let log = attempts(&partner, "erp").await;
    assert_eq!(log.iter().filter(|attempt| attempt["outcome"] == "DELIVERED").count(), 3, "{log:?}");
    assert_eq!(log[0]["status"], 200);
}

#[tokio::test]
async fn an_endpoint_of_who_reads_all_orders_is_told_of_everybodys() {
    let app = TestApp::with(local).await;
    let (partner, receiver, key) = (app.partner().await, Receiver::new().await, key_of("reader-001"));
    let (scopes, keys) = ([Permission::OrdersRead], vec![key.public_key().to_pem()]);
    let secret = app.client("reader-001", &scopes, SignaturePolicy::default(), keys).await;
    let reader = Partner::log_in(&app, "reader-001", secret, key).await;
    send_order(&partner, "PO-0").await;
    active(&reader, "all", &receiver, json!({})).await;
    let _sending = Sending::on(&app.state);
    let generation = "SELECT lease_generation FROM webhook_endpoints";
    until("somebody sends to it", async || app.database.db_number(generation).await == 1).await;
    for n in 1..4 {
        let number = send_order(&partner, &format!("PO-{n}")).await;
        assert_eq!(receiver.events_after(n).await[n - 1].order(), number);
    }
}

/// Fails unless the endpoint's owner can tell that it comes from the service.
pub fn verify(app: &TestApp, received: &Received, secret: &str) {
    let secrets = [HmacSecret::parse(secret).unwrap()];
    let [id, timestamp, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .map(|name| Header::Value(received.header(name).to_owned()));
    let sent = webhook_verification::Received {
        id: &id,
        timestamp: &timestamp,
        signature: &signature,
        body: received.text.as_bytes(),
    };
    let keys = VerificationKeys { secrets: &secrets, public_keys: &[] };
    webhook_verification::verify(&sent, &keys, app.clock.now(), Duration::from_mins(5)).unwrap();
}

/// Moves an order on.
pub async fn move_to(operator: &Partner<'_>, number: &str, status: &str) {
    let document =
        "mutation($input: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $input) { version } }";
    operator.graphql(document, json!({"input": {"orderNumber": number, "status": status}})).await.data();
}

#[tokio::test]
async fn of_one_order_nothing_comes_before_what_was_before_it() {
    let app = TestApp::with(local).await;
    let (partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({"max_in_flight": 32})).await;
    let mut numbers = Vec::new();
    for n in 0..20 {
        numbers.push(send_order(&partner, &format!("PO-{n}")).await);
    }
    for number in &numbers {
        move_to(&operator, number, "CONFIRMED").await;
    }
    let _sending = Sending::on(&app.state);
    let events = receiver.events_after(40).await;
    assert_eq!(events.len(), 40);
    for number in &numbers {
        let of_order = events.iter().filter(|event| event.order() == number);
        assert_eq!(of_order.map(Received::sequence).collect::<Vec<_>>(), [1, 2], "{number}");
    }
}

#[tokio::test]
async fn two_instances_send_each_event_once_and_one_that_is_gone_is_followed_by_the_other() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    let other = TestApp::state_in(&app.store, &app.clock, &[], |config| {
        local(config);
        config.webhooks.lease = Duration::from_secs(1);
    });
    let (first, _second) = (Sending::on(&app.state), Sending::on(&other));
    for n in 0..10 {
        send_order(&partner, &format!("PO-{n}")).await;
    }
    assert_eq!(receiver.events_after(10).await.len(), 10);
    // It says nothing any more; its lease is over within ten seconds.
    drop(first);
    for n in 10..20 {
        send_order(&partner, &format!("PO-{n}")).await;
    }
    let events = receiver.events_after(20).await;
    let numbers: BTreeSet<_> = events.iter().map(Received::order).collect();
    assert_eq!(numbers.len(), 20);
}
