//! The first bytes of a connection, which tell by which HTTP it speaks.

/// How long it is.
pub const PREFACE_BYTES: usize = 24;

/// What a client sends first that knows the server to speak HTTP/2 (RFC 9113 §3.4). No method of HTTP/1.1 begins so.
pub const PREFACE: &[u8; PREFACE_BYTES] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What was read to find it out, and is to be read again by whoever serves the connection.
#[derive(Debug, Default)]
pub struct Preface {
    bytes: [u8; PREFACE_BYTES],
    read: u8,
    given: u8,
}

impl Preface {
    /// Whether this is HTTP/2, once that is known.
    pub fn is_http2(&self) -> Option<bool> {
        let read = &self.bytes[..usize::from(self.read)];
        if PREFACE.starts_with(read) { (read.len() == PREFACE.len()).then_some(true) } else { Some(false) }
    }

    /// Where the next bytes are to be read to.
    pub fn unread(&mut self) -> &mut [u8] {
        &mut self.bytes[usize::from(self.read)..]
    }

    /// So many were read.
    pub fn advance(&mut self, bytes: usize) {
        self.read += u8::try_from(bytes).unwrap_or_default();
    }

    /// What is to be read again, up to so much of it.
    pub fn give(&mut self, most: usize) -> &[u8] {
        let from = self.given;
        let left = u8::try_from(most).unwrap_or(u8::MAX).min(self.read - from);
        self.given += left;
        &self.bytes[usize::from(from)..usize::from(from + left)]
    }

    /// Whether all of it was read again.
    pub const fn is_given(&self) -> bool {
        self.given == self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_is_another_one_tells_and_every_byte_is_given_again() {
        for (begins, expected) in [
            (&b""[..], None),
            (b"P", None),
            (b"POST", Some(false)),
            (b"GET / HTTP/1.1", Some(false)),
            (b"PRI * HTTP/1.1", Some(false)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", None),
            (PREFACE, Some(true)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", Some(false)),
        ] {
            let mut preface = Preface::default();
            preface.unread()[..begins.len()].copy_from_slice(begins);
            preface.advance(begins.len());
            assert_eq!(preface.is_http2(), expected, "{begins:?}");
            let (first, rest) = (preface.give(3).to_vec(), preface.give(usize::MAX).to_vec());
            assert!([first, rest].concat() == begins && preface.is_given());
        }
    }
}
