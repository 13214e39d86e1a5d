//! Output types, one file per resource, and what they have in common: who reads them, and how what hangs on them is loaded.

mod acknowledgement;
mod auth_token;
mod cancel_sales_order_payload;
mod change_sales_order_payload;
mod client;
mod client_credentials;
mod client_nodes;
pub mod connection;
mod create_sales_order_payload;
mod create_sales_orders_payload;
mod erase_customer_payload;
mod event_consumer;
mod instance;
pub mod loaders;
pub mod node;
mod plain;
pub mod preload;
pub mod reader;
mod request_log;
mod sales_order;
mod sales_order_change;
mod sales_order_changes;
mod sales_order_event;
mod sales_order_event_batch;
mod sales_order_event_feed;
mod sales_order_line;
mod sales_order_line_answer;
mod sales_order_receipt;
mod sales_order_request_details;
mod sales_order_shipment;
mod sales_order_sort;
mod saved_view;
pub mod selection;
mod signature_check;
mod summary;
mod validate_sales_order_payload;
mod webhook;

pub use auth_token::AuthToken;
pub use cancel_sales_order_payload::CancelSalesOrderPayload;
pub use change_sales_order_payload::ChangeSalesOrderPayload;
pub use client::{
    AddClientKeyPayload, Client, ClientSecretPayload, ExpectationPolicy, ReferencePolicy, SignaturePolicy,
};
pub use client_credentials::{AuditConnection, ClientConnection};
pub use connection::{SalesOrderConnection, SalesOrderEventConnection};
pub use create_sales_order_payload::CreateSalesOrderPayload;
pub use create_sales_orders_payload::CreateSalesOrdersPayload;
pub use erase_customer_payload::EraseCustomerPayload;
pub use event_consumer::EventConsumer;
pub use instance::ServiceInstance;
pub use node::Node;
pub use request_log::{RequestErrorGroup, RequestLog, RequestLogEntry, RequestOutcome};
pub use sales_order::{OPEN_FIELDS, OrderStatus, SalesOrder};
pub use sales_order_changes::SalesOrderChanges;
pub use sales_order_event::{SalesOrderEvent, SalesOrderEventKind};
pub use sales_order_event_batch::SalesOrderEventBatch;
pub use sales_order_event_feed::SalesOrderEventFeed;
pub use sales_order_line_answer::SalesOrderLineReason;
pub use sales_order_request_details::{
    SalesOrderCancellationReason, SalesOrderRefusalReason, SalesOrderRequestDecision, SalesOrderRequestState,
};
pub use sales_order_sort::SalesOrderSort;
pub use saved_view::{SalesOrderColumn, SavedView};
pub use signature_check::SignatureCheck;
pub use summary::{SalesOrderSummary, SummaryDimension};
pub use validate_sales_order_payload::ValidateSalesOrderPayload;
pub use webhook::{
    WebhookAttemptOutcome, WebhookAttempts, WebhookEndpoint, WebhookEndpointPayload, WebhookExhaustedRule,
    WebhookPayload, WebhookReplay, WebhookSignature, WebhookTrial,
};
