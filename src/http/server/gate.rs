//! A socket that is read a little at a time, and on only when what was read has been taken out of h2: so h2 never holds more
//! frames than fit into one read, however small they are.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that is read at once. A frame takes ten bytes or more of it, and about 256 in h2, which keeps that room.
pub const READ_BYTES: usize = 4 * 1024;

/// Whether the socket may be read.
#[derive(Debug, Default)]
pub struct Gate {
    is_closed: AtomicBool,
    /// Somebody wanted to read meanwhile.
    is_awaited: AtomicBool,
}

impl Gate {
    /// Lets one more read through; true where somebody waits for it, who is to be polled again then.
    pub fn open(&self) -> bool {
        self.is_closed.store(false, Ordering::Relaxed);
        self.is_awaited.swap(false, Ordering::Relaxed)
    }
}

/// The socket, used by the task that opens its gate.
pub struct Gated<S> {
    socket: S,
    gate: Arc<Gate>,
}

impl<S> Gated<S> {
    /// A socket behind this gate.
    pub const fn new(socket: S, gate: Arc<Gate>) -> Self {
        Self { socket, gate }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.gate.is_closed.load(Ordering::Relaxed) {
            this.gate.is_awaited.store(true, Ordering::Relaxed);
            return Poll::Pending;
        }
        let most = buffer.remaining().min(READ_BYTES);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(Pin::new(&mut this.socket).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        this.gate.is_closed.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn no_more_is_read_than_fits_until_the_gate_is_opened_again() {
        let gate = Arc::<Gate>::default();
        let (ours, mut theirs) = duplex(64 * 1024);
        let mut socket = Gated::new(ours, Arc::clone(&gate));
        theirs.write_all(&[0; 10_000]).await.unwrap();
        let mut buffer = [0; 10_000];
        for expected in [READ_BYTES, READ_BYTES, 10_000 - 2 * READ_BYTES] {
            assert_eq!(socket.read(&mut buffer).await.unwrap(), expected);
            let again = std::future::poll_fn(|cx| {
                let mut buffer = ReadBuf::new(&mut buffer);
                Poll::Ready(Pin::new(&mut socket).poll_read(cx, &mut buffer).is_ready())
            });
            assert!(!again.await);
            assert!(gate.open() && !gate.open());
        }
    }
}
