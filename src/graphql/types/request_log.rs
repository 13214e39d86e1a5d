//! The log of requests.

use async_graphql::{Enum, Object, SimpleObject};

use crate::domain::request_log;
use crate::domain::request_log::LoggedRequest as Entry;
use crate::graphql::output::scalars::DateTime;
use crate::service::request_log::{RequestLogPage, explanation};

/// What became of a request.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "request_log::RequestOutcome")]
pub enum RequestOutcome {
    /// It was answered as asked: status below 400.
    Succeeded,
    /// It was refused or failed: status 400 and above.
    Failed,
}

/// A request and its answer, as the log keeps them.
pub struct RequestLogEntry(pub Entry);

/// A request and its answer, as the log keeps them.
#[Object]
impl RequestLogEntry {
    /// Time at which the answer began.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// Id of the request, which the answer has in `X-Request-Id`. One that the caller made need not be unique.
    async fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Client id of the client that sent it; null when nobody knows.
    async fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// Whether a token, a secret or a signature proved which client sent it. Otherwise the request only says so: who reads the entries of
    /// its own client then sees neither texts nor where it came from.
    async fn is_proven(&self) -> bool {
        self.0.is_proven
    }

    /// Place of an order in a request with many, from 1: each has an entry of its own, behind that of the request; null of a request.
    async fn row(&self) -> Option<i32> {
        self.0.details.row.and_then(|row| row.try_into().ok())
    }

    /// HTTP method; `WS` for an operation on a WebSocket.
    async fn method(&self) -> &str {
        &self.0.method
    }

    /// Template of the path, such as `/api/v1/sales-orders/{order_number}`; `none` when there is nothing at the path.
    async fn route(&self) -> &str {
        &self.0.route
    }

    /// Name of the GraphQL operation; null over REST.
    async fn operation(&self) -> Option<&str> {
        self.0.details.operation.as_deref()
    }

    /// HTTP status of the answer; 499 when the caller closed the connection before.
    async fn status(&self) -> i32 {
        self.0.status.into()
    }

    /// Error code of the first failure; null when there was none.
    async fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What is wrong with a refused timestamp or signature, in a word; null otherwise.
    async fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What the failure means and what to do about it; null when there was none.
    async fn explanation(&self) -> Option<String> {
        explanation(self.0.code.as_deref(), self.0.hint.as_deref(), self.0.status)
    }

    /// Milliseconds from the head of the request to the head of the answer, such as `2.3`.
    async fn duration_ms(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "exact for 285 years")]
        let micros = self.0.duration.as_micros() as f64;
        micros / 1000.0
    }

    /// Number of the order that it made or is about; null when there is none.
    async fn order_number(&self) -> Option<String> {
        self.0.order.map(|order| order.to_string())
    }

    /// The partner's own number of that order; null when there is none.
    async fn partner_reference(&self) -> Option<&str> {
        self.0.partner_reference.as_deref()
    }

    /// `Idempotency-Key` of the request.
    async fn idempotency_key(&self) -> Option<&str> {
        self.0.details.idempotency_key.as_deref()
    }

    /// Whether an order was answered again instead of made.
    async fn replayed(&self) -> bool {
        self.0.is_replayed
    }

    /// Length of the body in bytes; null when none was read.
    async fn body_bytes(&self) -> Option<i32> {
        self.0.details.body_bytes.map(|bytes| i32::try_from(bytes).unwrap_or(i32::MAX))
    }

    /// SHA-256 of the body, in hexadecimal; null when none was read.
    async fn body_sha256(&self) -> Option<&str> {
        self.0.details.body_sha256.as_deref()
    }

    /// Form of the text that was signed; null when no signature was found true.
    async fn signature_form(&self) -> Option<&str> {
        self.0.details.signature_form.as_deref()
    }

    /// Fingerprint of the key that verified the signature; null when none did.
    async fn key_fingerprint(&self) -> Option<&str> {
        self.0.details.key_fingerprint.as_deref()
    }

    /// Network that the request came from, such as `203.0.113.0/24`.
    async fn network(&self) -> Option<&str> {
        self.0.details.network.as_deref()
    }

    /// `User-Agent` of the request.
    async fn user_agent(&self) -> Option<&str> {
        self.0.details.user_agent.as_deref()
    }

    /// The first 16 KiB of the body of a request that failed. Names, addresses, secrets and all that is not known to be none of them are
    /// counted instead of shown, such as `<12 characters>`.
    async fn body(&self) -> Option<&str> {
        self.0.details.body.as_deref()
    }

    /// Faulty fields, 20 at most.
    async fn errors(&self) -> Vec<LoggedFault> {
        let fault = |fault: &request_log::LoggedFault| LoggedFault {
            pointer: fault.pointer.clone(),
            code: fault.code.clone(),
            message: fault.message.clone(),
        };
        self.0.details.errors.iter().map(fault).collect()
    }
}

/// A faulty field of a request that was refused.
#[derive(SimpleObject)]
pub struct LoggedFault {
    /// Where it is: a JSON pointer (RFC 6901) into the body.
    pointer: String,
    /// Code of the fault.
    code: String,
    /// What is wrong and what would be right.
    message: String,
}

/// A page of the log of requests, the newest first.
pub struct RequestLog(pub RequestLogPage);

/// A page of the log of requests, the newest first.
#[Object]
impl RequestLog {
    /// Entries of the page.
    async fn nodes(&self) -> Vec<RequestLogEntry> {
        self.0.entries.iter().cloned().map(RequestLogEntry).collect()
    }

    /// Cursor of the next page; null on the last one.
    async fn next_cursor(&self) -> Option<&str> {
        self.0.next_cursor.as_deref()
    }
}

/// Failures of one cause: with one code, hint, status and route.
pub struct RequestErrorGroup(pub request_log::RequestErrorGroup);

/// Failures of one cause: with one code, hint, status and route.
#[Object]
impl RequestErrorGroup {
    /// Error code.
    async fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What is wrong with a refused timestamp or signature, in a word; null otherwise.
    async fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Template of the path; `none` when there is nothing at the path.
    async fn route(&self) -> &str {
        &self.0.route
    }

    /// HTTP status.
    async fn status(&self) -> i32 {
        self.0.status.into()
    }

    /// Number of requests.
    async fn count(&self) -> i32 {
        i32::try_from(self.0.count).unwrap_or(i32::MAX)
    }

    /// Number of clients that they were of.
    async fn clients(&self) -> i32 {
        i32::try_from(self.0.clients).unwrap_or(i32::MAX)
    }

    /// Time of the first one.
    async fn first_at(&self) -> DateTime {
        DateTime(self.0.first_at)
    }

    /// Time of the last one.
    async fn last_at(&self) -> DateTime {
        DateTime(self.0.last_at)
    }

    /// Id of the last one.
    async fn last_request_id(&self) -> &str {
        &self.0.last_request_id
    }

    /// What the failure means and what to do about it.
    async fn explanation(&self) -> Option<String> {
        explanation(self.0.code.as_deref(), self.0.hint.as_deref(), self.0.status)
    }
}
