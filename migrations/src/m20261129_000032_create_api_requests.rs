//! The log of requests, which partners and operators read. It is written in batches, apart from what it tells of, and has no foreign
//! keys: a request outlives its client until its day is over.
//!
//! On PostgreSQL it is a table with a partition for each day (`tend_api_requests`). On SQLite it is a file of its own ([`sqlite`]), so that
//! it takes no order's turn to write, and backups may leave it out.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::m20261128_000014_keep_totals_of_every_change::{run, schema};
use crate::partitions::PartitionedByDay;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        run(manager, REQUESTS.create(&schema(manager).await?)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let schema = schema(manager).await?;
        run(manager, vec![format!("DROP FUNCTION {schema}.tend_api_requests(bigint, bigint)")]).await?;
        manager.drop_table(Table::drop().table(Alias::new("api_requests")).to_owned()).await
    }
}

/// Everything that is not looked for is in `details`, as JSON: fewer columns cost less to write.
const COLUMNS: &str = "at bigint NOT NULL,
    request_id varchar(128) NOT NULL,
    client_id varchar(64),
    is_proven boolean NOT NULL,
    method varchar(8) NOT NULL,
    route varchar(128) NOT NULL,
    status integer NOT NULL,
    code varchar(64),
    hint varchar(64),
    duration_micros bigint NOT NULL,
    order_id bigint,
    partner_reference text,
    is_replayed boolean NOT NULL,
    details text NOT NULL";

const BY_CLIENT: &str = "CREATE INDEX ix_api_requests_client_id_at ON api_requests (client_id, at, id)";
const BY_REQUEST_ID: &str = "CREATE INDEX ix_api_requests_request_id ON api_requests (request_id)";
const BY_ORDER: &str = "CREATE INDEX ix_api_requests_order_id ON api_requests (order_id) WHERE order_id IS NOT NULL";
const BY_REFERENCE: &str =
    "CREATE INDEX ix_api_requests_partner_reference ON api_requests (partner_reference, client_id)
    WHERE partner_reference IS NOT NULL";

/// Those that failed are few, and what is looked for.
const FAILED: &str = "CREATE INDEX ix_api_requests_failed ON api_requests (client_id, at, id)
    WHERE (status >= 400 OR code IS NOT NULL)";

/// It spells "reqlog" in ASCII.
const LOCK: i64 = 0x7265_716c_6f67;

const REQUESTS: PartitionedByDay = PartitionedByDay {
    table: "api_requests",
    columns: COLUMNS,
    indexes: &[BY_CLIENT, BY_REQUEST_ID, BY_ORDER, BY_REFERENCE, FAILED],
    lock: LOCK,
};

/// What makes the file of the log on SQLite, each time that it is opened.
#[must_use]
pub fn sqlite() -> String {
    let once = |index: &str| index.replacen("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1);
    let by_time = "CREATE INDEX ix_api_requests_at ON api_requests (at, id)";
    let indexes = [by_time, BY_CLIENT, BY_REQUEST_ID, BY_ORDER, BY_REFERENCE, FAILED].map(once).join(";");
    format!("CREATE TABLE IF NOT EXISTS api_requests (id integer PRIMARY KEY AUTOINCREMENT, {COLUMNS}); {indexes}")
}
