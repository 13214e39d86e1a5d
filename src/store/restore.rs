//! Numbers given out by a database that lost its last changes: a backup was restored, or a standby was promoted that had
//! not everything. It would give out again what others hold already.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};

use super::connect::Store;
use super::error::{StoreError, StoreResult};
use super::events;
use crate::domain::event::Position;
use crate::domain::order::OrderNumber;
use crate::domain::order_request::RequestNumber;

/// What is given out next at the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// To an order.
    pub next_order: OrderNumber,
    /// Given to an event as its position in the feed.
    pub next_position: Position,
    /// To a request of an order's sender.
    pub next_request: RequestNumber,
}

/// A column whose numbers others hold, in cursors and on paper.
struct Counter {
    table: &'static str,
    column: &'static str,
    /// All rows whose numbers were given out.
    rows: &'static str,
    /// Numbers from here on are not counted.
    end: i64,
}

/// Random numbers are not given out again: one that was lost is drawn by no other order.
const ORDERS: Counter = Counter {
    rows: "(SELECT id FROM sales_orders UNION ALL SELECT id FROM archived_sales_orders) AS given",
    end: OrderNumber::FIRST_RANDOM.id(),
    ..Counter::of("sales_orders", "id")
};
const EVENTS: Counter = Counter::of("sales_order_events", "position");
const REQUESTS: Counter = Counter::of("sales_order_requests", "id");

impl Counter {
    const fn of(table: &'static str, column: &'static str) -> Self {
        Self { table, column, rows: table, end: i64::MAX }
    }

    /// The largest number that was given out, also of rows that are gone; null or 0 when none was.
    fn last(&self, backend: DbBackend) -> String {
        let Self { table, column, rows, end } = self;
        if backend == DbBackend::Postgres {
            return format!(
                "SELECT greatest((SELECT max({column}) FROM {rows} WHERE {column} < {end}),
                     pg_sequence_last_value(pg_get_serial_sequence('{table}', '{column}')::regclass))"
            );
        }
        format!(
            "SELECT max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = '{table}' AND seq < {end}), 0),
                 coalesce((SELECT max({column}) FROM {rows} WHERE {column} < {end}), 0))"
        )
    }

    /// Lets numbers go on from here.
    fn jump(&self, backend: DbBackend, to: i64) -> String {
        let Self { table, column, .. } = self;
        if backend == DbBackend::Postgres {
            return format!("SELECT setval(pg_get_serial_sequence('{table}', '{column}')::regclass, {to})");
        }
        // It has no row before the first insert, and no key to find a row by.
        format!(
            "DELETE FROM sqlite_sequence WHERE name = '{table}';
             INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {to})"
        )
    }

    /// The last number that is left out.
    async fn end_of(&self, tx: &DatabaseTransaction, margin: u32) -> StoreResult<i64> {
        let backend = tx.get_database_backend();
        let last = number(tx.query_one_raw(Statement::from_string(backend, self.last(backend))).await?)?;
        // One more is given out then.
        let end = last.checked_add(i64::from(margin)).filter(|end| *end < i64::MAX);
        end.ok_or_else(|| StoreError::Unreadable { what: "last number", value: last.to_string() })
    }

    async fn skip_to(&self, tx: &DatabaseTransaction, end: i64) -> StoreResult<i64> {
        tx.execute_unprepared(&self.jump(tx.get_database_backend(), end)).await?;
        Ok(end + 1)
    }
}

impl Store {
    /// The last feed position that was given out, though its event may be gone.
    pub async fn find_last_given_position(&self) -> StoreResult<Position> {
        last_given_position(&self.core).await
    }

    /// Skips so many order numbers, feed positions and numbers of requests: those that the lost changes may have been given.
    pub async fn adopt_restored(&self, margin: u32) -> StoreResult<Adopted> {
        self.transaction(move |tx| {
            Box::pin(async move {
                // Nobody appends meanwhile. Numbers of orders are given out without it: those are far from the new ones.
                events::lock_alone(tx).await?;
                // All before any: PostgreSQL takes no jump of a sequence back.
                let (orders, events) = (ORDERS.end_of(tx, margin).await?, EVENTS.end_of(tx, margin).await?);
                let requests = REQUESTS.end_of(tx, margin).await?;
                Ok(Adopted {
                    next_order: OrderNumber::from_id(ORDERS.skip_to(tx, orders).await?),
                    next_position: Position::new(EVENTS.skip_to(tx, events).await?),
                    next_request: RequestNumber::from_id(REQUESTS.skip_to(tx, requests).await?),
                })
            })
        })
        .await
    }
}

/// The same of any database of this service.
pub(super) async fn last_given_position(connection: &impl ConnectionTrait) -> StoreResult<Position> {
    let backend = connection.get_database_backend();
    let row = connection.query_one_raw(Statement::from_string(backend, EVENTS.last(backend))).await?;
    Ok(Position::new(number(row)?))
}

fn number(row: Option<sea_orm::QueryResult>) -> StoreResult<i64> {
    let number = row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?;
    Ok(number.flatten().unwrap_or(0))
}
