//! Who did what to a client or to its webhooks: entries of a log that is only ever added to.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::client::ClientId;
use super::page::fault;
use super::sealer::{Purpose, Sealer, SealingFailed, old_form};
use crate::error::{FieldError, FieldErrorCode};

/// The interface that an operator used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The command line.
    Cli,
    /// GraphQL.
    Api,
}

/// Who makes a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The interface that was used.
    pub via: Via,
    /// The account at the command line, or the client over GraphQL.
    pub name: String,
    /// The machine's name at the command line, or the caller's address over GraphQL.
    pub host: String,
}

/// A kind of change to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A client was created.
    ClientCreated,
    /// Its name, its scopes or one of its policies changed.
    ClientUpdated,
    /// It is refused from then on.
    ClientDisabled,
    /// It was enabled again.
    ClientEnabled,
    /// Its sessions were ended.
    SessionsRevoked,
    /// It got a new secret.
    SecretRotated,
    /// Its secrets but the newest were ended.
    OldSecretsEnded,
    /// A public key was registered.
    KeyAdded,
    /// A public key was revoked.
    KeyRevoked,
    /// An endpoint of webhooks was made.
    WebhookEndpointCreated,
    /// An endpoint got other settings.
    WebhookEndpointUpdated,
    /// An endpoint proved that it wants to be told.
    WebhookEndpointVerified,
    /// An endpoint was paused.
    WebhookEndpointPaused,
    /// An endpoint was resumed.
    WebhookEndpointResumed,
    /// An endpoint was deleted.
    WebhookEndpointDeleted,
    /// An endpoint got a new secret.
    WebhookSecretRotated,
    /// Events are sent to an endpoint again.
    WebhookEventsReplayed,
    /// A shared view was changed by somebody else than its owner, or one that lists begin with.
    ViewUpdated,
    /// The same was deleted.
    ViewDeleted,
    /// Lists of those who have a scope begin with a view.
    DefaultViewSet,
    /// They begin with none any more.
    DefaultViewEnded,
    /// The service got a new key that signs webhooks. The client is the operator.
    WebhookKeyRotated,
    /// What is personal in an order of the client was erased.
    PersonalDataErased,
    /// Orders of the client were moved into a file.
    OrdersArchived,
}

/// The name of no interface or action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

impl Via {
    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Api => "api",
        }
    }
}

impl FromStr for Via {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        [Self::Cli, Self::Api].into_iter().find(|via| via.as_str() == name).ok_or(Unknown)
    }
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 24] = [
        Self::ClientCreated,
        Self::ClientUpdated,
        Self::ClientDisabled,
        Self::ClientEnabled,
        Self::SessionsRevoked,
        Self::SecretRotated,
        Self::OldSecretsEnded,
        Self::KeyAdded,
        Self::KeyRevoked,
        Self::WebhookEndpointCreated,
        Self::WebhookEndpointUpdated,
        Self::WebhookEndpointVerified,
        Self::WebhookEndpointPaused,
        Self::WebhookEndpointResumed,
        Self::WebhookEndpointDeleted,
        Self::WebhookSecretRotated,
        Self::WebhookEventsReplayed,
        Self::ViewUpdated,
        Self::ViewDeleted,
        Self::DefaultViewSet,
        Self::DefaultViewEnded,
        Self::WebhookKeyRotated,
        Self::PersonalDataErased,
        Self::OrdersArchived,
    ];

    /// The name in the database and wherever it is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCreated => "CLIENT_CREATED",
            Self::ClientUpdated => "CLIENT_UPDATED",
            Self::ClientDisabled => "CLIENT_DISABLED",
            Self::ClientEnabled => "CLIENT_ENABLED",
            Self::SessionsRevoked => "SESSIONS_REVOKED",
            Self::SecretRotated => "SECRET_ROTATED",
            Self::OldSecretsEnded => "OLD_SECRETS_ENDED",
            Self::KeyAdded => "KEY_ADDED",
            Self::KeyRevoked => "KEY_REVOKED",
            Self::WebhookEndpointCreated => "WEBHOOK_ENDPOINT_CREATED",
            Self::WebhookEndpointUpdated => "WEBHOOK_ENDPOINT_UPDATED",
            Self::WebhookEndpointVerified => "WEBHOOK_ENDPOINT_VERIFIED",
            Self::WebhookEndpointPaused => "WEBHOOK_ENDPOINT_PAUSED",
            Self::WebhookEndpointResumed => "WEBHOOK_ENDPOINT_RESUMED",
            Self::WebhookEndpointDeleted => "WEBHOOK_ENDPOINT_DELETED",
            Self::WebhookSecretRotated => "WEBHOOK_SECRET_ROTATED",
            Self::WebhookEventsReplayed => "WEBHOOK_EVENTS_REPLAYED",
            Self::ViewUpdated => "VIEW_UPDATED",
            Self::ViewDeleted => "VIEW_DELETED",
            Self::DefaultViewSet => "DEFAULT_VIEW_SET",
            Self::DefaultViewEnded => "DEFAULT_VIEW_ENDED",
            Self::WebhookKeyRotated => "WEBHOOK_KEY_ROTATED",
            Self::PersonalDataErased => "PERSONAL_DATA_ERASED",
            Self::OrdersArchived => "ORDERS_ARCHIVED",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        Self::ALL.into_iter().find(|action| action.as_str() == name).ok_or(Unknown)
    }
}

/// What goes with an action, such as the fingerprint of a key: names and values, never a secret.
pub type Detail = Vec<(String, String)>;

/// An entry to be written with the change that it tells of.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// Who made the change.
    pub actor: Actor,
    /// The kind of change.
    pub action: Action,
    /// The client that was changed, or whose endpoint was.
    pub client_id: ClientId,
    /// Details of the change.
    pub detail: Detail,
    /// The time of the change.
    pub at: DateTime<Utc>,
}

/// An entry as it was written.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Its id in the log, which rises.
    pub id: i64,
    /// The entry's content.
    pub entry: NewAuditEntry,
}

impl AuditEntry {
    /// The text by which clients go on from here.
    pub fn cursor(&self, sealer: &Sealer) -> Result<String, SealingFailed> {
        sealer.seal(Purpose::AuditCursor, [self.id])
    }
}

/// Reads a cursor of the log, the argument with this name, which shows the newest entry first. The form from before cursors were sealed is
/// accepted for good: clients keep cursors.
pub fn read_cursor(name: &str, text: Option<&str>, sealer: &Sealer) -> Result<Option<i64>, Vec<FieldError>> {
    let Some(text) = text else { return Ok(None) };
    if let Some([id]) = sealer.open(Purpose::AuditCursor, text) {
        return Ok(Some(id));
    }
    match old_form(text).and_then(|text| text.strip_prefix('a')?.parse().ok()) {
        Some(id) => Ok(Some(id)),
        None => Err(vec![fault(
            name,
            FieldErrorCode::Cursor,
            "is not a cursor of the log; take one from an edge or from pageInfo",
        )]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sealer;
    use super::*;

    #[test]
    fn every_action_is_read_back_from_its_name() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        assert_eq!("client_created".parse::<Action>(), Err(Unknown));
        assert_eq!("cli".parse(), Ok(Via::Cli));
    }

    #[test]
    fn a_cursor_of_the_log_is_read_back_and_nothing_else_is_one() {
        let sealer = sealer::of_tests();
        let at = |text: &str| read_cursor("after", Some(text), &sealer);
        assert_eq!(at(&sealer.seal(Purpose::AuditCursor, [42]).unwrap()), Ok(Some(42)));
        assert_eq!(at("YTQy"), Ok(Some(42)), "as it was before cursors were sealed");
        assert_eq!(at("ZTQy").unwrap_err()[0].pointer, "/after");
    }
}
