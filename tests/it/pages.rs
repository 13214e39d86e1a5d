//! Dashboards page through orders.

use std::time::Duration;

use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{Partner, TestApp, order};

const PAGE: &str = "query page($first: Int, $after: String, $last: Int, $before: String, $orderBy: SalesOrderSort!,
        $where: SalesOrderFilter) {
    salesOrders(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy, where: $where) {
        edges { cursor node { orderNumber status } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

const SORTS: [&str; 6] =
    ["CREATED_AT_ASC", "CREATED_AT_DESC", "UPDATED_AT_ASC", "UPDATED_AT_DESC", "ORDER_NUMBER_ASC", "ORDER_NUMBER_DESC"];

/// Orders of which three at a time are taken in the same microsecond.
async fn take_orders(app: &TestApp, partner: &Partner<'_>, count: usize) {
    for n in 0..count {
        if n % 3 == 0 {
            app.clock.advance(Duration::from_secs(1));
        }
        partner.create_with_key(&format!("order-{n}"), &order()).await.expect(201);
    }
}

fn numbers(page: &Value) -> Vec<String> {
    let edges = page["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["node"]["orderNumber"].as_str().unwrap().to_owned()).collect()
}

async fn page(dashboard: &Partner<'_>, variables: Value) -> Value {
    dashboard.graphql(PAGE, variables).await.data()["salesOrders"].take()
}

async fn move_to(operator: &Partner<'_>, number: &str, status: &str) {
    let document = "mutation($number: String!, $status: OrderStatus!) {
        updateSalesOrderStatus(input: {orderNumber: $number, status: $status}) { version } }";
    operator.graphql(document, json!({"number": number, "status": status})).await.data();
}

#[tokio::test]
async fn a_dashboard_walks_forward_and_backward_and_meets_every_order_once() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    take_orders(&app, &partner, 20).await;
    let (dashboard, operator) = (app.dashboard().await, app.operator().await);
    for number in ["SO-0000000004", "SO-0000000017", "SO-0000000009"] {
        move_to(&operator, number, "CONFIRMED").await;
    }
    for sort in SORTS {
        let all = numbers(&page(&dashboard, json!({"first": 100, "orderBy": sort})).await);
        assert_eq!(all.len(), 20, "{sort}");
        let (mut forward, mut after, mut pages) = (Vec::new(), Value::Null, 0);
        loop {
            let page = page(&dashboard, json!({"first": 7, "after": after, "orderBy": sort})).await;
            assert_eq!(page["pageInfo"]["hasPreviousPage"], pages > 0, "{sort}");
            forward.extend(numbers(&page));
            pages += 1;
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!((forward, pages), (all.clone(), 3), "{sort}");
        let (mut backward, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = page(&dashboard, json!({"last": 7, "before": before, "orderBy": sort})).await;
            backward.splice(0..0, numbers(&page));
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(backward, all, "{sort}");
    }
    let newest = numbers(&page(&dashboard, json!({"first": 1, "orderBy": "CREATED_AT_DESC"})).await);
    assert_eq!(newest, ["SO-0000000020"]);
    let changed = numbers(&page(&dashboard, json!({"first": 3, "orderBy": "UPDATED_AT_DESC"})).await);
    assert_eq!(changed, ["SO-0000000020", "SO-0000000019", "SO-0000000017"]);
}

#[tokio::test]
async fn orders_that_arrive_or_are_cancelled_meanwhile_repeat_no_row_and_skip_none() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    take_orders(&app, &partner, 12).await;
    let (dashboard, operator) = (app.dashboard().await, app.operator().await);
    let sorts = ["CREATED_AT_DESC", "CREATED_AT_ASC", "ORDER_NUMBER_DESC"];
    for (sort, is_forward) in sorts.into_iter().flat_map(|sort| [(sort, true), (sort, false)]) {
        let (length, from, cursor, more) = if is_forward {
            ("first", "after", "endCursor", "hasNextPage")
        } else {
            ("last", "before", "startCursor", "hasPreviousPage")
        };
        let before = numbers(&page(&dashboard, json!({"first": 100, "orderBy": sort})).await);
        let (mut seen, mut place) = (Vec::new(), Value::Null);
        for n in 0.. {
            let page = page(&dashboard, json!({length: 2, from: place, "orderBy": sort})).await;
            let at = if is_forward { seen.len() } else { 0 };
            seen.splice(at..at, numbers(&page));
            place = page["pageInfo"][cursor].clone();
            if page["pageInfo"][more] == false || n > 50 {
                break;
            }
            if n < 5 {
                app.clock.advance(Duration::from_millis(1));
                partner.create_with_key(&format!("{sort}-{is_forward}-{n}"), &order()).await.expect(201);
                let met = if is_forward { seen.len() - 1 } else { 0 };
                move_to(&operator, &seen[met], "CANCELLED").await;
            }
        }
        let old: Vec<_> = seen.iter().filter(|number| before.contains(number)).cloned().collect();
        assert_eq!(old, before, "{sort} forward: {is_forward}");
        let mut distinct = seen.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len(), "{sort} forward: {is_forward}: a row came twice");
    }
}

#[tokio::test]
async fn a_partner_pages_through_its_own_orders_only() {
    let app = TestApp::new().await;
    let (one, other) = (app.partner().await, app.partner_named("other", SignaturePolicy::default()).await);
    one.create(&order()).await.expect(201);
    other.create(&order()).await.expect(201);
    other.create_with_key("second", &order()).await.expect(201);
    let document = "{ salesOrders { nodes { clientId } totalCount } }";
    for (partner, expected) in [(&one, vec!["versuni-client-001"]), (&other, vec!["other", "other"])] {
        let page = partner.graphql(document, json!({})).await.data()["salesOrders"].take();
        let clients: Vec<_> = page["nodes"].as_array().unwrap().iter().map(|order| &order["clientId"]).collect();
        assert_eq!(clients, expected);
        assert_eq!(page["totalCount"], expected.len());
        // A filter for somebody else's orders finds none, nor does their cursor lead to them.
        let others = "{ salesOrders(where: {clientId: {in: [\"other\", \"versuni-client-001\"]}}) { totalCount } }";
        assert_eq!(partner.graphql(others, json!({})).await.data()["salesOrders"]["totalCount"], expected.len());
    }
    let all = app.dashboard().await.graphql(document, json!({})).await.data();
    assert_eq!(all["salesOrders"]["totalCount"], 3);
}

#[tokio::test]
async fn a_count_stops_where_the_dashboard_says() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    take_orders(&app, &partner, 4).await;
    let document = "query($max: Int!) { salesOrders(first: 0) { totalCount(max: $max) edges { cursor } } }";
    for (max, count) in [(0, 1), (3, 4), (4, 4), (100_000, 4)] {
        let page = partner.graphql(document, json!({"max": max})).await.data()["salesOrders"].take();
        assert_eq!(page, json!({"totalCount": count, "edges": []}), "{max}");
    }
    let refused = partner.graphql(document, json!({"max": 100_001})).await.expect_error("VALIDATION_FAILED");
    assert_eq!(refused["extensions"]["errors"][0]["pointer"], "/max");
}

#[tokio::test]
async fn every_faulty_argument_of_a_page_is_named_with_what_would_be_right() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let cursor = page(&dashboard, json!({"first": 1, "orderBy": "CREATED_AT_ASC"})).await;
    assert_eq!(cursor["pageInfo"]["endCursor"], Value::Null, "an empty list has no cursor");
    for (variables, pointers) in [
        (json!({"first": 101}), vec!["/first"]),
        (json!({"first": -1}), vec!["/first"]),
        (json!({"first": 1, "last": 1}), vec!["/last"]),
        (json!({"after": "nonsense", "before": "", "last": 200}), vec!["/after", "/before", "/last"]),
        (
            json!({"first": 500, "where": {"search": "a b c d e f g h i j k", "siteCode": {"contains": "x\u{0}"}}}),
            vec!["/first", "/where/siteCode/contains", "/where/search"],
        ),
        (
            json!({"where": {"status": {"eq": "LOST"}, "createdAt": {"gte": "today"}, "colour": "red"}}),
            vec!["/where/status", "/where/createdAt/gte", "/where/colour"],
        ),
    ] {
        let mut variables = variables;
        variables["orderBy"] = json!("CREATED_AT_ASC");
        let refused = dashboard.graphql(PAGE, variables.clone()).await.expect_error("VALIDATION_FAILED");
        let errors = refused["extensions"]["errors"].as_array().unwrap_or_else(|| panic!("{variables}: {refused}"));
        assert_eq!(errors.iter().map(|error| &error["pointer"]).collect::<Vec<_>>(), pointers, "{variables}");
    }
}

#[tokio::test]
async fn a_page_is_the_same_however_its_members_are_selected() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let expected = json!([{
        "__typename": "SalesOrder", "products": [
            {"lineNo": 1, "code": "HD9650", "quantity": 2},
            {"lineNo": 2, "code": "HR2223", "quantity": 1},
        ],
        "number": "SO-0000000001", "status": "RECEIVED",
    }]);
    for selection in [
        "__typename products { lineNo code: productCode quantity } number: orderNumber status",
        "__typename products { lineNo } products { code: productCode quantity } number: orderNumber status status",
        "__typename products { ...Line quantity } ... on SalesOrder { number: orderNumber ...Order }",
        "__typename products { lineNo code: productCode @skip(if: false) quantity } number: orderNumber status
         note @include(if: false)",
    ] {
        let fragments = if selection.contains("...") {
            "fragment Line on SalesOrderLine { lineNo code: productCode } fragment Order on SalesOrder { status }"
        } else {
            ""
        };
        let document = format!("{{ salesOrders {{ nodes {{ {selection} }} }} }} {fragments}");
        let nodes = partner.graphql(&document, json!({})).await.data()["salesOrders"]["nodes"].take();
        assert_eq!(nodes.to_string(), expected.to_string(), "{selection}");
    }
}

/// Orders are written at once where all fields are plain; a fragment makes them take the long way.
#[tokio::test]
async fn a_page_is_the_same_text_whichever_way_it_is_made() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut full = order();
    full["note"] = json!("\"Ring\" the bell \\ then\nwait \u{1F514}");
    full["products"] = json!([
        {"product_code": "P-1", "quantity": 2, "product_name": "Étagère \u{2028}", "unit": "PCS", "unit_price": "0.0005", "note": "/"},
        {"product_code": "P-2", "quantity": 1, "unit_price": 1200},
    ]);
    let mut priceless = order();
    priceless["products"] = json!([{"product_code": "P-3", "quantity": 3}]);
    for order in [order(), full, priceless] {
        partner.create(&order).await.expect(201);
    }
    let dashboard = app.dashboard().await;
    let line = "lineNo productCode productName quantity unit unitPrice note __typename";
    let order = format!(
        "id __typename number: orderNumber status version clientId customerCode siteCode salesName address note currency
         products {{ {line} }} totalQuantity totalAmount createdAt updatedAt"
    );
    for list in ["nodes { ORDER }", "edges { cursor __typename node { ORDER } }"] {
        let page = |order: &str| format!("{{ salesOrders(first: 10) {{ {} }} }}", list.replace("ORDER", order));
        let short = dashboard.graphql(&page(&order), Value::Null).await;
        let long = dashboard.graphql(&page(&format!("... on SalesOrder {{ {order} }}")), Value::Null).await;
        assert!(short.data()["salesOrders"].to_string().contains("Étagère"), "{}", short.text);
        assert_eq!(short.text, long.text);
    }
    // What is selected in several places is one list.
    let whole =
        dashboard.graphql("{ salesOrders(first: 3) { nodes { orderNumber status } } }", Value::Null).await.data();
    for parts in [
        "{ salesOrders(first: 3) { nodes { orderNumber } nodes { status } } }",
        "{ salesOrders(first: 3) { nodes { orderNumber } ... { nodes { status } } } }",
        "{ salesOrders(first: 3) { ...A ...B } } fragment A on SalesOrderConnection { nodes { orderNumber } }
         fragment B on SalesOrderConnection { nodes { status } }",
        "{ salesOrders(first: 3) { nodes { orderNumber } } salesOrders(first: 3) { nodes { status } } }",
        "{ salesOrders(first: 3) { nodes { orderNumber } } ... on Query { salesOrders(first: 3) { nodes { status } } } }",
    ] {
        assert_eq!(dashboard.graphql(parts, Value::Null).await.data(), whole, "{parts}");
    }
}
