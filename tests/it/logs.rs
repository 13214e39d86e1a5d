//! What an operator finds in the log, and what nobody may.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::support::{Database, Process, Remote, Signed, order};

/// A partner of the running service, with its secret.
async fn partner(database: &Database, process: &Process) -> (Remote, SecretString) {
    let secret = Remote::register(database, "versuni-client-001").await;
    (Remote::log_in(&process.base, "versuni-client-001", &secret).await, secret)
}

/// A GraphQL document with the partner's token.
async fn graphql(partner: &Remote, query: &str) -> Value {
    let authorization = format!("Bearer {}", partner.token);
    let answer = partner.post("/graphql", &[("authorization", &authorization)], &json!({"query": query})).await;
    answer.unwrap().json()
}

/// The lines of one target, oldest first.
fn lines(log: &str, target: &str) -> Vec<Value> {
    let all = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
    all.filter(|line| line["target"] == target).collect()
}

/// The one line of the requests that ran this operation and ended so.
fn line<'a>(lines: &'a [Value], operation: &str, status: u16, replayed: bool) -> &'a Value {
    let mut found = lines.iter().filter(|line| {
        line["graphql.operation.name"] == operation && line["status"] == status && line["idempotent_replay"] == replayed
    });
    let one = found.next().unwrap_or_else(|| panic!("no line of {operation} {status}"));
    assert!(found.next().is_none(), "more than one line of {operation} {status}");
    one
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_is_one_line_of_known_fields_without_a_secret_or_a_name_in_it() {
    let database = Database::new().await;
    let process = Process::serve(database.folder.path(), &database.url, |_| {});
    let (partner, secret) = partner(&database, &process).await;
    let order = {
        let mut order = order();
        order["address"] = json!("Jl. Rahasia 77");
        order["sales_name"] = json!("Siti Pribadi");
        order["customer_code"] = json!("CUST-PRIVATE");
        order
    };
    let signed = partner.sign();
    let created = partner.create(&signed, None, &order).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(partner.create(&signed, None, &order).await.unwrap().status, 201);
    let number = created.json()["data"]["order_number"].as_str().unwrap().to_owned();
    assert_eq!(partner.get(&format!("/api/v1/sales-orders/{number}")).await.status, 200);
    let stale = Signed { timestamp: "1".to_owned(), ..signed.clone() };
    assert_eq!(partner.create(&stale, None, &order).await.unwrap().status, 401);
    let viewer = graphql(&partner, "query named { viewer { clientId } }").await;
    assert_eq!(viewer["data"]["viewer"]["clientId"], partner.client_id.as_str(), "{viewer}");
    let wrong =
        r#"mutation guess { login(input: {clientId: "somebody", clientSecret: "a-guessed-secret"}) { token } }"#;
    graphql(&partner, wrong).await;
    partner.post("/api/v1/auth/login", &[], &json!({"client_id": "x"})).await.unwrap();
    partner.get("/no/such/path/with/CUST-PRIVATE").await;

    let log = process.stop();
    let requests = lines(&log, "http.request");
    assert_eq!(requests.len(), 9, "eight requests and the login before them: {log}");
    let known: BTreeSet<&str> = [
        "timestamp",
        "level",
        "target",
        "message",
        "request_id",
        "method",
        "route",
        "status",
        "duration_ms",
        "principal",
        "graphql.operation.type",
        "graphql.operation.name",
        "graphql.complexity",
        "db.queries",
        "error.code",
        "error.hint",
        "idempotent_replay",
    ]
    .into();
    let used: BTreeSet<&str> =
        requests.iter().flat_map(|line| line.as_object().unwrap().keys().map(String::as_str)).collect();
    assert_eq!(used, known, "each is a row of docs/operations.md");

    let create = line(&requests, "createSalesOrder", 201, false);
    assert_eq!(create["principal"], partner.client_id.as_str());
    assert_eq!(create["method"], "POST");
    assert_eq!(create["route"], "/api/v1/sales-orders");
    assert_eq!(create["graphql.operation.type"], "mutation");
    let refused = line(&requests, "createSalesOrder", 401, false);
    assert_eq!(refused["error.code"], "INVALID_TIMESTAMP");
    assert_eq!(refused["error.hint"], "clock_skew");
    let read = line(&requests, "salesOrder", 200, false);
    assert_eq!(read["route"], "/api/v1/sales-orders/{order_number}");
    assert_eq!(line(&requests, "guess", 200, false)["error.code"], "INVALID_CREDENTIALS");
    assert!(requests.iter().any(|line| line["status"] == 404 && line["route"] == "none"));

    let signature = signed.signature.as_str();
    for private in [
        "Rahasia",
        "Siti",
        "CUST-PRIVATE",
        "a-guessed-secret",
        secret.expose_secret(),
        partner.token.as_str(),
        signature,
        number.as_str(),
    ] {
        assert!(!log.contains(private), "{private} is in the log: {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_takes_a_fixed_number_of_statements() {
    let database = Database::new().await;
    let process = Process::serve(database.folder.path(), &database.url, |command| {
        // What is remembered costs no statement; every request starts from nothing here.
        command.env("SALES_ORDER_AUTH__CLIENT_CACHE_TTL", "0s");
    });
    let (partner, _) = partner(&database, &process).await;
    let signed = partner.sign();
    for lines in [1, 200] {
        let mut order = order();
        order["products"] = vec![order["products"][0].clone(); lines].into();
        let created = partner.create(&signed, None, &order).await.unwrap();
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!(partner.create(&signed, None, &order).await.unwrap().status, 201);
        let number = created.json()["data"]["order_number"].as_str().unwrap().to_owned();
        assert_eq!(partner.get(&format!("/api/v1/sales-orders/{number}")).await.status, 200);
    }
    graphql(&partner, "query viewer { viewer { name scopes } }").await;
    let log = process.stop();
    let mut counts: Vec<_> = lines(&log, "http.request")
        .iter()
        .map(|line| {
            let name = line["graphql.operation.name"].as_str().unwrap().to_owned();
            (name, line["idempotent_replay"] == true, line["db.queries"].as_u64().unwrap())
        })
        .collect();
    counts.sort();
    let expected = [
        // Client and keys before; order, lines, event and receipt are one statement.
        ("createSalesOrder", false, 3),
        // The first use of a key is noted with the order.
        ("createSalesOrder", false, 4),
        // Client and keys, the order that is there, found by trying, and its lines.
        ("createSalesOrder", true, 5),
        ("createSalesOrder", true, 5),
        // The client, its secrets, and whether it knows the address.
        ("login", false, 3),
        ("salesOrder", false, 4),
        ("salesOrder", false, 4),
        ("viewer", false, 2),
    ]
    .map(|(name, replayed, count)| (name.to_owned(), replayed, count));
    assert_eq!(counts, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cause_of_a_failure_of_ours_is_logged_under_the_id_the_caller_was_told() {
    let database = Database::new().await;
    let process = Process::serve(database.folder.path(), &database.url, |_| {});
    let (partner, _) = partner(&database, &process).await;
    database.break_table("sales_orders").await;
    let failed = partner.get("/api/v1/sales-orders/SO-0000000001").await;
    assert_eq!(failed.status, 500);
    let told = failed.json()["request_id"].as_str().unwrap().to_owned();
    let log = process.stop();
    let failures = lines(&log, "failure");
    assert_eq!(failures.len(), 1, "{log}");
    assert_eq!(failures[0]["request_id"], told.as_str());
    assert_eq!(failures[0]["code"], "INTERNAL_ERROR");
    let cause = failures[0]["cause"].as_str().unwrap();
    assert!(cause.contains("integer overflow") || cause.contains("division by zero"), "{}", failures[0]);
}
