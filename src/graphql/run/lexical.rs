//! Looks a document over before the parser sees it, for what the parser would not survive or not notice.
//!
//! How deep brackets nest: the parser goes down as far as the stack lets it, and what then walks the values needs more of
//! it; a stack that overflows takes the whole process along. And whether an input object names a field twice: the parser
//! keeps the last one and drops the other (GraphQL §5.6.3 refuses both).

use std::collections::HashSet;

use crate::error::{AppError, ErrorCode};

/// Below the parser's own limit of 64, which it checks only after it went down; the standard introspection query has 14.
const MAX_NESTING: usize = 60;

/// Refuses a document whose brackets nest too deep or whose input objects name a field twice.
pub(super) fn check(document: &str) -> Result<(), AppError> {
    let look = look_over(document.as_bytes());
    if look.nesting > MAX_NESTING {
        let message = format!("Brackets must nest at most {MAX_NESTING} deep; make the document simpler");
        return Err(AppError::new(ErrorCode::LimitExceeded, message));
    }
    match look.repeated {
        Some(name) => {
            let shown: String = name.chars().take(100).collect();
            let message = format!("The input field \"{shown}\" is given twice; give it once");
            Err(AppError::new(ErrorCode::GraphqlValidationFailed, message))
        }
        None => Ok(()),
    }
}

#[derive(Default)]
struct Look {
    nesting: usize,
    /// The first field that an input object names twice.
    repeated: Option<String>,
}

/// What stands outside strings and comments. Where a document is broken, this may count more than the parser would,
/// never less.
fn look_over(document: &[u8]) -> Look {
    let mut look = Look::default();
    // For each open bracket the fields of the input object it opened; between parentheses every brace opens one.
    let mut open: Vec<Option<HashSet<&[u8]>>> = Vec::new();
    let mut parentheses = 0_usize;
    let mut block_strings_end = true;
    let mut rest = document;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'{' | b'[' | b'(' => {
                parentheses += usize::from(byte == b'(');
                open.push((byte == b'{' && parentheses > 0).then(HashSet::new));
                look.nesting = look.nesting.max(open.len());
                after
            }
            b'}' | b']' | b')' => {
                parentheses = parentheses.saturating_sub(usize::from(byte == b')'));
                open.pop();
                after
            }
            b'#' => skip_to_line_end(after),
            b'"' if block_strings_end && after.starts_with(b"\"\"") => {
                skip_block_string(&after[2..]).unwrap_or_else(|| {
                    // The parser then reads an empty string and goes on behind it. Searched for once only: a document of
                    // nothing but such beginnings must not cost a search each.
                    block_strings_end = false;
                    &after[1..]
                })
            }
            b'"' => skip_string(after),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let length = rest.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(rest.len());
                let (name, behind) = rest.split_at(length);
                // A name before a colon is a field; any other is a value.
                if let Some(Some(fields)) = open.last_mut()
                    && skip_ignored(behind).first() == Some(&b':')
                    && !fields.insert(name)
                {
                    look.repeated.get_or_insert_with(|| String::from_utf8_lossy(name).into_owned());
                }
                behind
            }
            _ => after,
        };
    }
    look
}

fn is_name_byte(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

/// Skips what means nothing between two tokens: white space, commas and comments.
fn skip_ignored(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b'#', rest @ ..] => skip_to_line_end(rest),
            [b' ' | b'\t' | b'\r' | b'\n' | b',', rest @ ..] => rest,
            _ => return text,
        }
    }
}

pub(super) fn skip_to_line_end(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len());
    &text[end..]
}

/// What follows the string; a line break in it ends the parser's reading, and so what comes then does not matter.
fn skip_string(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b'"', rest @ ..] => return rest,
            [] | [b'\n' | b'\r', ..] => return text,
            [b'\\', _, rest @ ..] | [_, rest @ ..] => rest,
        }
    }
}

pub(super) fn skip_block_string(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        text = match text {
            [b'"', b'"', b'"', rest @ ..] => return Some(rest),
            [] => return None,
            [b'\\', b'"', b'"', b'"', rest @ ..] | [_, rest @ ..] => rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        for (document, expected) in [
            ("{ a(b: [1, {c: 2}]) { d } }", 4),
            ("", 0),
            ("}}}{", 1),
            ("{ a # {{{{\n }", 1),
            (r#"{ a(b: "[[[[\"[[[[") }"#, 2),
            (r#"{ a(b: "\\", c: [1]) }"#, 3),
            (r#"{ a(b: """[[[[ \""" "" [[[[""", c: [1]) }"#, 3),
        ] {
            assert_eq!(look_over(document.as_bytes()).nesting, expected, "{document}");
        }
    }

    #[test]
    fn a_string_without_an_end_hides_no_brackets() {
        assert_eq!(look_over(br#"{ a(b: [""" x" [[[[[ "#).nesting, 8);
        assert_eq!(look_over(b"{ a(b: \"x\n [[[").nesting, 5);
        let beginnings = "\"\"\"\\".repeat(250_000);
        assert_eq!(look_over(beginnings.as_bytes()).nesting, 0);
    }

    #[test]
    fn a_field_that_an_input_object_names_twice_is_noticed_and_nothing_else() {
        for (document, repeated) in [
            ("mutation { a(input: {b: 1, c: 2, b: 3}) { d } }", Some("b")),
            ("mutation { a(input: {b: [{c: 1}, {c: 2, c\t# why\n: 3}]}) { d } }", Some("c")),
            ("query($v: T = {x: 1 x: 2}) { a }", Some("x")),
            ("{ a: b a: b c(d: {e: {e: 1}, f: e}) { a: b a: b } }", None),
            ("{ a(b: {c: \"c: c:\", d: c, e: true}) b(b: {c: 1}) }", None),
            ("{ a(b: 1, b: 2) }", None),
        ] {
            assert_eq!(look_over(document.as_bytes()).repeated.as_deref(), repeated, "{document}");
        }
    }
}
