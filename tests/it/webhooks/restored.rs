//! A database that lost its last changes: what comes at the same positions is sent all the same.

use std::time::Duration;

use serde_json::json;

use super::{Sending, active, local, read, send_order};
use crate::restored::lose_orders_after;
use crate::support::{Receiver, TestApp, until};

#[tokio::test]
async fn an_endpoint_that_was_told_of_what_a_restored_database_lost_is_told_of_what_comes_in_its_place() {
    let app = TestApp::with(|config| {
        local(config);
        config.webhooks.lease = Duration::from_secs(1);
    })
    .await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    let _sending = Sending::on(&app.state);
    for n in 0..5 {
        send_order(&partner, &format!("lost-{n}")).await;
    }
    receiver.events_after(5).await;
    let position = "SELECT position FROM webhook_endpoints";
    until("it is written down", async || app.database.db_number(position).await == 5).await;
    lose_orders_after(&app, 2).await;
    until("the endpoint is taken back", async || app.database.db_number(position).await == 2).await;
    for n in 0..3 {
        send_order(&partner, &format!("new-{n}")).await;
    }
    let events = receiver.events_after(8).await;
    let told: Vec<_> = events[5..].iter().map(|event| event.body["data"]["partner_reference"].clone()).collect();
    assert_eq!(told, ["new-0", "new-1", "new-2"]);
    assert_eq!(read(&partner, "erp").await["parked"]["retrying"], 0);
}
