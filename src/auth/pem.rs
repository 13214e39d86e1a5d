//! PEM envelopes (RFC 7468), read leniently: any line ends and widths, and any text around the envelopes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// One envelope in a text.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// What it says it holds: `PUBLIC KEY`, `CERTIFICATE`, …
    pub(super) label: &'a str,
    /// The text between its two border lines; none when the end line is missing.
    body: Option<&'a str>,
}

/// All envelopes of a text, in their order.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after_begin)) = rest.split_once(BEGIN) {
        rest = after_begin;
        let Some((label, content)) = after_begin.split_once(DASHES) else { break };
        let body = content.split_once(&format!("{DASHES}END {label}{DASHES}")).map(|(body, _)| body);
        found.push(Block { label, body });
    }
    found
}

impl Block<'_> {
    /// Whether the content is encrypted in the manner of old OpenSSL files, which say so in a header line.
    pub(super) fn is_legacy_encrypted(&self) -> bool {
        self.body.is_some_and(|body| body.contains("ENCRYPTED"))
    }

    /// The content; none when it is cut off or is not base64. Wiped from memory after use: it may be a private key.
    pub(super) fn der(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(String::with_capacity(self.body?.len()));
        text.extend(self.body?.split_ascii_whitespace());
        STANDARD.decode(text.as_bytes()).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_found_in_surrounding_text_with_any_line_ends() {
        let text = "\u{feff}Subject: x\r\n\r\n -----BEGIN A B-----\r\n AQ\r\nID \r\n-----END A B-----\r\n trailing";
        let found = blocks(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].label, "A B");
        assert_eq!(found[0].der().unwrap().as_slice(), [1, 2, 3]);
    }

    #[test]
    fn a_damaged_envelope_has_no_content() {
        for text in [
            "-----BEGIN A-----\nAQID\n",
            "-----BEGIN A-----\nAQID\n-----END B-----",
            "-----BEGIN A-----\nAQI\n-----END A-----",
            "-----BEGIN A-----\nA?ID\n-----END A-----",
        ] {
            assert!(blocks(text)[0].der().is_none(), "{text}");
        }
        assert!(blocks("-----BEGIN A").is_empty());
    }

    #[test]
    fn several_envelopes_are_all_found() {
        let text = "-----BEGIN A-----\n-----END A-----\n-----BEGIN B-----\n-----END B-----";
        assert_eq!(blocks(text).iter().map(|block| block.label).collect::<Vec<_>>(), ["A", "B"]);
    }
}
