//! Every filter of orders, alone and together, finds what a look at each order would find.

use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::strategy::{BoxedStrategy, ValueTree as _};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::support::{Partner, TestApp};

const ORDERS: &str = "query($where: SalesOrderFilter) {
    salesOrders(first: 100, orderBy: ORDER_NUMBER_ASC, where: $where) {
        totalCount
        nodes { orderNumber clientId status customerCode siteCode salesName address partnerReference requestedDeliveryDate createdAt updatedAt
                products { productCode productName } acknowledgements { system } requests { state } } } }";

/// A few orders that differ in everything a filter looks at, some in the spelling alone.
pub async fn stock(app: &TestApp) {
    let partner = app.partner().await;
    let operator = app.operator().await;
    for n in 0..24_usize {
        app.clock.advance(Duration::from_secs(40));
        let lines: Vec<_> = (0..=n % 3)
            .map(|line| {
                let price = format!("{}.25", 1000 * n + line);
                json!({
                    "product_code": pick(&["HD9650", "HR2223", "X"], n + line),
                    "product_name": pick(&["Airfryer XXL", "Blender 5000", "ﬁne Kettle"], n + line),
                    "quantity": n + 1 + line,
                    "unit_price": if (n + line) % 5 == 0 { Value::Null } else { price.into() },
                })
            })
            .collect();
        let order = json!({
            "customer_code": pick(&["CUST-001", "CUST-002", "cust-001", "100%_\\OFF"], n),
            "site_code": pick(&["SITE-A", "SITE-B", "ÄÖÜ-ß"], n),
            "sales_name": pick(&["John Doe", "Siti Nurhaliza", "Zoë", "O'Brien \"Bob\""], n / 2),
            "address": format!("Jl. Sudirman No. {n}\nJakarta"),
            "currency": pick(&["IDR", "EUR"], n / 5),
            "requested_delivery_date": pick(&["", "2026-12-24", "2026-12-31", "2027-01-01"], n),
            "partner_reference": pick(&["", "PO-1", "po-1", "PO-10", "7", "Ü_%/1"], n),
            "products": lines,
        });
        partner.create_with_key(&format!("stock-{n}"), &order).await.expect(201);
        let number = format!("SO-{:010}", n + 1);
        for status in &["CONFIRMED", "SHIPPED", "DELIVERED"][..n % 4] {
            change(&operator, "updateSalesOrderStatus", json!({"orderNumber": number, "status": status})).await;
        }
        for system in &["erp", "wms"][..n % 3] {
            change(&operator, "acknowledgeSalesOrder", json!({"orderNumber": number, "system": system})).await;
        }
        // Accepted at once, pending, or superseded, as far as the order is.
        if n % 5 < 2 && n % 4 < 2 {
            let path = format!("/api/v1/sales-orders/{number}/cancellation");
            let body = json!({"reason": "OTHER", "lines": [{"line_no": 1, "cancelled_quantity": 1}]}).to_string();
            app.post_text(&path, &partner.sign_body(&path, body.as_bytes()).headers(), body).await;
        }
        if n % 20 == 5 {
            change(&operator, "updateSalesOrderStatus", json!({"orderNumber": number, "status": "SHIPPED"})).await;
        }
    }
}

fn pick(values: &[&'static str], n: usize) -> &'static str {
    values[n % values.len()]
}

async fn change(operator: &Partner<'_>, mutation: &str, input: Value) {
    let kind = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
    let document = format!("mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ version }} }}");
    operator.graphql(&document, json!({"input": input})).await.data();
}

pub async fn matching(dashboard: &Partner<'_>, filter: &Value) -> Vec<Value> {
    let found = dashboard.graphql(ORDERS, json!({"where": filter})).await.data()["salesOrders"].take();
    let nodes = found["nodes"].as_array().unwrap().clone();
    assert_eq!(found["totalCount"], nodes.len(), "{filter}");
    nodes
}

/// What the schema's descriptions promise, said once more without SQL.
fn matches(order: &Value, filter: &Map<String, Value>) -> bool {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let products = order["products"].as_array().unwrap();
    let codes: Vec<_> = products.iter().map(|line| text(&line["productCode"])).collect();
    let holds = |values: &[String], wanted: &Value| {
        wanted.as_object().unwrap().iter().all(|(operator, operand)| match operator.as_str() {
            "eq" => values.contains(&text(operand)),
            "in" => operand.as_array().unwrap().iter().any(|one| values.contains(&text(one))),
            _ => values.iter().any(|value| value.to_lowercase().contains(&text(operand).to_lowercase())),
        })
    };
    filter.iter().all(|(name, wanted)| match name.as_str() {
        "productCode" => holds(&codes, wanted),
        "createdAt" | "updatedAt" | "requestedDeliveryDate" => order[name].as_str().is_some_and(|time| {
            wanted.get("gte").is_none_or(|from| time >= text(from).as_str())
                && wanted.get("lt").is_none_or(|before| time < text(before).as_str())
        }),
        "requestState" => order["requests"].as_array().unwrap().iter().any(|request| {
            let is = |operand: &Value| request["state"] == *operand;
            wanted
                .as_object()
                .unwrap()
                .values()
                .all(|operand| operand.as_array().map_or_else(|| is(operand), |all| all.iter().any(is)))
        }),
        "notAcknowledgedBy" => {
            order["acknowledgements"].as_array().unwrap().iter().all(|known| known["system"] != *wanted)
        }
        "search" => {
            let names = products.iter().filter_map(|line| line["productName"].as_str().map(str::to_owned));
            let own = ["customerCode", "siteCode", "salesName", "address", "partnerReference"];
            let own = own.iter().filter_map(|field| order[*field].as_str().map(str::to_owned));
            let texts: Vec<_> = own.chain(codes.clone()).chain(names).map(|text| text.to_lowercase()).collect();
            let number: u32 = text(&order["orderNumber"])[3..].parse().unwrap();
            text(wanted).to_lowercase().split_whitespace().all(|word| {
                texts.iter().any(|text| text.contains(word))
                    || word.trim_start_matches("so-").parse::<u32>().is_ok_and(|named| named == number)
            })
        }
        _ => holds(order[name].as_str().map(str::to_owned).as_slice(), wanted),
    })
}

fn code_filter(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        select(values).prop_map(|value| json!({"eq": value})),
        subsequence(values, 0..=2).prop_map(|values| json!({"in": values})),
    ]
}

fn text_filter(values: &'static [&'static str], parts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        code_filter(values),
        select(parts).prop_map(|part| json!({"contains": part})),
        (select(values), select(parts)).prop_map(|(value, part)| json!({"in": [value, "other"], "contains": part})),
    ]
}

fn filters() -> impl Strategy<Value = Map<String, Value>> {
    let fields: Vec<(&'static str, BoxedStrategy<Value>)> = vec![
        ("orderNumber", code_filter(&["SO-0000000007", "SO-0000000019", "none"]).boxed()),
        ("status", select(&["RECEIVED", "SHIPPED"][..]).prop_map(|s| json!({"in": [s, "CONFIRMED"]})).boxed()),
        (
            "customerCode",
            text_filter(&["CUST-001", "cust-001", "100%_\\OFF"], &["ust", "-001", "%", "_\\", "C"]).boxed(),
        ),
        ("siteCode", text_filter(&["SITE-A", "ÄÖÜ-ß"], &["site", "äöü", "ß", "e-b"]).boxed()),
        ("salesName", text_filter(&["John Doe", "Zoë"], &["ZOË", "doe", "o'b", "\"bob\"", "n n"]).boxed()),
        ("partnerReference", text_filter(&["PO-1", "po-1", "Ü_%/1"], &["po-1", "0", "_%", "7"]).boxed()),
        ("productCode", text_filter(&["HD9650", "X", "none"], &["hd96", "x", "2223"]).boxed()),
        ("clientId", Just(json!({"eq": "versuni-client-001"})).boxed()),
        ("createdAt", Just(json!({"gte": "2026-11-23T13:40:00.000000Z", "lt": "2026-11-23T13:50:16.123456Z"})).boxed()),
        ("updatedAt", Just(json!({"gte": "2026-11-23T13:40:00.000000Z", "lt": "2026-11-23T13:50:16.123456Z"})).boxed()),
        (
            "requestedDeliveryDate",
            prop_oneof![
                Just(json!({"gte": "2026-12-25"})),
                Just(json!({"gte": "2026-12-24", "lt": "2027-01-01"})),
                Just(json!({"lt": "2026-12-24"})),
            ]
            .boxed(),
        ),
        (
            "search",
            select(
                &[
                    "airfryer",
                    "SUDIRMAN jakarta",
                    "7",
                    "so-0000000007",
                    "23",
                    "doe site",
                    "zoë",
                    "kettle x",
                    "no. 1",
                    "%",
                    "nobody",
                    "\"bob\"",
                    "xyz*",
                    "po-10",
                    "ü_%",
                    "OR AND NOT",
                ][..],
            )
            .prop_map(|s| json!(s))
            .boxed(),
        ),
        (
            "requestState",
            prop_oneof![
                select(&["PENDING", "ACCEPTED", "SUPERSEDED"][..]).prop_map(|state| json!({"eq": state})),
                Just(json!({"in": ["PENDING", "REJECTED"]})),
                Just(json!({"in": []})),
            ]
            .boxed(),
        ),
        ("notAcknowledgedBy", select(&["erp", "wms", "crm"][..]).prop_map(|s| json!(s)).boxed()),
    ];
    let count = fields.len();
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, values)| (any::<u8>(), values).prop_map(move |(dice, value)| (dice, name, value)))
        .collect();
    (fields, 0..count).prop_map(|(fields, kept)| {
        // One field always, each of the others now and then.
        let chosen = fields.into_iter().enumerate().filter(|(index, (dice, ..))| *index == kept || *dice < 40);
        chosen.map(|(_, (_, name, value))| (name.to_owned(), value)).collect()
    })
}

/// The same filters on every run and every machine.
pub fn generated_filters(count: usize) -> Vec<Value> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut made = Vec::new();
    while made.len() < count {
        let filter = filters().new_tree(&mut runner).unwrap().current();
        made.push(Value::Object(filter));
    }
    made
}

#[tokio::test]
async fn any_filter_finds_the_orders_that_a_look_at_each_would_find() {
    let app = TestApp::new().await;
    stock(&app).await;
    let dashboard = app.dashboard().await;
    let all = matching(&dashboard, &Value::Null).await;
    assert_eq!(all.len(), 24);
    let (mut found_some, mut found_none) = (0, 0);
    for filter in generated_filters(250) {
        let expected: Vec<_> =
            all.iter().filter(|order| matches(order, filter.as_object().unwrap())).cloned().collect();
        *(if expected.is_empty() { &mut found_none } else { &mut found_some }) += 1;
        let numbers = |orders: &[Value]| orders.iter().map(|order| order["orderNumber"].clone()).collect::<Vec<_>>();
        assert_eq!(numbers(&matching(&dashboard, &filter).await), numbers(&expected), "{filter}");
    }
    assert!(found_some > 50 && found_none > 50, "{found_some} and {found_none} prove too little");
}

#[tokio::test]
async fn a_shown_time_used_in_a_filter_means_that_very_instant() {
    let app = TestApp::new().await;
    stock(&app).await;
    let dashboard = app.dashboard().await;
    let all = matching(&dashboard, &Value::Null).await;
    for order in &all[5..8] {
        let instant = order["createdAt"].as_str().unwrap();
        let from = matching(&dashboard, &json!({"createdAt": {"gte": instant}})).await;
        assert_eq!(from[0]["orderNumber"], order["orderNumber"]);
        let before = matching(&dashboard, &json!({"createdAt": {"lt": instant}})).await;
        assert_eq!(before.len() + from.len(), all.len());
        // Between two microseconds lies no order: the next one is meant.
        let between = instant.replace('Z', "1Z");
        let after = matching(&dashboard, &json!({"createdAt": {"gte": between}})).await;
        assert_eq!(after.len(), from.len() - 1);
        // The same instant on another clock.
        let there = chrono::DateTime::parse_from_rfc3339(instant).unwrap().with_timezone(&chrono_tz::Asia::Jakarta);
        let there = matching(&dashboard, &json!({"createdAt": {"gte": there.to_rfc3339()}})).await;
        assert_eq!(there, from);
    }
}
