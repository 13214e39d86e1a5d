//! The answer to a refused connection: written in one piece, before anything is read.

use std::io::Read as _;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::connections::Refused;
use super::preface::PREFACE;
use crate::config::PublicUrl;
use crate::error::{AppError, ErrorCode};
use crate::telemetry;
use crate::wire::problem::documented_at;

/// How many refused connections are drained at the same time, for how long, and how many reads each gets.
pub const LINGERING: usize = 32;
const LINGER: Duration = Duration::from_millis(500);
const LINGER_READS: usize = 32;

impl Refused {
    /// The answer to the client.
    pub fn error(self) -> AppError {
        let (code, message) = match self {
            Self::Address => (
                ErrorCode::RateLimited,
                "This address has too many connections or streams open; use those, or close some, and send the request again",
            ),
            Self::Full => {
                (ErrorCode::Overloaded, "Too many connections or streams are open; send the request again shortly")
            }
        };
        AppError::new(code, message).retry_after(Duration::from_secs(1))
    }
}

/// Sends refusals.
pub struct Refusals {
    turns: Arc<Semaphore>,
    public_url: PublicUrl,
}

impl Refusals {
    /// None under way.
    pub fn new(public_url: PublicUrl) -> Self {
        Self { turns: Arc::new(Semaphore::new(LINGERING)), public_url }
    }

    /// Sends one, and closes the connection. A connection that is closed with something unread is reset, and then the other
    /// end's system may throw the answer away (RFC 9112 §9.6); so what the other end sends is read for a short while.
    pub fn send(&self, stream: TcpStream, refused: Refused) {
        let socket = SockRef::from(&stream);
        let answer = if begins_http2(&socket) { go_away(refused) } else { write(refused, &self.public_url).into() };
        // Not by the runtime, which has not looked yet whether there is room; on a new connection there is.
        let _ = socket.send(&answer);
        let _ = socket.shutdown(Shutdown::Write);
        let mut bytes = [MaybeUninit::uninit(); 4096];
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            tokio::spawn(async move {
                let _ = timeout(LINGER, read_on(&stream)).await;
                drop((stream, turn));
            });
        } else {
            // At least what has come already.
            let _ = (0..LINGER_READS).take_while(|_| matches!(socket.recv(&mut bytes), Ok(1..))).count();
        }
    }
}

/// Until the other end has closed too.
async fn read_on(stream: &TcpStream) {
    let mut bytes = [0; 4096];
    for _ in 0..LINGER_READS {
        let is_readable = stream.readable().await.is_ok();
        match stream.try_read(&mut bytes) {
            Ok(1..) => {}
            Err(error) if is_readable && error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

/// Whether what has come already is HTTP/2. It is read, as all of it is going to be.
fn begins_http2(mut socket: &Socket) -> bool {
    let mut bytes = [0; PREFACE.len()];
    socket.read(&mut bytes).is_ok() && bytes == *PREFACE
}

/// The same in HTTP/2 (RFC 9113 §6.5, §6.8): settings, which come first; then that no stream was looked at, and why.
fn go_away(refused: Refused) -> Vec<u8> {
    let error = refused.error();
    telemetry::count_connection_refused(error.code);
    let length = u8::try_from(8 + error.message.len()).unwrap_or(u8::MAX);
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let head = [0, 0, length, 7, 0, 0, 0, 0, 0];
    let code = [0, 0, 0, 0, 0, 0, 0, 0xb];
    let text = &error.message.as_bytes()[..usize::from(length - 8)];
    [&settings[..], &head, &code, text].concat()
}

fn write(refused: Refused, public_url: &PublicUrl) -> String {
    let error = refused.error();
    let (code, message) = (error.code, &error.message);
    let (status, title) = (code.status(), code.title());
    let kind = documented_at(code, public_url);
    let reason = axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let body = format!(
        r#"{{"type":"{kind}","title":"{title}","status":{status},"detail":"{message}","code":"{code}","message":"{message}"}}"#
    );
    telemetry::count_connection_refused(code);
    format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}",
        reason.unwrap_or_default(),
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Refuses a client that has sent a request with so large a body already; gives what it reads until the connection ends
    /// well. Linux gives what came before a reset all the same, others need not; that there was none shows when the client
    /// sends on.
    async fn refuse(refusals: &Refusals, body: usize) -> String {
        let head = format!("POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-length: {body}\r\n\r\n");
        String::from_utf8(refuse_one(refusals, &[head.as_bytes(), &vec![b' '; body]].concat()).await).unwrap()
    }

    async fn refuse_one(refusals: &Refusals, sent: &[u8]) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(sent).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        refusals.send(stream, Refused::Full);
        // What the service does by itself it has begun now.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        client.write_all(&[b' '; 1_000]).await.expect("the connection was not reset");
        answer
    }

    #[tokio::test]
    async fn a_refused_client_reads_why_although_it_has_sent_a_request_already() {
        let lingering = Refusals::new(PublicUrl::default());
        let crowded = Refusals { turns: Arc::new(Semaphore::new(0)), public_url: PublicUrl::default() };
        // What comes while the refusal is sent is read on for a while; where many are refused, what has come already.
        for (refusals, body) in [(&lingering, 0), (&lingering, 60_000), (&crowded, 0), (&crowded, 1_000)] {
            let answer = refuse(refusals, body).await;
            assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
            assert!(answer.contains("retry-after: 1\r\n") && answer.ends_with('}'), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_client_that_speaks_http_2_is_told_in_its_own_words() {
        let refusals = Refusals::new(PublicUrl::default());
        let answer = refuse_one(&refusals, PREFACE).await;
        let message = "Too many connections or streams are open; send the request again shortly";
        let length = u8::try_from(8 + message.len()).unwrap();
        let head = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, length, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];
        assert_eq!(answer, [&head[..], message.as_bytes()].concat());
    }
}
