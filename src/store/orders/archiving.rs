//! Moving orders out: which may go, and how they leave once they are in a file.

mod leaving;
mod turn;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

pub use turn::ArchivingTurn;

use super::{columns, lines_of, shipments};
use crate::domain::archive::{Archive, Kept, NewArchive};
use crate::domain::erasure::is_closed;
use crate::domain::event::Position;
use crate::domain::fulfilment::Fulfilment;
use crate::domain::order::{OrderNumber, OrderStatus, SalesOrder};
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::sales_order_archives::{ActiveModel, Column as OfArchive, Entity as Archives, Model};
use crate::store::entity::{sales_order_events, sales_orders, webhook_parked};
use crate::store::error::{StoreError, StoreResult};
use crate::store::horizon::LastReader;

/// An order that was looked at.
#[derive(Debug)]
pub struct Examined {
    /// The order.
    pub order: SalesOrder,
    /// How many events it has.
    pub events: i64,
    /// The position of the last of them.
    pub last: Position,
    /// Why it is not archived yet; `None` when it may go.
    pub kept: Option<Kept>,
}

/// How far the feed was read by everybody.
#[derive(Debug)]
pub struct Passed {
    /// Up to here no event comes any more.
    end: Position,
    /// Who is the furthest behind.
    last: Option<LastReader>,
}

impl Passed {
    /// Up to here everybody has read.
    #[must_use]
    pub fn position(&self) -> Position {
        self.last.as_ref().map_or(self.end, |reader| reader.position.min(self.end))
    }

    /// Who is the furthest behind, in words.
    #[must_use]
    pub fn slowest(&self) -> Option<&str> {
        self.last.as_ref().map(|reader| &*reader.name)
    }
}

impl Store {
    /// The next orders by number that are delivered or cancelled and to which nothing happened since a time, each with what keeps it from
    /// being archived. `passed` is how far everybody has read the feed.
    pub async fn list_orders_to_archive(
        &self,
        before: DateTime<Utc>,
        after: OrderNumber,
        passed: Position,
        limit: u64,
    ) -> StoreResult<Vec<Examined>> {
        use sales_orders::Column;
        // An acknowledgement is no change.
        let happened_since = Query::select()
            .expr(Expr::value(1))
            .from(sales_order_events::Entity)
            .and_where(
                Expr::col((sales_order_events::Entity, sales_order_events::Column::OrderId))
                    .equals((sales_orders::Entity, Column::Id)),
            )
            .and_where(
                Expr::col((sales_order_events::Entity, sales_order_events::Column::CreatedAt)).gte(micros(before)),
            )
            .take();
        let ended = [OrderStatus::Delivered, OrderStatus::Cancelled].map(OrderStatus::as_str);
        let orders = columns::find::<SalesOrder>()
            .filter(Column::Id.gt(after.id()))
            .filter(Column::Status.is_in(ended))
            .filter(Column::UpdatedAt.lt(micros(before)))
            .filter(Expr::exists(happened_since).not())
            .order_by_asc(Column::Id)
            .limit(limit);
        let orders = columns::all(orders, &self.read).await?.into_iter().map(|(_, order)| order).collect();
        examine(&self.read, orders, passed).await
    }

    /// Notes a file that is complete, unless it is noted already. Gives its id. Fails where another file has the name.
    pub async fn note_archive(&self, new: NewArchive, now: DateTime<Utc>) -> StoreResult<i64> {
        self.transaction(move |tx| {
            Box::pin(async move {
                if let Some(known) = Archives::find().filter(OfArchive::Name.eq(&*new.name)).one(tx).await? {
                    if known.sha256 != new.sha256 {
                        return Err(StoreError::Duplicate(format!("an archive {} with another content", new.name)));
                    }
                    return Ok(known.id);
                }
                let row = ActiveModel {
                    id: NotSet,
                    name: Set(new.name),
                    sha256: Set(new.sha256.to_vec()),
                    orders: Set(new.orders),
                    first_order_id: Set(new.first.id()),
                    last_order_id: Set(new.last.id()),
                    created_at: Set(micros(now)),
                    finished_at: Set(None),
                };
                Ok(Archives::insert(row).exec(tx).await?.last_insert_id)
            })
        })
        .await
    }

    /// Notes that of a file's orders none is left that could be removed.
    pub async fn finish_archive(&self, id: i64, now: DateTime<Utc>) -> StoreResult<()> {
        self.transaction(move |tx| {
            Box::pin(async move {
                let finished = Archives::update_many().col_expr(OfArchive::FinishedAt, Expr::value(micros(now)));
                finished.filter(OfArchive::Id.eq(id)).filter(OfArchive::FinishedAt.is_null()).exec(tx).await?;
                Ok(())
            })
        })
        .await
    }

    /// All files, the oldest first.
    pub async fn list_archives(&self) -> StoreResult<Vec<Archive>> {
        let rows = Archives::find().order_by_asc(OfArchive::Id).all(&self.read).await?;
        rows.into_iter().map(Archive::try_from).collect()
    }
}

/// What keeps each of these orders, which are delivered or cancelled or were.
async fn examine(
    connection: &impl ConnectionTrait,
    orders: Vec<SalesOrder>,
    passed: Position,
) -> StoreResult<Vec<Examined>> {
    let numbers: Vec<_> = orders.iter().map(|order| order.number).collect();
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = lines_of(connection, &numbers).await?;
    let mut shipments = shipments::of_orders(connection, &numbers).await?;
    let events = events_of(connection, &numbers).await?;
    let parked: Vec<i64> = webhook_parked::Entity::find()
        .select_only()
        .column(webhook_parked::Column::OrderId)
        .distinct()
        .filter(webhook_parked::Column::OrderId.is_in(ids(&numbers)))
        .into_tuple()
        .all(connection)
        .await?;
    let parked: HashSet<i64> = parked.into_iter().collect();
    let examined = orders.into_iter().map(|order| {
        let number = order.number;
        let (lines, shipments) = (lines.remove(&number).unwrap_or_default(), shipments.remove(&number));
        let fulfilment = Fulfilment::new(order.status, &lines, &shipments.unwrap_or_default());
        let (count, last) = events.get(&number.id()).copied().unwrap_or_default();
        let kept = if !is_closed(order.status, &fulfilment) {
            Some(Kept::Open)
        } else if Position::new(last) > passed {
            Some(Kept::Unread)
        } else {
            parked.contains(&number.id()).then_some(Kept::Undelivered)
        };
        Examined { order, events: count, last: Position::new(last), kept }
    });
    Ok(examined.collect())
}

/// How many events each order has, and the position of the last of them.
async fn events_of(
    connection: &impl ConnectionTrait,
    numbers: &[OrderNumber],
) -> StoreResult<HashMap<i64, (i64, i64)>> {
    use sales_order_events::{Column, Entity};
    let rows: Vec<(i64, i64, i64)> = Entity::find()
        .select_only()
        .column(Column::OrderId)
        .expr(Expr::col(Column::Position).count())
        .expr(Expr::col(Column::Position).max())
        .filter(Column::OrderId.is_in(ids(numbers)))
        .group_by(Column::OrderId)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|(order, count, last)| (order, (count, last))).collect())
}

fn ids(numbers: &[OrderNumber]) -> impl Iterator<Item = i64> {
    numbers.iter().map(|number| number.id())
}

impl TryFrom<Model> for Archive {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "digest of an archive", value: row.name.clone() };
        Ok(Self {
            sha256: row.sha256.clone().try_into().map_err(unreadable)?,
            name: row.name,
            orders: row.orders,
            first: OrderNumber::from_id(row.first_order_id),
            last: OrderNumber::from_id(row.last_order_id),
            created_at: instant(row.created_at)?,
            finished_at: row.finished_at.map(instant).transpose()?,
        })
    }
}
