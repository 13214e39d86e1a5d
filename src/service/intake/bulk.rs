//! Takes many orders of one request, each by itself: one that is refused takes no other with it. They wait for their transactions
//! together, so they share them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{OrderIntake, TakenOrder, ensure_expected, settle};
use crate::auth::credentials::Header;
use crate::auth::signature::VerifiedSignature;
use crate::domain::bulk_input::{self, BulkRow, FaultyRow};
use crate::domain::fields::{Fields, Naming};
use crate::domain::reference_policy::ReferencePolicy;
use crate::error::{AppError, ErrorCode};
use crate::service::caller::{Caller, Principal};
use crate::store::{Created, OrderToInsert};
use crate::telemetry::{self, NotedRow};

/// What became of an order of many.
pub struct BulkOutcome {
    /// Its idempotency key, where that can be one.
    pub idempotency_key: Option<String>,
    /// The order, or why there is none.
    pub outcome: Result<TakenOrder, AppError>,
}

/// Who sends the orders, how, and when.
struct Sending<'a> {
    principal: &'a Principal,
    signature: &'a VerifiedSignature,
    naming: Naming,
    now: DateTime<Utc>,
}

impl OrderIntake {
    /// Takes the orders in `input` from a caller that was let through with a true signature over all of them. Gives what became of
    /// each, in their sequence.
    ///
    /// The signed text binds the keys, and a key names one order, so one text makes the orders that its body names and no others,
    /// without a text that is remembered.
    pub async fn create_sales_orders(
        &self,
        caller: &Caller,
        input: &Value,
        naming: Naming,
    ) -> Result<Vec<BulkOutcome>, AppError> {
        ensure_no_key(caller)?;
        let rows = bulk_input::read(Fields::new(input, naming), &self.default_currency).map_err(AppError::invalid)?;
        caller.count_further_requests(rows.len().saturating_sub(1))?;
        let (principal, signature) = (caller.admitted()?, caller.verified_signature()?);
        let (client_id, fingerprint) = (principal.client_id(), &signature.fingerprint);
        let is_due = self.directory.is_key_use_due(client_id, fingerprint, signature.form).await;
        let sending = Sending { principal, signature: &signature, naming, now: self.clock.now() };

        let mut outcomes: Vec<_> = rows.iter().map(|_| None).collect();
        let mut keys = Vec::with_capacity(rows.len());
        let mut waves = [Vec::new(), Vec::new()];
        let mut seen = HashSet::new();
        for (index, row) in rows.into_iter().enumerate() {
            match row {
                Ok(row) => {
                    keys.push(Some(row.idempotency_key.clone()));
                    // One that has the key or the reference of an earlier one finds that when it is stored.
                    let is_later = sending.alone(&row).filter(|name| !seen.insert(name.clone())).count() > 0;
                    waves[usize::from(is_later)].push((index, row));
                }
                Err(FaultyRow { idempotency_key, errors }) => {
                    keys.push(idempotency_key);
                    outcomes[index] = Some(Err(AppError::invalid(errors)));
                }
            }
        }
        let mut is_due = is_due;
        for wave in waves {
            for (index, outcome) in self.take_wave(&sending, wave, &mut is_due).await {
                outcomes[index] = Some(outcome);
            }
        }
        let mut outcomes: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| Err(AppError::internal("an order of many was not looked at"))))
            .collect();
        self.complete(&sending, &mut outcomes).await;
        let rows = keys.iter().zip(&outcomes).map(|(key, outcome)| {
            let outcome = outcome.as_ref().map(|taken| (&taken.order, taken.replayed));
            NotedRow::new(key.as_deref(), outcome)
        });
        let rows = rows.collect();
        telemetry::note(|facts| facts.exchange.rows = rows);
        Ok(keys
            .into_iter()
            .zip(outcomes)
            .map(|(idempotency_key, outcome)| BulkOutcome { idempotency_key, outcome })
            .collect())
    }

    /// Stores orders no two of which are in each other's way.
    async fn take_wave(
        &self,
        sending: &Sending<'_>,
        wave: Vec<(usize, BulkRow)>,
        is_due: &mut bool,
    ) -> Vec<(usize, Result<TakenOrder, AppError>)> {
        let mut outcomes = Vec::with_capacity(wave.len());
        let mut waiting = Vec::with_capacity(wave.len());
        for (index, BulkRow { idempotency_key, order }) in wave {
            let mut new = Self::to_insert(sending.principal, sending.signature, order, sending.now, |_| {
                format!("key:{idempotency_key}")
            });
            match ensure_expected(sending.principal, &new, sending.naming) {
                Ok(()) => {
                    new.key_use_is_due = std::mem::take(is_due);
                    waiting.push((index, new));
                }
                Err(refused) => outcomes.push((index, self.existing_or(refused, &new).await)),
            }
        }
        let (about, orders): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|(index, new)| ((index, new.digest, new.order.mismatches().to_vec()), new)).unzip();
        let made = self.queue.insert_all(orders).await;
        outcomes.extend(about.into_iter().zip(made).map(|((index, digest, mismatches), created)| {
            let taken = created.and_then(|created| settle(created, digest, true));
            (index, taken.map(|taken| TakenOrder { mismatches, ..taken }))
        }));
        outcomes
    }

    /// The order that is asked for again, whatever is expected of it, or else the refusal.
    async fn existing_or(&self, refused: AppError, new: &OrderToInsert) -> Result<TakenOrder, AppError> {
        let existing: Option<Created> = self.store.in_time(self.store.find_existing(new)).await?;
        let taken = settle(existing.ok_or(refused)?, new.digest, true)?;
        Ok(TakenOrder { mismatches: new.order.mismatches().to_vec(), ..taken })
    }

    /// Counts what became of the orders, and looks for what their sender is to be warned of.
    async fn complete(&self, sending: &Sending<'_>, outcomes: &mut [Result<TakenOrder, AppError>]) {
        let mut taken: Vec<_> = outcomes.iter_mut().filter_map(|outcome| outcome.as_mut().ok()).collect();
        for order in &taken {
            telemetry::count_order(order.replayed);
        }
        if sending.principal.known.client.reference_policy == ReferencePolicy::Warn {
            let orders: Vec<_> = taken.iter().map(|taken| &taken.order).collect();
            let mut others = self.same_references(&orders).await;
            for order in &mut taken {
                order.same_reference = others.remove(&order.order.number);
            }
        }
    }
}

impl Sending<'_> {
    /// What an order must have alone among those that are stored side by side.
    fn alone(&self, row: &BulkRow) -> impl Iterator<Item = (bool, String)> {
        let is_refusing = self.principal.known.client.reference_policy == ReferencePolicy::Refuse;
        let reference = row.order.content().partner_reference.clone().filter(|_| is_refusing);
        [(false, row.idempotency_key.clone())].into_iter().chain(reference.map(|reference| (true, reference)))
    }
}

/// Each order has its own key. One of the whole request would look as if it protected something.
fn ensure_no_key(caller: &Caller) -> Result<(), AppError> {
    if caller.credentials.idempotency_key == Header::Absent {
        return Ok(());
    }
    let message = "Many orders have no Idempotency-Key in common; leave the header out and give each order its own \
                   idempotency_key";
    Err(AppError::new(ErrorCode::InvalidHeader, message).detail("headers", vec!["Idempotency-Key"]))
}
