//! What work costs in points.

use crate::domain::page::DEFAULT_PAGE;

/// How many lines, or systems, an order is taken to have when the cost of a document is worked out.
pub const LINES_PER_ORDER: usize = 5;

/// How many events.
pub const EVENTS_PER_ORDER: usize = 4;

/// How many shipments.
pub const SHIPMENTS_PER_ORDER: usize = 1;

/// How many requests of its sender.
pub const REQUESTS_PER_ORDER: usize = 1;

/// What a page costs: what each of its rows costs, as often as there may be rows.
pub fn page_cost(length: Option<i32>, each: usize) -> usize {
    let length = length.map_or(DEFAULT_PAGE, |length| usize::try_from(length).unwrap_or_default());
    length.saturating_mul(each).saturating_add(1)
}

/// What a summary costs: all the orders that are meant are read, however few groups are shown; and the database adds up
/// a group for less than it reads an order.
pub fn summary_cost(groups: i32, each: usize) -> usize {
    SUMMARY + page_cost(Some(groups), each) / 4 + each
}

/// Adding up reads every order, and twenty summaries are as much as a request may ask for.
const SUMMARY: usize = 950;

/// What it costs to look for a text in orders, above reading the ones that are found.
pub const SEARCH: usize = 200;

/// What erasing the next orders of a customer costs: up to a hundred transactions.
pub const ERASURE: usize = 5_000;

/// What counting up to so many orders costs: they are read, if only their keys. As many as are counted without being told
/// cost little.
pub fn count_cost(max: i32) -> usize {
    10 + usize::try_from(max).unwrap_or_default().saturating_sub(10_000) / 100
}

/// What an error costs, which has a sentence and says where.
pub const ERROR: usize = 10;
