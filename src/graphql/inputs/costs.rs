//! What inputs cost in points.

use super::{CreateSalesOrderInput, Raw, SalesOrderFilter};
use crate::graphql::cost::points::{LINES_PER_ORDER, SEARCH};

/// What it costs that orders are looked for by what they hold.
pub fn search_cost(filter: Option<&Raw<SalesOrderFilter>>) -> usize {
    if filter.is_some_and(|filter| !filter.json().is_null()) { SEARCH } else { 0 }
}

/// What an order costs that is to be taken: its lines are shown, and it must not be given up once it is stored.
pub fn new_order_cost(input: &Raw<CreateSalesOrderInput>, each: usize) -> usize {
    let lines = input.json()["products"].as_array().map_or(0, Vec::len);
    each.saturating_mul(lines.div_ceil(LINES_PER_ORDER).max(1)).saturating_add(1)
}
