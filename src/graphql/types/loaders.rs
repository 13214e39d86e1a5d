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
use crate::graphql::cost::budget::Budget;
use crate::service::Services;
use crate::service::clients::{StoredPublicKey, StoredSecret};
use crate::telemetry::spawn_in_request;

/// Where loaders read, and the budget it is taken from.
type Source = (Arc<Services>, Arc<Budget>);

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
    pub fn new(services: &Arc<Services>, budget: &Arc<Budget>) -> Self {
        let source = || (Arc::clone(services), Arc::clone(budget));
        Self {
            lines: DataLoader::new(Lines(source()), spawn_in_request),
            acknowledgements: DataLoader::new(Acknowledgements(source()), spawn_in_request),
            histories: DataLoader::new(Histories(source()), spawn_in_request),
            receipts: DataLoader::new(Receipts(source()), spawn_in_request),
            keys: DataLoader::new(Keys(source()), spawn_in_request),
            secrets: DataLoader::new(Secrets(source()), spawn_in_request),
            orders: DataLoader::new(Orders(source()), spawn_in_request),
        }
    }
}

/// One statement for many keys. The task that runs it goes on when the request is given up, and a subscription has no end of
/// its own: so it has a limit here.
async fn ask<'s, T, F>((services, budget): &'s Source, answer: impl FnOnce(&'s Services) -> F) -> Result<T, AppError>
where
    F: Future<Output = Result<T, AppError>>,
{
    budget.statements(1)?;
    services.patience.limit(answer(services)).await
}

/// Loads orders' lines.
pub struct Lines(Source);

impl Loader<OrderNumber> for Lines {
    type Value = Vec<SalesOrderLine>;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        ask(&self.0, |services| services.orders.lines(orders)).await
    }
}

/// Loads which systems have orders.
pub struct Acknowledgements(Source);

impl Loader<OrderNumber> for Acknowledgements {
    type Value = Vec<Acknowledgement>;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        ask(&self.0, |services| services.orders.acknowledgements(orders)).await
    }
}

/// Loads orders' histories.
pub struct Histories(Source);

impl Loader<OrderNumber> for Histories {
    type Value = Vec<OrderEvent>;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        ask(&self.0, |services| services.events.of_orders(orders)).await
    }
}

/// Loads the orders of events.
pub struct Orders(Source);

impl Loader<OrderNumber> for Orders {
    type Value = SalesOrder;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        // Whoever holds an event got it from a query that asked for the caller's own.
        ask(&self.0, |services| services.orders.by_number(&Scope::All, orders)).await
    }
}

/// Loads orders' receipts.
pub struct Receipts(Source);

impl Loader<OrderNumber> for Receipts {
    type Value = Receipt;
    type Error = AppError;

    async fn load(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Self::Value>, Self::Error> {
        ask(&self.0, |services| services.orders.receipts(orders)).await
    }
}

/// Loads clients' keys.
pub struct Keys(Source);

impl Loader<ClientId> for Keys {
    type Value = Vec<StoredPublicKey>;
    type Error = AppError;

    async fn load(&self, clients: &[ClientId]) -> Result<HashMap<ClientId, Self::Value>, Self::Error> {
        ask(&self.0, |services| services.clients.keys_of(clients)).await
    }
}

/// Loads clients' live secrets.
pub struct Secrets(Source);

impl Loader<ClientId> for Secrets {
    type Value = Vec<StoredSecret>;
    type Error = AppError;

    async fn load(&self, clients: &[ClientId]) -> Result<HashMap<ClientId, Self::Value>, Self::Error> {
        ask(&self.0, |services| services.clients.secrets_of(clients)).await
    }
}
