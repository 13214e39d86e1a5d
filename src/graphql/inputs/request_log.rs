//! Inputs of those who read the log of requests.

use async_graphql::InputObject;

use crate::graphql::output::scalars::DateTime;
use crate::graphql::types::RequestOutcome;

/// Which entries of the log of requests are followed.
#[derive(InputObject)]
pub struct RequestLogFilter {
    /// Only those with this HTTP status, such as 409.
    pub status: Option<i32>,
    /// Only those with this outcome.
    pub outcome: Option<RequestOutcome>,
    /// Only those with this error code, such as `INVALID_SIGNATURE`, or with none: `none`.
    pub code: Option<String>,
    /// Only those with this hint, such as `clock_skew`, or with none: `none`.
    pub hint: Option<String>,
    /// Only those of this path, with names for its variable parts, such as `/api/v1/sales-orders/{order_number}`.
    pub route: Option<String>,
    /// Only those answered at this time or later.
    pub since: Option<DateTime>,
    /// Only those answered before this time, such as `2026-11-24T00:00:00Z`; later than `since`.
    pub until: Option<DateTime>,
    /// Only those that made this order or are about it, such as `SO-0000000042`.
    pub order_number: Option<String>,
    /// Only those with this number of the partner's own.
    pub partner_reference: Option<String>,
    /// Only those with this id, which each answer has in `X-Request-Id`.
    pub request_id: Option<String>,
}

/// Which entries of the log of requests are listed.
#[derive(InputObject)]
pub struct RequestLogInput {
    /// Only those with this HTTP status, such as 409.
    pub status: Option<i32>,
    /// Only those with this outcome.
    pub outcome: Option<RequestOutcome>,
    /// Only those with this error code, such as `INVALID_SIGNATURE`, or with none: `none`.
    pub code: Option<String>,
    /// Only those with this hint, such as `clock_skew`, or with none: `none`.
    pub hint: Option<String>,
    /// Only those of this path, with names for its variable parts, such as `/api/v1/sales-orders/{order_number}`.
    pub route: Option<String>,
    /// Only those answered at this time or later.
    pub since: Option<DateTime>,
    /// Only those answered before this time, such as `2026-11-24T00:00:00Z`; later than `since`.
    pub until: Option<DateTime>,
    /// Only those that made this order or are about it, such as `SO-0000000042`.
    pub order_number: Option<String>,
    /// Only those with this number of the partner's own.
    pub partner_reference: Option<String>,
    /// Only those with this id, which each answer has in `X-Request-Id`.
    pub request_id: Option<String>,
    /// Number of entries of the page, 1 to 200; 50 when absent.
    pub limit: Option<i32>,
    /// Cursor of the page, from the page before.
    pub cursor: Option<String>,
}

/// The time whose failures are put into groups.
#[derive(InputObject)]
pub struct RequestErrorsInput {
    /// Only those answered at this time or later; within the last 24 hours when absent.
    pub since: Option<DateTime>,
    /// Only those answered before this time, which is later than `since`; up to now when absent.
    pub until: Option<DateTime>,
}
