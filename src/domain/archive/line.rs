//! What the proof needs of a line, which is an order as an export shows it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::money::Money;
use super::super::order::OrderNumber;
use super::super::receipt::Receipt;

/// An order in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedLine {
    /// Its number.
    pub number: OrderNumber,
    /// The client that sent it.
    pub client_id: String,
    /// Its version.
    pub version: i32,
    /// Its currency.
    pub currency: String,
    /// The sum of its quantities.
    pub total_quantity: i64,
    /// What it comes to; `None` where a line has no price.
    pub total_amount: Option<Money>,
    /// The time at which it was received.
    pub created_at: DateTime<Utc>,
    /// The time of its last change.
    pub updated_at: DateTime<Utc>,
    /// How many events it has.
    pub events: i64,
    /// The key that it was stored under.
    pub idempotency_key: String,
    /// The digest of what was sent.
    pub request_digest: Vec<u8>,
    /// What was signed for it.
    pub receipt: Option<Receipt>,
    /// What was signed for its requests, with their numbers.
    pub request_receipts: Vec<ArchivedReceipt>,
}

/// What was signed for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedReceipt {
    /// The request's number.
    pub request_number: String,
    /// What was signed.
    pub receipt: Receipt,
}

#[derive(Deserialize)]
struct Line {
    order_number: String,
    client_id: String,
    version: i32,
    currency: String,
    total_quantity: i64,
    total_amount: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    events: Vec<IgnoredAny>,
    requests: Vec<RequestText>,
    receipt: Option<ReceiptText>,
    idempotency_key: String,
    request_digest: String,
}

#[derive(Deserialize)]
struct RequestText {
    request_number: String,
    receipt: Option<ReceiptText>,
}

#[derive(Deserialize)]
struct ReceiptText {
    signature_form: String,
    string_to_sign: String,
    signature: String,
    key_fingerprint: String,
    body_sha256: String,
}

impl ArchivedLine {
    /// Reads a line, or says why it is none.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(text).map_err(|error| format!("it is no order ({error})"))?;
        let number = line.order_number;
        let wrong = |what: &str| format!("the {what} of {number} cannot be read");
        let amount = line.total_amount.as_deref().map(|text| Money::parse(text, Money::MAX_TOTAL)).transpose();
        let of_requests = line.requests.into_iter().filter_map(|request| {
            let RequestText { request_number, receipt } = request;
            receipt.map(|receipt| (request_number, receipt.read()))
        });
        let mut request_receipts = Vec::new();
        for (request_number, receipt) in of_requests {
            let receipt = receipt.ok_or_else(|| wrong(&format!("receipt of {request_number}")))?;
            request_receipts.push(ArchivedReceipt { request_number, receipt });
        }
        Ok(Self {
            number: number.parse().map_err(|_| wrong("number"))?,
            version: line.version,
            total_quantity: line.total_quantity,
            total_amount: amount.map_err(|_| wrong("amount"))?,
            created_at: line.created_at,
            updated_at: line.updated_at,
            events: i64::try_from(line.events.len()).unwrap_or(i64::MAX),
            receipt: line.receipt.map(|it| it.read().ok_or_else(|| wrong("receipt"))).transpose()?,
            request_receipts,
            client_id: line.client_id,
            currency: line.currency,
            idempotency_key: line.idempotency_key,
            request_digest: hex::decode(line.request_digest).map_err(|_| wrong("digest"))?,
        })
    }
}

impl ReceiptText {
    fn read(self) -> Option<Receipt> {
        let Self { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } = self;
        let (signature, body_sha256) = (STANDARD.decode(signature).ok()?, hex::decode(body_sha256).ok()?);
        Some(Receipt { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 })
    }
}
