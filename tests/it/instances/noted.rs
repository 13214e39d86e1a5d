//! Instances say that they run and how they are configured, so that an operator sees which one is unlike the others.

use reqwest::Method;
use sales_order_api::domain::permission::Permission;
use serde_json::{Value, json};

use super::{operator, serve, serve_at_once};
use crate::support::{Database, Process, Remote, found, until};

const LOOK: &str =
    "{ serviceInstances { name version isRunning waitingOrders pools { name used max } differingSettings } }";

async fn auditor(database: &Database, base: &str) -> Remote {
    let secret = Remote::register_with(database, "auditor", vec![Permission::ClientsRead]).await;
    Remote::log_in(base, "auditor", &secret).await
}

async fn instances(auditor: &Remote) -> Vec<Value> {
    let answer = auditor.request(Method::POST, "/graphql", Some(&json!({"query": LOOK}))).await.unwrap();
    answer.expect(200)["data"]["serviceInstances"].as_array().unwrap().clone()
}

/// The end of an instance's name.
fn port(service: &Process) -> String {
    format!(":{}", service.base.rsplit(':').next().unwrap())
}

fn is_named(instance: &Value, service: &Process) -> bool {
    instance["name"].as_str().unwrap().ends_with(&port(service))
}

async fn metrics(service: &Process) -> String {
    Remote::at_door(&service.base, "nobody").get("/metrics").await.text
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_every_instance_that_runs_and_none_that_was_stopped() {
    let database = Database::new().await;
    let [(_at_one, one), (_at_two, two)] = serve_at_once(&database.url);
    let auditor = auditor(&database, &one.base).await;
    let both = found("both instances", async || {
        let found = instances(&auditor).await;
        (found.len() == 2).then_some(found)
    })
    .await;
    for instance in &both {
        assert!(is_named(instance, &one) || is_named(instance, &two), "{instance}");
        assert_eq!(instance["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!((&instance["isRunning"], &instance["waitingOrders"]), (&json!(true), &json!(0)), "{instance}");
        assert_eq!(instance["differingSettings"], json!([]), "{instance}");
        assert!(instance["pools"].as_array().unwrap().iter().any(|pool| pool["name"] == "core"), "{instance}");
    }
    let said = two.stop();
    let left = instances(&auditor).await;
    // On a machine that is too slow for it, it says so.
    let is_gone = left.len() == 1 && is_named(&left[0], &one);
    assert!(is_gone || said.contains("could not note that it ends"), "the other one was stopped: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_was_killed_is_gone_after_it_was_silent_for_a_while_and_forgotten_the_day_after() {
    let database = Database::new().await;
    let [(_at_one, one), (_at_two, two)] = serve_at_once(&database.url);
    let auditor = auditor(&database, &one.base).await;
    until("both instances", async || instances(&auditor).await.len() == 2).await;
    let of_two = port(&two);
    two.kill();
    let age = async |seconds: u32| {
        let micros = u64::from(seconds) * 1_000_000;
        let sql = format!("UPDATE instances SET seen_at = seen_at - {micros} WHERE name LIKE '%{of_two}'");
        database.db_execute(&sql).await.unwrap();
    };
    age(60).await;
    let found = instances(&auditor).await;
    let killed = found.iter().find(|instance| !is_named(instance, &one)).unwrap();
    assert_eq!(killed["isRunning"], json!(false));
    age(24 * 60 * 60).await;
    assert_eq!(instances(&auditor).await.len(), 1);
    // Whoever starts next takes the row away.
    let [_started] = serve_at_once(&database.url);
    let rows = format!("SELECT count(*) FROM instances WHERE name LIKE '%{of_two}'");
    until("the row is taken away", async || database.db_number(&rows).await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_configured_unlike_another_is_named_in_its_log_to_staff_and_by_doctor() {
    let database = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let one = serve(folder.path(), &database.url);
    let auditor = auditor(&database, &one.base).await;
    until("one instance", async || instances(&auditor).await.len() == 1).await;
    let folder = tempfile::tempdir().unwrap();
    let odd = Process::serve(folder.path(), &database.url, |command| {
        command
            .env("SALES_ORDER_AUTH__JWT_SECRET", "another secret of more than 32 bytes for one instance")
            .env("SALES_ORDER_ORDERS__DEFAULT_CURRENCY", "EUR")
            // Its own affair.
            .env("SALES_ORDER_DATABASE__MAX_CONNECTIONS", "8")
            .env("SALES_ORDER_LOG__FILTER", "debug");
    });
    let expected = ["auth.jwt_secret", "orders.default_currency", "webhooks.secret_keys"];
    until("both differ", async || {
        let found = instances(&auditor).await;
        found.len() == 2 && found.iter().all(|instance| instance["differingSettings"] == json!(expected))
    })
    .await;
    let warned = format!("\"settings\":\"{}\"", expected.join(", "));
    until("the log of the odd one names them", async || {
        odd.log().lines().any(|line| line.contains(&warned) && line.contains(&port(&one)) && line.contains("WARN"))
    })
    .await;

    let metrics = metrics(&odd).await;
    assert!(metrics.contains("\ninstances_configured_differently 1\n"), "{metrics}");

    let report = operator(&database, &["doctor"]);
    let checks = report["checks"].as_array().unwrap();
    let said = checks.iter().find(|check| check["check"] == "instances").unwrap();
    assert_eq!(said["state"], "warning", "{said}");
    let text = said["found"].as_str().unwrap();
    for name in expected {
        assert!(text.contains(name), "{said}");
    }
    // Names alone: neither a value nor what could be guessed from.
    for secret in ["another secret", "one secret", "EUR"] {
        assert!(!report.to_string().contains(secret) && !odd.log().contains(&format!("\"{secret}")), "{report}");
    }
    let stored = database.db_text("SELECT configuration FROM instances ORDER BY started_at DESC LIMIT 1").await;
    assert!(stored.contains("orders.default_currency") && !stored.contains("EUR"), "{stored}");
}
