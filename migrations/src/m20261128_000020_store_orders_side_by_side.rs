//! Transactions that store orders on PostgreSQL no longer wait for each other.
//!
//! - An event is appended under a shared lock whose key tells how far the feed was when it was taken. Readers stop before
//!   the first of those that are held (`end_of_feed`; the proof is in `docs/architecture.md`, "The end of the feed").
//! - What a transaction changes of the totals is rows of its own (`sales_order_totals_delta`). `merge_sales_order_totals` adds
//!   them to `sales_order_totals_base`, and `sales_order_totals` is both.
//! - Who stores a signed text holds that text, and no longer all texts of its client (`hold_signed_texts`).
//!
//! Instances of the version before read the feed to its last event. While they run, everybody appends under the exclusive lock
//! that they take, and holds all texts of a client; `migrate finish` ends that.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::m20261128_000014_keep_totals_of_every_change as before;
use crate::totals;
use before::{APPEND_LOCK, FIGURES, KEY, run, schema};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Of the locks of those who append; the other half of each is the last position given out, modulo 2³¹.
const FEED_LOCK: i32 = 0x6665_6564;

/// Of the locks of those who store signed texts; the other half of each is a hash of the client's id.
const TEXTS_LOCK: i32 = 0x7465_7874;

/// The same for one text; the other half is a hash of both.
const TEXT_LOCK: i32 = 0x7465_7831;

/// What ends the time of two versions.
pub const FINISH: &str = "CREATE OR REPLACE FUNCTION orders_are_stored_side_by_side() RETURNS boolean
    LANGUAGE sql STABLE AS 'SELECT true'";

/// Names with their schema: a restore runs with an empty search path.
fn routine(schema: &str, signature: &str, body: &str) -> String {
    format!("CREATE OR REPLACE FUNCTION {schema}.{signature} LANGUAGE plpgsql AS $$ {body} $$")
}

/// What the feed needs.
fn feed(schema: &str) -> Vec<String> {
    let given = format!(
        "coalesce(pg_sequence_last_value('{}.sales_order_events_position_seq'), 0)",
        schema.replace('\'', "''")
    );
    vec![
        format!(
            "CREATE FUNCTION {schema}.orders_are_stored_side_by_side() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT false'"
        ),
        routine(
            schema,
            "begin_to_append() RETURNS void",
            &format!(
                "BEGIN
                    IF {schema}.orders_are_stored_side_by_side() THEN
                        PERFORM pg_advisory_xact_lock_shared({APPEND_LOCK});
                    ELSE
                        PERFORM pg_advisory_xact_lock({APPEND_LOCK});
                    END IF;
                    -- The feed is read up to here until this transaction ends, so nothing keeps it open for long.
                    PERFORM set_config('idle_in_transaction_session_timeout', '1000', true);
                    PERFORM pg_advisory_xact_lock_shared({FEED_LOCK}, ({given} & 2147483647)::int);
                 END"
            ),
        ),
        routine(
            schema,
            "end_of_feed() RETURNS bigint",
            &format!(
                "DECLARE
                    given bigint := {given};
                    held bigint;
                 BEGIN
                    IF pg_is_in_recovery() THEN
                        RAISE read_only_sql_transaction USING MESSAGE =
                            'a standby does not know who appends: the end of the feed is known on the primary';
                    END IF;
                    SELECT max((given - objid::bigint) & 2147483647) INTO held FROM pg_locks
                        WHERE locktype = 'advisory' AND classid = {FEED_LOCK} AND objsubid = 2 AND granted
                            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                            -- Others were taken after the look at the sequence.
                            AND (given - objid::bigint) & 2147483647 < 1073741824;
                    RETURN least(given - coalesce(held, 0),
                        coalesce((SELECT max(position) FROM {schema}.sales_order_events), 0));
                 END"
            ),
        ),
    ]
}

/// What keeps two orders from being stored for one signed text. All locks of one kind are taken in one order.
fn texts(schema: &str) -> String {
    let each = |hashes: &str, lock: &str| {
        format!(
            "FOR hash IN SELECT DISTINCT hashtext(one) FROM unnest({hashes}) AS one ORDER BY 1 LOOP PERFORM {lock}; END LOOP;"
        )
    };
    routine(
        schema,
        "hold_signed_texts(clients text[], texts text[]) RETURNS void",
        &format!(
            "DECLARE hash int;
             BEGIN
                IF clients IS NULL THEN RETURN; END IF;
                IF NOT {schema}.orders_are_stored_side_by_side() THEN {alone} RETURN; END IF;
                {shared} {texts}
             END",
            alone = each("clients", &format!("pg_advisory_xact_lock({TEXTS_LOCK}, hash)")),
            // Whoever holds all texts of the client is waited for.
            shared = each("clients", &format!("pg_advisory_xact_lock_shared({TEXTS_LOCK}, hash)")),
            texts = each("texts", &format!("pg_advisory_xact_lock({TEXT_LOCK}, hash)")),
        ),
    )
}

/// The totals as a base and what was changed since.
fn parts(schema: &str) -> Vec<String> {
    let (base, delta) = (format!("{schema}.sales_order_totals_base"), format!("{schema}.sales_order_totals_delta"));
    let columns = [KEY, FIGURES].concat().join(", ");
    vec![
        "ALTER TABLE sales_order_totals RENAME TO sales_order_totals_base".to_owned(),
        "ALTER INDEX sales_order_totals_pkey RENAME TO sales_order_totals_base_pkey".to_owned(),
        // Rows come and go all the time, and each look reads all that is left of them. To cut the file short is to lock it.
        format!(
            "CREATE TABLE {delta} (LIKE {base}) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
                 vacuum_truncate = false)"
        ),
        // It has no key, and a publication of all tables publishes its deletes too.
        format!("ALTER TABLE {delta} REPLICA IDENTITY FULL"),
        format!(
            "CREATE VIEW {schema}.sales_order_totals AS
                 SELECT {columns} FROM {base} UNION ALL SELECT {columns} FROM {delta}"
        ),
        // As on the base: the rows of a restore are left out, for the restored orders add up to them.
        format!(
            "CREATE TRIGGER tr_sales_order_totals_copied BEFORE INSERT ON {delta} FOR EACH ROW
             WHEN (pg_trigger_depth() = 0 AND current_setting('sales_order.totals', true) IS DISTINCT FROM 'rebuild')
             EXECUTE FUNCTION {schema}.keep_sales_order_totals()"
        ),
        // Whoever might use the totals still may: instances of the version before go on.
        grant_as_on_base("'sales_order_totals_delta', 'sales_order_totals'"),
        totals::merge(schema, false),
    ]
}

/// Gives the rights to the totals' base to further relations as well.
pub(crate) fn grant_as_on_base(relations: &str) -> String {
    format!(
        "DO $$ DECLARE granted record; BEGIN
            FOR granted IN SELECT relation, privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS who
                FROM pg_class, aclexplode(relacl), unnest(ARRAY[{relations}]) AS relation
                WHERE pg_class.oid = 'sales_order_totals_base'::regclass AND grantee <> relowner
            LOOP
                EXECUTE format('GRANT %s ON %s TO %s', granted.privilege_type, granted.relation, granted.who);
            END LOOP;
         END $$"
    )
}

fn up(schema: &str) -> Vec<String> {
    let begin = [
        // Until the commit nobody adds an order, and whoever added one before has committed, with the totals.
        "LOCK TABLE sales_orders IN SHARE ROW EXCLUSIVE MODE".to_owned(),
        // Before anything of the totals is locked, as in a summary, which reads orders first.
        "DROP TRIGGER tr_sales_orders_created ON sales_orders".to_owned(),
    ];
    let created = format!(
        "CREATE TRIGGER tr_sales_orders_created AFTER INSERT ON sales_orders REFERENCING NEW TABLE AS added
         FOR EACH STATEMENT EXECUTE FUNCTION {schema}.add_to_sales_order_totals()"
    );
    let triggers = [totals::trigger_functions(schema, false).to_vec(), vec![created]].concat();
    [begin.to_vec(), feed(schema), vec![texts(schema)], parts(schema), triggers].concat()
}

fn down(schema: &str) -> Vec<String> {
    let mut statements = [
        "LOCK TABLE sales_orders IN SHARE ROW EXCLUSIVE MODE",
        "DROP TRIGGER tr_sales_orders_created ON sales_orders",
        "DROP FUNCTION merge_sales_order_totals(boolean)",
        "DROP VIEW sales_order_totals",
        "DROP TABLE sales_order_totals_delta",
        "ALTER TABLE sales_order_totals_base RENAME TO sales_order_totals",
        "ALTER INDEX sales_order_totals_base_pkey RENAME TO sales_order_totals_pkey",
        "SET LOCAL sales_order.totals = 'rebuild'",
    ]
    .map(str::to_owned)
    .to_vec();
    statements.extend(before::refill());
    statements.extend(before::postgres_functions(schema));
    statements.push(format!(
        "CREATE CONSTRAINT TRIGGER tr_sales_orders_created AFTER INSERT ON sales_orders
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {schema}.add_to_sales_order_totals()"
    ));
    for name in
        ["hold_signed_texts(text[], text[])", "end_of_feed()", "begin_to_append()", "orders_are_stored_side_by_side()"]
    {
        statements.push(format!("DROP FUNCTION {name}"));
    }
    statements
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change(manager, up).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change(manager, down).await
    }
}

/// On SQLite there is one writer.
async fn change(manager: &SchemaManager<'_>, statements: fn(&str) -> Vec<String>) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    run(manager, statements(&schema(manager).await?)).await
}
