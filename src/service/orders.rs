//! Reading orders: one, a page, how many, and their totals.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::archiving;
use super::caller::Principal;
use super::turns::Turns;
use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::buckets::{self, Bucket, Unit};
use crate::domain::client::ClientId;
use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::order_filter::OrderFilter;
use crate::domain::order_input::as_partner_reference;
use crate::domain::order_request::{OrderRequest, RequestNumber};
use crate::domain::page::{Page, PageRequest};
use crate::domain::permission::Scope;
use crate::domain::receipt::Receipt;
use crate::domain::shipment::Shipment;
use crate::domain::summary::{
    Attribute, Dimension, Figures, Group, Key, MAX_BUCKETS, Summary, SummaryRequest, too_many_buckets,
};
use crate::error::{AppError, ErrorCode};
use crate::store::{Grouping, Route, Store, StoredPublicKey, SummaryRow, SummarySnapshot};

/// Reads orders.
#[derive(Clone)]
pub struct Orders {
    store: Arc<Store>,
    reports: Turns<ClientId>,
    route: Arc<Route>,
}

impl Orders {
    /// Reads from this store; what may take long in turns.
    #[must_use]
    pub fn new(store: Store, reports: Turns<ClientId>) -> Self {
        let store = Arc::new(store);
        let route = Arc::new(Route::primary(Arc::clone(&store)));
        Self { store, reports, route }
    }

    /// The same for one request, whose reads may go to a replica. They see what was committed before the first of them.
    #[must_use]
    pub fn anywhere(&self) -> Self {
        if !self.store.has_replica() {
            return self.clone();
        }
        Self { route: Arc::new(Route::anywhere(Arc::clone(&self.store))), ..self.clone() }
    }

    /// The order with this number, if the scope holds it. A text that is no order number names no order. Fails where the order is archived.
    pub async fn sales_order(&self, scope: &Scope, number: &str) -> Result<Option<SalesOrder>, AppError> {
        let Ok(number) = number.parse() else { return Ok(None) };
        if let Some(order) = self.find(scope, number).await? {
            return Ok(Some(order));
        }
        let absent = archiving::absent(&self.store, scope, number).await;
        if absent.code == ErrorCode::NotFound { Ok(None) } else { Err(absent) }
    }

    /// The order with this number, if the scope holds it. A client's own is found quickly, and is not worth asking two databases.
    pub async fn find(&self, scope: &Scope, number: OrderNumber) -> Result<Option<SalesOrder>, AppError> {
        if *scope != Scope::All {
            self.route.keep_to_primary();
        }
        self.route.read(|store| async move { Ok(store.find_order(scope, number).await?) }).await
    }

    /// The orders with this partner reference that the scope holds, the newest first, so many at most. Of a text that no order can
    /// have as its reference there are none.
    pub async fn by_reference(
        &self,
        scope: &Scope,
        reference: &str,
        first: usize,
    ) -> Result<Vec<SalesOrder>, AppError> {
        match as_partner_reference(reference) {
            Some(reference) => Ok(self.store.list_orders_by_reference(scope, reference, first).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Those of the orders with these numbers that the scope holds.
    pub async fn by_number(
        &self,
        scope: &Scope,
        numbers: &[OrderNumber],
    ) -> Result<HashMap<OrderNumber, SalesOrder>, AppError> {
        self.route.read(|store| async move { Ok(store.list_orders_by_number(scope, numbers).await?) }).await
    }

    /// One page of the orders that are meant.
    pub async fn page(
        &self,
        reader: &Principal,
        filter: &OrderFilter,
        page: &PageRequest,
    ) -> Result<Page<SalesOrder>, AppError> {
        let scope = &reader.scope();
        filter.ensure_readable(scope)?;
        let _turn = if filter.is_search() { Some(self.reports.turn(reader.client_id()).await?) } else { None };
        self.route.read(|store| async move { Ok(store.list_orders(scope, filter, page).await?) }).await
    }

    /// How many orders are meant, counted up to one more than `max`.
    pub async fn count(&self, reader: &Principal, filter: &OrderFilter, max: u32) -> Result<i64, AppError> {
        let scope = &reader.scope();
        filter.ensure_readable(scope)?;
        let _turn = self.reports.turn(reader.client_id()).await?;
        self.route.read(|store| async move { Ok(store.count_orders(scope, filter, max).await?) }).await
    }

    /// The lines of many orders at once, with what is stored of the answers to them if that is asked for.
    pub async fn lines(
        &self,
        orders: &[OrderNumber],
        with_answers: bool,
    ) -> Result<HashMap<OrderNumber, Vec<SalesOrderLine>>, AppError> {
        self.route.read(|store| async move { Ok(store.list_lines(orders, with_answers).await?) }).await
    }

    /// The shipments of many orders.
    pub async fn shipments(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Vec<Shipment>>, AppError> {
        self.route.read(|store| async move { Ok(store.list_shipments(orders).await?) }).await
    }

    /// Of which orders something has left by itself, whatever their status is.
    pub async fn partly_shipped(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, bool>, AppError> {
        self.route.read(|store| async move { Ok(store.list_partly_shipped(orders).await?) }).await
    }

    /// What the senders of many orders asked for.
    pub async fn requests(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Vec<OrderRequest>>, AppError> {
        self.route.read(|store| async move { Ok(store.list_requests(orders).await?) }).await
    }

    /// What was signed for many orders.
    pub async fn receipts(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Receipt>, AppError> {
        self.route.read(|store| async move { Ok(store.list_receipts(orders).await?) }).await
    }

    /// What was signed for requests of orders.
    pub async fn request_receipts(
        &self,
        requests: &[RequestNumber],
    ) -> Result<HashMap<RequestNumber, Receipt>, AppError> {
        self.route.read(|store| async move { Ok(store.list_request_receipts(requests).await?) }).await
    }

    /// The key that verified an order's signature, if its client has it.
    pub(super) async fn key_of(
        &self,
        order: &SalesOrder,
        receipt: &Receipt,
    ) -> Result<Option<StoredPublicKey>, AppError> {
        let keys = self.store.list_keys(&order.client_id).await?;
        Ok(keys.into_iter().find(|key| key.fingerprint == receipt.key_fingerprint))
    }

    /// The idempotency key that an order was stored under: `key:` and the partner's own, or `sig:` and one made for it.
    pub(super) async fn idempotency_key_of(&self, order: &SalesOrder) -> Result<String, AppError> {
        Ok(self.store.find_idempotency_key(order.number).await?.unwrap_or_default())
    }

    /// Which systems have these orders.
    pub async fn acknowledgements(
        &self,
        orders: &[OrderNumber],
    ) -> Result<HashMap<OrderNumber, Vec<Acknowledgement>>, AppError> {
        self.route.read(|store| async move { Ok(store.list_acknowledgements(orders).await?) }).await
    }

    /// Totals of the orders that are meant.
    pub async fn summary(
        &self,
        reader: &Principal,
        filter: &OrderFilter,
        request: &SummaryRequest,
    ) -> Result<Summary, AppError> {
        let scope = &reader.scope();
        filter.ensure_readable(scope)?;
        let _turn = self.reports.turn(reader.client_id()).await?;
        self.route.read(|store| async move { summarise(&store, scope, filter, request).await }).await
    }
}

/// Totals of the orders that are meant, all of one moment of one database.
async fn summarise(
    store: &Store,
    scope: &Scope,
    filter: &OrderFilter,
    request: &SummaryRequest,
) -> Result<Summary, AppError> {
    let snapshot = store.summary(scope, filter).await?;
    let buckets = match request.unit() {
        Some(unit) => cut(&snapshot, filter, unit, request).await?,
        None => Vec::new(),
    };
    let mut summary = Summary::default();
    let mut adds_up = false;
    if request.wants.groups && (request.unit().is_none() || !buckets.is_empty()) && !request.dimensions.is_empty() {
        let rows = groups(&snapshot, request, &buckets).await?;
        // By product they would not: an order has several.
        adds_up = rows.len() <= MAX_SUMMED_GROUPS && !request.attributes().contains(&Attribute::Product);
        if adds_up {
            for row in &rows {
                summary.totals.add(&row.figures);
            }
        }
        summary.groups = fill(rows, request, &buckets);
        summary.truncated = summary.groups.len() > request.first;
        summary.groups.truncate(request.first);
    }
    if request.wants.totals && !adds_up {
        summary.totals = snapshot.find_totals().await?;
    }
    if request.wants.total_customers {
        summary.totals.customers = snapshot.count_customers().await?;
    }
    snapshot.finish().await?;
    Ok(summary)
}

/// The most groups whose figures are added up to the totals, so that the totals need no second pass over the orders.
const MAX_SUMMED_GROUPS: usize = 20_000;

/// The buckets of the span the filter gives; where it leaves an end open, the orders' own.
async fn cut(
    snapshot: &SummarySnapshot,
    filter: &OrderFilter,
    unit: Unit,
    request: &SummaryRequest,
) -> Result<Vec<Bucket>, AppError> {
    let (from, to) = match (filter.times.created_at.from, filter.times.created_at.before) {
        (Some(from), Some(to)) => (from, to),
        (from, to) => match snapshot.find_span().await? {
            Some((first, last)) => (from.unwrap_or(first), to.unwrap_or(last + TimeDelta::microseconds(1))),
            None => return Ok(Vec::new()),
        },
    };
    buckets::cut(unit, request.zone, from, to, MAX_BUCKETS).map_err(|_| AppError::invalid(vec![too_many_buckets()]))
}

/// The groups that have orders, at least one more than wanted if there are so many.
async fn groups(
    snapshot: &SummarySnapshot,
    request: &SummaryRequest,
    buckets: &[Bucket],
) -> Result<Vec<SummaryRow>, AppError> {
    let attributes = request.attributes();
    let is_one_customer = attributes.contains(&Attribute::Customer);
    let customers = request.wants.group_customers && !is_one_customer;
    let most = if request.wants.totals { MAX_SUMMED_GROUPS } else { 0 };
    let limit = request.first.max(most) + 1;
    let mut rows = snapshot.list_groups(Grouping { buckets, attributes: &attributes, customers, limit }).await?;
    if is_one_customer {
        for row in &mut rows {
            row.figures.customers = 1;
        }
    }
    Ok(rows)
}

/// Names the groups, and puts a group of nothing into each bucket that has none, as a chart needs it.
fn fill(rows: Vec<SummaryRow>, request: &SummaryRequest, buckets: &[Bucket]) -> Vec<Group> {
    if buckets.is_empty() {
        return rows.into_iter().map(|row| group(row, request, None)).collect();
    }
    let mut rows = rows.into_iter().peekable();
    let mut groups = Vec::new();
    for (index, bucket) in buckets.iter().enumerate() {
        if rows.peek().is_none_or(|row| row.bucket != index) {
            let nothing = SummaryRow { bucket: index, values: Vec::new(), figures: Figures::default() };
            groups.push(group(nothing, request, Some(bucket)));
        }
        while let Some(row) = rows.next_if(|row| row.bucket == index) {
            groups.push(group(row, request, Some(bucket)));
        }
        // What comes after is cut off, and rows behind the last one read would look like nothing.
        if groups.len() > request.first {
            break;
        }
    }
    groups
}

fn group(row: SummaryRow, request: &SummaryRequest, bucket: Option<&Bucket>) -> Group {
    let mut values = row.values.into_iter();
    let keys = request.dimensions.iter().map(|dimension| match dimension {
        Dimension::Time(_) => Key {
            dimension: *dimension,
            value: bucket.map(|bucket| bucket.label.clone()),
            span: bucket.map(|bucket| (bucket.from, bucket.to)),
        },
        Dimension::Attribute(_) => Key { dimension: *dimension, value: values.next(), span: None },
    });
    Group { keys: keys.collect(), figures: row.figures }
}
