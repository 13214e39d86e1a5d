//! The text that a search looks through, and an index of its trigrams: any part of a word is found without reading
//! every order. PostgreSQL's comes from its extension pg_trgm, SQLite's from FTS5.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, Statement};

#[derive(DeriveMigrationName)]
pub struct Migration;

const POSTGRES: [&str; 2] = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    // In the extension's schema: where somebody else created it, it may not be on the search path.
    "DO $$ BEGIN
        EXECUTE format('CREATE INDEX ix_sales_orders_search_text ON sales_orders USING gin (search_text %I.gin_trgm_ops)',
            (SELECT nspname FROM pg_namespace n JOIN pg_extension e ON e.extnamespace = n.oid WHERE extname = 'pg_trgm'));
     END $$",
];

const SQLITE: [&str; 3] = [
    "CREATE VIRTUAL TABLE sales_order_search
        USING fts5(search_text, content='sales_orders', content_rowid='id', columnsize=0, tokenize='trigram')",
    "INSERT INTO sales_order_search (rowid, search_text) SELECT id, search_text FROM sales_orders",
    "CREATE TRIGGER tr_sales_orders_search AFTER INSERT ON sales_orders BEGIN
        INSERT INTO sales_order_search (rowid, search_text) VALUES (new.id, new.search_text);
     END",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection
            .execute_unprepared("ALTER TABLE sales_orders ADD COLUMN search_text text NOT NULL DEFAULT ''")
            .await?;
        fill(connection).await?;
        let statements = if is_postgres(manager) { &POSTGRES[..] } else { &SQLITE[..] };
        for statement in statements {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = if is_postgres(manager) {
            // The extension stays: others may use it.
            &["ALTER TABLE sales_orders DROP COLUMN search_text"][..]
        } else {
            &[
                "DROP TRIGGER tr_sales_orders_search",
                "DROP TABLE sales_order_search",
                "ALTER TABLE sales_orders DROP COLUMN search_text",
            ][..]
        };
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

fn is_postgres(manager: &SchemaManager) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

/// Writes the text of the orders that are there already, as the service writes it for new ones. Here and not in SQL:
/// SQLite's `lower` knows only the letters A to Z.
async fn fill<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    let backend = connection.get_database_backend();
    let (list, mark) =
        if backend == DbBackend::Postgres { ("string_agg", "chr(31)") } else { ("group_concat", "char(31)") };
    let of_lines =
        |column| format!("(SELECT {list}({column}, {mark}) FROM sales_order_lines WHERE order_id = sales_orders.id)");
    let (codes, names) = (of_lines("product_code"), of_lines("product_name"));
    let select = format!(
        "SELECT id, customer_code, site_code, sales_name, {codes} AS codes, {names} AS names, address
         FROM sales_orders WHERE id > $1 ORDER BY id LIMIT 1000"
    );
    let update = "UPDATE sales_orders SET search_text = $1 WHERE id = $2";
    let mut read_up_to = 0_i64;
    loop {
        let rows =
            connection.query_all_raw(Statement::from_sql_and_values(backend, &select, [read_up_to.into()])).await?;
        for row in &rows {
            read_up_to = row.try_get("", "id")?;
            let mut text = String::new();
            let columns = ["customer_code", "site_code", "sales_name", "codes", "names", "address"];
            for (column, mark) in columns.into_iter().zip('\u{1}'..) {
                text.push(mark);
                text.push_str(&row.try_get::<Option<String>>("", column)?.unwrap_or_default());
            }
            let values = [text.to_lowercase().into(), read_up_to.into()];
            connection.execute_raw(Statement::from_sql_and_values(backend, update, values)).await?;
        }
        if rows.len() < 1000 {
            return Ok(());
        }
    }
}
