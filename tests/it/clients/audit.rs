//! What operators do to clients is written down, and stays as it was written.

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::json;

use super::{log, manager, refused, run};
use crate::support::{TestApp, on_postgres};

#[tokio::test]
async fn the_log_tells_the_command_line_apart_and_nothing_in_it_can_be_changed() {
    let app = TestApp::new().await;
    let manager = manager(&app).await;
    app.client("a", &[Permission::OrdersRead], SignaturePolicy::Documented, Vec::new()).await;
    let entries = log(&manager, "a").await;
    assert_eq!((&entries[0]["action"], &entries[0]["via"]), (&json!("CLIENT_CREATED"), &json!("CLI")));
    assert!(entries[0]["actor"] != "" && entries[0]["host"] != "", "{entries:?}");
    let columns = "id, client_id, action, via, actor, host, detail, created_at";
    let replace =
        format!("REPLACE INTO client_audit_log ({columns}) VALUES (1, 'a', 'KEY_ADDED', 'cli', 'b', 'c', '{{}}', 0)");
    let truncate = "TRUNCATE client_audit_log";
    let other = if on_postgres().is_some() { truncate } else { &replace };
    for change in ["UPDATE client_audit_log SET actor = 'nobody'", "DELETE FROM client_audit_log", other] {
        let refused = app.database.db_execute(change).await.unwrap_err().to_string();
        assert!(refused.contains("only ever added to"), "{refused}");
    }
    assert_eq!(log(&manager, "a").await, entries);
}

#[tokio::test]
async fn what_changes_nothing_is_not_written_down() {
    let app = TestApp::new().await;
    let manager = manager(&app).await;
    let id = json!({"clientId": "console-001"});
    let before = log(&manager, "console-001").await.len();
    run(&manager, "enableClient", "ClientInput", id.clone(), "status").await;
    run(&manager, "endOldClientSecrets", "ClientInput", id.clone(), "status").await;
    let same = json!({"clientId": "console-001", "scopes": ["clients:manage", "clients:read", "clients:read"]});
    run(&manager, "updateClient", "UpdateClientInput", same, "status").await;
    refused(&manager, "disableClient", "ClientInput", json!({"clientId": "nobody"}), "NOT_FOUND").await;
    assert_eq!(log(&manager, "console-001").await.len(), before);
    assert_eq!(log(&manager, "nobody").await.len(), 0);
}
