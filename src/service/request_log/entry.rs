//! What becomes of an answered request in the log.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::auth::hint::Hint;
use crate::domain::client::ClientId;
use crate::domain::redaction::{KEPT_BYTES, Redacted, redact, redacted_pointer, shortened, without_quotes};
use crate::domain::request_log::{LoggedFault, LoggedRequest, RequestDetails};
use crate::error::{ErrorCode, FieldError};
use crate::telemetry::{Exchange, NotedRow, RequestFields};

/// The longest text of a header field that is kept, in characters.
const LONGEST_HEADER: usize = 255;

/// The longest pointer or message of a fault that is kept, in characters.
const LONGEST_FAULT: usize = 300;

/// The most of a body that is kept of somebody who proved nothing, in bytes.
const STRANGERS_BODY: usize = 1024;

/// The first status of a failure.
const FAILURES: u16 = 400;

/// A request and what was noted of it.
#[derive(Debug)]
pub struct Answered {
    /// When the answer began.
    pub at: DateTime<Utc>,
    /// The id that the answer had.
    pub request_id: Arc<str>,
    /// The HTTP method.
    pub method: &'static str,
    /// The template of the path.
    pub route: String,
    /// The HTTP status.
    pub status: u16,
    /// From the head of the request to the head of the answer.
    pub duration: Duration,
    /// What the layers noted.
    pub fields: Box<RequestFields>,
}

impl Answered {
    pub(super) fn at(mut self, now: DateTime<Utc>) -> Self {
        self.at = now;
        // What succeeded is kept without its body.
        if !self.is_failed() {
            self.forget_body();
        }
        self
    }

    /// A GraphQL answer has its failures inside, under status 200.
    fn is_failed(&self) -> bool {
        self.status >= FAILURES || self.fields.error_code.is_some()
    }

    /// The client whose former token came with it, and nothing better.
    pub(super) fn former_client(&self) -> Option<&str> {
        let former = self.fields.exchange.session_client.as_deref();
        if self.fields.principal.is_some() || !self.is_failed() { None } else { former }
    }

    /// Of how many entries it will be.
    pub(super) fn entries(&self) -> usize {
        1 + self.fields.exchange.rows.len()
    }

    pub(super) fn is_proven(&self) -> bool {
        self.fields.principal.is_some() || self.fields.exchange.session_client.is_some()
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        self.fields.exchange.address
    }

    /// The client that the request says has sent it, without a proof.
    pub(super) fn claimed_client(&self) -> Option<&str> {
        let claimed = self.fields.exchange.claimed_client.as_deref();
        if self.is_proven() { None } else { claimed.filter(|id| id.parse::<ClientId>().is_ok()) }
    }

    pub(super) fn body_bytes(&self) -> usize {
        self.fields.exchange.body.as_ref().map_or(0, |body| body.start.len())
    }

    pub(super) fn forget_body(&mut self) {
        if let Some(body) = &mut self.fields.exchange.body {
            body.start = Arc::default();
        }
    }

    /// The entries: of the request, then of each order of many. A claimed client counts only if `is_known` says that there is one: what is no client's id may be anything.
    pub(super) fn into_entries(self, is_known: impl Fn(&str) -> bool) -> Vec<LoggedRequest> {
        let (is_proven, is_failed) = (self.is_proven(), self.is_failed());
        let claimed = self.claimed_client().filter(|id| is_known(id)).map(str::to_owned);
        let Self { at, request_id, method, route, status, duration, fields } = self;
        let RequestFields { principal, operation_name, error_code, hint, replayed, exchange, .. } = *fields;
        let Exchange { address, session_client, order, partner_reference, body, errors, rows, .. } = exchange;
        let redacted = match &body {
            Some(body) if is_failed => redact(&body.start, if is_proven { KEPT_BYTES } else { STRANGERS_BODY }),
            _ => Redacted::default(),
        };
        // The key of an order is kept with it too, to the letter; of any other text nobody knows what it is.
        let key_of = |key: String| if exchange.is_key_used { key } else { shortened(&key, LONGEST_HEADER) };
        let reference_of = |value: String| if is_failed { shortened(&value, LONGEST_HEADER) } else { value };
        let of_graphql = route.starts_with("/graphql");
        let details = RequestDetails {
            row: None,
            operation: operation_name.filter(|_| of_graphql).map(|name| shortened(&name, LONGEST_HEADER)),
            idempotency_key: exchange.idempotency_key.map(key_of),
            body_bytes: body.as_ref().map(|body| body.bytes as u64),
            // Nobody shall try out secrets on it.
            body_sha256: body.as_ref().filter(|_| !route.contains("/auth/")).map(|body| hex::encode(body.sha256)),
            signature_form: exchange.signature_form.map(str::to_owned),
            key_fingerprint: exchange.key_fingerprint,
            network: address.map(network),
            user_agent: exchange.user_agent.map(|agent| shortened(&agent, LONGEST_HEADER)),
            errors: errors.iter().map(logged).collect(),
            body: None,
        };
        let mut whole = LoggedRequest {
            id: 0,
            at,
            request_id: shortened(&request_id, 128),
            client_id: principal.or(session_client).or(claimed),
            is_proven,
            method: method.to_owned(),
            route,
            status,
            code: error_code.map(|code| code.as_str().to_owned()),
            hint: hint.map(str::to_owned),
            duration,
            order,
            partner_reference: partner_reference.or(redacted.partner_reference).map(reference_of),
            is_replayed: replayed,
            details,
        };
        let rows: Vec<_> = rows.into_iter().zip(1..).map(|(row, place)| of_row(&whole, row, place)).collect();
        whole.details.body = Some(redacted.text).filter(|body| !body.is_empty());
        std::iter::once(whole).chain(rows).collect()
    }
}

/// The entry of an order of many.
fn of_row(whole: &LoggedRequest, row: NotedRow, place: u32) -> LoggedRequest {
    let NotedRow { idempotency_key, order, partner_reference, is_replayed, code, errors } = row;
    let shown = |value: String| if code.is_some() { shortened(&value, LONGEST_HEADER) } else { value };
    LoggedRequest {
        status: code.map_or(201, ErrorCode::status),
        code: code.map(|code| code.as_str().to_owned()),
        hint: None,
        order,
        partner_reference: partner_reference.map(shown),
        is_replayed,
        details: RequestDetails {
            row: Some(place),
            idempotency_key: idempotency_key.map(shown),
            errors: errors.iter().map(logged).collect(),
            body_bytes: None,
            body_sha256: None,
            ..whole.details.clone()
        },
        ..whole.clone()
    }
}

fn logged(fault: &FieldError) -> LoggedFault {
    LoggedFault {
        pointer: redacted_pointer(&fault.pointer).chars().take(LONGEST_FAULT).collect(),
        code: fault.code.as_str().to_owned(),
        message: without_quotes(&fault.message).chars().take(LONGEST_FAULT).collect(),
    }
}

/// The network of an address: it tells a partner's machines from a stranger's and no person from another.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => format!("{}/24", Ipv4Addr::from_bits(v4.to_bits() & !0 << 8)),
        IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from_bits(v6.to_bits() & !0 << 80)),
    }
}

/// What a failure means and what to do about it; `None` of a request that was answered as asked.
#[must_use]
pub fn explanation(code: Option<&str>, hint: Option<&str>, status: u16) -> Option<String> {
    let hint = hint.and_then(|hint| Hint::ALL.iter().find(|known| known.as_str() == hint));
    if let Some(hint) = hint {
        return Some(format!("{}.", hint.explanation()));
    }
    let code = code.and_then(|code| ErrorCode::ALL.iter().find(|known| known.as_str() == code));
    match code {
        Some(code) => Some(code.meaning().to_owned()),
        None if status == 499 => Some(
            "The caller closed the connection before the answer: wait longer, or send the same request again."
                .to_owned(),
        ),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_its_network() {
        for (address, expected) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected);
        }
    }
}
