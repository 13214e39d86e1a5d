//! What happened to orders: the audit trail, the feed and the source of subscriptions in one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::order::{OrderNumber, OrderStatus};
use super::page::fault;
use super::sealer::{Purpose, Sealer, SealingFailed, old_form};
use crate::error::{FieldError, FieldErrorCode};

/// A place in the feed: everything up to it was seen. Positions are given in the order of commits, so whoever read up
/// to one has missed nothing before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position(i64);

impl Position {
    /// Before everything.
    pub const START: Self = Self(0);

    /// Behind everything.
    pub const END: Self = Self(i64::MAX);

    /// From the stored number.
    #[must_use]
    pub const fn new(position: i64) -> Self {
        Self(position)
    }

    /// The stored number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The text that clients keep.
    pub fn seal(self, sealer: &Sealer) -> Result<String, SealingFailed> {
        sealer.seal(Purpose::EventCursor, [self.0])
    }
}

/// A position in the feed as a client names it, by a cursor or by an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct After {
    /// The position.
    pub position: Position,
    /// Whether it came in the form from before they were sealed, which anybody can write.
    pub is_old_form: bool,
}

impl After {
    /// Reads the argument `after`; `None` when there is none.
    pub fn read(after: Option<&str>, sealer: &Sealer) -> Result<Option<Self>, Vec<FieldError>> {
        let Some(text) = after else { return Ok(None) };
        if let Some([position]) = sealer.open(Purpose::EventCursor, text) {
            return Ok(Some(Self { position: Position(position), is_old_form: false }));
        }
        let old = old_form(text).and_then(|text| text.strip_prefix('e')?.parse().ok());
        match old.filter(|position| *position >= 0) {
            Some(position) => Ok(Some(Self { position: Position(position), is_old_form: true })),
            None => Err(vec![Self::fault()]),
        }
    }

    /// What is wrong with a text that was never given out.
    #[must_use]
    pub fn fault() -> FieldError {
        fault("after", FieldErrorCode::Cursor, "is not a cursor of an event; take one from an event")
    }

    /// What is wrong with a cursor beyond everything the feed gave out: going on there, its reader would miss what comes.
    #[must_use]
    pub fn ahead() -> FieldError {
        let message = "is ahead of the feed: the database was restored from a backup or replaced since this cursor was given \
                       out; read the feed again from its beginning, or from a time with where: {createdAt: {gte: …}}";
        fault("after", FieldErrorCode::CursorAhead, message)
    }
}

/// What happened, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Happening {
    /// The order was taken.
    Created,
    /// The order went to another status.
    StatusChanged {
        /// Where it came from.
        from: OrderStatus,
        /// Where it went.
        status: OrderStatus,
        /// Its version since then.
        version: i32,
        /// Why, for those who read every order.
        note: Option<String>,
        /// Why, for the order's sender too. Events of older versions have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partner_note: Option<String>,
    },
    /// A receiving system has the order now.
    Acknowledged {
        /// Which system.
        system: String,
        /// The order's number there.
        external_number: Option<String>,
    },
}

impl Happening {
    /// Its kind's name on the wire and in the database.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::StatusChanged { .. } => "STATUS_CHANGED",
            Self::Acknowledged { .. } => "ACKNOWLEDGED",
        }
    }

    /// What the database keeps beside the kind.
    #[must_use]
    pub fn payload(&self) -> String {
        let mut payload = serde_json::to_value(self).unwrap_or_default();
        payload.as_object_mut().and_then(|members| members.shift_remove(KIND));
        payload.to_string()
    }

    /// What the database kept; `None` when somebody else wrote it.
    #[must_use]
    pub fn restore(kind: &str, payload: &str) -> Option<Self> {
        let mut payload: Value = serde_json::from_str(payload).ok()?;
        payload.as_object_mut()?.insert(KIND.to_owned(), kind.into());
        serde_json::from_value(payload).ok()
    }
}

const KIND: &str = "kind";

/// One event of an order.
#[derive(Debug, Clone)]
pub struct OrderEvent {
    /// Its place in the feed of all orders.
    pub position: Position,
    /// Which order.
    pub number: OrderNumber,
    /// Its place in the order's history, from 1.
    pub sequence: i32,
    /// What happened.
    pub happening: Happening,
    /// Which client did it.
    pub actor: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::super::sealer;
    use super::*;

    #[test]
    fn a_place_in_the_feed_is_read_back_and_nothing_else_is_one() {
        let sealer = sealer::of_tests();
        let position = Position(42);
        assert_eq!(After::read(None, &sealer), Ok(None));
        for (text, is_old_form) in [(&*position.seal(&sealer).unwrap(), false), ("ZTQy", true)] {
            assert_eq!(After::read(Some(text), &sealer), Ok(Some(After { position, is_old_form })));
        }
        let id = sealer.seal(Purpose::EventId, [42]).unwrap();
        for text in ["", "42", "ZS0x", "ZQ", "ZTE=", "YzEuMQ", &id] {
            assert_eq!(After::read(Some(text), &sealer).unwrap_err()[0].pointer, "/after", "{text}");
        }
    }

    #[test]
    fn what_is_stored_of_an_event_is_read_back() {
        let moved = Happening::StatusChanged {
            from: OrderStatus::Received,
            status: OrderStatus::Confirmed,
            version: 2,
            note: None,
            partner_note: None,
        };
        let payload = r#"{"from":"RECEIVED","status":"CONFIRMED","version":2,"note":null}"#;
        assert_eq!((moved.kind(), moved.payload().as_str()), ("STATUS_CHANGED", payload));
        assert_eq!(Happening::restore("STATUS_CHANGED", payload), Some(moved));
        let told =
            r#"{"from":"RECEIVED","status":"CANCELLED","version":2,"note":"fraud?","partner_note":"Out of stock"}"#;
        assert_eq!(Happening::restore("STATUS_CHANGED", told).unwrap().payload(), told);
        // As the first version of the service wrote it.
        assert_eq!(Happening::restore("CREATED", r#"{"status":"RECEIVED","version":1}"#), Some(Happening::Created));
        assert_eq!(Happening::restore("CREATED", "[]"), None);
        assert_eq!(Happening::restore("LOST", "{}"), None);
    }
}
