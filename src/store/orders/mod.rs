//! Sales orders: how they are stored, found, moved and read.
//!
//! What belongs here: the tables of orders, their lines, shipments, requests, receipts and acknowledgements, and what stays of orders
//! that were archived. [`record`] lists the columns once,
//! for the writer and every reader; [`intake`] writes, partners' orders and samples alike. What does not: the history of
//! orders (`events.rs`), their sums (`summary.rs`, `totals.rs`) and the filter as SQL (`filter.rs`).
//! To add a field of an order or a line: begin in [`record`].

mod acknowledgements;
mod amending;
mod archived;
mod archiving;
mod asking;
mod changes;
mod columns;
mod erasing;
mod fulfilment;
mod intake;
mod lifecycle;
mod listing;
mod receipts;
mod record;
mod references;
mod requests;
mod samples;
mod shipments;

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, Select};

use super::connect::Store;
use super::entity::{sales_order_lines, sales_orders};
use super::error::StoreResult;
use super::filter::in_scope;
use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::permission::Scope;

use record::WholeLine;

pub use acknowledgements::Acknowledged;
pub use archiving::{ArchivingTurn, Examined, Passed};
pub use asking::{RequestAnswered, Requested, TakenRequest};
pub use erasing::Erased;
pub use fulfilment::Fulfilled;
pub use intake::{Created, NewReceipt, OrderToInsert, rehearse};
pub use lifecycle::StatusOutcome;
pub use requests::RequestKey;

impl Store {
    /// The order with this number, if it is in the scope.
    pub async fn find_order(&self, scope: &Scope, number: OrderNumber) -> StoreResult<Option<SalesOrder>> {
        Ok(self.list_orders_by_number(scope, &[number]).await?.into_values().next())
    }

    /// Those of the orders with these numbers that are in the scope.
    pub async fn list_orders_by_number(
        &self,
        scope: &Scope,
        numbers: &[OrderNumber],
    ) -> StoreResult<HashMap<OrderNumber, SalesOrder>> {
        let orders = columns::find::<SalesOrder>()
            .filter(sales_orders::Column::Id.is_in(numbers.iter().map(|number| number.id())))
            .filter(in_scope(scope));
        Ok(columns::all(orders, &self.read).await?.into_iter().collect())
    }

    /// The lines of many orders at once, each order's in their sequence, with what was answered to them if that is asked for. Takes no
    /// scope: whoever holds an order's number got it from a query that did.
    pub async fn list_lines(
        &self,
        orders: &[OrderNumber],
        with_answers: bool,
    ) -> StoreResult<HashMap<OrderNumber, Vec<SalesOrderLine>>> {
        if with_answers {
            return lines_of(&self.read, orders).await;
        }
        let found = columns::all::<SalesOrderLine>(in_sequence(columns::find::<SalesOrderLine>(), orders), &self.read);
        Ok(by_order(orders, found.await?))
    }
}

/// The lines of orders with what was answered to them.
async fn lines_of(
    connection: &impl ConnectionTrait,
    orders: &[OrderNumber],
) -> StoreResult<HashMap<OrderNumber, Vec<SalesOrderLine>>> {
    let found = columns::all::<WholeLine>(in_sequence(columns::find::<WholeLine>(), orders), connection).await?;
    Ok(by_order(orders, found.into_iter().map(|(number, line)| (number, line.into()))))
}

fn in_sequence(lines: Select<sales_order_lines::Entity>, orders: &[OrderNumber]) -> Select<sales_order_lines::Entity> {
    lines
        .filter(sales_order_lines::Column::OrderId.is_in(orders.iter().map(|number| number.id())))
        .order_by_asc(sales_order_lines::Column::OrderId)
        .order_by_asc(sales_order_lines::Column::LineNo)
}

fn by_order(
    orders: &[OrderNumber],
    found: impl IntoIterator<Item = (OrderNumber, SalesOrderLine)>,
) -> HashMap<OrderNumber, Vec<SalesOrderLine>> {
    let mut lines: HashMap<_, Vec<_>> = orders.iter().map(|number| (*number, Vec::new())).collect();
    for (number, line) in found {
        lines.entry(number).or_default().push(line);
    }
    lines
}
