//! Reads query strings: what is not UTF-8 is refused, instead of being read as another text than was meant. A `%` without two
//! hexadecimal digits stands for itself, as browsers read it (WHATWG URL, percent-decode).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::error::{AppError, FieldError, FieldErrorCode};

/// The names and values of a request's query string, in the order given.
pub struct Pairs(pub Result<Vec<(String, String)>, AppError>);

impl<S: Sync> FromRequestParts<S> for Pairs {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let pairs = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Ok(Self(pairs.map(read).collect()))
    }
}

fn read(pair: &str) -> Result<(String, String), AppError> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    match (decode(name), decode(value)) {
        (Some(name), Some(value)) => Ok((name, value)),
        // A name that is no text is shown as it came.
        (known, _) => Err(not_utf8(known.as_deref().unwrap_or(name))),
    }
}

/// As forms are encoded (application/x-www-form-urlencoded).
fn decode(encoded: &str) -> Option<String> {
    let spaced = encoded.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

fn not_utf8(name: &str) -> AppError {
    let shown: String = name.chars().take(100).collect();
    let message = "is not UTF-8; percent-encode the UTF-8 of the text, such as %C3%A9 for é".to_owned();
    AppError::invalid(vec![FieldError { pointer: format!("/{shown}"), code: FieldErrorCode::Format, message }])
}
