//! What happens to an order whose partner reference another order of its client has, by the client's policy; and the indexes by
//! which orders are found by that reference.
//!
//! Under the policy `refuse` an order holds its reference until it is cancelled. That is in the index, so an instance of the version
//! before lets go of a reference too when it cancels an order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, string_len};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The orders that have a reference, of any client.
pub const BY_REFERENCE: (&str, &str, &str) = (
    "INDEX",
    "ix_sales_orders_partner_reference",
    "sales_orders (partner_reference, client_id, id) WHERE partner_reference IS NOT NULL",
);

/// The orders that hold their reference alone.
pub const UNIQUE_REFERENCE: (&str, &str, &str) = (
    "UNIQUE INDEX",
    "ux_sales_orders_client_id_partner_reference",
    "sales_orders (client_id, partner_reference) WHERE reference_is_unique AND status <> 'CANCELLED'",
);

/// Of the locks of those who store an order that holds its reference alone; the other half of each is a hash of client and
/// reference.
const REFERENCE_LOCK: i32 = 0x7265_6665;

/// All locks are taken in one order, so that no two transactions wait for each other.
fn hold_references() -> String {
    format!(
        "CREATE FUNCTION hold_references(texts text[]) RETURNS void LANGUAGE plpgsql AS $$
         DECLARE hash int;
         BEGIN
            FOR hash IN SELECT DISTINCT hashtext(one) FROM unnest(texts) AS one ORDER BY 1 LOOP
                PERFORM pg_advisory_xact_lock({REFERENCE_LOCK}, hash);
            END LOOP;
         END $$"
    )
}

/// Which order of a client has a reference, as it is now: what a statement reads by itself is as it was when the statement began,
/// before it waited for a lock. A volatile function looks again.
const ORDER_OF_REFERENCE: &str =
    "CREATE FUNCTION order_of_reference(text, text) RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT id FROM sales_orders WHERE client_id = $1 AND partner_reference = $2 AND status <> ''CANCELLED'' LIMIT 1'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let policies = Expr::col(Clients::ReferencePolicy).is_in(["accept", "warn", "refuse"]);
        let policy = string_len(Clients::ReferencePolicy, 16).default("accept").check(policies).to_owned();
        manager.alter_table(Table::alter().table(Clients::Table).add_column(policy).to_owned()).await?;
        // Instances of the version before store orders without it.
        let is_unique = boolean(SalesOrders::ReferenceIsUnique).default(false).to_owned();
        manager.alter_table(Table::alter().table(SalesOrders::Table).add_column(is_unique).to_owned()).await?;
        let connection = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared(&hold_references()).await?;
            return connection.execute_unprepared(ORDER_OF_REFERENCE).await.map(drop);
        }
        for (kind, name, of) in [BY_REFERENCE, UNIQUE_REFERENCE] {
            connection.execute_unprepared(&format!("CREATE {kind} {name} ON {of}")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for (_, name, _) in [BY_REFERENCE, UNIQUE_REFERENCE] {
            connection.execute_unprepared(&format!("DROP INDEX IF EXISTS {name}")).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared("DROP FUNCTION order_of_reference(text, text)").await?;
            connection.execute_unprepared("DROP FUNCTION hold_references(text[])").await?;
        }
        let column = SalesOrders::ReferenceIsUnique;
        manager.alter_table(Table::alter().table(SalesOrders::Table).drop_column(column).to_owned()).await?;
        let column = Clients::ReferencePolicy;
        manager.alter_table(Table::alter().table(Clients::Table).drop_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Clients {
    Table,
    ReferencePolicy,
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    ReferenceIsUnique,
}
