//! The published REST endpoints: paths, headers, JSON shapes and status codes, and nothing else.
//!
//! What belongs here: one route and one prepared GraphQL document for each endpoint, problem details, OpenAPI.
//! What does not: rules. A request becomes the variables of its document, and the document's answer is the body.
//! To add an endpoint: a document in `operations/`, a route in [`routes`], its description in [`openapi`], then
//! `make contracts`.

pub mod export;
pub mod openapi;
pub mod problem;
pub mod request;
mod routes;
mod spreadsheet;

pub use routes::{documents, router};
