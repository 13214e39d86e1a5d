//! Reading orders.

use std::collections::HashMap;

use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::permission::Scope;
use crate::error::AppError;
use crate::store::Store;

/// Reads orders.
#[derive(Clone)]
pub struct Orders {
    store: Store,
}

impl Orders {
    /// Reads from this store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The order with this number, if the scope holds it. A text that is no order number names no order.
    pub async fn sales_order(&self, scope: &Scope, number: &str) -> Result<Option<SalesOrder>, AppError> {
        match number.parse() {
            Ok(number) => Ok(self.store.find_order(scope, number).await?),
            Err(_) => Ok(None),
        }
    }

    /// The lines of many orders at once.
    pub async fn lines(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Vec<SalesOrderLine>>, AppError> {
        Ok(self.store.list_lines(orders).await?)
    }
}
