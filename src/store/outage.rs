//! What an operator was told of something that does not work: each cause once, however often it is met, and the end.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

/// So many causes are remembered. One that names a process or a time is another one each time.
const MOST_CAUSES: usize = 20;

/// One outage after another.
#[derive(Debug, Default)]
pub struct Outage {
    began: Option<Instant>,
    told: BTreeSet<String>,
}

impl Outage {
    /// Notes why it does not work; true where this outage was not known to have this cause.
    pub fn is_news(&mut self, cause: &str) -> bool {
        self.began.get_or_insert_with(Instant::now);
        self.told.len() < MOST_CAUSES && self.told.insert(cause.to_owned())
    }

    /// Notes that it works; gives how long it did not, where it did not before.
    pub fn end(&mut self) -> Option<Duration> {
        self.told.clear();
        self.began.take().map(|began| began.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_of_an_outage_is_news_once_and_again_in_the_next_one() {
        let mut outage = Outage::default();
        assert_eq!(outage.end(), None);
        for _ in 0..2 {
            let news = ["refused", "refused", "starting", "refused"].map(|cause| outage.is_news(cause));
            assert_eq!(news, [true, false, true, false]);
            assert!(outage.end().is_some());
            assert_eq!(outage.end(), None);
        }
        let many = (0..1_000).filter(|n| outage.is_news(&n.to_string())).count();
        assert_eq!(many, MOST_CAUSES);
    }
}
