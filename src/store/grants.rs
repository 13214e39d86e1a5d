//! Whether the database user may do what serving needs, and the statements that make roles for each use. Without a look at
//! the start, a missing grant shows up as a failure of whichever request needs it first.

mod relations;
mod roles;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use self::relations::RELATIONS;
pub use self::relations::Uses;
pub use self::roles::{RoleName, Roles};
use super::connect::Store;
use super::error::StoreResult;
use super::unreachable;

/// What lacks of `need (named, act)`, of reading which feed positions were given out (`Store::find_last_given_position`),
/// for which no right to the table is enough, and of calling what tends the partitions of the logs. A right to some columns counts: which ones are enough, the statements know.
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
    WHERE counter IS NOT NULL AND NOT has_sequence_privilege(counter, 'SELECT, USAGE')
    UNION ALL SELECT 'EXECUTE ON FUNCTION ' || oid::regprocedure FROM pg_proc
    WHERE proname IN ('tend_api_requests', 'tend_webhook_attempts') AND pg_function_is_visible(oid)
        AND NOT has_function_privilege(oid, 'EXECUTE')";

impl Store {
    /// Fails when the database user lacks a right that serving needs for these uses, and names each. On SQLite there are none.
    pub async fn check_grants(&self, uses: Uses) -> StoreResult<()> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(());
        }
        let pairs = RELATIONS
            .iter()
            .flat_map(|relation| relation.acts(uses).into_iter().map(|act| format!("('{}', '{act}')", relation.name)));
        let pairs = pairs.collect::<Vec<_>>().join(", ");
        let question = format!(
            "WITH need (named, act) AS (VALUES {pairs}), lacks AS ({LACKING})
             SELECT string_agg(lack, ', ' ORDER BY lack), quote_ident(current_user), min(lack) FROM lacks"
        );
        let statement = Statement::from_string(DbBackend::Postgres, question);
        let Some(row) = self.core.query_one_raw(statement).await? else { return Ok(()) };
        let Some(lacks) = row.try_get_by_index::<Option<String>>(0)? else { return Ok(()) };
        let (role, first): (String, String) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let sentence = format!(
            "user {role} of the database lacks {lacks}; let the owner of the tables grant it (GRANT {first} TO {role}), or run \
             what `sales-order-api migrate grants` prints"
        );
        Err(unreachable::lasting(sentence).into())
    }
}
