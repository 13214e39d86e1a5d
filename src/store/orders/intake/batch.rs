//! Many rows by one statement, whose text is the same for any number of rows: they go along as JSON texts, so that the
//! statement is prepared once a connection and no row costs a round trip. Each row names its order by the order's ordinal
//! in the batch; `made` is where a statement keeps which id that order got.

use crate::domain::order::{SalesOrder, SalesOrderLine};
use crate::domain::receipt::Receipt;
use crate::store::orders::columns::{Column, Row};
use crate::store::orders::record::{FirstEvent, Internals, SignedText, UniqueReference};

/// A table as rows are written to it.
pub(super) struct Table {
    name: &'static str,
    /// Columns besides the order's id.
    columns: Vec<Column>,
}

/// The tables a batch is written to.
pub(super) struct Tables {
    pub(super) orders: Table,
    pub(super) lines: Table,
    pub(super) receipts: Table,
    pub(super) events: Table,
    pub(super) texts: Table,
    /// Read only: what orders must have alone.
    pub(super) references: Table,
}

/// The order's id as a column, and where it comes from.
pub(super) type Id = Option<(&'static str, &'static str)>;

impl Tables {
    pub(super) fn new() -> Self {
        let table = |name, columns: &[&[Column]]| Table { name, columns: columns.concat() };
        Self {
            orders: table("sales_orders", &[SalesOrder::COLUMNS, Internals::COLUMNS]),
            lines: table("sales_order_lines", &[SalesOrderLine::COLUMNS]),
            receipts: table("sales_order_receipts", &[Receipt::COLUMNS]),
            events: table("sales_order_events", &[FirstEvent::COLUMNS]),
            texts: table("sales_order_signed_texts", &[SignedText::COLUMNS]),
            references: table("sales_orders", &[UniqueReference::COLUMNS]),
        }
    }
}

impl Table {
    /// What writes the rows `r` of `rows`, which are members of a JSON list, on SQLite.
    pub(super) fn sqlite(&self, id: Id, rows: &str) -> String {
        self.insert(id, rows, |Column { name, kind }| match *kind {
            "bytea" => format!("unhex(r.value ->> '{name}')"),
            _ => format!("r.value ->> '{name}'"),
        })
    }

    /// What writes the rows `r` of `rows`, which are as [`Table::postgres_rows`] reads them, on PostgreSQL.
    pub(super) fn postgres(&self, id: Id, rows: &str) -> String {
        self.insert(id, rows, |Column { name, kind }| match *kind {
            "bytea" => format!("decode(r.{name}, 'hex')"),
            _ => format!("r.{name}"),
        })
    }

    /// The rows of a JSON list of objects, with a member for each column and the ordinal of the order, on PostgreSQL.
    pub(super) fn postgres_rows(&self, text: &str) -> String {
        self.postgres_rows_with(text, &[])
    }

    /// The same with further members.
    pub(super) fn postgres_rows_with(&self, text: &str, further: &[&str]) -> String {
        let types = self.columns.iter().map(|Column { name, kind }| match *kind {
            "bytea" => format!("{name} text"),
            kind => format!("{name} {kind}"),
        });
        let further = ["ordinal bigint"].iter().chain(further).map(|it| (*it).to_owned());
        let types: Vec<_> = types.chain(further).collect();
        format!("json_to_recordset({text}::json) AS r ({})", types.join(", "))
    }

    fn insert(&self, id: Id, rows: &str, value: impl Fn(&Column) -> String) -> String {
        let own = self.columns.iter().map(|column| (column.name, value(column)));
        let id = id.map(|(column, from)| (column, from.to_owned()));
        let (columns, values): (Vec<_>, Vec<_>) = id.into_iter().chain(own).unzip();
        format!("INSERT INTO {} ({}) SELECT {} FROM {rows}", self.name, columns.join(", "), values.join(", "))
    }
}
