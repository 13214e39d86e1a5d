//! What both wires share: a request taken apart, strict JSON and query strings, and failures as problem details.
//!
//! What does not belong here: paths and shapes of answers (`rest`, `http`), and rules.

pub mod encoding;
pub mod etag;
pub mod event_stream;
pub mod json;
pub mod media;
mod numbers;
pub mod problem;
pub mod query;
pub mod request;
pub mod time_limit;
pub mod unbuffered;
