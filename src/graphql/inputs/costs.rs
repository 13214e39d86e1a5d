//! What inputs cost in points.

use serde_json::Value;

use super::{
    CreateSalesOrderInput, CreateSalesOrdersInput, Raw, RequestLogInput, SalesOrderChangesInput,
    SalesOrderEventFeedInput, SalesOrderFilter,
};
use crate::domain::{event_feed, order_changes, request_log};
use crate::graphql::cost::points::{LINES_PER_ORDER, SEARCH};

/// What it costs that orders are looked for by what they hold.
pub fn search_cost(filter: Option<&Raw<SalesOrderFilter>>) -> usize {
    if filter.is_some_and(|filter| !filter.json().is_null()) { SEARCH } else { 0 }
}

/// What a page of the orders by their last change costs.
pub fn changes_cost(input: &Raw<SalesOrderChangesInput>, each: usize) -> usize {
    limited_cost(input.json(), order_changes::DEFAULT_LIMIT, each)
}

/// What a page of the feed of events costs.
pub fn feed_cost(input: &Raw<SalesOrderEventFeedInput>, each: usize) -> usize {
    limited_cost(input.json(), event_feed::DEFAULT_LIMIT, each)
}

/// What a page of the log of requests costs.
pub fn log_cost(input: &Raw<RequestLogInput>, each: usize) -> usize {
    limited_cost(input.json(), request_log::DEFAULT_LIMIT, each)
}

fn limited_cost(input: &Value, usual: usize, each: usize) -> usize {
    let limit = input["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usual);
    limit.saturating_mul(each).saturating_add(1)
}

/// What an order costs that is to be taken: its lines are shown, and it must not be given up once it is stored.
pub fn new_order_cost(input: &Raw<CreateSalesOrderInput>, each: usize) -> usize {
    cost_of(input.json(), each).saturating_add(1)
}

/// What many of them cost.
pub fn new_orders_cost(input: &Raw<CreateSalesOrdersInput>, each: usize) -> usize {
    let orders = input.json()["orders"].as_array().into_iter().flatten();
    orders.map(|order| cost_of(order, each)).fold(1, usize::saturating_add)
}

fn cost_of(order: &Value, each: usize) -> usize {
    let lines = order["products"].as_array().map_or(0, Vec::len);
    each.saturating_mul(lines.div_ceil(LINES_PER_ORDER).max(1))
}
