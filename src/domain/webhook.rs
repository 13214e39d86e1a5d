//! Webhooks: addresses of clients that are told of what happens to orders.

use chrono::{DateTime, Utc};

use super::client::ClientId;
use super::event::{EventName, Position};
use super::names::names;
use super::order::OrderNumber;
use super::own_name::OwnName;

/// The most endpoints of one client.
pub const MAX_ENDPOINTS: u64 = 20;

/// The form of what is sent. A change that a receiver could notice gets a new number; an endpoint keeps the one it has.
pub const PAYLOAD_VERSION: i32 = 1;

names! {
    /// Whether an endpoint is told of events.
    EndpointState {
        /// It has not yet proved that it wants to be: see its verification.
        Pending = "PENDING",
        /// It is.
        Active = "ACTIVE",
        /// Its owner or staff paused it. It goes on where it was.
        Paused = "PAUSED",
        /// It answered 410 (Gone). It goes on where it was when it is resumed.
        Disabled = "DISABLED",
    }

    /// How much an endpoint is told of an event.
    PayloadForm {
        /// What happened to which order, and where to read more.
        Thin = "THIN",
        /// The whole event, and the order as it is when it is sent.
        Full = "FULL",
    }

    /// A way to sign what is sent.
    SignatureScheme {
        /// HMAC-SHA256 with the endpoint's secret (Standard Webhooks `v1`).
        V1 = "V1",
        /// Ed25519 with the service's key (Standard Webhooks `v1a`).
        V1a = "V1A",
        /// SHA256withRSA with the service's key, in the form of a SNAP notification.
        Snap = "SNAP",
    }

    /// What follows when an event was not taken at its last attempt.
    OnExhausted {
        /// The order's next event is sent.
        Continue = "CONTINUE",
        /// The order's next events wait until the event is replayed.
        Hold = "HOLD",
    }

    /// Why an attempt was made.
    AttemptTrigger {
        /// Something happened.
        Auto = "AUTO",
        /// A test was asked for.
        Test = "TEST",
        /// The endpoint was asked to prove that it wants to be told.
        Verification = "VERIFICATION",
        /// Sending the event again was asked for.
        Replay = "REPLAY",
    }

    /// What became of an attempt.
    AttemptOutcome {
        /// Taken: a status from 200 to 299.
        Delivered = "DELIVERED",
        /// A status from 300 to 399. Redirects are not followed.
        Redirect = "REDIRECT",
        /// Any other status.
        Refused = "REFUSED",
        /// The status 410.
        Gone = "GONE",
        /// There was no whole answer in time.
        Timeout = "TIMEOUT",
        /// No connection could be made, or it broke off.
        Connection = "CONNECTION",
        /// No TLS connection could be made; also of a certificate that is not trusted.
        Tls = "TLS",
        /// The host's name has no address.
        Dns = "DNS",
        /// The host has an address that nothing may be sent to.
        ForbiddenTarget = "FORBIDDEN_TARGET",
        /// The answer to a verification did not hold its challenge.
        NotVerified = "NOT_VERIFIED",
        /// The fault was not the endpoint's but the service's own. It does not count as an attempt.
        Postponed = "POSTPONED",
    }

    /// What becomes of an event that an endpoint did not take.
    ParkedState {
        /// It is sent again.
        Retrying = "RETRYING",
        /// It waits for an event of the same order before it.
        Waiting = "WAITING",
        /// It was sent as often as it is; it waits to be replayed.
        Exhausted = "EXHAUSTED",
    }
}

impl AttemptOutcome {
    /// Whether the endpoint took what was sent.
    #[must_use]
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Delivered)
    }

    /// Whether it says nothing of the endpoint.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Postponed)
    }
}

/// What the owner of an endpoint decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSettings {
    /// Where it is.
    pub url: String,
    /// The kinds of events that it is told of; none are all of them.
    pub kinds: Vec<EventName>,
    /// How much it is told.
    pub payload: PayloadForm,
    /// How what is sent is signed, at least in one way.
    pub signatures: Vec<SignatureScheme>,
    /// What follows when an event was not taken at its last attempt.
    pub on_exhausted: OnExhausted,
    /// How many events are sent to it side by side.
    pub max_in_flight: u16,
}

/// An address that is told of events.
#[derive(Debug, Clone)]
pub struct WebhookEndpoint {
    /// Its key.
    pub id: i64,
    /// Its owner.
    pub client_id: ClientId,
    /// Its name, among those of its owner.
    pub name: OwnName,
    /// What its owner decided.
    pub settings: EndpointSettings,
    /// The form of what is sent to it.
    pub version: i32,
    /// Whether it is told.
    pub state: EndpointState,
    /// Everything up to here was taken or is parked.
    pub position: Position,
    /// Until then nothing is sent: it failed too often, or asked for a pause.
    pub rest_until: Option<DateTime<Utc>>,
    /// How many rests in a row ended with a failure.
    pub trips: u32,
    /// Since when nothing was taken, where the last attempt failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its settings or its state last changed.
    pub updated_at: DateTime<Utc>,
    /// When it proved that it wants to be told.
    pub verified_at: Option<DateTime<Utc>>,
}

/// How many events of an endpoint are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParkedCounts {
    /// Sent again and again.
    pub retrying: u64,
    /// Behind one of those.
    pub waiting: u64,
    /// Sent as often as they are.
    pub exhausted: u64,
}

/// An event that an endpoint did not take, or that waits behind one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Its position in the feed.
    pub position: Position,
    /// Its order.
    pub order: OrderNumber,
    /// What becomes of it.
    pub state: ParkedState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What became of the last attempt.
    pub outcome: Option<AttemptOutcome>,
}

/// An attempt to send something to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAttempt {
    /// Its key; 0 before it is stored.
    pub id: i64,
    /// The endpoint.
    pub endpoint_id: i64,
    /// The position of the event, where it is one.
    pub position: Option<Position>,
    /// The order of the event.
    pub order: Option<OrderNumber>,
    /// How often the event was sent, this time included.
    pub attempt: u32,
    /// Why.
    pub trigger: AttemptTrigger,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// The beginning of an answer that refused it.
    pub excerpt: Option<String>,
    /// When the event is sent again.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// Events that are sent again because somebody asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookReplay {
    /// Its key.
    pub id: i64,
    /// The endpoint.
    pub endpoint_id: i64,
    /// Of this order alone.
    pub order: Option<OrderNumber>,
    /// Everything up to here is done.
    pub position: Position,
    /// The last position that is meant.
    pub until: Position,
    /// How often the next event was sent in vain.
    pub attempts: u32,
    /// When the next event is sent.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// How many events were taken.
    pub delivered: u32,
    /// How many were not taken at their last attempt.
    pub failed: u32,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was done.
    pub finished_at: Option<DateTime<Utc>>,
}
