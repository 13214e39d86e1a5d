//! Stores orders, many in one transaction.

mod batch;
mod existing;
mod incoming;
mod postgres;
mod sqlite;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, Value};

pub(super) use incoming::{Incoming, insert, json_of};

use super::archived;
use super::record::SignedText;
use crate::auth::signature::{SignatureForm, VerifiedSignature};
use crate::domain::client::ClientId;
use crate::domain::numbers::Numbers;
use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::order_input::NewOrder;
use crate::store::connect::{Store, micros};
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::sqlite_file::Trace;

/// The signed text and the signature of an order, as evidence in case the order is disputed.
#[derive(Debug, Clone)]
pub struct NewReceipt {
    /// The form of the signature.
    pub signature_form: SignatureForm,
    /// The signed text.
    pub string_to_sign: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// The fingerprint of the key that verified it.
    pub key_fingerprint: String,
    /// SHA-256 of the body as received.
    pub body_sha256: [u8; 32],
}

impl NewReceipt {
    /// That of a request with this signature.
    #[must_use]
    pub fn of(signature: &VerifiedSignature) -> Self {
        Self {
            signature_form: signature.form,
            string_to_sign: signature.string_to_sign.clone(),
            signature: signature.signature.clone(),
            key_fingerprint: signature.fingerprint.clone(),
            body_sha256: signature.body_sha256,
        }
    }
}

/// An order to be stored with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct OrderToInsert {
    /// The client that sends it.
    pub client_id: ClientId,
    /// Unique per client: a second order with the same key is the first one again.
    pub idempotency_key: String,
    /// The order.
    pub order: NewOrder,
    /// Its digest, by which a repeated order is recognised.
    pub digest: [u8; 32],
    /// SHA-256 of the signed text, where one text makes one order: unique per client.
    pub signed_text_digest: Option<[u8; 32]>,
    /// Whether no other order of the client may have its partner reference, until it is cancelled.
    pub reference_is_unique: bool,
    /// Its receipt.
    pub receipt: NewReceipt,
    /// Whether to note the key's use with it, so that a busy key costs no transaction of its own.
    pub key_use_is_due: bool,
    /// The time at which it was received.
    pub now: DateTime<Utc>,
}

impl OrderToInsert {
    /// Its partner reference, where it must have that alone.
    fn unique_reference(&self) -> Option<&str> {
        self.order.content().partner_reference.as_deref().filter(|_| self.reference_is_unique)
    }
}

/// The outcome for an order to be stored.
#[derive(Debug)]
pub enum Created {
    /// It is stored now.
    New {
        /// The order.
        order: SalesOrder,
        /// Its lines.
        lines: Vec<SalesOrderLine>,
    },
    /// Its key, or its signed text, was used before, by this order.
    Existing {
        /// The order as it is now.
        order: SalesOrder,
        /// The digest of the order that was first sent so.
        digest: Vec<u8>,
        /// Whether the order was stored under this key; otherwise it was signed by this very text.
        is_same_key: bool,
    },
    /// The same of an order that was archived meanwhile.
    Archived {
        /// The order's number.
        number: OrderNumber,
        /// The time at which it was archived.
        archived_at: DateTime<Utc>,
        /// The digest of the order that was first sent so.
        digest: Vec<u8>,
        /// Whether the order was stored under this key; otherwise it was signed by this very text.
        is_same_key: bool,
    },
    /// Another order of the client, which is not cancelled, has the reference that it must have alone.
    DuplicateReference {
        /// The other order's number.
        number: OrderNumber,
        /// Whether the other order is archived.
        is_archived: bool,
    },
}

impl Created {
    /// The number of an order that is stored now.
    fn new_number(&self) -> Option<OrderNumber> {
        match self {
            Self::New { order, .. } => Some(order.number),
            Self::Existing { .. } | Self::Archived { .. } | Self::DuplicateReference { .. } => None,
        }
    }
}

impl Store {
    /// Stores orders, their lines, first events and receipts together, except those whose key or signed text was used
    /// before, or whose unique reference another order has. Of any number of simultaneous calls with one key, text or unique
    /// reference exactly one stores. Gives what became of each, in their order.
    pub async fn insert_orders(&self, new: Arc<[OrderToInsert]>) -> StoreResult<Vec<Created>> {
        let mut outcomes = BTreeMap::new();
        let mut rounds_in_vain = 0;
        self.ensure_kept()?;
        // A second round stores orders that were left out because of another order of the batch that was not stored either.
        // Each round is a transaction of its own, so that no lock of the first is held while the second waits for a row.
        while outcomes.len() < new.len() {
            let open: Vec<_> = new.iter().enumerate().filter(|(index, _)| !outcomes.contains_key(index)).collect();
            let is_first = open.len() == new.len() && rounds_in_vain == 0;
            let in_parts = is_first && (new.iter().any(|order| order.key_use_is_due) || !self.has_sessions());
            let made = if in_parts || self.sets_sequence_back() {
                let (new, numbers) = (Arc::clone(&new), self.numbers.clone());
                let indexes: Vec<_> = open.iter().map(|(index, _)| *index).collect();
                self.transaction_of_orders(move |tx| {
                    Box::pin(async move { insert_noting_key_uses(tx, &numbers, &new, indexes).await })
                })
                .await
            } else {
                // One statement is a transaction by itself, which saves two round trips.
                let made = self.written(insert_rows(self.write(), &self.numbers, &open).await);
                // When the statement fails, the orders may be stored nevertheless.
                self.note_appended();
                made.inspect(|_| self.note_committed())
            };
            // An archived order stands in the way of one of them, which is found below; the others are stored in the next round.
            let (mut made, archived) = match made {
                Err(error) if error.is_archived() => (Made::new(), archived::among(self.write(), &open).await?),
                made => (made?, BTreeSet::new()),
            };
            // Checked after the commit, so that no order is acknowledged whose file is gone.
            self.ensure_kept()?;
            if let (Some(files), Some(last)) = (&self.files, made.values().filter_map(Created::new_number).max()) {
                files.ensure_found(self.trace_of(last).await?).await?;
            }
            let before = outcomes.len();
            for (index, order) in open {
                let outcome = match made.remove(&index) {
                    Some(created) => Some(created),
                    None if !archived.is_empty() && !archived.contains(&index) => None,
                    None => {
                        let found = self.written(existing::find(self.write(), order).await)?;
                        if let Some(Created::Archived { number, digest, is_same_key: true, .. }) = &found
                            && *digest == order.digest
                        {
                            self.written(archived::name_text(self.write(), order, *number).await)?;
                        }
                        found
                    }
                };
                outcomes.extend(outcome.map(|outcome| (index, outcome)));
            }
            rounds_in_vain = if outcomes.len() == before { rounds_in_vain + 1 } else { 0 };
            if rounds_in_vain > MOST_ROUNDS_IN_VAIN {
                let message = "the statement that stores orders left some out, and neither the idempotency key nor the \
                               signed text nor the reference of any of them names an order, nor did other numbers help";
                return Err(DbErr::Custom(message.to_owned()).into());
            }
        }
        Ok(outcomes.into_values().collect())
    }

    /// Whether orders are stored in transactions of several statements: see [`sqlite::NUMBERED`].
    fn sets_sequence_back(&self) -> bool {
        self.backend() == DbBackend::Sqlite && matches!(self.numbers, Numbers::Random(_))
    }

    /// What tells on SQLite that this order was stored, now that it is.
    async fn trace_of(&self, number: OrderNumber) -> StoreResult<Trace> {
        Ok(if number.is_random() {
            let row = self.write().query_one_raw(Statement::from_string(self.backend(), sqlite::LAST_POSITION)).await?;
            let last = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
            Trace { order: number.id(), table: "sales_order_events", last }
        } else {
            Trace { order: number.id(), table: "sales_orders", last: number.id() }
        })
    }

    /// The order that stands in the way of this one, or that this one would be again, as [`Store::insert_orders`] would tell of it.
    /// Reads only.
    pub async fn find_existing(&self, new: &OrderToInsert) -> StoreResult<Option<Created>> {
        existing::find(&self.core, new).await
    }

    /// Deletes what is known of signed texts that came before an instant, so many at most. Gives how many there were.
    pub async fn delete_signed_texts(&self, before: DateTime<Utc>, limit: u32) -> StoreResult<u64> {
        // Another instance may be at it: PostgreSQL leaves it the rows it has, SQLite has one writer.
        let skip = if self.backend() == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "DELETE FROM sales_order_signed_texts WHERE (client_id, signed_text_digest) IN (
                 SELECT client_id, signed_text_digest FROM sales_order_signed_texts WHERE created_at < $1
                 ORDER BY created_at LIMIT $2 {skip})"
        );
        let parameters = [Value::from(micros(before)), Value::from(i64::from(limit))];
        let delete = Statement::from_sql_and_values(self.backend(), sql, parameters);
        let deleted = self.in_time(async { self.written(self.write().execute_raw(delete).await) }).await?;
        Ok(deleted.rows_affected())
    }
}

/// The same statement as for orders, without any: whether the tables can be written to. Where an order is given, that one is
/// written and taken back.
pub async fn rehearse(tx: &DatabaseTransaction, numbers: &Numbers, order: Option<&OrderToInsert>) -> StoreResult<()> {
    let Some(order) = order else { return insert(tx, &[], &[]).await.map(drop) };
    tx.execute_unprepared("SAVEPOINT rehearsal").await?;
    match insert_rows(tx, numbers, &[(0, order)]).await {
        // It was stored once, and archived.
        Err(error) if !error.is_archived() => return Err(error),
        _ => {}
    }
    tx.execute_unprepared("ROLLBACK TO SAVEPOINT rehearsal").await?;
    Ok(())
}

/// A round may store nothing when another transaction committed meanwhile, whose rows the next round sees, and when a random number
/// was taken: in the next round its order gets another.
pub(super) const MOST_ROUNDS_IN_VAIN: u32 = 3;

/// What was stored, by its index among the orders to be stored.
type Made = BTreeMap<usize, Created>;

async fn insert_noting_key_uses(
    tx: &DatabaseTransaction,
    numbers: &Numbers,
    new: &[OrderToInsert],
    indexes: Vec<usize>,
) -> StoreResult<Made> {
    let open: Vec<_> = indexes.into_iter().map(|index| (index, &new[index])).collect();
    note_key_uses(tx, &open).await?;
    insert_rows(tx, numbers, &open).await
}

/// The first order of each idempotency key, signed text and unique reference, sorted by key, and the rest. Two transactions with the same two
/// keys insert them in the same order, so they cannot deadlock.
fn firsts_and_rest<'o>(new: &[(usize, &'o OrderToInsert)]) -> [Vec<(usize, &'o OrderToInsert)>; 2] {
    let (mut by_key, mut texts, mut references, mut rest) =
        (BTreeMap::new(), BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (index, order) in new {
        let text = order.signed_text_digest.map(|digest| (&order.client_id, digest));
        let reference = order.unique_reference().map(|reference| (&order.client_id, reference));
        if text.is_none_or(|text| !texts.contains(&text))
            && reference.is_none_or(|reference| !references.contains(&reference))
            && let Entry::Vacant(entry) = by_key.entry((order.client_id.as_str(), order.idempotency_key.as_str()))
        {
            entry.insert((*index, *order));
            texts.extend(text);
            references.extend(reference);
        } else {
            rest.push((*index, *order));
        }
    }
    [by_key.into_values().collect(), rest]
}

/// Stores those orders whose keys, signed texts and unique references are new, of several with one the first. Where a number that
/// was drawn is another order's, its order is left out too.
async fn insert_rows(
    tx: &impl ConnectionTrait,
    numbers: &Numbers,
    open: &[(usize, &OrderToInsert)],
) -> StoreResult<Made> {
    let [firsts, rest] = firsts_and_rest(open);
    let mut firsts: Vec<_> = firsts.into_iter().map(|(index, order)| (numbers.draw(order.now), index, order)).collect();
    if tx.get_database_backend() == DbBackend::Sqlite {
        // Ids rise in the order of insertion, as the running ones do (`sqlite::INSERT`). On PostgreSQL the keys have to.
        firsts.sort_by_key(|(number, ..)| *number);
    }
    let of_all = (0_i64..).zip(firsts.iter().map(|(_, _, order)| order).chain(rest.iter().map(|(_, order)| order)));
    let texts: Vec<_> = of_all.filter_map(|(ordinal, order)| Some((ordinal, SignedText::of(order)?))).collect();
    let (indexes, orders): (Vec<_>, Vec<_>) =
        firsts.into_iter().map(|(number, index, order)| (index, Incoming::new(order, number))).unzip();
    let orders: Vec<_> = (0_i64..).zip(orders).collect();
    let ids = insert(tx, &orders, &texts).await?;
    let made = indexes
        .into_iter()
        .zip(orders)
        .filter_map(|(index, (ordinal, order))| ids.get(&ordinal).map(|id| (index, order.created(*id))));
    Ok(made.collect())
}

async fn note_key_uses(tx: &impl ConnectionTrait, orders: &[(usize, &OrderToInsert)]) -> StoreResult<()> {
    for (_, order) in orders.iter().filter(|(_, order)| order.key_use_is_due) {
        let NewReceipt { signature_form, key_fingerprint, .. } = &order.receipt;
        keys::update_last_used(tx, &order.client_id, key_fingerprint, *signature_form, order.now).await?;
    }
    Ok(())
}
