//! How a connection ends (RFC 6455 §5.5.1, §7.1): each side sends a Close, and then the service ends TCP, so that browsers
//! read a clean end with its code instead of 1006.

use std::time::Duration;

use futures_util::SinkExt as _;
use futures_util::stream::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::protocol::{Close, close_because};
use super::reasons;

/// How long a client may take to answer that a connection ends, and then to end TCP.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How many bytes a Close has for its reason (RFC 6455 §5.5).
const MAX_REASON: usize = 123;

/// How many bytes of a word may be left out, rather than to end in its middle.
const MAX_WORD: usize = 30;

/// How a connection ends.
pub enum End {
    /// The client sent a Close.
    Theirs,
    /// The service sends one.
    Ours(Close),
    /// It is gone.
    Lost,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Ours(close)
    }
}

impl End {
    /// After something came that cannot be read (RFC 6455 §7.4.1).
    pub fn unreadable(error: &Error, max_message_bytes: usize) -> Self {
        Self::Ours(match error {
            Error::Capacity(_) => close_because(1009, format!("A message has at most {max_message_bytes} bytes")),
            Error::Utf8(_) => close_because(1007, reasons::NOT_UTF8),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Self::Lost,
            Error::Protocol(error) => close_because(1002, format!("Not as RFC 6455 says: {error}")),
            _ => return Self::Lost,
        })
    }
}

/// Ends a connection.
pub async fn end<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>, end: End) {
    let closing = async {
        match end {
            End::Lost => false,
            // tungstenite holds the answer ready: the same code, or 1002 to one that nobody may send.
            End::Theirs => socket.flush().await.is_ok(),
            End::Ours(Close(code, reason)) => {
                let frame = CloseFrame { code: code.into(), reason: shortened(reason).into() };
                if socket.send(Message::Close(Some(frame))).await.is_err() {
                    return false;
                }
                loop {
                    match socket.next().await {
                        Some(Ok(_)) => {}
                        Some(Err(_)) => break pass_over(socket.get_mut()).await,
                        None => break,
                    }
                }
                true
            }
        }
    };
    if !timeout(CLOSE_TIMEOUT, closing).await.unwrap_or(true) {
        return;
    }
    // What still comes is read on: with bytes that nobody read, the system would reset the connection, and the Close could be
    // lost on its way.
    let _ = timeout(CLOSE_TIMEOUT, async {
        let stream = socket.get_mut();
        let mut bytes = [0; 4096];
        if stream.shutdown().await.is_ok() {
            while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
        }
    })
    .await;
}

/// Reads what follows something that could not be read, such as the rest of a message that is too large, up to the client's own
/// Close: a client whose Close is still on its way when TCP ends takes the end for an unclean one.
async fn pass_over(stream: &mut (impl AsyncRead + Unpin)) {
    let (mut tail, mut bytes) = (Vec::new(), [0; 2048]);
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        tail.extend_from_slice(&bytes[..read]);
        tail.drain(..tail.len().saturating_sub(LONGEST_CLOSE));
        if ends_with_close(&tail) {
            return;
        }
    }
}

/// Bytes: a head, a mask and a payload of at most 125.
const LONGEST_CLOSE: usize = 2 + 4 + 125;

/// Whether a client's Close stands at the end.
fn ends_with_close(tail: &[u8]) -> bool {
    (6..=tail.len()).any(|length| {
        let frame = &tail[tail.len() - length..];
        frame[0] == 0x88 && usize::from(frame[1]) == 0x80 + length - 6
    })
}

/// As much of a reason as a Close can hold, up to the end of a word.
fn shortened(mut reason: String) -> String {
    if reason.len() > MAX_REASON {
        let end = reason.floor_char_boundary(MAX_REASON - '…'.len_utf8());
        reason.truncate(end);
        let word = reason.rfind(' ').filter(|space| end - space <= MAX_WORD);
        reason.truncate(word.unwrap_or(end));
        reason.push('…');
    }
    reason
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;
    use tokio_tungstenite::tungstenite::error::CapacityError;

    use super::super::parameters::authorization;
    use super::super::protocol::unknown;
    use super::*;

    #[test]
    fn a_reason_keeps_its_letters_and_ends_with_a_word() {
        let words = |word: &str| vec![word; 60].join(" ");
        let cases = [
            ("für ÅÄÖ – 注文".to_owned(), "für ÅÄÖ – 注文".to_owned()),
            ("x".repeat(123), "x".repeat(123)),
            ("x".repeat(124), format!("{}…", "x".repeat(120))),
            ("é".repeat(100), format!("{}…", "é".repeat(60))),
            ("注".repeat(100), format!("{}…", "注".repeat(40))),
            (words("four"), format!("{}…", vec!["four"; 24].join(" "))),
            (words("grün"), format!("{}…", vec!["grün"; 20].join(" "))),
            (format!("Subscriber for {}", "x".repeat(200)), format!("Subscriber for {}…", "x".repeat(105))),
        ];
        for (reason, kept) in cases {
            assert_eq!(shortened(reason.clone()), kept, "{reason}");
            assert!(kept.len() <= MAX_REASON, "{reason}");
        }
    }

    #[test]
    fn every_reason_that_is_ours_fits_into_a_close() {
        let former = ["start", "stop", "connection_terminate"].map(|kind| unknown(Some(kind)).1);
        let two = json!({"authToken": "a", "token": "b"});
        let two = authorization(Some(two)).err().map(|Close(_, reason)| reason);
        let large = End::unreadable(&Error::Capacity(CapacityError::TooManyHeaders), usize::MAX);
        let End::Ours(Close(_, large)) = large else { panic!("no Close") };
        let told = former.into_iter().chain(two).chain([large, unknown(Some(&"x".repeat(99))).1, unknown(None).1]);
        let told: HashSet<_> = told.chain(reasons::ALL.map(str::to_owned)).collect();
        assert_eq!(told.len(), 7 + reasons::ALL.len());
        for reason in told {
            assert!(reason.len() <= MAX_REASON, "{} bytes: {reason}", reason.len());
        }
    }
}
