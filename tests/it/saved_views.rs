//! Staff keeps views of the list of orders, for itself and for each other.

use futures_util::future::join_all;
use sales_order_api::domain::permission::Permission::{self, ClientsManage, ClientsRead, OrdersRead};
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Answer, Partner, TestApp, key_of};

const VIEW: &str = "name clientId ownerName isMine isShared isDefault defaultFor where orderBy columns problem version \
                    createdAt updatedAt";

async fn staff<'a>(app: &'a TestApp, id: &str, scopes: &[Permission]) -> Partner<'a> {
    let secret = app.client(id, scopes, SignaturePolicy::default(), Vec::new()).await;
    Partner::log_in(app, id, secret, key_of(id)).await
}

async fn list(reader: &Partner<'_>) -> Vec<Value> {
    let answer = reader.graphql(&format!("{{ savedViews {{ {VIEW} }} }}"), Value::Null).await;
    answer.data()["savedViews"].as_array().unwrap().clone()
}

async fn names(reader: &Partner<'_>) -> Vec<String> {
    list(reader).await.iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect()
}

async fn change(reader: &Partner<'_>, field: &str, kind: &str, input: Value) -> Answer {
    let shown = if field == "deleteView" { String::new() } else { format!("{{ {VIEW} }}") };
    let document = format!("mutation ($input: {kind}!) {{ {field}(input: $input) {shown} }}");
    reader.graphql(&document, json!({"input": input})).await
}

async fn save(reader: &Partner<'_>, input: Value) -> Answer {
    change(reader, "saveView", "SaveViewInput", input).await
}

async fn saved(reader: &Partner<'_>, input: Value) -> Value {
    save(reader, input).await.data()["saveView"].take()
}

async fn delete(reader: &Partner<'_>, input: Value) -> Answer {
    change(reader, "deleteView", "DeleteViewInput", input).await
}

async fn set_default(reader: &Partner<'_>, input: Value) -> Answer {
    change(reader, "setDefaultView", "SetDefaultViewInput", input).await
}

#[tokio::test]
async fn a_shared_view_is_there_for_a_colleague_and_lists_what_it_listed() {
    let app = TestApp::new().await;
    let (anna, budi) = (staff(&app, "anna", &[OrdersRead]).await, staff(&app, "budi", &[OrdersRead]).await);
    let partner = app.partner().await;
    partner.create(&crate::support::order()).await.expect(201);
    let filter =
        json!({"status": {"in": ["RECEIVED"]}, "search": "jakarta", "createdAt": {"gte": "2020-01-01T00:00:00Z"}});
    let made = saved(
        &anna,
        json!({"name": "  Open in Jakarta ", "where": filter, "orderBy": "UPDATED_AT_ASC", "columns": ["STATUS", "TOTAL_AMOUNT", "STATUS"]}),
    )
    .await;
    assert_eq!(made["name"], "Open in Jakarta");
    assert_eq!((&made["isShared"], &made["isMine"], &made["version"]), (&json!(false), &json!(true), &json!(1)));
    assert_eq!((&made["orderBy"], &made["columns"]), (&json!("UPDATED_AT_ASC"), &json!(["STATUS", "TOTAL_AMOUNT"])));
    assert!(list(&budi).await.is_empty(), "nobody shared it");
    let shared = saved(
        &anna,
        json!({"name": "Open in Jakarta", "isShared": true, "where": filter, "orderBy": "UPDATED_AT_ASC", "columns": ["STATUS", "TOTAL_AMOUNT"]}),
    )
    .await;
    assert_eq!(shared["version"], 2);
    let seen = &list(&budi).await[0];
    assert_eq!((&seen["clientId"], &seen["ownerName"]), (&json!("anna"), &json!("The client anna")));
    assert_eq!((&seen["isMine"], &seen["where"]), (&json!(false), &shared["where"]));
    let filter: Value = serde_json::from_str(seen["where"].as_str().unwrap()).unwrap();
    let count = "query ($where: SalesOrderFilter) { salesOrders(where: $where) { totalCount } }";
    let found = budi.graphql(count, json!({"where": filter})).await.data();
    assert_eq!(found["salesOrders"]["totalCount"], 1);
}

#[tokio::test]
async fn what_was_saved_is_changed_by_who_read_it_last_and_saying_it_again_changes_nothing() {
    let app = TestApp::new().await;
    let anna = staff(&app, "anna", &[OrdersRead]).await;
    let first = saved(&anna, json!({"name": "Mine", "expectedVersion": 0})).await;
    assert_eq!((&first["where"], &first["orderBy"], &first["columns"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(saved(&anna, json!({"name": "Mine", "where": {}})).await, first, "it was so already");
    assert_eq!(saved(&anna, json!({"name": "Mine", "expectedVersion": 0})).await, first, "whose answer was lost");
    let other = json!({"name": "Mine", "orderBy": "CREATED_AT_ASC", "expectedVersion": 0});
    let error = save(&anna, other).await.expect_error("CONFLICT");
    assert_eq!(error["extensions"]["currentVersion"], 1);
    let input = json!({"name": "Mine", "where": {"search": "a"}, "expectedVersion": 1, "newName": "Ours"});
    assert_eq!(saved(&anna, input.clone()).await["version"], 2);
    assert_eq!(names(&anna).await, ["Ours"]);
    save(&anna, input).await.expect_error("NOT_FOUND");
    let stale = json!({"name": "Ours", "orderBy": "CREATED_AT_ASC", "expectedVersion": 1});
    let stale = save(&anna, stale).await.expect_error("CONFLICT");
    assert_eq!(stale["extensions"]["currentVersion"], 2);
    saved(&anna, json!({"name": "Another"})).await;
    let taken = save(&anna, json!({"name": "Another", "newName": "Ours"})).await.expect_error("CONFLICT");
    assert!(taken["message"].as_str().unwrap().contains("a view \"Ours\" already"), "{taken}");
    delete(&anna, json!({"name": "Ours", "expectedVersion": 1})).await.expect_error("CONFLICT");
    delete(&anna, json!({"name": "Ours", "expectedVersion": 2})).await.data();
    delete(&anna, json!({"name": "Ours"})).await.expect_error("NOT_FOUND");
    assert_eq!(names(&anna).await, ["Another"]);
}

#[tokio::test]
async fn only_its_owner_and_who_manages_clients_change_a_shared_view_and_the_log_tells_of_it() {
    let app = TestApp::new().await;
    let (anna, budi) = (staff(&app, "anna", &[OrdersRead]).await, staff(&app, "budi", &[OrdersRead]).await);
    let chief = staff(&app, "chief", &[OrdersRead, ClientsManage, ClientsRead]).await;
    saved(&anna, json!({"name": "Shared", "isShared": true})).await;
    saved(&anna, json!({"name": "Private"})).await;
    let others = |name: &str| json!({"name": name, "clientId": "anna"});
    for name in ["Shared", "Private", "None"] {
        save(&budi, others(name)).await.expect_error("INSUFFICIENT_SCOPE");
        delete(&budi, others(name)).await.expect_error("INSUFFICIENT_SCOPE");
    }
    for name in ["Private", "None"] {
        save(&chief, others(name)).await.expect_error("NOT_FOUND");
        delete(&chief, others(name)).await.expect_error("NOT_FOUND");
    }
    let input = json!({"name": "Shared", "clientId": "anna", "newName": "Everybody's", "where": {"search": "rahasia"}});
    let changed = saved(&chief, input).await;
    assert_eq!(
        (&changed["clientId"], &changed["isShared"], &changed["isMine"]),
        (&json!("anna"), &json!(true), &json!(false))
    );
    delete(&chief, others("Everybody's")).await.data();
    assert_eq!(names(&anna).await, ["Private"]);
    let log = "{ clientAuditLog(clientId: \"anna\", first: 2) { nodes { action actor detail { name value } } } }";
    let log = chief.graphql(log, Value::Null).await.data()["clientAuditLog"]["nodes"].take();
    assert_eq!((&log[0]["action"], &log[0]["actor"]), (&json!("VIEW_DELETED"), &json!("chief")));
    assert_eq!((&log[1]["action"], &log[1]["detail"][0]["value"]), (&json!("VIEW_UPDATED"), &json!("Shared")));
    assert!(!log.to_string().contains("rahasia"), "a filter may hold names of people: {log}");
}

#[tokio::test]
async fn who_no_longer_reads_every_order_says_no_longer_what_others_see() {
    let app = TestApp::new().await;
    let (anna, budi) = (staff(&app, "anna", &[OrdersRead]).await, staff(&app, "budi", &[OrdersRead]).await);
    let chief = staff(&app, "chief", &[OrdersRead, ClientsManage]).await;
    saved(&anna, json!({"name": "Shared", "isShared": true})).await;
    saved(&anna, json!({"name": "Mine"})).await;
    set_default(&chief, json!({"name": "Shared", "clientId": "anna", "scope": "orders:read"})).await.data();
    let moved = "mutation { updateClient(input: {clientId: \"anna\", scopes: [\"orders:create\"]}) { scopes } }";
    chief.graphql(moved, Value::Null).await.data();
    for input in [
        json!({"name": "Shared", "orderBy": "UPDATED_AT_ASC"}),
        json!({"name": "Shared", "newName": "Ours"}),
        json!({"name": "Mine", "isShared": true}),
        json!({"name": "Next", "isShared": true}),
    ] {
        save(&anna, input).await.expect_error("INSUFFICIENT_SCOPE");
    }
    let seen = list(&budi).await;
    assert_eq!((&seen[0]["name"], &seen[0]["version"]), (&json!("Shared"), &json!(1)));
    saved(&anna, json!({"name": "Mine", "orderBy": "UPDATED_AT_ASC"})).await;
    saved(&anna, json!({"name": "Shared", "isShared": false})).await;
    assert!(list(&budi).await.is_empty());
}

#[tokio::test]
async fn a_list_begins_with_the_view_of_its_reader_or_with_that_of_a_scope() {
    let app = TestApp::new().await;
    let anna = staff(&app, "anna", &[OrdersRead]).await;
    let chief = staff(&app, "chief", &[OrdersRead, ClientsManage, ClientsRead]).await;
    for name in ["One", "Two"] {
        saved(&anna, json!({"name": name, "isShared": true})).await;
    }
    let defaults = |views: Vec<Value>, field: &str| -> Vec<Value> {
        views
            .into_iter()
            .filter(|view| ![json!(false), Value::Null].contains(&view[field]))
            .map(|view| view["name"].clone())
            .collect()
    };
    for name in ["One", "Two"] {
        let made = set_default(&anna, json!({"name": name})).await.data();
        assert_eq!(
            (&made["setDefaultView"]["isDefault"], &made["setDefaultView"]["version"]),
            (&json!(true), &json!(1))
        );
        assert_eq!(defaults(list(&anna).await, "isDefault"), [name], "one at a time");
        set_default(&chief, json!({"name": name, "clientId": "anna", "scope": "orders:read"})).await.data();
        assert_eq!(defaults(list(&anna).await, "defaultFor"), [name], "one at a time");
    }
    assert!(defaults(list(&chief).await, "isDefault").is_empty(), "it is anna's");
    // Who may not, and what cannot be.
    set_default(&anna, json!({"name": "One", "scope": "orders:read"})).await.expect_error("INSUFFICIENT_SCOPE");
    set_default(&anna, json!({"scope": "orders:read"})).await.expect_error("INSUFFICIENT_SCOPE");
    set_default(&chief, json!({"name": "One", "clientId": "anna"})).await.expect_error("CONFLICT");
    set_default(&anna, json!({"name": "None"})).await.expect_error("NOT_FOUND");
    saved(&anna, json!({"name": "Private"})).await;
    set_default(&chief, json!({"name": "Private", "clientId": "anna", "scope": "orders:read"}))
        .await
        .expect_error("NOT_FOUND");
    let wrong = set_default(&chief, json!({"clientId": "anna", "scope": "orders:everything"})).await;
    let errors = wrong.expect_error("VALIDATION_FAILED")["extensions"]["errors"].clone();
    let pointers: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/scope", "/clientId"]);
    // A view begins the lists of one scope's holders.
    set_default(&chief, json!({"name": "Two", "clientId": "anna", "scope": "clients:read"}))
        .await
        .expect_error("CONFLICT");
    assert_eq!(defaults(list(&anna).await, "defaultFor"), ["Two"]);
    // What others do not see any more is not their default either.
    saved(&anna, json!({"name": "Two", "isShared": false})).await;
    assert!(defaults(list(&anna).await, "defaultFor").is_empty());
    set_default(&chief, json!({"name": "One", "clientId": "anna", "scope": "orders:read"})).await.data();
    for _ in 0..2 {
        assert_eq!(set_default(&chief, json!({"scope": "orders:read"})).await.data()["setDefaultView"], Value::Null);
        set_default(&anna, json!({})).await.data();
    }
    assert!(list(&anna).await.iter().all(|view| view["isDefault"] == false && view["defaultFor"].is_null()));
    let log = "{ clientAuditLog(clientId: \"anna\") { nodes { action actor detail { name value } } } }";
    let log = chief.graphql(log, Value::Null).await.data()["clientAuditLog"]["nodes"].take();
    assert!(log.to_string().contains(r#"{"name":"no_longer_default_for","value":"orders:read"}"#), "{log}");
    let mut told: Vec<_> = log.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    told.reverse();
    let set = "DEFAULT_VIEW_SET";
    assert_eq!(told, ["CLIENT_CREATED", set, set, "VIEW_UPDATED", set, "DEFAULT_VIEW_ENDED"]);
}

#[tokio::test]
async fn a_partner_keeps_views_of_its_own_and_neither_sees_nor_shares_those_of_staff() {
    let app = TestApp::new().await;
    let (anna, partner) = (staff(&app, "anna", &[OrdersRead]).await, app.partner().await);
    let keeper = staff(&app, "keeper", &[ClientsManage]).await;
    saved(&anna, json!({"name": "Shared", "isShared": true})).await;
    for outsider in [&partner, &keeper] {
        saved(outsider, json!({"name": "Mine", "where": {"customerCode": {"eq": "CUST-001"}}})).await;
        set_default(outsider, json!({"name": "Mine"})).await.data();
        assert_eq!(names(outsider).await, ["Mine"]);
        save(outsider, json!({"name": "Mine", "isShared": true})).await.expect_error("INSUFFICIENT_SCOPE");
        let other = json!({"name": "Shared", "clientId": "anna"});
        save(outsider, other.clone()).await.expect_error("INSUFFICIENT_SCOPE");
        delete(outsider, other.clone()).await.expect_error("INSUFFICIENT_SCOPE");
        let for_all = json!({"name": "Shared", "clientId": "anna", "scope": "orders:read"});
        set_default(outsider, for_all).await.expect_error("INSUFFICIENT_SCOPE");
        let hidden = json!({"name": "Hidden", "where": {"notAcknowledgedBy": "erp"}});
        save(outsider, hidden).await.expect_error("INSUFFICIENT_SCOPE");
    }
    assert_eq!(names(&anna).await, ["Shared"]);
}

#[tokio::test]
async fn what_cannot_be_shown_is_not_saved_and_every_fault_is_named() {
    let app = TestApp::new().await;
    let anna = staff(&app, "anna", &[OrdersRead]).await;
    let faults = async |input: Value| -> Vec<String> {
        let error = save(&anna, input).await.expect_error("VALIDATION_FAILED");
        let errors = error["extensions"]["errors"].as_array().unwrap().clone();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let many = json!({"name": " ", "clientId": "a b", "newName": "x".repeat(65), "expectedVersion": -1,
                      "where": {"customerCode": {"in": ["x".repeat(65)]}, "search": "a b c d e f g h i j k"}});
    let found = faults(many).await;
    let all = ["/clientId", "/expectedVersion", "/name", "/newName", "/where/customerCode/in", "/where/search"];
    assert!(all.iter().all(|pointer| found.iter().any(|found| found == pointer)), "{found:?}");
    assert_eq!(found.len(), all.len());
    let sites: Vec<_> = (0..100).map(|n| format!("{n:064}")).collect();
    assert_eq!(faults(json!({"name": "Large", "where": {"siteCode": {"in": sites}}})).await, ["/where"]);
    for (pointer, unknown) in [
        ("/columns", json!({"columns": ["PRICE"]})),
        ("/where/price", json!({"where": {"price": 1}})),
        ("/orderBy", json!({"orderBy": "PRICE_ASC"})),
        ("/isShared", json!({"isShared": "yes"})),
    ] {
        let mut input = unknown;
        input["name"] = json!("Wrong");
        assert_eq!(faults(input).await, [pointer]);
    }
    assert!(list(&anna).await.is_empty());
    for n in 0..100 {
        saved(&anna, json!({"name": format!("View {n}")})).await;
    }
    let refused = save(&anna, json!({"name": "One more"})).await.expect_error("CONFLICT");
    assert!(refused["message"].as_str().unwrap().contains("may have 100 views"), "{refused}");
    saved(&anna, json!({"name": "View 7", "where": {"search": "a"}})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_views_are_shared_and_no_more() {
    let app = TestApp::new().await;
    let (anna, budi) = (staff(&app, "anna", &[OrdersRead]).await, staff(&app, "budi", &[OrdersRead]).await);
    let (chen, dewi) = (staff(&app, "chen", &[OrdersRead]).await, staff(&app, "dewi", &[OrdersRead]).await);
    for owner in [&anna, &budi] {
        for n in 0..99 {
            saved(owner, json!({"name": format!("View {n}"), "isShared": true})).await;
        }
    }
    saved(&anna, json!({"name": "View 99", "isShared": true})).await;
    // Two share the last one at once, over two instances.
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    let document = "mutation ($input: SaveViewInput!) { saveView(input: $input) { version } }";
    let shared = join_all([(&app.router, &budi), (&other, &dewi)].map(|(router, owner)| {
        let body = json!({"query": document, "variables": {"input": {"name": "Last", "isShared": true}}}).to_string();
        let headers = [("authorization", &*owner.authorization()), ("content-type", "application/json")];
        let sent = router.clone().oneshot(TestApp::post_request("/graphql", &headers, body));
        tokio::spawn(async move { Answer::read(sent.await.unwrap()).await.json() })
    }));
    let shared: Vec<_> = shared.await.into_iter().map(Result::unwrap).collect();
    let refused = shared.iter().filter(|answer| answer["errors"][0]["extensions"]["code"] == "CONFLICT").count();
    assert_eq!(refused, 1, "{shared:?}");
    for _ in 0..2 {
        let refused = save(&chen, json!({"name": "One more", "isShared": true})).await.expect_error("CONFLICT");
        assert!(refused["message"].as_str().unwrap().contains("At most 200 views"), "{refused}");
        // It is there already the second time.
        saved(&chen, json!({"name": "One more"})).await;
    }
    assert_eq!(list(&chen).await.len(), 201);
}

#[tokio::test]
async fn a_view_of_another_version_of_the_service_is_listed_with_a_sentence_and_can_be_deleted() {
    let app = TestApp::new().await;
    let anna = staff(&app, "anna", &[OrdersRead]).await;
    let contents = [
        ("Filter", r#"{"where":{"warehouse":{"eq":"WH-1"}}}"#),
        ("Column", r#"{"columns":["WEIGHT"]}"#),
        ("Part", r#"{"colours":true}"#),
        ("Sort", r#"{"orderBy":"WEIGHT_ASC"}"#),
        ("Text", "view"),
    ];
    for (name, content) in contents {
        saved(&anna, json!({"name": name})).await;
        let sql = format!("UPDATE saved_views SET content = '{content}' WHERE name = '{name}'");
        app.database.db_execute(&sql).await.unwrap();
    }
    saved(&anna, json!({"name": "Good"})).await;
    let views = list(&anna).await;
    assert_eq!(views.len(), 6);
    for view in views {
        let is_good = view["name"] == "Good";
        assert_eq!(view["problem"].is_null(), is_good, "{view}");
        assert!(view["where"].is_null() && view["columns"].is_null());
        if !is_good {
            assert!(view["problem"].as_str().unwrap().contains("another version of the service"));
        }
    }
    saved(&anna, json!({"name": "Filter", "where": {"search": "WH-1"}})).await;
    for name in ["Column", "Part", "Sort", "Text"] {
        delete(&anna, json!({"name": name})).await.data();
    }
    assert!(list(&anna).await.iter().all(|view| view["problem"].is_null()));
}

#[tokio::test]
async fn what_a_client_shared_stays_when_it_is_disabled() {
    let app = TestApp::new().await;
    let (anna, budi) = (staff(&app, "anna", &[OrdersRead]).await, staff(&app, "budi", &[OrdersRead]).await);
    saved(&anna, json!({"name": "Shared", "isShared": true})).await;
    saved(&anna, json!({"name": "Private"})).await;
    app.clients.disable_client(&"anna".parse().unwrap()).await.unwrap();
    anna.graphql("{ savedViews { name } }", Value::Null).await.expect_error("CLIENT_DISABLED");
    assert_eq!(names(&budi).await, ["Shared"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_colleagues_who_save_at_once_over_two_instances_one_is_told_of_the_conflict() {
    let app = TestApp::new().await;
    let anna = staff(&app, "anna", &[OrdersRead]).await;
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    let document = "mutation ($input: SaveViewInput!) { saveView(input: $input) { version } }";
    for n in 0..20 {
        let made = join_all([(&app.router, "a"), (&other, "b")].map(|(router, word)| {
            let input = json!({"name": "Ours", "where": {"search": format!("{word}{n}")}, "expectedVersion": n});
            let body = json!({"query": document, "variables": {"input": input}}).to_string();
            let headers = [("authorization", &*anna.authorization()), ("content-type", "application/json")];
            let sent = router.clone().oneshot(TestApp::post_request("/graphql", &headers, body));
            tokio::spawn(async move { Answer::read(sent.await.unwrap()).await.json() })
        }));
        let answers: Vec<_> = made.await.into_iter().map(Result::unwrap).collect();
        let done = answers.iter().filter(|answer| answer["data"]["saveView"]["version"] == n + 1).count();
        let refused = answers.iter().filter(|answer| answer["errors"][0]["extensions"]["code"] == "CONFLICT").count();
        assert_eq!((done, refused), (1, 1), "{answers:?}");
    }
}
