use std::sync::Arc;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use secrecy::{ExposeSecret, SecretString};

use super::sales_order_event::SalesOrderEventKind;
use crate::domain::webhook;
use crate::error::AppError;
use crate::graphql::cost::budget;
use crate::graphql::output::scalars::DateTime;
use crate::service::Sealing;
use crate::service::webhooks::{AttemptsPage, EndpointDetails, Trial};

/// How many replays of an endpoint may be under way, for what they cost.
const REPLAYS: usize = 10;

/// State of an endpoint of webhooks.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "webhook::EndpointState")]
pub enum WebhookEndpointState {
    /// It is to be verified before anything is sent to it.
    Pending,
    /// Webhooks are sent to it.
    Active,
    /// It was paused. When it is resumed, it goes on where it was.
    Paused,
    /// It answered 410 (Gone). When it is resumed, it goes on where it was.
    Disabled,
}

/// How much is sent of an event.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "webhook::PayloadForm")]
pub enum WebhookPayload {
    /// What happened to which order, and where to read more.
    Thin,
    /// The whole event, and the order as it is when the webhook is sent.
    Full,
}

/// A way to sign webhooks.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "webhook::SignatureScheme")]
pub enum WebhookSignature {
    /// HMAC-SHA256 with the endpoint's secret, in the header `webhook-signature` (Standard Webhooks).
    V1,
    /// Ed25519 with the service's key, in the header `webhook-signature` (Standard Webhooks). Public keys are at
    /// `/.well-known/jwks.json`.
    V1a,
    /// SHA256withRSA with the service's key, in the headers `X-TIMESTAMP` and `X-SIGNATURE`, as SNAP signs notifications. Public keys
    /// are at `/.well-known/jwks.json`.
    Snap,
}

/// What follows when an event was not taken at its last attempt.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "webhook::OnExhausted")]
pub enum WebhookExhaustedRule {
    /// The next event of its order is sent.
    Continue,
    /// The next events of its order wait until it is replayed.
    Hold,
}

/// Why an attempt was made.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "webhook::AttemptTrigger")]
pub enum WebhookAttemptTrigger {
    /// An event happened.
    Auto,
    /// A test was asked for.
    Test,
    /// The endpoint was to be verified.
    Verification,
    /// The event was to be sent again.
    Replay,
}

/// What became of an attempt.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "webhook::AttemptOutcome")]
pub enum WebhookAttemptOutcome {
    /// The endpoint answered with a status from 200 to 299.
    Delivered,
    /// It answered with a redirect, which is not followed: register the URL that it leads to.
    Redirect,
    /// It answered with another status.
    Refused,
    /// It answered 410 (Gone).
    Gone,
    /// It did not answer in time: answer first, and do the work afterwards.
    Timeout,
    /// There was no connection to it, or it ended before the answer came.
    Connection,
    /// Its certificate was not accepted, or no TLS connection could be made.
    Tls,
    /// The host of its URL has no address.
    Dns,
    /// Its URL leads to an address that nothing may be sent to.
    ForbiddenTarget,
    /// Its answer did not hold the challenge.
    NotVerified,
    /// The fault was the service's own. It does not count as an attempt.
    Postponed,
}

/// An address that is told of what happens to orders.
pub struct WebhookEndpoint {
    endpoint: webhook::WebhookEndpoint,
    sealing: Arc<Sealing>,
}

/// A secret of an endpoint, without the secret itself.
#[derive(SimpleObject)]
pub struct WebhookSecret {
    /// The first 16 hexadecimal digits of the SHA-256 of the secret's bytes.
    fingerprint: String,
    /// Time until which it signs; null for the present one.
    expires_at: Option<DateTime>,
}

/// Events that an endpoint did not take.
#[derive(SimpleObject)]
pub struct WebhookParkedCounts {
    /// Number of events that are sent again.
    retrying: i32,
    /// Number of events that wait for one of these, which is of the same order.
    waiting: i32,
    /// Number of events that were not taken at their last attempt. They can be replayed.
    exhausted: i32,
}

impl WebhookEndpoint {
    /// An endpoint that the caller may see.
    pub const fn new(endpoint: webhook::WebhookEndpoint, sealing: Arc<Sealing>) -> Self {
        Self { endpoint, sealing }
    }

    async fn details(&self, ctx: &Context<'_>) -> Result<EndpointDetails> {
        Ok(budget::read(ctx, 2)?.webhooks.details(self.endpoint.id).await?)
    }
}

/// An address that is told of what happens to orders.
#[Object]
impl WebhookEndpoint {
    /// Name of the endpoint, among those of its client, such as `erp`.
    async fn name(&self) -> &str {
        self.endpoint.name.as_str()
    }

    /// Client id of its owner, such as `versuni-client-001`.
    async fn client_id(&self) -> &str {
        self.endpoint.client_id.as_str()
    }

    /// Where webhooks are sent.
    async fn url(&self) -> &str {
        &self.endpoint.settings.url
    }

    /// Kinds of events that are sent; all kinds when it is empty.
    async fn kinds(&self) -> Vec<SalesOrderEventKind> {
        self.endpoint.settings.kinds.iter().map(|kind| (*kind).into()).collect()
    }

    /// How much is sent of an event.
    async fn payload(&self) -> WebhookPayload {
        self.endpoint.settings.payload.into()
    }

    /// How webhooks are signed.
    async fn signatures(&self) -> Vec<WebhookSignature> {
        self.endpoint.settings.signatures.iter().map(|scheme| (*scheme).into()).collect()
    }

    /// What follows when an event was not taken at its last attempt.
    async fn on_exhausted(&self) -> WebhookExhaustedRule {
        self.endpoint.settings.on_exhausted.into()
    }

    /// Number of webhooks that are sent side by side.
    async fn max_in_flight(&self) -> i32 {
        self.endpoint.settings.max_in_flight.into()
    }

    /// Version of what is sent. An endpoint keeps the one that was the newest when it was made.
    async fn version(&self) -> i32 {
        self.endpoint.version
    }

    /// State of the endpoint.
    async fn state(&self) -> WebhookEndpointState {
        self.endpoint.state.into()
    }

    /// Cursor of the feed of events: everything up to it was taken, or is counted in `parked`.
    async fn cursor(&self) -> Result<String, AppError> {
        Ok(self.endpoint.position.seal(self.sealing.sealer().await?)?)
    }

    /// Time until which nothing is sent, because too much failed or the endpoint asked for it.
    async fn rest_until(&self) -> Option<DateTime> {
        self.endpoint.rest_until.map(DateTime)
    }

    /// Time since which every attempt failed; null when the last one did not.
    async fn failing_since(&self) -> Option<DateTime> {
        self.endpoint.failing_since.map(DateTime)
    }

    /// Events that it did not take.
    async fn parked(&self, ctx: &Context<'_>) -> Result<WebhookParkedCounts> {
        let parked = self.details(ctx).await?.parked;
        let number = |number: u64| i32::try_from(number).unwrap_or(i32::MAX);
        Ok(WebhookParkedCounts {
            retrying: number(parked.retrying),
            waiting: number(parked.waiting),
            exhausted: number(parked.exhausted),
        })
    }

    /// Secrets that sign now, the newest first.
    async fn secrets(&self, ctx: &Context<'_>) -> Result<Vec<WebhookSecret>> {
        let secrets = self.details(ctx).await?.secrets.into_iter();
        Ok(secrets.map(|(fingerprint, until)| WebhookSecret { fingerprint, expires_at: until.map(DateTime) }).collect())
    }

    /// Replays that are under way, in the order in which they were asked for.
    #[graphql(complexity = "1 + REPLAYS * child_complexity")]
    async fn replays(&self, ctx: &Context<'_>) -> Result<Vec<WebhookReplay>> {
        let found = budget::read(ctx, 1)?.webhooks.open_replays(self.endpoint.id).await?;
        Ok(found.into_iter().map(WebhookReplay).collect())
    }

    /// Time at which the endpoint was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.endpoint.created_at)
    }

    /// Time at which its settings or its state last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.endpoint.updated_at)
    }

    /// Time at which it was verified; null when it has to be.
    async fn verified_at(&self) -> Option<DateTime> {
        self.endpoint.verified_at.map(DateTime)
    }
}

/// An endpoint, and its secret where that is new.
pub struct WebhookEndpointPayload {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// Its new secret.
    pub secret: Option<SecretString>,
}

/// An endpoint, and its secret where that is new.
#[Object]
impl WebhookEndpointPayload {
    /// The endpoint.
    async fn endpoint(&self) -> &WebhookEndpoint {
        &self.endpoint
    }

    /// New secret, which cannot be shown again, such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`; null when there is no new one.
    async fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(ExposeSecret::expose_secret)
    }
}

/// An attempt to send something to an endpoint.
pub struct WebhookAttempt {
    attempt: webhook::WebhookAttempt,
    sealing: Arc<Sealing>,
}

/// An attempt to send something to an endpoint.
#[Object]
impl WebhookAttempt {
    /// Cursor of the event; null when none was sent.
    async fn cursor(&self) -> Result<Option<String>, AppError> {
        let Some(position) = self.attempt.position else { return Ok(None) };
        Ok(Some(position.seal(self.sealing.sealer().await?)?))
    }

    /// Order number of the event, such as `SO-0000000042`; null when none was sent.
    async fn order_number(&self) -> Option<String> {
        self.attempt.order.map(|order| order.to_string())
    }

    /// How often the event was sent, this time included.
    async fn attempt(&self) -> i32 {
        i32::try_from(self.attempt.attempt).unwrap_or(i32::MAX)
    }

    /// Why it was made.
    async fn trigger(&self) -> WebhookAttemptTrigger {
        self.attempt.trigger.into()
    }

    /// Time at which it began.
    async fn at(&self) -> DateTime {
        DateTime(self.attempt.at)
    }

    /// Milliseconds from its beginning to the end of the answer.
    async fn duration_ms(&self) -> i32 {
        i32::try_from(self.attempt.duration_ms).unwrap_or(i32::MAX)
    }

    /// HTTP status of the answer; null when there was none.
    async fn status(&self) -> Option<i32> {
        self.attempt.status.map(i32::from)
    }

    /// What became of it.
    async fn outcome(&self) -> WebhookAttemptOutcome {
        self.attempt.outcome.into()
    }

    /// First 1,024 bytes of an answer in text that refused it.
    async fn excerpt(&self) -> Option<&str> {
        self.attempt.excerpt.as_deref()
    }

    /// Time at which the event is sent again; null when it is not.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.attempt.next_attempt_at.map(DateTime)
    }
}

/// A page of the log of attempts, the newest first.
pub struct WebhookAttempts {
    page: AttemptsPage,
    sealing: Arc<Sealing>,
}

impl WebhookAttempts {
    /// A page that the caller may see.
    pub const fn new(page: AttemptsPage, sealing: Arc<Sealing>) -> Self {
        Self { page, sealing }
    }
}

/// A page of the log of attempts, the newest first.
#[Object]
impl WebhookAttempts {
    /// Attempts of the page.
    async fn nodes(&self) -> Vec<WebhookAttempt> {
        let attempt = |attempt: &webhook::WebhookAttempt| WebhookAttempt {
            attempt: attempt.clone(),
            sealing: Arc::clone(&self.sealing),
        };
        self.page.attempts.iter().map(attempt).collect()
    }

    /// Cursor of the next page; null on the last one.
    async fn next_cursor(&self) -> Option<&str> {
        self.page.next_cursor.as_deref()
    }
}

/// What became of a test or a verification.
pub struct WebhookTrial {
    trial: Trial,
    sealing: Arc<Sealing>,
}

impl WebhookTrial {
    /// A trial of the caller's.
    pub const fn new(trial: Trial, sealing: Arc<Sealing>) -> Self {
        Self { trial, sealing }
    }
}

/// What became of a test or a verification.
#[Object]
impl WebhookTrial {
    /// The endpoint, as it is now.
    async fn endpoint(&self) -> WebhookEndpoint {
        WebhookEndpoint::new(self.trial.endpoint.clone(), Arc::clone(&self.sealing))
    }

    /// The attempt.
    async fn attempt(&self) -> WebhookAttempt {
        WebhookAttempt { attempt: self.trial.attempt.clone(), sealing: Arc::clone(&self.sealing) }
    }

    /// Where the endpoint says that it is instead (`Location`); null when it does not.
    async fn location(&self) -> Option<&str> {
        self.trial.location.as_deref()
    }
}

/// Events that are sent again.
pub struct WebhookReplay(pub webhook::WebhookReplay);

/// Events that are sent again.
#[Object]
impl WebhookReplay {
    /// Order number, where only the events of one order are sent again.
    async fn order_number(&self) -> Option<String> {
        self.0.order.map(|order| order.to_string())
    }

    /// Time at which it was asked for.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Number of events that were taken.
    async fn delivered(&self) -> i32 {
        i32::try_from(self.0.delivered).unwrap_or(i32::MAX)
    }

    /// Number of events that were not taken at their last attempt.
    async fn failed(&self) -> i32 {
        i32::try_from(self.0.failed).unwrap_or(i32::MAX)
    }

    /// Time of the next attempt, after one that failed; null where none did.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.next_attempt_at.map(DateTime)
    }
}
