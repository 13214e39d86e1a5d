//! An export that broke off goes on behind the last order that arrived whole, and what changed is loaded by the time of its
//! change.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::rows;
use crate::support::{Partner, TestApp, order};

const LINES: &str = "/api/v1/sales-orders.jsonl?cursors=true";

async fn lines(dashboard: &Partner<'_>, path: &str) -> Vec<Value> {
    let answer = dashboard.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn send(partner: &Partner<'_>, names: std::ops::Range<usize>) {
    for n in names {
        partner.app.clock.advance(Duration::from_secs(1));
        partner.create_with_key(&format!("{n}"), &order()).await.expect(201);
    }
}

async fn confirm(operator: &Partner<'_>, number: &str) {
    operator.app.clock.advance(Duration::from_secs(1));
    let document = "mutation($number: String!) {
        updateSalesOrderStatus(input: {orderNumber: $number, status: CONFIRMED}) { version } }";
    operator.graphql(document, json!({"number": number})).await.data();
}

fn number(n: usize) -> String {
    format!("SO-{n:010}")
}

fn numbers(orders: &[Value]) -> Vec<&str> {
    orders.iter().map(|order| order["order_number"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_export_that_broke_off_goes_on_without_doubles_or_gaps_whatever_changed_in_between() {
    let app = TestApp::new().await;
    let (partner, operator, dashboard) = (app.partner().await, app.operator().await, app.dashboard().await);
    send(&partner, 0..230).await;
    for sort in ["created_at_asc", "order_number_asc"] {
        let before = numbers(&lines(&dashboard, LINES).await).len();
        let path = format!("{LINES}&order_by={sort}");
        let arrived = lines(&dashboard, &path).await;
        let whole = &arrived[..120];
        // One that is known already, the next one, one far behind, and a new one.
        for n in [3, 121, 200] {
            confirm(&operator, &number(n)).await;
        }
        send(&partner, before..before + 1).await;
        let after = whole.last().unwrap()["cursor"].as_str().unwrap();
        let rest = lines(&dashboard, &format!("{path}&after={after}")).await;
        let expected: Vec<_> = (1..=before + 1).map(number).collect();
        assert_eq!([numbers(whole), numbers(&rest)].concat(), expected, "{sort}");
    }
}

#[tokio::test]
async fn in_the_order_of_changes_an_order_that_changed_comes_once_more_and_none_is_left_out() {
    let app = TestApp::new().await;
    let (partner, operator, dashboard) = (app.partner().await, app.operator().await, app.dashboard().await);
    send(&partner, 0..12).await;
    let path = format!("{LINES}&order_by=updated_at_asc");
    let mut known = lines(&dashboard, &path).await;
    known.truncate(6);
    for n in [2, 9] {
        confirm(&operator, &number(n)).await;
    }
    send(&partner, 12..13).await;
    let after = known.last().unwrap()["cursor"].as_str().unwrap();
    let rest = lines(&dashboard, &format!("{path}&after={after}")).await;
    assert_eq!(numbers(&rest), [7, 8, 10, 11, 12, 2, 9, 13].map(number));
    let version = |it: &Value| (it["order_number"].as_str().unwrap().to_owned(), it["version"].as_i64().unwrap());
    let versions: BTreeMap<_, _> = known.iter().chain(&rest).map(version).collect();
    assert_eq!(versions.len(), 13);
    assert_eq!((versions[&number(2)], versions[&number(9)]), (2, 2), "the latest wins");
}

#[tokio::test]
async fn what_changed_in_one_span_after_the_other_is_loaded_without_doubles_or_gaps() {
    let app = TestApp::new().await;
    let (partner, operator, dashboard) = (app.partner().await, app.operator().await, app.dashboard().await);
    let shown = || app.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let begin = shown();
    send(&partner, 0..5).await;
    app.clock.advance(Duration::from_secs(1));
    let middle = shown();
    send(&partner, 5..6).await;
    confirm(&operator, &number(2)).await;
    app.clock.advance(Duration::from_secs(1));
    let end = shown();
    for (from, to, expected) in [(&begin, &middle, &[1, 3, 4, 5][..]), (&middle, &end, &[6, 2])] {
        let query = format!("order_by=updated_at_asc&updated_at_gte={from}&updated_at_lt={to}");
        let found = lines(&dashboard, &format!("/api/v1/sales-orders.jsonl?{query}")).await;
        assert_eq!(numbers(&found), expected.iter().copied().map(number).collect::<Vec<_>>(), "{query}");
        assert!(found.iter().all(|order| order.get("cursor").is_none()), "nobody asked for cursors");
        let listed = dashboard
            .graphql(
                "query($where: SalesOrderFilter) { salesOrders(where: $where, orderBy: UPDATED_AT_ASC) { nodes { orderNumber } } }",
                json!({"where": {"updatedAt": {"gte": from, "lt": to}}}),
            )
            .await
            .data();
        let listed: Vec<_> =
            listed["salesOrders"]["nodes"].as_array().unwrap().iter().map(|it| it["orderNumber"].clone()).collect();
        assert_eq!(listed, numbers(&found));
    }
}

#[tokio::test]
async fn a_spreadsheet_that_broke_off_goes_on_by_the_cursor_in_its_last_column() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    send(&partner, 0..4).await;
    let path = "/api/v1/sales-orders.csv?cursors=true&order_by=created_at_desc";
    let all = rows(&dashboard.get(path).await.text);
    assert_eq!(all[0].iter().next_back(), Some("cursor"));
    // The third order lost its second line on the way, so what is known is the second one.
    let known = &all[..6];
    let after = known[4].iter().next_back().unwrap();
    assert_eq!((&known[4][0], &known[5][0]), (number(3).as_str(), number(2).as_str()));
    let rest = rows(&dashboard.get(&format!("{path}&after={after}")).await.text);
    assert_eq!(rest[0], all[0], "each file has its headings");
    assert_eq!(rest[1..], all[5..]);
}

#[tokio::test]
async fn a_cursor_of_another_sequence_is_refused_by_its_parameter() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    send(&partner, 0..2).await;
    let cursor = lines(&dashboard, LINES).await[0]["cursor"].as_str().unwrap().to_owned();
    for query in
        [format!("after={cursor}&order_by=updated_at_asc"), "after=SO-0000000001".to_owned(), "after=".to_owned()]
    {
        let problem = dashboard.get(&format!("{LINES}&{query}")).await.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/after", "{query}");
        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("order_by") && message.contains("cursors=true"), "{message}");
    }
}

/// Without its index each load of what changed would read every order.
#[tokio::test]
async fn what_changed_is_found_by_the_index_of_changes() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    send(&partner, 0..1).await;
    super::copies(&app, 3_000).await;
    // As the store asks for a page, in the order of changes and in that of a list.
    let span = "FROM sales_orders WHERE updated_at >= 1795442036000000 AND updated_at < 1795442046000000";
    for sql in [
        format!("SELECT id, note {span} ORDER BY updated_at, id LIMIT 101"),
        format!("SELECT count(*) FROM (SELECT id {span} LIMIT 1001) few"),
    ] {
        let plan = super::plan(&app, &sql).await;
        assert!(plan.contains("ix_sales_orders_updated_at"), "{sql}: {plan}");
    }
}
