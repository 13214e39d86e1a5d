//! How answers are written: scalars, failures, and lists that become JSON while they are resolved.

pub mod error;
pub mod in_order;
pub mod scalars;
pub mod values;
pub mod written;
