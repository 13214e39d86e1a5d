//! Batches: however many orders a page has, what belongs to them is one statement for each kind.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};

use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::client::ClientId;
use crate::domain::event::OrderEvent;
use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::permission::Scope;
use crate::domain::receipt::Receipt;
use crate::error::AppError;
use crate::service::Services;
use crate::service::clients::{StoredPublicKey, StoredSecret};
use crate::telemetry::spawn_in_request;

/// The loaders of one request: nothing is remembered from one request to the next.
pub struct Loaders {
    /// Orders' lines.
    pub lines: DataLoader<Lines>,
    /// Which systems have orders.
    pub acknowledgements: DataLoader<Acknowledgements>,
    /// Orders' histories.
    pub histories: DataLoader<Histories>,
    /// Orders' receipts.
    pub receipts: DataLoader<Receipts>,
    /// The orders of events.
    pub orders: DataLoader<Orders>,
    /// Clients' keys.
    pub keys: DataLoader<Keys>,
    /// Clients' live secrets.
    pub secrets: DataLoader<Secrets>,
}

impl Loaders {
    /// Loaders that have loaded nothing.
    pub fn new(services: &Arc<Services>) -> Self {
        Self {
            lines: DataLoader::new(Lines(Arc::clone(services)), spawn_in_request),
            acknowledgements: DataLoader::new(Acknowledgements(Arc::clone(services)), spawn_in_request),
            histories: DataLoader::new(Histories(Arc::clone(services)), spawn_in_request),
            receipts: DataLoader::new(Receipts(Arc::clone(services)), spawn_in_request),
            keys: DataLoader::new(Keys(Arc::clone(services)), spawn_in_request),
            secrets: DataLoader::new(Secrets(Arc::clone(services)), spawn_in_request),
            orders: DataLoader::new(Orders(Arc::clone(services)), spawn_in_request),
        }
    }
}

/// Loads orders' lines.
pub struct Lines(Arc<Services>);

impl Loader<OrderNumber> for Lines {
    type Value = Vec<SalesOrderLine>;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        self.0.orders.lines(orders).await
    }
}

/// Loads which systems have orders.
pub struct Acknowledgements(Arc<Services>);

impl Loader<OrderNumber> for Acknowledgements {
    type Value = Vec<Acknowledgement>;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        self.0.orders.acknowledgements(orders).await
    }
}

/// Loads orders' histories.
pub struct Histories(Arc<Services>);

impl Loader<OrderNumber> for Histories {
    type Value = Vec<OrderEvent>;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        self.0.events.of_orders(orders).await
    }
}

/// Loads the orders of events.
pub struct Orders(Arc<Services>);

impl Loader<OrderNumber> for Orders {
    type Value = SalesOrder;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        // Whoever holds an event got it from a query that asked for the caller's own.
        self.0.orders.by_number(&Scope::All, orders).await
    }
}

/// Loads orders' receipts.
pub struct Receipts(Arc<Services>);

impl Loader<OrderNumber> for Receipts {
    type Value = Receipt;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        self.0.orders.receipts(orders).await
    }
}

/// Loads clients' keys.
pub struct Keys(Arc<Services>);

impl Loader<ClientId> for Keys {
    type Value = Vec<StoredPublicKey>;
    type Error = AppError;

    async fn load(&self, clients: &[ClientId]) -> Result<HashMap<ClientId, Self::Value>, Self::Error> {
        self.0.clients.keys_of(clients).await
    }
}

/// Loads clients' live secrets.
pub struct Secrets(Arc<Services>);

impl Loader<ClientId> for Secrets {
    type Value = Vec<StoredSecret>;
    type Error = AppError;

    async fn load(&self, clients: &[ClientId]) -> Result<HashMap<ClientId, Self::Value>, Self::Error> {
        self.0.clients.secrets_of(clients).await
    }
}
