//! Every failure says what it is, in one shape, and nothing of the service's inside.

mod bodies;
mod catalogue;
mod envelope;
mod fields;

use crate::support::Answer;

/// What only the service's inside knows, and no answer may repeat.
const INTERNAL: [&str; 20] = [
    "sqlx",
    "sea_orm",
    "sea-orm",
    "sea_query",
    "tokio",
    "async_graphql",
    "axum",
    "src/",
    ".rs:",
    "panick",
    "thread '",
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "sales_orders",
    "sales_order_lines",
    "client_secrets",
    "no such table",
    "relation \"",
    "RUST_BACKTRACE",
];

#[track_caller]
fn assert_nothing_internal(answer: &Answer) {
    for word in INTERNAL {
        assert!(!answer.text.contains(word), "{word} in {}", answer.text);
    }
}
