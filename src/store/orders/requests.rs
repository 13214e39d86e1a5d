//! What the senders of orders asked for, and what became of that: the rows.

use std::collections::HashMap;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::fulfilment::Held;
use super::intake::NewReceipt;
use crate::domain::client::ClientId;
use crate::domain::event::EventKind;
use crate::domain::fulfilment::Remaining;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::order_request::{Asked, OrderRequest, RequestAnswer, RequestKind, RequestNumber, RequestState};
use crate::domain::receipt::Receipt;
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::sales_order_request_receipts as receipts;
use crate::store::entity::sales_order_requests::{ActiveModel, Column, Entity, Model};
use crate::store::error::{StoreError, StoreResult};
use crate::store::{events, keys};

/// What makes a request this one.
#[derive(Debug, Clone)]
pub struct RequestKey {
    /// Who asks.
    pub client_id: ClientId,
    /// The idempotency key, the sender's or one made of the signed text.
    pub idempotency_key: String,
    /// The SHA-256 of the text that was signed, in hex.
    pub signed_text: String,
    /// The SHA-256 of what is asked for, in hex.
    pub digest: String,
    /// What was signed.
    pub receipt: NewReceipt,
    /// Whether to note the key's use with it.
    pub key_use_is_due: bool,
}

impl Store {
    /// The requests of these orders, the oldest first. Takes no scope: whoever holds an order's number got it from a query that did.
    pub async fn list_requests(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, Vec<OrderRequest>>> {
        let rows = Entity::find()
            .filter(Column::OrderId.is_in(orders.iter().map(|number| number.id())))
            .order_by_asc(Column::OrderId)
            .order_by_asc(Column::Id)
            .all(&self.read)
            .await?;
        let mut found: HashMap<_, Vec<_>> = orders.iter().map(|number| (*number, Vec::new())).collect();
        for row in rows {
            found.entry(OrderNumber::from_id(row.order_id)).or_default().push(row.try_into()?);
        }
        Ok(found)
    }

    /// The receipts of requests. Takes no scope, as above.
    pub async fn list_request_receipts(
        &self,
        requests: &[RequestNumber],
    ) -> StoreResult<HashMap<RequestNumber, Receipt>> {
        let of_requests = receipts::Column::RequestId.is_in(requests.iter().map(|number| number.id()));
        let rows = receipts::Entity::find().filter(of_requests).all(&self.read).await?;
        let read = |row: receipts::Model| {
            let receipts::Model { request_id, signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } =
                row;
            let receipt = Receipt { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 };
            (RequestNumber::from_id(request_id), receipt)
        };
        Ok(rows.into_iter().map(read).collect())
    }
}

/// Notes the use of the key that verified a request, whatever becomes of it.
pub(super) async fn note_key_use(tx: &DatabaseTransaction, key: &RequestKey, now: DateTime<Utc>) -> StoreResult<()> {
    if key.key_use_is_due {
        let NewReceipt { signature_form, key_fingerprint, .. } = &key.receipt;
        keys::update_last_used(tx, &key.client_id, key_fingerprint, *signature_form, now).await?;
    }
    Ok(())
}

/// A request that is stored, with what makes it this one.
pub(super) struct Known {
    pub order: OrderNumber,
    pub digest: String,
    pub is_same_text: bool,
    pub request: OrderRequest,
}

/// The client's request under this key or with this text, whatever order it is of.
pub(super) async fn find_known(tx: &DatabaseTransaction, key: &RequestKey) -> StoreResult<Option<Known>> {
    let is_this = Condition::any()
        .add(Column::IdempotencyKey.eq(&key.idempotency_key))
        .add(Column::SignedText.eq(&key.signed_text));
    let row = Entity::find().filter(Column::ClientId.eq(key.client_id.as_str())).filter(is_this);
    let Some(row) = row.order_by_asc(Column::Id).one(tx).await? else { return Ok(None) };
    Ok(Some(Known {
        order: OrderNumber::from_id(row.order_id),
        digest: row.digest.clone(),
        is_same_text: row.signed_text == key.signed_text,
        request: row.try_into()?,
    }))
}

/// The one request of an order that nobody answered yet, with its digest.
pub(super) async fn find_pending(
    connection: &impl ConnectionTrait,
    order: OrderNumber,
) -> StoreResult<Option<(OrderRequest, String)>> {
    let pending = Entity::find()
        .filter(Column::OrderId.eq(order.id()))
        .filter(Column::State.eq(RequestState::Pending.as_str()))
        .one(connection)
        .await?;
    let Some(row) = pending else { return Ok(None) };
    let digest = row.digest.clone();
    Ok(Some((row.try_into()?, digest)))
}

/// All requests of an order.
pub(super) async fn of_order(tx: &DatabaseTransaction, order: OrderNumber) -> StoreResult<Vec<OrderRequest>> {
    let rows = Entity::find().filter(Column::OrderId.eq(order.id())).order_by_asc(Column::Id).all(tx).await?;
    rows.into_iter().map(OrderRequest::try_from).collect()
}

/// The order's request with this digest, whatever became of it.
pub(super) async fn find_same(
    tx: &DatabaseTransaction,
    order: OrderNumber,
    digest: &str,
) -> StoreResult<Option<OrderRequest>> {
    let same = Entity::find().filter(Column::OrderId.eq(order.id())).filter(Column::Digest.eq(digest));
    same.order_by_asc(Column::Id).one(tx).await?.map(OrderRequest::try_from).transpose()
}

/// Stores a new request, which gets its number, with its receipt.
pub(super) async fn insert(
    tx: &DatabaseTransaction,
    order: OrderNumber,
    key: RequestKey,
    request: OrderRequest,
    actor: &ClientId,
) -> StoreResult<OrderRequest> {
    let answer = request.answer.as_ref();
    let row = ActiveModel {
        id: NotSet,
        order_id: Set(order.id()),
        client_id: Set(key.client_id.to_string()),
        kind: Set(request.asked.kind().to_string()),
        state: Set(request.state.to_string()),
        reason: Set(request.reason.to_string()),
        note: Set(request.note.clone()),
        lines: Set(request.asked.cancelled_lines().map(|lines| json!(lines).to_string())),
        change: Set(request.asked.change().map(|change| json!(change).to_string())),
        idempotency_key: Set(key.idempotency_key),
        signed_text: Set(key.signed_text),
        digest: Set(key.digest),
        requested_at: Set(micros(request.requested_at)),
        answer_reason: Set(answer.and_then(|answer| answer.reason).map(|reason| reason.to_string())),
        answer_note: Set(answer.and_then(|answer| answer.note.clone())),
        answered_by: Set(answer.map(|_| actor.to_string())),
        answered_at: Set(answer.map(|answer| micros(answer.at))),
    };
    let id = Entity::insert(row).exec(tx).await?.last_insert_id;
    let NewReceipt { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } = key.receipt;
    let receipt = receipts::ActiveModel {
        request_id: Set(id),
        signature_form: Set(signature_form.as_str().to_owned()),
        string_to_sign: Set(string_to_sign),
        signature: Set(signature),
        key_fingerprint: Set(key_fingerprint),
        body_sha256: Set(body_sha256.to_vec()),
    };
    receipts::Entity::insert(receipt).exec_without_returning(tx).await?;
    Ok(OrderRequest { number: RequestNumber::from_id(id), ..request })
}

/// Writes the answer to a request.
pub(super) async fn answer(tx: &DatabaseTransaction, request: &OrderRequest, actor: &ClientId) -> StoreResult<()> {
    let row = ActiveModel {
        id: Set(request.number.id()),
        state: Set(request.state.to_string()),
        answer_reason: Set(request.answer.as_ref().and_then(|it| it.reason).map(|reason| reason.to_string())),
        answer_note: Set(request.answer.as_ref().and_then(|it| it.note.clone())),
        answered_by: Set(Some(actor.to_string())),
        answered_at: Set(request.answer.as_ref().map(|it| micros(it.at))),
        ..ActiveModel::default()
    };
    Entity::update(row).exec(tx).await?;
    Ok(())
}

/// Closes the pending request of an order that was changed otherwise, where nothing is left of what it asks for: that is done, or it has
/// left. With its event, of the version that the change gave the order, which is written already.
pub(super) async fn close(tx: &DatabaseTransaction, order: &SalesOrder, actor: &ClientId) -> StoreResult<()> {
    let Some((request, _)) = find_pending(tx, order.number).await? else { return Ok(()) };
    let state = match Held::of(tx, order.clone()).await?.remaining(&request.asked) {
        Remaining::Something => return Ok(()),
        Remaining::Done => RequestState::Accepted,
        Remaining::Gone => RequestState::Superseded,
    };
    let request = request.answered(state, RequestAnswer { reason: None, note: None, at: order.updated_at });
    answer(tx, &request, actor).await?;
    let kind = EventKind::RequestAnswered { version: order.version, request: Box::new(request), lines: Vec::new() };
    events::append_next(tx, order.number, &kind, actor, order.updated_at).await
}

impl TryFrom<Model> for OrderRequest {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let asked = match named::<RequestKind>("kind", row.kind)? {
            RequestKind::Cancellation => {
                Asked::Cancellation { lines: row.lines.map(|text| read("lines", text)).transpose()? }
            }
            RequestKind::Change => Asked::Change { change: Box::new(read("change", row.change.unwrap_or_default())?) },
        };
        let answered = |at: DateTime<Utc>| {
            let reason = row.answer_reason.clone().map(|name| named("reason", name)).transpose()?;
            Ok::<_, StoreError>(RequestAnswer { reason, note: row.answer_note.clone(), at })
        };
        Ok(Self {
            number: RequestNumber::from_id(row.id),
            asked,
            state: named("state", row.state)?,
            reason: named("reason", row.reason)?,
            note: row.note,
            requested_at: instant(row.requested_at)?,
            answer: row.answered_at.map(|at| instant(at).and_then(answered)).transpose()?,
        })
    }
}

fn named<T: FromStr>(what: &'static str, name: String) -> StoreResult<T> {
    name.parse().map_err(|_| unreadable(what, name))
}

fn read<T: DeserializeOwned>(what: &'static str, text: String) -> StoreResult<T> {
    serde_json::from_str(&text).map_err(|_| unreadable(what, text))
}

fn unreadable(what: &'static str, value: String) -> StoreError {
    StoreError::Unreadable { what, value }
}
