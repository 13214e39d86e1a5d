//! What a socket asks of the system.

use std::mem::MaybeUninit;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How much the system keeps that it cannot send yet. As much as a fast reader needs; and little enough that the progress of
/// a slow one is seen.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 32 * 1024;

/// A stream that knows the system's options, as far as there are any.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Sends at once what is written, and keeps little that cannot be sent.
    fn prepare(&self) {}

    /// Gives up a peer that does not acknowledge for so long what was sent: what the system keeps for us, we do not see
    /// waiting.
    fn set_timeout(&self, _timeout: Duration) {}

    /// Whether nothing at all has arrived: the runtime may not have looked yet.
    fn is_silent(&self) -> bool {
        true
    }

    /// Throws away what is still to be sent when the connection is closed, instead of keeping it until the system gives up.
    fn forget_unsent(&self) {}
}

impl Transport for TcpStream {
    fn prepare(&self) {
        // Answers are small and written whole; waiting to fill a packet only delays them.
        let _ = self.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(self).set_tcp_notsent_lowat(UNSENT_BYTES);
    }

    #[cfg(target_os = "linux")]
    fn set_timeout(&self, timeout: Duration) {
        let _ = SockRef::from(self).set_tcp_user_timeout(Some(timeout));
    }

    fn is_silent(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        !matches!(SockRef::from(self).peek(&mut byte), Ok(1..))
    }

    fn forget_unsent(&self) {
        let _ = self.set_zero_linger();
    }
}
