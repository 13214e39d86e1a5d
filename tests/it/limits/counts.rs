//! Each limit lets its number pass and refuses one more.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::{send_beyond_limits, send_within_limits};
use crate::support::{Answer, TestApp};

/// `levels` fields inside each other.
fn nested(levels: usize) -> String {
    format!("{}{}{}", "{ a ".repeat(levels - 1), "{ a }", " }".repeat(levels - 1))
}

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn fields_nest_fifteen_deep() {
    let app = TestApp::new().await;
    send_within_limits(&app, "15 levels", &nested(15)).await;
    let said = send_beyond_limits(&app, "16 levels", &nested(16)).await;
    assert!(said.contains("16 levels of fields where 15 are allowed"), "{said}");
    // Fragments add nothing, and hide nothing.
    let inline = format!("{{ ... {{ a {} }} }}", nested(14));
    send_within_limits(&app, "an inline fragment", &inline).await;
    let spread = |levels| format!("{{ a {{ ...F }} }} fragment F on Query {}", nested(levels));
    send_within_limits(&app, "1 + 14 levels", &spread(14)).await;
    send_beyond_limits(&app, "1 + 15 levels", &spread(15)).await;
}

#[tokio::test]
async fn an_operator_sets_the_depth_of_real_queries() {
    let app = TestApp::with(|config| config.graphql.max_depth = 2).await;
    let partner = app.partner().await;
    let two = "{ salesOrder(orderNumber: \"SO-0000000001\") { orderNumber } }";
    assert_eq!(partner.graphql(two, json!({})).await.data(), json!({"salesOrder": null}));
    let three = "{ salesOrder(orderNumber: \"SO-0000000001\") { products { lineNo } } }";
    partner.graphql(three, json!({})).await.expect_error("LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_document_comes_to_twenty_thousand_fields() {
    let app = TestApp::new().await;
    let fields = |count| format!("{{ {} }}", "__typename ".repeat(count));
    let answer = send_within_limits(&app, "20,000 fields", &fields(20_000)).await;
    assert_eq!(answer["data"], json!({"__typename": "Query"}));
    send_beyond_limits(&app, "20,001 fields", &fields(20_001)).await;
    send_beyond_limits(&app, "30,000 fields", &fields(30_000)).await;
    // A fragment's fields count as often as it is spread, and its spreads count too.
    let spread = |fields, times| {
        format!("{{ {} }} fragment F on Query {{ {} }}", "...F ".repeat(times), "__typename ".repeat(fields))
    };
    send_within_limits(&app, "100 times 199 fields", &spread(199, 100)).await;
    send_beyond_limits(&app, "100 times 200 fields", &spread(200, 100)).await;
}

#[tokio::test]
async fn a_document_has_a_hundred_aliases() {
    let app = TestApp::new().await;
    let aliases = |count| repeated(count, |number| format!("a{number}: __typename"));
    let answer = send_within_limits(&app, "100 aliases", &format!("{{ {} }}", aliases(100))).await;
    assert_eq!(answer["data"].as_object().unwrap().len(), 100);
    send_beyond_limits(&app, "101 aliases", &format!("{{ {} }}", aliases(101))).await;
    let spread = |count| format!("{{ ...F ... {{ ...F }} }} fragment F on Query {{ {} }}", aliases(count));
    send_within_limits(&app, "twice 50 aliases", &spread(50)).await;
    send_beyond_limits(&app, "twice 51 aliases", &spread(51)).await;
}

#[tokio::test]
async fn a_document_has_thirty_directives_wherever_they_stand() {
    let app = TestApp::new().await;
    let directive = "@include(if: true)";
    let many = |count: usize| [directive].repeat(count).join(" ");
    let on_fields = |count| format!("{{ {} }}", repeated(count, |_| format!("__typename {directive}")));
    let answer = send_within_limits(&app, "30 fields", &on_fields(30)).await;
    assert_eq!(answer["data"], json!({"__typename": "Query"}));
    send_beyond_limits(&app, "31 fields", &on_fields(31)).await;
    for (place, document) in [
        ("one field", "{ __typename DIRECTIVES }"),
        ("an inline fragment", "{ ... DIRECTIVES { __typename } }"),
        ("a spread", "{ ...F DIRECTIVES } fragment F on Query { __typename }"),
        ("a fragment", "{ ...F } fragment F on Query DIRECTIVES { __typename }"),
        ("an operation", "query DIRECTIVES { __typename }"),
        ("a variable", "query($a: Int DIRECTIVES) { __typename }"),
    ] {
        send_within_limits(&app, place, &document.replace("DIRECTIVES", &many(30))).await;
        send_beyond_limits(&app, place, &document.replace("DIRECTIVES", &many(31))).await;
    }
}

#[tokio::test]
async fn a_document_has_a_thousand_variables() {
    let app = TestApp::new().await;
    let variables = |count| format!("query({}) {{ __typename }}", repeated(count, |number| format!("$v{number}: Int")));
    send_within_limits(&app, "1,000 variables", &variables(1000)).await;
    send_beyond_limits(&app, "1,001 variables", &variables(1001)).await;
}

#[tokio::test]
async fn a_request_carries_four_mutations() {
    let app = TestApp::new().await;
    let refresh = |number| format!("m{number}: refresh(input: {{token: \"x\"}}) {{ token }}");
    let mutations = |count| format!("mutation {{ {} }}", repeated(count, refresh));
    let answer = send_within_limits(&app, "4 mutations", &mutations(4)).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
    send_beyond_limits(&app, "5 mutations", &mutations(5)).await;
    let spread = format!(
        "mutation {{ {} ...F ...F }} fragment F on Mutation {{ {} }}",
        refresh(0),
        repeated(2, |number| refresh(number + 1))
    );
    send_beyond_limits(&app, "a mutation and twice two in a fragment", &spread).await;
}

#[tokio::test]
async fn a_request_carries_one_login_however_it_is_hidden() {
    let app = TestApp::new().await;
    let login = "login(input: {clientId: \"nobody\", clientSecret: \"guess\"}) { token }";
    let fragment = format!("fragment F on Mutation {{ {login} }}");
    for one in [
        format!("mutation {{ {login} }}"),
        format!("mutation {{ ... {{ {login} }} }}"),
        format!("mutation {{ ...F }} {fragment}"),
    ] {
        let answer = send_within_limits(&app, &one, &one).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_CREDENTIALS", "{answer}");
    }
    for two in [
        format!("mutation {{ {login} {login} }}"),
        format!("mutation {{ a: {login} b: {login} }}"),
        format!("mutation {{ {login} ... {{ b: {login} }} }}"),
        format!("mutation {{ ... on Mutation {{ a: {login} }} ... on Mutation {{ b: {login} }} }}"),
        format!("mutation {{ {login} ...F }} {fragment}"),
        format!("mutation {{ ...F ...F }} {fragment}"),
        format!("mutation {{ ...G ... {{ ...G }} }} {fragment} fragment G on Mutation {{ ...F }}"),
        format!("mutation A {{ __typename }} mutation B {{ a: {login} b: {login} }}"),
    ] {
        let said = send_beyond_limits(&app, &two, &two).await;
        assert!(said.contains("2 logins where 1 are allowed"), "{two}: {said}");
    }
}

#[tokio::test]
async fn a_body_has_six_mebibytes() {
    let app = TestApp::new().await;
    let body = |json: &serde_json::Value, length: usize| {
        let json = json.to_string();
        format!("{json}{}", " ".repeat(length - json.len()))
    };
    let login = json!({"client_id": "nobody", "client_secret": "guess"});
    let query = json!({"query": "{ __typename }"});
    let login_at = async |length| app.post_text("/api/v1/auth/login", &[], body(&login, length)).await;
    let query_at = async |length| app.post_text("/graphql", &[], body(&query, length)).await;
    login_at(6_291_456).await.expect_problem(401, "INVALID_CREDENTIALS");
    login_at(6_291_457).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(query_at(6_291_456).await.data(), json!({"__typename": "Query"}));
    query_at(6_291_457).await.expect_problem(413, "PAYLOAD_TOO_LARGE");

    // One that announces too much is refused without being read.
    let announced = Request::post("/graphql").header("content-type", "application/json");
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answer: Answer = app.send(announced.header("content-length", "6291457").body(never).unwrap()).await;
    answer.expect_problem(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_page_costs_as_much_as_its_rows() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let everything = "id orderNumber status nextStatuses version clientId customerCode siteCode salesName address note
        currency products { lineNo productCode productName quantity unit unitPrice note
            answer { openQuantity confirmedQuantity backOrderedQuantity rejectedQuantity shippedQuantity promisedOn reason } }
        totalQuantity totalAmount shipments { shipmentNumber carrier trackingNumber shippedAt deliveredAt }
        acknowledgements { system externalNumber actor createdAt }
        events { id cursor sequence kind actor createdAt orderNumber status previousStatus version note system externalNumber }
        createdAt updatedAt";
    let page = |first: i32| {
        format!(
            "{{ salesOrders(first: {first}) {{ edges {{ cursor node {{ {everything} }} }} pageInfo {{ endCursor }} totalCount }} }}"
        )
    };
    let cost = async |document: String| {
        let answer = partner.graphql(&document, json!({})).await.expect(200);
        assert_eq!(answer["extensions"]["cost"]["maxComplexity"], 20_000, "{answer}");
        answer["extensions"]["cost"]["complexity"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    };
    let (ten, hundred) = (cost(page(10)).await, cost(page(100)).await);
    assert!(hundred > 9 * ten && hundred < 20_000, "{ten} and {hundred}");
    // Nested as deep as it goes, or twice, the same page is too much.
    let twice = format!("{{ a: {} b: {} }}", &page(100)[1..page(100).len() - 1], &page(100)[1..page(100).len() - 1]);
    let refused = partner.graphql(&twice, json!({})).await.expect_error("LIMIT_EXCEEDED");
    assert!(refused["message"].as_str().unwrap().contains("20000 points"), "{refused}");
    let summary = "{ salesOrderSummary(groupBy: [CUSTOMER], first: 1000) { truncated
        groups { keys { dimension value from to } figures { orders lines quantity customers unpricedLines amounts { currency amount } } }
        totals { orders lines quantity customers unpricedLines amounts { currency amount } } } }";
    assert!(cost(summary.to_owned()).await < 20_000);
}
