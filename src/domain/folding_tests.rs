//! What is the same text for a search, and what is not.

use super::*;

#[test]
fn texts_that_differ_in_case_or_encoding_alone_are_one_text() {
    for same in [
        &["ΟΔΟΣ", "οδος", "οδοσ", "Οδός".replace('ό', "ο").as_str()][..],
        &["Straße", "STRASSE", "STRAẞE", "strasse"],
        &["İstanbul", "istanbul", "ISTANBUL", "i\u{307}stanbul", "I\u{307}STANBUL", "ıstanbul"],
        &["DİYARBAKIR", "Diyarbakır", "DIYARBAKIR", "diyarbakir"],
        &["Café", "CAFE\u{301}", "cafe\u{301}", "CAFÉ"],
        &["\u{1ed9}", "o\u{302}\u{323}", "o\u{323}\u{302}", "\u{f4}\u{323}", "\u{1ecd}\u{302}"],
        &["\u{212b}ngström", "A\u{30a}NGSTRO\u{308}M", "ångström"],
        &["\u{212a}elvin", "kelvin"],
        &["ﬁne", "FINE", "fine"],
        &["ﬃ", "FFI"],
        &["ŉ", "ʼN"],
        &["ᾳ", "ΑΙ", "αι", "α\u{345}"],
        &["한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"],
        &["ꭰ", "Ꭰ"],
        &["ჰ", "Ჰ"],
        &["i\u{323}\u{307}x", "I\u{323}x", "\u{1ecb}X"],
        &["ĳ", "Ĳ"],
        &["ǆ", "ǅ", "Ǆ"],
        &["\u{958}", "क\u{93c}"],
    ] {
        for text in same {
            assert_eq!(fold(text), fold(same[0]), "{text} and {}", same[0]);
        }
    }
}

#[test]
fn texts_of_other_letters_stay_apart() {
    for (one, other) in
        [("Zoë", "Zoe"), ("ñ", "n"), ("ø", "o"), ("й", "и"), ("が", "か"), ("１", "1"), ("e\u{307}", "e"), ("ó", "o")]
    {
        assert_ne!(fold(one), fold(other), "{one} and {other}");
    }
}

#[test]
fn a_part_is_found_in_the_middle_of_a_text() {
    for (whole, part) in [
        ("ΟΔΟΣΑ", "ΟΔΟΣ"),
        ("οδοσα", "οδος"),
        ("Hauptstraße 1", "STRASSE"),
        ("crème brûlée", "CRE\u{300}ME BRU\u{302}"),
    ] {
        assert!(fold(whole).contains(&fold(part)), "{part} in {whole}");
    }
}

/// What earlier versions stored is folded from the form in which they stored it: all else of the text is gone.
#[test]
fn whatever_a_character_was_made_to_before_it_is_folded_to_the_same() {
    for c in '\0'..=char::MAX {
        let text = c.to_string();
        let folded = fold(&text);
        assert_eq!(fold(&folded), folded, "{c:?} once more");
        assert_eq!(fold(&text.to_lowercase()), folded, "{c:?} in small letters");
        assert_eq!(fold(&DECOMPOSED.normalize(&text)), folded, "{c:?} decomposed");
    }
}

#[test]
fn the_marks_between_the_texts_of_an_order_stay() {
    let marks: String = (0..0x20_u8).map(char::from).collect();
    assert_eq!(fold(&format!("{marks}\u{301}É")), format!("{marks}\u{301}é"));
}

#[test]
fn a_text_is_also_looked_for_as_earlier_versions_stored_it() {
    let forms = |text| Sought::new(text).forms().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(forms("AirFryer"), ["airfryer"]);
    assert_eq!(forms("ΟΔΟΣ"), ["οδοσ", "οδος"]);
    assert_eq!(forms("Große"), ["grosse", "große"]);
}
