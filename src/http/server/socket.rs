//! A socket that keeps the time limits of its connection. Here, and not around an answer, so that they hold for every byte
//! of every answer, also for those that wait in a buffer.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::Connection;
use super::preface::{PREFACE_BYTES, Preface};
use super::transport::Transport;

/// How long a closed connection is read on, so that what the other end still sends does not make its system throw away the
/// last answer (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(1);

/// How much is read on.
const LINGER_BYTES: usize = 1024 * 1024;

/// The socket.
pub struct Socket<S = TcpStream> {
    stream: S,
    connection: Arc<Connection>,
    preface: Preface,
    /// Whoever speaks HTTP/2 on it knows of its streams, and keeps the limits of reading itself.
    is_http2: bool,
    reading: Timer,
    writing: Timer,
    /// Since when something has been waiting to be sent.
    stalled: Option<Instant>,
    told: Duration,
    is_closed: bool,
    is_peer_closed: bool,
    lingering: Option<(Instant, usize)>,
}

impl<S: Transport> Socket<S> {
    /// A socket for this connection.
    pub fn new(stream: S, connection: Arc<Connection>) -> Self {
        stream.prepare();
        Self {
            stream,
            connection,
            preface: Preface::default(),
            is_http2: false,
            reading: Timer::default(),
            writing: Timer::default(),
            stalled: None,
            told: Duration::ZERO,
            is_closed: false,
            is_peer_closed: false,
            lingering: None,
        }
    }

    /// Whether the other end speaks HTTP/2: looks at what comes first, which is read again afterwards. Where nothing more
    /// comes it does not.
    pub async fn speaks_http2(&mut self) -> bool {
        loop {
            if let Some(is_http2) = self.preface.is_http2() {
                self.is_http2 = is_http2;
                return is_http2;
            }
            let read = poll_fn(|cx| {
                let mut bytes = [0; PREFACE_BYTES];
                let unread = self.preface.unread().len();
                let mut buffer = ReadBuf::new(&mut bytes[..unread]);
                let read = self.poll_stream(cx, &mut buffer);
                let read = read.map(|read| read.map_or(0, |()| buffer.filled().len()));
                if let Poll::Ready(read) = read {
                    self.preface.unread()[..read].copy_from_slice(&bytes[..read]);
                    self.preface.advance(read);
                }
                read
            });
            if read.await == 0 {
                return false;
            }
        }
    }

    /// Reads, within the limits of time.
    fn poll_stream(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_closed {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            if buffer.filled().len() > before {
                self.connection.received();
            } else {
                self.is_peer_closed = true;
            }
            return Poll::Ready(read);
        }
        // Before looking: whatever changes from here on wakes.
        self.connection.register_reader(cx.waker());
        // While something waits to be sent its own limit counts.
        let Some(deadline) = self.connection.read_deadline().filter(|_| self.stalled.is_none() && !self.is_http2)
        else {
            return Poll::Pending;
        };
        if (self.connection.is_evicted() || self.reading.has_come(deadline, cx)) && self.stream.is_silent() {
            // As if the peer had closed: between requests that is the usual end.
            self.is_closed = true;
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn tell_system(&mut self) {
        let timeout = self.connection.write_timeout();
        if self.told != timeout {
            self.told = timeout;
            self.stream.set_timeout(timeout);
        }
    }

    /// After an attempt to write: notes the progress, or gives up a peer that makes none.
    fn after_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.stalled.take().is_some() {
                // From here on the limit of reading counts again.
                cx.waker().wake_by_ref();
            }
            self.connection.sent();
            return written;
        }
        let since = *self.stalled.get_or_insert_with(Instant::now);
        self.connection.stalled();
        if !self.writing.has_come(since + self.connection.write_timeout(), cx) {
            return Poll::Pending;
        }
        self.stream.forget_unsent();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other end accepts nothing")))
    }
}

impl<S: Transport> AsyncRead for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.preface.is_given() {
            return this.poll_stream(cx, buffer);
        }
        buffer.put_slice(this.preface.give(buffer.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl<S: Transport> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.tell_system();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.after_write(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.tell_system();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, parts);
        this.after_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let (until, mut left) = this.lingering.unwrap_or_else(|| (Instant::now() + LINGER, LINGER_BYTES));
        let mut bytes = [0; 4096];
        while !this.is_peer_closed && !this.connection.is_evicted() {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut this.stream).poll_read(cx, &mut buffer);
            let read = read.map(|read| read.map_or(0, |()| buffer.filled().len()));
            this.lingering = Some((until, left));
            match read {
                Poll::Ready(0) => this.is_peer_closed = true,
                Poll::Ready(read) if read < left => left -= read,
                Poll::Ready(_) => break,
                Poll::Pending if this.reading.has_come(until, cx) => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A time that is moved often and seldom comes.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Whether this time has come; if not, the task is woken when it does.
    fn has_come(&mut self, time: Instant, cx: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(time)));
        if sleep.deadline() != time {
            sleep.as_mut().reset(time);
        }
        sleep.as_mut().poll(cx).is_ready()
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
