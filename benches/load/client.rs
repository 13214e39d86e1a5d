//! One HTTP/1.1 connection that costs next to nothing, so that what is measured has the machine to itself.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer takes this long; a run must come to an end.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer, whole.
pub struct Answer<'c> {
    pub status: u16,
    pub head: &'c [u8],
    pub body: &'c [u8],
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and waits for its whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        timeout(PATIENCE, self.send(request)).await.context("no answer in time")?
    }

    async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let (status, head, length) = loop {
            ensure!(self.stream.read_buf(&mut self.received).await? > 0, "the connection was closed");
            if let Some(head) = read_head(&self.received)? {
                break head;
            }
        };
        while self.received.len() < head + length {
            ensure!(self.stream.read_buf(&mut self.received).await? > 0, "the connection was closed");
        }
        ensure!(self.received.len() == head + length, "there is more than one answer");
        let (head, body) = self.received.split_at(head);
        Ok(Answer { status, head, body })
    }
}

/// Status, and how long head and body are, once the head is there.
fn read_head(received: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(received)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let Some(length) = length.and_then(|length| std::str::from_utf8(length.value).ok()?.parse().ok()) else {
        bail!("the answer does not say how long it is");
    };
    Ok(Some((response.code.unwrap_or_default(), head, length)))
}

impl Answer<'_> {
    /// Fails unless the answer has this status, naming its code.
    pub fn expect(&self, status: u16) -> Result<()> {
        if self.status == status {
            return Ok(());
        }
        let body = String::from_utf8_lossy(self.body);
        let code = body.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
        bail!("{} {}", self.status, code.unwrap_or("without a code"))
    }
}

/// A request with a JSON body.
pub fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
    );
    [&head, &headers, "\r\n", body].concat().into_bytes()
}
