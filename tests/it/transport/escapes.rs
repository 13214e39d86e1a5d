//! Texts that are written into a document, however their characters are escaped (GraphQL §2.9.4).

use serde_json::json;

use crate::support::TestApp;

fn order(note: &str) -> String {
    format!(
        "mutation {{ createSalesOrder(input: {{customerCode: \"C\", siteCode: \"S\", salesName: \"N\", address: \"A\", note: {note},
            products: [{{productCode: \"P\", quantity: 1}}]}}) {{ replayed salesOrder {{ note }} }} }}"
    )
}

#[tokio::test]
async fn an_order_is_the_same_order_however_its_characters_are_escaped() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    let spellings = [
        r#""to 😀 \"A\"""#,
        r#""to \uD83D\uDE00 \u0022A\"""#,
        r#""to \u{1F600} \u{22}A\u{0022}""#,
        r#""""to 😀 "A\u0022""""#,
    ];
    for (index, note) in spellings.iter().enumerate() {
        let body = json!({"query": order(note)}).to_string();
        let headers = [&signed.headers()[..], &[("idempotency-key", if index < 3 { "po-1" } else { "po-2" })]].concat();
        let answer = app.post_text("/graphql", &headers, body).await.data();
        let expected = if index < 3 { "to 😀 \"A\"" } else { "to 😀 \"A\\u0022" };
        assert_eq!(answer["createSalesOrder"]["salesOrder"]["note"], expected, "{note}");
        assert_eq!(answer["createSalesOrder"]["replayed"], index == 1 || index == 2, "{note}");
    }
}

#[tokio::test]
async fn half_a_pair_of_surrogates_is_refused_where_it_stands() {
    let app = TestApp::new().await;
    for escape in [r"\uD83D", r"\uDE00", r"\uD83D\u{DE00}", r"\u{D83D}", r"\u{110000}"] {
        let answer = app.graphql(&order(&format!("\"{escape}\"")), json!({})).await;
        let error = answer.expect_error("GRAPHQL_PARSE_FAILED");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("at line 1 column 108: \\u") && message.contains("stands for no character"),
            "{message}"
        );
        assert_eq!(error["locations"], json!([{"line": 1, "column": 108}]));
        assert_eq!(answer.json().get("data"), None);
    }
    // In a variable it is JSON that cannot be read.
    let body =
        r#"{"query": "query($n: String!) { salesOrder(orderNumber: $n) { version } }", "variables": {"n": "\ud83d"}}"#;
    let answer = app.post_text("/graphql", &[], body).await;
    assert!(
        answer.expect_error("MALFORMED_BODY")["message"].as_str().unwrap().contains("only in pairs"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn members_that_old_tools_send_empty_are_absent() {
    let app = TestApp::new().await;
    for body in [
        json!({"query": "{ __typename }", "variables": "", "operationName": "", "extensions": ""}),
        json!({"query": "{ __typename }", "variables": null, "operationName": null, "extensions": null}),
    ] {
        assert_eq!(app.post("/graphql", &body).await.data(), json!({"__typename": "Query"}), "{body}");
    }
}
