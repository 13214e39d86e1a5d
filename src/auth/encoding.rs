//! The text encodings of `X-SIGNATURE`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::hint::Hint;

/// The encoding of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Standard base64, with or without padding.
    Base64,
    /// base64url, with or without padding.
    Base64Url,
    /// Hexadecimal digits of either case.
    Hex,
}

/// Why a signature cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncodingProblem {
    /// White space within it.
    Whitespace,
    /// No encoding the service reads.
    NotBase64,
    /// What it encodes is itself base64 or hexadecimal text.
    EncodedTwice,
}

impl EncodingProblem {
    /// The hint that names the problem to the client.
    #[must_use]
    pub const fn hint(self) -> Hint {
        match self {
            Self::Whitespace => Hint::SignatureHasWhitespace,
            Self::NotBase64 => Hint::SignatureNotBase64,
            Self::EncodedTwice => Hint::SignatureEncodedTwice,
        }
    }
}

/// Reads a signature's bytes and tells how they were written.
///
/// An even number of hexadecimal digits and nothing else is hex: base64 text as long as any RSA signature has other
/// letters too, with a chance of exception below 10^-150. base64 is read strictly: whole padding or none, and no stray
/// bits after the last byte, so that a signature has no second spelling within one encoding.
pub fn decode_signature(raw: &str) -> Result<(Vec<u8>, SignatureEncoding), EncodingProblem> {
    if raw.contains(char::is_whitespace) {
        return Err(EncodingProblem::Whitespace);
    }
    if raw.is_empty() {
        return Err(EncodingProblem::NotBase64);
    }
    let (bytes, encoding) = if let Ok(bytes) = hex::decode(raw) {
        (bytes, SignatureEncoding::Hex)
    } else {
        let url = raw.contains(['-', '_']);
        let engine = match (url, raw.ends_with('=')) {
            (false, true) => STANDARD,
            (false, false) => STANDARD_NO_PAD,
            (true, true) => URL_SAFE,
            (true, false) => URL_SAFE_NO_PAD,
        };
        let bytes = engine.decode(raw).map_err(|_| EncodingProblem::NotBase64)?;
        (bytes, if url { SignatureEncoding::Base64Url } else { SignatureEncoding::Base64 })
    };
    if is_encoded_text(&bytes) { Err(EncodingProblem::EncodedTwice) } else { Ok((bytes, encoding)) }
}

/// Whether the bytes read as base64 or hex text; no true signature of 256 bytes ever does (chance below 10^-150).
fn is_encoded_text(bytes: &[u8]) -> bool {
    bytes.len() >= 128 && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(length: usize) -> Vec<u8> {
        (0..length).map(|index| u8::try_from(index * 37 % 251).unwrap_or(0) ^ 0xA5).collect()
    }

    #[test]
    fn every_accepted_encoding_gives_the_same_bytes() {
        for length in [256, 257, 258, 384, 512, 1024] {
            let bytes = sample(length);
            for (text, encoding) in [
                (STANDARD.encode(&bytes), SignatureEncoding::Base64),
                (STANDARD_NO_PAD.encode(&bytes), SignatureEncoding::Base64),
                (URL_SAFE.encode(&bytes), SignatureEncoding::Base64Url),
                (URL_SAFE_NO_PAD.encode(&bytes), SignatureEncoding::Base64Url),
                (hex::encode(&bytes), SignatureEncoding::Hex),
                (hex::encode_upper(&bytes), SignatureEncoding::Hex),
            ] {
                assert_eq!(decode_signature(&text), Ok((bytes.clone(), encoding)), "{text}");
            }
        }
    }

    #[test]
    fn white_space_within_is_named() {
        let text = STANDARD.encode(sample(256));
        for broken in [format!("{} {}", &text[..64], &text[64..]), format!("{text}\n"), text.replace('+', " ")] {
            assert_eq!(decode_signature(&broken), Err(EncodingProblem::Whitespace));
        }
    }

    #[test]
    fn text_that_is_no_base64_is_named() {
        let text = STANDARD.encode(sample(256));
        for broken in
            ["", "not base64!".replace(' ', "").as_str(), &text.replace("==", "%3D%3D"), &format!("\"{text}\"")]
        {
            assert_eq!(decode_signature(broken), Err(EncodingProblem::NotBase64), "{broken}");
        }
    }

    #[test]
    fn a_signature_has_no_second_spelling_in_base64() {
        let text = STANDARD.encode(sample(256));
        let stem = text.strip_suffix("==").unwrap();
        let half_padded = format!("{stem}=");
        let over_padded = format!("{text}=");
        let mut stray_bits = stem.to_owned();
        let last = stray_bits.pop().unwrap();
        stray_bits.push(char::from(u8::try_from(last).unwrap() + 1));
        let two_alphabets = text.replacen('/', "_", 1);
        assert!(text.matches('/').count() > 1, "{text}");
        for broken in [&half_padded, &over_padded, &stray_bits, &two_alphabets] {
            assert_eq!(decode_signature(broken), Err(EncodingProblem::NotBase64), "{broken}");
        }
    }

    #[test]
    fn a_signature_encoded_twice_is_named() {
        let bytes = sample(256);
        for twice in [
            STANDARD.encode(hex::encode(&bytes)),
            STANDARD.encode(STANDARD.encode(&bytes)),
            hex::encode(STANDARD.encode(&bytes)),
        ] {
            assert_eq!(decode_signature(&twice), Err(EncodingProblem::EncodedTwice));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        #[test]
        fn no_text_makes_reading_panic(text in "[a-fXYZ0123+/_= %é\\-\0\n]{0,70}") {
            let _ = decode_signature(&text);
        }
    }
}
