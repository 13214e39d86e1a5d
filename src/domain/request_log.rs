//! The log of requests: what partners and operators may read of a request afterwards.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::event_feed::MAX_CURSOR;
use super::fields::{Fields, Text};
use super::names::names;
use super::order::OrderNumber;
use super::order_input::PARTNER_REFERENCE;
use crate::error::{ErrorCode, FieldError, FieldErrorCode};

/// An entry: one request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The running number of the entry; of entries of one time the order.
    pub id: i64,
    /// When the answer began.
    pub at: DateTime<Utc>,
    /// The id that the answer had.
    pub request_id: String,
    /// The client that sent it, or that it says has sent it.
    pub client_id: Option<String>,
    /// Whether a token, a secret or a signature proved that.
    pub is_proven: bool,
    /// The HTTP method; `WS` of an operation on a WebSocket.
    pub method: String,
    /// The template of the path, such as `/api/v1/sales-orders/{order_number}`; `none` where there is none.
    pub route: String,
    /// The HTTP status; 499 where the caller hung up.
    pub status: u16,
    /// The code of the first failure.
    pub code: Option<String>,
    /// The hint of a refused signature.
    pub hint: Option<String>,
    /// From the head of the request to the head of the answer.
    pub duration: Duration,
    /// The order that it made or was about.
    pub order: Option<OrderNumber>,
    /// The partner's own number of that order.
    pub partner_reference: Option<String>,
    /// Whether an order was answered again instead of made.
    pub is_replayed: bool,
    /// What nobody looks for.
    pub details: RequestDetails,
}

/// What an entry tells beside what is looked for. The names are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestDetails {
    /// Of an order of many in one request: its place among them, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u32>,
    /// The GraphQL operation's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// `Idempotency-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The length of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<u64>,
    /// SHA-256 of the body, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<String>,
    /// The form of the signed text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_form: Option<String>,
    /// The fingerprint of the key that verified the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<String>,
    /// The network of the caller: /24 of IPv4, /48 of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// `User-Agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Of a failure: the body without what is personal or secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The faulty fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<LoggedFault>,
}

/// A faulty field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedFault {
    /// Where it is (RFC 6901).
    pub pointer: String,
    /// The code of the fault.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl LoggedRequest {
    /// The entry as the client may see it that it names. Who only claimed to be that client is a stranger, whose body and whereabouts
    /// are nobody else's business, and whose texts might be meant to be read.
    #[must_use]
    pub fn for_its_client(mut self) -> Self {
        if !self.is_proven {
            let RequestDetails { body_bytes, body_sha256, .. } = self.details;
            self.details = RequestDetails { body_bytes, body_sha256, ..RequestDetails::default() };
            (self.order, self.partner_reference) = (None, None);
            if !is_our_id(&self.request_id) {
                self.request_id.clear();
            }
        }
        self
    }
}

/// Whether an id looks like those that we make; others are texts of the sender's.
fn is_our_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Failures that have one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestErrorGroup {
    /// The code of the failure.
    pub code: Option<String>,
    /// The hint of a refused signature.
    pub hint: Option<String>,
    /// The template of the path.
    pub route: String,
    /// The HTTP status.
    pub status: u16,
    /// How many requests.
    pub count: u64,
    /// Of how many clients.
    pub clients: u64,
    /// When the first one was answered.
    pub first_at: DateTime<Utc>,
    /// When the last one was answered.
    pub last_at: DateTime<Utc>,
    /// Its id.
    pub last_request_id: String,
}

/// How many entries a page has when nobody says.
pub const DEFAULT_LIMIT: usize = 50;

/// The most entries of one page.
const MAX_LIMIT: i32 = 200;

/// The longest id of a request, which its sender may have made.
const REQUEST_ID: Text = Text::line(128);

/// Longer than any code, and than any hint.
const CODE: Text = Text::line(64);

/// Longer than any template of a path.
const ROUTE: Text = Text::line(200);

/// What stands for no code, for no hint, and for no template.
pub const NONE: &str = "none";

/// The statuses of HTTP.
const STATUS: std::ops::RangeInclusive<i32> = 100..=599;

names! {
    /// What became of a request.
    RequestOutcome {
        /// It was answered as asked: status below 400.
        Succeeded = "SUCCEEDED",
        /// It was refused or failed: status 400 and above.
        Failed = "FAILED",
    }
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestLogFilter {
    /// Those with this status.
    pub status: Option<u16>,
    /// Those with this outcome.
    pub outcome: Option<RequestOutcome>,
    /// Those with this code, or [`NONE`].
    pub code: Option<String>,
    /// Those with this hint, or [`NONE`].
    pub hint: Option<String>,
    /// Those with this template of the path.
    pub route: Option<String>,
    /// Those from this time on.
    pub since: Option<DateTime<Utc>>,
    /// Those before this time.
    pub until: Option<DateTime<Utc>>,
    /// Those of this order.
    pub order: Option<OrderNumber>,
    /// Those with this number of the partner's own.
    pub partner_reference: Option<String>,
    /// Those with this id.
    pub request_id: Option<String>,
}

/// A page that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestLogInput {
    /// Which entries.
    pub filter: RequestLogFilter,
    /// How many at most.
    pub limit: usize,
}

impl RequestLogFilter {
    /// Reads which entries are asked for, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let filter = Self::take(&mut fields);
        fields.finish()?;
        Ok(filter)
    }

    fn take(fields: &mut Fields<'_>) -> Self {
        let status = fields.optional_integer("status", &STATUS);
        let outcome = fields.optional_parsed("outcome", str::parse);
        let code = fields.optional_text("code", CODE);
        if let Some(code) = &code
            && code != NONE
            && !ErrorCode::ALL.iter().any(|known| known.as_str() == code)
        {
            let message = "is no error code; the documentation lists them, such as INVALID_SIGNATURE".to_owned();
            fields.refuse::<()>("code", FieldErrorCode::Value, message);
        }
        let since = fields.optional_instant("since");
        let until = fields.optional_instant("until");
        if since.is_some() && until.is_some_and(|until| Some(until) <= since) {
            fields.refuse::<()>("until", FieldErrorCode::Range, "must be later than since".to_owned());
        }
        Self {
            status: status.and_then(|status| status.try_into().ok()),
            outcome,
            code,
            hint: fields.optional_text("hint", CODE),
            route: fields.optional_text("route", ROUTE),
            since,
            until,
            order: fields.optional_parsed("order_number", str::parse),
            partner_reference: fields.optional_text("partner_reference", PARTNER_REFERENCE),
            request_id: fields.optional_text("request_id", REQUEST_ID),
        }
    }
}

impl RequestLogInput {
    /// Reads which page is asked for, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let filter = RequestLogFilter::take(&mut fields);
        let limit = fields.optional_integer("limit", &(1..=MAX_LIMIT));
        // What it says only its key tells.
        fields.optional_verbatim("cursor", MAX_CURSOR);
        fields.finish()?;
        Ok(Self { filter, limit: limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT) })
    }
}

/// The time whose failures are put into groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestErrorsInput {
    /// From this time on; the last 24 hours when nobody says.
    pub since: Option<DateTime<Utc>>,
    /// Before this time; up to now when nobody says.
    pub until: Option<DateTime<Utc>>,
}

/// The time whose failures are put into groups when nobody says.
pub const ERRORS_OF: TimeDelta = TimeDelta::hours(24);

impl RequestErrorsInput {
    /// Reads which time is meant, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let since = fields.optional_instant("since");
        let until = fields.optional_instant("until");
        if since.is_some() && until.is_some_and(|until| Some(until) <= since) {
            fields.refuse::<()>("until", FieldErrorCode::Range, "must be later than since".to_owned());
        }
        fields.finish()?;
        Ok(Self { since, until })
    }
}

/// Whose entries may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogScope {
    /// Everybody's.
    All,
    /// This client's, as staff sees them.
    Of(ClientId),
    /// This client's, as it sees them itself.
    Own(ClientId),
}

impl LogScope {
    /// The client whose entries alone are meant.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientId> {
        match self {
            Self::All => None,
            Self::Of(client) | Self::Own(client) => Some(client),
        }
    }

    /// The entry as it is shown.
    #[must_use]
    pub fn shown(&self, entry: LoggedRequest) -> LoggedRequest {
        match self {
            Self::Own(_) => entry.for_its_client(),
            Self::All | Self::Of(_) => entry,
        }
    }
}
