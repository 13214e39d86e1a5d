//! Characters that nobody sees.

/// Whether a text shows nothing: it is empty, or has but white space and characters that nobody sees.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    // The pattern of Braille without a dot is a letter, and shows none.
    text.chars().all(|c| c.is_whitespace() || is_invisible(c) || c == '\u{2800}')
}

/// Unicode's `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt) and the marks that annotate lines.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_shows_nothing_is_blank_and_one_that_shows_anything_is_not() {
        for text in
            ["", " ", "\u{200b}", " \u{200b}\u{feff} ", "\u{2060}\u{ad}", "\u{3164}", "\u{a0}\u{3000}", "\u{2800}"]
        {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", "\u{200b}a", "0", ".", "‏א", "👩\u{200d}🌾", "\u{0}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
