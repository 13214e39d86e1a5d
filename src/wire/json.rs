//! Reads JSON bodies strictly: a member given twice is refused instead of losing one of its values.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::numbers::write_whole;
use crate::error::{AppError, ErrorCode};

/// Parses a whole body (RFC 8259). The message of a refusal names line and column: `… at line 1 column 17`.
pub fn parse(body: &[u8]) -> Result<Value, AppError> {
    let refuse = |message: String| AppError::new(ErrorCode::MalformedBody, message);
    // Some programs on Windows put a byte order mark before everything they write (RFC 8259 §8.1 lets it be ignored).
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if let [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, b'{' | b'[', ..] | [b'{' | b'[', 0, ..] = body {
        return Err(refuse("The body is UTF-16, and JSON is read as UTF-8; write it as UTF-8".to_owned()));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(refuse("The body is empty; send a JSON object".to_owned()));
    }
    if let Some(name) = private_member(body) {
        return Err(refuse(format!("The member \"{name}\" cannot be taken; leave it out")));
    }
    let mut value = serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let is_half = text.contains("hex escape");
        let half = if is_half {
            "; \\uD800 to \\uDFFF stand for a character only in pairs, such as \\uD83D\\uDE00"
        } else {
            ""
        };
        refuse(format!("The body is not valid JSON: {text}{half}"))
    })?;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    EachMemberOnce
        .deserialize(&mut deserializer)
        .map_err(|error| refuse(format!("The body is ambiguous: {error}; give it once")))?;
    write_whole(&mut value);
    Ok(value)
}

/// A member whose name serde_json reserves for its own features `arbitrary_precision` and `raw_value`. serde_json would
/// read its object as a number, or parse its text as JSON without the checks of this module.
fn private_member(body: &[u8]) -> Option<String> {
    let mut rest = body;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        let text = &rest[start..];
        let length = string_length(text)?;
        rest = &text[length..];
        let is_name = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
        if is_name
            && let Ok(name) = serde_json::from_slice::<String>(&text[..length])
            && name.starts_with(PRIVATE)
        {
            return Some(name.chars().take(100).collect());
        }
    }
    None
}

const PRIVATE: &str = "$serde_json::private::";

/// How long the string at the start of a text is, quotes and all; `None` when it does not end.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

struct EachMemberOnce;

impl<'de> DeserializeSeed<'de> for EachMemberOnce {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EachMemberOnce {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Self)?;
            if let Some(name) = names.replace(name) {
                let shown: String = name.chars().take(100).collect();
                return Err(A::Error::custom(format_args!("the member \"{shown}\" is given twice")));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_given_twice_is_refused_by_name_at_any_depth() {
        for body in [r#"{"a":1,"a":2}"#, r#"{"x":[{"b":null},{"b":1.5,"b":"2"}]}"#] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.code, ErrorCode::MalformedBody);
            assert!(error.message.contains("is given twice"), "{}", error.message);
        }
        assert!(parse(br#"{"a":{"a":1},"b":[{"a":1},{"a":-1e400}]}"#).is_ok());
    }

    #[test]
    fn a_member_that_serde_json_keeps_to_itself_is_refused_however_it_is_spelled() {
        for body in [
            r#"{"$serde_json::private::RawValue":"{\"a\":1,\"a\":2}"}"#,
            r#"{"a":[{"$serde_json::private::Number":"5"}]}"#,
            r#"{"a":{"\u0024serde_json::private::Number" : 5}}"#,
        ] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.code, ErrorCode::MalformedBody);
            assert!(error.message.contains("leave it out"), "{}", error.message);
        }
        let text = r#"{"note":"$serde_json::private::Number","\\":"a\"b: c","n":1}"#;
        assert!(parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn a_byte_order_mark_before_a_body_is_passed_over_and_utf_16_is_named() {
        assert_eq!(parse("\u{feff}{\"a\":1}".as_bytes()).unwrap()["a"], 1);
        assert!(parse("\u{feff} ".as_bytes()).unwrap_err().message.contains("empty"));
        assert!(parse("{\u{feff}\"a\":1}".as_bytes()).is_err(), "only before");
        for text in ["\u{feff}{\"a\":1}", "{\"a\":1}", "[1]"] {
            let (little, big): (Vec<_>, Vec<_>) =
                text.encode_utf16().map(|unit| (unit.to_le_bytes(), unit.to_be_bytes())).unzip();
            for body in [little.concat(), big.concat()] {
                assert!(parse(&body).unwrap_err().message.contains("UTF-16"), "{text}");
            }
        }
    }

    #[test]
    fn a_number_keeps_every_digit() {
        let value = parse(br#"{"n":0.10000000000000000001}"#).unwrap();
        assert_eq!(value["n"].to_string(), "0.10000000000000000001");
    }

    #[test]
    fn what_is_no_json_is_refused_with_line_and_column() {
        for body in [&b"{\"a\":"[..], b"", b"  ", b"nope", b"{}{}", b"\xff", b"{\"a\":\"\\ud800\"}"] {
            assert_eq!(parse(body).unwrap_err().code, ErrorCode::MalformedBody);
        }
        let deep = vec![b'['; 100_000];
        assert_eq!(parse(&deep).unwrap_err().code, ErrorCode::MalformedBody);
    }
}
