//! Every field of an order goes all the way: what a partner sends is stored, answered, read and exported. What fields there
//! are is taken from the schema and from the database, so a new one is asked for here.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use rust_decimal::Decimal;
use sales_order_api::graphql::definitions;
use serde_json::{Value, json};

use crate::support::{Database, Partner, TestApp, camel_case, on_postgres, respelled, snake_case};

/// What a partner must send.
fn least() -> Value {
    json!({"customer_code": "CUST-001", "site_code": "SITE-001", "sales_name": "John Doe", "address": "Jl. Sudirman No. 1",
           "products": [{"product_code": "HD9650", "quantity": 2}]})
}

/// All that a partner may send.
fn most() -> Value {
    json!({"customer_code": "CUST-001", "site_code": "SITE-001", "sales_name": "John Doe", "address": "Jl. Sudirman No. 1",
           "currency": "USD", "note": "Ring the bell", "partner_reference": "4500012345", "requested_delivery_date": "2026-12-24",
           "expected_total": "250001",
           "products": [{"product_code": "HD9650", "quantity": 2, "product_name": "Airfryer XXL", "unit": "PCS",
                         "unit_price": "125000.5", "note": "Gift-wrapped", "reference": "10",
                         "expected_line_amount": "250001"}]})
}

/// What is compared and not kept.
const EXPECTED: [&str; 2] = ["expected_total", "expected_line_amount"];

/// What of an object is kept.
fn kept(sent: &Value) -> Vec<(String, Value)> {
    let is_kept = |(name, value): &(&String, &Value)| !value.is_array() && !EXPECTED.contains(&name.as_str());
    sent.as_object().unwrap().iter().filter(is_kept).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The fields of a type of the schema, in REST's spelling.
fn fields(name: &str) -> BTreeMap<String, Type> {
    let document = parse_schema(definitions()).unwrap();
    let kind = document.definitions.into_iter().find_map(|definition| match definition {
        TypeSystemDefinition::Type(it) if it.node.name.node == name => Some(it.node.kind),
        _ => None,
    });
    let fields: Vec<_> = match kind.unwrap() {
        TypeKind::Object(it) => it.fields.into_iter().map(|it| (it.node.name, it.node.ty)).collect(),
        TypeKind::InputObject(it) => it.fields.into_iter().map(|it| (it.node.name, it.node.ty)).collect(),
        _ => panic!("{name} has no fields"),
    };
    fields.into_iter().map(|(name, ty)| (snake_case(&name.node), ty.node)).collect()
}

/// Fields of an order or a line that are one value each, besides the id of GraphQL's node.
fn values(name: &str) -> Vec<String> {
    let objects = ["SalesOrderReceipt", "SalesOrderLine", "SalesOrderLineAnswer", "SalesOrderRequestedChange"];
    let is_value = |ty: &Type| match &ty.base {
        BaseType::Named(named) => !objects.contains(&named.as_str()),
        BaseType::List(_) => false,
    };
    fields(name).into_iter().filter(|(name, ty)| name != "id" && is_value(ty)).map(|(name, _)| name).collect()
}

fn names(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

#[test]
fn the_orders_of_these_tests_have_every_field_and_only_what_must_be() {
    for (input, least, most) in [
        ("CreateSalesOrderInput", &least(), &most()),
        ("ProductInput", &least()["products"][0], &most()["products"][0]),
    ] {
        let all = fields(input);
        let required = all.iter().filter(|(_, ty)| !ty.nullable).map(|(name, _)| name);
        let [mut least, mut most] = [names(least), names(most)];
        least.sort();
        most.sort();
        assert_eq!(least, required.collect::<Vec<_>>(), "{input}");
        assert_eq!(most, all.keys().collect::<Vec<_>>(), "{input}: a new field is to be sent here too");
    }
}

/// Selects all that REST shows of an order.
pub fn selection() -> String {
    let spelled = |name: &str| values(name).iter().map(|field| camel_case(field)).collect::<Vec<_>>().join(" ");
    let [order, line, answer, shipment, part, request, wanted, change, changed, removed, added] = [
        "SalesOrder",
        "SalesOrderLine",
        "SalesOrderLineAnswer",
        "SalesOrderShipment",
        "SalesOrderShipmentLine",
        "SalesOrderRequestDetails",
        "SalesOrderRequestLine",
        "SalesOrderRequestedChange",
        "SalesOrderChangedLine",
        "SalesOrderRemovedLine",
        "SalesOrderAddedLine",
    ]
    .map(spelled);
    format!(
        "{order} products {{ {line} answer {{ {answer} }} }} shipments {{ {shipment} lines {{ {part} }} }}
         requests {{ {request} lines {{ {wanted} }}
            change {{ {change} changedLines {{ {changed} }} removedLines {{ {removed} }} addedLines {{ {added} }} }} }}"
    )
}

/// An order with all that GraphQL shows of it, in REST's spelling.
async fn over_graphql(reader: &Partner<'_>, number: &str) -> Value {
    let document = format!("{{ salesOrder(orderNumber: \"{number}\") {{ {} }} }}", selection());
    respelled(&reader.graphql(&document, Value::Null).await.data()["salesOrder"], snake_case)
}

/// Names the columns of a table that hold a null.
async fn empty_columns(database: &Database, table: &str) -> Vec<String> {
    let columns = if on_postgres().is_some() {
        format!("SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_name = '{table}'")
    } else {
        format!("SELECT group_concat(name) FROM pragma_table_xinfo('{table}')")
    };
    let mut empty = Vec::new();
    for column in database.db_text(&columns).await.split(',') {
        if database.db_number(&format!("SELECT count(*) FROM {table} WHERE {column} IS NULL")).await > 0 {
            empty.push(column.to_owned());
        }
    }
    empty
}

/// The one row of a CSV file, by its headings.
fn row(csv: &str) -> BTreeMap<String, String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    headings.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect()
}

/// A value as a cell of a CSV file shows it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Sends the order over REST and fails unless it is the same wherever it is shown. Gives it as GraphQL shows it.
async fn shown_alike(app: &TestApp, order: &Value) -> Value {
    let partner = app.partner().await;
    let validated = partner.validate_with_key("validated", order).await.expect(200)["data"].take();
    let answered = partner.create(order).await.expect(201)["data"].take();
    let mut of_valid = answered.clone();
    for of_stored in ["order_number", "status", "version", "shipments", "requests", "created_at", "updated_at"] {
        of_valid.as_object_mut().unwrap().remove(of_stored).unwrap();
    }
    assert_eq!(validated, of_valid, "a validation shows all that is not of an order's life");
    let number = answered["order_number"].as_str().unwrap();
    let read = partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect(200)["data"].take();
    assert_eq!(read, answered, "what is answered is what is stored");

    let seen = over_graphql(&partner, number).await;
    assert_eq!(seen, answered, "REST shows every field of the schema");

    let dashboard = app.dashboard().await;
    let exported = dashboard.get("/api/v1/sales-orders.jsonl").await.text;
    assert_eq!(serde_json::from_str::<Value>(&exported).unwrap(), answered);

    let row = row(&dashboard.get("/api/v1/sales-orders.csv").await.text);
    let (of_order, of_line) = (answered.as_object().unwrap(), answered["products"][0].as_object().unwrap());
    let is_value = |(_, value): &(&String, &Value)| !value.is_array();
    let mut expected: BTreeMap<_, _> =
        of_order.iter().filter(is_value).map(|(name, value)| (name.clone(), cell(value))).collect();
    // Nobody answered it yet.
    assert_eq!(of_line["answer"], Value::Null);
    expected.extend(fields("SalesOrderLineAnswer").into_keys().map(|name| (name, String::new())));
    for (name, value) in of_line.iter().filter(|(name, _)| *name != "answer") {
        let heading = if of_order.contains_key(name) { format!("line_{name}") } else { name.clone() };
        expected.insert(heading, cell(value));
    }
    let line = &answered["products"][0];
    let amount = line["unit_price"].as_str().map(|price| price.parse::<Decimal>().unwrap());
    let amount =
        amount.map(|price| (price * Decimal::from(line["quantity"].as_i64().unwrap())).normalize().to_string());
    expected.insert("line_amount".to_owned(), amount.unwrap_or_default());
    assert_eq!(row, expected);
    seen
}

/// Which of the values are null, and which fields are missing.
fn empty(value: &Value, name: &str) -> Vec<String> {
    values(name).into_iter().filter(|field| value.get(field).is_none_or(Value::is_null)).collect()
}

#[tokio::test]
async fn an_order_with_every_field_is_the_same_wherever_it_is_shown() {
    let app = TestApp::new().await;
    let seen = shown_alike(&app, &most()).await;
    assert_eq!(empty(&seen, "SalesOrder"), Vec::<String>::new());
    assert_eq!(empty(&seen["products"][0], "SalesOrderLine"), Vec::<String>::new());
    for (name, sent) in kept(&most()) {
        assert_eq!(seen[&name], sent, "{name}");
    }
    for (name, sent) in kept(&most()["products"][0]) {
        assert_eq!(seen["products"][0][&name], sent, "{name}");
    }
    assert_eq!(empty_columns(&app.database, "sales_orders").await, Vec::<String>::new());
    let mut unanswered = empty_columns(&app.database, "sales_order_lines").await;
    unanswered.sort();
    assert_eq!(
        unanswered,
        [
            "answer_reason",
            "back_ordered_quantity",
            "cancelled_quantity",
            "confirmed_quantity",
            "promised_on",
            "rejected_quantity",
            "shipped_quantity"
        ],
        "of an answer nothing is stored before it is given"
    );
}

#[tokio::test]
async fn an_order_without_any_optional_field_is_the_same_wherever_it_is_shown() {
    let app = TestApp::new().await;
    let seen = shown_alike(&app, &least()).await;
    let nullable = |name: &str| {
        let nullable = fields(name).into_iter().filter(|(_, ty)| ty.nullable).map(|(name, _)| name);
        nullable.filter(|field| values(name).contains(field)).collect::<Vec<_>>()
    };
    assert_eq!(empty(&seen, "SalesOrder"), nullable("SalesOrder"));
    assert_eq!(empty(&seen["products"][0], "SalesOrderLine"), nullable("SalesOrderLine"));
}

/// Fields that no one of these orders has.
pub fn never_set(orders: &[Value]) -> Vec<String> {
    let lines: Vec<_> = orders.iter().flat_map(|order| order["products"].as_array().unwrap()).collect();
    let of = |name: &str, all: &[&Value]| {
        let is_set = |field: &String| all.iter().any(|it| it.get(field).is_some_and(|value| !value.is_null()));
        values(name).into_iter().filter(|field| !is_set(field)).map(|field| format!("{name}.{field}")).collect()
    };
    let never: [Vec<_>; 2] = [of("SalesOrder", &orders.iter().collect::<Vec<_>>()), of("SalesOrderLine", &lines)];
    never.concat()
}
