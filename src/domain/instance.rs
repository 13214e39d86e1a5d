//! Running instances of the service on one database, what they are busy with, and whether they are configured alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How often an instance says that it runs.
pub const SAYS_EVERY: Duration = Duration::from_secs(15);

/// An instance that said nothing for so long, three times in a row, is taken for gone.
pub const GONE_AFTER: Duration = Duration::from_secs(50);

/// So many instances are listed. One that cannot serve and is started again and again leaves a row each time.
pub const MOST_LISTED: usize = 100;

/// An instance that runs, or that ended without saying so.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Random, made at its start.
    pub id: String,
    /// Its machine and its port, such as `orders-1:8080`.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// When it first said that it runs, by the database's clock.
    pub started_at: DateTime<Utc>,
    /// When it last did.
    pub seen_at: DateTime<Utc>,
    /// How long ago that is.
    pub silent_for: Duration,
    /// How it is configured.
    pub configuration: Configuration,
    /// What it was busy with.
    pub load: Load,
}

/// What instances must have alike, as fingerprints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// A fingerprint of each setting, by the setting's name.
    pub settings: BTreeMap<String, String>,
    /// The names of the keys in force, by the setting that has them: first the one that signs or seals, then those that are only accepted.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// What an instance is busy with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    /// Its connections to the database.
    pub pools: Vec<Pool>,
    /// Orders on their way into the database.
    pub waiting_orders: u32,
    /// The age of the oldest transaction under way that stores orders, in seconds; 0 when there is none.
    pub oldest_batch_seconds: f64,
}

/// Connections to the database for one kind of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// What they are for.
    pub name: String,
    /// How many work.
    pub used: u32,
    /// How many there may be.
    pub max: u32,
}

impl Instance {
    /// Whether it runs, as far as one can tell.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.silent_for < GONE_AFTER
    }
}

impl Configuration {
    /// The names of the settings in which two instances differ. Of keys only that counts which callers notice: that one instance does
    /// not accept what the other signs or seals. A setting that one of the two versions does not have is not compared.
    #[must_use]
    pub fn differences(&self, other: &Self) -> BTreeSet<String> {
        let settings =
            self.settings.iter().filter(|(name, value)| other.settings.get(*name).is_some_and(|v| v != *value));
        let keys = self.keys.iter().filter(|(name, keys)| other.keys.get(*name).is_some_and(|o| !fit(keys, o)));
        settings.map(|(name, _)| name).chain(keys.map(|(name, _)| name)).cloned().collect()
    }
}

fn fit(ours: &[String], theirs: &[String]) -> bool {
    match (ours.first(), theirs.first()) {
        (Some(our), Some(their)) => theirs.contains(our) && ours.contains(their),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn having(settings: &[(&str, &str)], keys: &[(&str, &[&str])]) -> Configuration {
        let text = |text: &str| text.to_owned();
        Configuration {
            settings: settings.iter().map(|(name, value)| (text(name), text(value))).collect(),
            keys: keys.iter().map(|(name, keys)| (text(name), keys.iter().map(|key| text(key)).collect())).collect(),
        }
    }

    #[test]
    fn instances_are_told_apart_by_the_settings_that_both_have() {
        let one = having(&[("a.limit", "1"), ("a.rate", "1"), ("a.older", "1")], &[]);
        let other = having(&[("a.limit", "2"), ("a.rate", "1"), ("a.newer", "1")], &[]);
        assert_eq!(one.differences(&other), BTreeSet::from(["a.limit".to_owned()]));
        assert_eq!(other.differences(&one), one.differences(&other));
        assert!(one.differences(&one).is_empty());
    }

    #[test]
    fn keys_that_are_being_replaced_step_by_step_are_no_difference() {
        let keys = |keys: &[&str]| having(&[], &[("auth.jwt_secret", keys)]);
        let differ = |ours: &[&str], theirs: &[&str]| !keys(ours).differences(&keys(theirs)).is_empty();
        assert!(!differ(&["old", "new"], &["new", "old"]), "both accept both");
        assert!(!differ(&["new", "old"], &["new"]), "one has forgotten the old one");
        assert!(differ(&["new"], &["old", "new"]), "what the other signs is refused here");
        assert!(differ(&["mine"], &["yours"]));
        assert!(differ(&["mine"], &[]), "one has none at all");
        assert!(!differ(&[], &[]));
    }
}
