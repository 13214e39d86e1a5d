//! Many rows by one statement, whose text is the same for any number of rows: they go along as JSON texts, so that the
//! statement is prepared once a connection and no row costs a round trip.

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
    /// What writes the rows of `?1`, a JSON list of objects with a member for each column, on SQLite.
    pub(super) fn sqlite(&self) -> String {
        let values = self.list(|column, kind| match kind {
            "bytea" => format!("unhex(r.value ->> '{column}')"),
            _ => format!("r.value ->> '{column}'"),
        });
        // JSONB, so that SQLite does not parse each row's text once more. Without WHERE, it would take ON CONFLICT for a
        // part of a join.
        self.insert(&values, "jsonb_each(?1) AS r WHERE true")
    }

    /// What writes rows named `r`, as [`Table::postgres_rows`] reads them, on PostgreSQL. `order_id` is what `id` says.
    pub(super) fn postgres(&self, id: &str, rows: &str) -> String {
        let values = self.list(|column, kind| match (column, kind) {
            ("order_id", _) => id.to_owned(),
            (_, "bytea") => format!("decode(r.{column}, 'hex')"),
            _ => format!("r.{column}"),
        });
        self.insert(&values, rows)
    }

    /// The rows of a JSON text, a list of objects with a member for each column and for each of `further`, on PostgreSQL.
    pub(super) fn postgres_rows(&self, text: &str, further: &str) -> String {
        let types = self.list(|column, kind| format!("{column} {}", if kind == "bytea" { "text" } else { kind }));
        format!("json_to_recordset({text}::json) AS r ({types}{further})")
    }

    fn insert(&self, values: &str, rows: &str) -> String {
        let Self { name, suffix, .. } = self;
        let columns = self.list(|column, _| column.to_owned());
        format!("INSERT INTO {name} ({columns}) SELECT {values} FROM {rows} {suffix}")
    }

    fn list(&self, item: impl Fn(&str, &str) -> String) -> String {
        self.columns.iter().map(|(column, kind)| item(column, kind)).collect::<Vec<_>>().join(", ")
    }
}
