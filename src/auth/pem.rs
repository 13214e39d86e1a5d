//! PEM envelopes (RFC 7468), read leniently: any line ends and widths, also those that were written out as `\n`, and any
//! text around the envelopes. A file in UTF-16, as editors on Windows write it, is read too.

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

/// The text of a file. Of one in UTF-16 it is enough to leave the other half of each character out: all that matters is
/// ASCII.
#[must_use]
pub fn text(file: &[u8]) -> Zeroizing<String> {
    let plain: Zeroizing<Vec<u8>> = Zeroizing::new(file.iter().copied().filter(|byte| *byte != 0).collect());
    Zeroizing::new(String::from_utf8_lossy(&plain).into_owned())
}

/// Whether a text is long base64 and nothing else.
pub(super) fn is_base64(text: &str) -> bool {
    let plain: Zeroizing<String> = Zeroizing::new(text.split_ascii_whitespace().collect());
    plain.len() > 100 && STANDARD.decode(plain.as_bytes()).is_ok()
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
        // In environment variables and JSON, line ends are often written out, and sometimes twice.
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '\\' | '\0');
        let mut after_backslash = false;
        for c in self.body?.chars() {
            let is_escape = after_backslash && matches!(c, 'n' | 'r' | 't');
            after_backslash = c == '\\';
            if !is_escape && !is_end(c) {
                text.push(c);
            }
        }
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
    fn line_ends_that_were_written_out_are_line_ends() {
        for end in ["\\n", "\\r\\n", "\\\\n", "\\\n", "\n\\n", "\r", " "] {
            let text = format!("\"-----BEGIN A-----{end}AQ{end}ID{end}-----END A-----{end}\"");
            assert_eq!(blocks(&text)[0].der().unwrap().as_slice(), [1, 2, 3], "{text}");
        }
    }

    #[test]
    fn a_file_in_utf_16_is_read() {
        let file = "\u{feff}-----BEGIN A-----\r\nAQID\r\n-----END A-----\r\n";
        let (little, big): (Vec<_>, Vec<_>) =
            file.encode_utf16().map(|unit| (unit.to_le_bytes(), unit.to_be_bytes())).unzip();
        for bytes in [little.concat(), big.concat(), little[1..].concat(), big[1..].concat(), file.as_bytes().to_vec()]
        {
            assert_eq!(blocks(&text(&bytes))[0].der().unwrap().as_slice(), [1, 2, 3]);
        }
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
