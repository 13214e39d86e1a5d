//! Instances on this database. The database's clock tells how long one has said nothing, as clocks of instances differ.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, QueryResult, Statement};

use super::connect::{Store, instant};
use super::error::StoreResult;
use crate::domain::instance::{GONE_AFTER, Instance, MOST_LISTED};

/// How long an instance is remembered that said nothing more.
const REMEMBERED: Duration = Duration::from_hours(24);

/// An instance, as it says itself.
#[derive(Debug, Clone)]
pub struct InstanceToNote {
    /// Random, made at its start.
    pub id: String,
    /// Its machine and its port.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// Its configuration, as JSON.
    pub configuration: String,
    /// What it is busy with, as JSON.
    pub load: String,
}

impl Store {
    /// Notes that an instance runs, and forgets those that have long been gone.
    pub async fn note_instance(&self, instance: InstanceToNote) -> StoreResult<()> {
        let (backend, now) = (self.backend(), self.now_sql());
        let InstanceToNote { id, name, version, configuration, load } = instance;
        let note = format!(
            "INSERT INTO instances (id, name, version, started_at, seen_at, configuration, load)
             VALUES ($1, $2, $3, {now}, {now}, $4, $5)
             ON CONFLICT (id) DO UPDATE SET seen_at = {now}, configuration = excluded.configuration, load = excluded.load"
        );
        // One that was killed is not missed once another one runs in its place.
        let forget = format!(
            "DELETE FROM instances WHERE seen_at < {now} - {} OR (name = $2 AND id <> $1 AND seen_at < {now} - {})",
            REMEMBERED.as_micros(),
            GONE_AFTER.as_micros()
        );
        let forget = Statement::from_sql_and_values(backend, forget, [id.clone().into(), name.clone().into()]);
        let values = [id, name, version, configuration, load].map(Into::into);
        let note = Statement::from_sql_and_values(backend, note, values);
        self.transaction(move |tx| {
            Box::pin(async move {
                tx.execute_raw(note).await?;
                tx.execute_raw(forget).await?;
                Ok(())
            })
        })
        .await
    }

    /// Forgets an instance, which ends.
    pub async fn forget_instance(&self, id: String) -> StoreResult<()> {
        let statement =
            Statement::from_sql_and_values(self.backend(), "DELETE FROM instances WHERE id = $1", [id.into()]);
        self.transaction(move |tx| {
            Box::pin(async move {
                tx.execute_raw(statement).await?;
                Ok(())
            })
        })
        .await
    }

    /// Instances of the last day that did not say that they ended, the one seen last first.
    pub async fn list_instances(&self) -> StoreResult<Vec<Instance>> {
        let now = self.now_sql();
        let sql = format!(
            "SELECT id, name, version, started_at, seen_at, {now} - seen_at, configuration, load
             FROM instances WHERE seen_at >= {now} - {} ORDER BY seen_at DESC, id LIMIT {MOST_LISTED}",
            REMEMBERED.as_micros()
        );
        let rows = self.read.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &QueryResult) -> StoreResult<Instance> {
    let (configuration, load): (String, String) = (row.try_get_by_index(6)?, row.try_get_by_index(7)?);
    let silent: i64 = row.try_get_by_index(5)?;
    Ok(Instance {
        id: row.try_get_by_index(0)?,
        name: row.try_get_by_index(1)?,
        version: row.try_get_by_index(2)?,
        started_at: instant(row.try_get_by_index(3)?)?,
        seen_at: instant(row.try_get_by_index(4)?)?,
        // The clock may have been set back since.
        silent_for: Duration::from_micros(u64::try_from(silent).unwrap_or_default()),
        // Another version may say it in another form: then nothing is known of it.
        configuration: serde_json::from_str(&configuration).unwrap_or_default(),
        load: serde_json::from_str(&load).unwrap_or_default(),
    })
}
