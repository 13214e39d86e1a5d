//! Dashboards total orders, and the totals are those of the orders they list.

mod by_time;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Datelike as _, Timelike as _};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::filters::{generated_filters, stock};
use crate::support::{Partner, TestApp, order};

const SUMMARY: &str =
    "query($where: SalesOrderFilter, $groupBy: [SummaryDimension!]!, $timeZone: TimeZone!, $first: Int!) {
    salesOrderSummary(where: $where, groupBy: $groupBy, timeZone: $timeZone, first: $first) {
        groups { keys { dimension value from to } figures { ...All } }
        totals { ...All } truncated } }
    fragment All on SummaryFigures { orders lines quantity customers unpricedLines amounts { currency amount } }";

const ROWS: &str = "query($where: SalesOrderFilter) { salesOrders(first: 100, where: $where) { nodes {
    orderNumber status clientId customerCode siteCode salesName createdAt currency
    products { productCode quantity unitPrice } } } }";

async fn summary(dashboard: &Partner<'_>, filter: &Value, group_by: &[&str], zone: &str, first: i32) -> Value {
    let variables = json!({"where": filter, "groupBy": group_by, "timeZone": zone, "first": first});
    dashboard.graphql(SUMMARY, variables).await.data()["salesOrderSummary"].take()
}

/// Figures added up by hand.
#[derive(Default)]
struct Tally {
    orders: BTreeSet<String>,
    customers: BTreeSet<String>,
    lines: i64,
    quantity: i64,
    unpriced: i64,
    amounts: BTreeMap<String, Decimal>,
}

impl Tally {
    fn add(&mut self, order: &Value, line: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.orders.insert(text(&order["orderNumber"]));
        self.customers.insert(text(&order["customerCode"]));
        let quantity = line["quantity"].as_i64().unwrap();
        self.lines += 1;
        self.quantity += quantity;
        let amount = self.amounts.entry(text(&order["currency"])).or_default();
        match line["unitPrice"].as_str() {
            Some(price) => *amount += price.parse::<Decimal>().unwrap() * Decimal::from(quantity),
            None => self.unpriced += 1,
        }
    }

    fn drawn(&self) -> Value {
        let amounts = self.amounts.iter();
        let amounts =
            amounts.map(|(currency, sum)| json!({"currency": currency, "amount": sum.normalize().to_string()}));
        json!({
            "orders": self.orders.len(), "lines": self.lines, "quantity": self.quantity,
            "customers": self.customers.len(), "unpricedLines": self.unpriced, "amounts": amounts.collect::<Vec<_>>(),
        })
    }
}

/// The value of a dimension, read off a row.
fn value(dimension: &str, order: &Value, line: &Value, zone: Tz) -> String {
    let created = DateTime::parse_from_rfc3339(order["createdAt"].as_str().unwrap()).unwrap().with_timezone(&zone);
    let monday = created.date_naive().week(chrono::Weekday::Mon).first_day();
    match dimension {
        "HOUR" => created.with_minute(0).unwrap().format("%Y-%m-%dT%H:%M").to_string(),
        "DAY" => created.date_naive().to_string(),
        "WEEK" => monday.to_string(),
        "MONTH" => created.date_naive().with_day(1).unwrap().to_string(),
        "PRODUCT" => line["productCode"].as_str().unwrap().to_owned(),
        other => {
            let field = match other {
                "STATUS" => "status",
                "CLIENT" => "clientId",
                "CUSTOMER" => "customerCode",
                "SITE" => "siteCode",
                _ => "salesName",
            };
            order[field].as_str().unwrap().to_owned()
        }
    }
}

#[tokio::test]
async fn figures_and_rows_agree_for_any_filter_and_any_grouping() {
    let app = TestApp::new().await;
    stock(&app).await;
    app.database.true_totals().await;
    let dashboard = app.dashboard().await;
    let groupings: [&[&str]; 14] = [
        &[],
        &["DAY"],
        &["HOUR"],
        &["WEEK"],
        &["MONTH"],
        &["STATUS"],
        &["CUSTOMER"],
        &["PRODUCT"],
        &["CLIENT"],
        &["SITE", "DAY"],
        &["DAY", "SALES_NAME", "STATUS"],
        &["PRODUCT", "HOUR"],
        &["CUSTOMER", "PRODUCT", "SITE"],
        &["STATUS", "CUSTOMER"],
    ];
    let zones = ["Asia/Jakarta", "UTC", "America/St_Johns"];
    let filters = std::iter::once(json!(null)).chain(generated_filters(70));
    for (n, filter) in filters.enumerate() {
        let (group_by, zone) = (groupings[n % groupings.len()], zones[n % zones.len()]);
        let what = format!("{filter} {group_by:?} {zone}");
        let rows = dashboard.graphql(ROWS, json!({"where": filter})).await.data()["salesOrders"]["nodes"].take();
        let (mut groups, mut totals) = (BTreeMap::<Vec<String>, Tally>::new(), Tally::default());
        for order in rows.as_array().unwrap() {
            for line in order["products"].as_array().unwrap() {
                totals.add(order, line);
                let keys = group_by.iter().map(|dimension| value(dimension, order, line, zone.parse().unwrap()));
                groups.entry(keys.collect()).or_default().add(order, line);
            }
        }
        if group_by.is_empty() {
            groups.clear();
        }
        let found = summary(&dashboard, &filter, group_by, zone, 1000).await;
        assert_eq!(found["totals"], totals.drawn(), "{what}");
        assert_eq!(found["truncated"], false, "{what}");
        let mut shown = 0;
        for group in found["groups"].as_array().unwrap() {
            let keys = group["keys"].as_array().unwrap();
            if group["figures"]["orders"] == 0 {
                // A span without orders: nothing in it, and only its time is known.
                assert_eq!(group["figures"], Tally::default().drawn(), "{what}");
                continue;
            }
            shown += 1;
            let values: Vec<_> = keys.iter().map(|key| key["value"].as_str().unwrap().to_owned()).collect();
            assert_eq!(group["figures"], groups[&values].drawn(), "{what} {values:?}");
            assert!(keys.iter().zip(group_by).all(|(key, dimension)| key["dimension"] == *dimension), "{what}");
        }
        assert_eq!(shown, groups.len(), "{what}");
    }
}

#[tokio::test]
async fn today_is_cut_at_the_midnight_of_the_dashboards_time_zone_and_empty_spans_are_there() {
    let app = TestApp::with(|config| config.auth.token_lifetime = Duration::from_hours(240)).await;
    let partner = app.partner().await;
    // The clock begins at 13:37:16 UTC, 20:37:16 in Jakarta: the first order is of the 23rd, the second of the 24th
    // there while it is still the 23rd in UTC, the third three days later.
    for (n, hours) in [0, 4, 72].into_iter().enumerate() {
        app.clock.advance(Duration::from_hours(hours));
        partner.create_with_key(&n.to_string(), &order()).await.expect(201);
    }
    let dashboard = app.dashboard().await;
    let days = async |zone: &str, filter: Value| {
        let found = summary(&dashboard, &filter, &["DAY"], zone, 100).await;
        let groups = found["groups"].as_array().unwrap().clone();
        groups
            .iter()
            .map(|g| (g["keys"][0]["value"].as_str().unwrap().to_owned(), g["figures"]["orders"].as_i64().unwrap()))
            .collect::<Vec<_>>()
    };
    let day = |day: &str, orders| (day.to_owned(), orders);
    let in_jakarta =
        [day("2026-11-23", 1), day("2026-11-24", 1), day("2026-11-25", 0), day("2026-11-26", 0), day("2026-11-27", 1)];
    assert_eq!(days("Asia/Jakarta", Value::Null).await, in_jakarta);
    let in_utc = [day("2026-11-23", 2), day("2026-11-24", 0), day("2026-11-25", 0), day("2026-11-26", 1)];
    assert_eq!(days("UTC", Value::Null).await, in_utc);
    // A filter's span is shown from end to end, also where no order is.
    let week = json!({"createdAt": {"gte": "2026-11-20T17:00:00Z", "lt": "2026-11-23T17:00:00Z"}});
    assert_eq!(days("Asia/Jakarta", week).await, [day("2026-11-21", 0), day("2026-11-22", 0), day("2026-11-23", 1)]);
    let nothing = json!({"search": "nobody"});
    assert_eq!(days("Asia/Jakarta", nothing).await, []);
    let spans = summary(&dashboard, &Value::Null, &["STATUS", "DAY"], "Asia/Jakarta", 100).await;
    assert_eq!(spans["groups"][2]["keys"][0], json!({"dimension": "STATUS", "value": null, "from": null, "to": null}));
    assert_eq!(
        spans["groups"][2]["keys"][1],
        json!({"dimension": "DAY", "value": "2026-11-25", "from": "2026-11-24T17:00:00.000000Z", "to": "2026-11-25T17:00:00.000000Z"})
    );
}

#[tokio::test]
async fn an_hour_that_comes_twice_is_shown_twice() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let autumn = json!({"createdAt": {"gte": "2026-10-25T00:00:00Z", "lt": "2026-10-25T02:00:00Z"}});
    let found = summary(&dashboard, &autumn, &["HOUR"], "Europe/Amsterdam", 100).await;
    let values: Vec<_> = found["groups"].as_array().unwrap().iter().map(|group| &group["keys"][0]["value"]).collect();
    assert_eq!(values, ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]);
}

#[tokio::test]
async fn the_largest_groups_come_first_and_totals_count_those_that_are_not_shown() {
    let app = TestApp::new().await;
    stock(&app).await;
    let dashboard = app.dashboard().await;
    let all = summary(&dashboard, &Value::Null, &["SALES_NAME", "STATUS"], "UTC", 1000).await;
    let all_groups = all["groups"].as_array().unwrap();
    let sizes: Vec<_> = all_groups.iter().map(|group| group["figures"]["orders"].as_i64().unwrap()).collect();
    assert!(sizes.len() > 5 && sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    for first in [0, 1, 5] {
        let some = summary(&dashboard, &Value::Null, &["SALES_NAME", "STATUS"], "UTC", first).await;
        assert_eq!(some["groups"].as_array().unwrap(), &all_groups[..usize::try_from(first).unwrap()]);
        assert_eq!((&some["totals"], &some["truncated"]), (&all["totals"], &json!(true)));
    }
    let days = summary(&dashboard, &Value::Null, &["HOUR"], "UTC", 1).await;
    assert_eq!((days["groups"].as_array().unwrap().len(), &days["truncated"]), (1, &json!(false)), "all in one hour");
}

#[tokio::test]
async fn sums_beyond_64_bits_are_exact() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut largest = order();
    largest["products"] = json!([{"product_code": "P", "quantity": 1000, "unit_price": "9999999999.9999"}]);
    for n in 0..100 {
        partner.create_with_key(&n.to_string(), &largest).await.expect(201);
    }
    let dashboard = app.dashboard().await;
    for group_by in [&["DAY"][..], &["PRODUCT"]] {
        let found = summary(&dashboard, &Value::Null, group_by, "UTC", 10).await;
        let amounts = json!([{"currency": "IDR", "amount": "999999999999990"}]);
        assert_eq!(found["totals"]["amounts"], amounts);
        assert_eq!(found["groups"][0]["figures"]["amounts"], amounts);
    }
}

#[tokio::test]
async fn a_partner_totals_its_own_orders_only() {
    let app = TestApp::new().await;
    stock(&app).await;
    let other = app.partner_named("other", sales_order_api::domain::signature_policy::SignaturePolicy::default()).await;
    other.create(&order()).await.expect(201);
    let found = summary(&other, &Value::Null, &["CLIENT"], "UTC", 10).await;
    assert_eq!(found["totals"]["orders"], 1);
    assert_eq!(found["groups"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_zone_is_known_by_its_name_in_any_case_and_by_its_offset() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let dashboard = app.dashboard().await;
    let hour = async |zone: &str| summary(&dashboard, &Value::Null, &["HOUR"], zone, 1).await["groups"].take();
    let jakarta = hour("Asia/Jakarta").await;
    assert_eq!(jakarta[0]["keys"][0]["value"], "2026-11-23T20:00");
    for zone in
        ["asia/jakarta", "ASIA/JAKARTA", " Asia/Jakarta ", "+07:00", "+0700", "+07", "UTC+7", " 07:00", "etc/gmt-7"]
    {
        assert_eq!(hour(zone).await, jakarta, "{zone}");
    }
    let newfoundland = hour("-03:30").await;
    assert_eq!(newfoundland[0]["keys"][0]["value"], "2026-11-23T10:00");
    assert_eq!(newfoundland[0]["keys"][0]["from"], "2026-11-23T13:30:00.000000Z");
    // A + in a query string that nobody encoded.
    let query = "query=%7BsalesOrderSummary(groupBy:HOUR,timeZone:%22+07:00%22)%7Bgroups%7Bkeys%7Bvalue%7D%7D%7D%7D";
    let found = dashboard.get(&format!("/graphql?{query}")).await.data();
    assert_eq!(found["salesOrderSummary"]["groups"][0]["keys"][0]["value"], "2026-11-23T20:00");
    for unknown in ["+25:00", "WIB", "07:00"] {
        let variables = json!({"groupBy": [], "timeZone": unknown, "first": 1});
        let refused = dashboard.graphql(SUMMARY, variables).await.expect_error("VALIDATION_FAILED");
        assert!(refused["message"].as_str().unwrap().contains("+07:00"), "{refused}");
    }
}

#[tokio::test]
async fn every_faulty_argument_of_a_summary_is_named_with_what_would_be_right() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    for (variables, pointer) in [
        (json!({"groupBy": ["DAY", "SITE", "CLIENT", "STATUS"]}), "/groupBy"),
        (json!({"groupBy": ["DAY", "HOUR"]}), "/groupBy"),
        (json!({"groupBy": ["SITE", "SITE"]}), "/groupBy"),
        (json!({"first": 1001}), "/first"),
        (json!({"where": {"createdAt": {"lt": "2026-01-01"}}}), "/where/createdAt/lt"),
        (
            json!({"groupBy": ["HOUR"], "where": {"createdAt": {"gte": "0001-01-01T00:00:00Z", "lt": "9999-01-01T00:00:00Z"}}}),
            "/where/createdAt",
        ),
    ] {
        let mut all = json!({"groupBy": [], "timeZone": "Asia/Jakarta", "first": 10});
        all.as_object_mut().unwrap().extend(variables.as_object().unwrap().clone());
        let refused = dashboard.graphql(SUMMARY, all).await.expect_error("VALIDATION_FAILED");
        assert_eq!(refused["extensions"]["errors"][0]["pointer"], pointer, "{refused}");
    }
    let zone = json!({"groupBy": [], "timeZone": "Mars/Olympus", "first": 1});
    let refused = dashboard.graphql(SUMMARY, zone).await.expect_error("VALIDATION_FAILED");
    assert!(refused["message"].as_str().unwrap().contains("IANA"), "{refused}");
}
