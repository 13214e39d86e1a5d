//! How far endpoints are: their cursors and what is parked, written for many at once.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use serde::Serialize;

use super::attempts::insert_attempts;
use super::endpoints::read;
use super::replays::update_replay;
use crate::domain::event::Position;
use crate::domain::order::OrderNumber;
use crate::domain::webhook::{EndpointState, OnExhausted, ParkedCounts, ParkedEvent, ParkedState, WebhookAttempt};
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::webhook_parked::{ActiveModel, Column, Entity, Model};
use crate::store::error::{StoreError, StoreResult};

/// What changed of an endpoint since it was last written.
#[derive(Debug, Clone)]
pub struct EndpointProgress {
    /// The endpoint.
    pub endpoint_id: i64,
    /// The lease under which it changed.
    pub generation: i64,
    /// Everything up to here was taken or is parked.
    pub position: Position,
    /// Until then it rests.
    pub rest_until: Option<DateTime<Utc>>,
    /// How many rests in a row ended with a failure.
    pub trips: u32,
    /// Since when nothing was taken.
    pub failing_since: Option<DateTime<Utc>>,
    /// Whether it answered that it is gone.
    pub is_gone: bool,
    /// What is parked, or parked otherwise than before; `None` where it is no more.
    pub parked: BTreeMap<Position, Option<ParkedEvent>>,
    /// What is sent again, in the order in which it changed.
    pub replays: Vec<ReplayProgress>,
}

/// How far a replay is.
#[derive(Debug, Clone)]
pub struct ReplayProgress {
    /// The replay.
    pub id: i64,
    /// Everything up to here is done.
    pub position: Position,
    /// How often the next event was sent in vain.
    pub attempts: u32,
    /// When the next event is sent.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// How many events were taken since it was last written.
    pub delivered: u32,
    /// How many were not taken at their last attempt, since then.
    pub failed: u32,
    /// When it was done.
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct Row {
    id: i64,
    generation: i64,
    position: i64,
    rest_until: Option<i64>,
    trips: u32,
    failing_since: Option<i64>,
    is_gone: i32,
}

impl Store {
    /// Writes what changed of endpoints, with the attempts that made it so, in one transaction; gives those of them that are still
    /// this instance's, each with its lease. Of the others nothing is written but the attempts. No cursor moves back.
    pub async fn update_webhook_progress(
        &self,
        progress: Vec<EndpointProgress>,
        attempts: Vec<WebhookAttempt>,
        now: DateTime<Utc>,
    ) -> StoreResult<HashSet<(i64, i64)>> {
        self.transaction(move |tx| {
            Box::pin(async move {
                // What a crash of the database takes of it is sent again: nobody waits for the disk.
                if tx.get_database_backend() == DbBackend::Postgres {
                    tx.execute_unprepared("SET LOCAL synchronous_commit = off").await?;
                }
                let held = update_endpoints(tx, &progress, now).await?;
                let kept = || progress.iter().filter(|it| held.contains(&(it.endpoint_id, it.generation)));
                update_parked(tx, kept(), now).await?;
                for progress in kept() {
                    for replay in &progress.replays {
                        update_replay(tx, replay).await?;
                    }
                }
                insert_attempts(tx, attempts).await?;
                Ok(held)
            })
        })
        .await
    }

    /// What an endpoint has parked, by position, so many at most; with what was given up or without.
    pub async fn list_webhook_parked(
        &self,
        endpoint: i64,
        with_exhausted: bool,
        limit: u64,
    ) -> StoreResult<Vec<ParkedEvent>> {
        let mut of_endpoint = Entity::find().filter(Column::EndpointId.eq(endpoint)).order_by_asc(Column::Position);
        if !with_exhausted {
            of_endpoint = of_endpoint.filter(Column::State.ne(ParkedState::Exhausted.as_str()));
        }
        let rows = of_endpoint.limit(limit).all(&self.read).await?;
        rows.into_iter().map(ParkedEvent::try_from).collect()
    }

    /// Takes an endpoint back to a position where it is behind it: a database that was restored gives out what comes behind anew.
    pub async fn rewind_webhook_endpoint(&self, id: i64, generation: i64, last: Position) -> StoreResult<()> {
        use crate::store::entity::webhook_endpoints;
        let beyond = webhook_endpoints::Entity::find()
            .filter(webhook_endpoints::Column::Id.eq(id))
            .filter(webhook_endpoints::Column::Position.gt(last.get()));
        if beyond.one(&self.read).await?.is_none() {
            return Ok(());
        }
        self.transaction(move |tx| {
            Box::pin(async move {
                let rewound = webhook_endpoints::Entity::update_many()
                    .filter(webhook_endpoints::Column::Id.eq(id))
                    .filter(webhook_endpoints::Column::LeaseGeneration.eq(generation))
                    .col_expr(webhook_endpoints::Column::Position, Expr::value(last.get()))
                    .exec(tx)
                    .await?;
                if rewound.rows_affected > 0 {
                    let beyond = Column::EndpointId.eq(id).and(Column::Position.gt(last.get()));
                    Entity::delete_many().filter(beyond).exec(tx).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Forgets what was given up before a time, of endpoints whose orders went on.
    pub async fn delete_exhausted_webhook_events(&self, before: DateTime<Utc>) -> StoreResult<()> {
        let sql = format!(
            "DELETE FROM webhook_parked WHERE state = '{}' AND updated_at < $1
                AND endpoint_id IN (SELECT id FROM webhook_endpoints WHERE on_exhausted = '{}')",
            ParkedState::Exhausted,
            OnExhausted::Continue
        );
        let statement = Statement::from_sql_and_values(self.backend(), sql, [micros(before).into()]);
        self.transaction(move |tx| {
            Box::pin(async move {
                tx.execute_raw(statement).await?;
                Ok(())
            })
        })
        .await
    }

    /// How much of an endpoint, or of all, is parked.
    pub async fn count_webhook_parked(&self, endpoint: Option<i64>) -> StoreResult<ParkedCounts> {
        let mut counts =
            Entity::find().select_only().column(Column::State).column_as(Column::Position.count(), "number");
        if let Some(endpoint) = endpoint {
            counts = counts.filter(Column::EndpointId.eq(endpoint));
        }
        let rows: Vec<(String, i64)> = counts.group_by(Column::State).into_tuple().all(&self.read).await?;
        let mut counts = ParkedCounts::default();
        for (state, number) in rows {
            let count = match read("state of an event", &state)? {
                ParkedState::Retrying => &mut counts.retrying,
                ParkedState::Waiting => &mut counts.waiting,
                ParkedState::Exhausted => &mut counts.exhausted,
            };
            *count = number.unsigned_abs();
        }
        Ok(counts)
    }
}

async fn update_endpoints(
    tx: &DatabaseTransaction,
    progress: &[EndpointProgress],
    now: DateTime<Utc>,
) -> StoreResult<HashSet<(i64, i64)>> {
    let rows: Vec<_> = progress
        .iter()
        .map(|progress| Row {
            id: progress.endpoint_id,
            generation: progress.generation,
            position: progress.position.get(),
            rest_until: progress.rest_until.map(micros),
            trips: progress.trips,
            failing_since: progress.failing_since.map(micros),
            is_gone: i32::from(progress.is_gone),
        })
        .collect();
    let columns = ["id", "generation", "position", "rest_until", "trips", "failing_since", "is_gone"];
    // Each database has a name of its own for the row that was changed.
    let (source, greatest, changed) = match tx.get_database_backend() {
        DbBackend::Postgres => {
            let types = columns.map(|name| format!("{name} bigint")).join(", ");
            (
                format!("SELECT * FROM json_to_recordset($1::json) AS r ({types})"),
                "greatest",
                "e.id, e.lease_generation",
            )
        }
        _ => {
            let values = columns.map(|name| format!("value ->> '{name}' AS {name}")).join(", ");
            (format!("SELECT {values} FROM json_each($1)"), "max", "id, lease_generation")
        }
    };
    let (active, disabled) = (EndpointState::Active, EndpointState::Disabled);
    // A change of its owner's that came in between, such as to pause it, stays.
    let sql = format!(
        "UPDATE webhook_endpoints AS e SET position = {greatest}(e.position, r.position), rest_until = r.rest_until,
            trips = r.trips, failing_since = r.failing_since,
            updated_at = CASE WHEN r.is_gone = 1 AND e.state = '{active}' THEN $2 ELSE e.updated_at END,
            state = CASE WHEN r.is_gone = 1 AND e.state = '{active}' THEN '{disabled}' ELSE e.state END
         FROM ({source}) AS r WHERE e.id = r.id AND e.lease_generation = r.generation RETURNING {changed}"
    );
    let rows = serde_json::to_string(&rows).map_err(|error| DbErr::Custom(error.to_string()))?;
    let values = [rows.into(), micros(now).into()];
    if tx.get_database_backend() == DbBackend::Postgres {
        // By key, as leases are renewed.
        let lock = "SELECT FROM webhook_endpoints WHERE id = ANY($1) ORDER BY id FOR UPDATE";
        let ids: Vec<_> = progress.iter().map(|progress| progress.endpoint_id).collect();
        tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [ids.into()])).await?;
    }
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let rows = tx.query_all_raw(statement).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// Rows of one statement; SQLite takes 32,766 values.
const ROWS: usize = 1000;

async fn update_parked<'a>(
    tx: &DatabaseTransaction,
    progress: impl Iterator<Item = &'a EndpointProgress>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let mut rows = Vec::new();
    for EndpointProgress { endpoint_id, parked, .. } in progress {
        let gone: Vec<_> =
            parked.iter().filter(|(_, event)| event.is_none()).map(|(position, _)| position.get()).collect();
        for positions in gone.chunks(ROWS) {
            Entity::delete_many()
                .filter(Column::EndpointId.eq(*endpoint_id))
                .filter(Column::Position.is_in(positions.iter().copied()))
                .exec(tx)
                .await?;
        }
        rows.extend(parked.values().flatten().map(|event| ActiveModel {
            endpoint_id: Set(*endpoint_id),
            position: Set(event.position.get()),
            order_id: Set(event.order.id()),
            state: Set(event.state.as_str().to_owned()),
            attempts: Set(i32::try_from(event.attempts).unwrap_or(i32::MAX)),
            next_attempt_at: Set(event.next_attempt_at.map(micros)),
            outcome: Set(event.outcome.map(|outcome| outcome.as_str().to_owned())),
            updated_at: Set(micros(now)),
        }));
    }
    for rows in rows.chunks(ROWS) {
        let newer = OnConflict::columns([Column::EndpointId, Column::Position])
            .update_columns([
                Column::State,
                Column::Attempts,
                Column::NextAttemptAt,
                Column::Outcome,
                Column::UpdatedAt,
            ])
            .to_owned();
        Entity::insert_many(rows.to_vec()).on_conflict(newer).exec_without_returning(tx).await?;
    }
    Ok(())
}

impl TryFrom<Model> for ParkedEvent {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            position: Position::new(row.position),
            order: OrderNumber::from_id(row.order_id),
            state: read("state of an event", &row.state)?,
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            next_attempt_at: row.next_attempt_at.map(instant).transpose()?,
            outcome: row.outcome.map(|outcome| read("outcome of an attempt", &outcome)).transpose()?,
        })
    }
}
