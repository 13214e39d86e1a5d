//! Pages of orders, and how many there are.

use sea_orm::sea_query::{Expr, ExprTrait as _, Order, Query};
use sea_orm::{ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};

use super::columns;
use crate::domain::order::SalesOrder;
use crate::domain::order_filter::OrderFilter;
use crate::domain::page::{Cursor, Page, PageRequest, SortKey};
use crate::domain::permission::Scope;
use crate::store::connect::Store;
use crate::store::entity::sales_orders::{Column, Entity};
use crate::store::error::StoreResult;

impl Store {
    /// One page of the orders that are meant. The position of an order is its sort key and its id, so a page reads its own
    /// rows and no others, however far in it is (keyset paging).
    pub async fn list_orders(
        &self,
        scope: &Scope,
        filter: &OrderFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<SalesOrder>> {
        if !filter.is_search() {
            return self.list_orders_on(&self.read, scope, filter, page).await;
        }
        let report = self.report().await?;
        let orders = self.list_orders_on(&*report.tx, scope, filter, page).await?;
        report.finish().await?;
        Ok(orders)
    }

    async fn list_orders_on(
        &self,
        connection: &impl ConnectionTrait,
        scope: &Scope,
        filter: &OrderFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<SalesOrder>> {
        let descending = page.sort.descending != page.from_end;
        let mut query = columns::find::<SalesOrder>().filter(self.matching(connection, scope, filter).await?);
        for (cursor, is_start) in [(page.after, true), (page.before, false)] {
            if let Some(cursor) = cursor {
                // Behind a position in a descending list are the smaller ones.
                query = query.filter(compared(cursor, is_start == page.sort.descending));
            }
        }
        let order = if descending { Order::Desc } else { Order::Asc };
        for column in sort_columns(page.sort.key) {
            query = query.order_by(column, order.clone());
        }
        let query = query.limit(u64::try_from(page.limit).unwrap_or(u64::MAX).saturating_add(1));
        let orders = columns::all(query, connection).await?.into_iter().map(|(_, order)| order);
        Ok(page.page(orders.collect()))
    }

    /// How many orders are meant, counted up to one more than `max`.
    pub async fn count_orders(&self, scope: &Scope, filter: &OrderFilter, max: u32) -> StoreResult<i64> {
        let report = self.report().await?;
        let some = Query::select()
            .expr(Expr::value(1))
            .from(Entity)
            .cond_where(self.matching(&*report.tx, scope, filter).await?)
            .limit(u64::from(max) + 1)
            .take();
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(some, "some").take();
        let row = report.tx.query_one(&count).await?;
        let count = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
        report.finish().await?;
        Ok(count)
    }
}

fn sort_columns(key: SortKey) -> Vec<Column> {
    match key {
        SortKey::CreatedAt => vec![Column::CreatedAt, Column::Id],
        SortKey::UpdatedAt => vec![Column::UpdatedAt, Column::Id],
        SortKey::OrderNumber => vec![Column::Id],
    }
}

fn compared(cursor: Cursor, smaller: bool) -> Expr {
    let position = sort_columns(cursor.key).into_iter().map(|column| Expr::col((Entity, column)));
    let values = if cursor.key == SortKey::OrderNumber { vec![cursor.id] } else { vec![cursor.micros, cursor.id] };
    let (position, value) = (Expr::tuple(position), Expr::tuple(values.into_iter().map(Expr::value)));
    if smaller { position.lt(value) } else { position.gt(value) }
}
