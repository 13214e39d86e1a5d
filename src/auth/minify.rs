//! JSON without its insignificant white space, byte for byte.
//!
//! A client that signs the minified body while its HTTP library sends a pretty one is served by this; nothing is
//! parsed or written anew, so numbers, escapes and the order of members stay as they came.

/// The body without the white space between JSON tokens; the body as it is when it cannot be JSON.
///
/// White space that parts two values (`1 2`) is never removed: `12` would be another document.
#[must_use]
pub fn minify_json(body: &[u8]) -> Vec<u8> {
    strip(body).unwrap_or_else(|| body.to_vec())
}

fn strip(body: &[u8]) -> Option<Vec<u8>> {
    // A byte order mark is no part of the text (RFC 8259 §8.1).
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut minified = Vec::with_capacity(body.len());
    let (mut in_string, mut escaped, mut after_gap) = (false, false, false);
    for &byte in body {
        if in_string {
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
        } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            after_gap = true;
            continue;
        } else {
            if after_gap && !is_structural(byte) && minified.last().is_some_and(|last| !is_structural(*last)) {
                return None;
            }
            after_gap = false;
            in_string = byte == b'"';
        }
        minified.push(byte);
    }
    (!in_string).then_some(minified)
}

const fn is_structural(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':')
}

/// A minified body with one space after every comma and colon, as Python's `json.dumps` writes it.
pub(super) fn spaced(minified: &[u8]) -> Vec<u8> {
    let mut spaced = Vec::with_capacity(minified.len().saturating_mul(2));
    let (mut in_string, mut escaped) = (false, false);
    for &byte in minified {
        spaced.push(byte);
        if in_string {
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
        } else if byte == b'"' {
            in_string = true;
        } else if matches!(byte, b',' | b':') {
            spaced.push(b' ');
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minified(body: &str) -> String {
        String::from_utf8(minify_json(body.as_bytes())).unwrap()
    }

    #[test]
    fn white_space_between_tokens_goes_and_within_strings_stays() {
        assert_eq!(
            minified(" {\r\n\t\"a b\" : [ 1 , 2.50 ] ,\n\"c\" : \"x  y\" } \n"),
            r#"{"a b":[1,2.50],"c":"x  y"}"#
        );
    }

    #[test]
    fn escaped_quotes_and_backslashes_do_not_end_a_string() {
        assert_eq!(minified(r#"{ "a\" , b" : "c\\" , "d" : " \\\" " }"#), r#"{"a\" , b":"c\\","d":" \\\" "}"#);
    }

    #[test]
    fn numbers_escapes_and_member_order_are_kept_to_the_byte() {
        let body = r#"{"z":1.0e+2,"a":"\u00e9é","z":-0}"#;
        assert_eq!(minified(body), body);
    }

    #[test]
    fn white_space_that_parts_two_values_is_never_removed() {
        for body in [r#"{"quantity": 1 2}"#, r#"["a" "b"]"#, "tr ue", "[1 true]"] {
            assert_eq!(minified(body), body);
        }
    }

    #[test]
    fn a_body_that_cannot_be_json_is_left_alone() {
        for body in [r#"{"a": "never ends"#, r#"{"a": "never ends\""#] {
            assert_eq!(minified(body), body);
        }
        assert_eq!(minified(""), "");
    }

    #[test]
    fn minifying_twice_changes_nothing_more() {
        let once = minify_json(br#"{ "a" : [ 1 , { "b" : null } ] }"#);
        assert_eq!(minify_json(&once), once);
    }

    #[test]
    fn the_spaced_form_is_the_one_python_writes() {
        assert_eq!(spaced(br#"{"a,b":[1,"c:\"d"],"e":{}}"#), br#"{"a,b": [1, "c:\"d"], "e": {}}"#);
    }
}
