//! Batches: however many orders a page has, what belongs to them is one statement for each kind.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};

use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::client::ClientId;
use crate::domain::event::OrderEvent;
use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::order_request::{OrderRequest, RequestNumber};
use crate::domain::permission::Scope;
use crate::domain::person::PersonSession;
use crate::domain::receipt::Receipt;
use crate::domain::shipment::Shipment;
use crate::error::AppError;
use crate::graphql::cost::budget::Budget;
use crate::service::Services;
use crate::service::clients::{StoredPublicKey, StoredSecret};
use crate::telemetry::spawn_in_request;

/// Where loaders read, and the budget it is taken from.
type Source = (Arc<Services>, Arc<Budget>);

/// One statement for many keys. The task that runs it goes on when the request is given up, and a subscription has no end of
/// its own: so it has a limit here.
async fn ask<'s, T, F>((services, budget): &'s Source, answer: impl FnOnce(&'s Services) -> F) -> Result<T, AppError>
where
    F: Future<Output = Result<T, AppError>>,
{
    budget.statements(1)?;
    services.patience.limit(answer(services)).await
}

macro_rules! loaders {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident: $loader:ident($key:ty) -> $value:ty = |$services:ident, $keys:ident| $answer:expr;
    )+) => {
        /// The loaders of one request: nothing is remembered from one request to the next.
        pub struct Loaders {
            $( $(#[doc = $doc])+ pub $field: DataLoader<$loader>, )+
        }

        impl Loaders {
            /// Loaders that have loaded nothing.
            pub fn new(services: &Arc<Services>, budget: &Arc<Budget>) -> Self {
                let source = || (Arc::clone(services), Arc::clone(budget));
                Self { $( $field: DataLoader::new($loader(source()), spawn_in_request), )+ }
            }
        }

        $(
            $(#[doc = $doc])+
            pub struct $loader(Source);

            impl Loader<$key> for $loader {
                type Value = $value;
                type Error = AppError;

                async fn load(&self, $keys: &[$key]) -> Result<HashMap<$key, $value>, AppError> {
                    ask(&self.0, |$services| $answer).await
                }
            }
        )+
    };
}

loaders! {
    /// Orders' lines.
    lines: Lines(OrderNumber) -> Vec<SalesOrderLine> = |services, orders| services.orders.lines(orders, true);
    /// Orders' shipments.
    shipments: Shipments(OrderNumber) -> Vec<Shipment> = |services, orders| services.orders.shipments(orders);
    /// What orders' senders asked for.
    requests: Requests(OrderNumber) -> Vec<OrderRequest> = |services, orders| services.orders.requests(orders);
    /// Of which orders something has left.
    partly_shipped: PartlyShipped(OrderNumber) -> bool = |services, orders| services.orders.partly_shipped(orders);
    /// Which systems have orders.
    acknowledgements: Acknowledgements(OrderNumber) -> Vec<Acknowledgement> =
        |services, orders| services.orders.acknowledgements(orders);
    /// Orders' histories.
    histories: Histories(OrderNumber) -> Vec<OrderEvent> = |services, orders| services.events.of_orders(orders);
    /// Orders' receipts.
    receipts: Receipts(OrderNumber) -> Receipt = |services, orders| services.orders.receipts(orders);
    /// Receipts of what orders' senders asked for.
    request_receipts: RequestReceipts(RequestNumber) -> Receipt =
        |services, requests| services.orders.request_receipts(requests);
    /// The orders of events. Whoever holds an event got it from a query that asked for the caller's own.
    orders: Orders(OrderNumber) -> SalesOrder = |services, orders| services.orders.by_number(&Scope::All, orders);
    /// Clients' keys.
    keys: Keys(ClientId) -> Vec<StoredPublicKey> = |services, clients| services.clients.keys_of(clients);
    /// Sessions of people's browsers.
    sessions: PersonSessions(ClientId) -> Vec<PersonSession> = |services, clients| services.clients.sessions_of(clients);
    /// Clients' live secrets.
    secrets: Secrets(ClientId) -> Vec<StoredSecret> = |services, clients| services.clients.secrets_of(clients);
}
