//! The statements that make roles for PostgreSQL: one that serves, one that owns the tables, one that reads reports.

use std::fmt;
use std::str::FromStr;

use migrations::reporting::VIEWS;

use super::relations::{RELATIONS, Relation, Reported, Uses};

/// Longer names PostgreSQL would cut.
const LONGEST_NAME: usize = 63;

/// The name of a role or of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleName(String);

/// The roles, and what they are for.
#[derive(Debug, Clone)]
pub struct Roles {
    /// Serves.
    pub runtime: RoleName,
    /// Owns the tables and applies migrations.
    pub migration: RoleName,
    /// Reads reports.
    pub reporting: RoleName,
    /// Where the tables are.
    pub schema: RoleName,
    /// What the runtime role is for besides orders.
    pub uses: Uses,
}

impl FromStr for RoleName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > LONGEST_NAME {
            return Err(format!("a name has 1 to {LONGEST_NAME} bytes"));
        }
        // It stands in texts between dollar signs too.
        if text.chars().any(|c| c.is_control() || matches!(c, '$' | '\\')) {
            return Err("a name has no control characters, dollar signs or backslashes".to_owned());
        }
        if text == "none" || text.starts_with("pg_") {
            return Err(format!("{text:?} is PostgreSQL's own; take another name"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RoleName {
    /// Quoted, for a statement.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A text in a statement.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The functions that migrations made.
const FUNCTIONS: [&str; 17] = [
    "add_to_sales_order_totals",
    "begin_to_append",
    "empty_sales_order_totals",
    "end_of_feed",
    "hold_references",
    "hold_signed_texts",
    "keep_sales_order_totals",
    "merge_sales_order_totals",
    "move_in_sales_order_totals",
    "order_of_reference",
    "order_of_signed_text",
    "orders_are_stored_side_by_side",
    "refuse_archived_sales_orders",
    "refuse_client_audit_log_change",
    "take_from_sales_order_totals",
    "tend_api_requests",
    "tend_webhook_attempts",
];

/// What is printed. `{name}` stands for a name as an identifier, `{'name'}` for the same as a text.
const TEMPLATE: &str = include_str!("roles.sql");

impl Roles {
    /// Fails where two of them are one, which would have the rights of both.
    pub fn ensure_different(&self) -> Result<(), String> {
        let Self { runtime, migration, reporting, .. } = self;
        let roles = [runtime, migration, reporting];
        if roles.iter().any(|role| role.0 == "public") {
            return Err("\"public\" is everybody and no role; take another name".to_owned());
        }
        match roles.iter().enumerate().find(|(at, role)| roles[..*at].contains(role)) {
            Some((_, role)) => Err(format!("two roles are called {role}; give each a name of its own")),
            None => Ok(()),
        }
    }

    /// The statements. They may be run again and again: afterwards the roles have these rights to the tables and no others.
    #[must_use]
    pub fn statements(&self) -> String {
        let Self { runtime, migration, reporting, schema, uses } = self;
        let more = [
            (uses.people, "people who sign in"),
            (uses.managing, "managing clients"),
            (uses.expiring, "events that expire"),
        ];
        let told = more.into_iter().filter_map(|(counts, what)| counts.then_some(what));
        let told: Vec<_> = std::iter::once("serving").chain(told).collect();
        let names = RELATIONS.map(|relation| literal(relation.name)).join(",\n    ");
        let mut sql = TEMPLATE.trim_end().to_owned();
        for (placeholder, text) in [
            ("{relations}", names),
            ("{functions}", FUNCTIONS.map(literal).join(",\n    ")),
            ("{runtime_rights}", rows(|relation| relation.acts(*uses).join(", "))),
            ("{reporting_rights}", rows(reported)),
            ("{uses}", told.join(", ")),
        ] {
            sql = sql.replace(placeholder, &text);
        }
        // Last, for a name may hold anything.
        let names = [("runtime", runtime), ("migration", migration), ("reporting", reporting), ("schema", schema)];
        let flags = self.flags();
        let mut written = String::with_capacity(sql.len());
        let mut rest = sql.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((placeholder, behind)) = after.split_once('}') else { break };
            let plain = placeholder.trim_matches('\'');
            let name = names.iter().find(|(known, _)| *known == plain).map(|(_, name)| *name);
            written.push_str(before);
            written.push_str(&match name {
                Some(name) if plain == placeholder => name.to_string(),
                Some(name) => literal(&name.0),
                None if plain == "flags" => flags.clone(),
                None => String::new(),
            });
            rest = behind;
        }
        written + rest
    }

    /// The options that these roles come of, as a shell takes them.
    fn flags(&self) -> String {
        let Self { runtime, migration, reporting, schema, uses } = self;
        let named = [
            ("runtime-role", runtime),
            ("migration-role", migration),
            ("reporting-role", reporting),
            ("schema", schema),
        ];
        let mut flags = named.map(|(flag, name)| format!("--{flag} {}", shell_word(&name.0))).to_vec();
        flags.extend(uses.managing.then(|| "--manage-clients".to_owned()));
        flags.join(" ")
    }
}

/// A text that a shell takes for one word, whatever it holds.
fn shell_word(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Each table with its rights.
fn rows(rights: impl Fn(&Relation) -> String) -> String {
    RELATIONS.map(|relation| format!("({}, {})", literal(relation.name), literal(&rights(&relation)))).join(",\n    ")
}

fn reported(relation: &Relation) -> String {
    let of = |columns: &[&str]| format!("SELECT ({})", columns.join(", "));
    match relation.reported {
        Reported::Nothing => String::new(),
        Reported::Whole => "SELECT".to_owned(),
        Reported::Columns(columns) => of(columns),
        Reported::ViewBut(hidden) => {
            let columns = VIEWS.iter().filter(|view| view.name == relation.name).flat_map(|view| view.columns);
            of(&columns.map(|column| column.name).filter(|name| !hidden.contains(name)).collect::<Vec<_>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(runtime: &str) -> Roles {
        let [runtime, migration, reporting, schema] =
            [runtime, "owner", "reports", "public"].map(|name| name.parse().unwrap());
        Roles { runtime, migration, reporting, schema, uses: Uses::default() }
    }

    #[test]
    fn a_name_is_quoted_whatever_it_holds() {
        let sql = roles("a\"b'c{schema}").statements();
        assert!(sql.contains("TO \"a\"\"b'c{schema}\", \"reports\";"), "{sql}");
        assert!(sql.contains("ARRAY['a\"b''c{schema}', 'owner', 'reports']"), "{sql}");
        let flags = "--runtime-role 'a\"b'\\''c{schema}' --migration-role owner --reporting-role reports --schema public | psql";
        assert!(sql.contains(flags), "{sql}");
    }

    #[test]
    fn a_role_has_a_name_of_its_own() {
        for name in ["", "none", "pg_read_all_data", "a\nb", "a$b", &"x".repeat(64)] {
            assert!(name.parse::<RoleName>().is_err(), "{name:?}");
        }
        assert!(roles("app").ensure_different().is_ok());
        assert!(roles("owner").ensure_different().unwrap_err().contains("\"owner\""));
        assert!(roles("public").ensure_different().is_err());
    }
}
