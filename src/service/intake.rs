//! Taking orders in, each exactly once.

mod batch;
mod bulk;
mod pace;
mod proof;
mod queue;
mod signature_reuse;
mod transactions;
mod validation;

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tracing::warn;

pub use bulk::BulkOutcome;
pub use validation::ValidOrder;

use queue::IntakeQueue;
use signature_reuse::SignatureReuse;

use super::archiving;
use super::caller::{Caller, Principal};
use super::directory::ClientDirectory;
use crate::auth::signature::{SignatureForm, VerifiedSignature};
use crate::clock::Clock;
use crate::domain::expectation_policy::ExpectationPolicy;
use crate::domain::expectations::Mismatch;
use crate::domain::fields::{Fields, Naming};
use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::order_input::NewOrder;
use crate::domain::reference_policy::ReferencePolicy;
use crate::error::{AppError, ErrorCode};
use crate::store::{Created, NewReceipt, OrderToInsert, Store};
use crate::telemetry;

/// Takes orders from partners.
pub struct OrderIntake {
    queue: IntakeQueue,
    clock: Clock,
    directory: ClientDirectory,
    reuse: SignatureReuse,
    store: Store,
    /// For how long a signed text must be remembered.
    texts_kept: TimeDelta,
    default_currency: String,
}

/// What an operator decides about orders.
#[derive(Debug, Clone)]
pub struct IntakeRules {
    /// The currency of an order that names none.
    pub default_currency: String,
    /// How many orders may wait to be stored.
    pub max_waiting: usize,
    /// How far a signed timestamp may be from our clock, both ways.
    pub timestamp_tolerance: Duration,
}

/// An order that is stored.
pub struct TakenOrder {
    /// The order as it is now.
    pub order: SalesOrder,
    /// Its lines, when they are at hand.
    pub lines: Option<Vec<SalesOrderLine>>,
    /// Whether it was there already, so that this request changed nothing.
    pub replayed: bool,
    /// Of a client that is to be warned: the newest other order with the same partner reference that is not cancelled.
    pub same_reference: Option<OrderNumber>,
    /// Where this request expects other amounts.
    pub mismatches: Vec<Mismatch>,
}

impl OrderIntake {
    /// Takes orders into this store.
    #[must_use]
    pub fn new(store: &Store, clock: Clock, directory: ClientDirectory, rules: IntakeRules) -> Self {
        let IntakeRules { default_currency, max_waiting, timestamp_tolerance } = rules;
        let reuse = SignatureReuse::new(store, timestamp_tolerance);
        let texts_kept = TimeDelta::from_std(timestamp_tolerance.saturating_mul(2).saturating_add(SPARE));
        Self {
            queue: IntakeQueue::start(store, max_waiting),
            clock,
            directory,
            reuse,
            store: store.clone(),
            texts_kept: texts_kept.unwrap_or(TimeDelta::MAX),
            default_currency,
        }
    }

    /// How many orders wait to be stored.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Whether an order could be taken now: its client read, and the order stored.
    pub async fn ensure_takes_orders(&self) -> Result<(), AppError> {
        tokio::try_join!(self.directory.ensure_reads(), self.queue.ensure_stores()).map(drop)
    }

    /// Writes how often signatures were used again, and forgets signed texts that are no longer fresh, for as long as it is
    /// polled.
    pub async fn keep_signatures_noted(&self) {
        let mut ticks = tokio::time::interval(NOTE_SIGNATURES);
        loop {
            ticks.tick().await;
            self.reuse.write_all(self.clock.now()).await;
            if let Err(error) = self.forget_signed_texts().await {
                warn!(%error, "old signed texts could not be deleted; it is tried again in a minute");
            }
        }
    }

    /// Deletes signed texts that nobody can send any more: their timestamps are refused.
    pub async fn forget_signed_texts(&self) -> Result<(), AppError> {
        let Some(before) = self.clock.now().checked_sub_signed(self.texts_kept) else { return Ok(()) };
        // A minute's texts of a busy service. Each delete is short, for on SQLite it keeps orders waiting.
        for _ in 0..DELETES {
            if self.store.delete_signed_texts(before, TEXTS_A_DELETE).await? < u64::from(TEXTS_A_DELETE) {
                break;
            }
        }
        Ok(())
    }

    /// Takes the order in `input` from a caller that was let through with a true signature. The same order with the same key (or, when
    /// the partner sends none, at the same signed timestamp) is the same order again. A body-bound text makes one
    /// order, whatever keys it is sent with. What a client's reference policy refuses is a new order, never one that is asked
    /// for again; nor does its expectation policy.
    pub async fn create_sales_order(
        &self,
        caller: &Caller,
        input: &Value,
        naming: Naming,
    ) -> Result<TakenOrder, AppError> {
        let (principal, signature) = (caller.admitted()?, caller.verified_signature()?);
        let mut new = self.read(caller, input, naming)?;
        let (digest, now, form) = (new.digest, new.now, signature.form);
        new.key_use_is_due = self.directory.is_key_use_due(principal.client_id(), &signature.fingerprint, form).await;
        let has_key = caller.credentials.idempotency_key()?.is_some();
        let mismatches = new.order.mismatches().to_vec();
        let created = match ensure_expected(principal, &new, naming) {
            Ok(()) => self.queue.insert(new).await?,
            Err(refused) => self.store.in_time(self.store.find_existing(&new)).await?.ok_or(refused)?,
        };
        let mut outcome = settle(created, digest, has_key);
        if let Ok(taken) = &mut outcome {
            taken.mismatches = mismatches;
            telemetry::count_order(taken.replayed);
            telemetry::note(|facts| {
                facts.replayed |= taken.replayed;
                facts.exchange.is_key_used = true;
                facts.exchange.order = Some(taken.order.number);
                facts.exchange.partner_reference.clone_from(&taken.order.content.partner_reference);
            });
            if principal.known.client.reference_policy == ReferencePolicy::Warn {
                taken.same_reference = self.same_references(&[&taken.order]).await.remove(&taken.order.number);
            }
        }
        // What was refused made no other order.
        if form == SignatureForm::Documented
            && let Ok(taken) = &outcome
        {
            self.reuse.note(principal.client_id(), &signature.string_to_sign, taken.replayed, now);
        }
        outcome
    }

    /// The order in `input` with all that is stored with it, or every fault of it. Whether the key's use is to be noted with it is for
    /// the caller to say.
    fn read(&self, caller: &Caller, input: &Value, naming: Naming) -> Result<OrderToInsert, AppError> {
        let (principal, signature) = (caller.admitted()?, caller.verified_signature()?);
        let partner_key = caller.credentials.idempotency_key()?;
        let order = NewOrder::read(Fields::new(input, naming), &self.default_currency).map_err(AppError::invalid)?;
        // The prefixes keep the two kinds of key apart: a partner cannot pick one that we derive.
        let idempotency_key = |digest: &[u8; 32]| match partner_key {
            Some(key) => format!("key:{key}"),
            None => {
                let mut hasher = Sha256::new();
                hasher.update(principal.client_id().as_str());
                hasher.update("|");
                hasher.update(caller.credentials.timestamp.text().unwrap_or_default());
                hasher.update("|");
                hasher.update(digest);
                format!("sig:{}", hex::encode(hasher.finalize()))
            }
        };
        let mut new = Self::to_insert(principal, &signature, order, self.clock.now(), idempotency_key);
        // The documented form signs a second, which any number of orders share. A body-and-key-bound text names the one key
        // that it makes an order under.
        new.signed_text_digest =
            (signature.form == SignatureForm::BodyBound).then(|| Sha256::digest(&signature.string_to_sign).into());
        Ok(new)
    }

    /// An order with all that is stored with it, under a key that may hang on its digest.
    fn to_insert(
        principal: &Principal,
        signature: &VerifiedSignature,
        order: NewOrder,
        now: DateTime<Utc>,
        idempotency_key: impl FnOnce(&[u8; 32]) -> String,
    ) -> OrderToInsert {
        let digest = order.digest();
        let is_refusing = principal.known.client.reference_policy == ReferencePolicy::Refuse;
        OrderToInsert {
            client_id: principal.client_id().clone(),
            idempotency_key: idempotency_key(&digest),
            digest,
            signed_text_digest: None,
            reference_is_unique: is_refusing && order.content().partner_reference.is_some(),
            order,
            receipt: NewReceipt::of(signature),
            key_use_is_due: false,
            now,
        }
    }

    /// The orders that the senders of these are to be warned of. Looked up after the commit, so that of two orders that were stored
    /// at once one finds the other. The orders are stored: whatever fails here must not look as if they were not.
    async fn same_references(&self, orders: &[&SalesOrder]) -> HashMap<OrderNumber, OrderNumber> {
        let with_reference = orders.iter().filter(|order| order.content.partner_reference.is_some());
        let numbers: Vec<_> = with_reference.map(|order| order.number).collect();
        let found = self.store.in_time(self.store.list_same_references(&numbers)).await;
        found.unwrap_or_else(|error| {
            warn!(order_number = ?numbers.first(), %error, "orders with the same reference could not be looked for");
            HashMap::new()
        })
    }
}

/// Refuses a new order that comes to other amounts than its sender expects, where the client asked for that.
fn ensure_expected(principal: &Principal, new: &OrderToInsert, naming: Naming) -> Result<(), AppError> {
    let mismatches = new.order.mismatches();
    if mismatches.is_empty() || principal.known.client.expectation_policy == ExpectationPolicy::Warn {
        return Ok(());
    }
    Err(AppError::invalid(mismatches.iter().map(|mismatch| mismatch.fault(naming)).collect()))
}

/// What the sender of an order is told of what became of it.
fn settle(created: Created, sent: [u8; 32], has_key: bool) -> Result<TakenOrder, AppError> {
    match created {
        Created::New { order, lines } => {
            Ok(TakenOrder { order, lines: Some(lines), replayed: false, same_reference: None, mismatches: Vec::new() })
        }
        // Found by its signed text under another key, it is the same request again only if this one asks for no other.
        Created::Existing { order, digest, is_same_key } if digest == sent && (is_same_key || !has_key) => {
            Ok(TakenOrder { order, lines: None, replayed: true, same_reference: None, mismatches: Vec::new() })
        }
        Created::Existing { order, is_same_key, .. } => Err(used_for_another(order.number, is_same_key)),
        Created::Archived { number, archived_at, digest, is_same_key }
            if digest == sent && (is_same_key || !has_key) =>
        {
            Err(archiving::is_archived(number, archived_at))
        }
        Created::Archived { number, is_same_key, .. } => Err(used_for_another(number, is_same_key)),
        Created::DuplicateReference { number, is_archived } => {
            let remedy = if is_archived { "" } else { ", or have that order cancelled first" };
            let message = format!(
                "Your order {number} has this partner reference and is not cancelled; send a new order with another reference{remedy}"
            );
            Err(AppError::new(ErrorCode::DuplicatePartnerReference, message).detail("order_number", number.to_string()))
        }
    }
}

/// The refusal of a key, or else of a signature, that another order has.
fn used_for_another(number: OrderNumber, is_same_key: bool) -> AppError {
    let (code, message) = if is_same_key {
        let message = "This Idempotency-Key was used for another order, {}; use a new key for a new order";
        (ErrorCode::IdempotencyKeyReused, message)
    } else {
        let message = "This signature made the order {} already, and one signed text makes one order; for a new \
                       order take a new timestamp and sign again";
        (ErrorCode::SignatureReused, message)
    };
    let number = number.to_string();
    AppError::new(code, message.replace("{}", &number)).detail("order_number", number)
}

/// How often it is looked whether a count is due to be written and which texts may go.
const NOTE_SIGNATURES: Duration = Duration::from_mins(1);

/// A text is remembered for so much longer than it is fresh: for clocks that differ, and for a tolerance that is raised.
const SPARE: Duration = Duration::from_hours(1);

/// The most signed texts that are deleted at once, and how often that is done in a minute.
const TEXTS_A_DELETE: u32 = 1_000;
const DELETES: u32 = 60;
