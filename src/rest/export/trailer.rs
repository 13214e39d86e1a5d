//! The end of an export, written into the file on request. A reader of HTTP/1.0, nginx's default among them, cannot tell an
//! answer that broke off from a whole one, and neither can whoever finds the file later: one that ends with its trailer is
//! whole.

use serde_json::{Value, json};

use super::columns::COLUMNS;
use super::{Format, csv};
use crate::error::{AppError, FieldError, FieldErrorCode};

/// The query parameter that asks for it.
pub const TRAILER: &str = "trailer";

/// What the parameter means.
pub const MEANING: &str = "true: the file ends with a line that counts what is above it, so that a file that has it is whole. \
    Of JSON Lines it is `{\"trailer\":{\"orders\":24}}`; of CSV a row of the cells `TRAILER`, the number of orders, the number of \
    rows between the headings and it, and empty ones";

/// What was written so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    orders: usize,
    rows: usize,
}

impl Count {
    /// With these orders too.
    pub fn add(&mut self, orders: &[Value]) {
        self.orders += orders.len();
        self.rows += orders.iter().map(|order| COLUMNS.rows(order).count()).sum::<usize>();
    }

    /// The last line of the file.
    pub fn write(self, format: Format) -> Result<Vec<u8>, AppError> {
        match format {
            Format::Jsonl => Ok(format!("{}\n", json!({"trailer": {"orders": self.orders}})).into_bytes()),
            Format::Csv => csv(|writer| {
                let cells = ["TRAILER".to_owned(), self.orders.to_string(), self.rows.to_string()];
                // As many cells as in every other row (RFC 4180 §2).
                let empty = COLUMNS.all().skip(cells.len()).map(|_| String::new());
                writer.write_record(cells.into_iter().chain(empty))
            }),
        }
    }
}

/// Whether the trailer is asked for, and the parameters that say which orders are meant.
pub fn asked_for(pairs: Vec<(String, String)>) -> (Result<bool, FieldError>, Vec<(String, String)>) {
    let (given, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| name == TRAILER);
    let fault = |code, message: &str| FieldError { pointer: format!("/{TRAILER}"), code, message: message.to_owned() };
    let values: Vec<_> = given.iter().map(|(_, value)| value.as_str()).collect();
    let asked = match values[..] {
        [] | ["false"] => Ok(false),
        ["true"] => Ok(true),
        [_] => Err(fault(FieldErrorCode::Unknown, "must be true or false")),
        _ => Err(fault(FieldErrorCode::Conflict, "must be given once")),
    };
    (asked, others)
}
