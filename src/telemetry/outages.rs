//! Which cause of an outage is in the log already.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Why requests fail whose database is away. Each of them has a line of its own with its code, and the cause is the same for
/// all of them.
pub(super) static OUTAGE: Recent = Recent(Mutex::new(BTreeMap::new()));

/// A cause that was not met for so long belongs to another outage.
const SAME_OUTAGE: Duration = Duration::from_mins(1);

/// So many causes are remembered.
const MOST_CAUSES: usize = 100;

/// When each cause was met last.
pub(super) struct Recent(Mutex<BTreeMap<String, Instant>>);

impl Recent {
    /// Notes a cause; true where it was not met for a while.
    pub(super) fn is_news(&self, cause: &str, now: Instant) -> bool {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = met.get_mut(cause) {
            return now.saturating_duration_since(std::mem::replace(last, now)) > SAME_OUTAGE;
        }
        met.retain(|_, last| now.saturating_duration_since(*last) <= SAME_OUTAGE);
        met.len() < MOST_CAUSES && met.insert(cause.to_owned(), now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_an_outage_is_news_once_and_again_when_it_was_away_for_a_while() {
        let (recent, began) = (Recent(Mutex::default()), Instant::now());
        // It goes on for hours.
        let news = (0..500).filter(|n| recent.is_news("refused", began + SAME_OUTAGE * *n)).count();
        assert_eq!(news, 1);
        assert!(recent.is_news("too many clients", began));
        assert!(recent.is_news("refused", began + SAME_OUTAGE * 502));
        let many = (0..1_000).filter(|n| recent.is_news(&n.to_string(), began + SAME_OUTAGE * 600)).count();
        assert_eq!(many, MOST_CAUSES);
    }
}
