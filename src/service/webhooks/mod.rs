//! Webhooks: endpoints that are told of what happens to orders.
//!
//! An endpoint is a cursor over the feed. One instance has the lease of each endpoint and sends to it ([`delivery`]); all instances
//! may change what its owner decided ([`endpoints`]). What is sent, and in which order, is `domain::webhook_lane`'s.

mod audit;
mod delivery;
mod endpoints;
mod log;
mod message;
mod replays;
mod signing;
mod trials;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

pub use self::endpoints::{EndpointDetails, Saved};
pub use self::log::AttemptsPage;
pub use self::signing::{KeyKind, SigningKey};
pub use self::trials::Trial;
use super::caller::Principal;
use super::directory::ClientDirectory;
use super::events::Events;
use super::sealing::Sealing;
use super::slots::Slots;
use crate::auth::vault::Vault;
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::client::ClientId;
use crate::domain::event::Position;
use crate::domain::webhook::PayloadForm;
use crate::error::{AppError, ErrorCode};
use crate::outgoing::Outgoing;
use crate::store::Store;

/// How webhooks are sent.
#[derive(Debug, Clone, Copy)]
pub struct WebhookRules {
    /// The most that this process sends side by side.
    pub in_flight: usize,
    /// After how long an endpoint is another instance's whose instance said nothing.
    pub lease: Duration,
    /// How long an attempt is kept in the log.
    pub log_retention: Duration,
}

/// Manages endpoints on somebody's behalf, and sends to them. Cloning shares it.
#[derive(Clone)]
pub struct Webhooks(Arc<Shared>, Actor);

struct Shared {
    store: Store,
    clock: Clock,
    directory: ClientDirectory,
    events: Events,
    sealing: Arc<Sealing>,
    outgoing: Outgoing,
    vault: Vault,
    rules: WebhookRules,
    trials: Slots<ClientId>,
    /// Told when an endpoint changed here: whoever sends to it need not wait until it looks.
    changed: Notify,
}

/// What webhooks need.
pub struct WebhookParts {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Clients, whose permissions say what they are told.
    pub directory: ClientDirectory,
    /// The feed.
    pub events: Events,
    /// Seals ids and cursors.
    pub sealing: Arc<Sealing>,
    /// Sends.
    pub outgoing: Outgoing,
    /// Seals secrets.
    pub vault: Vault,
    /// How webhooks are sent.
    pub rules: WebhookRules,
    /// On whose behalf endpoints are managed.
    pub actor: Actor,
}

/// How many tests and verifications one client may have in [`trials::TRIAL_COUNTS`]: each is a request to an address of its choice.
const TRIALS: usize = 20;

/// What is sent of an event.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The body.
    pub body: Vec<u8>,
    /// The event's cursor in the feed.
    pub cursor: String,
    /// Its number in the order's history.
    pub sequence: i64,
}

/// Makes what is sent of events: `None` of those that their reader may not see.
pub trait Payloads: Send + Sync {
    /// The bodies for events at these positions, as this reader may see them.
    fn of<'a>(
        &'a self,
        reader: Principal,
        form: PayloadForm,
        positions: &'a [Position],
    ) -> BoxFuture<'a, Result<HashMap<Position, Payload>, AppError>>;
}

impl Webhooks {
    /// Webhooks of these parts.
    #[must_use]
    pub fn new(parts: WebhookParts) -> Self {
        let WebhookParts { store, clock, directory, events, sealing, outgoing, vault, rules, actor } = parts;
        let (trials, changed) = (Slots::new(TRIALS), Notify::new());
        let shared = Shared { store, clock, directory, events, sealing, outgoing, vault, rules, trials, changed };
        Self(Arc::new(shared), actor)
    }

    /// The same on behalf of somebody else.
    #[must_use]
    pub fn on_behalf_of(&self, actor: Actor) -> Self {
        Self(Arc::clone(&self.0), actor)
    }

    /// Refuses where there is no key to seal secrets with.
    fn ensure_on(&self) -> Result<(), AppError> {
        if self.0.vault.has_key() {
            return Ok(());
        }
        let message =
            "Webhooks are off: no key is set to keep their secrets with (webhooks.secret_keys); ask the operator";
        Err(AppError::new(ErrorCode::WebhooksOff, message))
    }

    /// A client as a reader of what it is told; `None` where it is not there or may not log in.
    async fn reader(&self, client: &ClientId) -> Result<Option<Principal>, AppError> {
        let known = self.0.directory.find(client).await?.filter(|known| known.client.disabled_at.is_none());
        Ok(known.map(|known| Principal { permissions: known.client.permissions.clone(), known }))
    }
}
