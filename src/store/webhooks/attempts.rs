//! The log of attempts.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};

use super::endpoints::read;
use crate::domain::erasure::ERASED;
use crate::domain::event::Position;
use crate::domain::order::OrderNumber;
use crate::domain::webhook::{AttemptOutcome, WebhookAttempt};
use crate::domain::webhook_input::AttemptsInput;
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::webhook_attempts::{ActiveModel, Column, Entity, Model};
use crate::store::entity::{archived_sales_orders, sales_orders};
use crate::store::error::{StoreError, StoreResult};

/// Rows of one statement; SQLite takes 32,766 values.
const ROWS: usize = 1000;

impl Store {
    /// Attempts at an endpoint, the newest first, before the one with a time and a key.
    pub async fn list_webhook_attempts(
        &self,
        endpoint: i64,
        which: &AttemptsInput,
        before: Option<(i64, i64)>,
        limit: usize,
    ) -> StoreResult<Vec<WebhookAttempt>> {
        let mut query = Entity::find()
            .filter(Column::EndpointId.eq(endpoint))
            .order_by_desc(Column::At)
            .order_by_desc(Column::Id)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX));
        if !which.outcomes.is_empty() {
            query = query.filter(Column::Outcome.is_in(which.outcomes.iter().map(|outcome| outcome.as_str())));
            // In the words of the index `ix_webhook_attempts_failed`, which are of those that failed.
            if !which.outcomes.contains(&AttemptOutcome::Delivered) {
                query = query.filter(Expr::cust("outcome <> 'DELIVERED'"));
            }
        }
        if let Some(order) = which.order {
            query = query.filter(Column::OrderId.eq(order.id()));
        }
        if let Some((at, id)) = before {
            let same_time = Condition::all().add(Column::At.eq(at)).add(Column::Id.lt(id));
            query = query.filter(Column::At.lte(at)).filter(Condition::any().add(Column::At.lt(at)).add(same_time));
        }
        query.all(&self.read).await?.into_iter().map(WebhookAttempt::try_from).collect()
    }

    /// Notes attempts that belong to no event.
    pub async fn insert_webhook_attempts(&self, attempts: Vec<WebhookAttempt>) -> StoreResult<()> {
        self.transaction(move |tx| Box::pin(async move { insert_attempts(tx, attempts).await })).await
    }

    /// Drops attempts from before a time; on PostgreSQL it makes room for those of the next days as well. Gives whether there are more
    /// to be dropped.
    pub async fn tend_webhook_attempts(&self, now: DateTime<Utc>, keep_after: DateTime<Utc>) -> StoreResult<bool> {
        let backend = self.backend();
        let statement = if backend == DbBackend::Postgres {
            let sql = "SELECT tend_webhook_attempts($1, $2)";
            Statement::from_sql_and_values(backend, sql, [micros(now).into(), micros(keep_after).into()])
        } else {
            // So few at once that no order waits for long.
            let sql = format!(
                "DELETE FROM webhook_attempts WHERE id IN (SELECT id FROM webhook_attempts WHERE at < $1 LIMIT {ROWS})"
            );
            Statement::from_sql_and_values(backend, sql, [micros(keep_after).into()])
        };
        let done = self
            .transaction(move |tx| Box::pin(async move { Ok(tx.execute_raw(statement).await?.rows_affected()) }))
            .await?;
        Ok(backend != DbBackend::Postgres && done == ROWS as u64)
    }
}

pub(super) async fn insert_attempts(tx: &DatabaseTransaction, mut attempts: Vec<WebhookAttempt>) -> StoreResult<()> {
    let erased = erased_among(tx, attempts.iter().filter(|attempt| attempt.excerpt.is_some())).await?;
    // A receiver may have answered with what it was sent before its order was erased or left.
    for attempt in attempts.iter_mut().filter(|attempt| attempt.order.is_some_and(|order| erased.contains(&order.id())))
    {
        attempt.excerpt = None;
    }
    let rows: Vec<_> = attempts.into_iter().map(ActiveModel::from).collect();
    for rows in rows.chunks(ROWS) {
        Entity::insert_many(rows.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The ids of the orders of these attempts that are erased, or archived.
async fn erased_among(
    tx: &DatabaseTransaction,
    attempts: impl Iterator<Item = &WebhookAttempt>,
) -> StoreResult<HashSet<i64>> {
    let orders: HashSet<_> = attempts.filter_map(|attempt| attempt.order).map(OrderNumber::id).collect();
    let mut erased = HashSet::new();
    for orders in Vec::from_iter(orders).chunks(ROWS) {
        let query = sales_orders::Entity::find()
            .select_only()
            .column(sales_orders::Column::Id)
            .filter(sales_orders::Column::Id.is_in(orders.iter().copied()))
            .filter(sales_orders::Column::Address.eq(ERASED));
        erased.extend(query.into_tuple::<i64>().all(tx).await?);
        let archived = archived_sales_orders::Entity::find()
            .select_only()
            .column(archived_sales_orders::Column::Id)
            .filter(archived_sales_orders::Column::Id.is_in(orders.iter().copied()));
        erased.extend(archived.into_tuple::<i64>().all(tx).await?);
    }
    Ok(erased)
}

impl From<WebhookAttempt> for ActiveModel {
    fn from(attempt: WebhookAttempt) -> Self {
        Self {
            id: NotSet,
            endpoint_id: Set(attempt.endpoint_id),
            position: Set(attempt.position.map(Position::get)),
            order_id: Set(attempt.order.map(OrderNumber::id)),
            attempt: Set(i32::try_from(attempt.attempt).unwrap_or(i32::MAX)),
            trigger: Set(attempt.trigger.as_str().to_owned()),
            at: Set(micros(attempt.at)),
            duration_ms: Set(i32::try_from(attempt.duration_ms).unwrap_or(i32::MAX)),
            status: Set(attempt.status.map(i32::from)),
            outcome: Set(attempt.outcome.as_str().to_owned()),
            excerpt: Set(attempt.excerpt),
            next_attempt_at: Set(attempt.next_attempt_at.map(micros)),
        }
    }
}

impl TryFrom<Model> for WebhookAttempt {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            endpoint_id: row.endpoint_id,
            position: row.position.map(Position::new),
            order: row.order_id.map(OrderNumber::from_id),
            attempt: u32::try_from(row.attempt).unwrap_or_default(),
            trigger: read("trigger of an attempt", &row.trigger)?,
            at: instant(row.at)?,
            duration_ms: u32::try_from(row.duration_ms).unwrap_or_default(),
            status: row.status.and_then(|status| status.try_into().ok()),
            outcome: read("outcome of an attempt", &row.outcome)?,
            excerpt: row.excerpt,
            next_attempt_at: row.next_attempt_at.map(instant).transpose()?,
        })
    }
}
