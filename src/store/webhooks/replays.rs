//! Events that are sent again because somebody asked for it.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::progress::ReplayProgress;
use crate::domain::audit::NewAuditEntry;
use crate::domain::event::Position;
use crate::domain::order::OrderNumber;
use crate::domain::webhook::WebhookReplay;
use crate::store::audit;
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::webhook_replays::{ActiveModel, Column, Entity, Model};
use crate::store::error::{StoreError, StoreResult};
use crate::store::horizon;

impl Store {
    /// Notes that events are to be sent again, and who wants it; `None` where so many replays of the endpoint are under way.
    pub async fn insert_webhook_replay(
        &self,
        replay: WebhookReplay,
        most: u64,
        entry: NewAuditEntry,
    ) -> StoreResult<Option<WebhookReplay>> {
        self.transaction(move |tx| {
            Box::pin(async move {
                let open = Entity::find()
                    .filter(Column::EndpointId.eq(replay.endpoint_id))
                    .filter(Column::FinishedAt.is_null());
                if open.count(tx).await? >= most {
                    return Ok(None);
                }
                horizon::hold(tx).await?;
                // Of an order there is sent again what is left of it.
                if replay.order.is_none() {
                    horizon::ensure_kept(tx, replay.position).await?;
                }
                let row = ActiveModel {
                    id: NotSet,
                    endpoint_id: Set(replay.endpoint_id),
                    order_id: Set(replay.order.map(OrderNumber::id)),
                    position: Set(replay.position.get()),
                    until: Set(replay.until.get()),
                    created_at: Set(micros(replay.created_at)),
                    ..Default::default()
                };
                audit::append(tx, entry).await?;
                row.insert(tx).await?.try_into().map(Some)
            })
        })
        .await
    }

    /// The replays of an endpoint that are not done, in the order in which they were asked for.
    pub async fn list_open_webhook_replays(&self, endpoint: i64) -> StoreResult<Vec<WebhookReplay>> {
        let open = Entity::find().filter(Column::EndpointId.eq(endpoint)).filter(Column::FinishedAt.is_null());
        open.order_by_asc(Column::Id).all(&self.read).await?.into_iter().map(WebhookReplay::try_from).collect()
    }

    /// The endpoints to which events are to be sent again.
    pub(super) async fn list_replayed_webhook_endpoints(&self) -> StoreResult<Vec<i64>> {
        let open =
            Entity::find().select_only().distinct().column(Column::EndpointId).filter(Column::FinishedAt.is_null());
        Ok(open.into_tuple().all(&self.read).await?)
    }

    /// Forgets replays that were done before a time.
    pub async fn delete_webhook_replays(&self, before: DateTime<Utc>) -> StoreResult<()> {
        self.transaction(move |tx| {
            Box::pin(async move {
                Entity::delete_many().filter(Column::FinishedAt.lt(micros(before))).exec(tx).await?;
                Ok(())
            })
        })
        .await
    }
}

pub(super) async fn update_replay(tx: &DatabaseTransaction, progress: &ReplayProgress) -> StoreResult<()> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    Entity::update_many()
        .filter(Column::Id.eq(progress.id))
        .col_expr(Column::Position, Expr::value(progress.position.get()))
        .col_expr(Column::Attempts, Expr::value(number(progress.attempts)))
        .col_expr(Column::NextAttemptAt, Expr::value(progress.next_attempt_at.map(micros)))
        .col_expr(Column::Delivered, Expr::col(Column::Delivered).add(number(progress.delivered)))
        .col_expr(Column::Failed, Expr::col(Column::Failed).add(number(progress.failed)))
        .col_expr(Column::FinishedAt, Expr::value(progress.finished_at.map(micros)))
        .exec(tx)
        .await?;
    Ok(())
}

impl TryFrom<Model> for WebhookReplay {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let number = |number: i32| u32::try_from(number).unwrap_or_default();
        Ok(Self {
            id: row.id,
            endpoint_id: row.endpoint_id,
            order: row.order_id.map(OrderNumber::from_id),
            position: Position::new(row.position),
            until: Position::new(row.until),
            attempts: number(row.attempts),
            next_attempt_at: row.next_attempt_at.map(instant).transpose()?,
            delivered: number(row.delivered),
            failed: number(row.failed),
            created_at: instant(row.created_at)?,
            finished_at: row.finished_at.map(instant).transpose()?,
        })
    }
}
