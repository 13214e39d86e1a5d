//! The totals behind the dashboard's summaries are those of the orders, whoever changes these and however: an operator
//! who erases a person, moves old orders to an archive or restores a backup does it by SQL, past the service.

mod merging;
mod rebuilding;

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::{Database, TestApp, in_time, on_postgres, order};

const MOVE: &str =
    "mutation($input: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $input) { status } }";

/// The columns of an order that somebody who restores rows writes.
const COLUMNS: &str =
    "id, client_id, idempotency_key, request_digest, customer_code, site_code, sales_name, address, note,
    currency, status, version, total_quantity, total_amount, created_at, updated_at, line_count, unpriced_lines,
    priced_amount, search_text";

/// An order written past the service, without lines.
fn insert(id: u32, key: [&str; 4], figures: [u64; 3]) -> String {
    let digest = if on_postgres().is_some() { "'\\x00'" } else { "x'00'" };
    let [client_id, customer_code, sales_name, currency] = key;
    let [quantity, lines, amount] = figures;
    format!(
        "INSERT INTO sales_orders ({COLUMNS}) VALUES ({id}, '{client_id}', 'k{id}', {digest}, '{customer_code}', 'S',
             '{sales_name}', 'A', NULL, '{currency}', 'RECEIVED', 1, {quantity}, {amount}, 0, 0, {lines}, {}, {amount}, '')",
        lines / 2
    )
}

/// A change by SQL.
#[derive(Debug, Clone)]
enum Change {
    Insert([usize; 4], [u64; 3]),
    /// What is set, and which of so many orders.
    Update(usize, u32, u32),
    Delete(u32, u32),
    Empty,
}

const SETS: [&str; 10] = [
    "sales_name = 'erased'",
    "client_id = 'other-partner'",
    "customer_code = sales_name, sales_name = customer_code",
    "site_code = site_code || '2'",
    "currency = 'USD'",
    "status = 'CANCELLED', version = version + 1",
    "total_quantity = total_quantity + 7",
    "line_count = line_count + 1, unpriced_lines = unpriced_lines + 1",
    "priced_amount = priced_amount + 12345678",
    "id = id + 100000",
];

impl Change {
    fn sql(&self, id: u32) -> String {
        match self {
            Self::Insert([client, customer, name, currency], figures) => insert(
                id,
                [
                    ["versuni-client-001", "other-partner"][*client],
                    ["C1", "C2"][*customer],
                    ["John Doe", "Jane Doe", "C1"][*name],
                    ["IDR", "USD"][*currency],
                ],
                *figures,
            ),
            Self::Update(set, of, which) => {
                format!("UPDATE sales_orders SET {} WHERE id % {of} = {}", SETS[*set], which % of)
            }
            Self::Delete(of, which) => format!("DELETE FROM sales_orders WHERE id % {of} = {}", which % of),
            Self::Empty if on_postgres().is_some() => "TRUNCATE sales_orders CASCADE".to_owned(),
            Self::Empty => "DELETE FROM sales_orders".to_owned(),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let figures = (1..1_000_u64, 0..400_u64, 0..90_000_000_000_000_000_u64);
    prop_oneof![
        8 => ((0..2_usize, 0..2_usize, 0..3_usize, 0..2_usize), figures)
            .prop_map(|((a, b, c, d), (e, f, g))| Change::Insert([a, b, c, d], [e, f, g])),
        5 => (0..SETS.len(), 1..4_u32, any::<u32>()).prop_map(|(set, of, which)| Change::Update(set, of, which)),
        2 => (2..5_u32, any::<u32>()).prop_map(|(of, which)| Change::Delete(of, which)),
    ]
}

#[tokio::test]
async fn whatever_an_operator_changes_by_sql_the_totals_stay_those_of_the_orders() {
    let app = TestApp::new().await;
    app.partner().await;
    app.partner_named("other-partner", SignaturePolicy::default()).await;
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let transaction =
        (proptest::collection::vec(change(), 1..5), prop_oneof![4 => Just("COMMIT"), 1 => Just("ROLLBACK")]);
    let connection = app.database.db_connect().await;
    let mut id = 0;
    for round in 0..60 {
        let (mut changes, end) = transaction.new_tree(&mut runner).unwrap().current();
        if round % 20 == 19 {
            // PostgreSQL truncates no table with changes under way.
            changes = vec![Change::Empty];
        }
        let mut sql = "BEGIN;".to_owned();
        for change in &changes {
            id += 1;
            write!(sql, "{};", change.sql(id)).unwrap();
        }
        connection.execute_unprepared(&format!("{sql}{end}")).await.unwrap();
        app.database.true_totals().await;
    }
    connection.close().await.unwrap();
    assert_eq!(app.store.find_wrong_totals().await.unwrap(), []);
}

async fn rows_of(app: &TestApp, sales_name: &str) -> i64 {
    app.database.db_number(&format!("SELECT count(*) FROM sales_order_totals WHERE sales_name = '{sales_name}'")).await
}

#[tokio::test]
async fn a_name_that_an_operator_erases_is_gone_from_the_totals_and_stays_gone() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for _ in 0..3 {
        app.clock.advance(std::time::Duration::from_secs(1));
        partner.create(&order()).await.expect(201);
    }
    app.store.merge_totals().await.unwrap();
    assert_eq!(rows_of(&app, "John Doe").await, 1);
    app.database.db_execute("UPDATE sales_orders SET sales_name = 'erased', search_text = ''").await.unwrap();
    app.store.merge_totals().await.unwrap();
    assert_eq!(rows_of(&app, "John Doe").await, 0);

    // What happens to the orders from then on brings it back nowhere.
    let operator = app.operator().await;
    let input = json!({"input": {"orderNumber": "SO-0000000001", "status": "CONFIRMED"}});
    operator.graphql(MOVE, input).await.data();
    app.database.true_totals().await;
    let summary = app
        .dashboard()
        .await
        .graphql(
            "{ salesOrderSummary(groupBy: [SALES_NAME, STATUS]) { groups { keys { value } figures { orders } } } }",
            json!({}),
        )
        .await
        .data()["salesOrderSummary"]["groups"]
        .take();
    let mut seen: Vec<_> = summary.as_array().unwrap().iter().map(Value::to_string).collect();
    seen.sort();
    let group = |status: &str, orders: u32| {
        json!({"keys": [{"value": "erased"}, {"value": status}], "figures": {"orders": orders}}).to_string()
    };
    assert_eq!(seen, [group("CONFIRMED", 1), group("RECEIVED", 2)]);
}

#[tokio::test]
async fn orders_that_an_operator_moves_to_an_archive_leave_the_totals_with_them_and_come_back_with_them() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for _ in 0..4 {
        app.clock.advance(std::time::Duration::from_secs(1));
        partner.create(&order()).await.expect(201);
    }
    let mut archive = format!("CREATE TABLE archived AS SELECT {COLUMNS} FROM sales_orders WHERE id <= 2;");
    for table in ["sales_order_lines", "sales_order_events", "sales_order_receipts"] {
        write!(archive, "DELETE FROM {table} WHERE order_id <= 2;").unwrap();
    }
    app.database.db_execute(&format!("BEGIN;{archive}DELETE FROM sales_orders WHERE id <= 2;COMMIT")).await.unwrap();
    app.database.true_totals().await;
    assert_eq!(app.database.db_number("SELECT CAST(sum(orders) AS bigint) FROM sales_order_totals").await, 2);
    let back = format!("INSERT INTO sales_orders ({COLUMNS}) SELECT {COLUMNS} FROM archived");
    app.database.db_execute(&back).await.unwrap();
    app.database.true_totals().await;
}

/// `pg_restore --data-only` writes with an empty search path, and copies the totals as any other table.
#[tokio::test]
async fn a_restore_of_rows_alone_counts_no_order_twice_on_postgresql() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create_with_key("1", &order()).await.expect(201);
    app.store.merge_totals().await.unwrap();
    partner.create_with_key("2", &order()).await.expect(201);
    let before =
        "CREATE TABLE o AS SELECT * FROM sales_orders; CREATE TABLE b AS SELECT * FROM sales_order_totals_base;
        CREATE TABLE d AS SELECT * FROM sales_order_totals_delta;
        CREATE TABLE p AS SELECT * FROM sales_order_totals_by_period; TRUNCATE sales_orders CASCADE";
    app.database.db_execute(before).await.unwrap();
    app.database.true_totals().await;
    let orders = format!("INSERT INTO public.sales_orders ({COLUMNS}) SELECT {COLUMNS} FROM public.o");
    let totals = [("b", "base"), ("d", "delta"), ("p", "by_period")]
        .map(|(table, part)| format!("INSERT INTO public.sales_order_totals_{part} SELECT * FROM public.{table}"));
    let [base, delta, by_period] = &totals;
    for statements in [[&orders, base, delta, by_period], [base, delta, by_period, &orders]] {
        let connection = app.database.db_connect().await;
        connection.execute_unprepared("SELECT set_config('search_path', '', false)").await.unwrap();
        for statement in statements {
            connection.execute_unprepared(statement).await.unwrap();
        }
        connection.close().await.unwrap();
        app.database.true_totals().await;
        assert_eq!(app.database.db_number("SELECT CAST(sum(orders) AS bigint) FROM sales_order_totals").await, 2);
        app.database.db_execute("TRUNCATE sales_orders CASCADE").await.unwrap();
    }
}

/// Takes back the migrations down to this one.
pub async fn take_back(database: &Database, migration: &str) {
    let store = database.connect().await;
    let mut taken_back = String::new();
    while !taken_back.contains(migration) {
        taken_back.clone_from(&store.migrate_down(1).await.unwrap()[0]);
    }
    store.close().await;
}

#[tokio::test]
async fn totals_that_went_wrong_under_an_earlier_version_are_right_after_the_migration() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    take_back(&app.database, "keep_totals_of_every_change").await;
    app.database.db_execute("UPDATE sales_orders SET sales_name = 'erased'").await.unwrap();
    app.database.db_execute("UPDATE sales_orders SET status = 'CANCELLED'").await.unwrap();
    assert_eq!(app.database.db_number("SELECT min(orders) FROM sales_order_totals").await, -1);
    let store = app.database.connect().await;
    store.migrate_up().await.unwrap();
    store.close().await;
    app.database.true_totals().await;
    assert_eq!(rows_of(&app, "John Doe").await, 0);
}

/// Each changes the totals of the same two rows, in the other order.
#[tokio::test(flavor = "multi_thread")]
async fn two_operators_who_change_many_orders_at_once_on_postgresql_never_wait_for_each_other() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    app.partner().await;
    for (id, customer) in [(1, "C1"), (2, "C2"), (3, "C1"), (4, "C2")] {
        let order = insert(id, ["versuni-client-001", customer, "N", "IDR"], [1, 1, 1]);
        app.database.db_execute(&order).await.unwrap();
    }
    let (one, other) = (app.database.db_connect().await, app.database.db_connect().await);
    let add = |id: u32| format!("UPDATE sales_orders SET total_quantity = total_quantity + 1 WHERE id = {id}");
    one.execute_unprepared(&format!("BEGIN; {}; {}", add(1), add(2))).await.unwrap();
    other.execute_unprepared(&format!("BEGIN; {}; {}", add(4), add(3))).await.unwrap();
    // The first stands at the end of its triggers, before its commit, when the second comes to its own.
    one.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await.unwrap();
    in_time("the second's commit", other.execute_unprepared("COMMIT")).await.unwrap();
    one.execute_unprepared("COMMIT").await.unwrap();
    app.database.true_totals().await;
    one.close().await.unwrap();
    other.close().await.unwrap();
}
