//! The operator's database: it can be brought up and taken back, and it refuses by itself what must never be stored,
//! whoever writes to it.

use sales_order_api::auth::string_to_sign::body_and_key_bound_string;
use sales_order_api::domain::order::OrderNumber;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sea_orm::{ConnectionTrait as _, Statement};
use sha2::{Digest as _, Sha256};

use crate::support::{Database, TestApp, on_postgres, order};

/// Every object of the schema, in words: tables and columns, keys, checks and indexes.
async fn schema(database: &Database) -> Vec<String> {
    if on_postgres().is_none() {
        // SQLite's own table of counters stays for good once there was a counter.
        let objects = "SELECT type || ' ' || name || ': ' || coalesce(sql, 'of its table')
            FROM sqlite_master WHERE name <> 'sqlite_sequence'";
        return texts(database, objects).await;
    }
    // The place of a column among those that are there: a column taken back leaves a gap in their numbers.
    let columns = "SELECT 'column ' || table_name || '.' || column_name || ' '
        || rank() OVER (PARTITION BY table_name ORDER BY ordinal_position) || ': ' || data_type
        || coalesce('(' || character_maximum_length || ')', '') || ' null ' || is_nullable
        || coalesce(' default ' || column_default, '') || coalesce(' generated ' || generation_expression, '')
        FROM information_schema.columns WHERE table_schema = 'public'";
    let constraints =
        "SELECT 'constraint ' || conrelid::regclass || '.' || conname || ': ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace";
    let indexes = "SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'";
    let triggers = "SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT tgisinternal";
    let functions = "SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p
        WHERE pronamespace = 'public'::regnamespace AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')";
    let all = [columns, constraints, indexes, triggers, functions];
    texts(database, &all.join(" UNION ALL ")).await
}

/// The texts a statement gives, sorted.
async fn texts(database: &Database, sql: &str) -> Vec<String> {
    let connection = database.db_connect().await;
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.unwrap();
    let mut texts: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    connection.close().await.unwrap();
    texts.sort();
    texts
}

#[tokio::test]
async fn every_migration_can_be_taken_back_one_by_one_and_applied_again_to_the_same_schema() {
    let database = Database::empty().await;
    let store = database.connect().await;
    let applied = store.migrate_up().await.unwrap();
    let full = schema(&database).await;
    assert!(applied.len() >= 3 && full.iter().any(|line| line.contains("sales_orders")), "{full:#?}");

    // Each single migration is taken back and applied again, with the later ones gone and with them there.
    let mut states = vec![full.clone()];
    for name in applied.iter().rev() {
        assert_eq!(store.migrate_down(1).await.unwrap(), std::slice::from_ref(name));
        let state = schema(&database).await;
        // SQLite has one writer and keeps the log of requests in another file; PostgreSQL builds indexes after the migrations. How the
        // index of searches deletes is no part of its schema.
        let of_sqlite: &[&str] = &["store_orders_side_by_side", "create_api_requests", "erase_search_texts"];
        let of_other = on_postgres().map_or(of_sqlite, |_| &["index_sales_orders_by_change", "erase_search_texts"]);
        let is_of_other = of_other.iter().any(|other| name.ends_with(other));
        assert!(is_of_other || !states.contains(&state), "taking back {name} changed nothing");
        states.push(state);
    }
    let bare = states.last().unwrap();
    assert!(bare.iter().all(|line| line.contains("seaql_migrations")), "left behind: {bare:#?}");
    assert_eq!(store.migrate_up().await.unwrap(), applied);
    assert_eq!(schema(&database).await, full);
    for steps in 1..=applied.len() {
        store.migrate_down(u32::try_from(steps).unwrap()).await.unwrap();
        assert_eq!(schema(&database).await, states[steps]);
        assert_eq!(store.migrate_up().await.unwrap(), applied[applied.len() - steps..]);
        // There might be instances of the version before now.
        store.finish_migrations().await.unwrap();
        assert_eq!(schema(&database).await, full);
    }
    store.close().await;
}

#[tokio::test]
async fn what_was_signed_outlives_migrations_that_are_taken_back() {
    let app = TestApp::new().await;
    let partner = app.partner_named("strict-partner", SignaturePolicy::BodyAndKeyBound).await;
    let (body, now) = (order().to_string(), app.clock.now().timestamp().to_string());
    let hash = Sha256::digest(&body).into();
    for key in ["po-1", "po-2"] {
        let text = body_and_key_bound_string("POST", "/api/v1/sales-orders", &hash, &now, key).unwrap();
        let signed = partner.sign_text(&now, &text);
        let headers = [&signed.headers()[..], &[("idempotency-key", key)]].concat();
        app.post_text("/api/v1/sales-orders", &headers, body.clone()).await.expect(201);
    }
    let hex = |column: &str| {
        if on_postgres().is_some() { format!("encode({column}, 'hex')") } else { format!("lower(hex({column}))") }
    };
    let receipts = format!(
        "SELECT order_id || ' ' || signature_form || ' ' || string_to_sign || ' ' || {} || ' ' || key_fingerprint || ' '
            || {} FROM sales_order_receipts",
        hex("signature"),
        hex("body_sha256")
    );
    let before = texts(&app.database, &receipts).await;
    assert!(before.len() == 2 && before[0].contains(" body_and_key_bound POST:"), "{before:#?}");

    // Down to the version that knew neither that form nor the policy that asks for it, by the command line's connection: no
    // service runs then.
    app.store.close().await;
    let store = app.database.connect().await;
    let mut taken_back = Vec::new();
    while !taken_back.last().is_some_and(|name: &String| name.ends_with("bind_signatures")) {
        taken_back.extend(store.migrate_down(1).await.unwrap());
        assert_eq!(texts(&app.database, &receipts).await, before, "{taken_back:?}");
    }
    assert_eq!(texts(&app.database, "SELECT signature_policy FROM clients").await, ["body_bound"]);
    taken_back.reverse();
    assert_eq!(store.migrate_up().await.unwrap(), taken_back);
    assert_eq!(texts(&app.database, &receipts).await, before);
    assert_eq!(app.database.whole_orders(2).await, 2);
    store.close().await;
}

#[tokio::test]
async fn migrating_a_second_time_does_nothing() {
    let database = Database::empty().await;
    let store = database.connect().await;
    assert!(store.migrations().await.unwrap().iter().all(|migration| !migration.applied));
    store.migrate_up().await.unwrap();
    let before = schema(&database).await;
    assert_eq!(store.migrate_up().await.unwrap(), Vec::<String>::new());
    assert_eq!(schema(&database).await, before);
    assert!(store.migrations().await.unwrap().iter().all(|migration| migration.applied));
    store.close().await;
}

#[tokio::test]
async fn sqlite_writes_ahead_so_that_readers_never_wait_for_a_writer() {
    let app = TestApp::new().await;
    if on_postgres().is_none() {
        assert_eq!(texts(&app.database, "PRAGMA journal_mode").await, ["wal"]);
    }
    // Through the service, which opened it so: an order is there for a reader of another process at once.
    app.partner().await.create(&order()).await.expect(201);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 1);
}

/// What is written past the service: a statement that is fine, but for the changes.
fn insert(table: &str, row: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    for (changed, _) in changes {
        assert!(row.iter().any(|(column, _)| column == changed), "{table} has no {changed}");
    }
    let value = |(column, own): &(&str, &str)| {
        let change = changes.iter().find(|(changed, _)| changed == column);
        change.map_or(*own, |(_, value)| *value).to_owned()
    };
    let columns: Vec<_> = row.iter().map(|(column, _)| *column).collect();
    let values: Vec<_> = row.iter().map(value).collect();
    format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), values.join(", "))
}

fn order_row(changes: &[(&str, &str)]) -> String {
    let digest = if on_postgres().is_some() { "'\\x00'" } else { "x'00'" };
    let row = [
        ("id", "1000"),
        ("client_id", "'versuni-client-001'"),
        ("idempotency_key", "'another'"),
        ("request_digest", digest),
        ("customer_code", "'C'"),
        ("site_code", "'S'"),
        ("sales_name", "'N'"),
        ("address", "'A'"),
        ("currency", "'IDR'"),
        ("status", "'RECEIVED'"),
        ("version", "1"),
        ("total_quantity", "1"),
        ("total_amount", "0"),
        ("created_at", "0"),
        ("updated_at", "0"),
    ];
    insert("sales_orders", &row, changes)
}

fn line_row(changes: &[(&str, &str)]) -> String {
    let row = [("order_id", "1"), ("line_no", "3"), ("product_code", "'P'"), ("quantity", "1"), ("unit_price", "0")];
    insert("sales_order_lines", &row, changes)
}

#[track_caller]
fn assert_refused(outcome: Result<(), sea_orm::DbErr>, by: &str, what: &str) {
    let Err(error) = outcome else { panic!("{what} was taken") };
    let error = error.to_string().to_lowercase();
    assert!(error.contains(&format!("{by} constraint")), "{what}: {error}");
}

#[tokio::test]
async fn the_database_itself_refuses_an_order_that_must_not_be() {
    let app = TestApp::new().await;
    app.partner().await.create_with_key("first", &order()).await.expect(201);
    let taken = texts(&app.database, "SELECT idempotency_key FROM sales_orders").await;
    let taken = format!("'{}'", taken[0]);
    for (what, by, change) in [
        ("an order of an unknown client", "foreign key", ("client_id", "'nobody'")),
        ("a second order with the same key", "unique", ("idempotency_key", taken.as_str())),
        ("an unknown status", "check", ("status", "'LOST'")),
        ("a currency in small letters", "check", ("currency", "'idr'")),
        ("a currency of two letters", "check", ("currency", "'ID'")),
        ("a version before the first", "check", ("version", "0")),
        ("an order for nothing", "check", ("total_quantity", "0")),
        ("a negative total", "check", ("total_amount", "-1")),
        ("a total out of range", "check", ("total_amount", "100000000000000000")),
    ] {
        assert_refused(app.database.db_execute(&order_row(&[change])).await, by, what);
    }
    // The same row without a fault is taken, and the same key is another client's to use.
    app.database.db_execute(&order_row(&[])).await.unwrap();
    app.partner_named("other-partner", SignaturePolicy::default()).await;
    let others = [("id", "1001"), ("client_id", "'other-partner'"), ("idempotency_key", &taken)];
    app.database.db_execute(&order_row(&others)).await.unwrap();
}

#[tokio::test]
async fn the_database_itself_refuses_a_line_that_must_not_be() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    for (what, by, change) in [
        ("a line of an unknown order", "foreign key", ("order_id", "99")),
        ("a second line with the same number", "unique", ("line_no", "2")),
        ("a line with number 0", "check", ("line_no", "0")),
        ("a line beyond the 500th", "check", ("line_no", "501")),
        ("a quantity of 0", "check", ("quantity", "0")),
        ("a quantity out of range", "check", ("quantity", "1000001")),
        ("a negative price", "check", ("unit_price", "-1")),
        ("a price out of range", "check", ("unit_price", "100000000000000")),
    ] {
        assert_refused(app.database.db_execute(&line_row(&[change])).await, by, what);
    }
    app.database.db_execute(&line_row(&[])).await.unwrap();
    // What others hold on to cannot be taken away under them.
    let gone = app.database.db_execute("DELETE FROM sales_orders WHERE id = 1").await;
    assert_refused(gone, "foreign key", "an order taken from its lines");
}

#[tokio::test]
async fn the_database_itself_refuses_a_key_twice_and_a_policy_that_does_not_exist() {
    let app = TestApp::new().await;
    app.partner().await;
    app.dashboard().await;
    let copy = |client_id: &str| {
        format!(
            "INSERT INTO client_public_keys (client_id, fingerprint, public_key_pem, created_at)
             SELECT '{client_id}', fingerprint, public_key_pem, created_at FROM client_public_keys WHERE id = 1"
        )
    };
    assert_refused(app.database.db_execute(&copy("versuni-client-001")).await, "unique", "a key twice");
    assert_refused(app.database.db_execute(&copy("dashboard-001")).await, "unique", "a key of two clients");
    app.database.db_execute("UPDATE client_public_keys SET revoked_at = 1").await.unwrap();
    assert_refused(app.database.db_execute(&copy("nobody")).await, "foreign key", "a key of nobody");
    app.database.db_execute(&copy("dashboard-001")).await.unwrap();
    let policy = app.database.db_execute("UPDATE clients SET signature_policy = 'none'").await;
    assert_refused(policy, "check", "a policy that does not exist");
}

#[tokio::test]
async fn an_orders_number_is_derived_from_its_id_by_the_database_as_by_the_code() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for (id, number) in [(1, "SO-0000000001"), (42, "SO-0000000042"), (12_345_678_901, "SO-12345678901")] {
        let (own_id, key) = (id.to_string(), format!("'{id}'"));
        app.database.db_execute(&order_row(&[("id", &own_id), ("idempotency_key", &key)])).await.unwrap();
        let stored = texts(&app.database, &format!("SELECT order_number FROM sales_orders WHERE id = {id}")).await;
        assert_eq!(stored, [number]);
        assert_eq!(OrderNumber::from_id(id).to_string(), number);
        let read = partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect(200);
        assert_eq!(read["data"]["order_number"], number);
    }
    let other = "UPDATE sales_orders SET order_number = 'SO-0000000007' WHERE id = 1";
    let error = app.database.db_execute(other).await.unwrap_err().to_string();
    assert!(error.contains("order_number"), "{error}");
}

#[tokio::test]
async fn times_are_kept_in_microseconds_and_money_in_ten_thousandths() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let now = app.clock.now().timestamp_micros();
    assert_ne!(now % 1000, 0, "a clock that stands on a millisecond proves nothing");
    for (sql, number) in [
        ("SELECT created_at FROM sales_orders", now),
        ("SELECT updated_at FROM sales_orders", now),
        ("SELECT created_at FROM sales_order_events", now),
        ("SELECT unit_price FROM sales_order_lines WHERE line_no = 1", 1_250_000_000),
        ("SELECT unit_price FROM sales_order_lines WHERE line_no = 2", 5_000),
        ("SELECT total_amount FROM sales_orders", 2_500_005_000),
    ] {
        assert_eq!(app.database.db_number(sql).await, number, "{sql}");
    }
}
