//! Batches: however many orders a page has, their lines are one statement.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};

use crate::domain::order::{OrderNumber, SalesOrderLine};
use crate::error::AppError;
use crate::service::Services;
use crate::telemetry::spawn_in_request;

/// Loads orders' lines.
pub struct Lines(Arc<Services>);

impl Loader<OrderNumber> for Lines {
    type Value = Vec<SalesOrderLine>;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        self.0.orders.lines(orders).await
    }
}

/// A loader for one request: nothing is remembered from one request to the next.
pub fn lines(services: &Arc<Services>) -> DataLoader<Lines> {
    DataLoader::new(Lines(Arc::clone(services)), spawn_in_request)
}
