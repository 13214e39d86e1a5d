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
use crate::service::clients::{StoredPublicKey, StoredSecret};
use crate::service::{self, Services};
use crate::telemetry::spawn_in_request;

/// Where loaders read, and the budget it is taken from.
type Source = (Arc<Reads>, Arc<Budget>);

/// What loaders read.
struct Reads {
    services: Arc<Services>,
    /// As the request reads them.
    orders: service::Orders,
}

/// One statement for many keys. The task that runs it goes on when the request is given up, and a subscription has no end of
/// its own: so it has a limit here.
async fn ask<'s, T, F>((reads, budget): &'s Source, answer: impl FnOnce(&'s Reads) -> F) -> Result<T, AppError>
where
    F: Future<Output = Result<T, AppError>>,
{
    budget.statements(1)?;
    reads.services.patience.limit(answer(reads)).await
}

macro_rules! loaders {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident: $loader:ident($key:ty) -> $value:ty = |$reads:ident, $keys:ident| $answer:expr;
    )+) => {
        /// The loaders of one request: nothing is remembered from one request to the next.
        pub struct Loaders {
            $( $(#[doc = $doc])+ pub $field: DataLoader<$loader>, )+
        }

        impl Loaders {
            /// Loaders that have loaded nothing.
            pub fn new(services: &Arc<Services>, orders: &service::Orders, budget: &Arc<Budget>) -> Self {
                let reads = Arc::new(Reads { services: Arc::clone(services), orders: orders.clone() });
                let source = || (Arc::clone(&reads), Arc::clone(budget));
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
                    ask(&self.0, |$reads| $answer).await
                }
            }
        )+
    };
}

loaders! {
    /// Orders' lines.
    lines: Lines(OrderNumber) -> Vec<SalesOrderLine> = |reads, orders| reads.orders.lines(orders, true);
    /// Orders' shipments.
    shipments: Shipments(OrderNumber) -> Vec<Shipment> = |reads, orders| reads.orders.shipments(orders);
    /// What orders' senders asked for.
    requests: Requests(OrderNumber) -> Vec<OrderRequest> = |reads, orders| reads.orders.requests(orders);
    /// Of which orders something has left.
    partly_shipped: PartlyShipped(OrderNumber) -> bool = |reads, orders| reads.orders.partly_shipped(orders);
    /// Which systems have orders.
    acknowledgements: Acknowledgements(OrderNumber) -> Vec<Acknowledgement> =
        |reads, orders| reads.orders.acknowledgements(orders);
    /// Orders' histories.
    histories: Histories(OrderNumber) -> Vec<OrderEvent> = |reads, orders| reads.services.events.of_orders(orders);
    /// Orders' receipts.
    receipts: Receipts(OrderNumber) -> Receipt = |reads, orders| reads.orders.receipts(orders);
    /// Receipts of what orders' senders asked for.
    request_receipts: RequestReceipts(RequestNumber) -> Receipt =
        |reads, requests| reads.orders.request_receipts(requests);
    /// The orders of events. Whoever holds an event got it from a query that asked for the caller's own.
    orders: Orders(OrderNumber) -> SalesOrder = |reads, orders| reads.orders.by_number(&Scope::All, orders);
    /// Clients' keys.
    keys: Keys(ClientId) -> Vec<StoredPublicKey> = |reads, clients| reads.services.clients.keys_of(clients);
    /// Sessions of people's browsers.
    sessions: PersonSessions(ClientId) -> Vec<PersonSession> = |reads, clients| reads.services.clients.sessions_of(clients);
    /// Clients' live secrets.
    secrets: Secrets(ClientId) -> Vec<StoredSecret> = |reads, clients| reads.services.clients.secrets_of(clients);
}
