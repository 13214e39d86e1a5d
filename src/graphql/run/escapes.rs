//! Escapes in the strings of documents that async-graphql's parser does not read: code points in braces, and characters beyond
//! the Basic Multilingual Plane as pairs of surrogates; and quotation marks in block strings, which it leaves escaped
//! (GraphQL §2.9.4, September 2025).

use std::borrow::Cow;
use std::fmt::Write as _;

use async_graphql::{Pos, ServerError};

use super::lexical::{skip_block_string, skip_to_line_end};
use crate::error::{AppError, ErrorCode};
use crate::graphql::output::error::sourced;

/// The document with each such escape replaced by its character. What follows on its line keeps its column: spaces behind the
/// string make up for what the escape was longer.
pub(super) fn resolve(document: &str) -> Result<Cow<'_, str>, ServerError> {
    if !document.contains("\\u") && !document.contains(ESCAPED_MARKS) {
        return Ok(Cow::Borrowed(document));
    }
    let mut resolved = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(start) = rest.find(['"', '#']) {
        let (before, token) = rest.split_at(start);
        resolved.push_str(before);
        let bytes = token.as_bytes();
        let end = if bytes[0] == b'#' {
            token.len() - skip_to_line_end(bytes).len()
        } else if token.starts_with(MARKS) {
            // Without an end it is read as an empty string.
            skip_block_string(&bytes[3..]).map_or(2, |behind| token.len() - behind.len())
        } else {
            let (string, behind) = split_string(token);
            let position = document.len() - token.len();
            resolve_string(string, &mut resolved).map_err(|at| refuse(document, position + at))?;
            rest = behind;
            continue;
        };
        let (token, behind) = token.split_at(end);
        match token.strip_prefix(MARKS).and_then(|text| text.strip_suffix(MARKS)) {
            Some(block) if block.contains(ESCAPED_MARKS) => write_block_string(block, &mut resolved),
            _ => resolved.push_str(token),
        }
        rest = behind;
    }
    resolved.push_str(rest);
    Ok(Cow::Owned(resolved))
}

/// What a block string begins and ends with, and how it holds the same.
const MARKS: &str = "\"\"\"";
const ESCAPED_MARKS: &str = "\\\"\"\"";

/// Writes a block string as a string of one line, followed by as many lines and columns as it took.
fn write_block_string(block: &str, resolved: &mut String) {
    let is_indent = |character: char| matches!(character, ' ' | '\t');
    let text = block.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<_> = text.split('\n').collect();
    let indent = |line: &&str| line.find(|character| !is_indent(character));
    let common = lines.iter().skip(1).filter_map(indent).min().unwrap_or(0);
    for line in lines.iter_mut().skip(1) {
        *line = line.get(common..).unwrap_or("");
    }
    let is_blank = |line: &&str| line.chars().all(is_indent);
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    resolved.push('"');
    lines[first..end].join("\n").replace(ESCAPED_MARKS, MARKS).chars().for_each(|character| push(character, resolved));
    resolved.push('"');
    if let Some((_, last)) = text.rsplit_once('\n') {
        resolved.extend(std::iter::repeat_n('\n', text.matches('\n').count()));
        resolved.extend(std::iter::repeat_n(' ', last.chars().count() + MARKS.len()));
    }
}

/// A string with its quotation marks, and what follows it. A line break or the end of the document ends it too, where the
/// parser refuses it.
fn split_string(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match bytes.get(at) {
            None => return (text, ""),
            Some(b'"') => return text.split_at(at + 1),
            Some(b'\n' | b'\r') => return text.split_at(at),
            // Whatever is escaped, if it is longer than a byte, its other bytes are none of these.
            Some(b'\\') => at = if bytes.get(at + 1).is_some_and(u8::is_ascii) { at + 2 } else { at + 1 },
            Some(_) => at += 1,
        }
        at = at.min(bytes.len());
    }
}

/// Writes a string with its escapes resolved, or says where the first wrong one is.
fn resolve_string(string: &str, resolved: &mut String) -> Result<(), usize> {
    let (mut rest, start_of_string) = (string, resolved.len());
    while let Some(start) = rest.find('\\') {
        let (text, escape) = rest.split_at(start);
        resolved.push_str(text);
        let length = match read(escape) {
            Escape::Character(character, length) => {
                push(character, resolved);
                length
            }
            Escape::Other => {
                let length = escape.chars().take(2).map(char::len_utf8).sum();
                resolved.push_str(&escape[..length]);
                length
            }
            Escape::Wrong => return Err(string.len() - escape.len()),
        };
        rest = &escape[length..];
    }
    resolved.push_str(rest);
    let written = resolved[start_of_string..].chars().count();
    resolved.extend(std::iter::repeat_n(' ', string.chars().count().saturating_sub(written)));
    Ok(())
}

enum Escape {
    /// A character, and how long its escape is.
    Character(char, usize),
    /// One that the parser reads, or refuses.
    Other,
    /// One that stands for no character.
    Wrong,
}

fn read(escape: &str) -> Escape {
    if let Some(inside) = escape.strip_prefix("\\u{") {
        // Not looked for beyond the digits: a string of nothing but beginnings must not cost a search each.
        let (digits, behind) =
            inside.split_at(inside.bytes().position(|digit| !digit.is_ascii_hexdigit()).unwrap_or(inside.len()));
        if digits.is_empty() || !behind.starts_with('}') {
            return Escape::Other;
        }
        let significant = digits.trim_start_matches('0');
        let code = if significant.is_empty() { Ok(0) } else { u32::from_str_radix(significant, 16) };
        let character = code.ok().and_then(char::from_u32);
        return character.map_or(Escape::Wrong, |character| Escape::Character(character, digits.len() + 4));
    }
    match (unit(escape), escape.get(6..).and_then(unit)) {
        (Some(high @ 0xD800..0xDC00), Some(low @ 0xDC00..0xE000)) => {
            let character = char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            character.map_or(Escape::Wrong, |character| Escape::Character(character, 12))
        }
        (Some(0xD800..0xE000), _) => Escape::Wrong,
        _ => Escape::Other,
    }
}

/// The code of an escape of four digits.
fn unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hexadecimal { u32::from_str_radix(digits, 16).ok() } else { None }
}

/// Writes a character as it may stand in a string.
fn push(character: char, resolved: &mut String) {
    match character {
        '"' => resolved.push_str("\\\""),
        '\\' => resolved.push_str("\\\\"),
        '\n' => resolved.push_str("\\n"),
        '\r' => resolved.push_str("\\r"),
        // Writing into a text cannot fail.
        control if control < ' ' => drop(write!(resolved, "\\u{:04X}", u32::from(control))),
        character => resolved.push(character),
    }
}

fn refuse(document: &str, position: usize) -> ServerError {
    let before = &document[..position];
    let line = before.replace("\r\n", "\n").matches(['\n', '\r']).count() + 1;
    let column = before.rsplit(['\n', '\r']).next().map_or(0, |text| text.chars().count()) + 1;
    let escape: String = document[position..].chars().take_while(|c| *c != '"').take(12).collect();
    let message = format!(
        "The GraphQL document has a syntax error at line {line} column {column}: {escape} stands for no character; write a \
         character beyond U+FFFF as a pair of surrogates such as \\uD83D\\uDE00, as \\u{{1F600}}, or as it is"
    );
    let refusal = AppError::new(ErrorCode::GraphqlParseFailed, message);
    ServerError { locations: vec![Pos { line, column }], ..sourced(refusal) }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::Selection;

    use super::*;
    use crate::graphql::run::prepared::chosen;

    /// The first argument of the first field, as the parser reads it.
    fn argument(document: &str) -> String {
        let parsed = parse_query(resolve(document).unwrap()).unwrap();
        let (_, operation) = chosen(&parsed, None).unwrap();
        let Selection::Field(field) = &operation.selection_set.node.items[0].node else { panic!("no field") };
        field.node.arguments[0].1.node.clone().into_const().unwrap().into_json().unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn a_character_is_the_same_however_it_is_escaped() {
        for (string, expected) in [
            (r#""\uD83D\uDE00""#, "😀"),
            (r#""a\ud83d\ude00b\u0041""#, "a😀bA"),
            (r#""\u{1F600}\u{1f600}\u{00001F600}""#, "😀😀😀"),
            (r#""\u{41}\u{22}\u{5C}\u{A}\u{D}\u{0}""#, "A\"\\\n\r\0"),
            (r#""\\uD83D \\u{1F600} \"\u{1F600}""#, "\\uD83D \\u{1F600} \"😀"),
            (r#""\u{10FFFF}\u{E000}\uFFFF""#, "\u{10FFFF}\u{E000}\u{FFFF}"),
            (r#""é\\\u{e9}漢""#, "é\\é漢"),
            (r#""""\uD83D "\u{1F600}" \""" """"#, "\\uD83D \"\\u{1F600}\" \"\"\" "),
            (r#""""\"""""""#, "\"\"\""),
            ("\"\"\"\n    a\r\n\n      \\\"\"\"b\\n\r    c\t\n  \n\"\"\"", "a\n\n  \"\"\"b\\n\nc\t"),
            ("\"\"\"  a\\\"\"\"\n  b\"\"\"", "  a\"\"\"\nb"),
            ("\"\\u{1F600}\" # \"\\uD83D\n", "😀"),
        ] {
            assert_eq!(argument(&format!("{{ a(b: {string}) }}")), expected, "{string}");
        }
    }

    #[test]
    fn what_stands_for_no_character_is_refused_with_its_position() {
        for escape in [
            r"\uD83D",
            r"\uDE00",
            r"\uDE00\uD83D",
            r"\uD83D\uD83D",
            r"\uD83Dx",
            r"\uD83D\n",
            r"\uD83D\u{DE00}",
            r"\u{D83D}\u{DE00}",
            r"\u{110000}",
            r"\u{FFFFFFFFFFFFFFFFFF}",
            r"\uD83D\u0041",
        ] {
            let error = resolve(&format!("{{\n  a(b: \"é{escape}\") }}")).unwrap_err();
            assert_eq!(error.locations, [Pos { line: 2, column: 10 }], "{escape}");
        }
    }

    #[test]
    fn what_the_parser_refuses_is_left_to_it_and_columns_stay() {
        for string in [
            r#""\u""#,
            r#""\u12""#,
            r#""\u{}""#,
            r#""\u{12""#,
            r#""\u{x}""#,
            r#""\uD8"#,
            "\"\\u{1F600}\n\"",
            r#""\ux😀"#,
        ] {
            assert!(parse_query(resolve(&format!("{{ a(b: {string}) }}")).unwrap()).is_err(), "{string}");
        }
        let document = r#"{ a(b: "\uD83D\uDE00\u{1F600}") c }"#;
        assert_eq!(resolve(document).unwrap().chars().position(|c| c == 'c'), document.chars().position(|c| c == 'c'));
        let lines = "{ a(b: \"\"\"x\n \\\"\"\"é\r\n z\"\"\") c }";
        let column = |text: &str| text.rsplit('\n').next().unwrap().chars().position(|c| c == 'c');
        let written = resolve(lines).unwrap();
        assert_eq!((written.lines().count(), column(&written)), (lines.lines().count(), column(lines)), "{written}");
        assert!(matches!(resolve(r#"{ a(b: "\n") }"#).unwrap(), Cow::Borrowed(_)));
    }
}
