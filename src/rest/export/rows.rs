//! The orders of a page as the bytes of the file.

use std::borrow::Cow;

use chrono::DateTime;
use serde_json::Value;

use super::Format;
use super::columns::{COLUMNS, Column};
use super::form::{Cells, Form};
use crate::domain::money::Money;
use crate::domain::zone::Zone;
use crate::error::AppError;
use crate::rest::spreadsheet;

/// The columns behind those of the orders and their lines: the name and the meaning.
pub const LINE_AMOUNT: (&str, &str) = (
    "line_amount",
    "Quantity times unit price, empty when the line has no price. These, not `total_amount`, add up by product.",
);
/// With `for=spreadsheet`.
pub const TIME_ZONE: (&str, &str) = ("time_zone", "Time zone of the times. With `for=spreadsheet` only.");
/// With `cursors=true`.
pub const CURSOR: (&str, &str) = ("cursor", "What `after` takes to go on behind this order. With `cursors=true` only.");

/// The byte order mark, by which spreadsheets know UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

impl Form {
    /// What stands before the orders; `None` in JSON Lines.
    pub fn heading(&self) -> Result<Option<Vec<u8>>, AppError> {
        if self.format == Format::Jsonl {
            return Ok(None);
        }
        let mark = if matches!(self.cells, Cells::Readable { .. }) { MARK } else { &[] };
        self.csv(mark.to_vec(), |writer| writer.write_record(self.headings())).map(Some)
    }

    /// The orders of a page, each with its cursor.
    pub fn orders(&self, page: &mut [Value]) -> Result<Vec<u8>, AppError> {
        if self.format == Format::Jsonl {
            return Ok(page.iter_mut().flat_map(|edge| self.json_line(edge).into_bytes()).collect());
        }
        self.csv(Vec::new(), |writer| page.iter().try_for_each(|edge| self.rows(edge, writer)))
    }

    fn json_line(&self, edge: &mut Value) -> String {
        if self.cursors {
            let cursor = edge[CURSOR.0].take();
            edge["order"][CURSOR.0] = cursor;
        }
        format!("{}\n", edge["order"])
    }

    /// A row for each line. What the order comes to stands in the first one alone: whoever adds up a column counts it once.
    fn rows(&self, edge: &Value, writer: &mut csv::Writer<Vec<u8>>) -> csv::Result<()> {
        let order = &edge["order"];
        for (index, line) in COLUMNS.lines(order).iter().enumerate() {
            for column in &COLUMNS.of_order {
                let value = if index > 0 && column.is_total() { &Value::Null } else { column.of(order) };
                writer.write_field(self.cell(column, value).as_bytes())?;
            }
            for column in &COLUMNS.of_line {
                writer.write_field(self.cell(column, column.of(line)).as_bytes())?;
            }
            for (name, _) in self.further() {
                let value = match name {
                    _ if name == LINE_AMOUNT.0 => self.amount(&line_amount(line)).into_owned(),
                    _ if name == CURSOR.0 => self.cursor(edge[CURSOR.0].as_str().unwrap_or_default()),
                    _ => self.zone(),
                };
                writer.write_field(value)?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    pub(super) fn headings(&self) -> impl Iterator<Item = &'static str> {
        COLUMNS.all().map(|column| column.name.as_str()).chain(self.further().map(|(name, _)| name))
    }

    fn further(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let zone = matches!(self.cells, Cells::Readable { .. }).then_some(TIME_ZONE);
        [LINE_AMOUNT].into_iter().chain(zone).chain(self.cursors.then_some(CURSOR))
    }

    fn zone(&self) -> String {
        match self.cells {
            Cells::Readable { zone: Zone::Named(zone), .. } => zone.name().to_owned(),
            // It begins with a sign.
            Cells::Readable { zone: Zone::Fixed(offset), separator } => {
                spreadsheet::text(&offset.to_string(), separator)
            }
            Cells::Guarded | Cells::Exact => String::new(),
        }
    }

    /// It may begin with a `-`.
    fn cursor(&self, cursor: &str) -> String {
        match self.cells {
            Cells::Readable { separator, .. } => spreadsheet::text(cursor, separator),
            Cells::Guarded | Cells::Exact => cursor.to_owned(),
        }
    }

    fn cell<'v>(&self, column: &Column, value: &'v Value) -> Cow<'v, str> {
        match (self.cells, value) {
            (_, Value::Null) => Cow::Borrowed(""),
            (Cells::Guarded, Value::String(text)) => spreadsheet::guarded(text, None),
            (Cells::Exact, Value::String(text)) => Cow::Borrowed(text),
            (Cells::Readable { separator, zone }, Value::String(text)) => {
                match column.member.shape.type_name.as_str() {
                    "Decimal" => self.amount(text),
                    "DateTime" => DateTime::parse_from_rfc3339(text).map_or(Cow::Borrowed(text), |time| {
                        time.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string().into()
                    }),
                    "String" => spreadsheet::text(text, separator).into(),
                    _ => Cow::Borrowed(text),
                }
            }
            (_, other) => Cow::Owned(other.to_string()),
        }
    }

    /// An amount with the decimal mark that goes with the separator: one that is no decimal mark there would have it read as
    /// another amount, or as a date.
    fn amount<'v>(&self, text: &'v str) -> Cow<'v, str> {
        if self.separator() == ';' { text.replace('.', ",").into() } else { text.into() }
    }

    pub(super) fn csv(
        &self,
        begin: Vec<u8>,
        write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>,
    ) -> Result<Vec<u8>, AppError> {
        let separator = u8::try_from(self.separator()).map_err(AppError::internal)?;
        let lines = csv::Terminator::CRLF;
        let mut writer = csv::WriterBuilder::new().delimiter(separator).terminator(lines).from_writer(begin);
        write(&mut writer).map_err(AppError::internal)?;
        writer.into_inner().map_err(|error| AppError::internal(error.into_error()))
    }
}

/// What a line comes to, if it has a price.
fn line_amount(line: &Value) -> String {
    let price = line["unit_price"].as_str().and_then(|price| Money::parse(price, Money::MAX_UNIT_PRICE).ok());
    let amount = price.zip(line["quantity"].as_i64()).and_then(|(price, quantity)| price.times(quantity));
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use serde_json::json;

    use super::*;

    fn written(form: Form, order: &Value) -> String {
        let mut page = [json!({"cursor": "c1", "order": order})];
        let mut text = form.heading().unwrap().unwrap_or_default();
        text.extend(form.orders(&mut page).unwrap());
        String::from_utf8(text).unwrap()
    }

    fn order() -> Value {
        json!({"order_number": "SO-0000000001", "status": "RECEIVED", "version": 1, "customer_code": "00123", "note": "a\n=b",
               "total_quantity": 3, "total_amount": "0.3", "created_at": "2026-11-23T17:30:00.123456Z",
               "requested_delivery_date": "2026-12-24",
               "products": [{"line_no": 1, "quantity": 2, "unit_price": "0.1", "product_code": "1E5"},
                            {"line_no": 2, "quantity": 1, "unit_price": "0.1"}, {"line_no": 3, "quantity": 1}]})
    }

    /// The values of a column, of each line.
    fn column(text: &str, separator: u8, name: &str) -> Vec<String> {
        let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text.as_bytes());
        let at = reader.headers().unwrap().iter().position(|heading| heading == name).unwrap();
        reader.records().map(|row| row.unwrap()[at].to_owned()).collect()
    }

    #[test]
    fn what_an_order_comes_to_stands_once_and_what_a_line_comes_to_on_each() {
        for cells in [Cells::Guarded, Cells::Exact] {
            let text = written(Form { format: Format::Csv, cells, cursors: true, trailer: false }, &order());
            assert_eq!(column(&text, b',', "total_amount"), ["0.3", "", ""]);
            assert_eq!(column(&text, b',', "total_quantity"), ["3", "", ""]);
            assert_eq!(column(&text, b',', "line_amount"), ["0.2", "0.1", ""]);
            assert_eq!(column(&text, b',', "version"), ["1"; 3]);
            assert_eq!(column(&text, b',', "cursor"), ["c1"; 3]);
        }
    }

    #[test]
    fn the_file_for_a_spreadsheet_has_its_separator_its_decimal_mark_and_its_zone() {
        for (separator, amount) in [(';', "0,3"), (',', "0.3")] {
            let cells = Cells::Readable { separator, zone: Zone::Named(Tz::Asia__Jakarta) };
            let text = written(Form { format: Format::Csv, cells, cursors: false, trailer: false }, &order());
            let text = text.strip_prefix('\u{feff}').unwrap();
            let first = |name| column(text, separator as u8, name)[0].clone();
            assert_eq!(first("total_amount"), amount);
            assert_eq!(first("created_at"), "2026-11-24 00:30:00");
            assert_eq!(first("time_zone"), "Asia/Jakarta");
            assert_eq!(first("requested_delivery_date"), "2026-12-24");
            assert_eq!(
                (first("customer_code"), first("product_code")),
                ("=\"00123\"".to_owned(), "=\"1E5\"".to_owned())
            );
            assert_eq!((first("note"), first("version")), ("a\n'=b".to_owned(), "1".to_owned()));
        }
    }

    #[test]
    fn json_lines_have_a_cursor_on_request_only() {
        let form = |cursors| Form { format: Format::Jsonl, cells: Cells::Guarded, cursors, trailer: false };
        assert_eq!(written(form(false), &order()), format!("{}\n", order()));
        let mut with = order();
        with["cursor"] = json!("c1");
        assert_eq!(written(form(true), &order()), format!("{with}\n"));
    }
}
