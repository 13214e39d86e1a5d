//! Sample orders, many at once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter,
    QuerySelect,
};

use super::intake::{self, Incoming};
use super::record::{FirstEvent, Internals};
use crate::domain::client::ClientId;
use crate::domain::event::EventKind;
use crate::domain::numbers::Numbers;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::sample::{KEY_PREFIX, SYSTEM, SampleOrder};
use crate::store::connect::{Store, micros};
use crate::store::entity::{sales_order_acknowledgements as acknowledgements, sales_orders as orders};
use crate::store::error::{StoreError, StoreResult};

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
        let numbers = self.numbers.clone();
        self.transaction_of_orders(move |tx| Box::pin(async move { insert(tx, &numbers, &clients, samples).await }))
            .await
    }

    /// Tells PostgreSQL what is in its tables now, so that it plans queries for that. SQLite is not told: with statistics
    /// it tends to skip through the index of another column rather than read the stretch of time it is asked for.
    pub async fn analyze(&self) -> StoreResult<()> {
        if self.backend() == DbBackend::Postgres {
            // Otherwise what is left of a million changes would be read by each summary.
            self.merge_totals().await?;
            self.write().execute_unprepared("VACUUM (TRUNCATE, ANALYZE)").await?;
        }
        Ok(())
    }
}

async fn insert(
    tx: &DatabaseTransaction,
    numbers: &Numbers,
    clients: &[ClientId],
    samples: Vec<SampleOrder>,
) -> StoreResult<()> {
    let acknowledged: Vec<_> = samples.iter().map(|sample| sample.acknowledged_at).collect();
    let of_client = |sample: SampleOrder| incoming(&clients[sample.client % clients.len()], sample);
    let mut open: Vec<_> = (0_i64..).zip(samples.into_iter().map(of_client)).collect();
    let mut ids = BTreeMap::new();
    let mut rounds_in_vain = 0;
    // Again for those whose numbers were taken.
    while !open.is_empty() {
        for (_, sample) in &mut open {
            sample.order.number = numbers.draw(sample.order.created_at);
        }
        let made = intake::insert(tx, &open, &[]).await?;
        rounds_in_vain = if made.is_empty() { rounds_in_vain + 1 } else { 0 };
        if rounds_in_vain > intake::MOST_ROUNDS_IN_VAIN {
            return Err(StoreError::Duplicate("the idempotency key of a sample order".to_owned()));
        }
        open.retain(|(ordinal, _)| !made.contains_key(ordinal));
        ids.extend(made);
    }
    let rows = ids.into_values().zip(acknowledged).filter_map(|(id, at)| Some(acknowledgement(id, at?)));
    acknowledgements::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// The order as it is after its life so far.
fn incoming(client_id: &ClientId, sample: SampleOrder) -> Incoming {
    let SampleOrder { client: _, idempotency_key, order: new, created_at, moves, acknowledged_at } = sample;
    let (mut order, lines) = SalesOrder::taken(&new, OrderNumber::NONE, client_id.clone(), created_at);
    let mut events = Vec::new();
    let mut note = |kind: &EventKind, actor: &str, at: DateTime<Utc>| {
        events.push(FirstEvent::new(events.len(), kind, actor, at));
    };
    note(&EventKind::Created, client_id.as_str(), created_at);
    if let Some(at) = acknowledged_at {
        note(&EventKind::Acknowledged { system: SYSTEM.to_owned(), external_number: None }, SYSTEM, at);
    }
    for (status, at) in moves {
        let from = order.status;
        order = order.moved(status, at);
        let version = order.version;
        note(&EventKind::StatusChanged { from, status, version, note: None, partner_note: None }, SYSTEM, at);
    }
    let internals = Internals::new(&new, &idempotency_key, &new.digest(), false);
    Incoming { order, lines, internals, events, receipt: None, signed_text_digest: None }
}

fn acknowledgement(order_id: i64, at: DateTime<Utc>) -> acknowledgements::ActiveModel {
    acknowledgements::ActiveModel {
        order_id: Set(order_id),
        system: Set(SYSTEM.to_owned()),
        external_number: Set(None),
        actor: Set(SYSTEM.to_owned()),
        created_at: Set(micros(at)),
    }
}
