//! What partners read of webhooks is what they get.

use std::collections::BTreeSet;

use sales_order_api::domain::webhook_schedule::PAUSES;
use serde_json::{Value, json};

use super::{Sending, active, local, move_to, send_order};
use crate::support::{Receiver, TestApp};

const PAGE: &str = include_str!("../../../docs/webhooks.md");

/// The bodies that the page shows.
fn shown() -> Vec<Value> {
    let blocks = PAGE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| serde_json::from_str(block).unwrap()).collect()
}

fn members(value: &Value) -> BTreeSet<&String> {
    value.as_object().unwrap().keys().collect()
}

#[tokio::test]
async fn the_page_shows_the_challenge_and_the_body_that_a_receiver_gets() {
    let app = TestApp::with(local).await;
    let (partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({"kinds": ["STATUS_CHANGED"]})).await;
    let _sending = Sending::on(&app.state);
    let number = send_order(&partner, "PO-1").await;
    move_to(&operator, &number, "CONFIRMED").await;
    receiver.events_after(1).await;
    let (shown, sent) = (shown(), receiver.all());
    assert_eq!(shown.len(), sent.len());
    for (shown, sent) in shown.iter().zip(&sent) {
        assert_eq!(members(shown), members(&sent.body));
        assert_eq!(members(&shown["data"]), members(&sent.body["data"]));
        assert_eq!(shown["type"], sent.body["type"]);
        for header in sent.headers.keys().filter(|name| name.starts_with("webhook-") || *name == "traceparent") {
            assert!(PAGE.contains(&format!("`{header}`")), "{header}");
        }
        assert!(sent.header("traceparent").ends_with("-00"), "nobody records it");
    }
    assert_eq!(
        (&shown[1]["data"]["kind"], &shown[1]["data"]["status"]),
        (&json!("STATUS_CHANGED"), &json!("CONFIRMED"))
    );
}

#[test]
fn the_page_shows_the_pauses_between_attempts() {
    once!();
    let row = PAGE.lines().find(|line| line.starts_with("| after |")).unwrap();
    let cells: Vec<_> = row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).skip(1).collect();
    let shown: Vec<_> = cells.iter().map(|cell| humantime::parse_duration(cell).unwrap()).collect();
    assert_eq!(shown, PAUSES);
}
