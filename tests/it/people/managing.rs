//! What operators do with people: they see and end their sessions, disable them, and find what people have not refused.

use serde_json::{Value, json};

use super::browser::Browser;
use super::provider::{Identity, Provider};
use super::{ask, jane, service};
use crate::support::{Answer, TestApp, key_of};

/// Somebody who looks after clients, signed in themselves.
async fn administrator(app: &TestApp, provider: &Provider) -> String {
    let mut browser = Browser::of(app);
    browser.sign_in(provider, &Identity::new("7", "admin", "Ada", &["/admins"]), None).await;
    browser.session().await.expect(200)["token"].as_str().unwrap().to_owned()
}

struct Signed {
    browser: Browser,
    client_id: String,
    token: String,
}

async fn signed_in(app: &TestApp, provider: &Provider) -> Signed {
    let mut browser = Browser::of(app);
    browser.sign_in(provider, &jane(&["/sales"]), None).await;
    let given = browser.session().await.expect(200);
    let text = |name: &str| given[name].as_str().unwrap().to_owned();
    Signed { client_id: text("client_id"), token: text("token"), browser }
}

const SESSIONS: &str = "query($id: String!) { client(clientId: $id) { kind sessions \
                        { name createdAt lastUsedAt expiresAt userAgent network } } }";

async fn sessions(app: &TestApp, admin: &str, client_id: &str) -> Vec<Value> {
    let data = ask(app, admin, SESSIONS, json!({"id": client_id})).await.data();
    data["client"]["sessions"].as_array().unwrap().clone()
}

async fn change(app: &TestApp, admin: &str, field: &str, kind: &str, input: Value) -> Answer {
    let document = format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ __typename }} }}");
    ask(app, admin, &document, json!({"input": input})).await
}

#[tokio::test]
async fn an_operator_sees_the_sessions_of_a_person_and_ends_one() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let admin = administrator(&app, &provider).await;
    let mut person = signed_in(&app, &provider).await;
    let mut other = signed_in(&app, &provider).await;
    let seen = sessions(&app, &admin, &person.client_id).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0]["userAgent"], "A browser of a test");
    assert_eq!(seen[0]["network"], "203.0.113.7");
    assert!(seen[0]["expiresAt"].as_str().unwrap().starts_with("2026-11-24T01:37:16"), "{}", seen[0]);

    let input = json!({"clientId": person.client_id, "session": seen[1]["name"]});
    change(&app, &admin, "endClientSession", "EndClientSessionInput", input.clone()).await.data();
    person.browser.session().await.expect_nothing();
    other.browser.session().await.expect(200);
    let again = change(&app, &admin, "endClientSession", "EndClientSessionInput", input).await;
    again.expect_error("NOT_FOUND");
    assert_eq!(sessions(&app, &admin, &person.client_id).await.len(), 1);

    let log = "{ clientAuditLog(first: 1) { nodes { action actor clientId detail { name value } } } }";
    let log = ask(&app, &admin, log, json!({})).await.data();
    let entry = &log["clientAuditLog"]["nodes"][0];
    assert_eq!((&entry["action"], &entry["clientId"]), (&json!("SESSIONS_REVOKED"), &json!(person.client_id)));
    assert_eq!(entry["detail"], json!([{"name": "session", "value": seen[1]["name"]}]));
    assert!(entry["actor"].as_str().unwrap().starts_with("admin-"), "{entry}");
    // One person does not end another's.
    let refused = change(
        &app,
        &person.token,
        "endClientSession",
        "EndClientSessionInput",
        json!({"clientId": "a", "session": "b"}),
    );
    refused.await.expect_error("INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn whoever_ends_all_sessions_of_a_person_or_disables_them_ends_those_of_browsers() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let admin = administrator(&app, &provider).await;
    let mut person = signed_in(&app, &provider).await;
    let input = json!({"clientId": person.client_id});
    change(&app, &admin, "revokeClientSessions", "ClientInput", input.clone()).await.data();
    person.browser.session().await.expect_nothing();
    ask(&app, &person.token, "{ viewer { name } }", json!({})).await.expect_error("UNAUTHENTICATED");
    assert_eq!(sessions(&app, &admin, &person.client_id).await.len(), 0);

    let mut person = signed_in(&app, &provider).await;
    change(&app, &admin, "disableClient", "ClientInput", input.clone()).await.data();
    person.browser.session().await.expect_refusal(403, "CLIENT_DISABLED");
    ask(&app, &person.token, "{ viewer { name } }", json!({})).await.expect_error("CLIENT_DISABLED");
    assert_eq!(sessions(&app, &admin, &person.client_id).await.len(), 0);
    let mut again = Browser::of(&app);
    let answer = again.sign_in(&provider, &jane(&["/sales"]), None).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.text.contains("You were disabled here"), "{}", answer.text);
    assert!(again.cookies.is_empty());

    // Enabled again, the person signs in anew.
    change(&app, &admin, "enableClient", "ClientInput", input).await.data();
    person.browser.session().await.expect_nothing();
    signed_in(&app, &provider).await;
}

#[tokio::test]
async fn what_a_person_has_not_is_refused_and_says_why() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let admin = administrator(&app, &provider).await;
    let Signed { client_id, .. } = signed_in(&app, &provider).await;
    let key = key_of("versuni-client-001").public_key().to_pem();
    for (field, kind, input) in [
        ("updateClient", "UpdateClientInput", json!({"clientId": client_id, "scopes": ["clients:manage"]})),
        ("updateClient", "UpdateClientInput", json!({"clientId": client_id, "referencePolicy": "REFUSE"})),
        ("rotateClientSecret", "RotateClientSecretInput", json!({"clientId": client_id})),
        ("endOldClientSecrets", "ClientInput", json!({"clientId": client_id})),
        ("addClientKey", "AddClientKeyInput", json!({"clientId": client_id, "publicKey": key})),
    ] {
        let error = change(&app, &admin, field, kind, input).await.expect_error("VALIDATION_FAILED");
        assert!(error["message"].as_str().unwrap().contains("is a person"), "{field}: {error}");
        assert_eq!(error["extensions"]["errors"][0]["pointer"], "/clientId", "{field}: {error}");
    }
    let endpoint = "mutation($id: String) { saveWebhookEndpoint(name: \"a\", clientId: $id, \
                    input: {url: \"https://example.com\"}) { endpoint { name } } }";
    let error = ask(&app, &admin, endpoint, json!({"id": client_id})).await.expect_error("CONFLICT");
    assert!(error["message"].as_str().unwrap().contains("is a person"), "{error}");
}

#[tokio::test]
async fn a_person_whose_id_another_client_has_gets_another_one() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let first = signed_in(&app, &provider).await;
    // As after a database went back to the version before and on again: who the client was is forgotten.
    app.database.db_execute("UPDATE clients SET kind = 'MACHINE', issuer = NULL, subject = NULL").await.unwrap();
    let second = signed_in(&app, &provider).await;
    assert_ne!(first.client_id, second.client_id);
    assert!(second.client_id.starts_with("jane.doe-"), "{}", second.client_id);
    assert_eq!(signed_in(&app, &provider).await.client_id, second.client_id);
}

#[tokio::test]
async fn a_person_is_in_the_list_of_clients_and_machines_have_no_sessions() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let admin = administrator(&app, &provider).await;
    let Signed { client_id, .. } = signed_in(&app, &provider).await;
    app.partner().await;
    let list = "{ clients { nodes { clientId kind name sessions { name } secrets { createdAt } keys { status } } } }";
    let list = ask(&app, &admin, list, json!({})).await.data();
    let nodes = list["clients"]["nodes"].as_array().unwrap();
    let find = |id: &str| nodes.iter().find(|node| node["clientId"] == id).unwrap();
    let person = find(&client_id);
    assert_eq!((&person["kind"], &person["name"]), (&json!("PERSON"), &json!("Jane Doe")));
    assert_eq!(person["sessions"].as_array().unwrap().len(), 1);
    assert_eq!((&person["secrets"], &person["keys"]), (&json!([]), &json!([])));
    let machine = find("versuni-client-001");
    assert_eq!((&machine["kind"], &machine["sessions"]), (&json!("MACHINE"), &json!([])));
}
