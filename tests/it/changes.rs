//! A partner learns what changed by reading the list of its orders from time to time.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::{Partner, TestApp, on_postgres, order};

const LIST: &str = "/api/v1/sales-orders";

/// A page: the orders' numbers with their versions, and how the list goes on.
struct Page {
    orders: Vec<(String, i64)>,
    cursor: String,
    has_more: bool,
}

async fn page(reader: &Partner<'_>, query: &str, cursor: Option<&str>) -> Page {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let answer = reader.get(&format!("{LIST}?{query}{cursor}")).await;
    let body = answer.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let order =
        |order: &Value| (order["order_number"].as_str().unwrap().to_owned(), order["version"].as_i64().unwrap());
    Page {
        orders: body["data"].as_array().unwrap().iter().map(order).collect(),
        cursor: body["next_cursor"].as_str().unwrap().to_owned(),
        has_more: body["has_more"].as_bool().unwrap(),
    }
}

/// Reads on until there is no more; gives what came and the last cursor.
async fn rest(reader: &Partner<'_>, query: &str, cursor: Option<&str>) -> (Vec<(String, i64)>, String) {
    let mut next = page(reader, query, cursor).await;
    let mut orders = std::mem::take(&mut next.orders);
    while next.has_more {
        next = page(reader, query, Some(&next.cursor)).await;
        orders.append(&mut next.orders);
    }
    (orders, next.cursor)
}

/// The partner sends an order at a moment of its own.
async fn send(app: &TestApp, partner: &Partner<'_>, order: &Value) -> String {
    app.clock.advance(Duration::from_secs(1));
    partner.create(order).await.expect(201)["data"]["order_number"].as_str().unwrap().to_owned()
}

/// The operator moves an order at a moment of its own.
async fn move_order(app: &TestApp, operator: &Partner<'_>, number: &str, status: &str) {
    app.clock.advance(Duration::from_secs(1));
    let document = "mutation($i: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $i) { version } }";
    operator.graphql(document, json!({"i": {"orderNumber": number, "status": status}})).await.data();
}

fn first_versions(numbers: &[String]) -> Vec<(String, i64)> {
    numbers.iter().map(|number| (number.clone(), 1)).collect()
}

#[tokio::test]
async fn a_partner_that_reads_on_meets_every_order_and_then_what_changed() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let (_, cursor) = rest(&partner, "", None).await;
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.push(send(&app, &partner, &order()).await);
    }
    let (new, cursor) = rest(&partner, "", Some(&cursor)).await;
    assert_eq!(new, first_versions(&numbers));
    // The first of them changes twice, and a system says that it has another, which is no change of that one.
    move_order(&app, &operator, &numbers[0], "CONFIRMED").await;
    let acknowledge = "mutation($i: AcknowledgeSalesOrderInput!) { acknowledgeSalesOrder(input: $i) { version } }";
    operator.graphql(acknowledge, json!({"i": {"orderNumber": numbers[1], "system": "erp"}})).await.data();
    numbers.push(send(&app, &partner, &order()).await);
    move_order(&app, &operator, &numbers[0], "SHIPPED").await;
    let acknowledged = json!({"i": {"orderNumber": numbers[0], "system": "erp"}});
    operator.graphql(acknowledge, acknowledged).await.data();
    let changed = [(numbers[3].clone(), 1), (numbers[0].clone(), 3)];
    let seen = rest(&partner, "", Some(&cursor)).await;
    assert_eq!(seen.0, changed, "each once, by its last change");
    assert_eq!(rest(&partner, "", Some(&seen.1)).await, (Vec::new(), seen.1.clone()), "a cursor stays good");
    let all = [&first_versions(&numbers[1..3]), &changed[..]].concat();
    let (seen, from_begin) = rest(&partner, "", None).await;
    assert_eq!(seen, all);
    assert_eq!(rest(&partner, "", Some(&from_begin)).await.0, []);
}

#[tokio::test]
async fn the_pages_of_the_list_hold_each_order_once_however_long_they_are() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let (_, begin) = rest(&partner, "", None).await;
    let mut numbers = Vec::new();
    for _ in 0..7 {
        numbers.push(send(&app, &partner, &order()).await);
    }
    for cursor in [None, Some(&*begin)] {
        for limit in [1, 2, 3, 7, 8, 200] {
            let query = format!("limit={limit}");
            let first = page(&partner, &query, cursor).await;
            assert!(first.orders.len() <= limit, "{limit}");
            assert_eq!(first.has_more, limit < 7, "{limit} {cursor:?}");
            assert_eq!(rest(&partner, &query, cursor).await.0, first_versions(&numbers), "{limit} {cursor:?}");
        }
    }
    // What changes meanwhile comes behind them.
    let first = page(&partner, "limit=3", None).await;
    move_order(&app, &operator, &numbers[0], "CONFIRMED").await;
    move_order(&app, &operator, &numbers[5], "CONFIRMED").await;
    let (others, _) = rest(&partner, "limit=3", Some(&first.cursor)).await;
    let mut last_seen = BTreeMap::new();
    last_seen.extend(first.orders);
    last_seen.extend(others);
    assert_eq!(last_seen.into_values().collect::<Vec<_>>(), [2, 1, 1, 1, 1, 2, 1]);
}

#[tokio::test]
async fn a_partner_asks_for_orders_by_what_they_are_now() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let (_, begin) = rest(&partner, "", None).await;
    let mut numbers = Vec::new();
    for reference in ["PO 1", "PO 2", "PO 2"] {
        let mut sent = order();
        sent["partner_reference"] = json!(reference);
        numbers.push(send(&app, &partner, &sent).await);
    }
    move_order(&app, &operator, &numbers[0], "CONFIRMED").await;
    move_order(&app, &operator, &numbers[1], "CANCELLED").await;
    let (one, two, three) = ((numbers[0].clone(), 2), (numbers[1].clone(), 2), (numbers[2].clone(), 1));
    let time = async |number: &str, name: &str| {
        let order = partner.get(&format!("{LIST}/{number}")).await.expect(200);
        order["data"][name].as_str().unwrap().to_owned()
    };
    let (changed, created) = (time(&numbers[1], "updated_at").await, time(&numbers[2], "created_at").await);
    for (query, expected) in [
        ("partner_reference=PO%202".to_owned(), vec![three.clone(), two.clone()]),
        ("partner_reference=PO".to_owned(), vec![]),
        ("status=CONFIRMED".to_owned(), vec![one.clone()]),
        ("status=RECEIVED&status=CANCELLED".to_owned(), vec![three.clone(), two.clone()]),
        (format!("changed_after={changed}"), vec![two.clone()]),
        (format!("created_after={created}"), vec![three.clone()]),
        (format!("changed_after={created}&status=CONFIRMED"), vec![one.clone()]),
    ] {
        for cursor in [None, Some(&*begin)] {
            assert_eq!(rest(&partner, &query, cursor).await.0, expected, "{query} {cursor:?}");
        }
    }
    let document = "query($i: SalesOrderChangesInput!) {
        salesOrderChanges(input: $i) { nodes { orderNumber products { lineNo } } nextCursor hasMore } }";
    let input = json!({"status": ["CANCELLED"], "partnerReference": "PO 2", "limit": 1});
    let over_graphql = partner.graphql(document, json!({"i": input})).await.data()["salesOrderChanges"].take();
    assert_eq!(over_graphql["nodes"], json!([{"orderNumber": two.0, "products": [{"lineNo": 1}, {"lineNo": 2}]}]));
    let over_rest = page(&partner, "status=CANCELLED&partner_reference=PO+2&limit=1", None).await;
    assert_eq!(over_graphql["nextCursor"], over_rest.cursor);
}

#[tokio::test]
async fn the_list_holds_ones_own_orders_and_a_dashboards_holds_everybodys() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.partner_named("other", sales_order_api::domain::signature_policy::SignaturePolicy::default()).await;
    let dashboard = app.dashboard().await;
    let (_, begin) = rest(&partner, "", None).await;
    let own = send(&app, &partner, &order()).await;
    let others = send(&app, &other, &order()).await;
    for cursor in [None, Some(&*begin)] {
        assert_eq!(rest(&partner, "", cursor).await.0, [(own.clone(), 1)]);
        assert_eq!(rest(&other, "", cursor).await.0, [(others.clone(), 1)]);
        assert_eq!(rest(&dashboard, "", cursor).await.0, [(own.clone(), 1), (others.clone(), 1)]);
    }
    app.get(&format!("{LIST}?limit=0")).await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn every_fault_of_a_query_is_named_at_once() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let query = "partner_reference=%00&status=LOST&changed_after=today&changed_after=2026-11-23T13:37:16Z&created_after=1\
                  &limit=201&cursor=none&sort=asc";
    let problem = partner.get(&format!("{LIST}?{query}")).await.expect_problem(400, "VALIDATION_FAILED");
    let faults: BTreeMap<_, _> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap()))
        .collect();
    let expected = [
        ("/changed_after", "conflict"),
        ("/created_after", "format"),
        ("/cursor", "cursor"),
        ("/limit", "range"),
        ("/partner_reference", "control_character"),
        ("/sort", "unknown"),
        ("/status", "status"),
    ];
    assert_eq!(faults, BTreeMap::from(expected));
    assert!(
        problem["errors"]
            .to_string()
            .contains("are partner_reference, status, changed_after, created_after, limit, cursor")
    );
    for (query, pointer, code) in [
        ("limit=ten", "/limit", "type"),
        ("limit=0", "/limit", "range"),
        ("limit=1&limit=2", "/limit", "conflict"),
        ("cursor=a&cursor=b", "/cursor", "conflict"),
        ("status=received", "/status", "status"),
        ("changed_after=", "/changed_after", "format"),
    ] {
        let problem = partner.get(&format!("{LIST}?{query}")).await.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
        assert_eq!(problem["errors"][0]["code"], code, "{query}");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{query}");
    }
    // A cursor of another list is none of this one.
    send(&app, &partner, &order()).await;
    let events = partner.graphql("{ salesOrderEvents { nodes { cursor } } }", Value::Null).await.data();
    let cursor = events["salesOrderEvents"]["nodes"][0]["cursor"].as_str().unwrap();
    let foreign = partner.get(&format!("{LIST}?cursor={cursor}")).await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(foreign["errors"][0]["code"], "cursor");
}

/// Writes rows that stand for an order of another instance: of the same client, with an earlier time.
const LATE: &str =
    "INSERT INTO sales_orders (client_id, idempotency_key, request_digest, customer_code, site_code, sales_name,
        address, currency, status, version, total_quantity, created_at, updated_at, search_text)
    SELECT client_id, 'late', request_digest, customer_code, site_code, sales_name, address, currency, status, version,
        total_quantity, created_at - 60000000, updated_at - 60000000, search_text FROM sales_orders LIMIT 1;
    INSERT INTO sales_order_events (order_id, sequence, kind, actor, payload, created_at)
    SELECT id, 1, 'CREATED', client_id, '{}', created_at FROM sales_orders WHERE idempotency_key = 'late'";

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_committed_late_with_an_earlier_time_is_not_missed() {
    only_on!(Postgres); // SQLite has one writer.
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let first = send(&app, &partner, &order()).await;
    let (seen, cursor) = rest(&partner, "", None).await;
    assert_eq!(seen, [(first.clone(), 1)]);
    let late = app.database.db_connect().await;
    let append = "BEGIN; SELECT begin_to_append(); SET LOCAL idle_in_transaction_session_timeout = 0;";
    late.execute_unprepared(&format!("{append} {LATE}")).await.unwrap();
    let second = send(&app, &partner, &order()).await;
    // Whoever reads on does not pass the one that is under way; whoever begins sees what there is and reads on before it.
    let (held_back, cursor) = rest(&partner, "", Some(&cursor)).await;
    assert_eq!(held_back, []);
    let (there, begun) = rest(&partner, "", None).await;
    assert_eq!(there, [(first.clone(), 1), (second.clone(), 1)]);
    late.execute_unprepared("COMMIT").await.unwrap();
    late.close().await.unwrap();
    let number = app.database.db_text("SELECT order_number FROM sales_orders WHERE idempotency_key = 'late'").await;
    for cursor in [cursor, begun] {
        let (seen, _) = rest(&partner, "", Some(&cursor)).await;
        assert_eq!(seen, [(number.clone(), 1), (second.clone(), 1)]);
    }
}

#[tokio::test]
async fn a_partner_that_was_away_for_long_comes_through_others_events_in_pages() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let first = send(&app, &partner, &order()).await;
    let (_, cursor) = rest(&partner, "", None).await;
    // As many positions as if others had sent thousands of orders meanwhile.
    let skip = if on_postgres().is_some() {
        "SELECT setval('sales_order_events_position_seq', 12000)"
    } else {
        "UPDATE sqlite_sequence SET seq = 12000 WHERE name = 'sales_order_events'"
    };
    app.database.db_execute(skip).await.unwrap();
    let second = send(&app, &partner, &order()).await;
    let next = page(&partner, "", Some(&cursor)).await;
    assert_eq!((next.orders, next.has_more), (Vec::new(), true), "a page looks through so many events");
    assert_eq!(rest(&partner, "", Some(&cursor)).await.0, [(second.clone(), 1)]);
    assert_eq!(rest(&partner, "", None).await.0, first_versions(&[first, second]));
}

#[tokio::test]
async fn few_orders_of_many_are_found_in_pages_that_look_through_so_many_each() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let first = send(&app, &partner, &order()).await;
    let columns = "client_id, request_digest, customer_code, site_code, sales_name, address, currency, status, version,
                   total_quantity, search_text";
    let many = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5100)
         INSERT INTO sales_orders (idempotency_key, created_at, updated_at, {columns})
         SELECT 'copy-' || n, created_at + n, updated_at + n, {columns} FROM sales_orders CROSS JOIN numbers"
    );
    app.database.db_execute(&many).await.unwrap();
    move_order(&app, &operator, &first, "CANCELLED").await;
    let next = page(&partner, "status=CANCELLED", None).await;
    assert_eq!((next.orders, next.has_more), (Vec::new(), true));
    assert_eq!(rest(&partner, "status=CANCELLED", None).await.0, [(first, 2)]);
    assert_eq!(rest(&partner, "status=RECEIVED&limit=200", None).await.0.len(), 5100);
}
