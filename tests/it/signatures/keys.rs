//! A client's keys come and go while it keeps sending orders.

use chrono::{DateTime, TimeDelta, Utc};
use sales_order_api::auth::private_key::PrivateKey;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::service::clients::KeyToAdd;
use serde_json::{Value, json};

use crate::support::{Answer, OTHER_KEY, PARTNER_KEY, Partner, TestApp, order};

/// The same partner, with another key in its hand.
fn with_key<'a>(partner: &Partner<'a>, key: &'static PrivateKey) -> Partner<'a> {
    Partner {
        app: partner.app,
        client_id: partner.client_id.clone(),
        secret: partner.secret.clone(),
        token: partner.token.clone(),
        key,
    }
}

async fn add_key(partner: &Partner<'_>, key: &PrivateKey, from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) {
    let id = partner.client_id.parse().unwrap();
    let key = KeyToAdd { public_key: key.public_key().to_pem(), not_before: from, expires_at: until };
    partner.app.clients.add_key(&id, key).await.unwrap();
}

async fn revoke_key(partner: &Partner<'_>, key: &PrivateKey) {
    let id = partner.client_id.parse().unwrap();
    partner.app.clients.revoke_key(&id, key.public_key().fingerprint()).await.unwrap();
}

async fn create(partner: &Partner<'_>, customer_code: &str) -> Answer {
    let mut order = order();
    order["customer_code"] = customer_code.into();
    partner.create(&order).await
}

#[track_caller]
fn assert_refused(answer: &Answer, hint: &str, made_by: Option<&PrivateKey>, tried: &[&PrivateKey]) {
    let problem = answer.expect_problem(401, "INVALID_SIGNATURE");
    assert_eq!(problem["hint"], hint);
    let made_by = made_by.map_or(Value::Null, |key| key.public_key().fingerprint().into());
    assert_eq!(problem["signed_with_key"], made_by);
    let tried: Vec<_> = tried.iter().map(|key| key.public_key().fingerprint()).collect();
    assert_eq!(problem["keys_tried"], json!(tried));
}

/// When each key of a client was last used, by fingerprint, as the operator sees it.
async fn last_uses(partner: &Partner<'_>) -> Vec<(String, Option<DateTime<Utc>>)> {
    let details = partner.app.clients.show_client(&partner.client_id.parse().unwrap()).await.unwrap();
    details.keys.into_iter().map(|key| (key.fingerprint, key.last_used_at)).collect()
}

#[tokio::test]
async fn a_partner_may_sign_with_any_of_its_active_keys() {
    let app = TestApp::new().await;
    let keys = vec![PARTNER_KEY.public_key().to_pem(), OTHER_KEY.public_key().to_pem()];
    let secret = app.client("two-keys", &[Permission::OrdersCreate], SignaturePolicy::Documented, keys).await;
    let first = Partner::log_in(&app, "two-keys", secret, &PARTNER_KEY).await;
    let second = with_key(&first, &OTHER_KEY);
    create(&first, "first").await.expect(201);
    create(&second, "second").await.expect(201);
}

#[tokio::test]
async fn a_partner_changes_its_key_without_a_gap() {
    let app = TestApp::new().await;
    let old = app.partner().await;
    let new = with_key(&old, &OTHER_KEY);
    create(&old, "before, old").await.expect(201);
    assert_refused(&create(&new, "before, new").await, "signature_mismatch", None, &[&PARTNER_KEY]);

    add_key(&old, &OTHER_KEY, None, None).await;
    create(&old, "between, old").await.expect(201);
    create(&new, "between, new").await.expect(201);

    revoke_key(&old, &PARTNER_KEY).await;
    create(&new, "after, new").await.expect(201);
    let refusal = create(&old, "after, old").await;
    assert_refused(&refusal, "signed_with_revoked_key", Some(&PARTNER_KEY), &[&OTHER_KEY]);
    assert_eq!(app.database.db_number("SELECT COUNT(*) FROM sales_orders").await, 4);
}

#[tokio::test]
async fn a_key_counts_from_its_first_instant_until_just_before_its_last() {
    let app = TestApp::new().await;
    let usual = app.partner().await;
    let temporary = with_key(&usual, &OTHER_KEY);
    let now = app.clock.now();
    let (hour, moment) = (TimeDelta::hours(1), TimeDelta::microseconds(1));
    add_key(&usual, &OTHER_KEY, Some(now + hour), Some(now + hour * 2)).await;

    app.clock.advance((hour - moment).to_std().unwrap());
    let refusal = create(&temporary, "before").await;
    assert_refused(&refusal, "signed_with_future_key", Some(&OTHER_KEY), &[&PARTNER_KEY]);
    app.clock.advance(moment.to_std().unwrap());
    create(&temporary, "first instant").await.expect(201);
    app.clock.advance((hour - moment).to_std().unwrap());
    create(&temporary, "last instant").await.expect(201);
    app.clock.advance(moment.to_std().unwrap());
    let refusal = create(&temporary, "after").await;
    assert_refused(&refusal, "signed_with_expired_key", Some(&OTHER_KEY), &[&PARTNER_KEY]);
    create(&usual, "the other key goes on").await.expect(201);
}

#[tokio::test]
async fn a_partner_without_an_active_key_is_told_so() {
    let app = TestApp::new().await;
    let secret = app.client("no-keys", &[Permission::OrdersCreate], SignaturePolicy::Documented, Vec::new()).await;
    let partner = Partner::log_in(&app, "no-keys", secret, &PARTNER_KEY).await;
    assert_refused(&create(&partner, "none").await, "no_usable_key", None, &[]);
    add_key(&partner, &OTHER_KEY, None, None).await;
    revoke_key(&partner, &OTHER_KEY).await;
    assert_refused(&create(&partner, "only a revoked one").await, "no_usable_key", None, &[]);
    add_key(&partner, &PARTNER_KEY, None, None).await;
    create(&partner, "one").await.expect(201);
}

#[tokio::test]
async fn an_operator_sees_when_each_key_was_last_used() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    add_key(&partner, &OTHER_KEY, None, None).await;
    let [first, second] = [&PARTNER_KEY, &OTHER_KEY].map(|key| key.public_key().fingerprint().to_owned());
    assert_eq!(last_uses(&partner).await, [(first.clone(), None), (second.clone(), None)]);

    // A refused signature is no use of a key.
    let mut stale = partner.sign();
    stale.timestamp = "1".to_owned();
    partner.send_order(&stale, &order()).await.expect_problem(401, "INVALID_TIMESTAMP");
    assert_eq!(last_uses(&partner).await[0].1, None);

    let at = app.clock.now();
    create(&partner, "one").await.expect(201);
    assert_eq!(last_uses(&partner).await, [(first.clone(), Some(at)), (second.clone(), None)]);
    app.clock.advance(TimeDelta::hours(1).to_std().unwrap());
    let later = app.clock.now();
    create(&with_key(&partner, &OTHER_KEY), "two").await.expect(201);
    assert_eq!(last_uses(&partner).await, [(first, Some(at)), (second, Some(later))]);
}
