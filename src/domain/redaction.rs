//! A body that was refused, without what is personal or secret, for the log of requests.
//!
//! What is kept is listed, so that what nobody thought of is hidden: of a JSON text the structure, names that look like names of members,
//! and of members that are known to name nobody the values that look like codes, amounts and times. It is read piece by piece and not as
//! a document, since what was refused is often none, or was cut off.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::CharIndices;

/// The most bytes of a body that are kept, and that are shown of it.
pub const KEPT_BYTES: usize = 16 * 1024;

/// Members whose values are kept if they look like codes, in snake case: what an order says of goods, amounts and times.
const KEPT: [&str; 38] = [
    "back_ordered_quantity",
    "cancelled_quantity",
    "confirmed_quantity",
    "currency",
    "customer_code",
    "decision",
    "delivered_at",
    "expected_line_amount",
    "expected_total",
    "expected_version",
    "kind",
    "kinds",
    "limit",
    "line_no",
    "max_in_flight",
    "on_exhausted",
    "order_number",
    "outcome",
    "overlap_hours",
    "partner_reference",
    "payload",
    "product_code",
    "promised_on",
    "quantity",
    "reason",
    "reference",
    "rejected_quantity",
    "request_number",
    "requested_delivery_date",
    "shipment_number",
    "shipped_at",
    "signatures",
    "since",
    "site_code",
    "status",
    "unit",
    "unit_price",
    "until",
];

/// Those of them that are lists.
const LISTS: [&str; 2] = ["kinds", "signatures"];

/// The longest run of characters of keys, hashes, tokens and base64 that is shown. Client secrets have 64, tokens and signatures hundreds.
const LONGEST_RUN: usize = 32;

/// A longer one is shown if no part of it between hyphens is longer than this, as those of UUIDs and of long order numbers.
const LONGEST_PART: usize = 12;

/// The longest name of a member that is shown.
const LONGEST_NAME: usize = 40;

/// The longest value that is shown.
const LONGEST_VALUE: usize = 70;

/// A text as it may be shown: long runs, such as secrets, tokens and signatures are, are counted instead.
#[must_use]
pub fn scrubbed(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_of_run(c)).unwrap_or(rest.len());
        let run = &rest[..end];
        if end > LONGEST_RUN && run.split('-').any(|part| part.len() > LONGEST_PART) {
            let _ = write!(shown, "<{end} characters>");
        } else {
            shown.push_str(run);
        }
        let next = rest[end..].char_indices().nth(1).map_or(rest.len(), |(at, _)| end + at);
        shown.extend(rest[end..next].chars().filter(|c| !c.is_control()));
        rest = &rest[next..];
    }
    shown
}

/// What keys, hashes, tokens and base64 are made of, also escaped for JSON or a URL.
const fn is_of_run(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=' | '.' | '~' | '%' | '\\')
}

/// The same, so many characters at most. It is cut after that: of a run that was cut before, the beginning would be a short one.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    scrubbed(text).chars().take(most).collect()
}

/// A JSON pointer whose names look like names of members.
#[must_use]
pub fn redacted_pointer(pointer: &str) -> String {
    let shown = |name: &str| if is_index(name) { name.to_owned() } else { member_name(name) };
    let parts: Vec<_> =
        pointer.split('/').map(|name| if name.is_empty() { String::new() } else { shown(name) }).collect();
    parts.join("/")
}

fn is_index(name: &str) -> bool {
    name.len() <= 5 && name.bytes().all(|b| b.is_ascii_digit())
}

/// What the message of a fault may tell: nothing that stands between quotes, which may be what was sent.
#[must_use]
pub fn without_quotes(message: &str) -> String {
    let parts = message.split('"').enumerate();
    let parts: Vec<_> = parts.map(|(index, part)| if index % 2 == 1 { "…" } else { part }).collect();
    scrubbed(&parts.join("\""))
}

/// The name of a member, if it looks like one; otherwise how long it is.
fn member_name(name: &str) -> String {
    let is_name = name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && is_scrubbed(name);
    if is_name { name.to_owned() } else { format!("<{} characters>", name.chars().count()) }
}

/// A body as it may be shown, and what is looked for in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// The body.
    pub text: String,
    /// The partner's own number of the order, if the body is of one order and has one.
    pub partner_reference: Option<String>,
}

/// A body, or the beginning of one, as it may be shown, in so many bytes at most.
#[must_use]
pub fn redact(body: &[u8], most: usize) -> Redacted {
    let most = most.min(KEPT_BYTES);
    let is_whole = body.len() <= most;
    let body = String::from_utf8_lossy(&body[..body.len().min(most)]);
    let mut reader =
        Reader { rest: body.char_indices().peekable(), body: &body, out: Redacted::default(), member: None, lists: 0 };
    let is_read = reader.read(most);
    let Redacted { mut text, partner_reference } = reader.out;
    if !is_whole || !is_read {
        text.push_str(" …");
    }
    Redacted { text, partner_reference }
}

struct Reader<'b> {
    body: &'b str,
    rest: Peekable<CharIndices<'b>>,
    out: Redacted,
    /// The member whose value comes next, in snake case.
    member: Option<String>,
    /// How many lists are open.
    lists: usize,
}

impl Reader<'_> {
    /// False where there would be more to show than is allowed.
    fn read(&mut self, most: usize) -> bool {
        while let Some((start, c)) = self.rest.next() {
            match c {
                '"' => self.text(),
                '{' | '}' | '[' | ']' => {
                    self.lists = match c {
                        '[' => self.lists + 1,
                        ']' => self.lists.saturating_sub(1),
                        _ => self.lists,
                    };
                    // What stands in it is not the member's own value.
                    self.member.take_if(|member| c != '[' || !LISTS.contains(&member.as_str()));
                    self.out.text.push(c);
                }
                ':' => self.out.text.push(c),
                ',' => self.out.text.push_str(", "),
                c if c.is_whitespace() => {}
                _ => self.word(start),
            }
            // What is written at once has at most as much as is read, and a few characters.
            if self.out.text.len() > most {
                return false;
            }
        }
        true
    }

    /// A text between quotes: a name when a colon follows, else a value.
    fn text(&mut self) {
        let start = self.rest.peek().map_or(self.body.len(), |(at, _)| *at);
        let (mut end, mut is_closed) = (self.body.len(), false);
        while let Some((at, c)) = self.rest.next() {
            match c {
                '\\' => drop(self.rest.next()),
                '"' => {
                    (end, is_closed) = (at, true);
                    break;
                }
                _ => {}
            }
        }
        let raw = &self.body[start..end];
        while self.rest.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        let text = if is_closed { unescaped(raw) } else { None };
        if is_closed && matches!(self.rest.peek(), Some((_, ':'))) {
            let name = text.unwrap_or(Cow::Borrowed(raw));
            let _ = write!(self.out.text, "\"{}\"", member_name(&name));
            self.member = Some(snake_case(&name));
            return;
        }
        match text.filter(|_| self.is_kept()) {
            Some(text) => {
                if self.lists == 0 && self.member.as_deref() == Some("partner_reference") {
                    self.out.partner_reference.get_or_insert_with(|| text.clone().into_owned());
                }
                let _ = match &*text {
                    code if is_code(code) => write!(self.out.text, "\"{code}\""),
                    other => write!(self.out.text, "\"<{} characters>\"", other.chars().count()),
                };
            }
            None => {
                let _ = write!(self.out.text, "\"<{} characters>\"", raw.chars().count());
            }
        }
        self.end_value();
    }

    /// A number, `true`, `false`, `null`, or what is no JSON.
    fn word(&mut self, start: usize) {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '{' | '}' | '[' | ']' | ':' | ',');
        while self.rest.next_if(|(_, c)| !is_end(*c)).is_some() {}
        let end = self.rest.peek().map_or(self.body.len(), |(at, _)| *at);
        let word = &self.body[start..end];
        let is_number = word.len() <= LONGEST_RUN && word.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        if matches!(word, "true" | "false" | "null") || (is_number && self.is_kept()) {
            self.out.text.push_str(word);
        } else {
            let _ = write!(self.out.text, "<{} characters>", word.chars().count());
        }
        self.end_value();
    }

    /// A member has one value, unless it is a list.
    fn end_value(&mut self) {
        self.member.take_if(|member| !LISTS.contains(&member.as_str()));
    }

    fn is_kept(&self) -> bool {
        self.member.as_deref().is_some_and(|member| KEPT.contains(&member))
    }
}

/// Whether a value looks like a code, an amount or a time: people and places have spaces and letters of their own.
fn is_code(text: &str) -> bool {
    text.len() <= LONGEST_VALUE
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/#+-".contains(&b))
        && is_scrubbed(text)
}

/// Whether a text without control characters would be shown as it is; a short one without a look at its runs.
fn is_scrubbed(text: &str) -> bool {
    text.len() <= LONGEST_RUN || scrubbed(text) == text
}

/// What a text of JSON says, if it is one.
fn unescaped(raw: &str) -> Option<Cow<'_, str>> {
    if raw.contains(|c: char| c == '\\' || c.is_control()) {
        serde_json::from_str(&format!("\"{raw}\"")).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(raw))
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
#[path = "redaction_tests.rs"]
mod tests;
