//! One text that binds the body makes one order, and a form of signature that binds the `Idempotency-Key` too.
//!
//! Orders from before this have no digest of their text: for as long as their signature is fresh (five minutes by
//! default) only their idempotency key tells that they were taken.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string_len};
use sea_orm_migration::sea_orm::{DbBackend, Statement};

#[derive(DeriveMigrationName)]
pub struct Migration;

const BEFORE: &str = "'documented', 'body_bound'";
const AFTER: &str = "'documented', 'body_bound', 'body_and_key_bound'";

/// The columns that hold the name of a form or of a policy, and how PostgreSQL called their checks by itself. Clients come
/// last, as they do where an order is stored: so the two never wait for each other.
const NAMES: [(&str, &str, &str); 2] = [
    ("sales_order_receipts", "signature_form", "sales_order_receipts_signature_form_check"),
    ("clients", "signature_policy", "clients_signature_policy_check"),
];

/// Which order a signed text names, as it is now: what a statement reads by itself is as it was when the statement began,
/// before it waited for a lock. A volatile function looks again.
const ORDER_OF_SIGNED_TEXT: &str =
    "CREATE FUNCTION order_of_signed_text(text, bytea) RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT order_id FROM sales_order_signed_texts WHERE client_id = $1 AND signed_text_digest = $2'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null(ClientPublicKeys::BodyAndKeyBoundUsedAt);
        manager.alter_table(Table::alter().table(ClientPublicKeys::Table).add_column(column).to_owned()).await?;
        // A table of its own, without a foreign key: nothing of sales_orders is locked or looked through here, and to store a
        // row waits for no lock on its order.
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderSignedTexts::Table)
                    .col(string_len(SalesOrderSignedTexts::ClientId, 64))
                    .col(binary(SalesOrderSignedTexts::SignedTextDigest))
                    .col(big_integer(SalesOrderSignedTexts::OrderId))
                    .col(big_integer(SalesOrderSignedTexts::CreatedAt))
                    .primary_key(
                        Index::create()
                            .col(SalesOrderSignedTexts::ClientId)
                            .col(SalesOrderSignedTexts::SignedTextDigest),
                    )
                    .to_owned(),
            )
            .await?;
        // Old rows are deleted in their order.
        manager
            .create_index(
                Index::create()
                    .name("ix_sales_order_signed_texts_created_at")
                    .table(SalesOrderSignedTexts::Table)
                    .col(SalesOrderSignedTexts::CreatedAt)
                    .to_owned(),
            )
            .await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(ORDER_OF_SIGNED_TEXT).await?;
        }
        allow_names(manager, BEFORE, AFTER).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared("DROP FUNCTION order_of_signed_text(text, bytea)").await?;
        }
        manager.drop_table(Table::drop().table(SalesOrderSignedTexts::Table).to_owned()).await?;
        let column = ClientPublicKeys::BodyAndKeyBoundUsedAt;
        manager.alter_table(Table::alter().table(ClientPublicKeys::Table).drop_column(column).to_owned()).await?;
        // The strictest policy that is left. Receipts are evidence and stay as they are; only new ones are held to the check.
        connection
            .execute_unprepared(
                "UPDATE clients SET signature_policy = 'body_bound' WHERE signature_policy = 'body_and_key_bound'",
            )
            .await?;
        allow_names(manager, AFTER, BEFORE).await
    }
}

/// Changes which names the columns take, without a look at the rows: the check goes first, for with it there a change of the
/// type looks through them all.
async fn allow_names(manager: &SchemaManager<'_>, from: &str, to: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        return allow_names_on_sqlite(manager, from, to).await;
    }
    for (table, column, check) in NAMES {
        let sql = format!(
            "ALTER TABLE {table} DROP CONSTRAINT {check};
             ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar(32);
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
enum SalesOrderSignedTexts {
    Table,
    ClientId,
    SignedTextDigest,
    OrderId,
    CreatedAt,
}
