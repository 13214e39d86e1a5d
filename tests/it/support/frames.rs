use std::io::ErrorKind;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::in_time;

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;

/// A WebSocket of which a test sends and reads each frame itself (RFC 6455 §5.2).
pub struct Frames(TcpStream);

impl Frames {
    /// Opens a connection that has said nothing yet.
    pub async fn open(base: &str, path: &str) -> Self {
        let mut stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
        let handshake = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        );
        stream.write_all(handshake.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(in_time("the answer to the handshake", stream.read_u8()).await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    /// Opens a connection for a client with this token, which is acknowledged.
    pub async fn log_in(base: &str, token: &str) -> Self {
        let mut frames = Self::open(base, "/graphql/ws").await;
        frames.send_json(&json!({"type": "connection_init", "payload": {"token": token}})).await;
        assert_eq!(frames.next().await, Some((TEXT, br#"{"type":"connection_ack"}"#.to_vec())));
        frames
    }

    /// Sends a frame with this first byte.
    pub async fn send(&mut self, head: u8, payload: &[u8]) {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![head];
        match payload.len() {
            short @ ..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            middle @ ..65_536 => {
                frame.push(0x80 | 0x7e);
                frame.extend(u16::try_from(middle).unwrap().to_be_bytes());
            }
            long => {
                frame.push(0x80 | 0x7f);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.send_bytes(&frame).await;
    }

    pub async fn send_json(&mut self, message: &Value) {
        self.send(TEXT, message.to_string().as_bytes()).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next frame, by its first byte and its payload; none when TCP has ended, which must not be by a reset. The service's
    /// pings are passed over.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        in_time("the next frame", async {
            loop {
                let frame = self.next_of_any().await;
                if frame.as_ref().is_none_or(|(head, _)| *head != PING) {
                    return frame;
                }
            }
        })
        .await
    }

    async fn next_of_any(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = match self.0.read_u8().await {
            Ok(head) => head,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return None,
            Err(error) => panic!("{error}"),
        };
        let length = match self.0.read_u8().await.unwrap() {
            126 => self.0.read_u16().await.unwrap().into(),
            127 => usize::try_from(self.0.read_u64().await.unwrap()).unwrap(),
            short => short.into(),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.unwrap();
        Some((head, payload))
    }

    /// The payload of the Close, whatever comes before it; the frame must be there.
    pub async fn close(&mut self) -> Vec<u8> {
        loop {
            match self.next().await {
                Some((CLOSE, payload)) => return payload,
                Some(_) => {}
                None => panic!("TCP has ended without a Close"),
            }
        }
    }

    /// The code and the reason of the Close.
    pub async fn closed(&mut self) -> (u16, String) {
        let payload = self.close().await;
        let (code, reason) = payload.split_at(2);
        (u16::from_be_bytes(code.try_into().unwrap()), String::from_utf8(reason.to_vec()).unwrap())
    }
}
