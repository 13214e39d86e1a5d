//! Documents that are named instead of sent, and several requests in one body: what is taken, and in which words the rest is
//! declined, so that a stock client finds its way by itself.

use axum::http::Request;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{get_with, percent_encoded};
use crate::support::{Answer, Partner, Socket, TestApp, Told, Wire};

const VIEWER: &str = "query Viewer { viewer { clientId } }";

fn hash(document: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hex::encode(Sha256::digest(document))}})
}

async fn send(partner: &Partner<'_>, body: &Value) -> Answer {
    partner.app.post_text("/graphql", &[("authorization", &partner.authorization())], body.to_string()).await
}

#[track_caller]
fn expect_unknown(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json().get("data"), None, "{}", answer.text);
    let error = answer.expect_error("PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(error["message"], "PersistedQueryNotFound", "clients look for this word");
}

#[tokio::test]
async fn a_document_that_was_sent_once_is_named_by_its_hash_from_then_on_by_post_by_get_and_over_websocket() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let viewer = |partner: &Partner<'_>| json!({"viewer": {"clientId": partner.client_id}});
    for by_hash in
        [json!({"extensions": hash(VIEWER)}), json!({"query": null, "variables": "", "extensions": hash(VIEWER)})]
    {
        expect_unknown(&send(&partner, &by_hash).await);
    }
    let whole = json!({"query": VIEWER, "operationName": "Viewer", "extensions": hash(VIEWER)});
    assert_eq!(send(&partner, &whole).await.data(), viewer(&partner));
    // The document is everybody's; what it may ask is each caller's own.
    let by_hash = json!({"extensions": hash(VIEWER), "operationName": "Viewer"});
    assert_eq!(send(&partner, &by_hash).await.data(), viewer(&partner));
    assert_eq!(send(&dashboard, &by_hash).await.data(), viewer(&dashboard));
    app.post("/graphql", &by_hash).await.expect_error("UNAUTHENTICATED");
    let request = Request::get(format!("/graphql?extensions={}", percent_encoded(&hash(VIEWER).to_string())))
        .header("authorization", dashboard.authorization());
    assert_eq!(app.send(request.body(axum::body::Body::empty()).unwrap()).await.data(), viewer(&dashboard));
    let mut socket = Socket::log_in(&app.listen().await, &dashboard.token).await;
    socket.send(json!({"id": "1", "type": "subscribe", "payload": by_hash})).await;
    assert_eq!(socket.next_data("1").await, viewer(&dashboard));
}

#[tokio::test]
async fn a_hash_is_checked_and_strangers_have_nothing_kept() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = "{ viewer { name } }";
    let mixed = send(&partner, &json!({"query": VIEWER, "extensions": hash(other)})).await;
    assert!(mixed.expect_error("MALFORMED_BODY")["message"].as_str().unwrap().contains("SHA-256"), "{}", mixed.text);
    expect_unknown(&send(&partner, &json!({"extensions": hash(other)})).await);

    // A stranger's document runs, as far as it may, and is forgotten; so is one that is wrong, whoever sends it, and one that
    // holds a secret.
    let open = "{ __typename }";
    assert_eq!(
        app.post("/graphql", &json!({"query": open, "extensions": hash(open)})).await.data()["__typename"],
        "Query"
    );
    let wrong = "{ nothing }";
    send(&partner, &json!({"query": wrong, "extensions": hash(wrong)})).await.expect_error("GRAPHQL_VALIDATION_FAILED");
    let secret = "mutation { login(input: {clientId: \"nobody\", clientSecret: \"secret\"}) { token } }";
    send(&partner, &json!({"query": secret, "extensions": hash(secret)})).await.expect_error("INVALID_CREDENTIALS");
    for document in [open, wrong, secret] {
        expect_unknown(&send(&partner, &json!({"extensions": hash(document)})).await);
    }
    // One that the service knows already is kept when its sender asks for it.
    assert_eq!(partner.graphql(VIEWER, json!({})).await.data()["viewer"]["clientId"], partner.client_id);
    send(&partner, &json!({"query": VIEWER, "extensions": hash(VIEWER)})).await.data();
    send(&partner, &json!({"extensions": hash(VIEWER)})).await.data();
}

#[tokio::test]
async fn a_signed_order_whose_document_is_named_is_one_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut body = Wire::GraphQl.order("CUST-001");
    let document = body["query"].as_str().unwrap().to_owned();
    body["extensions"] = hash(&document);
    let post = async |body: &Value| {
        let signed = partner.sign();
        let headers = [&signed.headers()[..], &[("idempotency-key", "po-1")]].concat();
        app.post_text("/graphql", &headers, body.to_string()).await
    };
    let whole = body.clone();
    body.as_object_mut().unwrap().remove("query");
    expect_unknown(&post(&body).await);
    Wire::GraphQl.expect_created(&post(&whole).await);
    assert_eq!(post(&body).await.data()["createSalesOrder"]["replayed"], true);
    // No link may change anything, however it names its document.
    let extensions = hash(&document).to_string();
    let link = get_with(&app, &[("extensions", &extensions), ("variables", &body["variables"].to_string())]).await;
    assert_eq!(link.status, 405, "{}", link.text);
    assert_eq!(app.database.whole_orders(1).await, 1);
}

#[tokio::test]
async fn another_form_of_persisted_queries_is_declined_in_the_words_of_the_protocol() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for named in [
        json!({"version": 2, "sha256Hash": "0".repeat(64)}),
        json!({"sha256Hash": "0".repeat(64)}),
        json!({"version": 1}),
        json!({"version": 1, "sha256Hash": "abc"}),
        json!({"version": 1, "sha256Hash": "x".repeat(64)}),
        json!("abc"),
    ] {
        let answer = send(&partner, &json!({"extensions": {"persistedQuery": named}})).await;
        let error = answer.expect_error("PERSISTED_QUERY_NOT_SUPPORTED");
        assert_eq!(error["message"], "PersistedQueryNotSupported", "clients look for this word");
    }
    let mut socket = Socket::log_in(&app.listen().await, &partner.token).await;
    for name in ["doc_id", "documentId", "id", "queryId"] {
        let body = json!({name: "7182…", "variables": {}});
        let error = send(&partner, &body).await.expect_error("DOCUMENT_ID_NOT_SUPPORTED");
        assert!(error["message"].as_str().unwrap().contains("send the document itself as query"), "{error}");
        get_with(&app, &[(name, "7182")]).await.expect_error("DOCUMENT_ID_NOT_SUPPORTED");
        socket.send(json!({"id": "1", "type": "subscribe", "payload": body})).await;
        let Told::Message(told) = socket.next().await else { panic!("closed") };
        assert_eq!(told["payload"][0]["extensions"]["code"], "DOCUMENT_ID_NOT_SUPPORTED", "{told}");
        // Beside a document it means nothing.
        let both = json!({name: "7182", "query": VIEWER, "extensions": {"tracing": true, "persistedQuery": null}});
        assert_eq!(send(&partner, &both).await.data()["viewer"]["clientId"], partner.client_id);
    }
}

#[tokio::test]
async fn a_batch_is_refused_with_an_answer_to_each_of_its_requests() {
    let app = TestApp::new().await;
    for (accept, status) in [("*/*", 200), ("application/graphql-response+json", 400)] {
        for count in [1, 3, 100] {
            let batch = json!(vec![json!({"query": "{ __typename }"}); count]);
            let answer = app.post_text("/graphql", &[("accept", accept)], batch.to_string()).await;
            assert_eq!(answer.status, status, "{}", answer.text);
            let Value::Array(answers) = answer.json() else { panic!("no list: {}", answer.text) };
            assert_eq!(answers.len(), count);
            for answer in answers {
                assert_eq!(answer.get("data"), None, "{answer}");
                let error = &answer["errors"][0];
                assert_eq!(error["extensions"]["code"], "BATCH_NOT_SUPPORTED");
                assert!(error["message"].as_str().unwrap().contains("send each request by itself"), "{error}");
            }
        }
    }
    // One that is no batch of a client's gets one answer, however long it is.
    for batch in ["[]".to_owned(), format!("[{}0]", "0,".repeat(60_000))] {
        let answer = app.post_text("/graphql", &[], batch).await;
        assert_eq!(answer.status, 400);
        answer.expect_error("BATCH_NOT_SUPPORTED");
    }
}
