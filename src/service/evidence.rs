//! Proves again what an order's receipt says, from what is stored and nothing else.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::Orders;
use crate::auth::public_key::PublicKey;
use crate::auth::registered_key::KeyStatus;
use crate::auth::string_to_sign::{SignatureForm, documented_string};
use crate::auth::timestamp;
use crate::domain::order::SalesOrder;
use crate::domain::permission::Scope;
use crate::domain::receipt::Receipt;
use crate::error::{AppError, ErrorCode};
use crate::store::StoredPublicKey;

/// An order's receipt, checked again.
pub struct Evidence {
    /// The order.
    pub order: SalesOrder,
    /// What was signed.
    pub receipt: Receipt,
    /// Whether the key counted when the order was taken; `None` when the client has no such key.
    pub key_status_then: Option<KeyStatus>,
    /// When the key was revoked, if it was.
    pub key_revoked_at: Option<DateTime<Utc>>,
    /// What is wrong; nothing, when the receipt holds.
    pub problems: Vec<String>,
}

impl Orders {
    /// Checks the receipt of an order: whether the client's registered key made the signature over the stored text, and
    /// whether that text is this client's. With the body as the client sent it, whether that is what was received.
    pub async fn verify_receipt(&self, number: &str, body: Option<&[u8]>) -> Result<Evidence, AppError> {
        let nothing = |what: &str| AppError::new(ErrorCode::NotFound, format!("there is no {what} {number}"));
        let order = self.sales_order(&Scope::All, number).await?.ok_or_else(|| nothing("order"))?;
        let receipt = self.receipts(&[order.number]).await?.remove(&order.number);
        let receipt = receipt.ok_or_else(|| nothing("receipt of order"))?;
        let key = self.key_of(&order, &receipt).await?;
        let mut problems = signature_problems(&order, &receipt, key.as_ref());
        if body.is_some_and(|body| Sha256::digest(body).as_slice() != receipt.body_sha256) {
            problems.push("the body is not the one that was received: its SHA-256 differs".to_owned());
        }
        let status = |key: &StoredPublicKey| {
            // The use of a key is checked before the order gets its time, so a revocation in between does no harm.
            KeyStatus::at(order.created_at, key.not_before, key.expires_at, key.revoked_at)
        };
        Ok(Evidence {
            key_status_then: key.as_ref().map(status),
            key_revoked_at: key.and_then(|key| key.revoked_at),
            order,
            receipt,
            problems,
        })
    }
}

fn signature_problems(order: &SalesOrder, receipt: &Receipt, key: Option<&StoredPublicKey>) -> Vec<String> {
    let mut problems = Vec::new();
    match key.map(|key| PublicKey::from_pem(&key.pem)) {
        None => problems.push(format!("{} has no key {}", order.client_id, receipt.key_fingerprint)),
        Some(Err(error)) => problems.push(format!("the stored key cannot be read: {error}")),
        Some(Ok(key)) if key.fingerprint() != receipt.key_fingerprint => {
            problems.push("the stored key is not the one its fingerprint names".to_owned());
        }
        Some(Ok(key)) if !key.verify(receipt.string_to_sign.as_bytes(), &receipt.signature) => {
            problems.push("the key did not make this signature over this text".to_owned());
        }
        Some(Ok(_)) => {}
    }
    let is_its_form = if receipt.signature_form == SignatureForm::Documented.as_str() {
        let timestamp = receipt.string_to_sign.rsplit('|').next().unwrap_or_default();
        timestamp::parse(timestamp).is_ok()
            && receipt.string_to_sign == documented_string(order.client_id.as_str(), timestamp)
    } else {
        receipt.string_to_sign.split(':').nth(2).is_some_and(|hash| hash.len() == 64)
    };
    if !is_its_form {
        problems.push("the text is not what this client signs".to_owned());
    }
    problems
}
