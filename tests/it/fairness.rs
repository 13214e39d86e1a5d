//! What one client does wrong costs itself: while others order, a flood of wrong signatures is answered slowly.

use std::time::{Duration, Instant};

use sales_order_api::domain::signature_policy::SignaturePolicy;

use crate::support::{TestApp, Wire, order};

/// The clock of the tests stands still, so whoever ordered once orders now.
#[tokio::test]
async fn a_flood_of_wrong_signatures_waits_while_another_partner_orders_and_a_few_do_not() {
    let app = TestApp::new().await;
    let flood = app.partner_named("flood", SignaturePolicy::default()).await;
    let refuse = async |wire: Wire| {
        let began = Instant::now();
        let wrong = flood.sign_text(&app.clock.now().timestamp().to_string(), "something else");
        let refusal = wire.send(&app, &wrong.headers(), wire.order("x").to_string()).await;
        wire.expect_refused(&refusal, 401, "INVALID_SIGNATURE");
        began.elapsed()
    };
    for _ in 0..50 {
        refuse(Wire::Rest).await;
    }
    let partner = app.partner().await;
    for wire in Wire::BOTH {
        let signed = partner.sign();
        wire.expect_created(&wire.send(&app, &signed.headers(), wire.order(&format!("{wire:?}")).to_string()).await);
        let waited = refuse(wire).await;
        assert!(waited >= Duration::from_millis(250), "{waited:?}");
        // A mistake of somebody else has nothing to do with it.
        let mistaken = partner.sign_text(&app.clock.now().timestamp().to_string(), "something else");
        let refusal = wire.send(&app, &mistaken.headers(), wire.order("x").to_string()).await;
        wire.expect_refused(&refusal, 401, "INVALID_SIGNATURE");
    }
}

/// The same gate stands before both, so neither is a way past it.
#[tokio::test]
async fn a_validation_counts_as_ordering_and_a_flood_of_wrong_ones_waits() {
    let app = TestApp::new().await;
    let flood = app.partner_named("flood", SignaturePolicy::default()).await;
    let refuse = async || {
        let began = Instant::now();
        let wrong = flood.sign_text(&app.clock.now().timestamp().to_string(), "something else");
        let body = order().to_string();
        let refusal = app.post_text("/api/v1/sales-orders/validation", &wrong.headers(), body).await;
        refusal.expect_problem(401, "INVALID_SIGNATURE");
        began.elapsed()
    };
    for _ in 0..50 {
        refuse().await;
    }
    app.partner().await.validate_with_key("po-1", &order()).await.expect(200);
    let waited = refuse().await;
    assert!(waited >= Duration::from_millis(250), "{waited:?}");
}
