//! Totals of all orders that have the same client, customer, site, sales person, status and currency: what summaries over
//! everything add up instead of every order.
//!
//! The database keeps them itself, by triggers, so nothing that stores or moves an order can forget them. PostgreSQL's
//! run at the commit, when whoever appends an event lets nobody else append: two transactions that touch the same totals
//! never wait for each other halfway. Amounts are kept in two parts, for their sum may leave 64 bits.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string_len};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const KEY: &str = "client_id, customer_code, site_code, sales_name, status, currency";
const FIGURES: &str = "orders, line_count, total_quantity, unpriced_lines, amount_high, amount_low";

/// Adds an order's figures, or with a minus sign takes them away.
fn upsert(status: &str, sign: &str) -> String {
    let figures = [
        "1",
        "new.line_count",
        "new.total_quantity",
        "new.unpriced_lines",
        "new.priced_amount / 1000000",
        "new.priced_amount % 1000000",
    ];
    let values = figures.map(|figure| format!("{sign}({figure})")).join(", ");
    let sums = FIGURES.split(", ").map(|name| format!("{name} = sales_order_totals.{name} + excluded.{name}"));
    format!(
        "INSERT INTO sales_order_totals ({KEY}, {FIGURES})
         VALUES (new.client_id, new.customer_code, new.site_code, new.sales_name, {status}, new.currency, {values})
         ON CONFLICT ({KEY}) DO UPDATE SET {};",
        sums.collect::<Vec<_>>().join(", ")
    )
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create().table(SalesOrderTotals::Table).to_owned();
        for (column, length) in [
            (SalesOrderTotals::ClientId, 64),
            (SalesOrderTotals::CustomerCode, 64),
            (SalesOrderTotals::SiteCode, 64),
            (SalesOrderTotals::SalesName, 128),
            (SalesOrderTotals::Status, 16),
            (SalesOrderTotals::Currency, 3),
        ] {
            table.col(string_len(column, length));
        }
        for column in [
            SalesOrderTotals::Orders,
            SalesOrderTotals::LineCount,
            SalesOrderTotals::TotalQuantity,
            SalesOrderTotals::UnpricedLines,
            SalesOrderTotals::AmountHigh,
            SalesOrderTotals::AmountLow,
        ] {
            table.col(big_integer(column));
        }
        table.primary_key(
            Index::create()
                .col(SalesOrderTotals::ClientId)
                .col(SalesOrderTotals::CustomerCode)
                .col(SalesOrderTotals::SiteCode)
                .col(SalesOrderTotals::SalesName)
                .col(SalesOrderTotals::Status)
                .col(SalesOrderTotals::Currency),
        );
        manager.create_table(table).await?;
        let connection = manager.get_connection();
        let fill = format!(
            "INSERT INTO sales_order_totals ({KEY}, {FIGURES})
             SELECT {KEY}, count(*), sum(line_count), sum(total_quantity), sum(unpriced_lines),
                    sum(priced_amount / 1000000), sum(priced_amount % 1000000)
             FROM sales_orders GROUP BY {KEY}"
        );
        connection.execute_unprepared(&fill).await?;
        let (add, take) = (upsert("new.status", "+"), upsert("old.status", "-"));
        let statements = if is_postgres(manager) {
            vec![
                format!(
                    "CREATE FUNCTION add_to_sales_order_totals() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN
                        IF TG_OP = 'UPDATE' THEN {take} END IF;
                        {add}
                        RETURN NULL;
                     END $$"
                ),
                "CREATE CONSTRAINT TRIGGER tr_sales_orders_created AFTER INSERT ON sales_orders
                    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION add_to_sales_order_totals()"
                    .to_owned(),
                "CREATE CONSTRAINT TRIGGER tr_sales_orders_moved AFTER UPDATE OF status ON sales_orders
                    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (old.status <> new.status)
                    EXECUTE FUNCTION add_to_sales_order_totals()"
                    .to_owned(),
            ]
        } else {
            vec![
                format!("CREATE TRIGGER tr_sales_orders_created AFTER INSERT ON sales_orders BEGIN {add} END"),
                format!(
                    "CREATE TRIGGER tr_sales_orders_moved AFTER UPDATE OF status ON sales_orders
                        WHEN old.status <> new.status BEGIN {take} {add} END"
                ),
            ]
        };
        for statement in statements {
            connection.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let of_table = if is_postgres(manager) { " ON sales_orders" } else { "" };
        for trigger in ["tr_sales_orders_moved", "tr_sales_orders_created"] {
            manager.get_connection().execute_unprepared(&format!("DROP TRIGGER {trigger}{of_table}")).await?;
        }
        if is_postgres(manager) {
            manager.get_connection().execute_unprepared("DROP FUNCTION add_to_sales_order_totals()").await?;
        }
        manager.drop_table(Table::drop().table(SalesOrderTotals::Table).to_owned()).await
    }
}

fn is_postgres(manager: &SchemaManager) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

#[derive(DeriveIden)]
enum SalesOrderTotals {
    Table,
    ClientId,
    CustomerCode,
    SiteCode,
    SalesName,
    Status,
    Currency,
    Orders,
    LineCount,
    TotalQuantity,
    UnpricedLines,
    AmountHigh,
    AmountLow,
}
