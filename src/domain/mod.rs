//! The rules of the business, pure and synchronous. What a client sends becomes a value only through its reader.
//!
//! What belongs here: types with their invariants and how a client's input becomes one of them.
//! What does not: anything that waits, and anything of `sea_orm`, `async_graphql` or `axum`.
//! To add a rule: put it in the type it protects, with a unit test beside it.

pub mod acknowledgement;
pub mod archive;
pub mod audit;
pub mod buckets;
pub mod bulk_input;
pub mod client;
pub mod client_input;
pub mod erasure;
pub mod event;
pub mod event_consumer;
pub mod event_feed;
pub mod expectation_policy;
pub mod expectations;
pub mod fields;
pub mod folding;
pub mod fulfilment;
pub mod instance;
pub mod instant;
pub mod line_answer;
pub mod line_answers;
pub mod money;
pub mod names;
pub mod numbers;
pub mod order;
pub mod order_change;
pub mod order_changes;
pub mod order_filter;
pub mod order_input;
pub mod order_life;
pub mod order_request;
pub mod own_name;
pub mod page;
pub mod permission;
pub mod person;
pub mod receipt;
pub mod redaction;
pub mod reference_policy;
pub mod request_log;
pub mod sample;
pub mod saved_view;
pub mod sealer;
pub mod session_input;
pub mod shipment;
pub mod signature_input;
pub mod signature_policy;
pub mod status_change;
pub mod summary;
pub mod webhook;
pub mod webhook_input;
pub mod webhook_lane;
pub mod webhook_schedule;
pub mod zone;
