//! What `doctor` finds of events that are old.

use super::{examine_with, installation};

#[tokio::test]
async fn a_reader_that_keeps_old_events_is_named() {
    let desk = installation().await;
    desk.run(&["generate", "--orders", "5", "--days", "90"]).succeeds();
    let examine = |retention: &str| {
        examine_with(&desk, &[], |command| {
            command.env("SALES_ORDER_EVENTS__RETENTION", retention);
        })
    };
    assert_eq!(examine("1h").said("events").1, "everybody has read what is old");
    let consumer = "INSERT INTO event_consumers (client_id, name, position, created_at, updated_at)
                    VALUES ('partner-1', 'forgotten', 0, 0, 0)";
    desk.execute(consumer).await;
    examine("1h").finds("events", "warning", "consumer forgotten of partner-1 has not read old events", "delete it");
    assert_eq!(examine("3650d").said("events").0, "ok");
    assert_eq!(examine("0s").said("events").1, "kept for ever");
}
