//! Sales orders with their lines.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::clients::parse_client_id;
use super::connect::{Store, instant};
use super::entity::sales_orders::OrderRow;
use super::entity::{sales_order_lines, sales_orders};
use super::error::{StoreError, StoreResult};
use super::filter::in_scope;
use crate::domain::money::Money;
use crate::domain::order::{OrderNumber, OrderStatus, SalesOrder, SalesOrderLine};
use crate::domain::order_input::NewOrderLine;
use crate::domain::permission::Scope;

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
        let rows = sales_orders::Entity::find()
            .filter(sales_orders::Column::Id.is_in(numbers.iter().map(|number| number.id())))
            .filter(in_scope(scope))
            .into_partial_model::<OrderRow>()
            .all(&self.read)
            .await?;
        rows.into_iter().map(|row| Ok((OrderNumber::from_id(row.id), row.try_into()?))).collect()
    }

    /// The lines of many orders at once, each order's in their place. Takes no scope: whoever holds an order's number
    /// got it from a query that did.
    pub async fn list_lines(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, Vec<SalesOrderLine>>> {
        let rows: Vec<LineRow> = sales_order_lines::Entity::find()
            .filter(sales_order_lines::Column::OrderId.is_in(orders.iter().map(|number| number.id())))
            .order_by_asc(sales_order_lines::Column::OrderId)
            .order_by_asc(sales_order_lines::Column::LineNo)
            .into_tuple()
            .all(&self.read)
            .await?;
        let mut lines: HashMap<_, Vec<_>> = orders.iter().map(|number| (*number, Vec::new())).collect();
        for (order_id, line_no, product_code, product_name, quantity, unit, unit_price, note) in rows {
            let unit_price = unit_price.map(Money::from_ten_thousandths);
            let line = SalesOrderLine { line_no, product_code, product_name, quantity, unit, unit_price, note };
            lines.entry(OrderNumber::from_id(order_id)).or_default().push(line);
        }
        Ok(lines)
    }
}

/// The columns of `sales_order_lines` by their places: to find each by its name costs as much as to read it.
type LineRow = (i64, i32, String, Option<String>, i32, Option<String>, Option<i64>, Option<String>);

/// The largest id that an order has or had, on SQLite, to be asked while nobody else may write. AUTOINCREMENT looks into both
/// places as well (`an_order_gets_a_number_that_is_free_when_the_sequence_was_lost`).
pub(super) const SQLITE_LAST_ID: &str =
    "max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'sales_orders'), 0),
    coalesce((SELECT max(id) FROM sales_orders), 0))";

/// A number of lines; an order has at most 500.
pub(super) fn count(lines: usize) -> i32 {
    i32::try_from(lines).unwrap_or(i32::MAX)
}

pub(super) fn new_line(order_id: i64, line_no: i32, line: NewOrderLine) -> sales_order_lines::Model {
    let NewOrderLine { product_code, quantity, product_name, unit, unit_price, note } = line;
    let unit_price = unit_price.map(Money::ten_thousandths);
    sales_order_lines::Model { order_id, line_no, product_code, product_name, quantity, unit, unit_price, note }
}

impl From<sales_orders::Model> for OrderRow {
    fn from(row: sales_orders::Model) -> Self {
        Self {
            id: row.id,
            client_id: row.client_id,
            customer_code: row.customer_code,
            site_code: row.site_code,
            sales_name: row.sales_name,
            address: row.address,
            note: row.note,
            currency: row.currency,
            status: row.status,
            version: row.version,
            total_quantity: row.total_quantity,
            total_amount: row.total_amount,
            line_count: row.line_count,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl TryFrom<OrderRow> for SalesOrder {
    type Error = StoreError;

    fn try_from(row: OrderRow) -> Result<Self, StoreError> {
        let status = OrderStatus::ALL.into_iter().find(|status| status.as_str() == row.status);
        Ok(Self {
            number: OrderNumber::from_id(row.id),
            client_id: parse_client_id(&row.client_id)?,
            customer_code: row.customer_code,
            site_code: row.site_code,
            sales_name: row.sales_name,
            address: row.address,
            note: row.note,
            currency: row.currency,
            status: status.ok_or(StoreError::Unreadable { what: "status", value: row.status })?,
            version: row.version,
            total_quantity: row.total_quantity,
            total_amount: row.total_amount.map(Money::from_ten_thousandths),
            line_count: row.line_count,
            created_at: instant(row.created_at)?,
            updated_at: instant(row.updated_at)?,
        })
    }
}
