//! What a request costs, and what it may cost: known from its document, or charged while it runs.

pub mod budget;
mod limits;
pub mod points;

pub use limits::Limits;
