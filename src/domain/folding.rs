//! Texts as they are searched: whatever the case of their letters and however their accents are encoded (Unicode, canonical
//! caseless matching, D145). In Rust and not in SQL: the functions of the databases know fewer letters, each others.

use std::borrow::Cow;

use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use icu_normalizer::properties::{CanonicalCombiningClassMap, CanonicalCombiningClassMapBorrowed};
use icu_normalizer::{
    ComposingNormalizer, ComposingNormalizerBorrowed, DecomposingNormalizer, DecomposingNormalizerBorrowed,
};

/// Rises when [`fold`] gives other texts than before, so that those that are stored are folded anew.
pub const FORM: i32 = 2;

static CASES: CaseMapperBorrowed<'static> = CaseMapper::new();
static DECOMPOSED: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizer::new_nfd();
static COMPOSED: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfc();
static CLASSES: CanonicalCombiningClassMapBorrowed<'static> = CanonicalCombiningClassMap::new();

/// The text as it is searched: `ß` is `ss`, each sigma is `σ`, `é` is one character. And `İ`, `ı` and `I` are `i`: the case of
/// these tells the language, not the letter.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let decomposed = DECOMPOSED.normalize(text);
    let folded = CASES.fold_string(&decomposed);
    COMPOSED.normalize(&of_one_i(&folded)).into_owned()
}

const DOTLESS_I: char = '\u{131}';
const DOT_ABOVE: char = '\u{307}';
/// The class of what stands above a letter, of which one may hide another.
const ABOVE: u8 = 230;

/// A folded text with the one `i`, which has its dot already.
fn of_one_i(text: &str) -> Cow<'_, str> {
    if !text.contains([DOTLESS_I, DOT_ABOVE]) {
        return Cow::Borrowed(text);
    }
    let mut is_on_i = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match CLASSES.get_u8(c) {
            0 => is_on_i = matches!(c, 'i' | DOTLESS_I),
            ABOVE if is_on_i && c == DOT_ABOVE => continue,
            ABOVE => is_on_i = false,
            _ => {}
        }
        out.push(if c == DOTLESS_I { 'i' } else { c });
    }
    Cow::Owned(out)
}

/// A text that is looked for, in each form in which orders may hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    folded: String,
    /// As versions before [`FORM`] folded it, if that is another text: an order that such a version stored is found by it until
    /// it is folded anew.
    former: Option<String>,
}

impl Sought {
    /// Looks for this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (folded, former) = (fold(text), text.to_lowercase());
        let former = (former != folded).then_some(former);
        Self { folded, former }
    }

    /// As [`fold`] gives it.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Each form. An order matches when it holds one of them.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        [self.folded.as_str()].into_iter().chain(self.former.as_deref())
    }
}

#[cfg(test)]
#[path = "folding_tests.rs"]
mod tests;
