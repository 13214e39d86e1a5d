//! How a body says that it is encoded: JSON in UTF-8, and nothing around it.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::error::{AppError, ErrorCode};

/// The member of a refusal that names the codings a body may come in; a header tells it too.
pub const ACCEPT_ENCODING: &str = "accept_encoding";

/// Names of UTF-8 and of its part ASCII, as the Encoding Standard and IANA list them, and what Linux calls ASCII.
const UTF_8: [&str; 12] = [
    "utf-8",
    "utf8",
    "unicode-1-1-utf-8",
    "unicode11utf8",
    "x-unicode20utf8",
    "csutf8",
    "us-ascii",
    "ascii",
    "csascii",
    "iso646-us",
    "iso_646.irv:1991",
    "ansi_x3.4-1968",
];

/// Refuses a body that does not say that it is JSON.
pub fn ensure_json(headers: &HeaderMap) -> Result<(), AppError> {
    let refuse = |message: String| Err(AppError::new(ErrorCode::UnsupportedMediaType, message));
    let coded = headers.get_all(CONTENT_ENCODING).iter();
    let codings = coded.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let unknown = codings.map(<[u8]>::trim_ascii).find(|it| !it.is_empty() && !it.eq_ignore_ascii_case(b"identity"));
    if let Some(coding) = unknown {
        // A signature over the body is over the bytes that were sent, and partners sign what they wrote.
        let message = format!(
            "The body is compressed ({}), and compressed bodies are not read; send it as it is, without Content-Encoding",
            shown(coding)
        );
        let error = AppError::new(ErrorCode::UnsupportedMediaType, message);
        return Err(error.detail(ACCEPT_ENCODING, "identity"));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return refuse(
            "Send the body as JSON, with the header Content-Type: application/json; there is none".to_owned(),
        );
    };
    let value = value.as_bytes();
    let mut parts = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    if !parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(b"application/json")) {
        let message = "Send the body as JSON, with the header Content-Type: application/json instead of";
        return refuse(format!("{message} {}", shown(value)));
    }
    // JSON is UTF-8 (RFC 8259 §8.1); another charset would be read wrongly, so it is refused.
    for parameter in parts {
        let text = String::from_utf8_lossy(parameter);
        let Some((name, value)) = text.split_once('=') else { continue };
        let charset = value.trim().trim_matches(['"', '\'']).replace('\\', "").to_ascii_lowercase();
        if name.trim().eq_ignore_ascii_case("charset") && !charset.is_empty() && !UTF_8.contains(&charset.as_str()) {
            let message =
                "JSON is read as UTF-8; write the body so, and send Content-Type: application/json without charset";
            return refuse(format!("{message}={}", shown(charset.as_bytes())));
        }
    }
    Ok(())
}

/// Whether a body was refused for its coding and not for its type.
#[must_use]
pub fn is_of_coding(error: &AppError) -> bool {
    error.details.contains_key(ACCEPT_ENCODING)
}

/// A part of a header, as far as an answer shows it.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(pairs: &[(&'static str, &str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        ensure_json(&headers).err().map(|error| error.message.to_string())
    }

    #[test]
    fn json_in_utf_8_is_read_however_its_charset_is_written() {
        for value in [
            "application/json",
            "Application/JSON",
            "application/json;",
            "application/json; charset=utf-8",
            "application/json;charset=UTF8",
            "application/json; charset=\"utf-8\"",
            "application/json; charset=\"UTF\\-8\"",
            "application/json; Charset='utf8'",
            "application/json; charset = Utf-8",
            "application/json; charset=us-ascii",
            "application/json; charset=US-ASCII; odata=verbose",
            "application/json; charset=ANSI_X3.4-1968",
            "application/json; charset=",
            "application/json; charset",
            "application/json; odata=minimalmetadata; streaming=true",
        ] {
            assert_eq!(refusal(&[("content-type", value)]), None, "{value}");
        }
        let json = ("content-type", "application/json");
        for coding in ["identity", "Identity", "", " , identity"] {
            assert_eq!(refusal(&[json, ("content-encoding", coding)]), None, "{coding}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_its_name() {
        for (pairs, named) in [
            (&[][..], "there is none"),
            (&[("content-type", "text/plain")], "instead of text/plain"),
            (&[("content-type", "application/jsonp")], "instead of application/jsonp"),
            (&[("content-type", "application/x-www-form-urlencoded")], "instead of application/x-www-form-urlencoded"),
            (&[("content-type", "application/json; charset=ISO-8859-1")], "without charset=iso-8859-1"),
            (&[("content-type", "application/json; charset=\"utf-16\"")], "without charset=utf-16"),
            (&[("content-type", "application/json; charset=utf-8; charset=latin1")], "without charset=latin1"),
            (&[("content-type", "application/json"), ("content-encoding", "gzip")], "compressed (gzip)"),
            (&[("content-type", "application/json"), ("content-encoding", "identity, br")], "compressed (br)"),
            (
                &[("content-type", "application/json"), ("content-encoding", "identity"), ("content-encoding", "zstd")],
                "compressed (zstd)",
            ),
        ] {
            let message = refusal(pairs).unwrap();
            assert!(message.contains(named), "{message}");
        }
    }
}
