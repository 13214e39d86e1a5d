//! An operator watches the service with Prometheus and Grafana, by the files in `deploy`.

mod prometheus;

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::{Database, PATIENCE, Process, Remote, installed, order, until};
use prometheus::Prometheus;
use serde_json::{Value, json};

const ALERTS: &str = include_str!("../../deploy/alerts.yml");
const DASHBOARD: &str = include_str!("../../deploy/grafana/sales-order-api.json");
const RUNBOOK: &str = include_str!("../../docs/runbook.md");

/// What stands behind this key in lines of their own.
fn values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(key)).collect()
}

/// The queries of every panel, as Grafana would send them for all instances.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let queries = panels.flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title} says what it shows");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has a unit");
        panel["targets"].as_array().unwrap().iter().map(move |target| {
            let query = target["expr"].as_str().unwrap();
            (title.to_owned(), query.replace("$instance", ".*").replace("$__rate_interval", "1m"))
        })
    });
    queries.collect()
}

/// What an alert looks at, without the bound that it compares it with.
fn without_bounds(expression: &str) -> String {
    let mut words = expression.split_whitespace().peekable();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word {
            ">=" if words.peek() == Some(&"on") => kept.push("/".to_owned()),
            // Nor is there an earlier time yet.
            "==" | ">" | ">=" | "offset" => {
                let bound = words.next().unwrap();
                kept.push(")".repeat(bound.matches(')').count()));
            }
            word => kept.push(word.to_owned()),
        }
    }
    kept.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_and_every_alert_finds_its_series_in_a_running_service() {
    once!();
    let Some(program) = installed("prometheus") else { return };
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let prometheus = Prometheus::watch(&program, &service.base).await;
    let mut queries = panels();
    // What is absent has no series by its nature.
    let looked_at = prometheus.rules().await.into_iter().filter(|(_, expression)| !expression.starts_with("absent("));
    queries.extend(looked_at.map(|(name, expression)| (name, without_bounds(&expression))));
    let mut missing = Vec::new();
    let look = until("a series for each query", async || {
        partner.create(&partner.sign(), None, &order()).await.unwrap().expect(201);
        partner.create(&partner.sign(), None, &json!({})).await.unwrap().expect_problem(400, "VALIDATION_FAILED");
        missing.clear();
        for (name, query) in &queries {
            if prometheus.series(query).await == 0 {
                missing.push(format!("{name}: {query}"));
            }
        }
        missing.is_empty()
    });
    // Long before the deadline of a test, so that it says which.
    assert!(tokio::time::timeout(PATIENCE / 4, look).await.is_ok(), "{missing:#?}");
    assert_eq!(prometheus.firing().await, Vec::<String>::new(), "a healthy service calls nobody");
}

#[test]
fn every_alert_fires_when_it_should_and_stays_silent_otherwise() {
    once!();
    let Some(program) = installed("promtool") else { return };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let output = Command::new(&program).args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let tests = values(include_str!("../../deploy/alerts.test.yml"), "- name: ");
    for alert in values(ALERTS, "- alert: ") {
        for way in ["fires", "stays silent"] {
            assert!(tests.contains(&format!("{alert} {way}").as_str()), "no test shows that {alert} {way}");
        }
    }
}

#[test]
fn every_alert_and_every_code_is_in_the_runbook() {
    let headings: BTreeSet<_> = RUNBOOK.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = values(ALERTS, "- alert: ");
    assert_eq!(headings, alerts.iter().copied().collect());
    let addresses = alerts.iter().map(|name| format!("docs/runbook.md#{}", name.to_lowercase()));
    assert_eq!(values(ALERTS, "runbook_url: "), addresses.collect::<Vec<_>>());
    let table = RUNBOOK.split_once("| code | means | do |\n|---|---|---|\n").unwrap().1;
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let codes =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split(", ").map(|code| code.trim().trim_matches('`')));
    let codes: Vec<_> = codes.collect();
    let known: BTreeSet<_> = sales_order_api::error::ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(codes.len(), known.len(), "each once");
}
