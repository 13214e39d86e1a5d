//! A reader of the database itself sees times, decimals and no internals, and stands in the way of no update.

use migrations::reporting::{LEFT_OUT, MIGRATION, VIEWS};
use sea_orm::ConnectionTrait as _;
use serde_json::json;

use crate::support::{Database, Partner, TestApp, on_postgres, order, take_back_to};

/// An order of the greatest amount that there may be, one of a small one, and one without a price.
async fn stock(app: &TestApp) -> Partner<'_> {
    let partner = app.partner().await;
    let mut great = order();
    great["requested_delivery_date"] = json!("2026-12-24");
    great["products"] = json!([
        {"product_code": "P", "quantity": 999, "unit_price": "9999999999.9999"},
        {"product_code": "P", "quantity": 1, "unit_price": "9999999999.9999"},
    ]);
    partner.create_with_key("great", &great).await.expect(201);
    partner.create_with_key("small", &order()).await.expect(201);
    let mut unpriced = order();
    unpriced["products"][0]["unit_price"] = json!(null);
    partner.create_with_key("unpriced", &unpriced).await.expect(201);
    partner
}

/// What a column of a view shows of each order or line, as a text.
async fn shown(database: &Database, column: &str, view: &str, sequence: &str) -> Vec<String> {
    database
        .db_last_texts(&format!("SELECT coalesce(CAST({column} AS text), '-') FROM {view} ORDER BY {sequence}"))
        .await
}

#[tokio::test]
async fn amounts_are_decimals_and_times_are_times() {
    let app = TestApp::new().await;
    stock(&app).await;
    let orders = async |column: &str| shown(&app.database, column, "reporting_sales_orders", "order_id").await;
    let lines =
        async |column: &str| shown(&app.database, column, "reporting_sales_order_lines", "order_id, line_no").await;
    let postgres = on_postgres().is_some();
    // Both are exact: PostgreSQL writes every decimal.
    let plain = |texts: Vec<String>| -> Vec<String> {
        let plain = |text: String| match text.split_once('.') {
            Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            None => text,
        };
        texts.into_iter().map(plain).collect()
    };
    assert_eq!(plain(orders("total_amount").await), ["9999999999999.9", "250000.5", "-"]);
    assert_eq!(plain(orders("priced_amount").await), ["9999999999999.9", "250000.5", "0.5"]);
    assert_eq!(plain(lines("unit_price").await), ["9999999999.9999", "9999999999.9999", "125000", "0.5", "-", "0.5"]);
    assert_eq!(
        plain(lines("line_amount").await),
        ["9989999999999.9001", "9999999999.9999", "250000", "0.5", "-", "0.5"]
    );
    let time = if postgres { "2026-11-23 13:37:16.123456+00" } else { "2026-11-23 13:37:16.123456+00:00" };
    let of_utc =
        |column: &str| if postgres { format!("timezone('UTC', {column}) || '+00'") } else { column.to_owned() };
    assert_eq!(orders(&of_utc("created_at")).await, [time; 3]);
    assert_eq!(
        shown(&app.database, &of_utc("created_at"), "reporting_sales_order_events", "position").await,
        [time; 3]
    );
    assert_eq!(orders("requested_delivery_date").await, ["2026-12-24", "-", "-"]);
    assert_eq!(orders("client_name").await, ["The client versuni-client-001"; 3]);
    // Compared as numbers and as times.
    for (wanted, count) in [
        ("total_amount > 1000000", 1),
        ("total_amount < 1000000", 1),
        ("total_amount = 250000.5", 1),
        ("created_at >= '2026-11-23 13:37:16+00'", 3),
        ("created_at >= '2026-11-24 00:00:00+00'", 0),
    ] {
        let sql = format!("SELECT count(*) FROM reporting_sales_orders WHERE {wanted}");
        assert_eq!(app.database.db_number(&sql).await, count, "{wanted}");
    }
    if postgres {
        let types = "SELECT string_agg(format('%s.%s %s', table_name, column_name, data_type), ' ')
            FROM information_schema.columns WHERE table_name LIKE 'reporting_%'
            AND column_name IN ('total_amount', 'created_at', 'payload', 'requested_delivery_date')";
        let types = app.database.db_text(types).await;
        for expected in [
            "reporting_sales_orders.total_amount numeric",
            "reporting_sales_orders.created_at timestamp with time zone",
            "reporting_sales_orders.requested_delivery_date date",
            "reporting_sales_order_events.payload jsonb",
        ] {
            assert!(types.contains(expected), "{expected}: {types}");
        }
    }
}

#[tokio::test]
async fn every_column_of_an_order_is_reported_or_named_as_left_out() {
    let database = Database::new().await;
    let reported: Vec<_> =
        VIEWS.iter().flat_map(|view| view.columns.iter().map(|it| (view.table, it.source))).collect();
    for table in VIEWS.iter().map(|view| view.table) {
        let sql = if on_postgres().is_some() {
            format!("SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'")
        } else {
            format!("SELECT name FROM pragma_table_xinfo('{table}')")
        };
        for column in database.db_last_texts(&sql).await {
            let is_reported = reported.iter().any(|(of, source)| *of == table && *source == column);
            let is_left_out =
                LEFT_OUT.iter().any(|(of, left_out, why)| *of == table && *left_out == column && !why.is_empty());
            assert!(is_reported != is_left_out, "{table}.{column}: a view shows it, or it is named as left out");
        }
    }
    // Whatever is named is there.
    for view in &VIEWS {
        let count = database.db_last_texts(&columns_of(view.name)).await.len();
        assert_eq!(count, view.columns.len(), "{}", view.name);
    }
}

fn columns_of(view: &str) -> String {
    if on_postgres().is_some() {
        format!("SELECT attname::text FROM pg_attribute WHERE attrelid = '{view}'::regclass AND attnum > 0")
    } else {
        format!("SELECT name FROM pragma_table_info('{view}')")
    }
}

#[tokio::test]
async fn nobody_writes_through_a_view() {
    let app = TestApp::new().await;
    stock(&app).await;
    for view in &VIEWS {
        let (name, column) = (view.name, view.columns[2].name);
        let written = app.database.db_execute(&format!("UPDATE {name} SET {column} = NULL")).await;
        let message = written.unwrap_err().to_string();
        assert!(message.contains("cannot update view") || message.contains("cannot modify"), "{message}");
    }
}

#[tokio::test]
async fn each_column_says_what_it_is_and_in_which_unit() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let untold = "SELECT count(*) FROM pg_attribute WHERE attrelid = ANY (ARRAY['reporting_sales_orders',
        'reporting_sales_order_lines', 'reporting_sales_order_events']::regclass[])
        AND attnum > 0 AND col_description(attrelid, attnum) IS NULL";
    assert_eq!(app.database.db_number(untold).await, 0);
    for (table, column, unit) in [
        ("sales_orders", "total_amount", "Ten-thousandths"),
        ("sales_order_lines", "unit_price", "Ten-thousandths"),
        ("sales_orders", "updated_at", "Microseconds"),
    ] {
        let comment = format!(
            "SELECT col_description(attrelid, attnum) FROM pg_attribute
             WHERE attrelid = '{table}'::regclass AND attname = '{column}'"
        );
        let comment = app.database.db_text(&comment).await;
        assert!(comment.starts_with(unit) && comment.contains("reporting_"), "{comment}");
    }
}

/// The statements of the guide, for a role of this test's own.
fn statements_of_the_guide(role: &str, database: &str) -> String {
    let guide = include_str!("../../docs/operations.md");
    let (_, section) = guide.split_once("## Reading the database directly").unwrap();
    let (_, code) = section.split_once("```sql\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    assert!(code.contains("sales_reader") && code.contains("DATABASE sales_orders"), "{code}");
    code.replace("sales_reader", role).replace("DATABASE sales_orders", &format!("DATABASE {database}"))
}

#[tokio::test]
async fn the_role_of_the_guide_reads_the_views_and_nothing_else_also_after_an_update() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    stock(&app).await;
    let (base, database) = app.database.url.rsplit_once('/').unwrap();
    let role = format!("{database}_reader");
    let admin = app.database.db_connect().await;
    admin.execute_unprepared(&statements_of_the_guide(&role, database)).await.unwrap();
    admin.execute_unprepared(&format!("ALTER ROLE {role} PASSWORD 'reader'")).await.unwrap();
    let (_, host) = base.split_once('@').unwrap();
    let url = format!("postgres://{role}:reader@{host}/{database}");
    let read = async || {
        let mut options = sea_orm::ConnectOptions::new(&url);
        options.max_connections(1).sqlx_logging(false);
        let reader = sea_orm::Database::connect(options).await.unwrap();
        for view in &VIEWS {
            reader.execute_unprepared(&format!("SELECT * FROM {}", view.name)).await.unwrap();
        }
        for refused in [
            "SELECT 1 FROM sales_orders",
            "SELECT 1 FROM client_secrets",
            "SELECT 1 FROM seaql_migrations",
            "DELETE FROM reporting_sales_orders",
            "SET default_transaction_read_only = off; DELETE FROM reporting_sales_order_lines",
            "CREATE TABLE of_a_reader (id int)",
        ] {
            let message = reader.execute_unprepared(refused).await.unwrap_err().to_string();
            assert!(
                ["permission denied", "cannot", "must be owner"].iter().any(|no| message.contains(no)),
                "{refused}: {message}"
            );
        }
        reader.close().await.unwrap();
    };
    read().await;
    // An update makes the views anew.
    admin
        .execute_unprepared(&format!("GRANT SELECT (order_number) ON reporting_sales_orders TO {role}"))
        .await
        .unwrap();
    take_back_to(&app.store, "create_search_folding").await;
    read().await;
    app.store.migrate_up().await.unwrap();
    read().await;
    let of_column =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'reporting_sales_orders'::regclass AND attacl IS NOT NULL";
    assert_eq!(app.database.db_number(of_column).await, 1, "also what was granted of one column");
    admin.execute_unprepared(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    admin.close().await.unwrap();
}

#[tokio::test]
async fn a_migration_of_a_column_that_is_reported_finds_no_view_in_its_way() {
    let app = TestApp::new().await;
    stock(&app).await;
    // By a connection that stored no order: one that did knows tables of later versions.
    let store = app.database.connect().await;
    take_back_to(&store, "create_search_folding").await;
    // As an update would that takes a column away: the views stay, and their last change is taken back beneath them.
    let forget = format!("DELETE FROM seaql_migrations WHERE version = '{MIGRATION}'");
    app.database.db_execute(&forget).await.unwrap();
    assert!(store.migrate_down(1).await.unwrap()[0].ends_with("add_requested_delivery_date"));
    // It is there again with the column.
    store.migrate_up().await.unwrap();
    assert_eq!(
        shown(&app.database, "requested_delivery_date", "reporting_sales_orders", "order_id").await,
        ["-"; 3],
        "the column came anew"
    );
}

#[tokio::test]
async fn a_view_that_an_analyst_built_upon_ours_stays_through_an_update() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    stock(&app).await;
    take_back_to(&app.store, "create_search_folding").await;
    let own =
        "CREATE VIEW of_an_analyst AS SELECT currency, sum(total_amount) FROM reporting_sales_orders GROUP BY currency";
    app.database.db_execute(own).await.unwrap();
    app.store.migrate_up().await.unwrap();
    assert_eq!(app.database.db_number("SELECT count(*) FROM of_an_analyst").await, 1);
    assert_eq!(app.database.db_number("SELECT count(*) FROM reporting_sales_order_lines").await, 6);
}

#[tokio::test]
async fn a_date_that_the_database_does_not_have_takes_no_view_away() {
    let app = TestApp::new().await;
    let partner = stock(&app).await;
    for date in ["0000-01-01", "0000-12-31", "-0001-01-01", "+10000-01-01"] {
        let mut wrong = order();
        wrong["requested_delivery_date"] = json!(date);
        let problem = partner.create_with_key(date, &wrong).await.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/requested_delivery_date", "{date}");
    }
    // Stored before it was refused.
    app.database
        .db_execute("UPDATE sales_orders SET requested_delivery_date = '0000-01-01' WHERE id = 1")
        .await
        .unwrap();
    let days = shown(&app.database, "requested_delivery_date", "reporting_sales_orders", "order_id").await;
    assert_eq!(days, if on_postgres().is_some() { ["-"; 3] } else { ["0000-01-01", "-", "-"] });
}
