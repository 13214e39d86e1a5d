//! What readers say of themselves. A reader that is given no value notes what each field may hold instead of reading it,
//! so that the GraphQL descriptions and the OpenAPI description tell the bounds that are really checked.

use std::ops::RangeInclusive;

use iso_currency::Currency;

use super::{CURRENCY, Fields, Text};
use crate::domain::money::Money;

/// One field of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its snake_case name.
    pub name: &'static str,
    /// Whether it must be given.
    pub is_required: bool,
    /// What it may hold.
    pub holds: Holds,
}

/// What a field may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// A text, trimmed.
    Text(Text),
    /// Words of a text, so many at most.
    Words(Text, usize),
    /// A text to the letter, of so many characters at most.
    Verbatim(usize),
    /// The code of a currency (ISO 4217).
    Currency,
    /// A text that stands for something else.
    Parsed,
    /// Yes or no.
    Flag,
    /// A whole number.
    Integer(RangeInclusive<i32>),
    /// An amount of money up to this one.
    Money(Money),
    /// A time.
    Instant,
    /// A day of the calendar.
    Date,
    /// So many texts at most.
    Texts(Text, usize),
    /// So many texts to the letter at most, each of so many characters at most.
    Verbatims(usize, usize),
    /// An object with these fields.
    Object(Vec<Rule>),
    /// Objects with these fields, so many of them.
    List(RangeInclusive<usize>, Vec<Rule>),
}

/// What a reader reads, field by field.
pub fn describe<T>(read: impl FnOnce(Fields<'_>) -> T) -> Vec<Rule> {
    let mut rules = Vec::new();
    read(Fields::describing(&mut rules));
    rules
}

impl Rule {
    /// The fields of the object, or of each object of the list, that it holds.
    #[must_use]
    pub fn fields(&self) -> &[Rule] {
        match &self.holds {
            Holds::Object(fields) | Holds::List(_, fields) => fields,
            _ => &[],
        }
    }

    /// The bounds as a sentence; none where the field has none, or its type tells them.
    #[must_use]
    pub fn bounds(&self) -> Option<String> {
        let up_to = |max: usize, unit: &str| {
            if self.is_required { format!("1 to {max} {unit}") } else { format!("At most {max} {unit}") }
        };
        let sentence = match &self.holds {
            Holds::Text(text) if text.line_breaks => {
                format!("{}; line breaks and tabs are allowed", up_to(text.max, "characters"))
            }
            Holds::Text(text) | Holds::Words(text, _) => up_to(text.max, "characters"),
            Holds::Verbatim(max) => up_to(*max, "characters"),
            Holds::Currency => up_to(CURRENCY.max, "characters"),
            Holds::Integer(range) if *range.end() == i32::MAX => format!("At least {}", range.start()),
            Holds::Integer(range) => format!("{} to {}", range.start(), range.end()),
            Holds::Money(max) => format!("0 to {max}, with at most 4 decimals"),
            Holds::Texts(text, most) => format!("At most {most} values, each of at most {} characters", text.max),
            Holds::Verbatims(max, most) => format!("At most {most} values, each of at most {max} characters"),
            Holds::List(length, _) => format!("{} to {} items", length.start(), length.end()),
            Holds::Flag | Holds::Parsed | Holds::Instant | Holds::Date | Holds::Object(_) => return None,
        };
        Some(format!("{sentence}."))
    }
}

/// Every code that [`Fields::optional_currency`] takes, in the order of the alphabet.
#[must_use]
pub fn currency_codes() -> Vec<&'static str> {
    let letters = || 'A'..='Z';
    let codes =
        letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| String::from_iter([a, b, c]))));
    codes.filter_map(|code| Currency::from_code(&code)).map(|currency| currency.code()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_tells_what_it_checks() {
        let read = |fields: &mut Fields<'_>| {
            let code = fields.text("code", Text::line(8));
            fields.optional_money("price", Money::MAX_UNIT_PRICE);
            code
        };
        let rules = describe(|mut fields| {
            fields.optional_text("note", Text::lines(20));
            fields.integer("count", &(1..=9));
            fields.optional_integer("version", &(1..=i32::MAX));
            fields.verbatim("secret", 30);
            fields.list("lines", &(1..=5), read);
            fields.optional_object("line", read);
            fields.optional_instant("since");
            fields.optional_texts("names", Text::line(4), 3);
            fields.finish()
        });
        let told: Vec<_> = rules.iter().map(|rule| (rule.name, rule.is_required, rule.bounds())).collect();
        let bounds = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                ("note", false, bounds("At most 20 characters; line breaks and tabs are allowed.")),
                ("count", true, bounds("1 to 9.")),
                ("version", false, bounds("At least 1.")),
                ("secret", true, bounds("1 to 30 characters.")),
                ("lines", true, bounds("1 to 5 items.")),
                ("line", false, None),
                ("since", false, None),
                ("names", false, bounds("At most 3 values, each of at most 4 characters.")),
            ]
        );
        let line = vec![
            Rule { name: "code", is_required: true, holds: Holds::Text(Text::line(8)) },
            Rule { name: "price", is_required: false, holds: Holds::Money(Money::MAX_UNIT_PRICE) },
        ];
        assert_eq!(rules[4].holds, Holds::List(1..=5, line.clone()));
        assert_eq!(rules[5].holds, Holds::Object(line.clone()));
        assert_eq!(line[1].bounds(), bounds("0 to 9999999999.9999, with at most 4 decimals."));
    }
}
