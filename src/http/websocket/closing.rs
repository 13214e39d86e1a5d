//! How a connection ends (RFC 6455 §5.5.1, §7.1): each side sends a Close, and then the service ends TCP, so that browsers
//! read a clean end with its code instead of 1006.

use std::time::Duration;

use futures_util::SinkExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::frames::Frames;
use super::protocol::{Close, close_because};
use super::reasons;

/// How long a client may take to answer that a connection ends, and then to end TCP.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the rest of a message is waited for before its client is told that the connection ends, and how many bytes of it
/// are read.
const REST_TIMEOUT: Duration = Duration::from_secs(1);
const REST_BYTES: usize = 16 << 20;

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
pub async fn end<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<Frames<S>>, end: End) {
    if let End::Ours(_) = end {
        // A browser that is told in the middle of its message drops the rest, and calls that an unclean end.
        let _ = timeout(REST_TIMEOUT, pass_over_message(socket.get_mut())).await;
    }
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
                // A client whose own Close is still on its way when TCP ends takes the end for an unclean one.
                pass_over(socket.get_mut()).await;
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

/// Reads up to the client's own Close, over whatever it had under way.
async fn pass_over<S: AsyncRead + Unpin>(frames: &mut Frames<S>) {
    let mut bytes = [0; 4096];
    while !frames.is_closed() && frames.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}

/// Reads up to the end of the message that is under way.
async fn pass_over_message<S: AsyncRead + Unpin>(frames: &mut Frames<S>) {
    let (mut bytes, mut left) = ([0; 4096], REST_BYTES);
    while frames.is_in_message() && left > 0 {
        match frames.read(&mut bytes).await {
            Ok(read) if read > 0 => left = left.saturating_sub(read),
            _ => return,
        }
    }
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

    use futures_util::stream::StreamExt as _;
    use serde_json::json;
    use tokio::io::duplex;
    use tokio_tungstenite::tungstenite::error::CapacityError;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

    use super::super::parameters::authorization;
    use super::super::protocol::unknown;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_service_ends_tcp_after_the_close_of_a_client_whose_message_was_too_large_has_come() {
        let (mut client, stream) = duplex(1 << 20);
        let config = WebSocketConfig::default().max_message_size(Some(100)).max_frame_size(Some(100));
        let mut socket = WebSocketStream::from_raw_socket(Frames::new(stream), Role::Server, Some(config)).await;
        let close = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf1];
        // A text of 80,000 bytes, each eight of which look like a Close, but for the last one.
        let message = [&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0x38, 0x80, 0, 0, 0, 0][..], &close.repeat(10_000)].concat();
        let (last, others) = message.split_last().unwrap();
        client.write_all(others).await.unwrap();
        let error = socket.next().await.unwrap().unwrap_err();
        let serving = tokio::spawn(async move { end(socket, End::unreadable(&error, 100)).await });
        let mut told = [0; 4];
        client.read_exact(&mut told).await.unwrap();
        assert_eq!((told[0], &told[2..]), (0x88, &[0x03, 0xf1][..]), "1009");
        let mut reason = vec![0; usize::from(told[1]) - 2];
        client.read_exact(&mut reason).await.unwrap();
        client.write_all(&[*last]).await.unwrap();
        let early = timeout(CLOSE_TIMEOUT * 9 / 10, client.read_u8()).await;
        assert!(early.is_err(), "TCP ended before the client's Close came");
        client.write_all(&close).await.unwrap();
        assert!(client.read_u8().await.is_err(), "TCP ends");
        drop(client);
        serving.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_told_that_its_message_is_too_large_when_it_has_sent_it_or_stands_still() {
        for stands_still in [false, true] {
            let (mut client, stream) = duplex(1 << 20);
            let config = WebSocketConfig::default().max_message_size(Some(100)).max_frame_size(Some(100));
            let mut socket = WebSocketStream::from_raw_socket(Frames::new(stream), Role::Server, Some(config)).await;
            // A text in two frames, with a Ping between them.
            let first = [&[0x01, 0xfe, 0, 200, 0, 0, 0, 0][..], &[b' '; 200]].concat();
            let rest = [&[0x89, 0x80, 0, 0, 0, 0, 0x80, 0x81, 0, 0, 0, 0][..], b" "].concat();
            client.write_all(&first).await.unwrap();
            let error = socket.next().await.unwrap().unwrap_err();
            let serving = tokio::spawn(async move { end(socket, End::unreadable(&error, 100)).await });
            let early = timeout(REST_TIMEOUT * 9 / 10, client.read_u8()).await;
            assert!(early.is_err(), "it was told in the middle of its message");
            if !stands_still {
                client.write_all(&rest).await.unwrap();
            }
            let told = timeout(REST_TIMEOUT / 2, client.read_u8()).await;
            assert_eq!(told.unwrap().unwrap(), 0x88, "a Close");
            drop(client);
            serving.await.unwrap();
        }
    }

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
