//! Failures in groups.

use sea_orm::sea_query::{Expr, Func};
use sea_orm::{ColumnTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect};

use super::reading::{failed, meant};
use crate::domain::request_log::{LogScope, LoggedRequest, RequestErrorGroup, RequestLogFilter};
use crate::store::connect::{Store, instant};
use crate::store::entity::api_requests::Column;
use crate::store::error::{StoreError, StoreResult};

#[derive(FromQueryResult)]
struct Row {
    code: Option<String>,
    hint: Option<String>,
    route: String,
    status: i32,
    requests: i64,
    clients: i64,
    first_at: i64,
    last_at: i64,
}

/// Far more than there are of a few microseconds.
const LAST: usize = 1000;

impl Store {
    /// The failures of a scope that are meant, in groups of one code, hint, route and status; those with the most first.
    pub async fn list_request_errors(
        &self,
        scope: &LogScope,
        filter: &RequestLogFilter,
        limit: u64,
    ) -> StoreResult<Vec<RequestErrorGroup>> {
        let of_group = [Column::Code, Column::Hint, Column::Route, Column::Status];
        let query = meant(scope, filter)
            .filter(failed())
            .select_only()
            .columns(of_group)
            .column_as(Column::Id.count(), "requests")
            .column_as(Expr::expr(Func::count_distinct(Expr::col(Column::ClientId))), "clients")
            .column_as(Column::At.min(), "first_at")
            .column_as(Column::At.max(), "last_at");
        let query = of_group.into_iter().fold(query, QuerySelect::group_by);
        let query = query.order_by_desc(Expr::cust("requests")).order_by_desc(Expr::cust("last_at")).limit(limit);
        let read = async {
            let connection = self.request_log().await?;
            Ok::<_, StoreError>(query.into_model::<Row>().all(connection).await?)
        };
        let rows = self.in_time(read).await?;
        let times = rows.iter().map(|row| row.last_at);
        let last = meant(scope, &RequestLogFilter::default()).filter(failed()).filter(Column::At.is_in(times));
        let last = self.read_log(last, LAST).await?;
        let group = |row: Row| {
            let number = |number: i64| number.try_into().unwrap_or_default();
            let status = row.status.try_into().unwrap_or_default();
            let at = instant(row.last_at)?;
            let is_last = |entry: &&LoggedRequest| {
                (entry.at, entry.status, &entry.route, &entry.code, &entry.hint)
                    == (at, status, &row.route, &row.code, &row.hint)
            };
            Ok(RequestErrorGroup {
                last_request_id: last.iter().find(is_last).map(|entry| entry.request_id.clone()).unwrap_or_default(),
                code: row.code,
                hint: row.hint,
                route: row.route,
                status,
                count: number(row.requests),
                clients: number(row.clients),
                first_at: instant(row.first_at)?,
                last_at: at,
            })
        };
        rows.into_iter().map(group).collect()
    }
}
