//! What is noted of a request for the log that partners read (`service::request_log`), which takes no part of it as it came.

use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::redaction::KEPT_BYTES;
use crate::error::{AppError, ErrorCode, FieldError};

/// The most faulty fields that are kept: a body of a megabyte has any number of them.
const MOST_ERRORS: usize = 20;

/// The most of an order of many.
const MOST_ERRORS_OF_ROW: usize = 3;

/// What the layers noted.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Whether the request may be logged, so that its body is to be noted.
    pub is_kept: bool,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// The client that a login or a refresh proved.
    pub session_client: Option<String>,
    /// The client that the request says has sent it.
    pub claimed_client: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Whether that is now the key of an order, or of what was asked for one.
    pub is_key_used: bool,
    /// Whether it is signed, or should be.
    pub is_signed: bool,
    /// The form of the signed text.
    pub signature_form: Option<&'static str>,
    /// The fingerprint of the key that verified the signature.
    pub key_fingerprint: Option<String>,
    /// The order that was made or is meant.
    pub order: Option<OrderNumber>,
    /// Its number of the partner's own.
    pub partner_reference: Option<String>,
    /// The body.
    pub body: Option<NotedBody>,
    /// The faulty fields.
    pub errors: Vec<FieldError>,
    /// Of many orders in one request: what became of each, in their sequence.
    pub rows: Vec<NotedRow>,
}

/// An order of many in one request.
#[derive(Debug)]
pub struct NotedRow {
    /// Its idempotency key, where that can be one.
    pub idempotency_key: Option<String>,
    /// The order that was made or is there already.
    pub order: Option<OrderNumber>,
    /// Its number of the partner's own.
    pub partner_reference: Option<String>,
    /// Whether it was there already.
    pub is_replayed: bool,
    /// Why there is none.
    pub code: Option<ErrorCode>,
    /// Its faulty fields.
    pub errors: Vec<FieldError>,
}

impl NotedRow {
    /// What became of an order.
    #[must_use]
    pub fn new(idempotency_key: Option<&str>, outcome: Result<(&SalesOrder, bool), &AppError>) -> Self {
        let (order, failure) = (outcome.ok(), outcome.err());
        Self {
            idempotency_key: idempotency_key.map(str::to_owned),
            order: order.map(|(order, _)| order.number),
            partner_reference: order.and_then(|(order, _)| order.content.partner_reference.clone()),
            is_replayed: order.is_some_and(|(_, is_replayed)| is_replayed),
            code: failure.map(|failure| failure.code),
            errors: failure
                .map(|failure| failure.errors.iter().take(MOST_ERRORS_OF_ROW).cloned().collect())
                .unwrap_or_default(),
        }
    }
}

/// A body, as far as it is noted.
#[derive(Debug)]
pub struct NotedBody {
    /// Its length.
    pub bytes: usize,
    /// SHA-256 of all of it.
    pub sha256: [u8; 32],
    /// Its first bytes: a copy, so that what a large one takes of memory is given back when it has been read.
    pub start: Arc<[u8]>,
}

impl NotedBody {
    /// Of a body that arrived.
    #[must_use]
    pub fn of(body: &Arc<[u8]>) -> Self {
        let start = if body.len() <= KEPT_BYTES { Arc::clone(body) } else { Arc::from(&body[..=KEPT_BYTES]) };
        Self { bytes: body.len(), sha256: Sha256::digest(body).into(), start }
    }
}

impl Exchange {
    pub(super) fn note_errors(&mut self, errors: &[FieldError]) {
        let left = MOST_ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(errors.iter().take(left).cloned());
    }
}
