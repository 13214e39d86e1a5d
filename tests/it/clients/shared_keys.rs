//! One public key is one client's: a signature that binds the body tells by its key alone whose order it is.

use sales_order_api::domain::expectation_policy::ExpectationPolicy;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::error::ErrorCode;
use sales_order_api::service::clients::{ClientChange, ClientToCreate, KeyToAdd, StoredPublicKey};
use sales_order_api::store::Store;
use serde_json::{Value, json};

use super::{log, manager, refused};
use crate::support::{OTHER_KEY, PARTNER_KEY, TestApp, key_of, order};

fn new_client(client_id: &str, keys: Vec<String>) -> ClientToCreate {
    ClientToCreate {
        client_id: client_id.parse().unwrap(),
        name: client_id.to_owned(),
        permissions: vec![Permission::OrdersCreate],
        signature_policy: SignaturePolicy::Documented,
        reference_policy: ReferencePolicy::default(),
        expectation_policy: ExpectationPolicy::default(),
        public_keys: keys,
        secret: None,
    }
}

fn to_add(pem: &str) -> KeyToAdd {
    KeyToAdd { public_key: pem.to_owned(), not_before: None, expires_at: None }
}

/// The client `second` has the key of versuni-client-001, as it could be before a key had to be one client's.
async fn share(app: &TestApp) {
    app.clients.create_client(new_client("second", vec![OTHER_KEY.public_key().to_pem()])).await.unwrap();
    let (pem, fingerprint) = (PARTNER_KEY.public_key().to_pem(), PARTNER_KEY.public_key().fingerprint().to_owned());
    app.database.db_execute("UPDATE client_public_keys SET is_shared = true").await.unwrap();
    let sql = format!(
        "UPDATE client_public_keys SET fingerprint = '{fingerprint}', public_key_pem = '{pem}' WHERE client_id = 'second'"
    );
    app.database.db_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn a_key_of_another_client_is_refused_and_the_operator_learns_whose_it_is() {
    let app = TestApp::new().await;
    app.partner().await;
    let manager = manager(&app).await;
    let pem = PARTNER_KEY.public_key().to_pem();
    // Wrapped otherwise, it is the same key.
    let rewrapped = {
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let lines: Vec<_> = base64.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\r\n{}\r\n-----END PUBLIC KEY-----\r\n", lines.join("\r\n"))
    };
    app.clients.create_client(new_client("second", Vec::new())).await.unwrap();
    for pem in [&pem, &rewrapped] {
        let input = json!({"clientId": "second", "publicKey": pem});
        let error = refused(&manager, "addClientKey", "AddClientKeyInput", input, "CONFLICT").await;
        assert_eq!(error["extensions"]["clientId"], "versuni-client-001", "{error}");
        assert_eq!(error["extensions"]["fingerprint"], PARTNER_KEY.public_key().fingerprint());
        let input = json!({"clientId": "third", "name": "Third", "scopes": ["orders:create"],
                           "publicKeys": [OTHER_KEY.public_key().to_pem(), pem]});
        let error = refused(&manager, "createClient", "CreateClientInput", input, "CONFLICT").await;
        assert!(error["message"].as_str().unwrap().contains("versuni-client-001"), "{error}");
    }
    assert_eq!(app.clients.find("third").await.unwrap().map(|client| client.name), None, "all of it or nothing");
    assert!(log(&manager, "second").await.iter().all(|entry| entry["action"] != "KEY_ADDED"));

    // Neither its client's end nor its own ends the claim; a revocation does.
    let (first, second) = ("versuni-client-001".parse().unwrap(), "second".parse().unwrap());
    app.clients.disable_client(&first).await.unwrap();
    app.database.db_execute("UPDATE client_public_keys SET expires_at = 1").await.unwrap();
    let error = app.clients.add_key(&second, to_add(&pem)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    app.clients.revoke_key(&first, PARTNER_KEY.public_key().fingerprint()).await.unwrap();
    app.clients.add_key(&second, to_add(&pem)).await.unwrap();
    let error = app.clients.add_key(&first, to_add(&pem)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict, "it is the second client's now");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_registrations_of_one_key_at_once_one_wins() {
    let app = TestApp::new().await;
    let pem = OTHER_KEY.public_key().to_pem();
    for n in 0..4 {
        app.clients.create_client(new_client(&format!("client-{n}"), Vec::new())).await.unwrap();
    }
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let (clients, pem) = (app.clients.clone(), pem.clone());
            tokio::spawn(async move {
                if n < 4 {
                    clients.add_key(&format!("client-{n}").parse().unwrap(), to_add(&pem)).await.map(drop)
                } else {
                    clients.create_client(new_client(&format!("new-{n}"), vec![pem])).await.map(drop)
                }
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error.code, ErrorCode::Conflict, "{error:?}"),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn an_old_share_goes_on_is_shown_and_stands_in_the_way_of_binding_the_body() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    share(&app).await;
    partner.create(&order()).await.expect(201);
    let manager = manager(&app).await;
    let query = "{ client(clientId: \"second\") { keys { fingerprint sharedWith } } }";
    let fingerprint = PARTNER_KEY.public_key().fingerprint();
    let keys = manager.graphql(query, Value::Null).await.data()["client"]["keys"].take();
    assert_eq!(keys, json!([{"fingerprint": fingerprint, "sharedWith": ["versuni-client-001"]}]));

    for (client_id, other) in [("versuni-client-001", "second"), ("second", "versuni-client-001")] {
        for policy in ["BODY_BOUND", "BODY_AND_KEY_BOUND"] {
            let input = json!({"clientId": client_id, "signaturePolicy": policy});
            let error = refused(&manager, "updateClient", "UpdateClientInput", input, "CONFLICT").await;
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(fingerprint) && message.contains(other), "{message}");
            assert_eq!(error["extensions"]["clientId"], other);
        }
        // What is no step towards it is not held up.
        let change = ClientChange { name: Some("New name".to_owned()), ..ClientChange::default() };
        app.clients.update_client(&client_id.parse().unwrap(), change).await.unwrap();
    }
    // A third one cannot join, nor can a client begin so.
    let error = app.clients.create_client(new_client("third", vec![PARTNER_KEY.public_key().to_pem()])).await;
    assert_eq!(error.unwrap_err().code, ErrorCode::Conflict);

    app.clients.revoke_key(&"second".parse().unwrap(), fingerprint).await.unwrap();
    let change = ClientChange { signature_policy: Some(SignaturePolicy::BodyBound), ..ClientChange::default() };
    let first = "versuni-client-001".parse().unwrap();
    app.clients.update_client(&first, change).await.unwrap();
    assert!(app.clients.show_client(&first).await.unwrap().keys[0].shared_with.is_empty());
}

/// Takes a migration back, and those that came after it.
async fn take_back(store: &Store, name: &str) {
    let all = store.migrations().await.unwrap();
    let since = all.iter().rev().take_while(|migration| migration.name != name).count() + 1;
    store.migrate_down(u32::try_from(since).unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_migration_marks_the_shares_that_are_there_and_can_be_taken_back() {
    let app = TestApp::new().await;
    app.partner().await;
    app.clients.create_client(new_client("second", vec![key_of("second").public_key().to_pem()])).await.unwrap();
    app.clients.create_client(new_client("third", vec![key_of("third").public_key().to_pem()])).await.unwrap();
    // The operator migrates from a process of its own.
    let desk = app.database.connect().await;
    take_back(&desk, "m20261128_000012_give_each_key_one_client").await;
    let (pem, fingerprint) = (PARTNER_KEY.public_key().to_pem(), PARTNER_KEY.public_key().fingerprint().to_owned());
    let sql = format!(
        "UPDATE client_public_keys SET fingerprint = '{fingerprint}', public_key_pem = '{pem}' WHERE client_id = 'second'"
    );
    app.database.db_execute(&sql).await.unwrap();
    desk.migrate_up().await.unwrap();
    let shared = async |client_id: &str| {
        let details = app.clients.show_client(&client_id.parse().unwrap()).await.unwrap();
        details.shared_keys().map(StoredPublicKey::holders).collect::<Vec<_>>()
    };
    assert_eq!(shared("second").await, ["versuni-client-001"]);
    assert_eq!(shared("versuni-client-001").await, ["second"]);
    assert!(shared("third").await.is_empty());
}

#[tokio::test]
async fn a_migration_keeps_what_is_there_and_takes_the_new_policy_and_form() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    // The operator migrates from a process of its own.
    let desk = app.database.connect().await;
    take_back(&desk, "m20261128_000011_bind_signatures").await;
    let refused = "UPDATE clients SET signature_policy = 'body_and_key_bound'";
    assert!(app.database.db_execute(refused).await.is_err(), "the older schema knows no such policy");
    desk.migrate_up().await.unwrap();
    let id = "versuni-client-001".parse().unwrap();
    let change = ClientChange { signature_policy: Some(SignaturePolicy::BodyAndKeyBound), ..ClientChange::default() };
    app.clients.update_client(&id, change).await.unwrap();
    assert!(app.database.db_execute("UPDATE clients SET signature_policy = 'none'").await.is_err());
    assert!(app.database.db_execute("UPDATE sales_order_receipts SET signature_form = 'none'").await.is_err());
    let strict = "UPDATE sales_order_receipts SET signature_form = 'body_and_key_bound'";
    app.database.db_execute(strict).await.unwrap();
    // Taken back, the strictest name that is left stands for it.
    take_back(&desk, "m20261128_000011_bind_signatures").await;
    assert_eq!(app.database.db_text("SELECT signature_policy FROM clients").await, "body_bound");
    // What was signed is evidence, and stays.
    assert_eq!(app.database.db_text("SELECT signature_form FROM sales_order_receipts").await, "body_and_key_bound");
    desk.migrate_up().await.unwrap();
    assert_eq!(app.clients.show_client(&id).await.unwrap().client.signature_policy, SignaturePolicy::BodyBound);
    assert_eq!(app.database.whole_orders(2).await, 1);
}
