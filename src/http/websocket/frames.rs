//! Where a client's frames begin and end (RFC 6455 §5.2), whatever tungstenite makes of them.
//!
//! After a frame that is too large or breaks a rule, tungstenite reads no further and does not tell how much of that frame it
//! has read. The client's Close comes behind it, and a payload, which is masked with a random key, may look like one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The opcode of a Close (§5.5.1).
const CLOSE: u8 = 0x8;

/// A client's stream, of which it is known whether its Close was read.
pub struct Frames<S> {
    stream: S,
    /// What is read of the current frame's head.
    head: Vec<u8>,
    /// How many bytes of the current frame's payload are still to come.
    payload_left: u64,
    /// The current frame's first byte.
    first: Option<u8>,
    is_closed: bool,
    is_in_message: bool,
}

impl<S> Frames<S> {
    /// Follows a stream on which nothing was read since the handshake.
    pub fn new(stream: S) -> Self {
        Self { stream, head: Vec::new(), payload_left: 0, first: None, is_closed: false, is_in_message: false }
    }

    /// Whether the client's Close was read to its end.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether the end of a message is still to come.
    pub fn is_in_message(&self) -> bool {
        self.is_in_message && !self.is_closed
    }

    fn follow(&mut self, mut bytes: &[u8]) {
        while !self.is_closed {
            let passed = bytes.len().min(usize::try_from(self.payload_left).unwrap_or(usize::MAX));
            self.payload_left -= passed as u64;
            bytes = &bytes[passed..];
            if let Some(first) = self.first
                && self.payload_left == 0
            {
                self.is_closed |= first & 0x0f == CLOSE;
                self.is_in_message &= !(is_data(first) && first & 0x80 != 0);
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.head.push(byte);
            if let Some(length) = payload_length(&self.head) {
                self.payload_left = length;
                self.first = Some(self.head[0]);
                self.is_in_message |= is_data(self.head[0]);
                self.head.clear();
            }
        }
    }
}

/// Whether a frame that begins so is of a message. Others may come between those of one (§5.4).
const fn is_data(first: u8) -> bool {
    first & 0x08 == 0
}

/// How many bytes a frame's payload has, once its head is whole.
fn payload_length(head: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = head else { return None };
    let (short, is_masked) = (second & 0x7f, second & 0x80 != 0);
    let extended = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if rest.len() < extended + if is_masked { 4 } else { 0 } {
        return None;
    }
    let length = rest[..extended].iter().fold(0, |length, &byte| length << 8 | u64::from(byte));
    Some(if extended == 0 { short.into() } else { length })
}

impl<S: AsyncRead + Unpin> AsyncRead for Frames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.follow(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let masked = if mask.is_some() { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        let length = payload.len();
        if let Some(short) = u8::try_from(length).ok().filter(|short| *short < 126) {
            frame.push(masked | short);
        } else if let Ok(extended) = u16::try_from(length) {
            frame.push(masked | 0x7e);
            frame.extend(extended.to_be_bytes());
        } else {
            frame.push(masked | 0x7f);
            frame.extend((length as u64).to_be_bytes());
        }
        frame.extend(mask.into_iter().flatten());
        frame.extend(payload);
        frame
    }

    #[test]
    fn the_close_of_a_client_is_found_behind_frames_of_every_length_however_they_are_split() {
        let closes =
            [frame(CLOSE, b"", Some([1; 4])), frame(CLOSE, &[7; 125], Some([2; 4])), frame(CLOSE, b"ab", None)];
        // A payload that is nothing but Closes.
        let like_a_close = closes[0].repeat(14_000);
        let before: Vec<_> = [0, 1, 125, 126, 65_535, 65_536, 70_000]
            .into_iter()
            .flat_map(|length| frame(1, &like_a_close[..length], Some([0x88; 4])))
            .collect();
        for close in closes {
            for size in [1, 2, 3, 7, 2048, usize::MAX] {
                let mut frames = Frames::new(());
                let bytes = [&before[..], &close].concat();
                let (last, others) = bytes.split_last().unwrap();
                for chunk in others.chunks(size.min(others.len())) {
                    frames.follow(chunk);
                    assert!(!frames.is_closed(), "{size}");
                }
                frames.follow(&[*last]);
                assert!(frames.is_closed(), "{size}");
            }
        }
    }
}
