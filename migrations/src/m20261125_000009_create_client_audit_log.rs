//! What operators did to clients: a log that is only ever added to, which the database itself sees to.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, string_len, text};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const REFUSAL: &str = "client_audit_log is only ever added to";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(ClientAuditLog::Table)
                    .col(big_pk_auto(ClientAuditLog::Id))
                    .col(string_len(ClientAuditLog::ClientId, 64))
                    .col(string_len(ClientAuditLog::Action, 32))
                    .col(string_len(ClientAuditLog::Via, 8).check(Expr::col(ClientAuditLog::Via).is_in(["cli", "api"])))
                    .col(string_len(ClientAuditLog::Actor, 128))
                    .col(string_len(ClientAuditLog::Host, 255))
                    .col(text(ClientAuditLog::Detail))
                    .col(big_integer(ClientAuditLog::CreatedAt))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ix_client_audit_log_client_id")
                    .table(ClientAuditLog::Table)
                    .col(ClientAuditLog::ClientId)
                    .col(ClientAuditLog::Id)
                    .to_owned(),
            )
            .await?;
        let sql = match manager.get_database_backend() {
            // An insert that replaces a row would fire no trigger of a deletion.
            DbBackend::Sqlite => [
                ("UPDATE", ""),
                ("DELETE", ""),
                ("INSERT", "WHEN EXISTS (SELECT 1 FROM client_audit_log WHERE id = new.id)"),
            ]
            .map(|(change, when)| {
                format!(
                    "CREATE TRIGGER client_audit_log_{change} BEFORE {change} ON client_audit_log {when}
                     BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END;"
                )
            })
            .concat(),
            _ => format!(
                "CREATE FUNCTION refuse_client_audit_log_change() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$;
                 CREATE TRIGGER client_audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON client_audit_log
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse_client_audit_log_change();"
            ),
        };
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ClientAuditLog::Table).to_owned()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION refuse_client_audit_log_change()").await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum ClientAuditLog {
    Table,
    Id,
    ClientId,
    Action,
    Via,
    Actor,
    Host,
    Detail,
    CreatedAt,
}
