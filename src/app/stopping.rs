//! Tells what runs on and on that the service stops, and waits for its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Fuse};
use tokio::sync::watch;

/// Tells everybody who asked for a [`Stopping`].
pub(super) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Tells all of them to end.
    pub(super) fn tell(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn listen(&self) -> Stopping {
        let (mut told, kept) = (self.0.subscribe(), self.0.subscribe());
        let told = async move {
            let _ = told.wait_for(|told| *told).await;
        };
        Stopping { told: told.boxed().fuse(), _kept: kept }
    }

    /// Resolves when nobody keeps a [`Stopping`] any more.
    pub(super) async fn ended(&self) {
        self.0.closed().await;
    }
}

/// Resolves when the service stops. It is waited for whoever keeps it, also once it has resolved: what is still to be said or written
/// then is said and written before the database closes.
pub struct Stopping {
    told: Fuse<BoxFuture<'static, ()>>,
    _kept: watch::Receiver<bool>,
}

impl Future for Stopping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.told.poll_unpin(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_was_told_to_stop_is_waited_for_until_it_has_ended() {
        let stop = Stop::new();
        let mut stopping = stop.listen();
        assert_eq!((&mut stopping).now_or_never(), None);
        stop.tell();
        (&mut stopping).await;
        assert_eq!(stop.ended().now_or_never(), None, "it may have something to write down");
        drop(stopping);
        stop.ended().await;
    }
}
