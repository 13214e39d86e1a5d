//! What a caller takes of codings, and gzip (RFC 9110 §12.5.3).

use std::io::Write as _;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The bytes in gzip.
#[must_use]
pub fn gzip(plain: &[u8], level: Compression) -> Bytes {
    let mut coder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), level);
    // What writes to memory does not fail.
    coder.write_all(plain).and_then(|()| coder.finish()).unwrap_or_default().into()
}

/// Whether a caller takes gzip, and not rather the answer as it is (RFC 9110 §12.5.3).
pub fn is_taken_by(headers: &HeaderMap) -> bool {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return false;
    }
    let gzip = quality(headers, "gzip").or_else(|| quality(headers, "x-gzip")).or_else(|| quality(headers, "*"));
    gzip.is_some_and(|gzip| gzip > 0.0 && quality(headers, "identity").is_none_or(|identity| gzip >= identity))
}

/// How much a caller wants a coding: from 0, not at all, to 1; nothing where it does not say.
pub fn quality(headers: &HeaderMap, coding: &str) -> Option<f32> {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).find_map(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight =
            parameters.split(';').map(str::trim).find_map(|it| it.strip_prefix("q=").or(it.strip_prefix("Q=")));
        let weight = weight.map_or(Some(1.0), |weight| weight.parse().ok());
        name.trim().eq_ignore_ascii_case(coding).then(|| weight.unwrap_or(0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(accepted: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, accepted.parse().unwrap())])
    }

    #[test]
    fn gzip_is_for_those_who_take_it_and_want_nothing_rather() {
        for accepted in [
            "gzip",
            "GZIP",
            "gzip, deflate, br, zstd",
            "br;q=1.0, gzip;q=0.8, *;q=0.1",
            "*",
            "x-gzip",
            "gzip; q=0.001",
            "identity;q=0, gzip;q=0.5",
            "deflate, gzip;q=1.0, identity;q=0.5",
        ] {
            assert!(is_taken_by(&accepting(accepted)), "{accepted}");
        }
        for accepted in [
            "",
            "identity",
            "br",
            "deflate",
            "gzip;q=0",
            "gzip;q=0.0, *;q=1",
            "gzip;q=0.5, identity",
            "*;q=0",
            "gzip;q=x",
        ] {
            assert!(!is_taken_by(&accepting(accepted)), "{accepted}");
        }
        assert!(!is_taken_by(&HeaderMap::new()));
    }
}
