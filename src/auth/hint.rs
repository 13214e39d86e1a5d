//! The closed set of hints: what is wrong with a refused timestamp or signature, and how to put it right.
//!
//! To add a hint: add a line to the `hints!` list, reach it in `signature`, `diagnosis` or `mistakes`, and give it a
//! mistake that a client really makes in `hint_tests.rs`, which does not compile without one.

use std::fmt;

macro_rules! hints {
    ($( $variant:ident = $name:literal, $explanation:literal; )+) => {
        /// What is wrong with a timestamp or a signature, as clients see it in `hint`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Hint { $( #[doc = $explanation] $variant, )+ }

        impl Hint {
            /// Every hint, in the order in which the checks run.
            pub const ALL: &'static [Hint] = &[$(Hint::$variant),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Hint::$variant => $name),+ }
            }

            /// What is wrong and what to do about it: one sentence without a full stop.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Hint::$variant => $explanation),+ }
            }
        }
    };
}

hints! {
    ClientIdMismatch = "client_id_mismatch",
        "X-CLIENT-ID is not the client of the bearer token; send the client id you logged in with";
    MillisecondsNotSeconds = "milliseconds_not_seconds",
        "X-TIMESTAMP is in milliseconds; divide by 1000, drop the fraction, and sign the same text that you send";
    MicrosecondsNotSeconds = "microseconds_not_seconds",
        "X-TIMESTAMP is in microseconds; divide by 1000000, drop the fraction, and sign the same text that you send";
    NanosecondsNotSeconds = "nanoseconds_not_seconds",
        "X-TIMESTAMP is in nanoseconds; divide by 1000000000, drop the fraction, and sign the same text that you send";
    TimestampWithoutOffset = "timestamp_without_offset",
        "X-TIMESTAMP is a local time without its offset from UTC; append Z or an offset such as +07:00, or send unix \
         seconds";
    TimestampUnreadable = "timestamp_unreadable",
        "X-TIMESTAMP is neither unix seconds (1795441036) nor ISO 8601 with an offset (2026-11-23T20:37:16+07:00); \
         send one of these";
    ClockSkew = "clock_skew",
        "X-TIMESTAMP is too far from the server's time; synchronise your clock (NTP), and take a new timestamp and \
         signature for every attempt";
    SignatureHasWhitespace = "signature_has_whitespace",
        "X-SIGNATURE has white space within; send base64 on one line (`base64 -w0`, `openssl base64 -A`), and keep \
         each + a +";
    SignatureNotBase64 = "signature_not_base64",
        "X-SIGNATURE is not base64, base64url or hex; send the signature's bytes in base64, without quotes or \
         percent-encoding";
    SignatureEncodedTwice = "signature_encoded_twice",
        "X-SIGNATURE is the encoding of text that is itself encoded; encode the signature's bytes once, in base64";
    SignatureWrongLength = "signature_wrong_length",
        "X-SIGNATURE has not the length of a signature by any active key; send the whole RSA signature, made with \
         the key that is registered";
    NoUsableKey = "no_usable_key",
        "There is no active public key for this client; ask the operator to register one";
    SignedWithRevokedKey = "signed_with_revoked_key",
        "The request was signed with a key that is revoked; sign with an active key";
    SignedWithExpiredKey = "signed_with_expired_key",
        "The request was signed with a key that has expired; sign with an active key";
    SignedWithFutureKey = "signed_with_future_key",
        "The request was signed with a key that is not active yet; sign with an active key until then";
    SignedWithSha1 = "signed_with_sha1",
        "The request was signed with SHA-1; sign with SHA-256 (SHA256withRSA, `openssl dgst -sha256 -sign`)";
    SignedWithSha512 = "signed_with_sha512",
        "The request was signed with SHA-512; sign with SHA-256 (SHA256withRSA, `openssl dgst -sha256 -sign`)";
    SignedWithOtherDigest = "signed_with_other_digest",
        "The request was signed with another digest than SHA-256; sign with SHA-256 (SHA256withRSA, `openssl dgst \
         -sha256 -sign`)";
    SignedWithPss = "signed_with_pss",
        "The request was signed with RSASSA-PSS padding; sign with PKCS#1 v1.5 padding (SHA256withRSA, JWT's RS256)";
    SignedWithoutDigestInfo = "signed_without_digest_info",
        "The signature holds bare bytes without the name of their digest; use a signing function (SHA256withRSA, \
         `openssl dgst -sha256 -sign`), not raw encryption with the private key";
    SignedBodyBoundExpected = "signed_body_bound_expected",
        "The signature is right for client_id|X-TIMESTAMP, but this client, or whoever sends many orders at once, must sign \
         METHOD:path:sha256(body):X-TIMESTAMP";
    SignedWithoutIdempotencyKey = "signed_without_idempotency_key",
        "The signed text lacks the Idempotency-Key; this client must sign \
         METHOD:path:sha256(body):X-TIMESTAMP:Idempotency-Key";
    SignedOtherIdempotencyKey = "signed_other_idempotency_key",
        "The signed text has another Idempotency-Key than the header; sign the very key that you send";
    KeyBoundNeedsMinutes = "key_bound_needs_minutes",
        "Signed with the Idempotency-Key, X-TIMESTAMP must be in unix seconds or have Z or an offset with minutes, such \
         as +07:00 instead of +07";
    SignedTrailingNewline = "signed_trailing_newline",
        "The signed text ends in a line break; sign it without one (`printf %s` or `echo -n` instead of `echo`)";
    SignedDigestOfString = "signed_digest_of_string",
        "The SHA-256 digest of the text was signed instead of the text, so it was hashed twice; give the text itself \
         to the signing function";
    SignedOtherClientId = "signed_other_client_id",
        "The signed text has another client id than X-CLIENT-ID; sign with the very id that you send";
    SignedOtherTimestamp = "signed_other_timestamp",
        "The signed text has another timestamp than X-TIMESTAMP; take the timestamp once and use the same text for \
         both";
    SignedWrongStringForm = "signed_wrong_string_form",
        "The right values were signed in the wrong form; sign exactly the text in string_to_sign";
    SignedEmptyBody = "signed_empty_body",
        "The signature is over an empty body; hash the body's bytes as they are sent";
    SignedOtherBody = "signed_other_body",
        "The signature is over the same body with other white space; hash the body's bytes exactly as they are sent, \
         or minified";
    SignedOtherHashEncoding = "signed_other_hash_encoding",
        "The body's SHA-256 was not written in lowercase hex in the signed text; write it so";
    SignedOtherPath = "signed_other_path",
        "The signed text has another method or path than the request; sign them as they are sent: the method in \
         capitals, the path whole, without host and query";
    SignedOtherText = "signed_other_text",
        "The key is right, but it signed another text; compare your text with string_to_sign byte by byte";
    SignatureMismatch = "signature_mismatch",
        "No active key of this client made this signature; check that you sign with the private key of a registered \
         key and send the signature unchanged";
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[path = "hint_tests.rs"]
mod tests;
