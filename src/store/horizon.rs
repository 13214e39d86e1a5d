//! The horizon of the feed: the position up to which events have expired.
//!
//! Up to it events are gone, by their age or because their orders were archived, so nobody reads the feed from a position before it.
//! Whoever reads a range of positions looks at the horizon afterwards ([`ensure_kept`]), by a later statement or in the same snapshot, and
//! so sees it wherever it sees that events are gone. It moves in the transaction that removes events, and no further than the position
//! that every consumer and webhook endpoint has passed.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};

use super::connect::{Store, micros};
use super::entity::event_horizon;
use super::entity::sales_order_events::{Column, Entity};
use super::error::{StoreError, StoreResult};
use super::locks;
use crate::domain::event::Position;

/// The most events that are looked at in one transaction: a few milliseconds.
const PART: u64 = 1_000;

/// Who reads the feed, and is the furthest behind of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReader {
    /// Up to where it is done.
    pub position: Position,
    /// What it is, and whose.
    pub name: String,
}

/// What a look for expired events did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredPart {
    /// How many events were removed.
    pub events: u64,
    /// Whether there may be more.
    pub has_more: bool,
    /// Who keeps the next events from being removed, where somebody does.
    pub held_by: Option<LastReader>,
}

impl Store {
    /// The position up to which events have expired.
    pub async fn find_horizon(&self) -> StoreResult<Position> {
        find(&self.read).await
    }

    /// Who has not read events that were before a time, and so keeps them from being removed.
    pub async fn find_late_reader(&self, before: DateTime<Utc>) -> StoreResult<Option<LastReader>> {
        late(&self.read, find_last_reader(&self.read).await?, micros(before)).await
    }

    /// Removes the next events that were before a time and that everybody has read. Of each order the last one stays: its history goes
    /// on from there.
    pub async fn expire_events(&self, before: DateTime<Utc>) -> StoreResult<ExpiredPart> {
        let end = self.find_last_position().await?;
        self.transaction(move |tx| Box::pin(async move { expire(tx, micros(before), end).await })).await
    }
}

async fn expire(tx: &DatabaseTransaction, before: i64, end: Position) -> StoreResult<ExpiredPart> {
    hold(tx).await?;
    let reader = find_last_reader(tx).await?;
    let read = reader.as_ref().map_or(Position::END, |reader| reader.position);
    let swept = event_horizon::Entity::find().one(tx).await?.map_or(0, |row| row.swept);
    let next: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::Position)
        .column(Column::CreatedAt)
        .filter(Column::Position.gt(swept))
        .filter(Column::Position.lte(end.get()))
        .order_by_asc(Column::Position)
        .limit(PART)
        .into_tuple()
        .all(tx)
        .await?;
    let gone = next.iter().take_while(|(position, at)| *at < before && *position <= read.get()).count();
    let events = match gone.checked_sub(1) {
        Some(last) => remove(tx, (swept, next[last].0)).await?,
        None => 0,
    };
    Ok(ExpiredPart { events, has_more: gone as u64 == PART, held_by: late(tx, reader, before).await? })
}

/// Removes the events up to a position of the orders that have one in a range of positions, but of each order the last one: also what was
/// the last one when the range before was removed. Moves the horizon there.
async fn remove(tx: &DatabaseTransaction, (swept, new): (i64, i64)) -> StoreResult<u64> {
    let later = |column: Column| Expr::col((Alias::new("later"), column));
    let has_later = Query::select()
        .expr(Expr::value(1))
        .from_as(Entity, Alias::new("later"))
        .and_where(later(Column::OrderId).equals((Entity, Column::OrderId)))
        .and_where(later(Column::Sequence).gt(Expr::col((Entity, Column::Sequence))))
        .take();
    let in_range = Query::select()
        .column(Column::OrderId)
        .from(Entity)
        .and_where(Expr::col(Column::Position).gt(swept))
        .and_where(Expr::col(Column::Position).lte(new))
        .take();
    let removed = Entity::delete_many()
        .filter(Column::Position.lte(new))
        .filter(Column::OrderId.in_subquery(in_range))
        .filter(Expr::exists(has_later))
        .exec(tx)
        .await?;
    let sweep = event_horizon::Entity::update_many().col_expr(event_horizon::Column::Swept, Expr::value(new));
    sweep.exec(tx).await?;
    raise(tx, Position::new(new)).await?;
    Ok(removed.rows_affected)
}

/// Moves the horizon, which [`hold`] holds; never back.
pub(super) async fn raise(tx: &DatabaseTransaction, to: Position) -> StoreResult<()> {
    event_horizon::Entity::update_many()
        .filter(event_horizon::Column::Position.lt(to.get()))
        .col_expr(event_horizon::Column::Position, Expr::value(to.get()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Lets nobody move the horizon, and no endpoint or replay begin anywhere, until the transaction ends: one that began at a position
/// that expires at the same time would miss events without a word.
pub(super) async fn hold(tx: &DatabaseTransaction) -> StoreResult<()> {
    locks::hold(tx, HORIZON_LOCK, "").await
}

/// It spells "hrzn" in ASCII.
const HORIZON_LOCK: i32 = 0x6872_7a6e;

/// Refuses to read the feed from a position on, where events after it have expired.
pub(super) async fn ensure_kept(connection: &impl ConnectionTrait, after: Position) -> StoreResult<()> {
    if after < find(connection).await? { Err(StoreError::Expired) } else { Ok(()) }
}

/// The position up to which events have expired.
pub(super) async fn find(connection: &impl ConnectionTrait) -> StoreResult<Position> {
    let row = event_horizon::Entity::find().one(connection).await?;
    Ok(row.map_or(Position::START, |row| Position::new(row.position)))
}

/// The last reader, where the next event for it was before a time.
async fn late(
    connection: &impl ConnectionTrait,
    reader: Option<LastReader>,
    before: i64,
) -> StoreResult<Option<LastReader>> {
    let Some(reader) = reader else { return Ok(None) };
    let next: Option<i64> = Entity::find()
        .select_only()
        .column(Column::CreatedAt)
        .filter(Column::Position.gt(reader.position.get()))
        .order_by_asc(Column::Position)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(next.is_some_and(|at| at < before).then_some(reader))
}

/// Who is the furthest behind of all that read the feed. What an endpoint has given up is read, unless the order waits until it is
/// sent again.
pub(super) async fn find_last_reader(connection: &impl ConnectionTrait) -> StoreResult<Option<LastReader>> {
    let backend: DbBackend = connection.get_database_backend();
    let statement = Statement::from_string(backend, LAST_READER);
    let Some(row) = connection.query_one_raw(statement).await? else { return Ok(None) };
    let position = Position::new(row.try_get("", "position")?);
    let (kind, name, client): (String, String, String) =
        (row.try_get("", "kind")?, row.try_get("", "name")?, row.try_get("", "client_id")?);
    Ok(Some(LastReader { position, name: format!("{kind} {name} of {client}") }))
}

const LAST_READER: &str = "
    SELECT position, kind, name, client_id FROM (
        SELECT position, 'consumer' AS kind, name, client_id FROM event_consumers
        UNION ALL SELECT position, 'webhook endpoint', name, client_id FROM webhook_endpoints
        UNION ALL SELECT min(p.position) - 1, 'webhook endpoint', e.name, e.client_id
            FROM webhook_parked AS p JOIN webhook_endpoints AS e ON e.id = p.endpoint_id
            WHERE p.state <> 'EXHAUSTED' OR e.on_exhausted = 'HOLD' GROUP BY e.name, e.client_id
        UNION ALL SELECT min(r.position), 'webhook endpoint', e.name, e.client_id
            FROM webhook_replays AS r JOIN webhook_endpoints AS e ON e.id = r.endpoint_id
            WHERE r.finished_at IS NULL GROUP BY e.name, e.client_id
    ) AS readers ORDER BY position LIMIT 1";
