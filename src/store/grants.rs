//! Whether the database user may do what serving needs. Without a look at the start, a missing grant shows up as a
//! failure of whichever request needs it first.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::connect::Store;
use super::error::StoreResult;
use super::unreachable;

/// What serving does with each table. Managing clients needs more, and may be left to another user's command line.
const NEEDED: [(&str, &[&str]); 30] = [
    ("seaql_migrations", &["SELECT"]),
    ("clients", &["SELECT"]),
    ("client_audit_log", &["SELECT", "INSERT"]),
    ("sealing_keys", &["SELECT"]),
    ("client_secrets", &["SELECT", "UPDATE"]),
    ("client_public_keys", &["SELECT", "UPDATE"]),
    ("client_addresses", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("event_consumers", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("webhook_endpoints", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("webhook_secrets", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("webhook_signing_keys", &["SELECT", "INSERT", "UPDATE"]),
    ("webhook_parked", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("webhook_replays", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("webhook_attempts", &["SELECT", "INSERT"]),
    ("api_requests", &["SELECT", "INSERT"]),
    ("saved_views", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("sales_orders", &["SELECT", "INSERT", "UPDATE"]),
    ("sales_order_lines", &["SELECT", "INSERT", "UPDATE"]),
    ("sales_order_receipts", &["SELECT", "INSERT"]),
    ("sales_order_events", &["SELECT", "INSERT"]),
    ("sales_order_acknowledgements", &["SELECT", "INSERT"]),
    ("sales_order_shipments", &["SELECT", "INSERT", "UPDATE"]),
    ("sales_order_shipment_lines", &["SELECT", "INSERT"]),
    ("sales_order_requests", &["SELECT", "INSERT", "UPDATE"]),
    ("sales_order_request_receipts", &["SELECT", "INSERT"]),
    ("sales_order_signed_texts", &["SELECT", "INSERT", "DELETE"]),
    ("sales_order_totals", &["SELECT"]),
    ("sales_order_totals_base", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("sales_order_totals_delta", &["SELECT", "INSERT", "DELETE"]),
    ("sales_order_totals_by_period", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
];

/// What it does beside where people sign in.
const NEEDED_FOR_PEOPLE: [(&str, &[&str]); 2] =
    [("clients", &["INSERT", "UPDATE"]), ("person_sessions", &["SELECT", "INSERT", "UPDATE", "DELETE"])];

/// What lacks of `need (named, act)`, and of reading which feed positions were given out (`Store::find_last_given_position`),
/// for which no right to the table is enough. A right to some columns counts: which ones are enough, the statements know.
const LACKING: &str = "SELECT act || ' ON ' || named AS lack FROM need
    WHERE NOT coalesce(CASE act WHEN 'DELETE' THEN has_table_privilege(to_regclass(named), act)
        ELSE has_any_column_privilege(to_regclass(named), act) END, false)
    UNION ALL SELECT DISTINCT 'USAGE ON SEQUENCE ' || counter FROM (
        SELECT pg_get_serial_sequence(named, attname) AS counter FROM need
        JOIN pg_attribute ON attrelid = to_regclass(named) AND attnum > 0 AND atthasdef AND attidentity = ''
        WHERE act = 'INSERT') counters
    WHERE counter IS NOT NULL AND NOT has_sequence_privilege(counter, 'USAGE')
    UNION ALL SELECT 'SELECT ON SEQUENCE ' || counter FROM (
        SELECT CASE WHEN to_regclass('sales_order_events') IS NOT NULL
            THEN pg_get_serial_sequence('sales_order_events', 'position') END AS counter) given
    WHERE counter IS NOT NULL AND NOT has_sequence_privilege(counter, 'SELECT, USAGE')";

impl Store {
    /// Fails when the database user lacks a right that serving needs, and names each. On SQLite there are none. `people` sign in.
    pub async fn check_grants(&self, people: bool) -> StoreResult<()> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(());
        }
        let of_people = if people { &NEEDED_FOR_PEOPLE[..] } else { &[] };
        let pairs = NEEDED
            .iter()
            .chain(of_people)
            .flat_map(|(table, acts)| acts.iter().map(move |act| format!("('{table}', '{act}')")));
        let pairs = pairs.collect::<Vec<_>>().join(", ");
        let question = format!(
            "WITH need (named, act) AS (VALUES {pairs}), lacks AS ({LACKING})
             SELECT string_agg(lack, ', ' ORDER BY lack), quote_ident(current_user), min(lack) FROM lacks"
        );
        let statement = Statement::from_string(DbBackend::Postgres, question);
        let Some(row) = self.core.query_one_raw(statement).await? else { return Ok(()) };
        let Some(lacks) = row.try_get_by_index::<Option<String>>(0)? else { return Ok(()) };
        let (user, first): (String, String) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let sentence = format!(
            "user {user} of the database lacks {lacks}; let the owner of the tables grant it (GRANT {first} TO {user})"
        );
        Err(unreachable::lasting(sentence).into())
    }
}
