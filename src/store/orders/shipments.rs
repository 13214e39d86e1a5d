//! Shipments of orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef,
};

use crate::domain::order::OrderNumber;
use crate::domain::shipment::{Shipment, ShipmentLine};
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::sales_order_lines::{Column as OrderLine, Entity as OrderLines};
use crate::store::entity::sales_order_shipment_lines as lines;
use crate::store::entity::sales_order_shipments::{ActiveModel, Column, Entity};
use crate::store::error::StoreResult;

impl Store {
    /// The shipments of these orders, in the sequence in which they were recorded. Takes no scope: whoever holds an order's number got
    /// it from a query that did.
    pub async fn list_shipments(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, Vec<Shipment>>> {
        of_orders(&self.read, orders).await
    }

    /// Of which of these orders a line says that something of it has left. Takes no scope either.
    pub async fn list_partly_shipped(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, bool>> {
        let with: Vec<i64> = OrderLines::find()
            .select_only()
            .column(OrderLine::OrderId)
            .distinct()
            .filter(OrderLine::OrderId.is_in(orders.iter().map(|number| number.id())))
            .filter(OrderLine::ShippedQuantity.gt(0))
            .into_tuple()
            .all(&self.read)
            .await?;
        Ok(orders.iter().map(|number| (*number, with.contains(&number.id()))).collect())
    }
}

/// A row for each line of a shipment.
type Row = (i64, i64, String, Option<String>, Option<String>, i64, Option<i64>, i32, i32);

pub(super) async fn of_orders(
    connection: &impl ConnectionTrait,
    orders: &[OrderNumber],
) -> StoreResult<HashMap<OrderNumber, Vec<Shipment>>> {
    let rows: Vec<Row> = Entity::find()
        .select_only()
        .columns([Column::OrderId, Column::Id, Column::ShipmentNumber, Column::Carrier, Column::TrackingNumber])
        .columns([Column::ShippedAt, Column::DeliveredAt])
        .columns([lines::Column::LineNo, lines::Column::Quantity])
        .join(JoinType::InnerJoin, of_shipment())
        .filter(Column::OrderId.is_in(orders.iter().map(|number| number.id())))
        .order_by_asc(Column::OrderId)
        .order_by_asc(Column::Id)
        .order_by_asc(lines::Column::LineNo)
        .into_tuple()
        .all(connection)
        .await?;
    let mut found: HashMap<_, Vec<_>> = orders.iter().map(|number| (*number, Vec::new())).collect();
    let mut last = None;
    for (order_id, id, number, carrier, tracking_number, shipped_at, delivered_at, line_no, quantity) in rows {
        let shipments = found.entry(OrderNumber::from_id(order_id)).or_default();
        if last.replace(id) != Some(id) {
            let (shipped_at, delivered_at) = (instant(shipped_at)?, delivered_at.map(instant).transpose()?);
            shipments.push(Shipment { number, carrier, tracking_number, shipped_at, delivered_at, lines: Vec::new() });
        }
        if let Some(shipment) = shipments.last_mut() {
            shipment.lines.push(ShipmentLine { line_no, quantity });
        }
    }
    Ok(found)
}

pub(super) async fn insert(
    tx: &DatabaseTransaction,
    order: OrderNumber,
    shipment: &Shipment,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let row = ActiveModel {
        id: NotSet,
        order_id: Set(order.id()),
        shipment_number: Set(shipment.number.clone()),
        carrier: Set(shipment.carrier.clone()),
        tracking_number: Set(shipment.tracking_number.clone()),
        shipped_at: Set(micros(shipment.shipped_at)),
        delivered_at: Set(None),
        created_at: Set(micros(now)),
    };
    let id = Entity::insert(row).exec(tx).await?.last_insert_id;
    let of_line = |line: &ShipmentLine| lines::ActiveModel {
        shipment_id: Set(id),
        line_no: Set(line.line_no),
        quantity: Set(line.quantity),
    };
    lines::Entity::insert_many(shipment.lines.iter().map(of_line)).exec_without_returning(tx).await?;
    Ok(())
}

/// Notes when a shipment of an order arrived, or all that had not: none of them before it left.
pub(super) async fn deliver(
    tx: &DatabaseTransaction,
    order: OrderNumber,
    shipment: Option<&str>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let at = micros(at);
    let not_before = Expr::case(Expr::col(Column::ShippedAt).gt(at), Expr::col(Column::ShippedAt)).finally(at);
    let mut arrived = Entity::update_many()
        .col_expr(Column::DeliveredAt, not_before.into())
        .filter(Column::OrderId.eq(order.id()))
        .filter(Column::DeliveredAt.is_null());
    if let Some(number) = shipment {
        arrived = arrived.filter(Column::ShipmentNumber.eq(number));
    }
    arrived.exec(tx).await?;
    Ok(())
}

fn of_shipment() -> RelationDef {
    Entity::belongs_to(lines::Entity).from(Column::Id).to(lines::Column::ShipmentId).into()
}
