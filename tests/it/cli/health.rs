//! A probe asks whether the service is ready.

use serde_json::json;

use super::Desk;

#[tokio::test]
async fn health_tells_ready_from_not_ready_from_not_there() {
    let desk = Desk::new().await;
    let service = desk.serve();
    let url = service.base.clone();
    let health = ["health", "--url", &url];
    assert_eq!(desk.run(&health).succeeds(), "ready\n");
    assert_eq!(desk.run(&[&health[..], &["--json"]].concat()).json(), json!({"status": "ok"}));
    // Without an address it asks the one the service is configured to listen on.
    let address = url.trim_start_matches("http://").to_owned();
    let configured = |command: &mut std::process::Command| {
        command.env("SALES_ORDER_HTTP__LISTEN", &address);
    };
    assert_eq!(desk.run_with(&["health"], "", configured).succeeds(), "ready\n");

    desk.run(&["migrate", "down", "--yes"]).succeeds();
    let said = desk.run(&health).fails();
    assert!(said.starts_with("not ready (503") && said.contains("sales-order-api migrate up"), "{said}");
    desk.run(&["migrate", "up"]).succeeds();
    assert_eq!(desk.run(&health).succeeds(), "ready\n");

    service.stop();
    let said = desk.run(&health).fails();
    assert!(said.starts_with(&format!("no answer from {url}/health/ready: ")), "{said}");
}
