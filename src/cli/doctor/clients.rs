//! Clients and webhooks: what will stop working, and what has.

use anyhow::Result;
use chrono::TimeDelta;

use super::{Found, Report};
use crate::app::{self, Store};
use crate::auth::registered_key::KeyStatus;
use crate::cli::output::instant;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::client::ClientKind;
use crate::domain::permission::Permission;
use crate::domain::webhook::EndpointState;
use crate::service::clients::ClientDetails;

const CHECKS: [&str; 4] = ["client_keys", "client_credentials", "signing_keys", "webhooks"];

/// How long before its end a key is told of.
const SOON: TimeDelta = TimeDelta::days(30);

/// So many events are sent within a minute.
const FAR_BEHIND: i64 = 10_000;

pub(super) async fn look(report: &mut Report, config: &Config, store: Option<&Store>) {
    let Some(store) = store else {
        report.skip(&CHECKS, "the database cannot be read");
        return;
    };
    let clock = Clock::system();
    let clients = app::clients(store, &clock);
    let mut listed = Vec::new();
    let keys = async {
        listed = clients.list_clients().await?;
        listed.retain(|details| details.client.disabled_at.is_none() && details.client.kind == ClientKind::Machine);
        let remedy = "`client key add` the next one, and `client key revoke` the old one when it is idle";
        let ending: Vec<_> = listed.iter().flat_map(|details| ending_keys(details, &clock)).collect();
        Ok(Found::wrong(&ending, remedy, "none ends within 30 days"))
    };
    if report.look("client_keys", "look at the log of the database", keys).await {
        let useless: Vec<_> = listed.iter().filter_map(|details| lack(details, &clock)).collect();
        let remedy = "`client key add` or `client rotate-secret`; `client disable` whoever is gone";
        let well = format!("active clients: {}", listed.len());
        report.note("client_credentials", Found::wrong(&useless, remedy, well));
    } else {
        report.skip(&["client_credentials"], "clients cannot be read");
    }
    let remedy = "look at the log of the database";
    report.look("signing_keys", remedy, signing_keys(config, store, &clock)).await;
    report.look("webhooks", remedy, webhooks(store)).await;
}

fn ending_keys(details: &ClientDetails, clock: &Clock) -> Vec<String> {
    let now = clock.now();
    let ends = details.keys.iter().filter_map(|key| {
        let at = key.expires_at.filter(|at| *at <= now + SOON)?;
        let what = match KeyStatus::at(now, key.not_before, key.expires_at, key.revoked_at) {
            KeyStatus::Revoked => return None,
            KeyStatus::Expired => "expired on",
            _ => "expires on",
        };
        Some(format!("the key {} of {} {what} {}", key.fingerprint, details.client.client_id, instant(at)))
    });
    ends.collect()
}

/// What a client lacks to log in or to sign.
fn lack(details: &ClientDetails, clock: &Clock) -> Option<String> {
    let id = &details.client.client_id;
    if details.secrets.is_empty() {
        return Some(format!("{id} has no secret and cannot log in"));
    }
    let is_usable = |status| matches!(status, KeyStatus::Active | KeyStatus::NotYetActive);
    let mut keys = details.keys.iter();
    let status = |key: &crate::service::clients::StoredPublicKey| {
        KeyStatus::at(clock.now(), key.not_before, key.expires_at, key.revoked_at)
    };
    let signs = details.client.permissions.contains(&Permission::OrdersCreate);
    (signs && !keys.any(|key| is_usable(status(key))))
        .then(|| format!("{id} may create orders and has no key to sign with"))
}

async fn signing_keys(config: &Config, store: &Store, clock: &Clock) -> Result<Found> {
    let vault = app::vault(config)?;
    let keys = store.list_webhook_signing_keys(clock.now()).await?;
    let sealed: Vec<_> =
        keys.iter().filter(|key| !vault.opens(&key.sealed_by)).map(|key| key.sealed_by.clone()).collect();
    if sealed.is_empty() {
        return Ok(Found::ok(format!("that sign webhooks: {}", keys.len())));
    }
    let remedy = "add the key that sealed them to webhooks.secret_keys of every instance";
    Ok(Found::error(format!("sealed with keys that this configuration does not have: {}", sealed.join(", ")), remedy))
}

async fn webhooks(store: &Store) -> Result<Found> {
    let endpoints = store.count_webhook_endpoints().await?;
    let (all, failing) = endpoints.iter().fold((0, 0), |(all, bad), (_, count, failing)| (all + count, bad + failing));
    let parked = store.count_webhook_parked(None).await?;
    let last = store.find_last_given_position().await?.get();
    let active = store.list_webhook_endpoints(None).await?.into_iter();
    let active = active.filter(|endpoint| endpoint.state == EndpointState::Active);
    let behind = active.map(|endpoint| last - endpoint.position.get()).max().unwrap_or_default().max(0);
    let found = format!(
        "endpoints: {all}, failing: {failing}; events that wait for another attempt: {}, given up: {}; furthest behind: {behind} \
         events of the feed",
        parked.retrying + parked.waiting,
        parked.exhausted
    );
    if failing > 0 || parked.exhausted > 0 {
        let remedy = "`webhook list` and `webhook attempts` tell why; when the receiver is well, `webhook replay`";
        return Ok(Found::warning(found, remedy));
    }
    if behind > FAR_BEHIND {
        let remedy = "see that an instance runs that has webhooks.secret_keys; a receiver that is slow needs more --max-in-flight";
        return Ok(Found::warning(found, remedy));
    }
    Ok(Found::ok(found))
}
