//! What happened to orders: appended with each change, read as a feed.
//!
//! A reader who saw position 7 goes on from there and never looks for a 6 that is committed later. A sequence gives numbers
//! out before the commit, and transactions that append wait for nobody, so on PostgreSQL a reader stops before the first
//! position that may still come ([`Store::find_last_position`]; `concurrent_writers_never_hide_an_event_from_a_reader`). On
//! SQLite there is one writer.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Asterisk, Expr, ExprTrait as _, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationDef, Select, Statement,
};
use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::connect::{Store, instant, micros};
use super::entity::sales_order_events::{self, ActiveModel, Column, Entity, Model};
use super::entity::sales_orders;
use super::error::{StoreError, StoreResult};
use super::filter::in_scope;
use super::horizon;
use crate::domain::client::ClientId;
use crate::domain::event::{EventKind, OrderEvent, Position};
use crate::domain::order::OrderNumber;
use crate::domain::order_filter::OrderFilter;
use crate::domain::permission::Scope;

/// To look through so many events is a short read, whatever they are of; beyond it is a report.
pub const NEAR: i64 = 10_000;

impl Store {
    /// Events in a range of positions, start excluded and end included, of orders that match the filter, by position. The end
    /// is one that [`Store::find_last_position`] gave, or [`Position::END`] for the last one now. Fails where events of the range
    /// have expired.
    pub async fn list_events(
        &self,
        scope: &Scope,
        filter: &OrderFilter,
        (after, until): (Position, Position),
        limit: usize,
    ) -> StoreResult<Vec<OrderEvent>> {
        // Whoever may see all and asks for all needs no look at the orders; anybody else's events may be far apart.
        let is_all = *scope == Scope::All && *filter == OrderFilter::default();
        let until = match self.backend() {
            // One writer: what there is, is all.
            DbBackend::Sqlite if is_all => until,
            _ if until == Position::END => self.find_last_position().await?,
            _ => until,
        };
        if is_all || until.get() - after.get() <= NEAR {
            return self.list_events_on(&self.read, (scope, filter), (after, until), (is_all, limit)).await;
        }
        let report = self.report().await?;
        let events = self.list_events_on(&*report.tx, (scope, filter), (after, until), (is_all, limit)).await?;
        report.finish().await?;
        Ok(events)
    }

    async fn list_events_on(
        &self,
        connection: &impl ConnectionTrait,
        (scope, filter): (&Scope, &OrderFilter),
        (after, until): (Position, Position),
        (is_all, limit): (bool, usize),
    ) -> StoreResult<Vec<OrderEvent>> {
        let mut query = Entity::find()
            .filter(Column::Position.gt(after.get()))
            .filter(Column::Position.lte(until.get()))
            .order_by_asc(Column::Position)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX));
        if !is_all {
            let is_near = until.get() - after.get() <= NEAR;
            query = if is_near { self.with_orders(query) } else { query.join(JoinType::InnerJoin, of_order()) };
            query = query.filter(self.matching(connection, scope, filter).await?);
        }
        let rows = query.all(connection).await?;
        horizon::ensure_kept(connection, after).await?;
        rows.into_iter().map(OrderEvent::try_from).collect()
    }

    /// The histories of orders. Takes no scope: whoever holds an order's number got it from a query that did.
    pub async fn list_events_of_orders(
        &self,
        orders: &[OrderNumber],
    ) -> StoreResult<HashMap<OrderNumber, Vec<OrderEvent>>> {
        let rows = Entity::find()
            .filter(Column::OrderId.is_in(orders.iter().map(|number| number.id())))
            .order_by_asc(Column::OrderId)
            .order_by_asc(Column::Sequence)
            .all(&self.read)
            .await?;
        let read = rows.into_iter().map(OrderEvent::try_from).collect::<StoreResult<_>>()?;
        let mut events: HashMap<_, Vec<_>> = orders.iter().map(|number| (*number, Vec::new())).collect();
        for event in self.with_cursors(read).await? {
            events.entry(event.number).or_default().push(event);
        }
        Ok(events)
    }

    /// The events at these positions that are of orders in the scope.
    pub async fn list_events_at(&self, scope: &Scope, positions: &[Position]) -> StoreResult<Vec<OrderEvent>> {
        let at = Entity::find().filter(Column::Position.is_in(positions.iter().map(|position| position.get())));
        let rows = self.with_orders(at).filter(in_scope(scope)).all(&self.read).await?;
        self.with_cursors(rows.into_iter().map(OrderEvent::try_from).collect::<StoreResult<_>>()?).await
    }

    /// Few events with the orders that they are of.
    pub(super) fn with_orders(&self, mut events: Select<Entity>) -> Select<Entity> {
        self.join_orders(QuerySelect::query(&mut events));
        events
    }

    /// Joins the order of each of few events. Both databases would begin with the orders where their client is asked for, and read all
    /// that this client ever sent: SQLite always, PostgreSQL where nobody analysed its tables. SQLite keeps to the order of a CROSS JOIN
    /// (`a_page_of_the_feed_looks_at_its_own_events_only`), and PostgreSQL does not take apart a subquery that has an OFFSET
    /// (`a_page_of_the_feed_reads_no_order_of_another_page`).
    pub(super) fn join_orders(&self, events: &mut SelectStatement) {
        if self.backend() == DbBackend::Sqlite {
            // A CROSS JOIN has no condition of its own.
            events.join(JoinType::CrossJoin, sales_orders::Entity, is_of_order()).and_where(is_of_order());
        } else {
            let order =
                Query::select().column(Asterisk).from(sales_orders::Entity).and_where(is_of_order()).offset(0).take();
            events.join_lateral(JoinType::InnerJoin, order, sales_orders::Entity, Expr::value(true));
        }
    }

    /// When the last event up to a position was; `None` when there is none.
    pub async fn find_time_of_position(&self, position: Position) -> StoreResult<Option<DateTime<Utc>>> {
        let found: Option<i64> = Entity::find()
            .select_only()
            .column(Column::CreatedAt)
            .filter(Column::Position.lte(position.get()))
            .order_by_desc(Column::Position)
            .into_tuple()
            .one(&self.read)
            .await?;
        found.map(instant).transpose()
    }

    /// The last position of the feed: up to it no event comes any more. A later look may give an earlier one, and up to both of
    /// them none comes.
    pub async fn find_last_position(&self) -> StoreResult<Position> {
        let last = match self.backend() {
            // Where the last events are gone, the feed ends at the horizon, which was its end once.
            DbBackend::Postgres => "SELECT greatest(end_of_feed(), (SELECT position FROM event_horizon))",
            _ => {
                "SELECT max(position) FROM (SELECT max(position) AS position FROM sales_order_events UNION ALL SELECT position FROM event_horizon) AS ends"
            }
        };
        let row = self.core.query_one_raw(Statement::from_string(self.backend(), last)).await?;
        let last = row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?;
        let last = last.flatten().map_or(Position::START, Position::new);
        let known = self.end_of_feed.fetch_max(last.get(), Ordering::Relaxed);
        // A restored database gives out positions again that were before it.
        if last.get() < known && self.find_last_given_position().await?.get() < known {
            self.end_of_feed.store(last.get(), Ordering::Relaxed);
        }
        Ok(last)
    }

    /// Gives events that were not read from the feed the cursors with which a reader of the feed misses nothing: where others
    /// before one may still come, that of the end of the feed.
    async fn with_cursors(&self, mut events: Vec<OrderEvent>) -> StoreResult<Vec<OrderEvent>> {
        let last = events.iter().map(|event| event.position.get()).max();
        // SQLite has one writer.
        if self.backend() == DbBackend::Postgres && last > Some(self.end_of_feed.load(Ordering::Relaxed)) {
            self.find_last_position().await?;
            let end = Position::new(self.end_of_feed.load(Ordering::Relaxed));
            for event in &mut events {
                event.cursor = event.position.min(end);
            }
        }
        Ok(events)
    }
}

/// Appends an order's next event.
pub(super) async fn append_next(
    tx: &DatabaseTransaction,
    number: OrderNumber,
    kind: &EventKind,
    actor: &ClientId,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let last: Option<Option<i32>> = Entity::find()
        .select_only()
        .column_as(Expr::col(Column::Sequence).max(), "last")
        .filter(Column::OrderId.eq(number.id()))
        .into_tuple()
        .one(tx)
        .await?;
    append(tx, number.id(), last.flatten().unwrap_or(0) + 1, kind, actor, micros(at)).await
}

/// Appends an event. The transaction should be near its end: until then nobody reads the feed beyond what it is now.
pub(super) async fn append(
    tx: &DatabaseTransaction,
    order_id: i64,
    sequence: i32,
    kind: &EventKind,
    actor: &ClientId,
    created_at: i64,
) -> StoreResult<()> {
    lock(tx).await?;
    let event = ActiveModel {
        position: NotSet,
        order_id: Set(order_id),
        sequence: Set(sequence),
        kind: Set(kind.name().to_owned()),
        actor: Set(actor.to_string()),
        payload: Set(kind.payload()),
        created_at: Set(created_at),
    };
    Entity::insert(event).exec_without_returning(tx).await?;
    Ok(())
}

/// Notes that events are going to be appended; holds the end of the feed until the transaction ends.
pub(super) async fn lock(tx: &DatabaseTransaction) -> StoreResult<()> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(BEGIN).await?;
    }
    Ok(())
}

/// Lets nobody append until the transaction ends.
pub(super) async fn lock_alone(tx: &DatabaseTransaction) -> StoreResult<()> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({APPEND_LOCK})")).await?;
    }
    Ok(())
}

/// Who appends shares it (`begin_to_append`); this one spells "sales-ev" in ASCII.
const APPEND_LOCK: i64 = 0x7361_6c65_732d_6576;

/// The same as [`lock`] as a query, for a statement that does more.
pub(super) const BEGIN: &str = "SELECT begin_to_append()";

fn is_of_order() -> SimpleExpr {
    Expr::col((sales_orders::Entity, sales_orders::Column::Id)).equals((Entity, Column::OrderId))
}

fn of_order() -> RelationDef {
    sales_order_events::Entity::belongs_to(sales_orders::Entity)
        .from(Column::OrderId)
        .to(sales_orders::Column::Id)
        .into()
}

impl TryFrom<Model> for OrderEvent {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let kind = EventKind::restore(&row.kind, &row.payload);
        Ok(Self {
            position: Position::new(row.position),
            cursor: Position::new(row.position),
            number: OrderNumber::from_id(row.order_id),
            sequence: row.sequence,
            kind: kind.ok_or(StoreError::Unreadable { what: "event", value: row.position.to_string() })?,
            actor: row.actor,
            created_at: instant(row.created_at)?,
        })
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
