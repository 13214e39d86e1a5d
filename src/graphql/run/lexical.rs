//! Looks a document over before the parser sees it, for what the parser would not survive or not notice.
//!
//! How deep brackets nest: the parser goes down as far as the stack lets it, and what then walks the values needs more of
//! it; a stack that overflows takes the whole process along. And whether an input object names a field twice: the parser
//! keeps the last one and drops the other (GraphQL §5.6.3 refuses both). And what makes small documents dear: each error
//! about a variable has the names of the variable and of the operation in it, and there may be one for each operation and
//! variable; each value takes hundreds of bytes once it is parsed.

use std::collections::HashSet;

use super::limits::within;
use crate::error::{AppError, ErrorCode};

/// Below the parser's own limit of 64, which it checks only after it went down; the standard introspection query has 14.
const MAX_NESTING: usize = 60;

/// Bytes of a name. An alias stands in the answer as often as its field has a value, a variable in each error about it.
const LONGEST_NAME: usize = 128;

/// Every use of a variable is looked up in the list of all of them, for each operation that reaches it.
const MAX_VARIABLES: usize = 1000;

const MAX_OPERATIONS: usize = 100;

/// Names, numbers and strings: three times as many as the largest document that may run has fields.
const MAX_TOKENS: usize = 64 * 1024;

/// Refuses a document that asks for too much before it is parsed, or whose input objects name a field twice.
pub(super) fn check(document: &str) -> Result<(), AppError> {
    let look = look_over(document.as_bytes());
    if look.nesting > MAX_NESTING {
        let message = format!("Brackets must nest at most {MAX_NESTING} deep; make the document simpler");
        return Err(AppError::new(ErrorCode::LimitExceeded, message));
    }
    for (what, asked, allowed) in [
        ("bytes in a name", look.longest_name, LONGEST_NAME),
        ("variables", look.variables, MAX_VARIABLES),
        ("operations", look.operations, MAX_OPERATIONS),
        ("names and values", look.tokens, MAX_TOKENS),
    ] {
        within(what, asked, allowed).map_err(|message| AppError::new(ErrorCode::LimitExceeded, message))?;
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
    longest_name: usize,
    /// Different ones.
    variables: usize,
    operations: usize,
    tokens: usize,
}

/// What stands outside strings and comments. Where a document is broken, this may count more than the parser would,
/// never less.
fn look_over(document: &[u8]) -> Look {
    let mut look = Look::default();
    // For each open bracket the fields of the input object it opened; between parentheses every brace opens one.
    let mut open: Vec<Option<HashSet<&[u8]>>> = Vec::new();
    let mut parentheses = 0_usize;
    let mut block_strings_end = true;
    let mut variables = HashSet::new();
    let mut rest = document;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'$' => {
                let (name, behind) = split_name(after);
                look.longest_name = look.longest_name.max(name.len());
                look.tokens += 1;
                variables.insert(name);
                behind
            }
            b'0'..=b'9' | b'-' => {
                look.tokens += 1;
                let length = after.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(after.len());
                &after[length..]
            }
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
            b'"' => {
                look.tokens += 1;
                skip_string(after)
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let (name, behind) = split_name(rest);
                look.longest_name = look.longest_name.max(name.len());
                look.tokens += 1;
                look.operations += usize::from(open.is_empty() && OPERATIONS.contains(&name));
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
    look.variables = variables.len();
    look
}

/// The words that begin one.
const OPERATIONS: [&[u8]; 3] = [b"query", b"mutation", b"subscription"];

/// The name at the beginning of a text.
fn split_name(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(text.len()))
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
    fn a_small_document_cannot_be_dear() {
        let refused = |document: &str| check(document).err().map(|error| error.message.to_string());
        let long = "n".repeat(LONGEST_NAME + 1);
        let variables = |count: usize| (0..count).map(|n| format!("$a{n} ")).collect::<String>();
        for (document, said) in [
            (format!("query {long} {{ a }}"), "129 bytes in a name"),
            (format!("query(${long}: ID) {{ a }}"), "129 bytes in a name"),
            (format!("{{ a(b: [{}]) }}", variables(MAX_VARIABLES + 1)), "1001 variables"),
            ("query q { a } ".repeat(MAX_OPERATIONS + 1), "101 operations"),
            (format!("{{ a(b: [{}]) }}", "0 ".repeat(MAX_TOKENS)), "names and values"),
            (format!("{{ a(b: [{}]) }}", "\"\" ".repeat(MAX_TOKENS)), "names and values"),
        ] {
            let message = refused(&document).unwrap_or_default();
            assert!(message.contains(said), "{message}");
        }
        for document in [
            format!("query {} {{ a(b: [{}]) }}", &long[1..], variables(MAX_VARIABLES).repeat(10)),
            "query q { query mutation } ".repeat(MAX_OPERATIONS),
            format!("{{ a(b: \"{long} {}\") }} # {}", variables(2000), "0 ".repeat(MAX_TOKENS)),
        ] {
            assert_eq!(refused(&document), None);
        }
    }

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
