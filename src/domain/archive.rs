//! Archives: files of orders that left the database, and what proves that they are complete and unchanged.
//!
//! An archive is a file of JSON Lines, an order a line, sorted by order number, and a manifest beside it that says what the file holds. Whoever
//! has both can tell by themselves whether a line was changed, left out, added or moved.

mod contents;
mod line;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::order::OrderNumber;
pub use contents::{Contents, CurrencyTotals, Tally};
pub use line::{ArchivedLine, ArchivedReceipt};

/// The form of files and manifests. Another number is another form.
pub const FORMAT: u32 = 1;

/// The most problems that are named of one file.
pub const MOST_PROBLEMS: usize = 20;

/// A file of orders that left the database, as the database has noted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The file's name.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// How many orders are in it.
    pub orders: i64,
    /// The first of them by number.
    pub first: OrderNumber,
    /// The last.
    pub last: OrderNumber,
    /// The time at which it was complete.
    pub created_at: DateTime<Utc>,
    /// The time at which its orders had left the database; `None` while some are still to be removed.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A file to be noted.
#[derive(Debug, Clone)]
pub struct NewArchive {
    /// The file's name.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// How many orders are in it.
    pub orders: i64,
    /// The first of them by number.
    pub first: OrderNumber,
    /// The last.
    pub last: OrderNumber,
}

/// What is known of an order that left the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedOrder {
    /// The time at which it left.
    pub archived_at: DateTime<Utc>,
    /// The name of the file that has it.
    pub archive: String,
}

/// Why an order stays in the database, though it was last changed before the time that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Something of it is back-ordered or open, or a request of its sender is pending.
    Open,
    /// A consumer of the feed or an endpoint of webhooks has not read all of its events.
    Unread,
    /// An event of it waits to be sent to an endpoint again, or was given up.
    Undelivered,
    /// It was changed after it was written to its file.
    Changed,
}

impl Kept {
    /// The name for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Unread => "unread",
            Self::Undelivered => "undelivered",
            Self::Changed => "changed",
        }
    }

    /// What it means, for people.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Open => "something may still happen to them",
            Self::Unread => "a consumer of the feed or an endpoint of webhooks has not read all of their events",
            Self::Undelivered => "an endpoint of webhooks has not taken one of their events",
            Self::Changed => "they were changed while they were archived",
        }
    }
}

/// What became of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// How many were removed from the database.
    pub removed: u64,
    /// How many stay, by what keeps them.
    pub kept: BTreeMap<Kept, u64>,
}

impl Left {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.removed += other.removed;
        for (why, count) in other.kept {
            *self.kept.entry(why).or_default() += count;
        }
    }
}

/// A public key by which signatures in the file can be verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestKey {
    /// The client whose key it is.
    pub client_id: String,
    /// What receipts name it by.
    pub fingerprint: String,
    /// The key (SPKI PEM).
    pub public_key: String,
    /// The time from which it counted.
    pub not_before: Option<DateTime<Utc>>,
    /// The time until which it counted.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time at which it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What stands beside a file and proves that it is complete and unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form: [`FORMAT`].
    pub format: u32,
    /// The version of the service that wrote it.
    pub service_version: String,
    /// The name of the file.
    pub file: String,
    /// The time at which it was written.
    pub written_at: DateTime<Utc>,
    /// Orders were last changed before this time.
    pub last_changed_before: DateTime<Utc>,
    /// What the file holds.
    #[serde(flatten)]
    pub contents: Contents,
    /// How far from the server's clock a signed time could be, in seconds.
    pub timestamp_tolerance_seconds: u64,
    /// What stands before our paths where partners signed them so.
    pub path_prefix: String,
    /// The keys of the clients whose orders are in the file.
    pub public_keys: Vec<ManifestKey>,
}

impl Manifest {
    /// The name of the manifest of a file.
    #[must_use]
    pub fn name_of(file: &str) -> String {
        format!("{}.manifest.json", file.strip_suffix(".jsonl").unwrap_or(file))
    }

    /// What differs between this and what was read of the file: nothing, where it is complete and unchanged.
    #[must_use]
    pub fn problems(&self, read: &Contents) -> Vec<String> {
        let mut problems = Vec::new();
        if self.format != FORMAT {
            problems.push(format!("the manifest has the form {}, and this version reads {FORMAT}", self.format));
        }
        problems.extend(self.contents.differences(read));
        problems
    }
}
