//! Output types, one file per resource.

mod auth_token;
mod client;
pub mod connection;
pub mod node;
mod sales_order;
mod sales_order_event;
mod signature_check;
mod summary;

pub use auth_token::AuthToken;
pub use client::{Client, SignaturePolicy};
pub use connection::{SalesOrderConnection, SalesOrderEventConnection};
pub use node::Node;
pub use sales_order::{CreateSalesOrderPayload, OrderStatus, SalesOrder};
pub use sales_order_event::SalesOrderEvent;
pub use signature_check::SignatureCheck;
pub use summary::{SalesOrderSummary, SummaryDimension};
