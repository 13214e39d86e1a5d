//! Many rows into a table by one statement, whose text is the same for any number of rows: the rows go along as one JSON
//! text, so that the statement is prepared once a connection and no row costs a round trip.

use sea_orm::{DbBackend, Statement};
use serde_json::Value;

/// A table as rows are written to it.
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// Columns, with what PostgreSQL calls their types. `bytea` is written in hex.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// What comes behind the rows.
    pub(super) suffix: &'static str,
}

impl Table {
    /// The statement that writes these rows: a JSON list of objects, one member for each column.
    pub(super) fn insert(&self, backend: DbBackend, rows: Vec<Value>) -> Statement {
        let json = Value::Array(rows).to_string();
        Statement::from_sql_and_values(backend, self.sql(backend), [json.into()])
    }

    fn sql(&self, backend: DbBackend) -> String {
        let Self { name, columns, suffix } = self;
        let list = |item: &dyn Fn(&str, &str) -> String| {
            columns.iter().map(|(column, kind)| item(column, kind)).collect::<Vec<_>>().join(", ")
        };
        let names = list(&|column, _| column.to_owned());
        if backend == DbBackend::Postgres {
            let values = list(&|column, kind| match kind {
                "bytea" => format!("decode(r.{column}, 'hex')"),
                _ => format!("r.{column}"),
            });
            let types = list(&|column, kind| format!("{column} {}", if kind == "bytea" { "text" } else { kind }));
            format!(
                "INSERT INTO {name} ({names}) SELECT {values} FROM json_to_recordset($1::json) AS r ({types}) {suffix}"
            )
        } else {
            let values = list(&|column, kind| match kind {
                "bytea" => format!("unhex(r.value ->> '{column}')"),
                _ => format!("r.value ->> '{column}'"),
            });
            // Without WHERE, SQLite would take ON CONFLICT for a part of a join.
            format!("INSERT INTO {name} ({names}) SELECT {values} FROM json_each(?1) AS r WHERE true {suffix}")
        }
    }
}
