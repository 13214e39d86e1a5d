//! Clients and webhooks: what will stop working, and what has.

use std::collections::HashSet;

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::{Found, Report};
use crate::app::{self, Store};
use crate::auth::registered_key::KeyStatus;
use crate::cli::output::instant;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::client::{ClientId, ClientKind};
use crate::domain::permission::Permission;
use crate::domain::webhook::{EndpointState, WebhookEndpoint};
use crate::service::clients::{ClientDetails, EXPIRES_SOON, StoredPublicKey};

const CHECKS: [&str; 4] = ["client_keys", "client_credentials", "signing_keys", "webhooks"];

/// So many events are sent within a minute.
const FAR_BEHIND: i64 = 10_000;

pub(super) async fn look(report: &mut Report, config: &Config, store: Option<&Store>) {
    let Some(store) = store else {
        report.skip(&CHECKS, "the database cannot be read");
        return;
    };
    let clock = Clock::system();
    let clients = app::clients(store, &clock);
    let (mut listed, mut disabled) = (Vec::new(), HashSet::new());
    let keys = async {
        listed = clients.list_clients().await?;
        let gone = listed.iter().map(|details| &details.client).filter(|client| client.disabled_at.is_some());
        disabled.extend(gone.map(|client| client.client_id.clone()));
        listed.retain(|details| details.client.disabled_at.is_none() && details.client.kind == ClientKind::Machine);
        let remedy = "`client key add` the next one, and `client key revoke` the old one when it is idle";
        let ending: Vec<_> = listed.iter().flat_map(|details| ending_keys(details, &clock)).collect();
        Ok(Found::wrong(&ending, remedy, "none ends within two weeks"))
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
    report.look("webhooks", remedy, webhooks(store, &disabled)).await;
}

fn ending_keys(details: &ClientDetails, clock: &Clock) -> Vec<String> {
    let now = clock.now();
    let status = |key: &StoredPublicKey| KeyStatus::at(now, key.not_before, key.expires_at, key.revoked_at);
    // Another one takes over: it is valid before this one ends, and for longer.
    let is_followed = |at: DateTime<Utc>| {
        details.keys.iter().any(|key| {
            matches!(status(key), KeyStatus::Active | KeyStatus::NotYetActive)
                && key.not_before.is_none_or(|start| start <= at.max(now))
                && key.expires_at.is_none_or(|end| end > at)
        })
    };
    let ends = details.keys.iter().filter_map(|key| {
        let at = key.expires_at.filter(|at| *at <= now + EXPIRES_SOON && !is_followed(*at))?;
        let what = match status(key) {
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
    let status = |key: &StoredPublicKey| KeyStatus::at(clock.now(), key.not_before, key.expires_at, key.revoked_at);
    let signs = details.client.permissions.contains(&Permission::OrdersCreate);
    (signs && !keys.any(|key| is_usable(status(key))))
        .then(|| format!("{id} may create orders and has no key to sign with"))
}

async fn signing_keys(config: &Config, store: &Store, clock: &Clock) -> Result<Found> {
    let vault = app::vault(config)?;
    let keys = store.list_webhook_signing_keys(clock.now()).await?;
    let mut sealed = store.list_webhook_secret_seals(clock.now()).await?;
    let well = match (keys.len(), sealed.is_empty()) {
        (0, true) => "no webhook is signed yet".to_owned(),
        (0, false) => "the secrets of endpoints can be opened".to_owned(),
        (count, _) => format!("keys: {count}; they and the secrets of endpoints can be opened"),
    };
    sealed.extend(keys.into_iter().map(|key| key.sealed_by));
    sealed.retain(|by| !vault.opens(by));
    sealed.sort_unstable();
    sealed.dedup();
    if sealed.is_empty() {
        return Ok(Found::ok(well));
    }
    let remedy = "add the key that sealed them to webhooks.secret_keys of every instance";
    Ok(Found::error(format!("sealed with keys that this configuration does not have: {}", sealed.join(", ")), remedy))
}

/// Endpoints of clients that are disabled, and those that are paused or not verified yet, are sent nothing.
async fn webhooks(store: &Store, disabled: &HashSet<ClientId>) -> Result<Found> {
    let endpoints = store.list_webhook_endpoints(None).await?;
    let all = endpoints.len();
    let is_sent =
        |endpoint: &WebhookEndpoint| endpoint.state == EndpointState::Active && !disabled.contains(&endpoint.client_id);
    let active: Vec<_> = endpoints.into_iter().filter(is_sent).collect();
    let failing = active.iter().filter(|endpoint| endpoint.failing_since.is_some()).count();
    let parked = store.count_webhook_parked(None).await?;
    let last = store.find_last_given_position().await?.get();
    let behind = active.iter().map(|endpoint| last - endpoint.position.get()).max().unwrap_or_default().max(0);
    let found = format!(
        "endpoints: {all}, active: {}, failing: {failing}; events that wait for another attempt: {}, given up: {}; furthest behind: {behind} \
         events of the feed",
        active.len(),
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
