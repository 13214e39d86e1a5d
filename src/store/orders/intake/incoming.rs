//! Orders as they are sent to the database: each with every row that is stored with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Created, NewReceipt, OrderToInsert, postgres, sqlite};
use crate::domain::event::EventKind;
use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::order_input::NewOrder;
use crate::domain::receipt::Receipt;
use crate::store::error::StoreResult;
use crate::store::orders::columns::{ColumnValue as _, Row};
use crate::store::orders::record::{FirstEvent, Internals, SignedText, UniqueReference};

/// An order with its rows. What is stored is what is answered.
pub struct Incoming {
    pub order: SalesOrder,
    pub lines: Vec<SalesOrderLine>,
    pub internals: Internals,
    pub events: Vec<FirstEvent>,
    /// Nobody signed a sample.
    pub receipt: Option<Receipt>,
    /// On SQLite, whether the order may be stored.
    pub signed_text_digest: Option<Vec<u8>>,
}

impl Incoming {
    pub(super) fn new(new: &OrderToInsert, number: OrderNumber) -> Self {
        let (order, lines) = SalesOrder::taken(&new.order, number, new.client_id.clone(), new.now);
        let NewReceipt { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } =
            new.receipt.clone();
        Self {
            internals: Internals::new(&new.order, &new.idempotency_key, &new.digest, new.reference_is_unique),
            events: vec![FirstEvent::new(0, &EventKind::Created, order.client_id.as_str(), new.now)],
            order,
            lines,
            receipt: Some(Receipt {
                signature_form: signature_form.as_str().to_owned(),
                string_to_sign,
                signature,
                key_fingerprint,
                body_sha256: body_sha256.to_vec(),
            }),
            signed_text_digest: new.signed_text_digest.map(|digest| digest.to_vec()),
        }
    }

    fn is_numbered(&self) -> bool {
        self.order.number != OrderNumber::NONE
    }

    /// What became of it: it is stored, under this id.
    pub(super) fn created(self, id: i64) -> Created {
        let Self { order, lines, .. } = self;
        Created::New { order: SalesOrder { number: OrderNumber::from_id(id), ..order }, lines }
    }
}

impl Internals {
    pub fn new(order: &NewOrder, idempotency_key: &str, digest: &[u8; 32], reference_is_unique: bool) -> Self {
        Self {
            reference_is_unique,
            idempotency_key: idempotency_key.to_owned(),
            request_digest: digest.to_vec(),
            unpriced_lines: order.unpriced_lines(),
            priced_amount: order.priced_amount(),
            search_text: order.search_text(),
        }
    }
}

impl UniqueReference {
    /// `None` where any number of orders may share the reference, and where there is none.
    fn of(Incoming { order, internals, .. }: &Incoming) -> Option<Self> {
        let partner_reference = order.content.partner_reference.clone().filter(|_| internals.reference_is_unique)?;
        Some(Self { client_id: order.client_id.clone(), partner_reference })
    }
}

impl FirstEvent {
    /// The event that comes after so many others of its order.
    pub fn new(others: usize, kind: &EventKind, actor: &str, at: DateTime<Utc>) -> Self {
        Self {
            sequence: i32::try_from(others).unwrap_or(i32::MAX).saturating_add(1),
            kind: kind.name().to_owned(),
            actor: actor.to_owned(),
            payload: kind.payload(),
            created_at: at,
        }
    }
}

impl SignedText {
    /// `None` where any number of orders may share the text.
    pub(super) fn of(new: &OrderToInsert) -> Option<Self> {
        Some(Self {
            client_id: new.client_id.clone(),
            idempotency_key: new.idempotency_key.clone(),
            request_digest: new.digest.to_vec(),
            signed_text_digest: new.signed_text_digest?.to_vec(),
            created_at: new.now,
        })
    }
}

/// Stores those orders whose keys, signed texts and unique references are new, in the sequence of their ordinals. Gives the ids they got.
/// Either all have numbers, of which those that are taken leave their orders out, or the database gives them.
/// A text under a key that was there before, for the same order, names that order from then on.
pub async fn insert(
    tx: &impl ConnectionTrait,
    orders: &[(i64, Incoming)],
    texts: &[(i64, SignedText)],
) -> StoreResult<BTreeMap<i64, i64>> {
    let lines = orders.iter().flat_map(|(ordinal, new)| new.lines.iter().map(|line| Member(*ordinal, line)));
    let receipts = orders.iter().filter_map(|(ordinal, new)| Some(Member(*ordinal, new.receipt.as_ref()?)));
    let events = orders.iter().flat_map(|(ordinal, new)| new.events.iter().map(|event| Member(*ordinal, event)));
    let members = texts.iter().map(|(ordinal, text)| Member(*ordinal, text));
    let mut parameters = vec![
        json(orders.iter().map(|(ordinal, new)| OrderMember(*ordinal, new)))?,
        json(lines)?,
        json(receipts)?,
        json(events)?,
    ];
    let (backend, numbers) = (tx.get_database_backend(), orders.iter().any(|(_, new)| new.is_numbered()));
    let sql = if backend == DbBackend::Postgres {
        let of_order = |(ordinal, new): &(i64, Incoming)| UniqueReference::of(new).map(|it| (*ordinal, it));
        let references: Vec<_> = orders.iter().filter_map(of_order).collect();
        // Without any order it is asked whether every order could be stored.
        let all = orders.is_empty();
        let parts =
            postgres::Parts { numbers, texts: all || !texts.is_empty(), references: all || !references.is_empty() };
        if parts.texts {
            parameters.push(json(members)?);
        }
        if parts.references {
            parameters.push(json(references.iter().map(|(ordinal, it)| Member(*ordinal, it)))?);
        }
        parts.statement()
    } else {
        parameters.push(json(members)?);
        if numbers { sqlite::NUMBERED.as_str() } else { sqlite::INSERT.as_str() }
    };
    let mut ids = BTreeMap::new();
    let statement = Statement::from_sql_and_values(backend, sql, parameters.into_iter().map(Value::from));
    for row in tx.query_all_raw(statement).await? {
        ids.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    }
    Ok(ids)
}

fn json(rows: impl Iterator<Item = impl Serialize>) -> Result<String, DbErr> {
    serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|error| DbErr::Json(error.to_string()))
}

/// Rows that belong to one order as a JSON list.
pub fn json_of<R: Row>(rows: &[R]) -> Result<String, DbErr> {
    json(rows.iter().map(|row| Member(0, row)))
}

/// A row in a JSON list, with the ordinal of its order.
struct Member<'a, R>(i64, &'a R);

impl<R: Row> Serialize for Member<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(ordinal, row) = self;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("ordinal", ordinal)?;
        row.write(&mut members)?;
        members.end()
    }
}

/// The same of an order itself.
struct OrderMember<'a>(i64, &'a Incoming);

impl Serialize for OrderMember<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(ordinal, new) = self;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("ordinal", ordinal)?;
        if new.is_numbered() {
            members.serialize_entry("id", &new.order.number.id())?;
        }
        new.order.write(&mut members)?;
        new.internals.write(&mut members)?;
        members.serialize_entry("signed_text_digest", &new.signed_text_digest.to_json())?;
        members.end()
    }
}
