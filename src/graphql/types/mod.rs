//! Output types, one file per resource.

mod auth_token;
mod client;
mod sales_order;

pub use auth_token::AuthToken;
pub use client::Client;
pub use sales_order::{CreateSalesOrderPayload, OrderStatus, SalesOrder};
