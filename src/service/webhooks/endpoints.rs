//! Endpoints, as their owners and staff see and change them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::Webhooks;
use super::audit::changes;
use crate::domain::audit::{Action, Detail, NewAuditEntry};
use crate::domain::client::{ClientId, ClientKind};
use crate::domain::event::Position;
use crate::domain::own_name::OwnName;
use crate::domain::webhook::{
    EndpointSettings, EndpointState, MAX_ENDPOINTS, PAYLOAD_VERSION, ParkedCounts, WebhookEndpoint,
};
use crate::error::{AppError, ErrorCode, FieldError, FieldErrorCode};

/// An endpoint that was written.
pub struct Saved {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// Its secret, where it is new.
    pub secret: Option<SecretString>,
}

/// What is known of an endpoint beside its settings.
#[derive(Debug, Clone)]
pub struct EndpointDetails {
    /// What it did not take.
    pub parked: ParkedCounts,
    /// Its secrets that sign now, the newest first: what tells each from others, and until when it signs.
    pub secrets: Vec<(String, Option<DateTime<Utc>>)>,
}

impl Webhooks {
    /// The endpoints of a client, or of all, by client and name.
    pub async fn endpoints(&self, client: Option<&ClientId>) -> Result<Vec<WebhookEndpoint>, AppError> {
        Ok(self.0.store.list_webhook_endpoints(client).await?)
    }

    /// The client's endpoint of this name.
    pub async fn endpoint(&self, client: &ClientId, name: &OwnName) -> Result<WebhookEndpoint, AppError> {
        let found = self.0.store.find_webhook_endpoint(client, name).await?;
        found.ok_or_else(|| {
            AppError::new(ErrorCode::NotFound, format!("There is no webhook endpoint {name} of client {client}"))
        })
    }

    /// What is known of an endpoint beside its settings.
    pub async fn details(&self, endpoint: i64) -> Result<EndpointDetails, AppError> {
        let (store, now) = (&self.0.store, self.0.clock.now());
        let parked = store.count_webhook_parked(Some(endpoint)).await?;
        let secrets = store.list_webhook_secrets(endpoint, now).await?;
        let secrets = secrets.into_iter().map(|secret| (secret.fingerprint, secret.expires_at)).collect();
        Ok(EndpointDetails { parked, secrets })
    }

    /// Writes the settings of an endpoint, or makes it: pending until it is verified, and to be told of everything after a position, or
    /// else from now on. To say the same again changes nothing.
    pub async fn save_endpoint(
        &self,
        client: &ClientId,
        name: &OwnName,
        settings: EndpointSettings,
        after: Option<Position>,
    ) -> Result<Saved, AppError> {
        self.ensure_on()?;
        self.ensure_machine(client).await?;
        let mut settings = settings;
        let target = self.0.outgoing.target(&settings.url);
        let target = target.map_err(|fault| AppError::invalid(vec![fault_of_url(&fault.to_string())]))?;
        // In the one spelling in which it is sent, so that the same place is not two.
        target.as_str().clone_into(&mut settings.url);
        let now = self.0.clock.now();
        let position = match after {
            Some(after) => {
                self.0.events.ensure_not_ahead(after).await?;
                after
            }
            None => self.0.store.find_last_position().await?,
        };
        let (secret, sealed) = self.new_secret()?;
        let (entry, wanted) =
            (self.entry(Action::WebhookEndpointCreated, client, name, Detail::new()), settings.clone());
        let tell = move |before: Option<&EndpointSettings>| {
            let changes = changes(before, &wanted);
            let action = before.map_or(Action::WebhookEndpointCreated, |_| Action::WebhookEndpointUpdated);
            let is_told = !changes.is_empty();
            is_told.then(|| NewAuditEntry { action, detail: [entry.detail.clone(), changes].concat(), ..entry })
        };
        let endpoint = WebhookEndpoint {
            id: 0,
            client_id: client.clone(),
            name: name.clone(),
            settings,
            version: PAYLOAD_VERSION,
            state: EndpointState::Pending,
            position,
            rest_until: None,
            trips: 0,
            failing_since: None,
            created_at: now,
            updated_at: now,
            verified_at: None,
        };
        let saved = self.0.store.save_webhook_endpoint(endpoint, sealed, MAX_ENDPOINTS, tell).await?;
        let saved = saved.ok_or_else(|| {
            let message = format!("A client may have {MAX_ENDPOINTS} webhook endpoints; delete one, then make another");
            AppError::new(ErrorCode::Conflict, message)
        })?;
        self.0.changed.notify_one();
        Ok(Saved { endpoint: saved.endpoint, secret: saved.is_new.then_some(secret) })
    }

    /// Refuses an endpoint of a person, which would be told of orders after the person has left.
    async fn ensure_machine(&self, client: &ClientId) -> Result<(), AppError> {
        let found = self.0.store.find_client(client.as_str()).await?;
        if found.is_some_and(|client| client.kind == ClientKind::Person) {
            let message = format!(
                "{client} is a person, and webhooks are sent for programs; make the endpoint for a client of its own"
            );
            return Err(AppError::new(ErrorCode::Conflict, message));
        }
        Ok(())
    }

    /// Gives an endpoint a new secret, beside which the present ones sign for so long.
    pub async fn rotate_secret(
        &self,
        client: &ClientId,
        name: &OwnName,
        overlap: Duration,
    ) -> Result<(WebhookEndpoint, SecretString), AppError> {
        self.ensure_on()?;
        let endpoint = self.endpoint(client, name).await?;
        let now = self.0.clock.now();
        if self.0.store.list_webhook_secrets(endpoint.id, now).await?.len() >= MAX_SECRETS {
            let message = format!("An endpoint may have {MAX_SECRETS} secrets at once; wait until one has ended");
            return Err(AppError::new(ErrorCode::Conflict, message));
        }
        let (secret, sealed) = self.new_secret()?;
        let until = now + overlap;
        let detail =
            vec![("secret".to_owned(), sealed.fingerprint.clone()), ("previous_until".to_owned(), until.to_rfc3339())];
        let entry = self.entry_of(Action::WebhookSecretRotated, &endpoint, detail);
        self.0.store.rotate_webhook_secret(endpoint.id, sealed, until, entry).await?;
        self.0.changed.notify_one();
        Ok((self.endpoint(client, name).await?, secret))
    }

    /// Sends nothing to an endpoint until it is resumed. It goes on where it was.
    pub async fn pause(&self, client: &ClientId, name: &OwnName) -> Result<WebhookEndpoint, AppError> {
        let endpoint = self.endpoint(client, name).await?;
        if endpoint.state == EndpointState::Paused {
            return Ok(endpoint);
        }
        let (from, action) = (&[EndpointState::Active], Action::WebhookEndpointPaused);
        self.move_to(&endpoint, from, EndpointState::Paused, action, "only an active endpoint can be paused").await
    }

    /// Sends to an endpoint again that was paused or disabled, or that rests.
    pub async fn resume(&self, client: &ClientId, name: &OwnName) -> Result<WebhookEndpoint, AppError> {
        let endpoint = self.endpoint(client, name).await?;
        let from = &[EndpointState::Paused, EndpointState::Disabled, EndpointState::Active];
        self.move_to(&endpoint, from, EndpointState::Active, Action::WebhookEndpointResumed, "verify it first").await
    }

    pub(super) async fn move_to(
        &self,
        endpoint: &WebhookEndpoint,
        from: &'static [EndpointState],
        to: EndpointState,
        action: Action,
        remedy: &str,
    ) -> Result<WebhookEndpoint, AppError> {
        let entry = self.entry_of(action, endpoint, Detail::new());
        let moved = self.0.store.update_webhook_endpoint_state(endpoint.id, from, to, entry).await?;
        self.0.changed.notify_one();
        moved.ok_or_else(|| {
            let message =
                format!("The endpoint {} is {} and cannot become {to}: {remedy}", endpoint.name, endpoint.state);
            AppError::new(ErrorCode::Conflict, message)
        })
    }

    /// Forgets an endpoint, with its secrets and with what it did not take.
    pub async fn delete_endpoint(&self, client: &ClientId, name: &OwnName) -> Result<(), AppError> {
        let endpoint = self.endpoint(client, name).await?;
        let entry = self.entry_of(Action::WebhookEndpointDeleted, &endpoint, Detail::new());
        self.0.store.delete_webhook_endpoint(endpoint.id, entry).await?;
        self.0.changed.notify_one();
        Ok(())
    }
}

/// The most secrets of an endpoint that sign at once: each is a signature of every request.
const MAX_SECRETS: usize = 10;

fn fault_of_url(message: &str) -> FieldError {
    FieldError { pointer: "/url".to_owned(), code: FieldErrorCode::Value, message: message.to_owned() }
}
