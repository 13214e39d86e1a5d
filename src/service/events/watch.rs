//! The end of the feed, for those in this process who read it by themselves.

use tokio::sync::watch;

use super::Events;
use super::watcher::Feed;
use crate::domain::event::Position;

/// Tells where the feed ends, for as long as it is kept.
pub struct FeedWatch {
    feed: watch::Receiver<Feed>,
    /// How often the feed had gone back at the last look.
    restores: usize,
}

/// Where the feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEnd {
    /// Up to here no event comes any more.
    pub last: Position,
    /// Whether the feed went back since the last look: a backup was restored, and what was read behind its end is gone.
    pub went_back: bool,
}

impl Events {
    /// Watches the end of the feed.
    #[must_use]
    pub fn watch(&self) -> FeedWatch {
        let feed = self.watcher.watch();
        let restores = feed.borrow().went_back_to.len();
        FeedWatch { feed, restores }
    }
}

impl FeedWatch {
    /// Waits until the end is another one.
    pub async fn moved(&mut self) -> FeedEnd {
        // The watcher is as old as the process.
        let _ = self.feed.changed().await;
        let feed = self.feed.borrow_and_update();
        let restores = feed.went_back_to.len();
        let went_back = std::mem::replace(&mut self.restores, restores) < restores;
        FeedEnd { last: feed.last, went_back }
    }
}
