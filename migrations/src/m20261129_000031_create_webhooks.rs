//! Webhooks: who is told of what happens to orders, how far each of them is, and what became of each attempt.
//!
//! An endpoint is a cursor over the feed of events, so an order writes nothing here. Only events that an endpoint did not take have rows
//! (`webhook_parked`), and attempts, which are kept for some days: on PostgreSQL in a partition for each day, which is dropped as a
//! whole by `tend_webhook_attempts`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, pk_auto, string_len, string_len_null, text};
use sea_orm_migration::sea_orm::DbBackend;

use crate::m20261128_000014_keep_totals_of_every_change::{run, schema};
use crate::partitions::PartitionedByDay;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(endpoints()).await?;
        let mut own = Index::create();
        own.name("uq_webhook_endpoints_client_id_name").unique().table(WebhookEndpoints::Table);
        manager.create_index(own.col(WebhookEndpoints::ClientId).col(WebhookEndpoints::Name).to_owned()).await?;
        manager.create_table(secrets()).await?;
        let mut of_endpoint = Index::create();
        of_endpoint.name("ix_webhook_secrets_endpoint_id").table(WebhookSecrets::Table);
        manager.create_index(of_endpoint.col(WebhookSecrets::EndpointId).to_owned()).await?;
        manager.create_table(signing_keys()).await?;
        manager.create_table(parked()).await?;
        manager.create_table(replays()).await?;
        let mut of_endpoint = Index::create();
        of_endpoint.name("ix_webhook_replays_endpoint_id").table(WebhookReplays::Table);
        manager.create_index(of_endpoint.col(WebhookReplays::EndpointId).to_owned()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            run(manager, partitioned_attempts(&schema(manager).await?)).await
        } else {
            run(manager, ATTEMPTS_OF_SQLITE.map(str::to_owned).into()).await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            let schema = schema(manager).await?;
            run(manager, vec![format!("DROP FUNCTION {schema}.tend_webhook_attempts(bigint, bigint)")]).await?;
        }
        for table in
            ["webhook_attempts", "webhook_replays", "webhook_parked", "webhook_signing_keys", "webhook_secrets"]
        {
            manager.drop_table(Table::drop().table(Alias::new(table)).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table(WebhookEndpoints::Table).to_owned()).await
    }
}

fn endpoints() -> TableCreateStatement {
    Table::create()
        .table(WebhookEndpoints::Table)
        .col(pk_auto(WebhookEndpoints::Id).big_integer())
        .col(string_len(WebhookEndpoints::ClientId, 64))
        .col(string_len(WebhookEndpoints::Name, 64))
        .col(text(WebhookEndpoints::Url))
        .col(text(WebhookEndpoints::Kinds))
        .col(string_len(WebhookEndpoints::Payload, 16))
        .col(string_len(WebhookEndpoints::Signatures, 64))
        .col(string_len(WebhookEndpoints::OnExhausted, 16))
        .col(integer(WebhookEndpoints::MaxInFlight))
        .col(integer(WebhookEndpoints::Version))
        .col(string_len(WebhookEndpoints::State, 16))
        .col(big_integer(WebhookEndpoints::Position))
        .col(big_integer_null(WebhookEndpoints::RestUntil))
        .col(integer(WebhookEndpoints::Trips).default(0))
        .col(big_integer_null(WebhookEndpoints::FailingSince))
        .col(string_len_null(WebhookEndpoints::LeaseOwner, 64))
        .col(big_integer(WebhookEndpoints::LeaseGeneration).default(0))
        .col(big_integer(WebhookEndpoints::LeaseUntil).default(0))
        .col(big_integer(WebhookEndpoints::CreatedAt))
        .col(big_integer(WebhookEndpoints::UpdatedAt))
        .col(big_integer_null(WebhookEndpoints::VerifiedAt))
        .foreign_key(
            ForeignKey::create()
                .name("fk_webhook_endpoints_client_id")
                .from(WebhookEndpoints::Table, WebhookEndpoints::ClientId)
                .to(Clients::Table, Clients::ClientId),
        )
        .to_owned()
}

fn secrets() -> TableCreateStatement {
    Table::create()
        .table(WebhookSecrets::Table)
        .col(pk_auto(WebhookSecrets::Id).big_integer())
        .col(big_integer(WebhookSecrets::EndpointId))
        .col(text(WebhookSecrets::Sealed))
        .col(string_len(WebhookSecrets::SealedBy, 32))
        .col(string_len(WebhookSecrets::Fingerprint, 64))
        .col(big_integer(WebhookSecrets::CreatedAt))
        .col(big_integer_null(WebhookSecrets::ExpiresAt))
        .foreign_key(&mut of_endpoint(
            "fk_webhook_secrets_endpoint_id",
            WebhookSecrets::Table,
            WebhookSecrets::EndpointId,
        ))
        .to_owned()
}

/// The service's own, which all endpoints share that ask for such signatures.
fn signing_keys() -> TableCreateStatement {
    Table::create()
        .table(WebhookSigningKeys::Table)
        .col(pk_auto(WebhookSigningKeys::Id).big_integer())
        .col(string_len(WebhookSigningKeys::Algorithm, 16))
        .col(text(WebhookSigningKeys::Sealed))
        .col(string_len(WebhookSigningKeys::SealedBy, 32))
        .col(text(WebhookSigningKeys::PublicKey))
        .col(big_integer(WebhookSigningKeys::CreatedAt))
        .col(big_integer_null(WebhookSigningKeys::ExpiresAt))
        .to_owned()
}

fn parked() -> TableCreateStatement {
    Table::create()
        .table(WebhookParked::Table)
        .col(big_integer(WebhookParked::EndpointId))
        .col(big_integer(WebhookParked::Position))
        .col(big_integer(WebhookParked::OrderId))
        .col(string_len(WebhookParked::State, 16))
        .col(integer(WebhookParked::Attempts))
        .col(big_integer_null(WebhookParked::NextAttemptAt))
        .col(string_len_null(WebhookParked::Outcome, 32))
        .col(big_integer(WebhookParked::UpdatedAt))
        .primary_key(Index::create().col(WebhookParked::EndpointId).col(WebhookParked::Position))
        .foreign_key(&mut of_endpoint("fk_webhook_parked_endpoint_id", WebhookParked::Table, WebhookParked::EndpointId))
        .to_owned()
}

fn replays() -> TableCreateStatement {
    Table::create()
        .table(WebhookReplays::Table)
        .col(pk_auto(WebhookReplays::Id).big_integer())
        .col(big_integer(WebhookReplays::EndpointId))
        .col(big_integer_null(WebhookReplays::OrderId))
        .col(big_integer(WebhookReplays::Position))
        .col(big_integer(WebhookReplays::Until))
        .col(integer(WebhookReplays::Attempts).default(0))
        .col(big_integer_null(WebhookReplays::NextAttemptAt))
        .col(integer(WebhookReplays::Delivered).default(0))
        .col(integer(WebhookReplays::Failed).default(0))
        .col(big_integer(WebhookReplays::CreatedAt))
        .col(big_integer_null(WebhookReplays::FinishedAt))
        .foreign_key(&mut of_endpoint(
            "fk_webhook_replays_endpoint_id",
            WebhookReplays::Table,
            WebhookReplays::EndpointId,
        ))
        .to_owned()
}

fn of_endpoint(name: &str, table: impl IntoTableRef, column: impl IntoIden) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from(table, column)
        .to(WebhookEndpoints::Table, WebhookEndpoints::Id)
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

/// An attempt outlives its endpoint until its day is over, and is written in batches: no foreign key.
const ATTEMPT_COLUMNS: &str = "endpoint_id bigint NOT NULL,
    position bigint,
    order_id bigint,
    attempt integer NOT NULL,
    trigger varchar(16) NOT NULL,
    at bigint NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    outcome varchar(32) NOT NULL,
    excerpt text,
    next_attempt_at bigint";

/// Of one order there are few among the millions of an endpoint.
const BY_ORDER: &str = "CREATE INDEX ix_webhook_attempts_order_id ON webhook_attempts (order_id, endpoint_id)";

/// Those that failed are few, and what is looked for.
const FAILED: &str =
    "CREATE INDEX ix_webhook_attempts_failed ON webhook_attempts (endpoint_id, at, id) WHERE outcome <> 'DELIVERED'";

const ATTEMPTS_OF_SQLITE: [&str; 5] = [
    "CREATE TABLE webhook_attempts (
        id integer PRIMARY KEY AUTOINCREMENT,
        endpoint_id bigint NOT NULL, position bigint, order_id bigint, attempt integer NOT NULL, trigger varchar(16) NOT NULL,
        at bigint NOT NULL, duration_ms integer NOT NULL, status integer, outcome varchar(32) NOT NULL, excerpt text,
        next_attempt_at bigint)",
    "CREATE INDEX ix_webhook_attempts_endpoint_id_at ON webhook_attempts (endpoint_id, at, id)",
    "CREATE INDEX ix_webhook_attempts_at ON webhook_attempts (at)",
    BY_ORDER,
    FAILED,
];

fn partitioned_attempts(schema: &str) -> Vec<String> {
    let attempts = PartitionedByDay {
        table: "webhook_attempts",
        columns: ATTEMPT_COLUMNS,
        indexes: &[
            "CREATE INDEX ix_webhook_attempts_endpoint_id_at ON webhook_attempts (endpoint_id, at, id)",
            BY_ORDER,
            FAILED,
        ],
        lock: ATTEMPTS_LOCK,
    };
    attempts.create(schema)
}

/// It spells "whlog" in ASCII.
const ATTEMPTS_LOCK: i64 = 0x77_686c_6f67;

#[derive(DeriveIden)]
enum Clients {
    Table,
    ClientId,
}

#[derive(DeriveIden)]
enum WebhookEndpoints {
    Table,
    Id,
    ClientId,
    Name,
    Url,
    Kinds,
    Payload,
    Signatures,
    OnExhausted,
    MaxInFlight,
    Version,
    State,
    Position,
    RestUntil,
    Trips,
    FailingSince,
    LeaseOwner,
    LeaseGeneration,
    LeaseUntil,
    CreatedAt,
    UpdatedAt,
    VerifiedAt,
}

#[derive(DeriveIden)]
enum WebhookSecrets {
    Table,
    Id,
    EndpointId,
    Sealed,
    SealedBy,
    Fingerprint,
    CreatedAt,
    ExpiresAt,
}

#[derive(DeriveIden)]
enum WebhookSigningKeys {
    Table,
    Id,
    Algorithm,
    Sealed,
    SealedBy,
    PublicKey,
    CreatedAt,
    ExpiresAt,
}

#[derive(DeriveIden)]
enum WebhookParked {
    Table,
    EndpointId,
    Position,
    OrderId,
    State,
    Attempts,
    NextAttemptAt,
    Outcome,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum WebhookReplays {
    Table,
    Id,
    EndpointId,
    OrderId,
    Position,
    Until,
    Attempts,
    NextAttemptAt,
    Delivered,
    Failed,
    CreatedAt,
    FinishedAt,
}
