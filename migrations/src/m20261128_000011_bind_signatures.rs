//! One text that binds the body makes one order, and a form of signature that binds the `Idempotency-Key` too.
//!
//! Orders from before this have no digest of their text: for as long as their signature is fresh (five minutes by
//! default) only their idempotency key tells that they were taken.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, binary_null, string_len};
use sea_orm_migration::sea_orm::{DbBackend, Statement};

#[derive(DeriveMigrationName)]
pub struct Migration;

const BEFORE: &str = "'documented', 'body_bound'";
const AFTER: &str = "'documented', 'body_bound', 'body_and_key_bound'";

/// The columns that hold the name of a form or of a policy, and how PostgreSQL called their checks by itself.
const NAMES: [(&str, &str, &str); 2] = [
    ("clients", "signature_policy", "clients_signature_policy_check"),
    ("sales_order_receipts", "signature_form", "sales_order_receipts_signature_form_check"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        allow_names(manager, BEFORE, AFTER).await?;
        let column = big_integer_null(ClientPublicKeys::BodyAndKeyBoundUsedAt);
        manager.alter_table(Table::alter().table(ClientPublicKeys::Table).add_column(column).to_owned()).await?;
        // Null under the other forms: the published one signs a client and a second, which any number of orders share, and
        // where the key is signed the index over the keys says all.
        let column = binary_null(SalesOrders::SignedTextDigest);
        manager.alter_table(Table::alter().table(SalesOrders::Table).add_column(column).to_owned()).await?;
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE UNIQUE INDEX ux_sales_orders_client_id_signed_text_digest
                 ON sales_orders (client_id, signed_text_digest) WHERE signed_text_digest IS NOT NULL",
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderRetries::Table)
                    .col(string_len(SalesOrderRetries::ClientId, 64))
                    .col(binary(SalesOrderRetries::SignedTextDigest))
                    .col(big_integer(SalesOrderRetries::OrderId))
                    .primary_key(
                        Index::create().col(SalesOrderRetries::ClientId).col(SalesOrderRetries::SignedTextDigest),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_retries_order_id")
                            .from(SalesOrderRetries::Table, SalesOrderRetries::OrderId)
                            .to(SalesOrders::Table, SalesOrders::Id),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SalesOrderRetries::Table).to_owned()).await?;
        let connection = manager.get_connection();
        connection.execute_unprepared("DROP INDEX ux_sales_orders_client_id_signed_text_digest").await?;
        let table = Table::alter().table(SalesOrders::Table).drop_column(SalesOrders::SignedTextDigest).to_owned();
        manager.alter_table(table).await?;
        let column = ClientPublicKeys::BodyAndKeyBoundUsedAt;
        manager.alter_table(Table::alter().table(ClientPublicKeys::Table).drop_column(column).to_owned()).await?;
        // The strictest name that is left.
        for (table, column, _) in NAMES {
            let sql = format!("UPDATE {table} SET {column} = 'body_bound' WHERE {column} = 'body_and_key_bound'");
            connection.execute_unprepared(&sql).await?;
        }
        allow_names(manager, AFTER, BEFORE).await
    }
}

/// Changes which names the columns take, without a look at the rows.
async fn allow_names(manager: &SchemaManager<'_>, from: &str, to: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        return allow_names_on_sqlite(manager, from, to).await;
    }
    for (table, column, check) in NAMES {
        let sql = format!(
            "ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar(32);
             ALTER TABLE {table} DROP CONSTRAINT {check};
             ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IN ({to})) NOT VALID"
        );
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// `SQLite` has no statement that changes a check. Its manual's way for a change that leaves the stored rows as they are
/// (<https://sqlite.org/lang_altertable.html>, section 8) is to write the table's definition; to copy every receipt would take minutes.
async fn allow_names_on_sqlite(manager: &SchemaManager<'_>, from: &str, to: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let pragma = Statement::from_string(DbBackend::Sqlite, "PRAGMA schema_version");
    let version: i64 = match connection.query_one_raw(pragma).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => return Err(DbErr::Custom("SQLite does not tell the version of its schema".to_owned())),
    };
    connection.execute_unprepared("PRAGMA writable_schema = ON").await?;
    for (table, _, _) in NAMES {
        let (from, to) = (from.replace('\'', "''"), to.replace('\'', "''"));
        let sql = format!(
            "UPDATE sqlite_schema SET sql = replace(sql, '({from})', '({to})')
             WHERE type = 'table' AND name = '{table}' AND instr(sql, '({from})') > 0"
        );
        if connection.execute_unprepared(&sql).await?.rows_affected() != 1 {
            return Err(DbErr::Custom(format!("the table {table} has not the check that was expected")));
        }
    }
    // The first makes every other connection read the definitions again, the second this one.
    connection.execute_unprepared(&format!("PRAGMA schema_version = {}", version + 1)).await?;
    connection.execute_unprepared("PRAGMA writable_schema = RESET").await.map(drop)
}

#[derive(DeriveIden)]
enum ClientPublicKeys {
    Table,
    BodyAndKeyBoundUsedAt,
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    Id,
    SignedTextDigest,
}

#[derive(DeriveIden)]
enum SalesOrderRetries {
    Table,
    ClientId,
    SignedTextDigest,
    OrderId,
}
