//! Clients, their keys and the entries of the log have ids that caches keep, and lists of them are read from both ends.

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use super::{manager, run};
use crate::support::{Partner, TestApp};

const NODES: &str = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id
    ... on Client { clientId scopes } ... on ClientKey { fingerprint } ... on ClientAuditEntry { action clientId } } }";

async fn nodes(caller: &Partner<'_>, ids: &Value) -> Value {
    caller.graphql(NODES, json!({"ids": ids})).await.data()["nodes"].take()
}

#[tokio::test]
async fn what_is_known_of_clients_is_found_by_its_id_by_whoever_may_see_it() {
    let app = TestApp::new().await;
    let (manager, partner, dashboard) = (manager(&app).await, app.partner().await, app.dashboard().await);
    let query = "{ client(clientId: \"versuni-client-001\") { id clientId scopes keys { id fingerprint } }
                   clientAuditLog(clientId: \"versuni-client-001\", last: 1) { nodes { id action clientId } } }";
    let found = manager.graphql(query, json!({})).await.data();
    let (client, key, entry) = (&found["client"], &found["client"]["keys"][0], &found["clientAuditLog"]["nodes"][0]);
    let node = |kind: &str, of: &Value, names: &[&str]| {
        let members = ["id"].iter().chain(names).map(|name| ((*name).to_owned(), of[*name].clone()));
        Value::Object([("__typename".to_owned(), json!(kind))].into_iter().chain(members).collect())
    };
    let of_client = node("Client", client, &["clientId", "scopes"]);
    let of_key = node("ClientKey", key, &["fingerprint"]);
    let of_entry = node("ClientAuditEntry", entry, &["action", "clientId"]);
    let ids = json!([entry["id"], client["id"], key["id"], client["id"], "none"]);
    assert_eq!(nodes(&manager, &ids).await, json!([of_entry, of_client, of_key, of_client, null]));
    // A client sees itself, as `viewer` shows it, and nothing of others.
    assert_eq!(nodes(&partner, &ids).await, json!([null, of_client, of_key, of_client, null]));
    assert_eq!(nodes(&dashboard, &ids).await, json!([null, null, null, null, null]));
    let viewer = partner.graphql("{ viewer { id keys { id } } }", json!({})).await.data()["viewer"].take();
    assert_eq!(viewer, json!({"id": client["id"], "keys": [{"id": key["id"]}]}));
    let one = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(manager.graphql(one, json!({"id": entry["id"]})).await.data()["node"]["id"], entry["id"]);
    app.graphql(one, json!({"id": client["id"]})).await.expect_error("UNAUTHENTICATED");

    // What a mutation answers with is what a cache has under that id.
    let change = json!({"clientId": "versuni-client-001", "name": "Versuni"});
    let changed = run(&manager, "updateClient", "UpdateClientInput", change, "id name").await;
    assert_eq!(changed, json!({"id": client["id"], "name": "Versuni"}));
    let other = nodes(&manager, &json!(["Q2xpZW50Om5vYm9keQ", "Q2xpZW50Ki", "Q2xpZW50S2V5OmE6Yg"])).await;
    assert_eq!(other, json!([null, null, null]), "nobody's");
}

#[tokio::test]
async fn lists_of_clients_and_of_the_log_are_read_from_both_ends() {
    let app = TestApp::new().await;
    let manager = manager(&app).await;
    for name in ["a", "b", "c"] {
        app.client(name, &[Permission::OrdersRead], SignaturePolicy::Documented, Vec::new()).await;
    }
    let lists = [("clients", ["a", "b", "c", "console-001"]), ("clientAuditLog", ["c", "b", "a", "console-001"])];
    for (list, all) in lists {
        let page = async |arguments: &str| {
            let query = format!(
                "{{ page: {list}({arguments}) {{ nodes {{ clientId }} pageInfo {{ hasPreviousPage hasNextPage startCursor endCursor }} }} }}"
            );
            let mut page = manager.graphql(&query, json!({})).await.data()["page"].take();
            let names: Vec<_> = page["nodes"].as_array().unwrap().iter().map(|node| node["clientId"].clone()).collect();
            (json!(names), page["pageInfo"].take())
        };
        let (names, last) = page("last: 2").await;
        assert_eq!(names, json!(all[2..]));
        assert_eq!((&last["hasPreviousPage"], &last["hasNextPage"]), (&json!(true), &json!(false)));
        let (names, before) = page(&format!("last: 2, before: {}", last["startCursor"])).await;
        assert_eq!(names, json!(all[..2]));
        assert_eq!((&before["hasPreviousPage"], &before["hasNextPage"]), (&json!(false), &json!(true)));
        let (names, between) =
            page(&format!("first: 3, after: {}, before: {}", before["startCursor"], last["endCursor"])).await;
        assert_eq!(names, json!(all[1..3]), "{between}");
        assert_eq!(page("first: 0").await.0, json!([]));
        let both =
            manager.graphql(&format!("{{ {list}(first: 1, last: 1) {{ nodes {{ clientId }} }} }}"), json!({})).await;
        both.expect_error("VALIDATION_FAILED");
    }
}
