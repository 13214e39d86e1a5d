//! Documents made to do harm: each is refused before it costs anything to speak of, and the process lives on.
//!
//! Where a bomb went off, its test would overflow the stack, which ends the whole run, or not end in a lifetime.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{send_beyond_limits, send_within_limits};
use crate::support::{TestApp, order};

/// A chain of fragments, each spreading the next `times` over; the last holds a field.
fn chain(length: usize, times: usize, field: &str) -> String {
    let spreads = |number| format!("...F{} ", number + 1).repeat(times);
    let links = (0..length).map(|number| format!("fragment F{number} on Query {{ {field} {}}} ", spreads(number)));
    format!("{}fragment F{length} on Query {{ __typename }}", links.collect::<String>())
}

#[tokio::test]
async fn a_fragment_bomb_is_refused_at_once() {
    let app = TestApp::new().await;
    for field in ["", "__typename"] {
        let bomb = chain(30, 2, field);
        let said = send_beyond_limits(&app, "a bomb", &format!("{{ ...F0 }} {bomb}")).await;
        assert!(said.contains("fields, fragments spread out"), "{said}");
        send_beyond_limits(&app, "a bomb nobody lights", &format!("{{ __typename }} {bomb}")).await;
        send_beyond_limits(&app, "a bomb in another operation", &format!("query A {{ a }} query B {{ ...F0 }} {bomb}"))
            .await;
    }
}

#[tokio::test]
async fn fragments_that_spread_each_other_are_refused() {
    let app = TestApp::new().await;
    for circle in [
        "{ ...F } fragment F on Query { ...F }",
        "{ __typename } fragment F on Query { viewer { ...F } }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { ... { ...F } }",
        "{ __typename } fragment F on Query { ...G } fragment G on Query { ...F }",
    ] {
        let said = send_beyond_limits(&app, circle, circle).await;
        assert!(said.contains("never in a circle"), "{said}");
    }
}

#[tokio::test]
async fn fragments_nest_thirty_two_deep_in_whatever_order_they_are_met() {
    let app = TestApp::new().await;
    send_within_limits(&app, "32 levels", &format!("{{ ...F0 }} {}", chain(31, 1, ""))).await;
    send_beyond_limits(&app, "33 levels", &format!("{{ ...F0 }} {}", chain(32, 1, ""))).await;
    let long = chain(16_000, 1, "");
    send_beyond_limits(&app, "a long chain", &format!("{{ ...F0 }} {long}")).await;
    send_beyond_limits(&app, "a long chain nobody spreads", &format!("{{ __typename }} {long}")).await;
    // From its end, a piece at a time, so that no piece is deep by itself.
    let pieces: String = (0..=1000).rev().step_by(20).map(|start| format!("...F{start} ")).collect();
    send_beyond_limits(&app, "a chain met from its end", &format!("{{ {pieces} }} {}", chain(1000, 1, ""))).await;
    let short: String = (0..40_000).map(|number| format!("fragment F{number} on A{{b}}")).collect();
    send_beyond_limits(&app, "40,000 fragments", &format!("{{ __typename }} {short}")).await;
}

#[tokio::test]
async fn what_nobody_spreads_counts_as_well() {
    let app = TestApp::new().await;
    let wide = format!(
        "{{ __typename }} fragment A on Query {{ {} }} fragment B on Query {{ {} }}",
        "viewer { ...B } ".repeat(15_000),
        "__typename ".repeat(15_000)
    );
    send_beyond_limits(&app, "many times many", &wide).await;
}

#[tokio::test]
async fn a_hundred_thousand_nested_brackets_are_refused() {
    let app = TestApp::new().await;
    let depth = 100_000;
    for (what, open, inner, close) in [
        ("selections", "{a", "", "}"),
        ("lists", "[", "", "]"),
        ("objects", "{a:", "1", "}"),
        ("parentheses", "(", "", ")"),
        ("types", "[", "Int", "]"),
    ] {
        for close in [close, ""] {
            let nested = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            let documents = match what {
                "selections" => vec![nested.clone(), format!("query {nested}"), format!("{{ ... on Query {nested} }}")],
                "types" => vec![format!("query($a: {nested}) {{ a }}")],
                "parentheses" => vec![format!("{{ a{nested} }}")],
                _ => vec![
                    format!("{{ a(b: {nested}) }}"),
                    format!("{{ a @b(c: {nested}) }}"),
                    format!("query($a: Int = {nested}) {{ a }}"),
                ],
            };
            for document in documents {
                let said = send_beyond_limits(&app, what, &document).await;
                assert!(said.contains("Brackets must nest at most 60 deep"), "{what}: {said}");
            }
        }
    }
    let request = Request::get(format!("/graphql?query=%7Ba(b:{})", "%5B".repeat(15_000))).body(Body::empty()).unwrap();
    app.send(request).await.expect_error("LIMIT_EXCEEDED");
}

#[tokio::test]
async fn brackets_nest_sixty_deep_and_those_in_texts_do_not_count() {
    let app = TestApp::new().await;
    // Up to depths where a parser that minds its own stack leaves too little of it for what comes after.
    for depth in [57, 58, 59, 100, 200, 300, 400, 500, 600, 1000] {
        for document in [
            format!("{{ a(b: {}{}) }}", "[".repeat(depth), "]".repeat(depth)),
            format!("{{ a(b: {}1{}) }}", "{c:".repeat(depth), "}".repeat(depth)),
            format!("query($a: Int = [{}{}]) {{ a }}", "[".repeat(depth), "]".repeat(depth)),
            format!("query($a: [{}Int{}]) {{ a }}", "[".repeat(depth), "]".repeat(depth)),
        ] {
            let answer = app.graphql(&document, json!({"a": null})).await.expect(200);
            let expected = if depth <= 58 { "GRAPHQL_VALIDATION_FAILED" } else { "LIMIT_EXCEEDED" };
            assert_eq!(answer["errors"][0]["extensions"]["code"], expected, "{depth}: {answer}");
        }
    }
    let text = "[({".repeat(100_000);
    for document in [format!("{{ __typename # {text}\n }}"), format!("{{ __typename @include(if: true) }} # {text}")] {
        assert_eq!(app.graphql(&document, json!({})).await.data()["__typename"], "Query");
    }
    let string = format!("{{ __type(name: \"{text}\") {{ name }} a: __type(name: \"\"\"{text}\"\"\") {{ name }} }}");
    assert_eq!(app.graphql(&string, json!({})).await.data(), json!({"__type": null, "a": null}));
}

#[tokio::test]
async fn deeply_nested_variables_are_refused() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let query = "mutation($i: CreateSalesOrderInput!) { createSalesOrder(input: $i) { message } }";
    let send = async |depth: usize| {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = format!("{{\"query\": {}, \"variables\": {{\"i\": {nested}}}}}", json!(query));
        app.post_text("/graphql", &partner.sign().headers(), body).await
    };
    send(120).await.expect_error("VALIDATION_FAILED");
    for depth in [130, 60_000] {
        let answer = send(depth).await;
        assert_eq!(answer.status, 400);
        answer.expect_error("MALFORMED_BODY");
    }
}

#[tokio::test]
async fn an_answer_does_not_outgrow_a_document_of_mistakes() {
    let app = TestApp::new().await;
    let fields: String = (0..19_000).map(|number| format!("viewe{number} ")).collect();
    let uses = "$undefined, ".repeat(50_000);
    let variables: String = (0..60_000).map(|number| format!("$v{number}: Int ")).collect();
    for (what, document) in [
        ("unknown fields", format!("{{ {fields} }}")),
        (
            "undefined variables",
            format!("mutation {{ createSalesOrder(input: {{products: [{uses}]}}) {{ message }} }}"),
        ),
        (
            "wrong types",
            format!("mutation {{ createSalesOrder(input: {{products: [{}]}}) {{ message }} }}", "1 ".repeat(100_000)),
        ),
        ("unused variables", format!("query({variables}) {{ __typename }}")),
    ] {
        let answer = app.graphql(&document, json!({})).await;
        assert_eq!(answer.status, 200, "{what}");
        assert!((1..=100).contains(&answer.json()["errors"].as_array().unwrap().len()), "{what}");
        assert!(answer.text.len() < 50_000, "{what}: {} bytes", answer.text.len());
    }
}

#[tokio::test]
async fn texts_of_half_a_megabyte_are_only_texts() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let long = "x".repeat(500_000);
    let viewer = "viewer { name }";
    for (what, document) in [
        ("a field", format!("{{ {long} }}")),
        ("an argument", format!("{{ viewer({long}: 1) {{ name }} }}")),
        ("a string", format!("{{ salesOrder(orderNumber: \"{long}\") {{ orderNumber }} }}")),
        ("an alias", format!("{{ {long}: {viewer} }}")),
        ("a name", format!("query {long} {{ {viewer} }}")),
        ("a type", format!("query($a: {long}) {{ {viewer} }}")),
        ("a directive", format!("{{ viewer @{long} {{ name }} }}")),
        ("a fragment", format!("{{ ...{long} }}")),
        ("a number", format!("{{ salesOrder(orderNumber: {}) {{ orderNumber }} }}", "9".repeat(500_000))),
        ("no document", long.clone()),
    ] {
        let answer = partner.graphql(&document, json!({})).await;
        assert_eq!(answer.status, 200, "{what}");
        let body = answer.json();
        assert!(body["data"].is_object() || body["errors"][0]["extensions"]["code"] != "INTERNAL_ERROR", "{what}");
        assert!(answer.text.len() < 1_600_000, "{what}: {} bytes", answer.text.len());
    }
    let mut huge = order();
    huge["note"] = Value::String(long.clone());
    huge[&long] = json!(1);
    let problem = partner.create(&huge).await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    assert!(problem.to_string().len() < 5_000);
}

/// Each of these took gigabytes, or the process.
#[tokio::test]
async fn a_small_document_that_would_take_much_memory_is_refused_before_it_does() {
    let app = TestApp::new().await;
    let named = |count: usize| format!("query($x: ID!) {{ nodes(ids: [{}]) {{ id }} }}", "$x ".repeat(count));
    let undefined: String = (0..1001).map(|n| format!("$a{n} ")).collect();
    let long = "n".repeat(129);
    for (document, variables) in [
        (named(2000), json!({"x": "x".repeat(300_000)})),
        (format!("query {long} {{ nodes(ids: [$a $b]) {{ id }} }}"), json!({})),
        (format!("query(${long}: [ID!]!) {{ nodes(ids: ${long}) {{ id }} }}"), json!({long.as_str(): [true, true]})),
        (format!("{{ nodes(ids: [{undefined}]) {{ id }} }}"), json!({})),
        ("query q { ...F } ".repeat(101) + "fragment F on Query { nodes(ids: [$a]) { id } }", json!({})),
        (format!("{{ nodes(ids: [{}]) {{ id }} }}", "0 ".repeat(65_536)), json!({})),
    ] {
        let shown: String = document.chars().take(60).collect();
        let refused = app.graphql(&document, variables).await;
        refused.expect_error("LIMIT_EXCEEDED");
        assert!(refused.text.len() < 1000, "{shown}: {}", refused.text.len());
    }
    assert_eq!(
        app.graphql(&named(2000), json!({"x": "x"})).await.json()["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
}
