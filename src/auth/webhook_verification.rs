//! The receiver's side of a webhook, for tools that explain a refused one.
//!
//! The checks and their order are those of the libraries of Standard Webhooks; after them comes what these do not do: finding
//! out whether the body was changed on its way to the check. The SNAP form is verified as a partner's own request is
//! (`signature::verify`).

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::credentials::Header;
use super::minify::minify_json;
use super::timestamp::{self, TimestampProblem};
use super::webhook_signature::{
    Ed25519PublicKey, HmacSecret, ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, V1, V1A, signed_parts,
};

/// How far a webhook's time may be from the receiver's, both ways, in every library of Standard Webhooks.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// So many signatures of a webhook are looked at. A rotation has two or three.
const MAX_SIGNATURES: usize = 16;
/// Larger bodies are not tried in other shapes.
const MAX_RESHAPED_BODY: usize = 64 * 1024;

/// What was received.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// `webhook-id`.
    pub id: &'a Header,
    /// `webhook-timestamp`.
    pub timestamp: &'a Header,
    /// `webhook-signature`.
    pub signature: &'a Header,
    /// The body's bytes.
    pub body: &'a [u8],
}

/// What it is verified with: during a rotation, the old and the new.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerificationKeys<'a> {
    /// For `v1`.
    pub secrets: &'a [HmacSecret],
    /// For `v1a`.
    pub public_keys: &'a [Ed25519PublicKey],
}

/// How a body was changed after it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyChange {
    /// A line break or other white space around it.
    #[error("has white space before or after it that was not sent, such as a line break")]
    WhitespaceAround,
    /// A byte order mark before it.
    #[error("begins with a byte order mark that was not sent")]
    ByteOrderMark,
    /// White space between its tokens.
    #[error("has other white space between its tokens than was sent, as after it was parsed and written again")]
    WhitespaceWithin,
    /// Escapes in its texts.
    #[error(
        "has other escapes in its texts (such as \\u00e9 or \\/) than were sent, as after it was parsed and written again"
    )]
    Escapes,
    /// UTF-8 taken for another encoding and encoded again.
    #[error("was read as Latin-1 or Windows-1252, but it is UTF-8")]
    Encoding,
}

/// Why a webhook does not count; each sentence says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookSignatureFault {
    /// Headers that are absent or empty.
    #[error("missing: {}; give the check the headers as they came in, and see that no proxy drops them", .0.join(", "))]
    MissingHeaders(Vec<&'static str>),
    /// A header that is there more than once.
    #[error("{0} was received more than once, and it is sent once; see what adds it")]
    RepeatedHeader(&'static str),
    /// A timestamp that is not in unix seconds.
    #[error("{TIMESTAMP_HEADER} is {0}, and it is sent in unix seconds; give the check the header as it came in")]
    TimestampNotSeconds(&'static str),
    /// A timestamp too far back.
    #[error(
        "{TIMESTAMP_HEADER} is {age} seconds behind the clock here, and at most {tolerance} are allowed; check a webhook when \
         it comes in, synchronise the clock (NTP), and refuse it if it is a copy that somebody sends again"
    )]
    TimestampTooOld {
        /// How many seconds it is behind.
        age: i64,
        /// How many it may be.
        tolerance: i64,
    },
    /// A timestamp too far ahead.
    #[error(
        "{TIMESTAMP_HEADER} is {ahead} seconds ahead of the clock here, and at most {tolerance} are allowed; \
         synchronise the clock (NTP)"
    )]
    TimestampInFuture {
        /// How many seconds it is ahead.
        ahead: i64,
        /// How many it may be.
        tolerance: i64,
    },
    /// Signatures of other versions only.
    #[error(
        "{SIGNATURE_HEADER} has no signature that begins with {V1}, or {V1A}, as these are sent; \
         give the check the whole header as it came in"
    )]
    NoKnownVersion,
    /// A signature that cannot be decoded.
    #[error("the {0} signature is not whole base64; give the check the header as it came in, with each + and / and =")]
    Unreadable(&'static str),
    /// Signatures whose version needs another kind of key than was given.
    #[error("the signatures are {0}, which {1} verifies, and none was given; give it to the check")]
    NoKey(&'static str, &'static str),
    /// Another body than was signed.
    #[error("the body {0}; give the check the body's bytes as they came in, before anything reads or writes them")]
    BodyChanged(BodyChange),
    /// No body.
    #[error("the body is empty; something read it before: keep its bytes when they come in, and give the check these")]
    BodyEmpty,
    /// None of the keys made any of the signatures.
    #[error(
        "no given secret or public key made a signature of this text; compare the secret with that of this endpoint (each has \
         its own, and a rotated one ends), and give the check the body's bytes and the headers as they came in"
    )]
    NoMatch,
}

/// Verifies a webhook. Fails with the first thing that is wrong.
pub fn verify(
    received: &Received<'_>,
    keys: &VerificationKeys<'_>,
    now: DateTime<Utc>,
    tolerance: Duration,
) -> Result<(), WebhookSignatureFault> {
    let [id, timestamp, header] = headers(received)?;
    check_time(timestamp, now, tolerance)?;
    let signatures = signatures(header, keys)?;
    let is_signed = |body: &[u8]| {
        let text = signed_parts(id, timestamp, body).concat();
        signatures.iter().any(|signature| signature.is_of(&text, keys))
    };
    if is_signed(received.body) {
        return Ok(());
    }
    if received.body.is_empty() {
        return Err(WebhookSignatureFault::BodyEmpty);
    }
    let change = shapes(received.body).into_iter().find(|(_, body)| is_signed(body));
    Err(change.map_or(WebhookSignatureFault::NoMatch, |(change, _)| WebhookSignatureFault::BodyChanged(change)))
}

/// The texts of the three headers.
fn headers<'a>(received: &Received<'a>) -> Result<[&'a str; 3], WebhookSignatureFault> {
    let named =
        [(ID_HEADER, received.id), (TIMESTAMP_HEADER, received.timestamp), (SIGNATURE_HEADER, received.signature)];
    if let Some((name, _)) = named.iter().find(|(_, header)| **header == Header::Repeated) {
        return Err(WebhookSignatureFault::RepeatedHeader(name));
    }
    let missing: Vec<_> = named.iter().filter(|(_, header)| header.text().is_none()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        return Err(WebhookSignatureFault::MissingHeaders(missing));
    }
    Ok(named.map(|(_, header)| header.text().unwrap_or_default()))
}

/// Compares whole seconds, as the libraries do.
fn check_time(raw: &str, now: DateTime<Utc>, tolerance: Duration) -> Result<(), WebhookSignatureFault> {
    let is_number = raw.bytes().all(|byte| byte.is_ascii_digit());
    let instant = timestamp::parse(raw).ok().filter(|_| is_number).ok_or_else(|| {
        WebhookSignatureFault::TimestampNotSeconds(match timestamp::parse(raw) {
            Err(TimestampProblem::Milliseconds) => "in milliseconds",
            Err(TimestampProblem::Microseconds) => "in microseconds",
            Err(TimestampProblem::Nanoseconds) => "in nanoseconds",
            Ok(_) | Err(TimestampProblem::WithoutOffset) => "a date",
            Err(TimestampProblem::Unreadable) => "no number",
        })
    })?;
    let age = now.timestamp().saturating_sub(instant.timestamp());
    let tolerance = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
    if age > tolerance {
        return Err(WebhookSignatureFault::TimestampTooOld { age, tolerance });
    }
    let ahead = age.saturating_neg();
    if ahead > tolerance {
        return Err(WebhookSignatureFault::TimestampInFuture { ahead, tolerance });
    }
    Ok(())
}

/// A signature of a version that is known here.
enum Signature {
    V1(Vec<u8>),
    V1a(Vec<u8>),
}

impl Signature {
    fn is_of(&self, text: &[u8], keys: &VerificationKeys<'_>) -> bool {
        match self {
            Self::V1(tag) => keys.secrets.iter().any(|secret| secret.verify(text, tag)),
            Self::V1a(signature) => keys.public_keys.iter().any(|key| key.verify(text, signature)),
        }
    }
}

/// The signatures that some key may have made. Those of other versions are for other receivers, or for later ones.
fn signatures(header: &str, keys: &VerificationKeys<'_>) -> Result<Vec<Signature>, WebhookSignatureFault> {
    let versioned = header.split_whitespace().take(MAX_SIGNATURES).filter_map(|one| one.split_once(','));
    let known = versioned.filter(|(version, _)| [V1, V1A].contains(version));
    let mut fault = WebhookSignatureFault::NoKnownVersion;
    let mut signatures = Vec::new();
    for (version, encoded) in known {
        let of_secret = version == V1;
        let (given, read) = if of_secret {
            (!keys.secrets.is_empty(), decode::<32>(encoded).map(Signature::V1))
        } else {
            (!keys.public_keys.is_empty(), decode::<64>(encoded).map(Signature::V1a))
        };
        match read {
            Some(signature) if given => signatures.push(signature),
            Some(_) if of_secret => fault = WebhookSignatureFault::NoKey(V1, "the endpoint's secret (whsec_)"),
            Some(_) => fault = WebhookSignatureFault::NoKey(V1A, "the public key (whpk_)"),
            None => fault = WebhookSignatureFault::Unreadable(if of_secret { V1 } else { V1A }),
        }
    }
    if signatures.is_empty() { Err(fault) } else { Ok(signatures) }
}

fn decode<const LENGTH: usize>(encoded: &str) -> Option<Vec<u8>> {
    STANDARD.decode(encoded).ok().filter(|bytes| bytes.len() == LENGTH)
}

/// What the body may have been when it was signed. Webhooks are sent minified and with escapes only where JSON needs them, so
/// that form is found again from most others.
fn shapes(body: &[u8]) -> Vec<(BodyChange, Cow<'_, [u8]>)> {
    if body.len() > MAX_RESHAPED_BODY {
        return Vec::new();
    }
    let without_mark = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut shapes = vec![
        (BodyChange::ByteOrderMark, Cow::Borrowed(without_mark)),
        (BodyChange::WhitespaceAround, Cow::Borrowed(without_mark.trim_ascii())),
        (BodyChange::WhitespaceWithin, Cow::Owned(minify_json(body))),
    ];
    let written = serde_json::from_slice::<Value>(without_mark).ok().and_then(|json| serde_json::to_vec(&json).ok());
    shapes.extend(written.map(|body| (BodyChange::Escapes, Cow::Owned(body))));
    let misread = std::str::from_utf8(body).ok();
    shapes.extend(misread.and_then(single_bytes).map(|body| (BodyChange::Encoding, Cow::Owned(body))));
    shapes
}

/// The bytes whose reading as Windows-1252 is this text; none if it is no such reading.
fn single_bytes(text: &str) -> Option<Vec<u8>> {
    let byte = |c: char| {
        let special = WINDOWS_1252.iter().position(|special| *special == c);
        let special = special.and_then(|index| u8::try_from(index).ok()).map(|index| 0x80 + index);
        special.or_else(|| u8::try_from(c).ok())
    };
    text.chars().map(byte).collect()
}

/// What Windows-1252 has from 0x80 on in place of Latin-1's control characters; these where it has nothing.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

#[cfg(test)]
#[path = "webhook_verification_tests.rs"]
mod tests;
