//! Patterns of texts. They are found out by asking the readers, so that the document cannot know less than they do.
//!
//! They are written so that every tool reads them the same way: no look-around, no names of Unicode classes, and nothing
//! that takes a validator more than the square of the text's length.

use std::sync::LazyLock;

use serde_json::json;

use crate::domain::fields::{Fields, Naming, Text};
use crate::error::FieldErrorCode;

/// What a text field may hold.
pub fn of_text(rule: Text, is_required: bool) -> String {
    let Classes { refused, blank } = Classes::of(rule);
    if is_required { format!("^[^{refused}]*[^\\s{blank}{refused}][^{refused}]*$") } else { format!("^[^{refused}]*$") }
}

/// What a text of so many words at most may hold.
pub fn of_words(rule: Text, most: usize) -> String {
    let Classes { refused, .. } = Classes::of(rule);
    let word = format!("[^\\s{refused}]+");
    format!("^\\s*({word}([^\\S{refused}]+{word}){{0,{}}}\\s*)?$", most.saturating_sub(1))
}

/// Characters, as they stand between the brackets of a pattern.
struct Classes {
    /// Those that no text may hold.
    refused: String,
    /// Those besides white space of which alone no required text may consist.
    blank: String,
}

impl Classes {
    fn of(rule: Text) -> &'static Self {
        static LINE: LazyLock<Classes> = LazyLock::new(|| Classes::read(Text::line(3)));
        static LINES: LazyLock<Classes> = LazyLock::new(|| Classes::read(Text::lines(3)));
        if rule.line_breaks { &LINES } else { &LINE }
    }

    fn read(rule: Text) -> Self {
        let fault = |text: String| {
            let object = json!({ "text": text });
            let mut fields = Fields::new(&object, Naming::SnakeCase);
            fields.text("text", rule);
            fields.finish().err().and_then(|faults| faults.first().map(|fault| fault.code))
        };
        let is_refused = |c: &char| fault(format!("a{c}a")).is_some();
        let is_blank = |c: &char| !c.is_whitespace() && fault(c.to_string()) == Some(FieldErrorCode::Blank);
        // What is not seen stands in these blocks: controls, spaces, the marks that join or direct letters, fillers.
        let blocks = [0xa0..=0x04ff_u32, 0x1100..=0x18ff, 0x2000..=0x2fff, 0x3000..=0x31ff, 0xfe00..=0xffff];
        Self {
            refused: class((0..=0x9f).filter_map(char::from_u32).filter(is_refused)),
            blank: class(blocks.into_iter().flatten().filter_map(char::from_u32).filter(is_blank)),
        }
    }
}

fn class(characters: impl Iterator<Item = char>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for c in characters.map(u32::from) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == c => *last = c,
            _ => ranges.push((c, c)),
        }
    }
    let written = |c: u32| if c < 0x100 { format!("\\x{c:02x}") } else { format!("\\u{c:04x}") };
    let range = |(first, last): (u32, u32)| match last - first {
        0 => written(first),
        _ => format!("{}-{}", written(first), written(last)),
    };
    ranges.into_iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_tells_what_the_reader_refuses() {
        let line = r"\x00-\x1f\x7f-\x9f";
        assert!(of_text(Text::line(9), true).contains(line), "{}", of_text(Text::line(9), true));
        assert!(of_text(Text::lines(9), true).contains(r"\x0b-\x0c\x0e-\x1f\x7f-\x9f"));
        assert_eq!(of_text(Text::line(5), false), of_text(Text::line(64), false));
        assert!(of_words(Text::line(200), 10).contains("{0,9}"));
        assert_eq!(class("\u{1}\u{2}\u{3}a\u{200b}".chars()), r"\x01-\x03\x61\u200b");
        assert_eq!(class("".chars()), "");
    }
}
