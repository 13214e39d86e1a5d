//! What an endpoint does not take comes again, and nothing of it is lost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Sending, active, attempts, local, move_to, read, send_order, signed};
use crate::support::{Partner, Received, Receiver, Reply, TestApp, found, until};

/// The documented pauses, in seconds.
const PAUSES: [i64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// Waits until an endpoint has so many events in a state.
async fn parked(partner: &Partner<'_>, name: &str, state: &str, number: u64) {
    until(&format!("{number} {state}"), async || read(partner, name).await["parked"][state] == number).await;
}

/// The attempts at an event of an order that did not succeed, the newest first.
async fn failures(partner: &Partner<'_>, number: &str) -> Vec<Value> {
    let all = attempts(partner, "erp").await;
    all.into_iter().filter(|attempt| attempt["order_number"] == number && attempt["outcome"] != "DELIVERED").collect()
}

#[tokio::test]
async fn an_event_is_sent_ten_times_while_its_order_waits_and_others_go_on() {
    let app = TestApp::with(local).await;
    let (mut partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    let stuck = send_order(&partner, "PO-1").await;
    let refused = stuck.clone();
    receiver.answer(move |event| {
        if event.order() == refused && event.sequence() == 1 {
            Reply::status(500).saying("out of paper")
        } else {
            Reply::status(200)
        }
    });
    let _sending = Sending::on(&app.state);
    receiver.events_after(1).await;
    move_to(&operator, &stuck, "CONFIRMED").await;
    let other = send_order(&partner, "PO-2").await;
    until("the other order goes on", async || receiver.events().iter().any(|event| event.order() == other)).await;
    parked(&partner, "erp", "waiting", 1).await;
    for (n, pause) in PAUSES.iter().enumerate() {
        let attempt = found("the next attempt", async || {
            let failed = failures(&partner, &stuck).await;
            (failed.len() == n + 1).then(|| failed[0].clone())
        })
        .await;
        assert_eq!((&attempt["attempt"], &attempt["status"]), (&json!(n + 1), &json!(500)));
        assert_eq!((&attempt["outcome"], &attempt["excerpt"]), (&json!("REFUSED"), &json!("out of paper")));
        let next = time(&attempt["next_attempt_at"]);
        let seconds = (next - time(&attempt["at"])).num_milliseconds();
        assert!((pause * 800..=pause * 1200 + 1000).contains(&seconds), "{pause}: {attempt}");
        app.clock.advance((next - app.clock.now()).to_std().unwrap_or_default());
        partner = partner.log_in_again().await;
    }
    // The last attempt; then its order goes on.
    let events = receiver.events_after(12).await;
    let sequences: Vec<_> = events.iter().filter(|event| event.order() == stuck).map(Received::sequence).collect();
    assert_eq!(sequences, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
    let ids: std::collections::BTreeSet<_> = events
        .iter()
        .filter(|event| event.order() == stuck && event.sequence() == 1)
        .map(|event| event.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "each attempt has the same id");
    parked(&partner, "erp", "exhausted", 1).await;
    assert_eq!(failures(&partner, &stuck).await[0]["next_attempt_at"], json!(null));
    // Replayed, it is taken, and no longer counts.
    receiver.answer(|_| Reply::status(200));
    signed(&partner, "POST", "/erp/replay", Some(&json!({"order_number": stuck}))).await.expect(202);
    parked(&partner, "erp", "exhausted", 0).await;
    let events = receiver.events_after(14).await;
    let replayed: Vec<_> =
        events[12..].iter().map(|event| (event.sequence(), event.header("webhook-trigger"))).collect();
    assert_eq!(replayed, [(1, "replay"), (2, "replay")]);
    assert_eq!(events[12].header("webhook-id"), ids.first().unwrap());
}

#[tokio::test]
async fn an_order_that_is_held_goes_on_when_its_event_is_replayed() {
    let app = TestApp::with(local).await;
    let (mut partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({"on_exhausted": "HOLD"})).await;
    receiver.answer(|_| Reply::status(500));
    let number = send_order(&partner, "PO-1").await;
    let _sending = Sending::on(&app.state);
    for n in 1..10 {
        until("the next attempt", async || failures(&partner, &number).await.len() == n).await;
        app.clock.advance(Duration::from_hours(30));
        partner = partner.log_in_again().await;
    }
    parked(&partner, "erp", "exhausted", 1).await;
    let operator = operator.log_in_again().await;
    move_to(&operator, &number, "CONFIRMED").await;
    parked(&partner, "erp", "waiting", 1).await;
    assert_eq!(receiver.events().len(), 10);
    receiver.answer(|_| Reply::status(200));
    let cursor = receiver.events()[0].body["data"]["cursor"].clone();
    signed(&partner, "POST", "/erp/replay", Some(&json!({"event": cursor}))).await.expect(202);
    let events = receiver.events_after(12).await;
    assert_eq!(events[10..].iter().map(Received::sequence).collect::<Vec<_>>(), [1, 2]);
    parked(&partner, "erp", "waiting", 0).await;
}

#[tokio::test]
async fn an_endpoint_that_asks_for_a_pause_gets_it() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    receiver.answer(|_| Reply::status(429).with("retry-after", "120"));
    let _sending = Sending::on(&app.state);
    send_order(&partner, "PO-1").await;
    let resting = found("the pause", async || {
        let endpoint = read(&partner, "erp").await;
        (!endpoint["rest_until"].is_null()).then_some(endpoint)
    })
    .await;
    let pause = time(&resting["rest_until"]) - app.clock.now();
    assert_eq!(pause.num_seconds(), 120);
    receiver.answer(|_| Reply::status(200));
    send_order(&partner, "PO-2").await;
    assert_eq!(receiver.events().len(), 1, "nothing is sent meanwhile");
    app.clock.advance(Duration::from_mins(2));
    receiver.events_after(3).await;
    until("it is well again", async || read(&partner, "erp").await["failing_since"].is_null()).await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_nothing_until_it_is_resumed_and_loses_nothing() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    receiver.answer(|_| Reply::status(410));
    let _sending = Sending::on(&app.state);
    send_order(&partner, "PO-1").await;
    until("it is off", async || read(&partner, "erp").await["state"] == "DISABLED").await;
    receiver.answer(|_| Reply::status(200));
    send_order(&partner, "PO-2").await;
    assert_eq!(receiver.events().len(), 1);
    assert_eq!(signed(&partner, "POST", "/erp/resume", None).await.expect(200)["data"]["state"], "ACTIVE");
    let events = receiver.events_after(3).await;
    let told: Vec<_> = events[1..].iter().map(|event| event.body["data"]["partner_reference"].clone()).collect();
    assert_eq!(told, ["PO-1", "PO-2"]);
}

#[tokio::test]
async fn an_endpoint_that_fails_again_and_again_is_left_alone_and_nothing_piles_up() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({"max_in_flight": 1})).await;
    receiver.answer(|_| Reply::status(503));
    let _sending = Sending::on(&app.state);
    for n in 0..30 {
        send_order(&partner, &format!("PO-{n}")).await;
    }
    let resting = found("the rest", async || {
        let endpoint = read(&partner, "erp").await;
        (!endpoint["rest_until"].is_null()).then_some(endpoint)
    })
    .await;
    assert_eq!((time(&resting["rest_until"]) - app.clock.now()).num_seconds(), 30);
    assert_eq!((receiver.events().len(), &resting["parked"]["retrying"]), (10, &json!(10)));
    // One attempt shows that the rest did not help; the next rest is twice as long, and nothing more is parked.
    app.clock.advance(Duration::from_secs(30));
    receiver.events_after(11).await;
    let resting = found("the next rest", async || {
        let endpoint = read(&partner, "erp").await;
        (time(&endpoint["rest_until"]) > app.clock.now()).then_some(endpoint)
    })
    .await;
    assert_eq!((time(&resting["rest_until"]) - app.clock.now()).num_seconds(), 60);
    assert_eq!(resting["parked"]["retrying"], 10);
    receiver.answer(|_| Reply::status(200));
    app.clock.advance(Duration::from_mins(1));
    let orders = async || {
        receiver
            .events()
            .iter()
            .skip(11)
            .map(|event| event.order().to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    until("all of them", async || orders().await.len() == 30).await;
    until("nothing is parked", async || read(&partner, "erp").await["parked"]["retrying"] == 0).await;
}

#[tokio::test]
async fn a_paused_endpoint_goes_on_where_it_was() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    let _sending = Sending::on(&app.state);
    send_order(&partner, "PO-1").await;
    receiver.events_after(1).await;
    assert_eq!(signed(&partner, "POST", "/erp/pause", None).await.expect(200)["data"]["state"], "PAUSED");
    signed(&partner, "POST", "/erp/pause", None).await.expect(200);
    send_order(&partner, "PO-2").await;
    signed(&partner, "POST", "/erp/resume", Some(&json!({}))).await.expect(200);
    let events = receiver.events_after(2).await;
    assert_eq!(events[1].body["data"]["partner_reference"], "PO-2");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_test_tells_where_it_leads() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({})).await;
    let elsewhere = format!("{}/hooks/", receiver.base);
    receiver.answer(move |_| Reply::status(308).with("location", &elsewhere));
    let tried = signed(&partner, "POST", "/erp/test", None).await.expect(200);
    assert_eq!((&tried["data"]["outcome"], &tried["data"]["trigger"]), (&json!("REDIRECT"), &json!("TEST")));
    assert_eq!(tried["location"], format!("{}/hooks/", receiver.base));
    let _sending = Sending::on(&app.state);
    send_order(&partner, "PO-1").await;
    parked(&partner, "erp", "retrying", 1).await;
    assert_eq!(attempts(&partner, "erp").await[0]["outcome"], "REDIRECT");
    assert_eq!(receiver.events().len(), 1);
}
