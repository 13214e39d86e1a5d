//! Bounds how deep brackets nest before the parser sees a document. The parser goes down as far as the stack lets it, and
//! what then walks the values needs more of it: a stack that overflows takes the whole process along.

use crate::error::{AppError, ErrorCode};

/// Below the parser's own limit of 64, which it checks only after it went down; the standard introspection query has 14.
const MAX_NESTING: usize = 60;

/// Refuses a document whose brackets nest too deep.
pub(super) fn check(document: &str) -> Result<(), AppError> {
    if nesting(document.as_bytes()) <= MAX_NESTING {
        return Ok(());
    }
    let message = format!("Brackets must nest at most {MAX_NESTING} deep; make the document simpler");
    Err(AppError::new(ErrorCode::LimitExceeded, message))
}

/// How deep brackets nest outside strings and comments. Where a document is broken, this may count more than the parser
/// would, never less.
fn nesting(document: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut block_strings_end = true;
    let mut rest = document;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
                after
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
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
            _ => after,
        };
    }
    deepest
}

fn skip_to_line_end(text: &[u8]) -> &[u8] {
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

fn skip_block_string(mut text: &[u8]) -> Option<&[u8]> {
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
            assert_eq!(nesting(document.as_bytes()), expected, "{document}");
        }
    }

    #[test]
    fn a_string_without_an_end_hides_no_brackets() {
        assert_eq!(nesting(br#"{ a(b: [""" x" [[[[[ "#), 8);
        assert_eq!(nesting(b"{ a(b: \"x\n [[["), 5);
        let beginnings = "\"\"\"\\".repeat(250_000);
        assert_eq!(nesting(beginnings.as_bytes()), 0);
    }
}
