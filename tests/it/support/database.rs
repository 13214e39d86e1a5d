use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use sales_order_api::domain::numbers::Numbers;
use sales_order_api::store::{DatabaseOptions, Pooler, Store};
use sales_order_api::telemetry;
use sea_orm::ConnectionTrait as _;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{PATIENCE, set_deadline};

/// A database of one test's own, with every migration applied. It goes away with this value.
pub struct Database {
    pub url: String,
    /// A folder of the test's own; on SQLite the database is in it.
    pub folder: TempDir,
    name: Option<String>,
}

/// Made once: migrating is slow, copying is not.
static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
static COUNTER: AtomicU32 = AtomicU32::new(0);

enum Template {
    Sqlite(PathBuf),
    Postgres(String),
}

/// The PostgreSQL server to test on, if there is one.
pub fn on_postgres() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one variable the suite reads")]
    std::env::var("TEST_DATABASE_URL").ok()
}

/// How a test reaches a database, unless it says otherwise.
pub fn options(url: &str) -> DatabaseOptions {
    DatabaseOptions {
        url: url.to_owned(),
        listen_url: None,
        replica: None,
        pooler: Pooler::None,
        max_connections: 8,
        report_connections: 3,
        acquire_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        numbers: Numbers::default(),
        on_statement: telemetry::count_statement,
    }
}

impl Database {
    /// A migrated database.
    pub async fn new() -> Self {
        set_deadline();
        let folder = tempfile::tempdir().unwrap();
        match TEMPLATE.get_or_init(template).await {
            Template::Sqlite(template) => {
                let file = folder.path().join("orders.db");
                std::fs::copy(template, &file).unwrap();
                Self { url: format!("sqlite://{}", file.display()), folder, name: None }
            }
            Template::Postgres(template) => {
                let (url, name) = create_postgres(&format!("TEMPLATE {template}")).await;
                Self { url, folder, name: Some(name) }
            }
        }
    }

    /// One that is there already, and stays.
    pub fn at(url: &str) -> Self {
        set_deadline();
        Self { url: url.to_owned(), folder: tempfile::tempdir().unwrap(), name: None }
    }

    /// A database without a single table.
    pub async fn empty() -> Self {
        set_deadline();
        let folder = tempfile::tempdir().unwrap();
        if on_postgres().is_some() {
            let (url, name) = create_postgres("").await;
            return Self { url, folder, name: Some(name) };
        }
        Self { url: format!("sqlite://{}", folder.path().join("orders.db").display()), folder, name: None }
    }

    /// A connection of the service's own making.
    pub async fn connect(&self) -> Store {
        self.connect_with(PATIENCE).await
    }

    pub async fn connect_with(&self, acquire_timeout: Duration) -> Store {
        Store::connect(&DatabaseOptions { acquire_timeout, ..options(&self.url) }).await.unwrap()
    }

    /// One that gives orders such numbers.
    pub async fn connect_numbering(&self, numbers: Numbers) -> Store {
        Store::connect(&DatabaseOptions { numbers, ..options(&self.url) }).await.unwrap()
    }

    /// A plain connection, past the service.
    pub async fn db_connect(&self) -> sea_orm::DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(&self.url);
        options.max_connections(1).sqlx_logging(false);
        // On SQLite the service may be writing.
        options.map_sqlx_sqlite_opts(|options| options.busy_timeout(PATIENCE));
        sea_orm::Database::connect(options).await.unwrap()
    }

    /// The single number a statement gives.
    pub async fn db_number(&self, sql: &str) -> i64 {
        let connection = self.db_connect().await;
        let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        let number = row.try_get_by_index::<i64>(0).unwrap();
        connection.close().await.unwrap();
        number
    }

    /// The single text a statement gives.
    pub async fn db_text(&self, sql: &str) -> String {
        let connection = self.db_connect().await;
        let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        let text = row.try_get_by_index::<String>(0).unwrap();
        connection.close().await.unwrap();
        text
    }

    /// The text in the last column of each row that a statement gives.
    pub async fn db_last_texts(&self, sql: &str) -> Vec<String> {
        let connection = self.db_connect().await;
        let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.unwrap();
        let texts = rows.iter().map(|row| row.try_get_by_index(row.column_names().len() - 1).unwrap()).collect();
        connection.close().await.unwrap();
        texts
    }

    /// How many orders there are. Each must be whole: its lines, its one event, its one receipt, and true totals.
    pub async fn whole_orders(&self, lines_each: i64) -> i64 {
        let of_order = "WHERE order_id = o.id";
        let broken = format!(
            "SELECT count(*) FROM sales_orders o
             WHERE {lines_each} <> (SELECT count(*) FROM sales_order_lines {of_order})
                OR 1 <> (SELECT count(*) FROM sales_order_events {of_order} AND sequence = 1 AND kind = 'CREATED')
                OR 1 <> (SELECT count(*) FROM sales_order_receipts {of_order})
                OR total_quantity <> (SELECT sum(quantity) FROM sales_order_lines {of_order})
                OR coalesce(total_amount, -1) <> (SELECT CASE count(unit_price) WHEN count(*)
                       THEN sum(quantity * unit_price) ELSE -1 END FROM sales_order_lines {of_order})"
        );
        assert_eq!(self.db_number(&broken).await, 0, "some orders are not whole");
        for table in ["sales_order_lines", "sales_order_events", "sales_order_receipts"] {
            let strays = format!("SELECT count(*) FROM {table} WHERE order_id NOT IN (SELECT id FROM sales_orders)");
            assert_eq!(self.db_number(&strays).await, 0, "{table} has rows of no order");
        }
        self.true_totals().await;
        self.db_number("SELECT count(*) FROM sales_orders").await
    }

    /// The table in which the totals are kept, for whoever changes them by SQL. All that changed is in it then.
    pub async fn merged_totals(&self) -> &'static str {
        if on_postgres().is_none() {
            return "sales_order_totals";
        }
        self.db_execute("SELECT merge_sales_order_totals()").await.unwrap();
        "sales_order_totals_base"
    }

    /// What the database keeps as totals is what its orders come to.
    pub async fn true_totals(&self) {
        let keys = "client_id, customer_code, site_code, sales_name, status, currency";
        let orders = format!(
            "SELECT {keys}, count(*) AS orders, CAST(sum(line_count) AS bigint) AS lines,
                CAST(sum(total_quantity) AS bigint) AS quantity, CAST(sum(unpriced_lines) AS bigint) AS unpriced,
                CAST(sum(priced_amount / 1000000) AS bigint) AS high, CAST(sum(priced_amount % 1000000) AS bigint) AS low
             FROM sales_orders GROUP BY {keys}"
        );
        // On PostgreSQL what transactions changed stands beside what they changed.
        let sums = ["orders", "line_count", "total_quantity", "unpriced_lines", "amount_high", "amount_low"]
            .map(|figure| format!("CAST(sum({figure}) AS bigint)"));
        let totals = format!(
            "SELECT {keys}, {} FROM sales_order_totals GROUP BY {keys} HAVING NOT (count(*) > 1 AND sum(orders) = 0)",
            sums.join(", ")
        );
        let period = |time: &str| format!("{time} - (({time} % length) + length) % length");
        let periods = "(SELECT 3600000000 AS length UNION ALL SELECT 86400000000) AS periods";
        let of_periods = "client_id, status, currency";
        let orders_of_periods = format!(
            "SELECT length, {} AS start, {of_periods}, count(*), CAST(sum(line_count) AS bigint), CAST(sum(total_quantity) AS bigint),
                CAST(sum(unpriced_lines) AS bigint), CAST(sum(priced_amount / 1000000) AS bigint),
                CAST(sum(priced_amount % 1000000) AS bigint)
             FROM sales_orders CROSS JOIN {periods} GROUP BY 1, 2, 3, 4, 5",
            period("created_at")
        );
        let figures = "orders, line_count, total_quantity, unpriced_lines, amount_high, amount_low";
        let mut rows = format!(
            "SELECT period_seconds * 1000000 AS length, period_start AS start, {of_periods}, {figures} FROM sales_order_totals_by_period"
        );
        if on_postgres().is_some() {
            let changes = format!(
                "SELECT length, {}, {of_periods}, {figures} FROM sales_order_totals_delta CROSS JOIN {periods} WHERE hour IS NOT NULL",
                period("hour")
            );
            rows = format!("{rows} UNION ALL {changes}");
        }
        let totals_of_periods = format!(
            "SELECT length, start, {of_periods}, {} FROM ({rows}) AS kept GROUP BY 1, 2, 3, 4, 5
             HAVING NOT (count(*) > 1 AND sum(orders) = 0)",
            sums.join(", ")
        );
        for (one, other) in [
            (&orders, &totals),
            (&totals, &orders),
            (&orders_of_periods, &totals_of_periods),
            (&totals_of_periods, &orders_of_periods),
        ] {
            let odd = format!("SELECT count(*) FROM (SELECT * FROM ({one}) a EXCEPT SELECT * FROM ({other}) b) c");
            assert_eq!(self.db_number(&odd).await, 0, "the totals are not those of the orders");
        }
    }

    /// Keeps everybody else from storing orders until the connection's transaction is rolled back.
    pub async fn hold_orders(&self) -> sea_orm::DatabaseConnection {
        let connection = self.db_connect().await;
        let lock = match connection.get_database_backend() {
            sea_orm::DbBackend::Sqlite => "BEGIN IMMEDIATE",
            _ => "BEGIN; LOCK TABLE sales_orders IN EXCLUSIVE MODE",
        };
        connection.execute_unprepared(lock).await.unwrap();
        connection
    }

    /// Makes every statement that reads a table fail for a reason that neither a caller nor a migration can mend.
    pub async fn break_table(&self, table: &str) {
        self.db_execute(&format!("ALTER TABLE {table} RENAME TO elsewhere")).await.unwrap();
        // A table that is not there is one that a migration may make.
        let fails = if on_postgres().is_some() { "1 / 0 = 1" } else { "abs(-9223372036854775807 - 1) = 1" };
        self.db_execute(&format!("CREATE VIEW {table} AS SELECT * FROM elsewhere WHERE {fails}")).await.unwrap();
    }

    /// Runs a statement past the service.
    pub async fn db_execute(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        let connection = self.db_connect().await;
        let outcome = connection.execute_unprepared(sql).await;
        connection.close().await.unwrap();
        outcome.map(drop)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let (done, is_done) = mpsc::channel();
        // A runtime of its own: this may run while the test's is going down.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(postgres_admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
            let _ = done.send(());
        });
        // PostgreSQL waits for connections that are being opened, and one of this test's is not before its runtime is gone,
        // which waits for this.
        let _ = is_done.recv_timeout(Duration::from_secs(1));
    }
}

/// Takes migrations back up to the one with this name, and it too; gives their names, the oldest first.
pub async fn take_back_to(store: &Store, name: &str) -> Vec<String> {
    let last = store.migrations().await.unwrap();
    let steps = last.iter().rev().position(|migration| migration.name.ends_with(name)).unwrap() + 1;
    let mut taken_back = store.migrate_down(u32::try_from(steps).unwrap()).await.unwrap();
    taken_back.reverse();
    taken_back
}

async fn template() -> Template {
    let (database, store) = if on_postgres().is_some() {
        let (url, name) = create_postgres("").await;
        let database = Database { url, folder: tempfile::tempdir().unwrap(), name: Some(name) };
        let store = database.connect().await;
        (database, store)
    } else {
        let database = Database::empty().await;
        let store = database.connect().await;
        (database, store)
    };
    store.migrate_up().await.unwrap();
    store.close().await;
    if on_postgres().is_none() {
        // Connections that close at the same moment may each leave the log to the other, and it is not copied.
        let last = database.db_connect().await;
        last.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
        last.close().await.unwrap();
    }
    // The template lives as long as the process.
    let mut database = std::mem::ManuallyDrop::new(database);
    match database.name.take() {
        Some(name) => Template::Postgres(name),
        None => Template::Sqlite(database.folder.path().join("orders.db")),
    }
}

async fn create_postgres(how: &str) -> (String, String) {
    let number = COUNTER.fetch_add(1, Ordering::SeqCst);
    let name = format!("sales_order_it_{}_{number}", std::process::id());
    postgres_admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    postgres_admin(&format!("CREATE DATABASE {name} {how}")).await;
    let server = on_postgres().unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    (format!("{base}/{name}"), name)
}

async fn postgres_admin(sql: &str) {
    let mut options = sea_orm::ConnectOptions::new(on_postgres().unwrap());
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}
