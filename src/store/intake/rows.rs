//! Many rows by one statement, whose text is the same for any number of rows: they go along as JSON texts, so that the
//! statement is prepared once a connection and no row costs a round trip. Each row names its order by the order's place
//! in the batch; `made` is where a statement keeps which id that order got.

/// A table as rows are written to it.
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// Columns besides the order's id, with what PostgreSQL calls their types. `bytea` is written in hex.
    pub(super) columns: &'static [(&'static str, &'static str)],
}

/// The order's id as a column, and where it comes from.
pub(super) type Id = Option<(&'static str, &'static str)>;

impl Table {
    /// What writes the rows `r` of `rows`, which are members of a JSON list, on SQLite.
    pub(super) fn sqlite(&self, id: Id, rows: &str) -> String {
        self.insert(id, rows, |column, kind| match kind {
            "bytea" => format!("unhex(r.value ->> '{column}')"),
            _ => format!("r.value ->> '{column}'"),
        })
    }

    /// What writes the rows `r` of `rows`, which are as [`Table::postgres_rows`] reads them, on PostgreSQL.
    pub(super) fn postgres(&self, id: Id, rows: &str) -> String {
        self.insert(id, rows, |column, kind| match kind {
            "bytea" => format!("decode(r.{column}, 'hex')"),
            _ => format!("r.{column}"),
        })
    }

    /// The rows of a JSON list of objects, with a member for each column and the place of the order, on PostgreSQL.
    pub(super) fn postgres_rows(&self, text: &str) -> String {
        let types = self.columns.iter().map(|(column, kind)| (*column, if *kind == "bytea" { "text" } else { kind }));
        let types = list(types.chain([("place", "bigint")]), |(column, kind)| format!("{column} {kind}"));
        format!("json_to_recordset({text}::json) AS r ({types})")
    }

    fn insert(&self, id: Id, rows: &str, value: impl Fn(&str, &str) -> String) -> String {
        let own = self.columns.iter().map(|(column, kind)| (*column, value(column, kind)));
        let all: Vec<_> = id.map(|(column, from)| (column, from.to_owned())).into_iter().chain(own).collect();
        let columns = list(&all, |(column, _)| (*column).to_owned());
        let values = list(&all, |(_, value)| value.clone());
        format!("INSERT INTO {} ({columns}) SELECT {values} FROM {rows}", self.name)
    }
}

fn list<T>(items: impl IntoIterator<Item = T>, text: impl Fn(T) -> String) -> String {
    items.into_iter().map(text).collect::<Vec<_>>().join(", ")
}
