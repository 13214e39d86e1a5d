//! Requests to addresses that others chose: they must not lead to where only we may go.
//!
//! What belongs here: what such an address may be ([`TargetUrl`]), which networks are reached ([`networks`]), the one client
//! that sends ([`Outgoing`]), and what is told of an answer or a failure ([`Outcome`]), which is never an address nor a
//! library's words.
//! What does not: what is sent, when, and how often (`service`).
//! To allow more or less: a network in `networks.rs`, a port or a form of a URL in `target.rs`; each has its row in the tests.

mod answer;
mod failure;
pub mod networks;
mod outcome;
mod question;
mod resolver;
mod sender;
mod settings;
mod target;
#[cfg(test)]
mod tests;
mod tls;

pub use answer::RetryAfter;
pub use outcome::Outcome;
pub use question::{Question, Reply, Unanswered};
pub use sender::Outgoing;
pub use settings::{OutgoingError, OutgoingSettings};
pub use target::{TargetFault, TargetRules, TargetUrl};
