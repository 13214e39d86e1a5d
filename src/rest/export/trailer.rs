//! The end of an export, written into the file on request. A reader of HTTP/1.0, nginx's default among them, cannot tell an
//! answer that broke off from a whole one, and neither can whoever finds the file later: one that ends with its trailer is
//! whole.

use serde_json::{Value, json};

use super::Format;
use super::columns::COLUMNS;
use super::form::Form;
use crate::error::AppError;

/// What was written so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    orders: usize,
    rows: usize,
}

impl Count {
    /// With the orders of this page too.
    pub fn add(&mut self, page: &[Value]) {
        self.orders += page.len();
        self.rows += page.iter().map(|edge| COLUMNS.lines(&edge["order"]).len()).sum::<usize>();
    }
}

impl Form {
    /// The last line of the file.
    pub fn last_line(&self, count: Count) -> Result<Vec<u8>, AppError> {
        if self.format == Format::Jsonl {
            return Ok(format!("{}\n", json!({"trailer": {"orders": count.orders}})).into_bytes());
        }
        self.csv(Vec::new(), |writer| {
            let cells = ["TRAILER".to_owned(), count.orders.to_string(), count.rows.to_string()];
            // As many cells as in every other row (RFC 4180 §2).
            let empty = self.headings().skip(cells.len()).map(|_| String::new());
            writer.write_record(cells.into_iter().chain(empty))
        })
    }
}
