//! Which orders are meant: the one filter of lists, totals, events and exports.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use super::fields::{Fields, Naming, Text};
use super::folding::Sought;
use super::names::UnknownName;
use super::order::{OrderNumber, OrderStatus, UnknownStatus};
use super::order_request::RequestState;
use super::permission::{Permission, Scope};
use crate::error::{AppError, ErrorCode, FieldError, FieldErrorCode};

/// How many values an `in` may list.
const MAX_VALUES: usize = 100;

/// How many words a search may have.
const MAX_WORDS: usize = 10;

/// What an order must be like; every part that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// One of these orders. A text that is no order number is no order's.
    pub numbers: Option<Vec<OrderNumber>>,
    /// In one of these statuses.
    pub statuses: Option<Vec<OrderStatus>>,
    /// With these texts.
    pub texts: TextFilters,
    /// With a line of this product.
    pub product_code: TextFilter,
    /// From one of these clients.
    pub client_ids: Option<Vec<String>>,
    /// With these times.
    pub times: Times,
    /// Words that must all occur in the order, each in any of its searched texts.
    pub search: Vec<Sought>,
    /// With a request in one of these states.
    pub request_states: Option<Vec<RequestState>>,
    /// Not acknowledged by this receiving system.
    pub not_acknowledged_by: Option<String>,
}

/// What the texts of an order must be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextFilters {
    /// For this customer.
    pub customer_code: TextFilter,
    /// For this site.
    pub site_code: TextFilter,
    /// By this sales person.
    pub sales_name: TextFilter,
    /// With this number at its sender.
    pub partner_reference: TextFilter,
}

impl TextFilters {
    /// Each with the name of its column and the mark before its section of `NewOrder::search_text`.
    #[must_use]
    pub const fn all(&self) -> [(&'static str, char, &TextFilter); 4] {
        let Self { customer_code, site_code, sales_name, partner_reference } = self;
        [
            ("customer_code", '\u{1}', customer_code),
            ("site_code", '\u{2}', site_code),
            ("sales_name", '\u{3}', sales_name),
            ("partner_reference", '\u{7}', partner_reference),
        ]
    }
}

/// What a text must be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextFilter {
    /// One of these, to the letter.
    pub any_of: Option<Vec<String>>,
    /// Holds this somewhere, whatever the case of its letters.
    pub contains: Option<Sought>,
}

/// When something must be; each bound that is given must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range<T> {
    /// Then or later.
    pub from: Option<T>,
    /// Earlier.
    pub before: Option<T>,
}

/// What the times of an order must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// Taken then.
    pub created_at: Range<DateTime<Utc>>,
    /// Last changed then.
    pub updated_at: Range<DateTime<Utc>>,
    /// Asked for on these days.
    pub requested_delivery_date: Range<NaiveDate>,
}

/// A bound of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    Instant(DateTime<Utc>),
    /// A day of the calendar.
    Date(NaiveDate),
}

impl Times {
    /// Each with the name of its column.
    #[must_use]
    pub fn all(&self) -> [(&'static str, Range<Moment>); 3] {
        let Self { created_at, updated_at, requested_delivery_date } = self;
        [
            ("created_at", created_at.map(Moment::Instant)),
            ("updated_at", updated_at.map(Moment::Instant)),
            ("requested_delivery_date", requested_delivery_date.map(Moment::Date)),
        ]
    }
}

impl<T> Range<T> {
    /// Whether it has no bound.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.from.is_none() && self.before.is_none()
    }
}

impl<T: Copy> Range<T> {
    fn map<U>(&self, bound: fn(T) -> U) -> Range<U> {
        Range { from: self.from.map(bound), before: self.before.map(bound) }
    }
}

impl OrderFilter {
    /// Reads the argument `where`. `null` and an empty object mean every order.
    pub fn read_argument(value: &Value, naming: Naming) -> Result<Self, Vec<FieldError>> {
        if value.is_null() { Ok(Self::default()) } else { Self::read(Fields::at(value, naming, "/where".to_owned())) }
    }

    /// Reads a filter, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let filter = Self::take(&mut fields);
        fields.finish()?;
        Ok(filter)
    }

    /// Reads the fields of a filter that is a part of something else.
    pub(super) fn take(fields: &mut Fields<'_>) -> Self {
        let numbers = fields.optional_object("order_number", |fields| any_of(fields, Text::line(64)));
        let statuses = fields.optional_object("status", read_statuses);
        Self {
            numbers: numbers.map(|texts| texts.iter().filter_map(|text| text.parse().ok()).collect()),
            statuses,
            texts: TextFilters {
                customer_code: read_text(fields, "customer_code", 64),
                site_code: read_text(fields, "site_code", 64),
                sales_name: read_text(fields, "sales_name", 128),
                partner_reference: read_text(fields, "partner_reference", 70),
            },
            product_code: read_text(fields, "product_code", 64),
            client_ids: fields.optional_object("client_id", |fields| any_of(fields, Text::line(64))),
            times: Times {
                created_at: read_instants(fields, "created_at"),
                updated_at: read_instants(fields, "updated_at"),
                requested_delivery_date: read_range(fields, "requested_delivery_date", |it| {
                    [it.optional_date("gte"), it.optional_date("lt")]
                }),
            },
            search: fields
                .optional_words("search", Text::line(200), MAX_WORDS)
                .iter()
                .map(|word| Sought::new(word))
                .collect(),
            request_states: fields.optional_object("request_state", read_request_states),
            not_acknowledged_by: fields.optional_text("not_acknowledged_by", Text::line(64)),
        }
    }

    /// Refuses to filter by what the caller may not read: the answers would tell it.
    pub fn ensure_readable(&self, scope: &Scope) -> Result<(), AppError> {
        if *scope == Scope::All || self.not_acknowledged_by.is_none() {
            return Ok(());
        }
        let needed = Permission::OrdersRead;
        let message = format!("The filter notAcknowledgedBy needs the scope {needed}, which this client does not have");
        Err(AppError::new(ErrorCode::InsufficientScope, message).detail("scope", needed.as_str()))
    }
}

impl OrderFilter {
    /// Whether orders are looked for by what they hold, which may mean to read them all, or to sort many. Numbers, clients
    /// and the time when an order was taken are found at once, in the sequence of a list.
    #[must_use]
    pub fn is_search(&self) -> bool {
        let Self { numbers, client_ids, times: Times { created_at, .. }, .. } = self.clone();
        *self != Self { numbers, client_ids, times: Times { created_at, ..Times::default() }, ..Self::default() }
    }
}

fn read_text(fields: &mut Fields<'_>, name: &'static str, max: usize) -> TextFilter {
    let read = |fields: &mut Fields<'_>| {
        let any_of = any_of(fields, Text::line(max));
        let contains = fields.optional_text("contains", Text::line(max)).map(|text| Sought::new(&text));
        Some(TextFilter { any_of, contains })
    };
    fields.optional_object(name, read).unwrap_or_default()
}

fn read_instants(fields: &mut Fields<'_>, name: &'static str) -> Range<DateTime<Utc>> {
    read_range(fields, name, |it| [it.optional_instant("gte"), it.optional_instant("lt")])
}

fn read_range<T>(
    fields: &mut Fields<'_>,
    name: &'static str,
    bounds: fn(&mut Fields<'_>) -> [Option<T>; 2],
) -> Range<T> {
    let [from, before] = fields.optional_object(name, |fields| Some(bounds(fields))).unwrap_or([None, None]);
    Range { from, before }
}

/// What `eq` and `in` allow together.
fn any_of(fields: &mut Fields<'_>, rule: Text) -> Option<Vec<String>> {
    let equal = fields.optional_text("eq", rule);
    let listed = fields.optional_texts("in", rule, MAX_VALUES);
    both(equal, listed)
}

fn read_statuses(fields: &mut Fields<'_>) -> Option<Vec<OrderStatus>> {
    let names = any_of(fields, Text::line(16))?;
    let statuses: Vec<_> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if statuses.len() < names.len() {
        return fields.refuse_here(FieldErrorCode::Status, UnknownStatus.to_string());
    }
    Some(statuses)
}

fn read_request_states(fields: &mut Fields<'_>) -> Option<Vec<RequestState>> {
    let names = any_of(fields, Text::line(16))?;
    let states: Result<Vec<RequestState>, UnknownName> = names.iter().map(|name| name.parse()).collect();
    states.or_else(|unknown| fields.refuse_here(FieldErrorCode::Unknown, unknown.to_string()).ok_or(())).ok()
}

fn both<T: PartialEq>(equal: Option<T>, listed: Option<Vec<T>>) -> Option<Vec<T>> {
    match (equal, listed) {
        (None, listed) => listed,
        (Some(equal), None) => Some(vec![equal]),
        (Some(equal), Some(listed)) => Some(listed.into_iter().filter(|value| *value == equal).take(1).collect()),
    }
}

/// The order a word names, if it names one: `so-0000000042` or just `42`.
#[must_use]
pub fn named_order(word: &str) -> Option<OrderNumber> {
    let digits = word.strip_prefix("so-").unwrap_or(word);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten().filter(|id| *id > 0).map(OrderNumber::from_id)
}

#[cfg(test)]
#[path = "order_filter_tests.rs"]
mod tests;
