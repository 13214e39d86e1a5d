//! Pages of a list: how long, in which order, and from where on (the Relay cursor connections specification).

use chrono::{DateTime, Utc};

use super::sealer::{Purpose, Sealer, SealingFailed, old_form};
use crate::error::{FieldError, FieldErrorCode};

/// The most rows of one page.
pub const MAX_PAGE: usize = 100;

/// How many rows a page has when nobody says.
pub const DEFAULT_PAGE: usize = 20;

/// The highest number up to which orders are counted.
const MAX_COUNT: u32 = 100_000;

/// The sort key of a list of orders. Equal times are sorted by order number, so no two orders have the same cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// Time received.
    CreatedAt,
    /// Time of the last change.
    UpdatedAt,
    /// Order number.
    OrderNumber,
}

/// The sort order of a list of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The sort key.
    pub key: SortKey,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// The position of a row in a sorted list. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The sort key of the list.
    pub key: SortKey,
    /// The row's time in that key, in microseconds; 0 where numbers are the key.
    pub micros: i64,
    /// The row's id.
    pub id: i64,
}

/// A part of a list: so many rows from its start or from its end, of those between two positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span<C> {
    /// How many rows.
    pub limit: usize,
    /// Whether the last rows are wanted instead of the first.
    pub from_end: bool,
    /// Only rows after this one.
    pub after: Option<C>,
    /// Only rows before this one.
    pub before: Option<C>,
}

/// The request for a page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The sort order.
    pub sort: Sort,
    /// How many rows.
    pub limit: usize,
    /// Whether the last rows are wanted instead of the first.
    pub from_end: bool,
    /// Only rows after this one.
    pub after: Option<Cursor>,
    /// Only rows before this one.
    pub before: Option<Cursor>,
}

/// One page of a list, in the list's order.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether rows come before them.
    pub has_previous: bool,
    /// Whether rows come after them.
    pub has_next: bool,
}

impl PageRequest {
    /// Reads the arguments of a Relay connection, noting every faulty one.
    pub fn read(
        sealer: &Sealer,
        sort: Sort,
        (first, after): (Option<i32>, Option<&str>),
        (last, before): (Option<i32>, Option<&str>),
    ) -> Result<Self, Vec<FieldError>> {
        let read = |name: &str, text: Option<&str>| {
            let Some(text) = text else { return Ok(None) };
            let message = "is not a cursor of this list in this order; take one from an edge or from pageInfo";
            let unknown = || vec![fault(name, FieldErrorCode::Cursor, message)];
            Cursor::open(text, sort.key, sealer).map(Some).ok_or_else(unknown)
        };
        let Span { limit, from_end, after, before } = Span::read((first, after), (last, before), read)?;
        Ok(Self { sort, limit, from_end, after, before })
    }

    /// Turns what was fetched, one row more than wanted and counted from the page's own end, into the page.
    #[must_use]
    pub fn page<T>(&self, rows: Vec<T>) -> Page<T> {
        let Self { limit, from_end, after, before, .. } = *self;
        Span { limit, from_end, after, before }.page(rows)
    }
}

impl<C> Span<C> {
    /// The first rows.
    #[must_use]
    pub const fn first(limit: usize) -> Self {
        Self { limit, from_end: false, after: None, before: None }
    }

    /// Reads the arguments of a Relay connection, noting every faulty one.
    pub fn read(
        (first, after): (Option<i32>, Option<&str>),
        (last, before): (Option<i32>, Option<&str>),
        read: impl Fn(&str, Option<&str>) -> Result<Option<C>, Vec<FieldError>>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut read_cursor = |name, text| read(name, text).map_err(|faults| errors.extend(faults)).ok().flatten();
        let (after, before) = (read_cursor("after", after), read_cursor("before", before));
        let mut read_length = |name, length: Option<i32>| {
            length.and_then(|length| read_length(name, length).map_err(|faults| errors.extend(faults)).ok())
        };
        let (first, last) = (read_length("first", first), read_length("last", last));
        if first.is_some() && last.is_some() {
            errors.push(fault(
                "last",
                FieldErrorCode::Conflict,
                "cannot be given together with first; give one of them",
            ));
        }
        if errors.is_empty() {
            let limit = first.or(last).unwrap_or(DEFAULT_PAGE);
            Ok(Self { limit, from_end: last.is_some(), after, before })
        } else {
            Err(errors)
        }
    }

    /// Turns what was fetched, one row more than wanted and counted from the page's own end, into the page.
    #[must_use]
    pub fn page<T>(&self, mut rows: Vec<T>) -> Page<T> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        if self.from_end {
            rows.reverse();
            Page { rows, has_previous: more, has_next: self.before.is_some() }
        } else {
            Page { rows, has_previous: self.after.is_some(), has_next: more }
        }
    }
}

/// The most events of a batch.
pub const MAX_BATCH: usize = 200;

/// Reads how many events a batch has at most.
pub fn read_batch_length(name: &str, length: i32) -> Result<usize, Vec<FieldError>> {
    match usize::try_from(length) {
        Ok(length @ 1..=MAX_BATCH) => Ok(length),
        _ => Err(vec![fault(name, FieldErrorCode::Range, &format!("must be from 1 to {MAX_BATCH}"))]),
    }
}

/// Reads how many rows are wanted.
pub fn read_length(name: &str, length: i32) -> Result<usize, Vec<FieldError>> {
    match usize::try_from(length) {
        Ok(length) if length <= MAX_PAGE => Ok(length),
        _ => Err(vec![fault(name, FieldErrorCode::Range, &format!("must be from 0 to {MAX_PAGE}"))]),
    }
}

/// Reads where a count stops.
pub fn read_max(max: i32) -> Result<u32, Vec<FieldError>> {
    match u32::try_from(max) {
        Ok(max) if max <= MAX_COUNT => Ok(max),
        _ => Err(vec![fault("max", FieldErrorCode::Range, &format!("must be from 0 to {MAX_COUNT}"))]),
    }
}

/// A fault of an argument.
pub(super) fn fault(name: &str, code: FieldErrorCode, message: &str) -> FieldError {
    FieldError { pointer: format!("/{name}"), code, message: message.to_owned() }
}

impl Cursor {
    /// The cursor of an order in a list sorted by `key`.
    #[must_use]
    pub fn of(key: SortKey, order: &super::order::SalesOrder) -> Self {
        let micros = match key {
            SortKey::CreatedAt => order.created_at.timestamp_micros(),
            SortKey::UpdatedAt => order.updated_at.timestamp_micros(),
            SortKey::OrderNumber => 0,
        };
        Self { key, micros, id: order.number.id() }
    }

    /// The text that clients keep.
    pub fn seal(self, sealer: &Sealer) -> Result<String, SealingFailed> {
        sealer.seal(self.key.purpose(), [self.micros, self.id])
    }

    fn open(text: &str, key: SortKey, sealer: &Sealer) -> Option<Self> {
        match sealer.open(key.purpose(), text) {
            Some([micros, id]) => Some(Self { key, micros, id }),
            None => Self::read_old_form(text).filter(|cursor| cursor.key == key),
        }
    }

    /// A cursor from before they were sealed. It is accepted for good: clients keep cursors. It tells nothing that the
    /// order itself does not.
    fn read_old_form(text: &str) -> Option<Self> {
        let text = old_form(text)?;
        let key = match text.get(..1)? {
            "c" => SortKey::CreatedAt,
            "u" => SortKey::UpdatedAt,
            "n" => SortKey::OrderNumber,
            _ => return None,
        };
        let (micros, id) = text[1..].split_once('.')?;
        let micros = micros.parse().ok().filter(|micros| DateTime::<Utc>::from_timestamp_micros(*micros).is_some())?;
        Some(Self { key, micros, id: id.parse().ok()? })
    }
}

impl SortKey {
    const fn purpose(self) -> Purpose {
        match self {
            Self::CreatedAt => Purpose::CreatedAtCursor,
            Self::UpdatedAt => Purpose::UpdatedAtCursor,
            Self::OrderNumber => Purpose::OrderNumberCursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sealer;
    use super::*;

    const NEWEST: Sort = Sort { key: SortKey::CreatedAt, descending: true };

    #[test]
    fn a_cursor_is_read_back_and_belongs_to_one_order_of_the_list() {
        let cursor = Cursor { key: SortKey::CreatedAt, micros: -5, id: 42 };
        let sealer = sealer::of_tests();
        // As it is given out, and as it was before cursors were sealed ("c-5.42").
        for text in [&*cursor.seal(&sealer).unwrap(), "Yy01LjQy"] {
            let read = |sort| PageRequest::read(&sealer, sort, (None, Some(text)), (None, None));
            assert_eq!(read(NEWEST).unwrap().after, Some(cursor));
            let other = read(Sort { key: SortKey::UpdatedAt, ..NEWEST }).unwrap_err();
            assert_eq!((other[0].pointer.as_str(), other[0].code.as_str()), ("/after", "cursor"));
        }
        for text in ["", "!", "Yw", "eDEuMQ", "YzEuMQ==", "YzkyMjMzNzIwMzY4NTQ3NzU4MDcuMQ"] {
            assert_eq!(Cursor::open(text, SortKey::CreatedAt, &sealer), None, "{text}");
        }
    }

    #[test]
    fn every_faulty_argument_of_a_page_is_named() {
        let errors =
            PageRequest::read(&sealer::of_tests(), NEWEST, (Some(101), Some("x")), (Some(-1), None)).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/after", "/first", "/last"]);
        let both = PageRequest::read(&sealer::of_tests(), NEWEST, (Some(1), None), (Some(1), None)).unwrap_err();
        assert_eq!((both[0].pointer.as_str(), both[0].code.as_str()), ("/last", "conflict"));
    }
}
