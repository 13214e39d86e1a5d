//! What clients send about their endpoints.

use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::event::EventName;
use super::event_feed::MAX_CURSOR;
use super::fields::{Fields, Text};
use super::order::OrderNumber;
use super::webhook::{AttemptOutcome, EndpointSettings, OnExhausted, PayloadForm, SignatureScheme};
use crate::error::{FieldError, FieldErrorCode};

/// The most characters of a URL.
pub const URL: Text = Text::line(2048);

/// Longer than any name of a kind or of a scheme.
const NAME: Text = Text::line(32);

/// How many events are sent to an endpoint side by side when its owner does not say.
pub const IN_FLIGHT: u16 = 4;

/// The most.
pub const MAX_IN_FLIGHT: u16 = 32;

/// How long a secret may be valid beside the next one, in hours.
pub const OVERLAP_HOURS: RangeInclusive<i32> = 0..=168;

/// How long it is when nobody says.
pub const OVERLAP: i32 = 24;

/// How many attempts a page of the log has when nobody says, and at most.
const ATTEMPTS: (usize, i32) = (50, 200);

/// A new endpoint, or what becomes of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointInput {
    /// What its owner decides.
    pub settings: EndpointSettings,
}

impl EndpointInput {
    /// Reads an endpoint, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let url = fields.text("url", URL);
        let kinds = fields.optional_each::<EventName>("kinds", NAME, EventName::ALL.len());
        let payload = fields.optional_parsed("payload", str::parse);
        let signatures = fields.optional_each::<SignatureScheme>("signatures", NAME, SignatureScheme::ALL.len());
        let on_exhausted = fields.optional_parsed("on_exhausted", str::parse);
        let max_in_flight = fields.optional_integer("max_in_flight", &(1..=MAX_IN_FLIGHT.into()));
        // What it says only its key tells: `After::read`.
        fields.optional_verbatim("after", MAX_CURSOR);
        fields.finish()?;
        let settings = EndpointSettings {
            url: url.unwrap_or_default(),
            kinds: kinds.unwrap_or_default(),
            payload: payload.unwrap_or(PayloadForm::Thin),
            signatures: signatures.filter(|all| !all.is_empty()).unwrap_or_else(|| vec![SignatureScheme::V1]),
            on_exhausted: on_exhausted.unwrap_or(OnExhausted::Continue),
            max_in_flight: max_in_flight.and_then(|most| most.try_into().ok()).unwrap_or(IN_FLIGHT),
        };
        Ok(Self { settings })
    }
}

/// Reads how long the present secret stays valid beside the next one.
pub fn read_rotation(mut fields: Fields<'_>) -> Result<Duration, Vec<FieldError>> {
    let hours = fields.optional_integer("overlap_hours", &OVERLAP_HOURS);
    fields.finish()?;
    Ok(Duration::from_hours(hours.unwrap_or(OVERLAP).unsigned_abs().into()))
}

/// Which events are to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayInput {
    /// The one with this cursor.
    Event(String),
    /// All of an order, up to now.
    Order(OrderNumber),
    /// All of a time, the end excluded; up to now where there is none.
    Since(DateTime<Utc>, Option<DateTime<Utc>>),
    /// All after a cursor, and up to another one or else up to now.
    After(String, Option<String>),
}

impl ReplayInput {
    /// Reads which events are meant, or describes it. What cursors say only their key tells.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let event = fields.optional_verbatim("event", MAX_CURSOR);
        let order: Option<OrderNumber> = fields.optional_parsed("order_number", str::parse);
        let since = fields.optional_instant("since");
        let until = fields.optional_instant("until");
        let after = fields.optional_verbatim("after", MAX_CURSOR);
        let up_to = fields.optional_verbatim("up_to", MAX_CURSOR);
        let is_ordered = since.is_none() || until.is_none_or(|until| Some(until) > since);
        if !is_ordered {
            fields.refuse::<()>("until", FieldErrorCode::Range, "must be later than since".to_owned());
        }
        let (is_up_to, is_after) = (up_to.is_some(), after.is_some());
        let which = match (event, order, since, after) {
            (Some(event), None, None, None) => Some(Self::Event(event)),
            (None, Some(order), None, None) => Some(Self::Order(order)),
            (None, None, Some(since), None) => Some(Self::Since(since, until)),
            (None, None, None, Some(after)) => Some(Self::After(after, up_to)),
            _ => {
                let message = "must have exactly one of event, order_number, since and after";
                fields.refuse_here(FieldErrorCode::Conflict, message.to_owned())
            }
        };
        for (name, is_given, other, has_other) in
            [("until", until.is_some(), "since", since.is_some()), ("up_to", is_up_to, "after", is_after)]
        {
            if is_given && !has_other {
                fields.refuse::<()>(name, FieldErrorCode::Conflict, format!("needs {other}"));
            }
        }
        fields.finish()?;
        Ok(which.unwrap_or_else(|| Self::After(String::new(), None)))
    }
}

/// Which attempts are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptsInput {
    /// Those with one of these outcomes, alone; none are all.
    pub outcomes: Vec<AttemptOutcome>,
    /// Those of an order, alone.
    pub order: Option<OrderNumber>,
    /// How many at most.
    pub limit: usize,
}

impl AttemptsInput {
    /// Reads which attempts are asked for, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let outcomes = fields.optional_each::<AttemptOutcome>("outcome", NAME, AttemptOutcome::ALL.len());
        let order = fields.optional_parsed("order_number", str::parse);
        let limit = fields.optional_integer("limit", &(1..=ATTEMPTS.1));
        // What it says only its key tells.
        fields.optional_verbatim("cursor", MAX_CURSOR);
        fields.finish()?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(ATTEMPTS.0);
        Ok(Self { outcomes: outcomes.unwrap_or_default(), order, limit })
    }
}
