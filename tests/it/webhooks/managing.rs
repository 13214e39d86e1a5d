//! A partner manages its endpoints, and staff all of them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{ENDPOINTS, Sending, active, local, read, send_order, signed, verify};
use crate::support::{Partner, Receiver, TestApp, key_of, order, until};

#[tokio::test]
async fn an_endpoint_is_made_once_however_often_it_is_said_and_its_secret_is_shown_once() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    let secret = active(&partner, "erp", &receiver, json!({"kinds": ["CREATED"], "signatures": ["V1", "V1A"]})).await;
    assert!(secret.starts_with("whsec_"), "{secret}");
    let input = json!({"url": format!("{}/hooks", receiver.base)});
    let again = signed(&partner, "PUT", "/erp", Some(&input)).await.expect(200);
    assert_eq!((&again["data"]["state"], again.get("secret")), (&json!("ACTIVE"), None));
    assert_eq!(again["data"]["kinds"], json!([]), "what is left out has its default");
    // Elsewhere it has to be verified again.
    let elsewhere = json!({"url": format!("{}/elsewhere", receiver.base)});
    let moved = signed(&partner, "PUT", "/erp", Some(&elsewhere)).await.expect(200);
    assert_eq!((&moved["data"]["state"], &moved["data"]["verified_at"]), (&json!("PENDING"), &json!(null)));
    let list = partner.get(ENDPOINTS).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(read(&partner, "erp").await["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(signed(&partner, "DELETE", "/erp", None).await.status, 204);
    partner.get(&format!("{ENDPOINTS}/erp")).await.expect_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_a_partner_may_not_register_is_named_with_its_remedy() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for (url, remedy) in [
        ("http://erp.example.com/", "https"),
        ("https://user:password@erp.example.com/", "user"),
        ("https://127.0.0.1/", "address"),
        ("https://0x7f.1/", "address"),
        ("https://[::ffff:10.0.0.1]/", "address"),
        ("not a url", "URL"),
    ] {
        let problem = signed(&partner, "PUT", "/erp", Some(&json!({"url": url}))).await;
        let problem = problem.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/url", "{url}: {problem}");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(remedy), "{url}: {problem}");
    }
    let input = json!({"url": "https://erp.example.com/", "kinds": ["LOST"], "payload": "FAT", "max_in_flight": 33,
                       "signatures": ["V2"], "on_exhausted": "STOP", "urls": 1});
    let problem = signed(&partner, "PUT", "/e%20p", Some(&input)).await.expect_problem(400, "VALIDATION_FAILED");
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(
        pointers,
        ["/name", "/kinds", "/payload", "/signatures", "/on_exhausted", "/max_in_flight", "/urls"],
        "{problem}"
    );
}

#[tokio::test]
async fn a_partner_signs_what_it_changes_and_staff_manage_every_clients_endpoints() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    let url = format!("{}/hooks", receiver.base);
    let save = "mutation($url: String!, $client: String) { saveWebhookEndpoint(name: \"erp\", clientId: $client,
        input: {url: $url}) { secret endpoint { clientId state } } }";
    partner.graphql(save, json!({"url": url})).await.expect_error("MISSING_HEADER");
    let scopes = [Permission::ClientsManage, Permission::ClientsRead];
    let secret = app.client("staff", &scopes, SignaturePolicy::default(), Vec::new()).await;
    let staff = Partner::log_in(&app, "staff", secret, key_of("staff")).await;
    let input = json!({"url": url, "client": "versuni-client-001"});
    let saved = staff.graphql(save, input).await.data();
    assert_eq!(saved["saveWebhookEndpoint"]["endpoint"]["clientId"], "versuni-client-001");
    assert_eq!(read(&partner, "erp").await["state"], "PENDING");
    let verify =
        "mutation { verifyWebhookEndpoint(name: \"erp\", clientId: \"versuni-client-001\") { endpoint { state } } }";
    let verified = staff.graphql(verify, json!({})).await.data();
    assert_eq!(verified["verifyWebhookEndpoint"]["endpoint"]["state"], "ACTIVE");
    // Nobody else's.
    let other = app.partner_named("other", SignaturePolicy::default()).await;
    let list = "{ webhookEndpoints(clientId: \"versuni-client-001\") { name } }";
    other.graphql(list, json!({})).await.expect_error("INSUFFICIENT_SCOPE");
    other.get(&format!("{ENDPOINTS}/erp")).await.expect_problem(404, "NOT_FOUND");
    staff.graphql(save, json!({"url": url, "client": "nobody"})).await.expect_error("NOT_FOUND");
}

#[tokio::test]
async fn a_secret_is_rotated_without_a_webhook_that_its_receiver_refuses() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    let old = active(&partner, "erp", &receiver, json!({})).await;
    let _sending = Sending::on(&app.state);
    let rotated = signed(&partner, "POST", "/erp/secret", Some(&json!({"overlap_hours": 1}))).await.expect(200);
    let new = rotated["secret"].as_str().unwrap();
    assert_eq!(rotated["data"]["secrets"].as_array().unwrap().len(), 2);
    send_order(&partner, "PO-1").await;
    let both = receiver.events_after(1).await.remove(0);
    assert_eq!(both.header("webhook-signature").split(' ').count(), 2);
    verify(&app, &both, &old);
    verify(&app, &both, new);
    app.clock.advance(Duration::from_hours(1));
    send_order(&partner, "PO-2").await;
    let after = receiver.events_after(2).await.remove(1);
    assert_eq!(after.header("webhook-signature").split(' ').count(), 1);
    verify(&app, &after, new);
}

#[tokio::test]
async fn an_endpoint_gets_whole_orders_and_every_signature_that_it_asks_for() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    let settings = json!({"payload": "FULL", "signatures": ["V1", "V1A", "SNAP"], "kinds": ["CREATED"]});
    active(&partner, "erp", &receiver, settings).await;
    let _sending = Sending::on(&app.state);
    let number = send_order(&partner, "PO-1").await;
    let event = receiver.events_after(1).await.remove(0);
    let order = partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect(200);
    assert_eq!(event.body["data"]["order"], order["data"]);
    let schemes: Vec<_> =
        event.header("webhook-signature").split(' ').map(|one| one.split(',').next().unwrap()).collect();
    assert_eq!(schemes, ["v1", "v1a"]);
    let keys = app.get("/.well-known/jwks.json").await.expect(200);
    let kinds: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["kty"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["OKP", "RSA"]);
    assert!(keys["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none()), "{keys}");
    let text = format!("POST:/hooks:{}:{}", hex::encode(Sha256::digest(&event.text)), event.header("x-timestamp"));
    let signature = STANDARD.decode(event.header("x-signature")).unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(keys["keys"][1]["n"].as_str().unwrap()).unwrap();
    let exponent = URL_SAFE_NO_PAD.decode(keys["keys"][1]["e"].as_str().unwrap()).unwrap();
    let key = rsa::PublicKey::new(
        rsa::BoxedUint::from_be_slice_vartime(&modulus),
        rsa::BoxedUint::from_be_slice_vartime(&exponent),
    )
    .unwrap();
    key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text), &signature).unwrap();
}

#[tokio::test]
async fn without_a_key_for_their_secrets_webhooks_are_off_and_everything_else_works() {
    let app = TestApp::new().await;
    let off = TestApp::router_in(&app.store, &app.clock, &[("SALES_ORDER_WEBHOOKS__SECRET_KEYS", "[]")], |config| {
        config.http.listen = "0.0.0.0:8080".parse().unwrap();
    });
    let app = TestApp { router: off, ..app };
    let partner = app.partner().await;
    let input = json!({"url": "https://erp.example.com/"});
    signed(&partner, "PUT", "/erp", Some(&input)).await.expect_problem(501, "WEBHOOKS_OFF");
    assert_eq!(partner.get(ENDPOINTS).await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_service_that_can_keep_no_key_starts_all_the_same_and_takes_orders() {
    let app = TestApp::new().await;
    let file = app.database.folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let off = TestApp::router_in(&app.store, &app.clock, &[("SALES_ORDER_WEBHOOKS__SECRET_KEYS", "[]")], |config| {
        config.webhooks.generated_secret_key_file = file.join("key");
    });
    let app = TestApp { router: off, ..app };
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let input = json!({"url": "https://erp.example.com/"});
    signed(&partner, "PUT", "/erp", Some(&input)).await.expect_problem(501, "WEBHOOKS_OFF");
}

#[tokio::test]
async fn staff_sees_the_replays_that_are_under_way_until_they_are_done() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    let _sending = Sending::on(&app.state);
    let before = read(&partner, "erp").await["cursor"].clone();
    let number = send_order(&partner, "PO-1").await;
    receiver.events_after(1).await;
    until("the order is behind the endpoint", async || read(&partner, "erp").await["cursor"] != before).await;
    let scopes = [Permission::ClientsManage, Permission::ClientsRead];
    let password = app.client("staff", &scopes, SignaturePolicy::default(), Vec::new()).await;
    let staff = Partner::log_in(&app, "staff", password, key_of("staff")).await;
    let replay = "mutation ($input: ReplayWebhookEventsInput!) {
        replayWebhookEvents(name: \"erp\", clientId: \"versuni-client-001\", input: $input) { orderNumber } }";
    let change =
        |field: &str| format!("mutation {{ {field}(name: \"erp\", clientId: \"versuni-client-001\") {{ state }} }}");
    staff.graphql(&change("pauseWebhookEndpoint"), json!({})).await.data();
    staff.graphql(replay, json!({"input": {"orderNumber": number}})).await.data();
    staff.graphql(replay, json!({"input": {"since": "2020-01-01T00:00:00Z"}})).await.data();
    let replays = async || {
        let fields = "orderNumber delivered failed nextAttemptAt";
        let document = format!(
            "{{ webhookEndpoint(name: \"erp\", clientId: \"versuni-client-001\") {{ replays {{ {fields} }} }} }}"
        );
        staff.graphql(&document, json!({})).await.data()["webhookEndpoint"]["replays"].take()
    };
    let none_yet = |number| json!({"orderNumber": number, "delivered": 0, "failed": 0, "nextAttemptAt": null});
    assert_eq!(replays().await, json!([none_yet(json!(number)), none_yet(json!(null))]));
    staff.graphql(&change("resumeWebhookEndpoint"), json!({})).await.data();
    until("the replays are done", async || replays().await == json!([])).await;
    assert_eq!(receiver.events().len(), 3);
}
