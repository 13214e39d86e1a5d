//! How a request stands with the budget of the address it comes from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::compute::Lane;
use crate::error::AppError;

/// Whether a request was counted, and what it may still do.
#[derive(Debug, Clone, Default)]
pub enum Admission {
    /// Not counted: its bearer token is valid, or there is no limit.
    #[default]
    Uncounted,
    /// Counted, until it is given back once.
    Counted(Arc<AtomicBool>),
    /// The budget is used up. Only what is never refused for it may go on: a refresh of a token that may be refreshed, and
    /// a login from an address that the client has used. Everything else is answered with this.
    OverBudget(Arc<AppError>),
}

impl Admission {
    /// A request that was counted.
    #[must_use]
    pub fn counted() -> Self {
        Self::Counted(Arc::new(AtomicBool::new(true)))
    }

    /// A request whose budget is used up.
    #[must_use]
    pub fn over_budget(refusal: AppError) -> Self {
        Self::OverBudget(Arc::new(refusal))
    }

    /// The answer where the budget is used up.
    #[must_use]
    pub fn refusal(&self) -> Option<AppError> {
        match self {
            Self::OverBudget(refusal) => Some(AppError::clone(refusal)),
            Self::Uncounted | Self::Counted(_) => None,
        }
    }

    /// In which lane long work of the request waits.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Uncounted => Lane::Known,
            Self::Counted(_) | Self::OverBudget(_) => Lane::Anonymous,
        }
    }

    /// Whether the request was counted and has not been given back; asked a second time, it has.
    #[must_use]
    pub fn take_back(&self) -> bool {
        matches!(self, Self::Counted(is_counted) if is_counted.swap(false, Ordering::Relaxed))
    }
}
