//! Orders by their last change: those there are, and those that the feed tells of.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, EntityTrait as _, QueryFilter, QueryOrder, QuerySelect, QueryTrait as _,
};

use super::columns::{self, Record as _, RowReader};
use crate::domain::event::{EventKind, Position};
use crate::domain::order::SalesOrder;
use crate::domain::order_filter::{OrderFilter, TextFilters};
use crate::domain::permission::Scope;
use crate::store::connect::{Store, micros};
use crate::store::entity::sales_order_events::{Column as EventColumn, Entity as Events};
use crate::store::entity::sales_orders::{Column, Entity};
use crate::store::error::StoreResult;
use crate::store::filter::in_scope;
use crate::store::horizon;

/// How many orders are looked through for a page that wants only some of them: about 5 ms.
const LOOKED_THROUGH: u64 = 5_000;

/// Orders by the time of their last change, and where the look through them ended before it came to the last one.
pub type Listed = (Vec<SalesOrder>, Option<(i64, i64)>);

impl Store {
    /// Orders of the scope that match, after a time of change and an id, so many at most. A page that has fewer may end where
    /// enough orders were looked through.
    pub async fn list_orders_by_change(
        &self,
        scope: &Scope,
        filter: &OrderFilter,
        after: (i64, i64),
        limit: usize,
    ) -> StoreResult<Listed> {
        let place = || Expr::tuple([Column::UpdatedAt, Column::Id].map(|column| Expr::col((Entity, column))));
        let value = |(micros, id): (i64, i64)| Expr::tuple([micros, id].map(Expr::value));
        // One bound: of two SQLite takes the first for the start, and reads all that lies between them.
        let from = filter.times.updated_at.from.map(|from| (micros(from).saturating_sub(1), i64::MAX));
        let after =
            Condition::all().add(in_scope(scope)).add(place().gt(value(from.map_or(after, |from| from.max(after)))));
        // Found before the orders are read: one that changes meanwhile comes later, and none takes its place unread.
        let end = if wants_some(filter) {
            let end = Entity::find().select_only().column(Column::UpdatedAt).column(Column::Id).filter(after.clone());
            let end = end.order_by_asc(Column::UpdatedAt).order_by_asc(Column::Id).offset(LOOKED_THROUGH - 1);
            end.into_tuple::<(i64, i64)>().one(&self.read).await?
        } else {
            None
        };
        let orders = columns::find::<SalesOrder>()
            .filter(after.add_option(end.map(|end| place().lte(value(end)))))
            .filter(self.matching(&self.read, scope, filter).await?)
            .order_by_asc(Column::UpdatedAt)
            .order_by_asc(Column::Id)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX));
        let orders = columns::all(orders, &self.read).await?.into_iter().map(|(_, order)| order).collect();
        Ok((orders, end))
    }

    /// Orders of the scope that match and whose last change up to the end of the feed is in a range of positions, start excluded and end
    /// included, by that position, so many at most. An acknowledgement changes nothing of an order.
    pub async fn list_orders_changed_in(
        &self,
        scope: &Scope,
        filter: &OrderFilter,
        (after, until): (Position, Position),
        end: Position,
        limit: usize,
    ) -> StoreResult<Vec<(SalesOrder, Position)>> {
        let later = |column: EventColumn| Expr::col(("later", column));
        let changed_later = Query::select()
            .expr(Expr::value(1))
            .from_as(Events, "later")
            .and_where(later(EventColumn::OrderId).equals((Entity, Column::Id)))
            .and_where(later(EventColumn::Position).gt(Expr::col((Events, EventColumn::Position))))
            .and_where(later(EventColumn::Position).lte(end.get()))
            .and_where(later(EventColumn::Kind).ne(EventKind::ACKNOWLEDGED))
            .take();
        let query = columns::find::<SalesOrder>()
            .column_as(EventColumn::Position, "position")
            .filter(EventColumn::Position.gt(after.get()))
            .filter(EventColumn::Position.lte(until.get()))
            .filter(EventColumn::Kind.ne(EventKind::ACKNOWLEDGED))
            .filter(Expr::exists(changed_later).not())
            .filter(self.matching(&self.read, scope, filter).await?)
            .order_by_asc(EventColumn::Position)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX));
        let mut query = query.into_query();
        self.join_orders(query.from_clear().from(Events));
        let rows = self.read.query_all(&query).await?;
        horizon::ensure_kept(&self.read, after).await?;
        let read = |row| {
            let mut row = RowReader::new(row)?;
            Ok((SalesOrder::read(&mut row)?, Position::new(row.value()?)))
        };
        rows.iter().map(read).collect()
    }
}

/// Whether the orders that are meant may be few of many. Those with a reference are found by it, and those that changed since a time
/// stand together.
fn wants_some(filter: &OrderFilter) -> bool {
    filter.texts == TextFilters::default() && (filter.statuses.is_some() || !filter.times.created_at.is_open())
}
