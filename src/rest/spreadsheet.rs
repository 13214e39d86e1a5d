//! Cells of a CSV file that no spreadsheet runs as a formula (OWASP, CSV Injection).
//!
//! Not only the beginning of a text may begin a cell. Spreadsheets in many countries, Indonesia among them, expect `;`
//! between the columns, and then cut a text of ours at its semicolons and end its row at its line breaks; a tab or a `|`
//! does the same where somebody chose it. So an apostrophe, which makes a text of a formula, is put in front of whatever
//! would begin a cell there. A comma cuts nothing: RFC 4180 quotes the texts that hold one.

use std::borrow::Cow;

use crate::domain::fields::is_invisible;

/// The longest text that may stand in a formula of Excel, in units of UTF-16.
const MAX_IN_FORMULA: usize = 255;

/// A text that a spreadsheet shows as it is, in a file with this separator. As `="00123"` it is no number, no date and no
/// formula, whatever the spreadsheet's language; a text of several lines, or a long one, is none of these by itself.
pub(super) fn text(text: &str, separator: char) -> String {
    // Where a comma is expected between the cells, a file with another separator is cut at the commas of its texts.
    let further = (separator != ',').then_some(',');
    if text.chars().any(char::is_control) || text.encode_utf16().count() > MAX_IN_FORMULA {
        return guarded(text, further).into_owned();
    }
    let quoted = text.replace('"', "\"\"");
    format!("=\"{}\"", guarded_within(&quoted, further, None))
}

/// The text with an apostrophe in front of each formula in it, wherever it is cut, also at `further`.
pub(super) fn guarded(text: &str, further: Option<char>) -> Cow<'_, str> {
    guarded_within(text, further, Some(0))
}

/// The same for a text whose first cell begins at `start`, if it begins in it.
fn guarded_within(text: &str, further: Option<char>, start: Option<usize>) -> Cow<'_, str> {
    let mut out = String::new();
    // Where the part begins that was not copied yet, and where a cell might.
    let (mut copied, mut start) = (0, start);
    for (at, c) in text.char_indices() {
        if separates(c) || further == Some(c) {
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
            assert_eq!(guarded(text, None), expected, "{text:?}");
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
            assert!(matches!(guarded(text, None), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn a_text_for_a_spreadsheet_is_a_text_there_and_no_formula_wherever_the_file_is_cut() {
        let long = "7".repeat(256);
        for (given, separator, expected) in [
            ("00123", ';', "=\"00123\""),
            ("+62", ';', "=\"+62\""),
            ("=1+1", ',', "=\"=1+1\""),
            ("a \"b\"", ',', "=\"a \"\"b\"\"\""),
            ("a,=1;-2|+3", ';', "=\"a,'=1;'-2|'+3\""),
            ("a,=1;-2", ',', "=\"a,=1;'-2\""),
            ("a;\"=1", ',', "=\"a;'\"\"=1\""),
            ("", ',', "=\"\""),
            ("=1\n-2", ';', "'=1\n'-2"),
            ("a,b\n,=1", ';', "a,b\n,'=1"),
            (&long, ';', &long),
        ] {
            assert_eq!(text(given, separator), expected, "{given:?}");
        }
    }
}
