//! What is kept of an answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};

use crate::domain::fields::is_invisible;
use crate::domain::webhook_schedule::LONGEST_RETRY_AFTER;

/// The most of an answer that people are shown.
const MAX_EXCERPT: usize = 1_024;

/// The longest `Location`, in characters: no longer URL can be a target.
const MAX_LOCATION: usize = 2_048;

/// When a receiver wants the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long after its answer.
    In(Duration),
    /// Then.
    At(DateTime<Utc>),
}

impl RetryAfter {
    /// Seconds, or a date in one of the three forms of HTTP (RFC 9110 §10.2.3); nothing else.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            // More digits than a number has ask for more than the longest wait too.
            return Some(Self::In(text.parse().map_or(LONGEST_RETRY_AFTER, Duration::from_secs)));
        }
        httpdate::parse_http_date(text).ok().map(|time| Self::At(time.into()))
    }

    /// How long to wait from now on: not at all when the time has passed, and a day at most.
    #[must_use]
    pub fn wait(self, now: DateTime<Utc>) -> Duration {
        let wait = match self {
            Self::In(wait) => wait,
            Self::At(time) => time.signed_duration_since(now).to_std().unwrap_or_default(),
        };
        wait.min(LONGEST_RETRY_AFTER)
    }
}

/// Where a redirect leads.
pub(super) fn location(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(LOCATION)?.as_bytes());
    Some(text.chars().filter(|c| is_shown(*c)).take(MAX_LOCATION).collect())
}

/// The begin of a text that was written for people.
pub(super) fn excerpt(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if !is_text(headers) {
        return None;
    }
    // Four bytes a character at most; one that is cut in two lies beyond what is shown.
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_EXCERPT)]);
    let mut excerpt = String::new();
    // Line breaks and tabs are white space: words stay apart when the signs that steer a terminal go.
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| is_shown(*c)).collect();
        if !word.is_empty() && !excerpt.is_empty() {
            excerpt.push(' ');
        }
        excerpt.push_str(&word);
    }
    excerpt.truncate(excerpt.floor_char_boundary(MAX_EXCERPT));
    (!excerpt.is_empty()).then_some(excerpt)
}

fn is_shown(c: char) -> bool {
    !c.is_control() && !is_invisible(c)
}

/// Whether a body is text as it stands, by its media type.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(Ok(media)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((kind, subtype)) = media.split_once('/') else { return false };
    let is_structured = ["json", "xml"].contains(&subtype.rsplit('+').next().unwrap_or_default());
    !headers.contains_key(CONTENT_ENCODING) && (kind == "text" || is_structured)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn shown(media: &'static str, body: &[u8]) -> Option<String> {
        excerpt(&headers(&[("content-type", media)]), body)
    }

    #[test]
    fn a_receiver_says_when_to_come_again_in_seconds_or_by_a_date_and_a_day_is_the_most() {
        let now = DateTime::from_timestamp(1_795_441_036, 0).unwrap();
        let wait = |text: &'static str| RetryAfter::of(&headers(&[("retry-after", text)])).map(|after| after.wait(now));
        let day = Duration::from_hours(24);
        for (text, expected) in [
            ("0", Duration::ZERO),
            ("120", Duration::from_mins(2)),
            (" 7 ", Duration::from_secs(7)),
            ("86401", day),
            ("99999999999999999999999999", day),
            ("Mon, 23 Nov 2026 13:38:16 GMT", Duration::from_mins(1)),
            ("Monday, 23-Nov-26 13:38:16 GMT", Duration::from_mins(1)),
            ("Mon Nov 23 13:38:16 2026", Duration::from_mins(1)),
            ("Mon, 23 Nov 2026 13:36:16 GMT", Duration::ZERO),
            ("Fri, 01 Jan 2027 00:00:00 GMT", day),
        ] {
            assert_eq!(wait(text), Some(expected), "{text:?}");
        }
        for text in ["", "soon", "-1", "1.5", "+5", "2026-11-23T13:38:16Z", "5 seconds"] {
            assert_eq!(wait(text), None, "{text:?}");
        }
        assert_eq!(RetryAfter::of(&HeaderMap::new()), None);
    }

    #[test]
    fn only_text_is_shown() {
        for media in [
            "text/plain",
            "TEXT/HTML; charset=utf-8",
            "application/json",
            "application/problem+json",
            "application/xml",
            "application/soap+xml; charset=utf-8",
        ] {
            assert_eq!(shown(media, b"out of paper").as_deref(), Some("out of paper"), "{media}");
        }
        for media in ["application/octet-stream", "image/png", "application/jsonp", "json", "", "application/pdf"] {
            assert_eq!(shown(media, b"out of paper"), None, "{media}");
        }
        assert_eq!(excerpt(&HeaderMap::new(), b"out of paper"), None);
        let packed = headers(&[("content-type", "text/plain"), ("content-encoding", "gzip")]);
        assert_eq!(excerpt(&packed, b"out of paper"), None);
    }

    #[test]
    fn a_text_is_shown_without_signs_that_steer_a_terminal_and_cut_between_two_characters() {
        let text = "\u{1b}[31mred\u{7}\r\n\ttext\u{202e}gnp\0 \u{85} end";
        assert_eq!(shown("text/plain", text.as_bytes()).as_deref(), Some("[31mred textgnp end"));
        assert_eq!(shown("text/plain", b"\xffa\xc3"), Some("\u{fffd}a\u{fffd}".to_owned()));
        assert_eq!(shown("text/plain", b"\r\n \x00"), None);
        assert_eq!(shown("text/plain", b""), None);

        let long = shown("text/plain", "aé".repeat(9_000).as_bytes()).unwrap();
        assert_eq!(long, format!("{}a", "aé".repeat(341)));
    }

    #[test]
    fn a_location_is_told_as_it_was_written_and_cut() {
        let told = |text: &'static str| location(&headers(&[("location", text)]));
        assert_eq!(told("/orders/?a=b"), Some("/orders/?a=b".to_owned()));
        assert_eq!(location(&HeaderMap::new()), None);
        let long = HeaderMap::from_iter([(LOCATION, "é".repeat(3_000).parse().unwrap())]);
        assert_eq!(location(&long), Some("é".repeat(2_048)));
    }
}
