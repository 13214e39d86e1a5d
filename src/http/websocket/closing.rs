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

/// How long a client may take to answer that a connection ends, and then to end TCP.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

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
            Error::Utf8(_) => close_because(1007, "A text must be UTF-8"),
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
                // Close reasons have at most 123 bytes (RFC 6455 §5.5).
                let reason: String = reason.chars().filter(char::is_ascii).take(120).collect();
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                if socket.send(Message::Close(Some(frame))).await.is_err() {
                    return false;
                }
                while let Some(Ok(_)) = socket.next().await {}
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
