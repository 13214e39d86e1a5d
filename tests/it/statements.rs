//! However many rows an operation shows, it costs the same few SQL statements.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sales_order_api::domain::permission::Permission;
use serde_json::{Value, json};

use crate::support::{Database, Process, Remote, on_postgres, order};

const EVERYTHING: &str = "orderNumber products { productCode } acknowledgements { system } events { kind }";

/// Operation, document, and how many statements it may run on SQLite and on PostgreSQL.
fn operations() -> Vec<(&'static str, String, [u64; 2])> {
    let list = |arguments: &str| format!("salesOrders(first: $first{arguments})");
    let orders = format!("nodes {{ {EVERYTHING} }}");
    let summary = |group_by: &str, figures: &str| {
        format!(
            "salesOrderSummary(groupBy: [{group_by}]) {{ groups {{ figures {{ {figures} }} }} totals {{ {figures} }} }}"
        )
    };
    // In the form that ids once had, which can be foretold.
    let nodes = |count: i64| {
        let ids: Vec<_> = (1..=count).map(|id| URL_SAFE_NO_PAD.encode(format!("SalesOrder:{id}"))).collect();
        format!("nodes(ids: {ids:?}) {{ id ... on SalesOrder {{ {EVERYTHING} }} }}")
    };
    vec![
        ("numbers", format!("{} {{ nodes {{ orderNumber }} }}", list("")), [1, 1]),
        ("page", format!("{} {{ {orders} }}", list("")), [4, 4]),
        ("counted", format!("{} {{ totalCount {orders} }}", list("")), [5, 6]),
        // PostgreSQL tells a report first by which number it can be ended. SQLite asks first what is common in the latest orders, and
        // which of the texts and products is the rarest.
        ("searched", format!("{} {{ {orders} }}", list(", where: {search: \"jakarta\"}")), [6, 5]),
        (
            "events",
            format!("salesOrderEvents(first: $first) {{ nodes {{ kind salesOrder {{ {EVERYTHING} }} }} }}"),
            // Where the feed begins, and afterwards whether it still does. PostgreSQL is asked first where it ends.
            [7, 8],
        ),
        // Lines with their answers, shipments, what of them has left, and requests.
        (
            "fulfilment",
            format!(
                "{} {{ nodes {{ nextStatuses products {{ answer {{ reason }} }} shipments {{ carrier }} requests {{ state }} }} }}",
                list("")
            ),
            [5, 5],
        ),
        ("one", format!("salesOrder(orderNumber: \"SO-0000000001\") {{ {EVERYTHING} }}"), [4, 4]),
        ("few_by_id", nodes(1), [4, 4]),
        ("many_by_id", nodes(30), [4, 4]),
        // The currencies there are, the groups, and the customers of all groups, who may be in many; by product the totals
        // as well, for an order has many products, and by time first the span of all orders. Of customers that were counted
        // before it is asked whether anything changed, on PostgreSQL also since the totals were merged.
        ("by_status", summary("STATUS", "orders customers"), [3, 5]),
        ("by_product", summary("PRODUCT", "orders customers"), [4, 6]),
        ("by_day", summary("DAY", "orders"), [3, 4]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_costs_a_constant_number_of_statements() {
    let database = Database::new().await;
    let process = Process::serve(database.folder.path(), &database.url, |command| {
        // Nothing that is read now and then may blur the count.
        command.env("SALES_ORDER_AUTH__CLIENT_CACHE_TTL", "5s");
    });
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&process.base, "partner", &secret).await;
    let secret = Remote::register_with(&database, "board", vec![Permission::OrdersRead]).await;
    let board = Remote::log_in(&process.base, "board", &secret).await;
    let signed = partner.sign();
    for n in 0..30 {
        partner.create(&signed, Some(&n.to_string()), &order()).await.unwrap().expect(201);
    }
    // Only these may have shipments and requests.
    database.db_execute("UPDATE sales_orders SET status = 'CONFIRMED', version = 2").await.unwrap();
    // On PostgreSQL an instance looks where the feed ends before it shows an event that may be beyond it.
    let feed = json!({"query": "{ salesOrderEvents(first: 1) { nodes { kind } } }"});
    let authorization = format!("Bearer {}", board.token);
    board.post("/graphql", &[("authorization", &authorization)], &feed).await.unwrap().expect(200);
    // Customers are counted, and no change is left to be merged.
    database.merged_totals().await;
    let counted = json!({"query": "{ salesOrderSummary(groupBy: [STATUS]) { totals { customers } } }"});
    board.post("/graphql", &[("authorization", &authorization)], &counted).await.unwrap().expect(200);
    let mut expected = Vec::new();
    for (name, selection, statements) in operations() {
        for first in [1, 30] {
            let uses_first = selection.contains("$first");
            let declared = if uses_first { "($first: Int)" } else { "" };
            // Its name tells the line of the log; before it, the board is remembered anew.
            let warm = json!({"query": "query warm { viewer { clientId } node(id: \"\") { id } }"});
            let authorization = format!("Bearer {}", board.token);
            let headers = [("authorization", authorization.as_str())];
            board.post("/graphql", &headers, &warm).await.unwrap().expect(200);
            let query = format!("query {name}_{first}{declared} {{ {selection} }}");
            let answer =
                board.post("/graphql", &headers, &json!({"query": query, "variables": {"first": first}})).await;
            answer.unwrap().data();
            let on = usize::from(on_postgres().is_some());
            expected.push((format!("{name}_{first}"), statements[on]));
        }
    }
    let log = process.stop();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counted: Vec<_> = expected
        .iter()
        .map(|(name, _)| {
            let line = lines.iter().find(|line| line["graphql.operation.name"] == *name).unwrap();
            (name.clone(), line["db.queries"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(counted, expected);
}
