//! The list of orders by their last change, which a partner reads from time to time to learn what changed.
//!
//! Times cannot order it: an order that is committed late has an earlier one than those that were read before. So the list begins with
//! the orders there are, by the time of their change, and goes on with the feed, whose end is known
//! (`docs/architecture.md`, "The end of the feed").

use super::event::Position;
use super::fields::{Fields, Text};
use super::order::{OrderStatus, UnknownStatus};
use super::order_filter::{OrderFilter, Range, TextFilter, TextFilters, Times};
use super::order_input::PARTNER_REFERENCE;
use super::page::fault;
use super::sealer::{Purpose, Sealer, SealingFailed};
use crate::error::{FieldError, FieldErrorCode};

/// The most orders of one page.
const MAX_LIMIT: i32 = 200;

/// How many orders a page has when nobody says.
pub const DEFAULT_LIMIT: usize = 50;

/// How many statuses may be asked for.
const MAX_STATUSES: usize = 20;

/// Longer than any cursor.
const MAX_CURSOR: usize = 200;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesRequest {
    /// Which orders are meant.
    pub filter: OrderFilter,
    /// How many at most.
    pub limit: usize,
}

/// Where a reader of the list goes on. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangesCursor {
    /// The position after which the list goes on in the feed: the end that the feed had when the list began, or the one up to which
    /// it was read since.
    pub position: Position,
    /// The last order read of those there were at the beginning: its time of change in microseconds, and its id. `None` when all
    /// of them are read.
    pub listed: Option<(i64, i64)>,
}

impl ChangesRequest {
    /// Reads what is asked for, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let reference = fields.optional_text("partner_reference", PARTNER_REFERENCE);
        let names = fields.optional_texts("status", Text::line(16), MAX_STATUSES);
        let statuses: Option<Result<Vec<OrderStatus>, UnknownStatus>> =
            names.map(|names| names.iter().map(|name| name.parse()).collect());
        if let Some(Err(unknown)) = &statuses {
            fields.refuse::<()>("status", FieldErrorCode::Status, unknown.to_string());
        }
        let [changed, created] = ["changed_after", "created_after"].map(|name| fields.optional_instant(name));
        let limit = fields.optional_integer("limit", &(1..=MAX_LIMIT));
        // What it says only its key tells: `ChangesCursor::open`.
        fields.optional_verbatim("cursor", MAX_CURSOR);
        fields.finish()?;
        let from = |from| Range { from, before: None };
        let filter = OrderFilter {
            statuses: statuses.and_then(Result::ok),
            texts: TextFilters {
                partner_reference: TextFilter { any_of: reference.map(|reference| vec![reference]), contains: None },
                ..TextFilters::default()
            },
            times: Times { created_at: from(created), updated_at: from(changed), ..Times::default() },
            ..OrderFilter::default()
        };
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Ok(Self { filter, limit })
    }
}

impl ChangesCursor {
    /// Reads the cursor that a request has; `None` when there is none. One that is longer than any is refused with the request.
    pub fn open(text: Option<&str>, sealer: &Sealer) -> Result<Option<Self>, Vec<FieldError>> {
        let Some(text) = text.filter(|text| (1..=MAX_CURSOR).contains(&text.len())) else { return Ok(None) };
        let Some([position, micros, id]) = sealer.open(Purpose::ChangesCursor, text) else {
            let message = "is not a cursor of this list; take it from an answer, or leave it out to begin anew";
            return Err(vec![fault("cursor", FieldErrorCode::Cursor, message)]);
        };
        Ok(Some(Self { position: Position::new(position), listed: (id > 0).then_some((micros, id)) }))
    }

    /// The text that clients keep.
    pub fn seal(self, sealer: &Sealer) -> Result<String, SealingFailed> {
        let (micros, id) = self.listed.unwrap_or_default();
        sealer.seal(Purpose::ChangesCursor, [self.position.get(), micros, id])
    }

    /// What is wrong with a cursor beyond everything the feed gave out.
    #[must_use]
    pub fn ahead() -> FieldError {
        let message = "is ahead of the feed: the database was restored from a backup or replaced since this cursor was given \
                       out; leave it out to read the list anew";
        fault("cursor", FieldErrorCode::CursorAhead, message)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Naming;
    use super::super::sealer;
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_belongs_to_this_list() {
        let sealer = sealer::of_tests();
        for listed in [None, Some((-5, 1))] {
            let cursor = ChangesCursor { position: Position::new(42), listed };
            let text = cursor.seal(&sealer).unwrap();
            assert_eq!(ChangesCursor::open(Some(&text), &sealer), Ok(Some(cursor)));
        }
        assert_eq!(ChangesCursor::open(None, &sealer), Ok(None));
        let of_feed = Position::new(42).seal(&sealer).unwrap();
        for text in ["x", &of_feed] {
            assert_eq!(ChangesCursor::open(Some(text), &sealer).unwrap_err()[0].pointer, "/cursor", "{text}");
        }
    }

    #[test]
    fn every_fault_of_a_request_is_named_at_once() {
        let sent = json!({"partner_reference": "x".repeat(71), "status": ["LOST"], "changed_after": "today",
                            "created_after": 1, "limit": 201, "cursor": [], "sort": "asc"});
        let faults = ChangesRequest::read(Fields::new(&sent, Naming::SnakeCase)).unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        let expected =
            ["/partner_reference", "/status", "/changed_after", "/created_after", "/limit", "/cursor", "/sort"];
        assert_eq!(pointers, expected);
        let request = ChangesRequest::read(Fields::new(&json!({}), Naming::SnakeCase)).unwrap();
        assert_eq!(request, ChangesRequest { filter: OrderFilter::default(), limit: DEFAULT_LIMIT });
    }
}
