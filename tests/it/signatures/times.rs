//! How `X-TIMESTAMP` may be written, and how old it may be.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sales_order_api::auth::string_to_sign::documented_string;

use crate::support::{Answer, Partner, TestApp, Wire, order};

/// Sends an order that is right in every respect but perhaps its timestamp.
async fn send_at(partner: &Partner<'_>, timestamp: &str) -> Answer {
    let mut order = order();
    order["customer_code"] = timestamp.into();
    let signed = partner.sign_text(timestamp, &documented_string(&partner.client_id, timestamp));
    partner.send_order(&signed, &order).await
}

fn unix(instant: DateTime<Utc>) -> String {
    instant.timestamp().to_string()
}

fn iso(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// From here on unix seconds can name the very instant of the service's clock.
fn at_a_whole_second(app: &TestApp) -> DateTime<Utc> {
    app.clock.advance(Duration::from_micros(1_000_000 - u64::from(app.clock.now().timestamp_subsec_micros())));
    app.clock.now()
}

#[tokio::test]
async fn a_timestamp_is_unix_seconds_or_iso_8601_with_an_offset() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let spellings = [
        "1795441036",
        "2026-11-23T13:37:16Z",
        "2026-11-23T13:37:16.5Z",
        "2026-11-23T13:37:16.123456Z",
        "2026-11-23T20:37:16+07:00",
        "2026-11-23T20:37:16.123+07:00",
        "2026-11-23T20:37:16+0700",
        "2026-11-23T05:37:16-08:00",
    ];
    for wire in Wire::BOTH {
        for timestamp in spellings {
            let signed = partner.sign_text(timestamp, &documented_string(&partner.client_id, timestamp));
            let body = wire.order(&format!("{wire:?} {timestamp}")).to_string();
            wire.expect_created(&wire.send(&app, &signed.headers(), body).await);
        }
    }
    assert_eq!(app.database.db_number("SELECT COUNT(*) FROM sales_orders").await, 16);
}

#[tokio::test]
async fn the_signed_text_holds_the_timestamp_as_the_header_spells_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed =
        partner.sign_text("2026-11-23T20:37:16+07:00", &documented_string(&partner.client_id, "2026-11-23T13:37:16Z"));
    let problem = partner.send_order(&signed, &order()).await.expect_problem(401, "INVALID_SIGNATURE");
    assert_eq!(problem["hint"], "signed_other_timestamp");
    assert_eq!(problem["string_to_sign"], "versuni-client-001|2026-11-23T20:37:16+07:00");
    assert_eq!(problem["signed_string"], "versuni-client-001|2026-11-23T13:37:16Z");
}

#[tokio::test]
async fn exactly_five_minutes_away_is_fresh_both_ways_and_one_second_more_is_not() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let now = at_a_whole_second(&app);
    for seconds in [-300, -299, 299, 300] {
        send_at(&partner, &unix(now + TimeDelta::seconds(seconds))).await.expect(201);
    }
    for seconds in [-301, 301] {
        let refusal = send_at(&partner, &unix(now + TimeDelta::seconds(seconds))).await;
        let problem = refusal.expect_problem(401, "INVALID_TIMESTAMP");
        assert_eq!((&problem["hint"], &problem["skew_seconds"]), (&"clock_skew".into(), &seconds.into()));
    }
}

#[tokio::test]
async fn the_edge_is_held_to_the_microsecond() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let edge = TimeDelta::seconds(300);
    let beyond = edge + TimeDelta::microseconds(1);
    let now = app.clock.now();
    for fresh in [now - edge, now + edge] {
        send_at(&partner, &iso(fresh)).await.expect(201);
    }
    for (stale, skew) in [(now - beyond, -301), (now + beyond, 301)] {
        let problem = send_at(&partner, &iso(stale)).await.expect_problem(401, "INVALID_TIMESTAMP");
        // Rounded away from zero: a refused skew never reads like an allowed one.
        assert_eq!(problem["skew_seconds"], skew);
    }
}

#[tokio::test]
async fn a_request_grows_stale_while_the_clock_moves() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    at_a_whole_second(&app);
    let signed = partner.sign();
    app.clock.advance(Duration::from_mins(5));
    let number = partner.send_order(&signed, &order()).await.expect(201)["data"]["order_number"].clone();
    app.clock.advance(Duration::from_secs(1));
    // Not even the very same request: what it would find is read with GET, not with an old signature.
    partner.send_order(&signed, &order()).await.expect_problem(401, "INVALID_TIMESTAMP");
    partner.get(&format!("/api/v1/sales-orders/{}", number.as_str().unwrap())).await.expect(200);
}

#[tokio::test]
async fn an_operator_sets_the_tolerance() {
    let app = TestApp::with(|config| config.auth.timestamp_tolerance = Duration::from_secs(10)).await;
    let partner = app.partner().await;
    let now = at_a_whole_second(&app);
    send_at(&partner, &unix(now - TimeDelta::seconds(10))).await.expect(201);
    let problem = send_at(&partner, &unix(now - TimeDelta::seconds(11))).await.expect_problem(401, "INVALID_TIMESTAMP");
    assert!(problem["message"].as_str().unwrap().contains("at most 10"), "{problem}");
}
