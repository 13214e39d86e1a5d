//! Sales orders with their lines, events and receipts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, TryInsertResult,
    TryIntoModel,
};

use super::clients::parse_client_id;
use super::connect::{Store, instant, micros};
use super::entity::sales_orders::OrderRow;
use super::entity::{sales_order_lines, sales_order_receipts, sales_orders};
use super::error::{StoreError, StoreResult};
use super::filter::in_scope;
use super::{events, keys};
use crate::auth::signature::SignatureForm;
use crate::domain::client::ClientId;
use crate::domain::event::Happening;
use crate::domain::money::Money;
use crate::domain::order::{OrderNumber, OrderStatus, SalesOrder, SalesOrderLine};
use crate::domain::order_input::{NewOrder, NewOrderLine};
use crate::domain::permission::Scope;

/// What the sender signed: evidence if the order is ever disputed.
#[derive(Debug, Clone)]
pub struct NewReceipt {
    /// Which of the two texts was signed.
    pub signature_form: SignatureForm,
    /// The signed text.
    pub string_to_sign: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// Which key verified it.
    pub key_fingerprint: String,
    /// SHA-256 of the body as received.
    pub body_sha256: [u8; 32],
}

/// An order to be stored with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct OrderToInsert {
    /// Who sends it.
    pub client_id: ClientId,
    /// Unique per client: a second order with the same key is the first one again.
    pub idempotency_key: String,
    /// The order.
    pub order: NewOrder,
    /// What was signed.
    pub receipt: NewReceipt,
    /// Whether to note the key's use with it, so that a busy key costs no transaction of its own.
    pub key_use_is_due: bool,
    /// When it was taken.
    pub now: DateTime<Utc>,
}

/// What became of an order to be stored.
#[derive(Debug)]
pub enum Created {
    /// It is stored now.
    New {
        /// The order.
        order: SalesOrder,
        /// Its lines.
        lines: Vec<SalesOrderLine>,
    },
    /// Its key was used before, by this order.
    Existing {
        /// The order as it is now.
        order: SalesOrder,
        /// The digest of the order the key was first used with.
        digest: Vec<u8>,
    },
}

impl Store {
    /// Stores an order, its lines, its first event and its receipt in one transaction, unless its key was used
    /// before. Of any number of simultaneous calls with one key exactly one stores.
    pub async fn insert_order(&self, new: OrderToInsert) -> StoreResult<Created> {
        self.transaction(move |tx| Box::pin(async move { insert(tx, new).await })).await
    }

    /// The order with this number, if it is in the scope.
    pub async fn find_order(&self, scope: &Scope, number: OrderNumber) -> StoreResult<Option<SalesOrder>> {
        Ok(self.list_orders_by_number(scope, &[number]).await?.into_values().next())
    }

    /// Those of the orders with these numbers that are in the scope.
    pub async fn list_orders_by_number(
        &self,
        scope: &Scope,
        numbers: &[OrderNumber],
    ) -> StoreResult<HashMap<OrderNumber, SalesOrder>> {
        let rows = sales_orders::Entity::find()
            .filter(sales_orders::Column::Id.is_in(numbers.iter().map(|number| number.id())))
            .filter(in_scope(scope))
            .into_partial_model::<OrderRow>()
            .all(&self.read)
            .await?;
        rows.into_iter().map(|row| Ok((OrderNumber::from_id(row.id), row.try_into()?))).collect()
    }

    /// The lines of many orders at once, each order's in their place. Takes no scope: whoever holds an order's number
    /// got it from a query that did.
    pub async fn list_lines(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, Vec<SalesOrderLine>>> {
        let rows = sales_order_lines::Entity::find()
            .filter(sales_order_lines::Column::OrderId.is_in(orders.iter().map(|number| number.id())))
            .order_by_asc(sales_order_lines::Column::OrderId)
            .order_by_asc(sales_order_lines::Column::LineNo)
            .all(&self.read)
            .await?;
        let mut lines: HashMap<_, Vec<_>> = orders.iter().map(|number| (*number, Vec::new())).collect();
        for row in rows {
            lines.entry(OrderNumber::from_id(row.order_id)).or_default().push(row.into());
        }
        Ok(lines)
    }
}

async fn insert(tx: &DatabaseTransaction, new: OrderToInsert) -> StoreResult<Created> {
    if new.key_use_is_due {
        let NewReceipt { signature_form, key_fingerprint, .. } = &new.receipt;
        keys::update_last_used(tx, &new.client_id, key_fingerprint, *signature_form, new.now).await?;
    }
    let row = order_row(&new);
    let inserted = sales_orders::Entity::insert(row.clone())
        .on_conflict_do_nothing_on([sales_orders::Column::ClientId, sales_orders::Column::IdempotencyKey])
        .exec(tx)
        .await?;
    let TryInsertResult::Inserted(inserted) = inserted else { return existing(tx, &new).await };
    let order_id = inserted.last_insert_id;
    let order = sales_orders::ActiveModel { id: Set(order_id), ..row }.try_into_model()?;
    let OrderToInsert { client_id, order: NewOrder { products, .. }, receipt, .. } = new;
    let lines: Vec<_> =
        products.into_iter().zip(1..).map(|(line, line_no)| new_line(order_id, line_no, line)).collect();
    let rows = lines.iter().map(|line| line.clone().into_active_model());
    sales_order_lines::Entity::insert_many(rows).exec_without_returning(tx).await?;
    sales_order_receipts::Entity::insert(sales_order_receipts::ActiveModel {
        order_id: Set(order_id),
        signature_form: Set(receipt.signature_form.as_str().to_owned()),
        string_to_sign: Set(receipt.string_to_sign),
        signature: Set(receipt.signature),
        key_fingerprint: Set(receipt.key_fingerprint),
        body_sha256: Set(receipt.body_sha256.to_vec()),
    })
    .exec_without_returning(tx)
    .await?;
    // Last, for it holds up everybody else's events until the commit.
    events::append(tx, order_id, 1, &Happening::Created, &client_id, order.created_at).await?;
    Ok(Created::New {
        order: OrderRow::from(order).try_into()?,
        lines: lines.into_iter().map(SalesOrderLine::from).collect(),
    })
}

/// The order that used the key first. It is committed: an insert that meets an uncommitted one waits for its end.
async fn existing(tx: &DatabaseTransaction, new: &OrderToInsert) -> StoreResult<Created> {
    let row = sales_orders::Entity::find()
        .filter(sales_orders::Column::ClientId.eq(new.client_id.as_str()))
        .filter(sales_orders::Column::IdempotencyKey.eq(new.idempotency_key.as_str()))
        .one(tx)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("the order that used the key first".to_owned()))?;
    let digest = row.request_digest.clone();
    Ok(Created::Existing { order: OrderRow::from(row).try_into()?, digest })
}

fn order_row(new: &OrderToInsert) -> sales_orders::ActiveModel {
    // Taken apart so that a new field cannot be forgotten here.
    let NewOrder { customer_code, site_code, sales_name, address, currency, note, products: _ } = new.order.clone();
    sales_orders::ActiveModel {
        id: NotSet,
        client_id: Set(new.client_id.to_string()),
        idempotency_key: Set(new.idempotency_key.clone()),
        request_digest: Set(new.order.digest().to_vec()),
        customer_code: Set(customer_code),
        site_code: Set(site_code),
        sales_name: Set(sales_name),
        address: Set(address),
        note: Set(note),
        currency: Set(currency),
        status: Set(OrderStatus::Received.as_str().to_owned()),
        version: Set(1),
        total_quantity: Set(new.order.total_quantity()),
        total_amount: Set(new.order.total_amount().map(Money::ten_thousandths)),
        created_at: Set(micros(new.now)),
        updated_at: Set(micros(new.now)),
        line_count: Set(count(new.order.products.len())),
        unpriced_lines: Set(count(new.order.unpriced_lines())),
        priced_amount: Set(new.order.priced_amount().ten_thousandths()),
        search_text: Set(new.order.search_text()),
    }
}

/// A number of lines; an order has at most 500.
pub(super) fn count(lines: usize) -> i32 {
    i32::try_from(lines).unwrap_or(i32::MAX)
}

pub(super) fn new_line(order_id: i64, line_no: i32, line: NewOrderLine) -> sales_order_lines::Model {
    let NewOrderLine { product_code, quantity, product_name, unit, unit_price, note } = line;
    let unit_price = unit_price.map(Money::ten_thousandths);
    sales_order_lines::Model { order_id, line_no, product_code, product_name, quantity, unit, unit_price, note }
}

impl From<sales_orders::Model> for OrderRow {
    fn from(row: sales_orders::Model) -> Self {
        Self {
            id: row.id,
            client_id: row.client_id,
            customer_code: row.customer_code,
            site_code: row.site_code,
            sales_name: row.sales_name,
            address: row.address,
            note: row.note,
            currency: row.currency,
            status: row.status,
            version: row.version,
            total_quantity: row.total_quantity,
            total_amount: row.total_amount,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl TryFrom<OrderRow> for SalesOrder {
    type Error = StoreError;

    fn try_from(row: OrderRow) -> Result<Self, StoreError> {
        let status = OrderStatus::ALL.into_iter().find(|status| status.as_str() == row.status);
        Ok(Self {
            number: OrderNumber::from_id(row.id),
            client_id: parse_client_id(&row.client_id)?,
            customer_code: row.customer_code,
            site_code: row.site_code,
            sales_name: row.sales_name,
            address: row.address,
            note: row.note,
            currency: row.currency,
            status: status.ok_or(StoreError::Unreadable { what: "status", value: row.status })?,
            version: row.version,
            total_quantity: row.total_quantity,
            total_amount: row.total_amount.map(Money::from_ten_thousandths),
            created_at: instant(row.created_at)?,
            updated_at: instant(row.updated_at)?,
        })
    }
}

impl From<sales_order_lines::Model> for SalesOrderLine {
    fn from(row: sales_order_lines::Model) -> Self {
        Self {
            line_no: row.line_no,
            product_code: row.product_code,
            product_name: row.product_name,
            quantity: row.quantity,
            unit: row.unit,
            unit_price: row.unit_price.map(Money::from_ten_thousandths),
            note: row.note,
        }
    }
}
