//! Pages of the log of requests.

use std::time::Duration;

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::domain::order::OrderNumber;
use crate::domain::request_log::{LogScope, LoggedRequest, NONE, RequestLogFilter, RequestOutcome};
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::api_requests::{Column, Entity, Model};
use crate::store::error::{StoreError, StoreResult};

/// The time and the running number of an entry.
pub type Place = (i64, i64);

/// The first status of a failure.
pub(super) const FAILURES: i32 = 400;

impl Store {
    /// Entries of a scope, the newest first, before a place.
    pub async fn list_logged_requests(
        &self,
        scope: &LogScope,
        filter: &RequestLogFilter,
        before: Option<Place>,
        limit: usize,
    ) -> StoreResult<Vec<LoggedRequest>> {
        let mut query = meant(scope, filter).order_by_desc(Column::At).order_by_desc(Column::Id);
        if let Some((at, id)) = before {
            let same_time = Condition::all().add(Column::At.eq(at)).add(Column::Id.lt(id));
            query = query.filter(Column::At.lte(at)).filter(Condition::any().add(Column::At.lt(at)).add(same_time));
        }
        self.read_log(query, limit).await
    }

    /// The places of entries in a scope, the oldest first, behind a place.
    pub async fn list_places_of_logged_requests(
        &self,
        scope: &LogScope,
        filter: &RequestLogFilter,
        (at, id): Place,
        limit: usize,
    ) -> StoreResult<Vec<Place>> {
        let same_time = Condition::all().add(Column::At.eq(at)).add(Column::Id.gt(id));
        let query = meant(scope, filter)
            .select_only()
            .columns([Column::At, Column::Id])
            .filter(Column::At.gte(at))
            .filter(Condition::any().add(Column::At.gt(at)).add(same_time))
            .order_by_asc(Column::At)
            .order_by_asc(Column::Id)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX))
            .into_tuple();
        self.in_time(async { Ok::<_, StoreError>(query.all(self.request_log().await?).await?) }).await
    }

    /// The entries of a scope at these places, the oldest first.
    pub async fn list_logged_requests_at(&self, scope: &LogScope, places: &[Place]) -> StoreResult<Vec<LoggedRequest>> {
        let query = meant(scope, &RequestLogFilter::default())
            .filter(Column::At.is_in(places.iter().map(|(at, _)| *at)))
            .filter(Column::Id.is_in(places.iter().map(|(_, id)| *id)))
            .order_by_asc(Column::At)
            .order_by_asc(Column::Id);
        self.read_log(query, places.len()).await
    }

    pub(super) async fn read_log(&self, query: Select<Entity>, limit: usize) -> StoreResult<Vec<LoggedRequest>> {
        let query = query.limit(u64::try_from(limit).unwrap_or(u64::MAX));
        let rows = self.in_time(async { Ok::<_, StoreError>(query.all(self.request_log().await?).await?) }).await?;
        rows.into_iter().map(LoggedRequest::try_from).collect()
    }
}

/// The entries that a filter means.
pub(super) fn meant(scope: &LogScope, filter: &RequestLogFilter) -> Select<Entity> {
    let RequestLogFilter { status, outcome, code, hint, route, since, until, order, partner_reference, request_id } =
        filter;
    let mut query = Entity::find();
    if let Some(client) = scope.client() {
        query = query.filter(Column::ClientId.eq(client.as_str()));
    }
    // What a client is not shown it cannot find out by asking for it.
    if matches!(scope, LogScope::Own(_)) && (order.is_some() || partner_reference.is_some()) {
        query = query.filter(Column::IsProven.eq(true));
    }
    if let Some(status) = status {
        query = query.filter(Column::Status.eq(i32::from(*status)));
    }
    // Said also where a status or a code says it: the index `ix_api_requests_failed` is of those that failed.
    let is_failed = status.is_some_and(|status| i32::from(status) >= FAILURES)
        || [code, hint].into_iter().flatten().any(|text| text != NONE);
    match outcome {
        Some(RequestOutcome::Succeeded) => {
            query = query.filter(Column::Status.lt(FAILURES)).filter(Column::Code.is_null());
        }
        Some(RequestOutcome::Failed) => query = query.filter(failed()),
        None if is_failed => query = query.filter(failed()),
        None => {}
    }
    for (column, text) in [(Column::Code, code), (Column::Hint, hint)] {
        match text.as_deref() {
            Some(NONE) => query = query.filter(column.is_null()),
            Some(text) => query = query.filter(column.eq(text)),
            None => {}
        }
    }
    if let Some(route) = route {
        query = query.filter(Column::Route.eq(route.as_str()));
    }
    if let Some(since) = since {
        query = query.filter(Column::At.gte(micros(*since)));
    }
    if let Some(until) = until {
        query = query.filter(Column::At.lt(micros(*until)));
    }
    if let Some(order) = order {
        query = query.filter(Column::OrderId.eq(order.id()));
    }
    if let Some(reference) = partner_reference {
        query = query.filter(Column::PartnerReference.eq(reference.as_str()));
    }
    if let Some(id) = request_id {
        query = query.filter(Column::RequestId.eq(id.as_str()));
    }
    query
}

/// In the words of the index. A GraphQL answer has its failures inside, under status 200.
pub(super) fn failed() -> SimpleExpr {
    Expr::cust(format!("(status >= {FAILURES} OR code IS NOT NULL)"))
}

impl TryFrom<Model> for LoggedRequest {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let details = serde_json::from_str(&row.details)
            .map_err(|_| StoreError::Unreadable { what: "details of a request", value: row.id.to_string() })?;
        Ok(Self {
            id: row.id,
            at: instant(row.at)?,
            request_id: row.request_id,
            client_id: row.client_id,
            is_proven: row.is_proven,
            method: row.method,
            route: row.route,
            status: row.status.try_into().unwrap_or_default(),
            code: row.code,
            hint: row.hint,
            duration: Duration::from_micros(row.duration_micros.unsigned_abs()),
            order: row.order_id.map(OrderNumber::from_id),
            partner_reference: row.partner_reference,
            is_replayed: row.is_replayed,
            details,
        })
    }
}
