//! Wires people: who signs in where.

use std::sync::Arc;

use super::AppState;
use crate::clock::Clock;
use crate::config::Config;
use crate::outgoing::{Outgoing, OutgoingSettings};
use crate::service::people::{PeopleRules, ProviderRules};
use crate::service::{People, Sessions};
use crate::store::Store;

/// Where the provider sends people back to.
pub const CALLBACK: &str = "/dashboard/callback";

impl AppState {
    /// People who sign in with their browsers, where they do.
    #[must_use]
    pub fn people(&self) -> Option<&People> {
        self.0.services.people.as_ref()
    }
}

/// People, where the configuration names a provider.
pub(super) fn people(
    config: &Config,
    store: &Store,
    clock: &Clock,
    sessions: &Arc<Sessions>,
) -> anyhow::Result<Option<People>> {
    let oidc = &config.oidc;
    if !oidc.is_on() {
        return Ok(None);
    }
    let outgoing = Outgoing::new(&OutgoingSettings::to_provider(&config.webhooks, oidc)?)?;
    let provider = ProviderRules {
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: oidc.client_secret().cloned(),
        scopes: oidc.scopes.clone(),
        groups_claim: oidc.groups_claim.clone(),
        redirect_uri: config.http.public_url.of(CALLBACK),
        signed_out_uri: config.http.public_url.of("/dashboard"),
        patience: config.http.request_timeout * 4 / 5,
    };
    let rules = PeopleRules { groups: oidc.groups.clone(), session_lifetime: oidc.session_lifetime };
    Ok(Some(People::new((store.clone(), clock.clone()), Arc::clone(sessions), (outgoing, provider), rules)))
}
