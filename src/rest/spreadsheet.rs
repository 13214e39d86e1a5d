//! Cells of a CSV file that no spreadsheet runs as a formula (OWASP, CSV Injection).
//!
//! Not only the beginning of a text may begin a cell. Spreadsheets in many countries, Indonesia among them, expect `;`
//! between the columns, and then cut a text of ours at its semicolons and end its row at its line breaks; a tab or a `|`
//! does the same where somebody chose it. So an apostrophe, which makes a text of a formula, is put in front of whatever
//! would begin a cell there. A comma cuts nothing: RFC 4180 quotes the texts that hold one.

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::fields::is_invisible;

/// A value as a cell. Only texts are guarded: amounts and counts are ours, and stay numbers.
pub(super) fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => guarded(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// The text with an apostrophe in front of each formula in it.
fn guarded(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    // Where the part begins that was not copied yet, and where a cell might.
    let (mut copied, mut start) = (0, Some(0));
    for (at, c) in text.char_indices() {
        if separates(c) {
            start = Some(at + c.len_utf8());
        } else if let Some(begin) = start
            && !is_passed_over(c)
        {
            if begins_formula(c) {
                out.push_str(&text[copied..begin]);
                out.push('\'');
                copied = begin;
            }
            start = None;
        }
    }
    if copied == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// What may stand between two cells or two rows.
const fn separates(c: char) -> bool {
    matches!(c, ';' | '\t' | '|' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The signs a formula begins with, and those that are taken for them: full-width and small forms, superscripts,
/// subscripts, the true minus.
const fn begins_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@'
            | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}' // ＝ ＋ － ＠
            | '\u{fe62}' | '\u{fe63}' | '\u{fe66}' | '\u{fe6b}' // ﹢ ﹣ ﹦ ﹫
            | '\u{207a}'..='\u{207c}' | '\u{208a}'..='\u{208c}' // ⁺ ⁻ ⁼ and ₊ ₋ ₌
            | '\u{2212}' | '\u{fb29}' // − and ﬩
    )
}

/// What a spreadsheet may leave out in front of a formula: white space, control characters, characters that nobody sees,
/// and the quotes that would open a cell.
fn is_passed_over(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\u{201c}' | '\u{201d}') || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_would_begin_a_cell_as_a_formula_gets_an_apostrophe() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+62 812", "'+62 812"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1", "'＝1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠a", "'＠a"),
            ("\u{2212}1", "'\u{2212}1"),
            // Cut at what separates columns elsewhere, or rows.
            ("a;=cmd|'/C calc'!A0", "a;'=cmd|'/C calc'!A0"),
            ("a\t=1", "a\t'=1"),
            ("a|=1", "a|'=1"),
            ("a\n=1", "a\n'=1"),
            ("a\r\n-1", "a\r\n'-1"),
            ("a\u{2028}+1", "a\u{2028}'+1"),
            ("=1;=2|+3", "'=1;'=2|'+3"),
            (";=1", ";'=1"),
            ("a;;=1", "a;;'=1"),
            ("=", "'="),
            // Behind what nobody sees, and behind the quotes that open a cell.
            (" =1", "' =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\u{3000}=1", "'\u{3000}=1"),
            ("\u{200b}=1", "'\u{200b}=1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{200d}\u{2060}\u{ad}=1", "'\u{200d}\u{2060}\u{ad}=1"),
            ("\u{202e}=1", "'\u{202e}=1"),
            ("\u{e0001}=1", "'\u{e0001}=1"),
            ("a; \u{200b}＝1", "a;' \u{200b}＝1"),
            ("a;\"=1\"", "a;'\"=1\""),
            ("\"=1", "'\"=1"),
        ] {
            assert_eq!(guarded(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_no_spreadsheet_would_run_stays_as_it_is() {
        for text in [
            "",
            "Jl. Sudirman No. 1; lantai 2",
            "a-b",
            "1=1",
            "a, =1",
            "a = b",
            "'=1",
            "x@example.com",
            ";",
            "Jl. \"Merdeka\", 1\nJakarta",
            "2026-11-28T01:00:00Z",
            "café; naïve | größer",
        ] {
            assert!(matches!(guarded(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn numbers_stay_numbers() {
        for (value, expected) in [(json!(null), ""), (json!(2), "2"), (json!("125000.5"), "125000.5")] {
            assert_eq!(cell(&value), expected);
        }
    }
}
