//! Sample orders, many at once.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel as _, QueryFilter,
    QuerySelect, Statement,
};

use super::connect::{Store, micros};
use super::entity::{sales_order_acknowledgements as acknowledgements, sales_order_events as events};
use super::entity::{sales_order_lines as lines, sales_orders as orders};
use super::error::StoreResult;
use super::orders::{SQLITE_LAST_ID, count, new_line};
use crate::domain::client::ClientId;
use crate::domain::event::Happening;
use crate::domain::money::Money;
use crate::domain::order::OrderStatus;
use crate::domain::sample::{KEY_PREFIX, SYSTEM, SampleOrder};

impl Store {
    /// Whether an order was sent by somebody.
    pub async fn has_real_orders(&self) -> StoreResult<bool> {
        let real = orders::Entity::find()
            .select_only()
            .column(orders::Column::Id)
            .filter(orders::Column::IdempotencyKey.not_like(format!("{KEY_PREFIX}%")))
            .limit(1);
        Ok(real.into_tuple::<i64>().one(&self.read).await?.is_some())
    }

    /// Stores sample orders with everything that belongs to them but a receipt: nobody signed them. All or none.
    pub async fn insert_samples(&self, clients: Vec<ClientId>, samples: Vec<SampleOrder>) -> StoreResult<()> {
        self.transaction_of_orders(move |tx| Box::pin(async move { insert(tx, &clients, samples).await })).await
    }

    /// Tells PostgreSQL what is in its tables now, so that it plans queries for that. SQLite is not told: with statistics
    /// it tends to skip through the index of another column rather than read the stretch of time it is asked for.
    pub async fn analyze(&self) -> StoreResult<()> {
        if self.backend() == DbBackend::Postgres {
            self.write().execute_unprepared("VACUUM ANALYZE").await?;
        }
        Ok(())
    }
}

async fn insert(tx: &DatabaseTransaction, clients: &[ClientId], samples: Vec<SampleOrder>) -> StoreResult<()> {
    let ids = reserve_ids(tx, samples.len()).await?;
    let mut rows = Rows::default();
    for (id, sample) in ids.into_iter().zip(samples) {
        rows.add(id, &clients[sample.client % clients.len()], sample);
    }
    let Rows { orders, lines, events, acknowledgements } = rows;
    orders::Entity::insert_many(orders).exec_without_returning(tx).await?;
    lines::Entity::insert_many(lines).exec_without_returning(tx).await?;
    super::events::lock(tx).await?;
    events::Entity::insert_many(events).exec_without_returning(tx).await?;
    acknowledgements::Entity::insert_many(acknowledgements).exec_without_returning(tx).await?;
    Ok(())
}

/// Ids that nobody else gets: of PostgreSQL's sequence, or behind the last one while SQLite lets nobody else write.
async fn reserve_ids(tx: &DatabaseTransaction, count: usize) -> StoreResult<Vec<i64>> {
    let sql = if tx.get_database_backend() == DbBackend::Postgres {
        format!("SELECT nextval(pg_get_serial_sequence('sales_orders', 'id')) FROM generate_series(1, {count})")
    } else {
        format!(
            "WITH RECURSIVE ids (id) AS (
                 SELECT {SQLITE_LAST_ID} + 1
                 UNION ALL SELECT id + 1 FROM ids LIMIT {count})
             SELECT id FROM ids"
        )
    };
    let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

#[derive(Default)]
struct Rows {
    orders: Vec<orders::ActiveModel>,
    lines: Vec<lines::ActiveModel>,
    events: Vec<events::ActiveModel>,
    acknowledgements: Vec<acknowledgements::ActiveModel>,
}

impl Rows {
    fn add(&mut self, id: i64, client_id: &ClientId, sample: SampleOrder) {
        let SampleOrder { client: _, idempotency_key, order, created_at, moves, acknowledged_at } = sample;
        let mut sequence = 0;
        let mut event = |happening: &Happening, actor: &str, at: DateTime<Utc>| {
            sequence += 1;
            self.events.push(events::ActiveModel {
                position: NotSet,
                order_id: Set(id),
                sequence: Set(sequence),
                kind: Set(happening.kind().to_owned()),
                actor: Set(actor.to_owned()),
                payload: Set(happening.payload()),
                created_at: Set(micros(at)),
            });
        };
        event(&Happening::Created, client_id.as_str(), created_at);
        if let Some(at) = acknowledged_at {
            event(&Happening::Acknowledged { system: SYSTEM.to_owned(), external_number: None }, SYSTEM, at);
            self.acknowledgements.push(acknowledgements::ActiveModel {
                order_id: Set(id),
                system: Set(SYSTEM.to_owned()),
                external_number: Set(None),
                actor: Set(SYSTEM.to_owned()),
                created_at: Set(micros(at)),
            });
        }
        let (mut from, mut version, mut updated_at) = (OrderStatus::Received, 1, created_at);
        for (status, at) in moves {
            version += 1;
            event(&Happening::StatusChanged { from, status, version, note: None, partner_note: None }, SYSTEM, at);
            (from, updated_at) = (status, at);
        }
        self.orders.push(orders::ActiveModel {
            id: Set(id),
            client_id: Set(client_id.to_string()),
            idempotency_key: Set(idempotency_key),
            request_digest: Set(order.digest().to_vec()),
            total_quantity: Set(order.total_quantity()),
            total_amount: Set(order.total_amount().map(Money::ten_thousandths)),
            line_count: Set(count(order.products.len())),
            unpriced_lines: Set(count(order.unpriced_lines())),
            priced_amount: Set(order.priced_amount().ten_thousandths()),
            search_text: Set(order.search_text()),
            customer_code: Set(order.customer_code),
            site_code: Set(order.site_code),
            sales_name: Set(order.sales_name),
            address: Set(order.address),
            note: Set(order.note),
            currency: Set(order.currency),
            status: Set(from.as_str().to_owned()),
            version: Set(version),
            created_at: Set(micros(created_at)),
            updated_at: Set(micros(updated_at)),
        });
        let numbered = order.products.into_iter().zip(1..);
        self.lines.extend(numbered.map(|(line, line_no)| new_line(id, line_no, line).into_active_model()));
    }
}
