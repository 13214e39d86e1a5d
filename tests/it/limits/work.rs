//! What a request costs is what it makes the service do: lines, counts, statements, errors and bytes, not selections.

use serde_json::{Value, json};

use super::{send_beyond_limits, send_within_limits};
use crate::support::{Partner, Socket, TestApp, Told, order};

/// Orders with so many lines each.
async fn orders_of(partner: &Partner<'_>, orders: usize, lines: usize) {
    let mut order = order();
    order["products"] = (0..lines).map(|line| json!({"product_code": format!("P-{line}"), "quantity": 1})).collect();
    for key in 0..orders {
        partner.create_with_key(&format!("{lines}-{key}"), &order).await.expect(201);
    }
}

fn cost(answer: &Value) -> u64 {
    answer["extensions"]["cost"]["complexity"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn lines_cost_as_many_as_there_are_before_they_are_read() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    orders_of(&partner, 8, 500).await;
    let lines = "products { lineNo productCode productName quantity unit unitPrice note }";
    let page = |first: usize| format!("{{ salesOrders(first: {first}) {{ nodes {{ orderNumber {lines} }} }} }}");
    let five = partner.graphql(&page(5), json!({})).await;
    assert_eq!(five.data()["salesOrders"]["nodes"][4]["products"].as_array().unwrap().len(), 500);
    assert!(cost(&five.json()) > 5 * 500 * 7, "{}", cost(&five.json()));
    // The same through every way there is to an order's lines.
    let edges = format!("{{ salesOrders(first: 8) {{ edges {{ node {{ {lines} }} }} }} }}");
    let events = format!("{{ salesOrderEvents {{ nodes {{ salesOrder {{ {lines} }} }} }} }}");
    let each = |number: usize| format!("o{number}: salesOrder(orderNumber: \"SO-{number:010}\") {{ {lines} }}");
    let aliases = format!("{{ {} }}", (1..=8).map(each).collect::<String>());
    let fragments =
        format!("{{ salesOrders(first: 8) {{ nodes {{ ...F }} }} }} fragment F on SalesOrder {{ {lines} }}");
    let id = partner.graphql("{ salesOrder(orderNumber: \"SO-0000000001\") { id } }", json!({})).await.data();
    let ids = vec![id["salesOrder"]["id"].as_str().unwrap().to_owned(); 8];
    let one_again_and_again = format!("{{ nodes(ids: {ids:?}) {{ ... on SalesOrder {{ {lines} }} }} }}");
    for document in [page(8), edges, events, aliases, fragments, one_again_and_again] {
        partner.graphql(&document, json!({})).await.expect_error("LIMIT_EXCEEDED");
    }
    // Of one order all lines can be read.
    let one = format!("{{ salesOrder(orderNumber: \"SO-0000000001\") {{ {lines} }} }}");
    partner.graphql(&one, json!({})).await.data();
}

#[tokio::test]
async fn counts_cost_as_far_as_they_count_and_summaries_as_much_without_rows() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let price = async |query: &str| cost(&dashboard.graphql(query, json!({})).await.expect(200));
    let few = price("{ salesOrders(first: 1) { totalCount(max: 100) } }").await;
    let many = price("{ salesOrders(first: 1) { totalCount(max: 100000) } }").await;
    assert!(many >= few + 900, "{few} and {many}");
    let counts: String = (0..30).map(|number| format!("c{number}: totalCount(max: 100000) ")).collect();
    dashboard.graphql(&format!("{{ salesOrders {{ {counts} }} }}"), json!({})).await.expect_error("LIMIT_EXCEEDED");
    for first in [0, 1] {
        let query = format!("{{ salesOrderSummary(first: {first}) {{ totals {{ orders }} }} }}");
        assert!(price(&query).await >= 950, "first: {first}");
    }
}

#[tokio::test]
async fn a_query_has_twenty_root_fields_and_a_hundred_statements() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let nodes = |count: usize| {
        (0..count).map(|number| format!("n{number}: node(id: \"{number}\") {{ id }} ")).collect::<String>()
    };
    send_within_limits(&app, "20", &format!("{{ {} }}", nodes(20))).await;
    let told = send_beyond_limits(&app, "21", &format!("{{ {} }}", nodes(21))).await;
    assert!(told.contains("21 root fields where 20 are allowed"), "{told}");
    // One that nine thousand fragments spread is one.
    let bomb = format!(
        "{{ {} }} fragment A on Query {{ {} }} fragment B on Query {{ node(id: \"1\") {{ id }} }}",
        "...A ".repeat(90),
        "...B ".repeat(60)
    );
    let answer = send_within_limits(&app, "a node in fragments", &bomb).await;
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    // Each counts with two statements.
    let counts: String = (0..50).map(|number| format!("c{number}: totalCount(max: 1) ")).collect();
    let refused = partner.graphql(&format!("{{ salesOrders {{ {counts} }} }}"), json!({})).await;
    let error = refused.expect_error("LIMIT_EXCEEDED");
    assert!(error["message"].as_str().unwrap().contains("100 database statements"), "{error}");
}

#[tokio::test]
async fn errors_cost_by_their_number() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    orders_of(&partner, 20, 1).await;
    // A partner may not read receipts, so each of them is an error.
    let page = |aliases: usize| {
        let receipts: String = (0..aliases).map(|number| format!("r{number}: receipt {{ signature }} ")).collect();
        format!("{{ salesOrders(first: 20) {{ nodes {{ {receipts} }} }} }}")
    };
    let few = partner.graphql(&page(1), json!({})).await.json();
    assert_eq!(few["errors"].as_array().unwrap().len(), 20);
    let many = partner.graphql(&page(99), json!({})).await;
    many.expect_error("LIMIT_EXCEEDED");
    assert!(many.text.len() < 1000, "{} bytes", many.text.len());
}

#[tokio::test]
async fn an_answer_is_given_up_when_it_grows_beyond_its_bytes() {
    let app = TestApp::with(|config| config.graphql.max_answer_bytes = 20_000).await;
    let partner = app.partner().await;
    let mut large = order();
    large["address"] = "Jalan ".repeat(160).trim().into();
    for key in 0..30 {
        partner.create_with_key(&key.to_string(), &large).await.expect(201);
    }
    let page = |first: usize, selection: &str| format!("{{ salesOrders(first: {first}) {{ {selection} }} }}");
    for selection in [
        "nodes { address }",
        "edges { node { address } }",
        // What is not written as text goes another way.
        "nodes { address nextStatuses }",
        "nodes { events { salesOrder { address } } }",
    ] {
        partner.graphql(&page(10, selection), json!({})).await.data();
        partner.graphql(&page(30, selection), json!({})).await.expect_error("LIMIT_EXCEEDED");
    }
    let events =
        |first: usize| format!("{{ salesOrderEvents(first: {first}) {{ nodes {{ salesOrder {{ address }} }} }} }}");
    partner.graphql(&events(10), json!({})).await.data();
    partner.graphql(&events(30), json!({})).await.expect_error("LIMIT_EXCEEDED");
}

#[tokio::test]
async fn an_export_reads_orders_of_many_lines_a_few_at_a_time_and_all_of_them() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    orders_of(&partner, 12, 500).await;
    orders_of(&partner, 3, 2).await;
    let dashboard = app.dashboard().await;
    let export = dashboard.get("/api/v1/sales-orders.jsonl").await;
    let orders: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = orders.iter().map(|order| order["order_number"].as_str().unwrap().to_owned()).collect();
    assert_eq!(numbers, (1..=15).map(|number| format!("SO-{number:010}")).collect::<Vec<_>>());
    let lines: usize = orders.iter().map(|order| order["products"].as_array().unwrap().len()).sum();
    assert_eq!(lines, 12 * 500 + 3 * 2);
}

#[tokio::test]
async fn a_name_has_at_most_128_bytes() {
    let app = TestApp::new().await;
    let alias = |length: usize| format!("{{ __schema {{ types {{ {}: name }} }} }}", "a".repeat(length));
    send_within_limits(&app, "128", &alias(128)).await;
    let told = send_beyond_limits(&app, "129", &alias(129)).await;
    assert!(told.contains("129 bytes in a name"), "{told}");
}

#[tokio::test]
async fn each_event_of_a_subscription_has_the_budget_of_a_request_and_the_next_one_has_it_anew() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    orders_of(&partner, 3, 500).await;
    let follow = |aliases: usize| {
        let products: String = (0..aliases).map(|n| format!("p{n}: products {{ lineNo quantity }} ")).collect();
        format!("subscription($after: String) {{ salesOrderEvents(after: $after) {{ salesOrder {{ {products} }} }} }}")
    };
    let first = partner.graphql("{ salesOrderEvents(first: 1) { nodes { cursor } } }", json!({})).await.data();
    let after = json!({"after": first["salesOrderEvents"]["nodes"][0]["cursor"]});
    let base = app.listen().await;
    let mut socket = Socket::log_in(&base, &partner.token).await;
    socket.subscribe("fits", &follow(11), after.clone()).await;
    // What one event took is not missing to the next.
    for _ in 0..2 {
        let order = socket.next_data("fits").await["salesOrderEvents"]["salesOrder"].take();
        assert_eq!(order["p10"].as_array().unwrap().len(), 500);
    }
    // Who asks for more than an event may have is told, and would be again: the operation ends.
    let mut socket = Socket::log_in(&base, &partner.token).await;
    socket.subscribe("too much", &follow(30), after).await;
    let Told::Message(message) = socket.next().await else { panic!("the socket was closed") };
    assert_eq!(message["type"], "error", "{message}");
    assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{message}");
}

#[tokio::test]
async fn a_stored_order_is_answered_however_large_the_answer() {
    let app = TestApp::with(|config| config.graphql.max_answer_bytes = 1000).await;
    let partner = app.partner().await;
    let mut large = order();
    large["products"] = (0..500).map(|line| json!({"product_code": format!("P-{line}"), "quantity": 1})).collect();
    let made = partner.create(&large).await.expect(201);
    assert_eq!(made["data"]["products"].as_array().unwrap().len(), 500);
    let line = |line: usize| json!({"productCode": format!("P-{line}"), "quantity": 1});
    let input = json!({
        "customerCode": "C", "siteCode": "S", "salesName": "N", "address": "A",
        "products": (0..500).map(line).collect::<Vec<_>>(),
    });
    let create = |selection: &str| {
        format!(
            "mutation($i: CreateSalesOrderInput!) {{ createSalesOrder(input: $i) {{ salesOrder {{ {selection} }} }} }}"
        )
    };
    let lines = "products { lineNo productCode quantity }";
    let made = partner.signed_graphql(&create(lines), json!({"i": input})).await.data();
    assert_eq!(made["createSalesOrder"]["salesOrder"]["products"].as_array().unwrap().len(), 500);
    // What would be too much is refused before anything is stored.
    let often: String = (0..90).map(|n| format!("p{n}: {lines} ")).collect();
    partner.signed_graphql(&create(&often), json!({"i": input})).await.expect_error("LIMIT_EXCEEDED");
    assert_eq!(app.database.whole_orders(500).await, 2);
}

#[tokio::test]
async fn a_request_takes_one_signed_order_or_none() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let create = |customer: &str| {
        format!(
            "createSalesOrder(input: {{customerCode: \"{customer}\", siteCode: \"S\", salesName: \"N\", address: \"A\",
             products: [{{productCode: \"P\", quantity: 1}}]}}) {{ salesOrder {{ orderNumber }} }}"
        )
    };
    for two in [
        format!("mutation {{ a: {} b: {} }}", create("A"), create("B")),
        format!("mutation {{ a: {} ...F }} fragment F on Mutation {{ b: {} }}", create("A"), create("B")),
    ] {
        let refused = partner.signed_graphql(&two, json!({})).await.expect_error("ONE_ORDER_PER_REQUEST");
        assert!(refused["message"].as_str().unwrap().contains("2 signed fields"), "{refused}");
        assert_eq!(
            app.database.whole_orders(1).await,
            0,
            "one stored and one refused would be sent again, both of them"
        );
    }
    // One that is named twice is one.
    let one = format!("mutation {{ {} ...F }} fragment F on Mutation {{ {} }}", create("A"), create("A"));
    partner.signed_graphql(&one, json!({})).await.data();
    assert_eq!(app.database.whole_orders(1).await, 1);
}

#[tokio::test]
async fn a_large_answer_that_nobody_reads_keeps_its_turn_and_gives_it_back() {
    let app = TestApp::with(|config| {
        config.graphql.max_queries_per_client = 1;
        config.database.acquire_timeout = std::time::Duration::from_millis(20);
    })
    .await;
    let partner = app.partner().await;
    let mut large = order();
    large["address"] = "Jalan ".repeat(160).trim().into();
    for key in 0..80 {
        partner.create_with_key(&key.to_string(), &large).await.expect(201);
    }
    let body = json!({"query": "{ salesOrders(first: 80) { nodes { address } } }"}).to_string();
    let request = TestApp::post_request("/graphql", &[("authorization", &partner.authorization())], body);
    let unread = tower::ServiceExt::oneshot(app.router.clone(), request).await.unwrap();
    assert_eq!(unread.status(), 200);
    partner.graphql("{ viewer { name } }", json!({})).await.expect_error("OVERLOADED");
    // Orders wait for no query.
    partner.create_with_key("meanwhile", &order()).await.expect(201);
    drop(unread);
    partner.graphql("{ viewer { name } }", json!({})).await.data();
}
