//! How orders leave the database.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};

use super::{Examined, Passed, examine, ids};
use crate::domain::archive::{ArchivedLine, Kept, Left, NewArchive};
use crate::domain::audit::{Action, Actor, NewAuditEntry};
use crate::domain::client::ClientId;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::store::connect::{Store, micros};
use crate::store::entity::{
    sales_order_acknowledgements, sales_order_events, sales_order_lines, sales_order_receipts,
    sales_order_request_receipts, sales_order_requests, sales_order_shipment_lines, sales_order_shipments,
    sales_orders, webhook_attempts,
};
use crate::store::error::StoreResult;
use crate::store::{audit, horizon};

use super::super::columns;

impl Store {
    /// How far everybody has read the feed by now; who is the furthest behind, where somebody is; and up to where no event comes any more.
    pub async fn find_passed(&self) -> StoreResult<Passed> {
        let end = self.find_last_position().await?;
        Ok(Passed { end, last: horizon::find_last_reader(&self.core).await? })
    }

    /// Removes orders that are in a complete file, those that are still as the file has them: with all that belongs to them, in one
    /// transaction, with an entry of the audit log for each client. What must never come twice stays. Gives what became of them; one that
    /// is gone already is neither removed nor kept.
    pub async fn remove_archived_orders(
        &self,
        (archive, file): (i64, NewArchive),
        lines: Vec<ArchivedLine>,
        actor: Actor,
        now: DateTime<Utc>,
    ) -> StoreResult<Left> {
        let end = self.find_last_position().await?;
        self.transaction(move |tx| {
            Box::pin(async move {
                horizon::hold(tx).await?;
                let passed = Passed { end, last: horizon::find_last_reader(tx).await? };
                let numbers: Vec<_> = lines.iter().map(|line| line.number).collect();
                let in_file: HashMap<_, _> = lines.iter().map(|line| (line.number, line)).collect();
                let (mut gone, mut kept) = (Vec::new(), BTreeMap::new());
                for examined in examine(tx, hold(tx, &numbers).await?, passed.position()).await? {
                    let is_same = in_file.get(&examined.order.number).is_some_and(|line| is_same(line, &examined));
                    match examined.kept.or((!is_same).then_some(Kept::Changed)) {
                        Some(why) => *kept.entry(why).or_default() += 1,
                        None => gone.push(examined),
                    }
                }
                let last = gone.iter().map(|it| it.last).max();
                if let Some(last) = last {
                    let numbers: Vec<_> = gone.iter().map(|it| it.order.number).collect();
                    keep_what_stays(tx, &numbers, archive, now).await?;
                    delete(tx, &numbers).await?;
                    note(tx, &file, &gone, &actor, now).await?;
                    horizon::raise(tx, last).await?;
                }
                Ok(Left { removed: gone.len() as u64, kept })
            })
        })
        .await
    }
}

/// Those of the orders that are there, held against changes until the transaction ends, all in the sequence of their numbers: two that hold
/// several never wait for each other.
async fn hold(tx: &DatabaseTransaction, numbers: &[OrderNumber]) -> StoreResult<Vec<SalesOrder>> {
    let orders = columns::find::<SalesOrder>()
        .filter(sales_orders::Column::Id.is_in(ids(numbers)))
        .order_by_asc(sales_orders::Column::Id)
        .lock_exclusive();
    Ok(columns::all(orders, tx).await?.into_iter().map(|(_, order)| order).collect())
}

/// Whether an order is what its line in the file says. Each change of it is an event.
fn is_same(line: &ArchivedLine, examined: &Examined) -> bool {
    let Examined { order, events, .. } = examined;
    (order.version, order.updated_at, *events) == (line.version, line.updated_at, line.events)
        && order.client_id.as_str() == line.client_id
}

/// Number, key and digest; and the reference of an order that is not cancelled, where its client has others with the same refused.
async fn keep_what_stays(
    tx: &DatabaseTransaction,
    numbers: &[OrderNumber],
    archive: i64,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let places: Vec<_> = (3..numbers.len() + 3).map(|place| format!("${place}")).collect();
    let sql = format!(
        "INSERT INTO archived_sales_orders
             (id, client_id, idempotency_key, request_digest, partner_reference, archive_id, archived_at)
         SELECT o.id, o.client_id, o.idempotency_key, o.request_digest,
             CASE WHEN o.status <> 'CANCELLED' AND (o.reference_is_unique OR c.reference_policy = 'refuse')
                 THEN o.partner_reference END, $1, $2
         FROM sales_orders AS o JOIN clients AS c ON c.client_id = o.client_id WHERE o.id IN ({})",
        places.join(", ")
    );
    let values = [Value::from(archive), Value::from(micros(now))];
    let values = values.into_iter().chain(ids(numbers).map(Value::from));
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}

/// Deletes orders with all that belongs to them. What answers to webhooks said of them goes too; that they were sent stays until the log of
/// attempts forgets it.
async fn delete(tx: &DatabaseTransaction, numbers: &[OrderNumber]) -> StoreResult<()> {
    use sales_order_request_receipts as request_receipts;
    use sales_order_shipment_lines as shipment_lines;
    let of_shipments = Query::select()
        .column(sales_order_shipments::Column::Id)
        .from(sales_order_shipments::Entity)
        .and_where(sales_order_shipments::Column::OrderId.is_in(ids(numbers)))
        .take();
    let of_requests = Query::select()
        .column(sales_order_requests::Column::Id)
        .from(sales_order_requests::Entity)
        .and_where(sales_order_requests::Column::OrderId.is_in(ids(numbers)))
        .take();
    let is_sent = shipment_lines::Column::ShipmentId.in_subquery(of_shipments);
    shipment_lines::Entity::delete_many().filter(is_sent).exec(tx).await?;
    let is_asked = request_receipts::Column::RequestId.in_subquery(of_requests);
    request_receipts::Entity::delete_many().filter(is_asked).exec(tx).await?;
    macro_rules! delete_of {
        ($($table:ident . $column:ident),+) => {
            $($table::Entity::delete_many().filter($table::Column::$column.is_in(ids(numbers))).exec(tx).await?;)+
        };
    }
    delete_of!(
        sales_order_shipments.OrderId,
        sales_order_requests.OrderId,
        sales_order_acknowledgements.OrderId,
        sales_order_receipts.OrderId,
        sales_order_events.OrderId,
        sales_order_lines.OrderId,
        sales_orders.Id
    );
    webhook_attempts::Entity::update_many()
        .col_expr(webhook_attempts::Column::Excerpt, Expr::value(None::<String>))
        .filter(webhook_attempts::Column::OrderId.is_in(ids(numbers)))
        .filter(Expr::col(webhook_attempts::Column::Excerpt).is_not_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// An entry of the audit log for each client.
async fn note(
    tx: &DatabaseTransaction,
    file: &NewArchive,
    gone: &[Examined],
    actor: &Actor,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let mut of_clients: BTreeMap<&str, (&ClientId, Vec<OrderNumber>)> = BTreeMap::new();
    for Examined { order, .. } in gone {
        let client = of_clients.entry(order.client_id.as_str()).or_insert_with(|| (&order.client_id, Vec::new()));
        client.1.push(order.number);
    }
    for (client_id, numbers) in of_clients.into_values() {
        let text = |number: Option<&OrderNumber>| number.map(ToString::to_string).unwrap_or_default();
        let detail = [
            ("archive", file.name.clone()),
            ("sha256", hex::encode(file.sha256)),
            ("orders", numbers.len().to_string()),
            ("first_order_number", text(numbers.iter().min())),
            ("last_order_number", text(numbers.iter().max())),
        ];
        let entry = NewAuditEntry {
            actor: actor.clone(),
            action: Action::OrdersArchived,
            client_id: client_id.clone(),
            detail: detail.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            at: now,
        };
        audit::append(tx, entry).await?;
    }
    Ok(())
}
