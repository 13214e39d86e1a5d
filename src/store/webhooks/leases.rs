//! Which instance sends to which endpoint. The database's clock decides, as clocks of instances differ.

use sea_orm::{ColumnTrait, ConnectionTrait as _, DbBackend, EntityTrait, QueryFilter, Statement};

use crate::domain::webhook::{EndpointState, WebhookEndpoint};
use crate::store::connect::Store;
use crate::store::entity::webhook_endpoints::{Column, Entity};
use crate::store::error::StoreResult;

/// An endpoint that this instance sends to.
#[derive(Debug, Clone)]
pub struct HeldEndpoint {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// Tells this lease from all others of the endpoint.
    pub generation: i64,
    /// Whether events are to be sent to it again.
    pub has_replays: bool,
}

impl Store {
    /// Takes over endpoints that nobody sends to, each for so many microseconds; gives whether there were any.
    pub async fn take_webhook_leases(&self, owner: &str, micros: i64) -> StoreResult<bool> {
        let (backend, now, active) = (self.backend(), self.now_sql(), EndpointState::Active);
        let free = format!("SELECT id FROM webhook_endpoints WHERE state = '{active}' AND lease_until < {now}");
        // To look costs a reader; to take would have everybody wait on SQLite.
        let any = Statement::from_string(backend, format!("{free} LIMIT 1"));
        if self.read.query_one_raw(any).await?.is_none() {
            return Ok(false);
        }
        let skip = if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "UPDATE webhook_endpoints SET lease_owner = $1, lease_generation = lease_generation + 1, lease_until = {now} + $2
             WHERE id IN ({free}{skip})"
        );
        self.change_leases(sql, vec![owner.into(), micros.into()]).await?;
        Ok(true)
    }

    /// Keeps what an owner has for so many microseconds more.
    pub async fn renew_webhook_leases(&self, owner: &str, micros: i64) -> StoreResult<()> {
        let now = self.now_sql();
        // By key, as progress is written: two that lock several rows must not wait for each other.
        let own = "SELECT id FROM webhook_endpoints WHERE lease_owner = $1 ORDER BY id";
        let lock = if self.backend() == DbBackend::Postgres { " FOR UPDATE" } else { "" };
        let sql = format!("UPDATE webhook_endpoints SET lease_until = {now} + $2 WHERE id IN ({own}{lock})");
        self.change_leases(sql, vec![owner.into(), micros.into()]).await
    }

    /// Gives back what an owner has, so that others need not wait.
    pub async fn end_webhook_leases(&self, owner: &str) -> StoreResult<()> {
        let sql = "UPDATE webhook_endpoints SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = $1".to_owned();
        self.change_leases(sql, vec![owner.into()]).await
    }

    async fn change_leases(&self, sql: String, values: Vec<sea_orm::Value>) -> StoreResult<()> {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        self.transaction(move |tx| {
            Box::pin(async move {
                tx.execute_raw(statement).await?;
                Ok(())
            })
        })
        .await
    }

    /// The endpoints that an owner has to send to.
    pub async fn list_webhook_leases(&self, owner: &str) -> StoreResult<Vec<HeldEndpoint>> {
        let held = Entity::find()
            .filter(Column::LeaseOwner.eq(owner))
            .filter(Column::State.eq(EndpointState::Active.as_str()))
            .all(&self.read)
            .await?;
        let replayed = if held.is_empty() { Vec::new() } else { self.list_replayed_webhook_endpoints().await? };
        let held = held.into_iter().map(|row| {
            let (generation, has_replays) = (row.lease_generation, replayed.contains(&row.id));
            Ok(HeldEndpoint { endpoint: row.try_into()?, generation, has_replays })
        });
        held.collect()
    }

    /// How many endpoints there are in each state, and of how many the last attempt failed.
    pub async fn count_webhook_endpoints(&self) -> StoreResult<Vec<(EndpointState, u64, u64)>> {
        let sql = "SELECT state, count(*), count(failing_since) FROM webhook_endpoints GROUP BY state";
        let rows = self.read.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        let counts = rows.iter().map(|row| {
            let state: String = row.try_get_by_index(0)?;
            let state = super::endpoints::read("state of an endpoint", &state)?;
            let (all, failing): (i64, i64) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            Ok((state, all.unsigned_abs(), failing.unsigned_abs()))
        });
        counts.collect()
    }
}
