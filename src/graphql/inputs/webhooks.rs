//! Inputs of those who manage endpoints of webhooks.

use async_graphql::InputObject;

use crate::graphql::output::scalars::DateTime;
use crate::graphql::types::{
    SalesOrderEventKind, WebhookAttemptOutcome, WebhookExhaustedRule, WebhookPayload, WebhookSignature,
};

/// An endpoint of webhooks, as it is from now on; an absent field has its default.
#[derive(InputObject)]
pub struct SaveWebhookEndpointInput {
    /// Where webhooks are sent, such as `https://erp.example.com/hooks/orders`: https, a public address, no user name, no fragment.
    pub url: String,
    /// Kinds of events that are sent; all kinds when absent or empty.
    pub kinds: Option<Vec<SalesOrderEventKind>>,
    /// How much is sent of an event; THIN when absent.
    pub payload: Option<WebhookPayload>,
    /// How webhooks are signed; V1 when absent or empty.
    pub signatures: Option<Vec<WebhookSignature>>,
    /// What follows when an event was not taken at its last attempt; CONTINUE when absent.
    pub on_exhausted: Option<WebhookExhaustedRule>,
    /// Number of webhooks that are sent side by side, 1 to 32; 4 when absent. Never two of one order.
    pub max_in_flight: Option<i32>,
    /// Cursor of the feed of events after which a new endpoint begins; when absent, it begins with what happens next. Of an endpoint
    /// that is there already nothing changes by it.
    pub after: Option<String>,
}

/// How long the present secret of an endpoint stays valid.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// Hours for which both secrets sign, 0 to 168; 24 when absent.
    pub overlap_hours: Option<i32>,
}

/// Which events are sent again. Exactly one of `event`, `orderNumber`, `since` and `after` is given.
#[derive(InputObject)]
pub struct ReplayWebhookEventsInput {
    /// Cursor of the one event.
    pub event: Option<String>,
    /// Number of the order whose events are sent again, such as `SO-0000000042`.
    pub order_number: Option<String>,
    /// Time of the first event.
    pub since: Option<DateTime>,
    /// Time before which the last event was, such as `2026-11-24T00:00:00Z`; later than `since`, and now when absent.
    pub until: Option<DateTime>,
    /// Cursor after which the first event is.
    pub after: Option<String>,
    /// Cursor of the last event; the last one that was sent when absent.
    pub up_to: Option<String>,
}

/// Which attempts are listed.
#[derive(InputObject)]
pub struct WebhookAttemptsInput {
    /// Only those with one of these outcomes.
    pub outcome: Option<Vec<WebhookAttemptOutcome>>,
    /// Only those of this order, such as `SO-0000000042`.
    pub order_number: Option<String>,
    /// Number of attempts of the page, 1 to 200; 50 when absent.
    pub limit: Option<i32>,
    /// Cursor of the page, from the page before.
    pub cursor: Option<String>,
}
