//! Cursors and ids as clients keep them: sealed, so that no running number can be read from them.
//!
//! Sealing is AES-256-GCM-SIV (RFC 8452) under one fixed nonce, which that mode allows: equal numbers give equal texts and
//! nothing else can be told. What a text is for is bound to it, so a cursor of one list is none of another.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

/// What a sealed text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A position in a list of orders, sorted by when they were created.
    CreatedAtCursor,
    /// A position in a list of orders, sorted by when they last changed.
    UpdatedAtCursor,
    /// A position in a list of orders, sorted by their numbers.
    OrderNumberCursor,
    /// A position in the feed of events.
    EventCursor,
    /// A position in the list of orders by their last change.
    ChangesCursor,
    /// A position in the log of what was done to clients.
    AuditCursor,
    /// The id of an order.
    OrderId,
    /// The id of an event.
    EventId,
    /// The id of an entry of the log of what was done to clients.
    AuditEntryId,
    /// The id of what is sent to an endpoint: the endpoint and the position of the event.
    WebhookId,
    /// A place in the log of an endpoint's attempts.
    WebhookAttemptCursor,
    /// A place in the log of requests.
    RequestLogCursor,
}

/// Seals and opens. Making one works out the key's round keys once; using it is a few hundred nanoseconds.
pub struct Sealer {
    key: LessSafeKey,
    since: DateTime<Utc>,
}

/// The key is not usable, or the library failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a cursor or an id could not be sealed")]
pub struct SealingFailed;

/// How long after the key was made a version of the service from before may still run beside this one, and give out
/// texts that are not sealed.
const OLD_FORM_ENDS_AFTER: TimeDelta = TimeDelta::days(1);

impl Purpose {
    /// What is bound to each text. Never to be changed: clients keep cursors and ids for good.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::CreatedAtCursor => b"cursor/sales-orders/created-at",
            Self::UpdatedAtCursor => b"cursor/sales-orders/updated-at",
            Self::OrderNumberCursor => b"cursor/sales-orders/order-number",
            Self::EventCursor => b"cursor/sales-order-events",
            Self::ChangesCursor => b"cursor/sales-order-changes",
            Self::AuditCursor => b"cursor/client-audit-log",
            Self::OrderId => b"id/sales-order",
            Self::EventId => b"id/sales-order-event",
            Self::AuditEntryId => b"id/client-audit-entry",
            Self::WebhookId => b"id/webhook",
            Self::WebhookAttemptCursor => b"cursor/webhook-attempts",
            Self::RequestLogCursor => b"cursor/request-log",
        }
    }
}

impl Sealer {
    /// Seals with a key of 32 bytes that was made at this instant.
    pub fn new(key: &[u8], since: DateTime<Utc>) -> Result<Self, SealingFailed> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key).map_err(|_| SealingFailed)?;
        Ok(Self { key: LessSafeKey::new(key), since })
    }

    /// Whether something of this instant may have been given out in the form from before sealing.
    #[must_use]
    pub fn knew_old_form(&self, at: DateTime<Utc>) -> bool {
        at < self.since + OLD_FORM_ENDS_AFTER
    }

    /// The text that clients keep.
    pub fn seal<const N: usize>(&self, purpose: Purpose, numbers: [i64; N]) -> Result<String, SealingFailed> {
        let mut bytes: Vec<u8> = Vec::with_capacity(N * size_of::<i64>() + AES_256_GCM_SIV.tag_len());
        bytes.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        self.key
            .seal_in_place_append_tag(nonce(), Aad::from(purpose.label()), &mut bytes)
            .map_err(|_| SealingFailed)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What was sealed for this purpose; `None` when it was sealed for another one, by another key, or not at all.
    #[must_use]
    pub fn open<const N: usize>(&self, purpose: Purpose, text: &str) -> Option<[i64; N]> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let opened = self.key.open_in_place(nonce(), Aad::from(purpose.label()), &mut bytes).ok()?;
        let (numbers, rest) = opened.as_chunks::<{ size_of::<i64>() }>();
        let numbers: Vec<_> = numbers.iter().map(|bytes| i64::from_be_bytes(*bytes)).collect();
        if rest.is_empty() { numbers.try_into().ok() } else { None }
    }
}

/// The text from before sealing, decoded.
pub(super) fn old_form(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// The same for every text: equal numbers must give equal texts.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("since", &self.since).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) fn of_tests() -> Sealer {
    Sealer::new(&[7; 32], DateTime::UNIX_EPOCH).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_number_is_read_back_for_its_purpose_and_by_its_key_only() {
        let sealer = of_tests();
        let text = sealer.seal(Purpose::EventCursor, [42]).unwrap();
        assert_eq!(sealer.open(Purpose::EventCursor, &text), Some([42]));
        assert_eq!(sealer.seal(Purpose::EventCursor, [42]).unwrap(), text, "equal numbers give equal texts");
        assert_eq!(sealer.open::<1>(Purpose::EventId, &text), None);
        assert_eq!(sealer.open::<2>(Purpose::EventCursor, &text), None, "another number of numbers");
        let other = Sealer::new(&[8; 32], DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(other.open::<1>(Purpose::EventCursor, &text), None);
    }

    #[test]
    fn a_text_with_any_character_changed_was_not_sealed() {
        let sealer = of_tests();
        let text = sealer.seal(Purpose::CreatedAtCursor, [1_795_441_036_123_456, 42]).unwrap();
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(sealer.open::<2>(Purpose::CreatedAtCursor, &changed), None, "{changed}");
        }
        for text in ["", "A", &text[1..], &format!("{text}A"), &format!("{text}=")] {
            assert_eq!(sealer.open::<2>(Purpose::CreatedAtCursor, text), None, "{text}");
        }
    }

    /// Whoever changes how texts are sealed breaks the cursors that clients keep.
    #[test]
    fn what_was_given_out_once_is_read_for_good() {
        let sealer = of_tests();
        let one = [Purpose::EventCursor, Purpose::AuditCursor, Purpose::OrderId, Purpose::EventId];
        let two = [Purpose::CreatedAtCursor, Purpose::UpdatedAtCursor, Purpose::OrderNumberCursor];
        let texts: Vec<_> = one
            .map(|purpose| sealer.seal(purpose, [42]).unwrap())
            .into_iter()
            .chain(two.map(|purpose| sealer.seal(purpose, [1_795_441_036_123_456, 42]).unwrap()))
            .chain([sealer.seal(Purpose::ChangesCursor, [7, 1_795_441_036_123_456, 42]).unwrap()])
            .collect();
        assert_eq!(
            texts,
            [
                "PKT_PrkkW5EmUuFdjRNBzs5ByYimkYOA",
                "6iyZvvKHWEXbcNl4M9AtgQbQdzwnt6EP",
                "8nvIygFF4r8Qk0Cvk5ODiFLi25sTmY3i",
                "UOQR0hmiSThds_1fMkRJqqzc1oWErrX4",
                "xDd2-XoMWs9-2usbY46sg-lPyMG5lPyr_yIprcNvAks",
                "ZlxmA02BJoWZBKa0xyBNcTWoNhKWb1aVikUnvorVtXU",
                "q1-jGZUuriXe6NsaZ6zzSezONoulQXKG-n-yc79WM00",
                "Q-rnbqWz3A4xBjIYVanuikPo_wCJ52hJDZOncIQAt_Hp4nAU_4OWBQ",
            ]
        );
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert_eq!(Sealer::new(&[7; 16], DateTime::UNIX_EPOCH).unwrap_err(), SealingFailed);
    }
}
