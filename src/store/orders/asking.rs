//! What the senders of orders ask for: done at once while nothing was promised, else when staff accept it.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait as _, DatabaseTransaction, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use super::fulfilment::Held;
use super::lifecycle::write_moved;
use super::requests::{self, Known, RequestKey};
use crate::domain::client::ClientId;
use crate::domain::event::EventKind;
use crate::domain::fulfilment::{Refused, Remaining};
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::order_request::{
    Decision, MAX_REQUESTS, OrderRequest, RequestAnswer, RequestAnswerInput, RequestInput, RequestKind, RequestNumber,
    RequestState,
};
use crate::domain::permission::Scope;
use crate::store::connect::Store;
use crate::store::entity::sales_order_acknowledgements as acknowledgements;
use crate::store::error::StoreResult;
use crate::store::events;

/// What became of a request of an order's sender.
#[derive(Debug, Clone)]
pub enum Requested {
    /// It is taken, done or pending, now or since before.
    Taken(Box<TakenRequest>),
    /// Another one of the order is pending.
    Pending(Box<OrderRequest>),
    /// The key is that of another request.
    KeyReused(OrderNumber, RequestNumber),
    /// The lines do not allow it.
    Refused(Refused),
    /// Nothing is left that it could be done with.
    Gone(Box<SalesOrder>),
    /// The order changed since its sender saw it.
    Stale(Box<SalesOrder>),
    /// All is so that it asks to be changed.
    Unchanged,
    /// The order has as many requests as it may have.
    Full,
}

/// A request that is taken.
#[derive(Debug, Clone)]
pub struct TakenRequest {
    /// The order as it is now.
    pub order: SalesOrder,
    /// The request as it is now; none where all was cancelled that it asks for.
    pub request: Option<OrderRequest>,
    /// Whether this changed nothing.
    pub is_replayed: bool,
}

/// What became of an answer to a request.
#[derive(Debug, Clone)]
pub enum RequestAnswered {
    /// It is answered so, now or since before.
    Done(Box<SalesOrder>),
    /// The order changed since the caller saw it.
    Stale(Box<SalesOrder>),
    /// It was answered otherwise.
    Closed(Box<OrderRequest>),
    /// The order has no such request.
    NoRequest,
}

impl Store {
    /// Takes a request of an order's sender, with its events, in one transaction. `None` when the scope holds no such order.
    ///
    /// Of two that come at once with one key for two orders one fails with [`StoreError::Duplicate`], and finds the other when it is
    /// tried again.
    ///
    /// [`StoreError::Duplicate`]: crate::store::StoreError::Duplicate
    pub async fn insert_request(
        &self,
        scope: &Scope,
        number: OrderNumber,
        input: RequestInput,
        key: RequestKey,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<Requested>> {
        let scope = scope.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                requests::note_key_use(tx, &key, now).await?;
                let Some(mut held) = Held::find(tx, &scope, number).await? else { return Ok(None) };
                let taken = |order: SalesOrder, request| {
                    Ok(Some(Requested::Taken(Box::new(TakenRequest { order, request, is_replayed: true }))))
                };
                if let Some(Known { order, digest, is_same_text, request }) = requests::find_known(tx, &key).await? {
                    // A text names its order and all that is asked for.
                    return if order == number && (is_same_text || digest == key.digest) {
                        taken(held.order, Some(request))
                    } else {
                        Ok(Some(Requested::KeyReused(order, request.number)))
                    };
                }
                let asked = &input.asked;
                // Of a version that it changed itself the same change can only be the same again.
                if asked.kind() == RequestKind::Change
                    && let Some(request) = requests::find_same(tx, number, &key.digest).await?
                {
                    return taken(held.order, Some(request));
                }
                if input.expected_version.is_some_and(|version| version != held.order.version) {
                    return Ok(Some(Requested::Stale(Box::new(held.order))));
                }
                if let Err(refused) = held.ensure_possible(asked, input.naming) {
                    return Ok(Some(Requested::Refused(refused)));
                }
                let remaining = held.remaining(asked);
                if remaining == Remaining::Done {
                    return match asked.kind() {
                        RequestKind::Cancellation => taken(held.order, None),
                        RequestKind::Change => Ok(Some(Requested::Unchanged)),
                    };
                }
                let known = requests::of_order(tx, number).await?;
                if let Some((pending, digest)) = requests::find_pending(tx, number).await? {
                    return if digest == key.digest {
                        taken(held.order, Some(pending))
                    } else {
                        Ok(Some(Requested::Pending(Box::new(pending))))
                    };
                }
                if remaining == Remaining::Gone {
                    return Ok(Some(Requested::Gone(Box::new(held.order))));
                }
                if known.len() >= MAX_REQUESTS {
                    return Ok(Some(Requested::Full));
                }
                let is_free = !held.fulfilment.is_promised() && !is_acknowledged(tx, number).await?;
                let (order, request) = take(tx, held, input, key, is_free, now).await?;
                Ok(Some(Requested::Taken(Box::new(TakenRequest { order, request: Some(request), is_replayed: false }))))
            })
        })
        .await
    }

    /// Answers a request, with its events, in one transaction. `None` when the scope holds no such order.
    pub async fn update_request_answered(
        &self,
        scope: &Scope,
        number: OrderNumber,
        (id, input): (RequestNumber, RequestAnswerInput),
        actor: ClientId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<RequestAnswered>> {
        let scope = scope.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                let Some(mut held) = Held::find(tx, &scope, number).await? else { return Ok(None) };
                let known = requests::of_order(tx, number).await?.into_iter().find(|request| request.number == id);
                let Some(request) = known else { return Ok(Some(RequestAnswered::NoRequest)) };
                if request.state != RequestState::Pending {
                    return Ok(Some(if input.repeats(&request) {
                        RequestAnswered::Done(Box::new(held.order))
                    } else {
                        RequestAnswered::Closed(Box::new(request))
                    }));
                }
                if input.expected_version.is_some_and(|version| version != held.order.version) {
                    return Ok(Some(RequestAnswered::Stale(Box::new(held.order))));
                }
                // An instance of the version before may have let go what this asks for.
                let state = match (input.decision, held.remaining(&request.asked)) {
                    (Decision::Reject, _) => RequestState::Rejected,
                    (Decision::Accept, Remaining::Gone) => RequestState::Superseded,
                    (Decision::Accept, _) => RequestState::Accepted,
                };
                let is_accepted = state == RequestState::Accepted;
                let lines = if is_accepted { held.apply(&request) } else { Vec::new() };
                let at = held.order.updated_at.max(now);
                let request = request.answered(state, RequestAnswer { reason: input.reason, note: input.note, at });
                requests::answer(tx, &request, &actor).await?;
                let request = Box::new(request);
                let order = if lines.is_empty() && held.change.is_none() {
                    bump(tx, &held.order, now, &actor, |version| EventKind::RequestAnswered { version, request, lines })
                        .await?
                } else {
                    held.write(tx, &actor, now, |version| EventKind::RequestAnswered { version, request, lines })
                        .await?
                };
                Ok(Some(RequestAnswered::Done(Box::new(order))))
            })
        })
        .await
    }
}

/// Stores a request, and does it at once where it may be.
async fn take(
    tx: &DatabaseTransaction,
    mut held: Held,
    input: RequestInput,
    key: RequestKey,
    is_free: bool,
    now: DateTime<Utc>,
) -> StoreResult<(SalesOrder, OrderRequest)> {
    let at = held.order.updated_at.max(now);
    let actor = key.client_id.clone();
    let request = OrderRequest {
        number: RequestNumber::from_id(0),
        asked: input.asked.sorted(),
        state: if is_free { RequestState::Accepted } else { RequestState::Pending },
        reason: input.reason,
        note: input.note,
        requested_at: at,
        answer: is_free.then_some(RequestAnswer { reason: None, note: None, at }),
    };
    let request = requests::insert(tx, held.order.number, key, request, &actor).await?;
    let told = Box::new(request.clone());
    let order = if is_free {
        let lines = held.apply(&request);
        held.write(tx, &actor, now, |version| EventKind::RequestAnswered { version, request: told, lines }).await?
    } else {
        bump(tx, &held.order, now, &actor, |version| EventKind::RequestReceived { version, request: told }).await?
    };
    Ok((order, request))
}

/// Writes a change of an order that changes none of its lines.
async fn bump(
    tx: &DatabaseTransaction,
    order: &SalesOrder,
    now: DateTime<Utc>,
    actor: &ClientId,
    kind: impl FnOnce(i32) -> EventKind,
) -> StoreResult<SalesOrder> {
    let moved = order.moved(order.status, now);
    write_moved(tx, &moved).await?;
    events::append_next(tx, order.number, &kind(moved.version), actor, moved.updated_at).await?;
    Ok(moved)
}

async fn is_acknowledged(tx: &DatabaseTransaction, number: OrderNumber) -> StoreResult<bool> {
    let of_order = acknowledgements::Entity::find().filter(acknowledgements::Column::OrderId.eq(number.id()));
    Ok(of_order.count(tx).await? > 0)
}
