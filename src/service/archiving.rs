//! Moving orders out of the database, and what is answered of those that left.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, SecondsFormat, Utc};

use super::lifecycle::not_found;
use crate::clock::Clock;
use crate::domain::archive::{Archive, ArchivedLine, Left, ManifestKey, NewArchive};
use crate::domain::audit::Actor;
use crate::domain::client::ClientId;
use crate::domain::order::OrderNumber;
use crate::domain::permission::Scope;
use crate::error::{AppError, ErrorCode};
use crate::store::Store;
pub use crate::store::{ArchivingTurn, Examined, Passed};

/// How many orders are looked at together.
const LOOKED_AT: u64 = 500;

/// How many orders leave the database together: on SQLite orders that are sent wait so long.
pub const REMOVED_AT_ONCE: usize = 100;

/// Archives orders.
pub struct Archiving {
    store: Store,
    clock: Clock,
}

/// A file that is complete.
#[derive(Debug, Clone)]
pub struct NotedArchive {
    id: i64,
    file: NewArchive,
}

impl Archiving {
    /// Archives orders of this store.
    #[must_use]
    pub const fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The turn to archive. Refused while somebody else has it.
    pub async fn begin(&self) -> Result<ArchivingTurn, AppError> {
        let refused = || {
            let message =
                "Orders of this database are being archived by another command; run this one again when that has ended";
            AppError::new(ErrorCode::Conflict, message)
        };
        self.store.begin_archiving().await?.ok_or_else(refused)
    }

    /// How far every consumer of the feed and every endpoint of webhooks has read it, and which is the furthest behind.
    pub async fn passed(&self) -> Result<Passed, AppError> {
        Ok(self.store.find_passed().await?)
    }

    /// The next orders by number that were last changed before a time and are delivered or cancelled, with what keeps each of them. None
    /// when there are no more.
    pub async fn next(
        &self,
        before: DateTime<Utc>,
        after: OrderNumber,
        passed: &Passed,
    ) -> Result<Vec<Examined>, AppError> {
        Ok(self.store.list_orders_to_archive(before, after, passed.position(), LOOKED_AT).await?)
    }

    /// The key that each of these orders was stored under, and the digest of what was sent.
    pub async fn intake_of(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, (String, Vec<u8>)>, AppError> {
        Ok(self.store.list_intake_facts(orders).await?)
    }

    /// The keys of clients, revoked ones too.
    pub async fn keys_of(&self, clients: &BTreeSet<String>) -> Result<Vec<ManifestKey>, AppError> {
        let mut keys = Vec::new();
        for client in clients {
            let client_id: ClientId = client.parse().map_err(AppError::internal)?;
            let of_client = self.store.list_keys_to_verify(&client_id).await?;
            keys.extend(of_client.into_iter().map(|key| ManifestKey {
                client_id: client.clone(),
                fingerprint: key.fingerprint,
                public_key: key.pem,
                not_before: key.not_before,
                expires_at: key.expires_at,
                revoked_at: key.revoked_at,
            }));
        }
        Ok(keys)
    }

    /// Notes a file that is complete; one that was noted before is found again.
    pub async fn note(&self, file: NewArchive) -> Result<NotedArchive, AppError> {
        let id = self.store.note_archive(file.clone(), self.clock.now()).await?;
        Ok(NotedArchive { id, file })
    }

    /// Removes orders that are in a file from the database, at most [`REMOVED_AT_ONCE`].
    pub async fn remove(&self, archive: &NotedArchive, lines: Vec<ArchivedLine>, by: &Actor) -> Result<Left, AppError> {
        let file = (archive.id, archive.file.clone());
        Ok(self.store.remove_archived_orders(file, lines, by.clone(), self.clock.now()).await?)
    }

    /// Notes that the orders of a file have left. The totals name none of them any more.
    pub async fn finish(&self, archive: &NotedArchive) -> Result<(), AppError> {
        self.store.merge_erased().await;
        Ok(self.store.finish_archive(archive.id, self.clock.now()).await?)
    }

    /// All files, the oldest first.
    pub async fn archives(&self) -> Result<Vec<Archive>, AppError> {
        Ok(self.store.list_archives().await?)
    }

    /// How many orders of a client left, and into how many files.
    pub async fn count_of(&self, client_id: &ClientId) -> Result<(i64, i64), AppError> {
        Ok(self.store.count_archived_orders(client_id).await?)
    }
}

/// The refusal where the scope holds no such order: that it is archived, or else that there is none.
pub(super) async fn absent(store: &Store, scope: &Scope, number: OrderNumber) -> AppError {
    match store.find_archived_order(scope, number).await {
        Ok(None) => not_found(),
        Ok(Some(archived)) => {
            let refusal = is_archived(number, archived.archived_at);
            // Files are the operator's.
            if *scope == Scope::All { refusal.detail("archive", archived.archive) } else { refusal }
        }
        Err(error) => error.into(),
    }
}

/// The refusal of what is asked of an archived order.
pub(super) fn is_archived(number: OrderNumber, at: DateTime<Utc>) -> AppError {
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let message = format!(
        "The order {number} was taken, and moved into the archive at {at}; it cannot be read or changed here any more, and no second \
         one is made of it"
    );
    AppError::new(ErrorCode::OrderArchived, message)
        .detail("order_number", number.to_string())
        .detail("archived_at", at)
}
