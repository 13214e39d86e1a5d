//! The texts clients sign by mistake, each with the hint that names the mistake.
//!
//! The search runs only for a signature that one of the client's own keys made (see `recovery`), and only hashes:
//! at most 10,000 short texts, which takes three milliseconds when none of them fits and far less when one does.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, FixedOffset, Utc};
use sha2::{Digest as _, Sha256};

use super::hint::Hint;
use super::minify;
use super::signature::SignedRequest;
use super::string_to_sign::{body_and_key_bound_string, body_bound_string, documented_string};

/// Larger bodies are tried as they are, not in other shapes: hashing them again and again would take milliseconds.
const MAX_RESHAPED_BODY: usize = 64 * 1024;
/// Signed texts above this size are not shown.
const MAX_SHOWN: usize = 512;
/// How many seconds around the header's instant are tried, for clients that read their clock twice.
const NEARBY_SECONDS: i64 = 60;
/// UTC and the offsets of Indonesia's time zones, in hours.
const OFFSETS: [i32; 4] = [0, 7, 8, 9];

type Candidate = (Hint, Vec<u8>);

/// A text that was signed by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The mistake's name.
    pub(super) hint: Hint,
    /// The text, where it can be shown.
    pub(super) signed: Option<String>,
}

/// Finds the text whose SHA-256 was signed; none when it is no mistake known here.
pub(super) fn find(
    signed_digest: &[u8],
    request: &SignedRequest<'_>,
    body_sha256: &[u8; 32],
    instant: DateTime<Utc>,
) -> Option<Mistake> {
    let SignedRequest { client_id, timestamp, method, path, idempotency_key, .. } = *request;
    let with_key = idempotency_key.and_then(|key| body_and_key_bound_string(method, path, body_sha256, timestamp, key));
    let right = [documented_string(client_id, timestamp), body_bound_string(method, path, body_sha256, timestamp)];
    let right: Vec<_> = right.into_iter().chain(with_key).collect();
    let (hint, text) = variations(&right)
        .chain(other_forms(request, body_sha256))
        .chain(other_keys(request, body_sha256))
        .chain(other_clients(request))
        .chain(other_bodies(request))
        .chain(other_timestamps(request, body_sha256, instant))
        .find(|(_, text)| Sha256::digest(text).as_slice() == signed_digest)?;
    let signed = String::from_utf8(text).ok().filter(|text| text.len() <= MAX_SHOWN && !text.contains('\0'));
    Some(Mistake { hint, signed })
}

/// A right text with a line break after it, or hashed before it was signed.
fn variations(right: &[String]) -> impl Iterator<Item = Candidate> {
    right.iter().flat_map(|text| {
        let digest = Sha256::digest(text);
        [
            (Hint::SignedTrailingNewline, format!("{text}\n").into_bytes()),
            (Hint::SignedTrailingNewline, format!("{text}\r\n").into_bytes()),
            (Hint::SignedDigestOfString, hex::encode(digest).into_bytes()),
            (Hint::SignedDigestOfString, hex::encode_upper(digest).into_bytes()),
            (Hint::SignedDigestOfString, STANDARD.encode(digest).into_bytes()),
            (Hint::SignedDigestOfString, digest.to_vec()),
        ]
    })
}

/// The right values with other separators, in another order, incomplete, or in another character encoding.
fn other_forms(request: &SignedRequest<'_>, body_sha256: &[u8; 32]) -> impl Iterator<Item = Candidate> {
    let SignedRequest { client_id, timestamp, method, path, body, .. } = *request;
    let hash = hex::encode(body_sha256);
    let right = documented_string(client_id, timestamp);
    let separated =
        ["", ":", ",", ";", ".", "-", "_", "&", "+", " ", " | ", "||", "\n"].into_iter().flat_map(move |separator| {
            [format!("{client_id}{separator}{timestamp}"), format!("{timestamp}{separator}{client_id}")]
        });
    let others = [
        format!("{timestamp}|{client_id}"),
        format!("\"{right}\""),
        format!("'{right}'"),
        format!("{right} "),
        format!("{right}|"),
        format!("{right}|{hash}"),
        format!("{hash}|{right}"),
        client_id.to_owned(),
        timestamp.to_owned(),
        format!("client_id|{timestamp}"),
        "client_id|X-TIMESTAMP".to_owned(),
        format!("{method}|{path}|{hash}|{timestamp}"),
        format!("{method}{path}{hash}{timestamp}"),
        format!("{method}:{path}:{hash}"),
        hash,
    ];
    // What .NET's `Encoding.Unicode` makes of the text.
    let utf_16 = right.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_body = (body.len() <= MAX_RESHAPED_BODY)
        .then(|| [body.to_vec(), [right.as_bytes(), b"|", body].concat(), [right.as_bytes(), body].concat()]);
    separated
        .chain(others)
        .map(String::into_bytes)
        .chain([utf_16])
        .chain(with_body.into_iter().flatten())
        .map(|text| (Hint::SignedWrongStringForm, text))
}

/// The body-and-key-bound form with another key, without its minutes, or with its parts in another order.
fn other_keys(request: &SignedRequest<'_>, body_sha256: &[u8; 32]) -> impl Iterator<Item = Candidate> {
    let SignedRequest { client_id, timestamp, method, path, body, idempotency_key, .. } = *request;
    let hash = hex::encode(body_sha256);
    let bound = body_bound_string(method, path, body_sha256, timestamp);
    let documented = documented_string(client_id, timestamp);
    let unset = ["", "undefined", "null", "None", "nil", "<Idempotency-Key>", "Idempotency-Key"].map(str::to_owned);
    let of_key = |key: &str| {
        let other =
            [key.to_lowercase(), key.to_uppercase(), format!("\"{key}\""), format!("'{key}'"), format!(" {key}")];
        let wrong = [
            format!("{method}:{path}:{hash}:{key}:{timestamp}"),
            format!("{method}:{path}:{key}:{hash}:{timestamp}"),
            format!("{method}:{path}:{hash}:{key}"),
            format!("{key}:{bound}"),
            format!("{bound}|{key}"),
            format!("{bound}{key}"),
            format!("{documented}|{key}"),
            format!("{documented}:{key}"),
        ];
        let other = other.into_iter().filter(|other| other != key).map(|other| format!("{bound}:{other}"));
        let other: Vec<_> = other.collect();
        // A right text, but for a timestamp that this form does not take.
        let minified = body_bound_string(method, path, &Sha256::digest(minify::minify_json(body)).into(), timestamp);
        let short = [format!("{bound}:{key}"), format!("{minified}:{key}")];
        let hinted = other.into_iter().map(|text| (Hint::SignedOtherIdempotencyKey, text));
        let hinted = hinted.chain(wrong.map(|text| (Hint::SignedWrongStringForm, text)));
        hinted.chain(short.map(|text| (Hint::KeyBoundNeedsMinutes, text)))
    };
    let of_key: Vec<_> = idempotency_key.into_iter().flat_map(of_key).collect();
    let unset = unset.into_iter().map(move |key| (Hint::SignedOtherIdempotencyKey, format!("{bound}:{key}")));
    of_key.into_iter().chain(unset).map(|(hint, text)| (hint, text.into_bytes()))
}

/// The documented form with another client id: in another case, of a neighbour that differs by its number, or what stands in
/// for one in samples. Ids of other clients are not asked for: a hint must not tell which of them exist.
fn other_clients(request: &SignedRequest<'_>) -> impl Iterator<Item = Candidate> {
    let SignedRequest { client_id, timestamp, .. } = *request;
    let stem = client_id.trim_end_matches(|c: char| c.is_ascii_digit());
    let width = client_id.len() - stem.len();
    let neighbours = (0..1000).take(if width == 0 { 0 } else { 1000 }).map(move |n| format!("{stem}{n:0width$}"));
    let others = [
        client_id.to_lowercase(),
        client_id.to_uppercase(),
        format!("{client_id} "),
        format!(" {client_id}"),
        String::new(),
        stem.trim_end_matches(['-', '_', '.']).to_owned(),
    ];
    let samples =
        ["versuni-client-001", "your-client-id", "your_client_id", "YOUR_CLIENT_ID", "client-id", "CLIENT_ID"];
    let unset = ["undefined", "null", "None", "nil", "<client_id>", "{client_id}", "$CLIENT_ID", "${CLIENT_ID}"];
    let known = samples.into_iter().chain(unset).map(str::to_owned);
    let texts = neighbours.chain(others).chain(known).filter(move |other| other != client_id);
    texts.map(move |other| (Hint::SignedOtherClientId, documented_string(&other, timestamp).into_bytes()))
}

/// The body-bound forms with another body, another writing of its hash, another path or method.
fn other_bodies(request: &SignedRequest<'_>) -> impl Iterator<Item = Candidate> {
    let SignedRequest { method, path, timestamp, idempotency_key, .. } = *request;
    let ends = [Some(timestamp.to_owned()), idempotency_key.map(|key| format!("{timestamp}:{key}"))];
    let ends: Vec<_> = ends.into_iter().flatten().collect();
    let targets: Vec<String> = [Cow::Borrowed(method), Cow::Owned(method.to_lowercase())]
        .iter()
        .flat_map(|method| other_paths(path).into_iter().map(move |path| format!("{method}:{path}")))
        .collect();
    body_shapes(request.body).into_iter().flat_map(move |(shape_hint, body)| {
        let digest = Sha256::digest(&body);
        let hashes = [
            (None, hex::encode(digest)),
            (Some(Hint::SignedOtherHashEncoding), hex::encode_upper(digest)),
            (Some(Hint::SignedOtherHashEncoding), STANDARD.encode(digest)),
        ];
        let (targets, ends) = (targets.clone(), ends.clone());
        hashes.into_iter().flat_map(move |(hash_hint, hash)| {
            let hint = shape_hint.or(hash_hint).unwrap_or(Hint::SignedOtherPath);
            let texts = targets.iter().flat_map(|target| ends.iter().map(move |end| (target, end)));
            let texts: Vec<_> =
                texts.map(|(target, end)| (hint, format!("{target}:{hash}:{end}").into_bytes())).collect();
            texts
        })
    })
}

/// Behind the path of orders: where one is validated, and where many are sent.
const BEHIND_ORDERS: [&str; 2] = ["/validation", "/batch"];

/// Behind the path of one order: where it is cancelled, and where it is changed.
const BEHIND_ORDER: [&str; 2] = ["/cancellation", "/change"];

/// The path itself and what clients take for it.
fn other_paths(path: &str) -> Vec<String> {
    let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
    let prefix = ["/api/v1", "/api"];
    let mut paths = vec![path.to_owned(), bare.to_owned(), format!("{bare}/"), bare.trim_end_matches('/').to_owned()];
    paths.extend(prefix.iter().filter_map(|prefix| bare.strip_prefix(prefix)).map(str::to_owned));
    paths.extend(bare.strip_prefix('/').map(str::to_owned));
    paths.extend(bare.rsplit_once('/').map(|(_, last)| last.to_owned()));
    // An order, its validation and many orders are sent to three paths.
    let of_order = BEHIND_ORDER.iter().find_map(|behind| bare.strip_suffix(behind));
    paths.extend(of_order.map(str::to_owned));
    let of_orders = BEHIND_ORDERS.iter().find_map(|behind| bare.strip_suffix(behind));
    let of_orders = of_orders.or_else(|| Some(of_order?.rsplit_once('/')?.0)).unwrap_or(bare);
    paths.push(of_orders.to_owned());
    paths.extend(BEHIND_ORDERS.map(|behind| format!("{of_orders}{behind}")));
    paths
}

/// The body itself and the shapes in which clients hash it: empty, or with the white space of another JSON writer.
fn body_shapes(body: &[u8]) -> Vec<(Option<Hint>, Cow<'_, [u8]>)> {
    let mut shapes = vec![(None, Cow::Borrowed(body)), (Some(Hint::SignedEmptyBody), Cow::Borrowed(b"".as_slice()))];
    if body.len() <= MAX_RESHAPED_BODY {
        let minified = minify::minify_json(body);
        let others = [
            minify::spaced(&minified),
            [body, b"\n"].concat(),
            [&minified, b"\n".as_slice()].concat(),
            [body, b"\r\n"].concat(),
            body.trim_ascii().to_vec(),
        ];
        shapes.push((None, Cow::Owned(minified)));
        shapes.extend(others.into_iter().map(|shape| (Some(Hint::SignedOtherBody), Cow::Owned(shape))));
    }
    shapes
}

/// Every form with the header's instant in other spellings, or an instant nearby.
fn other_timestamps(
    request: &SignedRequest<'_>,
    body_sha256: &[u8; 32],
    instant: DateTime<Utc>,
) -> impl Iterator<Item = Candidate> {
    let SignedRequest { client_id, method, path, timestamp, idempotency_key, .. } = *request;
    let body_sha256 = *body_sha256;
    spellings(instant).filter(move |spelling| spelling != timestamp).flat_map(move |spelling| {
        let bound = body_bound_string(method, path, &body_sha256, &spelling);
        let with_key = idempotency_key.map(|key| format!("{bound}:{key}"));
        let texts = [documented_string(client_id, &spelling), bound].into_iter().chain(with_key);
        texts.map(|text| (Hint::SignedOtherTimestamp, text.into_bytes()))
    })
}

/// One instant as clients write it, to the second within a minute around it, and to the millisecond within its second.
fn spellings(instant: DateTime<Utc>) -> impl Iterator<Item = String> {
    let second = instant.timestamp();
    let local = OFFSETS.iter().filter_map(|hours| FixedOffset::east_opt(hours * 3600)).flat_map(move |offset| {
        ["%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M:%S%z"]
            .map(|form| instant.with_timezone(&offset).format(form).to_string())
    });
    let nearby = (-NEARBY_SECONDS..=NEARBY_SECONDS).filter_map(move |away| {
        let seconds = second.checked_add(away)?;
        let naive = DateTime::from_timestamp(seconds, 0)?.format("%Y-%m-%dT%H:%M:%S").to_string();
        Some([seconds.to_string(), format!("{naive}Z"), naive])
    });
    // Written by hand: chrono's formatting would take longer than all the hashing.
    let naive = instant.format("%Y-%m-%dT%H:%M:%S").to_string();
    let milliseconds = (0..1000).filter_map(move |millisecond| {
        let unix = second.checked_mul(1000)?.checked_add(millisecond)?;
        Some([unix.to_string(), format!("{naive}.{millisecond:03}Z")])
    });
    local.chain(nearby.flatten()).chain(milliseconds.flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::timestamp;

    #[test]
    fn the_search_is_bounded() {
        let request = SignedRequest {
            client_id: "versuni-client-001",
            timestamp: "1795441036",
            signature: "",
            method: "POST",
            path: "/api/v1/sales-orders",
            other_paths: &[],
            body: b"{}",
            idempotency_key: Some("po-4711"),
        };
        let instant = DateTime::from_timestamp(1_795_441_036, 0).unwrap();
        let body_sha256 = [0; 32];
        let texts = other_forms(&request, &body_sha256).count()
            + other_keys(&request, &body_sha256).count()
            + other_clients(&request).count()
            + other_bodies(&request).count()
            + other_timestamps(&request, &body_sha256, instant).count();
        assert!(texts < 10_000, "{texts}");
    }

    #[test]
    fn the_first_and_last_readable_instants_are_searched_without_panic() {
        for raw in ["0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"] {
            assert!(spellings(timestamp::parse(raw).unwrap()).count() < 3_000);
        }
    }
}
