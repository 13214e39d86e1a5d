//! Tables as `SeaORM` knows them, for what queries and changes name. Private to the store: everybody else sees domain types.

pub mod api_requests;
pub mod client_addresses;
pub mod client_audit_log;
pub mod client_public_keys;
pub mod client_secrets;
pub mod clients;
pub mod event_consumers;
pub mod person_sessions;
pub mod sales_order_acknowledgements;
pub mod sales_order_events;
pub mod sales_order_lines;
pub mod sales_order_receipts;
pub mod sales_order_request_receipts;
pub mod sales_order_requests;
pub mod sales_order_shipment_lines;
pub mod sales_order_shipments;
pub mod sales_order_signed_texts;
pub mod sales_orders;
pub mod saved_views;
pub mod sealing_keys;
pub mod webhook_attempts;
pub mod webhook_endpoints;
pub mod webhook_parked;
pub mod webhook_replays;
pub mod webhook_secrets;
pub mod webhook_signing_keys;
