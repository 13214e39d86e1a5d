//! What is done to endpoints is written down, whoever does it.

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use super::{active, local, send_order, signed};
use crate::support::{Partner, Receiver, TestApp, key_of};

const LOG: &str = "{ clientAuditLog(clientId: \"versuni-client-001\") {
    nodes { clientId action via actor host detail { name value } } } }";

#[tokio::test]
async fn the_log_of_a_client_names_who_changed_its_endpoints_and_what() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    let secret = active(&partner, "erp", &receiver, json!({})).await;
    let number = send_order(&partner, "PO-1").await;
    let rotated = signed(&partner, "POST", "/erp/secret", Some(&json!({}))).await.expect(200);
    signed(&partner, "POST", "/erp/replay", Some(&json!({"order_number": number}))).await.expect(202);
    // It changes nothing.
    let input = json!({"url": format!("{}/hooks", receiver.base)});
    signed(&partner, "PUT", "/erp", Some(&input)).await.expect(200);
    signed(&partner, "POST", "/erp/test", None).await.expect(200);

    let scopes = [Permission::ClientsManage, Permission::ClientsRead];
    let password = app.client("staff", &scopes, SignaturePolicy::default(), Vec::new()).await;
    let staff = Partner::log_in(&app, "staff", password, key_of("staff")).await;
    for field in ["pauseWebhookEndpoint", "resumeWebhookEndpoint"] {
        let change = format!("mutation {{ {field}(name: \"erp\", clientId: \"versuni-client-001\") {{ state }} }}");
        staff.graphql_from("192.0.2.10", &change, Value::Null).await.data();
    }
    let delete = "mutation { deleteWebhookEndpoint(name: \"erp\", clientId: \"versuni-client-001\") }";
    staff.graphql_from("192.0.2.10", delete, Value::Null).await.data();

    let mut log = staff.graphql(LOG, Value::Null).await.data()["clientAuditLog"]["nodes"].take();
    let log = log.as_array_mut().unwrap();
    log.reverse();
    let of_endpoint = &log[1..];
    let told: Vec<_> =
        of_endpoint.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["actor"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("WEBHOOK_ENDPOINT_CREATED", "versuni-client-001"),
            ("WEBHOOK_ENDPOINT_VERIFIED", "versuni-client-001"),
            ("WEBHOOK_SECRET_ROTATED", "versuni-client-001"),
            ("WEBHOOK_EVENTS_REPLAYED", "versuni-client-001"),
            ("WEBHOOK_ENDPOINT_PAUSED", "staff"),
            ("WEBHOOK_ENDPOINT_RESUMED", "staff"),
            ("WEBHOOK_ENDPOINT_DELETED", "staff"),
        ]
    );
    for entry in of_endpoint {
        assert_eq!((&entry["via"], &entry["clientId"]), (&json!("API"), &json!("versuni-client-001")));
        assert_eq!(entry["detail"][0], json!({"name": "endpoint", "value": "erp"}), "{entry}");
    }
    assert_eq!(of_endpoint[6]["host"], "192.0.2.10");
    assert_eq!(of_endpoint[3]["detail"][1], json!({"name": "order_number", "value": number}));
    let text = format!("{log:?}");
    for secret in [&*secret, rotated["secret"].as_str().unwrap()] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_change_of_an_endpoint_that_cannot_be_written_down_is_not_made() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    app.database.db_execute("ALTER TABLE client_audit_log RENAME TO client_audit_log_away").await.unwrap();
    let input = json!({"url": format!("{}/elsewhere", receiver.base)});
    for (method, path, body) in [
        ("PUT", "/erp", Some(&input)),
        ("PUT", "/new", Some(&input)),
        ("POST", "/erp/secret", Some(&json!({}))),
        ("POST", "/erp/pause", None),
        ("POST", "/erp/resume", None),
        ("POST", "/erp/replay", Some(&json!({"order_number": "SO-0000000001"}))),
        ("DELETE", "/erp", None),
    ] {
        assert!(signed(&partner, method, path, body).await.status.is_server_error(), "{method} {path}");
    }
    let endpoints = partner.get(super::ENDPOINTS).await.expect(200)["data"].take();
    let [endpoint] = endpoints.as_array().unwrap().as_slice() else { panic!("{endpoints:#}") };
    assert_eq!((&endpoint["state"], &endpoint["url"]), (&json!("ACTIVE"), &json!(format!("{}/hooks", receiver.base))));
    assert_eq!(endpoint["secrets"].as_array().unwrap().len(), 1);
}
