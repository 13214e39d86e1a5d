//! What a file of orders holds, added up line by line in the same way when it is written and when it is read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::money::Money;
use super::super::order::OrderNumber;
use super::super::summary::Sum;
use super::MOST_PROBLEMS;
use super::line::ArchivedLine;

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// How many orders.
    pub orders: u64,
    /// The number of the first one.
    pub first_order_number: String,
    /// The number of the last one.
    pub last_order_number: String,
    /// The time at which the earliest of them was received.
    pub created_from: Option<DateTime<Utc>>,
    /// The time at which the latest of them was received.
    pub created_to: Option<DateTime<Utc>>,
    /// What they come to, by currency.
    pub totals: Vec<CurrencyTotals>,
    /// How many bytes the file has.
    pub file_bytes: u64,
    /// SHA-256 of the file, to the byte: 64 hexadecimal digits.
    pub file_sha256: String,
    /// SHA-256 of the SHA-256 of each line: of 64 hexadecimal digits and a line feed for each, in their sequence. It holds too where a transfer
    /// wrote the line ends anew.
    pub lines_sha256: String,
}

/// What orders of one currency come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyTotals {
    /// The currency (ISO 4217).
    pub currency: String,
    /// How many orders.
    pub orders: u64,
    /// The sum of their quantities.
    pub total_quantity: i64,
    /// The sum of their amounts, exact, of those that have one.
    pub total_amount: String,
    /// How many of them have no amount, for a line has no price.
    pub orders_without_amount: u64,
}

impl Contents {
    /// What differs, in the words of somebody who was told `self` and read `read`.
    pub(super) fn differences(&self, read: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut differ = |what: &str, told: &dyn ToString, read: &dyn ToString| {
            let (told, read) = (told.to_string(), read.to_string());
            if told != read {
                found.push(format!("{what}: {read}, and the manifest says {told}"));
            }
        };
        differ("orders", &self.orders, &read.orders);
        differ("first order number", &self.first_order_number, &read.first_order_number);
        differ("last order number", &self.last_order_number, &read.last_order_number);
        let time = |at: &Option<DateTime<Utc>>| at.map_or_else(|| "none".to_owned(), |at| at.to_rfc3339());
        differ("earliest order", &time(&self.created_from), &time(&read.created_from));
        differ("latest order", &time(&self.created_to), &time(&read.created_to));
        differ("totals", &words(&self.totals), &words(&read.totals));
        differ("SHA-256 of the lines", &self.lines_sha256, &read.lines_sha256);
        differ("SHA-256 of the file", &self.file_sha256, &read.file_sha256);
        differ("bytes", &self.file_bytes, &read.file_bytes);
        found
    }
}

fn words(totals: &[CurrencyTotals]) -> String {
    let of = |it: &CurrencyTotals| {
        let CurrencyTotals { currency, orders, total_quantity, total_amount, orders_without_amount } = it;
        format!(
            "{currency} {total_amount} ({orders} orders, {orders_without_amount} without an amount, quantity {total_quantity})"
        )
    };
    if totals.is_empty() { "none".to_owned() } else { totals.iter().map(of).collect::<Vec<_>>().join(", ") }
}

/// Adds a file up.
#[derive(Default)]
pub struct Tally {
    contents: Contents,
    totals: BTreeMap<String, Figures>,
    file: Sha256,
    lines: Sha256,
    last: Option<OrderNumber>,
    /// What is wrong with lines by themselves.
    problems: Vec<String>,
}

#[derive(Default)]
struct Figures {
    orders: u64,
    quantity: i64,
    amount: i128,
    without_amount: u64,
}

impl Tally {
    /// Adds a line, as it is in the file, with or without the line feed at its end. Gives what it says, if it can be read.
    pub fn add(&mut self, raw: &[u8]) -> Option<ArchivedLine> {
        self.file.update(raw);
        self.contents.file_bytes += raw.len() as u64;
        let text = raw.strip_suffix(b"\n").unwrap_or(raw);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        self.lines.update(hex::encode(Sha256::digest(text)));
        self.lines.update("\n");
        self.contents.orders += 1;
        match ArchivedLine::read(text) {
            Ok(line) => {
                self.count(&line);
                Some(line)
            }
            Err(problem) => {
                self.note(&problem);
                None
            }
        }
    }

    fn note(&mut self, problem: &str) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(format!("line {}: {problem}", self.contents.orders));
        }
    }

    fn count(&mut self, line: &ArchivedLine) {
        if let Some(last) = self.last.filter(|last| line.number <= *last) {
            self.note(&format!("{} stands behind {last}: it was moved, added or written twice", line.number));
        }
        self.last = Some(line.number);
        let contents = &mut self.contents;
        if contents.first_order_number.is_empty() {
            contents.first_order_number = line.number.to_string();
        }
        contents.last_order_number = line.number.to_string();
        let at = line.created_at;
        contents.created_from = Some(contents.created_from.map_or(at, |from| from.min(at)));
        contents.created_to = Some(contents.created_to.map_or(at, |to| to.max(at)));
        let figures = self.totals.entry(line.currency.clone()).or_default();
        figures.orders += 1;
        figures.quantity = figures.quantity.saturating_add(line.total_quantity);
        match line.total_amount.map(Money::ten_thousandths) {
            Some(amount) => figures.amount += i128::from(amount),
            None => figures.without_amount += 1,
        }
    }

    /// What was added, and what is wrong with lines by themselves.
    #[must_use]
    pub fn finish(self) -> (Contents, Vec<String>) {
        let Self { mut contents, totals, file, lines, last: _, problems } = self;
        contents.file_sha256 = hex::encode(file.finalize());
        contents.lines_sha256 = hex::encode(lines.finalize());
        let total = |(currency, figures): (String, Figures)| CurrencyTotals {
            currency,
            orders: figures.orders,
            total_quantity: figures.quantity,
            total_amount: Sum::from_ten_thousandths(figures.amount).to_string(),
            orders_without_amount: figures.without_amount,
        };
        contents.totals = totals.into_iter().map(total).collect();
        (contents, problems)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(number: u64, amount: Option<&str>) -> String {
        let order = json!({
            "order_number": format!("SO-{number:010}"), "client_id": "versuni", "version": 3, "currency": "IDR",
            "total_quantity": 2, "total_amount": amount, "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-02T00:00:00.000001Z", "events": [{}, {}], "requests": [], "receipt": null,
            "idempotency_key": "key:a", "request_digest": "00",
        });
        format!("{order}\n")
    }

    fn read(lines: &[String]) -> (Contents, Vec<String>) {
        let mut tally = Tally::default();
        for line in lines {
            tally.add(line.as_bytes());
        }
        tally.finish()
    }

    #[test]
    fn a_file_is_added_up_by_currency_and_by_its_lines() {
        let (contents, problems) = read(&[line(1, Some("0.5")), line(3, None), line(4, Some("9999999999999.9999"))]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!((contents.orders, &*contents.first_order_number), (3, "SO-0000000001"));
        assert_eq!(contents.last_order_number, "SO-0000000004");
        assert_eq!(words(&contents.totals), "IDR 10000000000000.4999 (3 orders, 1 without an amount, quantity 6)");
        assert_eq!(contents.differences(&contents), Vec::<String>::new());
    }

    #[test]
    fn line_ends_that_were_written_anew_leave_the_digest_of_the_lines() {
        let lines = [line(1, None), line(2, None)];
        let windows = lines.clone().map(|line| line.replace('\n', "\r\n"));
        let (one, _) = read(&lines);
        let (other, _) = read(&windows);
        assert_eq!(one.lines_sha256, other.lines_sha256);
        assert_ne!(one.file_sha256, other.file_sha256);
    }

    #[test]
    fn each_kind_of_damage_is_a_difference() {
        let lines = [line(1, Some("1")), line(2, Some("2")), line(3, Some("3"))];
        let (told, _) = read(&lines);
        let [one, two, three] = lines;
        for damaged in [
            vec![one.clone(), two.clone()],
            vec![two.clone(), three.clone()],
            vec![one.clone(), two.replace("\"2\"", "\"5\""), three.clone()],
            vec![one.clone(), three.clone(), two.clone()],
            vec![one.clone(), two.clone(), two.clone(), three.clone()],
            vec![one.clone(), two.clone(), three.clone(), line(4, None)],
            vec![one.clone(), two[..two.len() / 2].to_owned()],
            vec![],
        ] {
            let (read, problems) = read(&damaged);
            assert!(!told.differences(&read).is_empty(), "{damaged:?} {problems:?}");
        }
        let (_, swapped) = read(&[one, three, two]);
        assert!(swapped[0].contains("SO-0000000002 stands behind SO-0000000003"), "{swapped:?}");
    }
}
