//! Operators manage clients over GraphQL, and everything they do is written down.

mod audit;
mod instances;
mod nodes;
mod secrets;
mod shared_keys;

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{OTHER_KEY, PARTNER_KEY, Partner, TestApp, order};

const DESK: &str = "192.0.2.10";

/// An operator's tool that manages clients, logged in.
async fn manager(app: &TestApp) -> Partner<'_> {
    let scopes = [Permission::ClientsRead, Permission::ClientsManage];
    let secret = app.client("console-001", &scopes, SignaturePolicy::Documented, Vec::new()).await;
    Partner::log_in(app, "console-001", secret, &PARTNER_KEY).await
}

/// Runs one of the mutations; gives what it gives.
async fn run(manager: &Partner<'_>, field: &str, input_type: &str, input: Value, selection: &str) -> Value {
    let query = format!("mutation($input: {input_type}!) {{ {field}(input: $input) {{ {selection} }} }}");
    manager.graphql_from(DESK, &query, json!({"input": input})).await.data()[field].take()
}

async fn refused(manager: &Partner<'_>, field: &str, input_type: &str, input: Value, code: &str) -> Value {
    let query = format!("mutation($input: {input_type}!) {{ {field}(input: $input) {{ __typename }} }}");
    manager.graphql_from(DESK, &query, json!({"input": input})).await.expect_error(code)
}

async fn log(manager: &Partner<'_>, client_id: &str) -> Vec<Value> {
    let query = "query($id: String) { clientAuditLog(clientId: $id) {
        nodes { clientId action via actor host detail { name value } createdAt } } }";
    let data = manager.graphql(query, json!({"id": client_id})).await.data();
    data["clientAuditLog"]["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_operator_takes_a_partner_through_its_whole_life_over_graphql() {
    let app = TestApp::new().await;
    let manager = manager(&app).await;
    let made = run(
        &manager,
        "createClient",
        "CreateClientInput",
        json!({"clientId": "versuni-client-001", "name": " Versuni ", "scopes": ["orders:create"],
               "publicKeys": [PARTNER_KEY.public_key().to_pem()]}),
        "clientSecret client { clientId name scopes status signaturePolicy keys { fingerprint status } }",
    )
    .await;
    assert_eq!(
        made["client"],
        json!({"clientId": "versuni-client-001", "name": "Versuni", "scopes": ["orders:create"], "status": "ACTIVE",
               "signaturePolicy": "DOCUMENTED",
               "keys": [{"fingerprint": PARTNER_KEY.public_key().fingerprint(), "status": "ACTIVE"}]})
    );
    let secret = made["clientSecret"].as_str().unwrap().to_owned();
    let mut partner = Partner::log_in(&app, "versuni-client-001", secret.clone().into(), &PARTNER_KEY).await;
    partner.create(&order()).await.expect(201);

    // Its next key, beside the old one, and then without it.
    let added = run(
        &manager,
        "addClientKey",
        "AddClientKeyInput",
        json!({"clientId": "versuni-client-001", "publicKey": OTHER_KEY.public_key().to_pem(),
               "expiresAt": "2027-11-23T00:00:00+07:00"}),
        "fingerprint client { keys { status expiresAt } }",
    )
    .await;
    assert_eq!(added["fingerprint"], OTHER_KEY.public_key().fingerprint());
    assert_eq!(added["client"]["keys"][1], json!({"status": "ACTIVE", "expiresAt": "2027-11-22T17:00:00.000000Z"}));
    partner.create(&order()).await.expect(201);
    let old = json!({"clientId": "versuni-client-001", "fingerprint": PARTNER_KEY.public_key().fingerprint()});
    let left = run(&manager, "revokeClientKey", "RevokeClientKeyInput", old, "keys { status lastUsedAt }").await;
    assert_eq!(left["keys"][0]["status"], "REVOKED");
    assert_eq!(left["keys"][0]["lastUsedAt"], "2026-11-23T13:37:16.123456Z");
    partner.create(&order()).await.expect_problem(401, "INVALID_SIGNATURE");
    partner.key = &OTHER_KEY;
    partner.create(&order()).await.expect(201);

    // Its next secret.
    let rotated = run(
        &manager,
        "rotateClientSecret",
        "RotateClientSecretInput",
        json!({"clientId": "versuni-client-001", "graceSeconds": 3600}),
        "clientSecret previousExpiresAt client { secrets { expiresAt } }",
    )
    .await;
    assert_eq!(rotated["previousExpiresAt"], "2026-11-23T14:37:16.123456Z");
    assert_eq!(rotated["client"]["secrets"], json!([{"expiresAt": null}, {"expiresAt": rotated["previousExpiresAt"]}]));
    let id = json!({"clientId": "versuni-client-001"});
    let ended = run(&manager, "endOldClientSecrets", "ClientInput", id.clone(), "secrets { expiresAt }").await;
    assert_eq!(ended["secrets"], json!([{"expiresAt": null}]));
    let with_old = json!({"client_id": "versuni-client-001", "client_secret": secret});
    app.post("/api/v1/auth/login", &with_old).await.expect_problem(401, "INVALID_CREDENTIALS");

    // What it may do, and whether it may do anything.
    let change = json!({"clientId": "versuni-client-001", "signaturePolicy": "BODY_BOUND", "scopes": ["orders:read"]});
    let changed = run(&manager, "updateClient", "UpdateClientInput", change, "name scopes signaturePolicy").await;
    assert_eq!(changed, json!({"name": "Versuni", "scopes": ["orders:read"], "signaturePolicy": "BODY_BOUND"}));
    let error = partner.signed_graphql("{ viewer { scopes } }", Value::Null).await.data();
    assert_eq!(error["viewer"]["scopes"], json!([]), "a scope that is taken is gone at once");
    run(&manager, "revokeClientSessions", "ClientInput", id.clone(), "status").await;
    partner.get("/api/v1/sales-orders/SO-0000000001").await.expect_problem(401, "UNAUTHENTICATED");
    let off = run(&manager, "disableClient", "ClientInput", id.clone(), "status disabledAt").await;
    assert_eq!(off, json!({"status": "DISABLED", "disabledAt": "2026-11-23T13:37:16.123456Z"}));
    let on = run(&manager, "enableClient", "ClientInput", id.clone(), "status disabledAt").await;
    assert_eq!(on, json!({"status": "ACTIVE", "disabledAt": null}));

    let entries = log(&manager, "versuni-client-001").await;
    let actions: Vec<_> = entries.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "CLIENT_CREATED",
            "KEY_ADDED",
            "KEY_REVOKED",
            "SECRET_ROTATED",
            "OLD_SECRETS_ENDED",
            "CLIENT_UPDATED",
            "SESSIONS_REVOKED",
            "CLIENT_DISABLED",
            "CLIENT_ENABLED",
        ]
    );
    for entry in &entries {
        assert_eq!(
            (&entry["via"], &entry["actor"], &entry["host"]),
            (&json!("API"), &json!("console-001"), &json!(DESK))
        );
        assert_eq!(entry["createdAt"], "2026-11-23T13:37:16.123456Z");
    }
    let detail = |n: usize| entries[entries.len() - 1 - n]["detail"].clone();
    assert_eq!(detail(1)[0], json!({"name": "key", "value": OTHER_KEY.public_key().fingerprint()}));
    assert_eq!(
        detail(5),
        json!([{"name": "scopes", "value": "orders:read"}, {"name": "signature_policy", "value": "body_bound"}])
    );
    let whole = json!(entries).to_string();
    for secret in [secret.as_str(), rotated["clientSecret"].as_str().unwrap()] {
        assert!(!whole.contains(secret), "a secret is in the log");
    }
}

#[tokio::test]
async fn a_faulty_client_is_refused_by_the_names_of_all_its_fields() {
    let app = TestApp::new().await;
    let manager = manager(&app).await;
    let pointers = |error: &Value| -> Vec<String> {
        let errors = error["extensions"]["errors"].as_array().unwrap();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let faulty = json!({"clientId": "has spaces", "name": " ", "scopes": ["orders:delete"]});
    let error = refused(&manager, "createClient", "CreateClientInput", faulty, "VALIDATION_FAILED").await;
    assert_eq!(pointers(&error), ["/clientId", "/name", "/scopes"]);
    for (field, kind, input, pointer) in [
        (
            "createClient",
            "CreateClientInput",
            json!({"clientId": "console-001", "name": "N", "scopes": ["orders:read"]}),
            "/clientId",
        ),
        ("createClient", "CreateClientInput", json!({"clientId": "new", "name": "N", "scopes": []}), "/scopes"),
        (
            "createClient",
            "CreateClientInput",
            json!({"clientId": "new", "name": "N", "scopes": ["orders:read"], "publicKeys": ["x"]}),
            "/publicKeys/0",
        ),
        ("addClientKey", "AddClientKeyInput", json!({"clientId": "console-001", "publicKey": "no key"}), "/publicKey"),
        (
            "addClientKey",
            "AddClientKeyInput",
            json!({"clientId": "console-001", "publicKey": OTHER_KEY.public_key().to_pem(), "expiresAt": "2020-01-01T00:00:00Z"}),
            "/expiresAt",
        ),
    ] {
        let error = refused(&manager, field, kind, input, "VALIDATION_FAILED").await;
        assert_eq!(pointers(&error), [pointer], "{error}");
    }
    let error = refused(
        &manager,
        "rotateClientSecret",
        "RotateClientSecretInput",
        json!({"clientId": "console-001", "graceSeconds": -1}),
        "VALIDATION_FAILED",
    )
    .await;
    assert_eq!(pointers(&error), ["/graceSeconds"]);
}

#[tokio::test]
async fn an_operator_pages_through_clients_and_through_the_log() {
    let app = TestApp::new().await;
    let manager = manager(&app).await;
    for name in ["a", "b", "c"] {
        app.client(name, &[Permission::OrdersRead], SignaturePolicy::Documented, Vec::new()).await;
    }
    for (document, expected) in [
        (
            "clients(first: 2, after: $after) { nodes { name: clientId } pageInfo { hasNextPage endCursor } }",
            ["a", "b", "c", "console-001"],
        ),
        (
            "clientAuditLog(first: 2, after: $after) { nodes { name: clientId } pageInfo { hasNextPage endCursor } }",
            ["c", "b", "a", "console-001"],
        ),
    ] {
        let mut after = Value::Null;
        let mut seen = Vec::new();
        loop {
            let query = format!("query($after: String) {{ page: {document} }}");
            let page = manager.graphql(&query, json!({"after": after})).await.data()["page"].take();
            seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()));
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(seen, expected);
    }
    manager
        .graphql("{ clientAuditLog(after: \"none\") { nodes { clientId } } }", Value::Null)
        .await
        .expect_error("VALIDATION_FAILED");
    let one = manager
        .graphql("{ client(clientId: \"a\") { clientId } none: client(clientId: \"no\") { clientId } }", Value::Null)
        .await;
    assert_eq!(one.data(), json!({"client": {"clientId": "a"}, "none": null}));
}

#[tokio::test]
async fn an_operator_sees_which_form_of_signature_a_partner_still_uses() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let id = "versuni-client-001".parse().unwrap();
    partner.create(&order()).await.expect(201);
    let [documented, body_bound, _] = app.clients.show_client(&id).await.unwrap().form_use();
    assert_eq!((documented, body_bound), (("documented", Some(app.clock.now())), ("body_bound", None)));

    app.clock.advance(std::time::Duration::from_mins(2));
    let body = order().to_string();
    let signed = partner.sign_body("/api/v1/sales-orders", body.as_bytes());
    app.post_text("/api/v1/sales-orders", &signed.headers(), body).await.expect(201);
    let [documented, body_bound, _] = app.clients.show_client(&id).await.unwrap().form_use();
    assert_eq!(body_bound.1, Some(app.clock.now()));
    assert!(documented.1 < body_bound.1, "{documented:?} {body_bound:?}");
}
