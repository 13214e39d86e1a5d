//! What happened to orders: the audit trail, the feed and the source of subscriptions in one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::line_answer::AnsweredLine;
use super::names::names;
use super::order::{OrderNumber, OrderStatus};
use super::order_change::FieldChange;
use super::order_request::{OrderRequest, RequestNumber};
use super::page::fault;
use super::sealer::{Purpose, Sealer, SealingFailed, old_form};
use super::shipment::Shipment;
use crate::error::{FieldError, FieldErrorCode};

/// The number of an event in the feed. Whoever has read the feed up to one has missed nothing before it.
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
        Self::read_field("after", after, sealer)
    }

    /// The same from a field of another name.
    pub fn read_field(name: &str, after: Option<&str>, sealer: &Sealer) -> Result<Option<Self>, Vec<FieldError>> {
        let Some(text) = after else { return Ok(None) };
        if let Some([position]) = sealer.open(Purpose::EventCursor, text) {
            return Ok(Some(Self { position: Position(position), is_old_form: false }));
        }
        let old = old_form(text).and_then(|text| text.strip_prefix('e')?.parse().ok());
        match old.filter(|position| *position >= 0) {
            Some(position) => Ok(Some(Self { position: Position(position), is_old_form: true })),
            None => Err(vec![FieldError { pointer: format!("/{name}"), ..Self::fault() }]),
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

names! {
    /// The names of the kinds of events.
    EventName {
        /// The order was received.
        Created = "CREATED",
        /// The order's status was changed.
        StatusChanged = "STATUS_CHANGED",
        /// Lines of the order were answered.
        LinesConfirmed = "LINES_CONFIRMED",
        /// A shipment left.
        ShipmentRecorded = "SHIPMENT_RECORDED",
        /// A shipment arrived.
        ShipmentDelivered = "SHIPMENT_DELIVERED",
        /// The order's sender asked for something.
        RequestReceived = "REQUEST_RECEIVED",
        /// What the order's sender asked for was answered.
        RequestAnswered = "REQUEST_ANSWERED",
        /// The order was changed by its sender's request.
        OrderChanged = "ORDER_CHANGED",
        /// A receiving system acknowledged the order.
        Acknowledged = "ACKNOWLEDGED",
        /// What is personal in the order was erased.
        PersonalDataErased = "PERSONAL_DATA_ERASED",
    }
}

/// The kind of an event, with the data of that kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventKind {
    /// The order was received.
    Created,
    /// The order's status was changed.
    StatusChanged {
        /// The previous status.
        from: OrderStatus,
        /// The new status.
        status: OrderStatus,
        /// The order's new version.
        version: i32,
        /// The internal reason, for clients that may read every order.
        note: Option<String>,
        /// The reason that the order's sender may read. Events of older versions of the service have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partner_note: Option<String>,
    },
    /// Lines of the order were answered. A change of its status that follows from that is an event of its own, behind this one.
    LinesConfirmed {
        /// The order's new version.
        version: i32,
        /// The lines whose answers changed, as they are now.
        lines: Vec<AnsweredLine>,
    },
    /// A shipment left. So for its status.
    ShipmentRecorded {
        /// The order's new version.
        version: i32,
        /// The shipment.
        shipment: Shipment,
    },
    /// A shipment arrived. So for its status.
    ShipmentDelivered {
        /// The order's new version.
        version: i32,
        /// The shipment.
        shipment: Shipment,
    },
    /// The order's sender asked for something that staff have to answer.
    RequestReceived {
        /// The order's new version.
        version: i32,
        /// What is asked for.
        request: Box<OrderRequest>,
    },
    /// What the order's sender asked for was done, at once or by staff, or it was not. So for its status.
    RequestAnswered {
        /// The order's new version.
        version: i32,
        /// The request, as it is now.
        request: Box<OrderRequest>,
        /// The lines whose answers changed with it, as they are now.
        lines: Vec<AnsweredLine>,
    },
    /// The order is another since its sender's request was done: what it was, and what it is. Behind the answer to the request.
    OrderChanged {
        /// The order's new version.
        version: i32,
        /// The request that asked for it.
        request: RequestNumber,
        /// Every difference.
        changes: Vec<FieldChange>,
    },
    /// A receiving system acknowledged the order.
    Acknowledged {
        /// The receiving system.
        system: String,
        /// The order's number in that system.
        external_number: Option<String>,
    },
    /// What is personal in the order was erased, in this history too.
    PersonalDataErased {
        /// The order's new version.
        version: i32,
    },
}

impl EventKind {
    /// The name of the one kind that changes nothing of its order.
    pub const ACKNOWLEDGED: &str = EventName::Acknowledged.as_str();

    /// Its name on the wire and in the database.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.event_name().as_str()
    }

    /// The kind without its data.
    #[must_use]
    pub const fn event_name(&self) -> EventName {
        match self {
            Self::Created => EventName::Created,
            Self::StatusChanged { .. } => EventName::StatusChanged,
            Self::LinesConfirmed { .. } => EventName::LinesConfirmed,
            Self::ShipmentRecorded { .. } => EventName::ShipmentRecorded,
            Self::ShipmentDelivered { .. } => EventName::ShipmentDelivered,
            Self::RequestReceived { .. } => EventName::RequestReceived,
            Self::RequestAnswered { .. } => EventName::RequestAnswered,
            Self::OrderChanged { .. } => EventName::OrderChanged,
            Self::Acknowledged { .. } => EventName::Acknowledged,
            Self::PersonalDataErased { .. } => EventName::PersonalDataErased,
        }
    }

    /// The version of the order after it. None where the order stayed as it was.
    #[must_use]
    pub const fn version(&self) -> Option<i32> {
        match self {
            Self::Created => Some(1),
            Self::StatusChanged { version, .. }
            | Self::LinesConfirmed { version, .. }
            | Self::ShipmentRecorded { version, .. }
            | Self::ShipmentDelivered { version, .. }
            | Self::RequestReceived { version, .. }
            | Self::RequestAnswered { version, .. }
            | Self::OrderChanged { version, .. }
            | Self::PersonalDataErased { version } => Some(*version),
            Self::Acknowledged { .. } => None,
        }
    }

    /// The data of the kind, as the database stores it.
    #[must_use]
    pub fn payload(&self) -> String {
        let mut payload = serde_json::to_value(self).unwrap_or_default();
        payload.as_object_mut().and_then(|members| members.shift_remove(KIND));
        payload.to_string()
    }

    /// Reads what the database stores; `None` when it has another form.
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
    /// Its position in the feed of all orders.
    pub position: Position,
    /// The position after which a reader of the feed goes on who has read this event: its own, or an earlier one where events
    /// before it may still come.
    pub cursor: Position,
    /// The order's number.
    pub number: OrderNumber,
    /// Its number in the order's history, from 1.
    pub sequence: i32,
    /// Kind and data.
    pub kind: EventKind,
    /// The client that made the change.
    pub actor: String,
    /// The time of the event.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::super::sealer;
    use super::*;

    #[test]
    fn a_position_in_the_feed_is_read_back_and_nothing_else_is_one() {
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
        let moved = EventKind::StatusChanged {
            from: OrderStatus::Received,
            status: OrderStatus::Confirmed,
            version: 2,
            note: None,
            partner_note: None,
        };
        let payload = r#"{"from":"RECEIVED","status":"CONFIRMED","version":2,"note":null}"#;
        assert_eq!((moved.name(), moved.payload().as_str()), ("STATUS_CHANGED", payload));
        assert_eq!(EventKind::restore("STATUS_CHANGED", payload), Some(moved));
        let told =
            r#"{"from":"RECEIVED","status":"CANCELLED","version":2,"note":"fraud?","partner_note":"Out of stock"}"#;
        assert_eq!(EventKind::restore("STATUS_CHANGED", told).unwrap().payload(), told);
        // As the first version of the service wrote it.
        assert_eq!(EventKind::restore("CREATED", r#"{"status":"RECEIVED","version":1}"#), Some(EventKind::Created));
        let answered = r#"{"version":2,"lines":[{"line_no":1,"open":0,"confirmed":1,"back_ordered":1,"rejected":0,"cancelled":0,"shipped":0,"promised_on":"2026-12-24","reason":"OUT_OF_STOCK"}]}"#;
        assert_eq!(EventKind::restore("LINES_CONFIRMED", answered).unwrap().payload(), answered);
        let sent = r#"{"version":3,"shipment":{"number":"S1","carrier":null,"tracking_number":"1","shipped_at":"2026-11-23T13:00:00.123456Z","delivered_at":null,"lines":[{"line_no":1,"quantity":1}]}}"#;
        for kind in ["SHIPMENT_RECORDED", "SHIPMENT_DELIVERED"] {
            assert_eq!(EventKind::restore(kind, sent).unwrap().payload(), sent);
        }
        let asked = r#"{"version":2,"request":{"number":"RQ-0000000001","kind":"CANCELLATION","lines":[{"line_no":1,"cancelled":1}],"state":"PENDING","reason":"OTHER","note":null,"requested_at":"2026-11-23T13:00:00.123456Z","answer":null}}"#;
        assert_eq!(EventKind::restore("REQUEST_RECEIVED", asked).unwrap().payload(), asked);
        let told = r#"{"version":3,"request":{"number":"RQ-0000000001","kind":"CANCELLATION","lines":null,"state":"REJECTED","reason":"OTHER","note":"N","requested_at":"2026-11-23T13:00:00.123456Z","answer":{"reason":"IN_PREPARATION","note":null,"at":"2026-11-23T14:00:00Z"}},"lines":[]}"#;
        assert_eq!(EventKind::restore("REQUEST_ANSWERED", told).unwrap().payload(), told);
        let change = r#"{"version":2,"request":{"number":"RQ-0000000002","kind":"CHANGE","change":{"requested_delivery_date":"2026-12-24","address":null,"changed_lines":[{"line_no":1,"quantity":5}],"removed_lines":[{"line_no":2}],"added_lines":[{"product_code":"P","quantity":1,"product_name":null,"unit":null,"unit_price":"0.5","note":null}]},"state":"PENDING","reason":"OTHER","note":null,"requested_at":"2026-11-23T13:00:00.123456Z","answer":null}}"#;
        assert_eq!(EventKind::restore("REQUEST_RECEIVED", change).unwrap().payload(), change);
        let changed = r#"{"version":2,"request":"RQ-0000000002","changes":[{"field":"QUANTITY","line_no":1,"before":"2","after":"5"}]}"#;
        assert_eq!(EventKind::restore("ORDER_CHANGED", changed).unwrap().payload(), changed);
        assert_eq!(EventKind::restore("CREATED", "[]"), None);
        assert_eq!(EventKind::restore("LOST", "{}"), None);
    }
}
