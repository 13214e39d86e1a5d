//! What stays of orders that were moved into files: their number, key and digest, so that no retry makes a second order and no
//! number is given out twice; and which files there are.
//!
//! A trigger keeps an order with an archived number, key or unique reference out, whichever version of the service writes it. It
//! looks after the row is written: an order that is archived meanwhile was waited for by then, and is found here. On SQLite a text
//! leaves the index of searches with its order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, Statement};

use crate::m20261128_000014_keep_totals_of_every_change::{run, schema};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What the service knows the refusal by: an SQLSTATE of our own, and on SQLite these words.
pub const ARCHIVED: (&str, &str) = ("SOARC", "the sales order is archived");

fn tables(backend: DbBackend) -> Vec<String> {
    let is_postgres = backend == DbBackend::Postgres;
    // SQLite's row number, which needs no index of its own, has another type.
    let (id, counted, bytes) = if is_postgres {
        ("bigint PRIMARY KEY", "bigserial PRIMARY KEY", "bytea")
    } else {
        ("integer PRIMARY KEY", "integer PRIMARY KEY AUTOINCREMENT", "blob")
    };
    vec![
        format!(
            "CREATE TABLE sales_order_archives (
                id {counted},
                name varchar(255) NOT NULL UNIQUE,
                sha256 {bytes} NOT NULL,
                orders bigint NOT NULL,
                first_order_id bigint NOT NULL,
                last_order_id bigint NOT NULL,
                created_at bigint NOT NULL,
                finished_at bigint)"
        ),
        format!(
            "CREATE TABLE archived_sales_orders (
                id {id},
                client_id varchar(64) NOT NULL REFERENCES clients (client_id),
                idempotency_key varchar(300) NOT NULL,
                request_digest {bytes} NOT NULL,
                partner_reference varchar(70),
                archive_id bigint NOT NULL REFERENCES sales_order_archives (id),
                archived_at bigint NOT NULL)"
        ),
        "CREATE UNIQUE INDEX ux_archived_sales_orders_client_id_idempotency_key
            ON archived_sales_orders (client_id, idempotency_key)"
            .to_owned(),
        // Of those alone that keep others from having their reference.
        "CREATE INDEX ix_archived_sales_orders_partner_reference ON archived_sales_orders (client_id, partner_reference)
            WHERE partner_reference IS NOT NULL"
            .to_owned(),
        "CREATE INDEX ix_archived_sales_orders_archive_id ON archived_sales_orders (archive_id)".to_owned(),
    ]
}

/// What an order `row` may not have.
fn held(archived: &str, row: &str) -> [String; 3] {
    let of_client = format!("a.client_id = {row}.client_id");
    [
        format!("SELECT 1 FROM {archived} AS a WHERE a.id = {row}.id"),
        format!("SELECT 1 FROM {archived} AS a WHERE {of_client} AND a.idempotency_key = {row}.idempotency_key"),
        format!(
            "SELECT 1 FROM {archived} AS a WHERE {row}.reference_is_unique AND {of_client}
                AND a.partner_reference = {row}.partner_reference"
        ),
    ]
}

/// Names have their schema: a restore runs with an empty search path. A connection that knew the table without rows would keep a plan that
/// reads all of it for each batch, therefore the setting.
fn postgres(schema: &str) -> [String; 3] {
    let (code, words) = ARCHIVED;
    let held = held(&format!("{schema}.archived_sales_orders"), "o").join(" UNION ALL ");
    [
        format!(
            "CREATE FUNCTION {schema}.refuse_archived_sales_orders() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
             BEGIN
                PERFORM 1 FROM added AS o CROSS JOIN LATERAL ({held} LIMIT 1) AS archived LIMIT 1;
                IF FOUND THEN
                    RAISE EXCEPTION '{words}' USING ERRCODE = '{code}';
                END IF;
                RETURN NULL;
             END $$"
        ),
        format!(
            "CREATE TRIGGER tr_sales_orders_archived AFTER INSERT ON sales_orders REFERENCING NEW TABLE AS added
             FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_archived_sales_orders()"
        ),
        // Whoever might store orders still may: instances of the version before go on.
        "DO $$ DECLARE granted record; BEGIN
            FOR granted IN SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS who
                FROM pg_class, aclexplode(relacl)
                WHERE pg_class.oid = 'sales_orders'::regclass AND privilege_type = 'INSERT' AND grantee <> relowner
            LOOP
                EXECUTE format('GRANT SELECT ON archived_sales_orders, sales_order_archives TO %s', granted.who);
            END LOOP;
         END $$"
        .to_owned(),
    ]
}

fn sqlite() -> [String; 2] {
    let (_, words) = ARCHIVED;
    let held = held("archived_sales_orders", "new").map(|held| format!("EXISTS ({held})")).join(" OR ");
    [
        format!(
            "CREATE TRIGGER tr_sales_orders_archived BEFORE INSERT ON sales_orders WHEN {held} BEGIN
                SELECT RAISE(ABORT, '{words}');
             END"
        ),
        "CREATE TRIGGER tr_sales_orders_unsearched AFTER DELETE ON sales_orders BEGIN
            INSERT INTO sales_order_search (sales_order_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
         END"
        .to_owned(),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let guards =
            if backend == DbBackend::Postgres { postgres(&schema(manager).await?).to_vec() } else { sqlite().to_vec() };
        run(manager, [tables(backend), guards].concat()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let any = Statement::from_string(
            manager.get_database_backend(),
            "SELECT CAST(count(*) AS bigint) FROM (SELECT 1 FROM archived_sales_orders LIMIT 1) AS archived",
        );
        let any = manager.get_connection().query_one_raw(any).await?.map(|row| row.try_get_by_index(0)).transpose()?;
        if any.unwrap_or(0_i64) > 0 {
            let message = "orders are archived: without the table archived_sales_orders their idempotency keys would be forgotten, \
                           and a retry would make a second order";
            return Err(DbErr::Custom(message.to_owned()));
        }
        let guards = if is_postgres {
            ["DROP TRIGGER tr_sales_orders_archived ON sales_orders", "DROP FUNCTION refuse_archived_sales_orders()"]
        } else {
            ["DROP TRIGGER tr_sales_orders_archived", "DROP TRIGGER tr_sales_orders_unsearched"]
        };
        let tables = ["DROP TABLE archived_sales_orders", "DROP TABLE sales_order_archives"];
        run(manager, guards.into_iter().chain(tables).map(str::to_owned).collect()).await
    }
}
