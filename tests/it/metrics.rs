//! What an operator reads at `/metrics`.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::str::FromStr;

use futures_util::{SinkExt as _, StreamExt as _};
use sales_order_api::domain::permission::Permission;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::{Answer, Database, Process, Remote, order};

/// The service, with a client of it that may read and create.
async fn service() -> (Database, Process, Remote) {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let permissions = vec![Permission::OrdersCreate, Permission::OrdersRead];
    let secret = Remote::register_with(&database, "partner", permissions).await;
    let client = Remote::log_in(&service.base, "partner", &secret).await;
    (database, service, client)
}

async fn value<T: FromStr<Err: Debug>>(client: &Remote, series: &str) -> T {
    let metrics = client.get("/metrics").await.text;
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {metrics}")).parse().unwrap()
}

async fn failures(client: &Remote, code: &str, wire: &str) -> u64 {
    value(client, &format!("errors_total{{code=\"{code}\",wire=\"{wire}\"}}")).await
}

async fn graphql(client: &Remote, document: &str, accept: &str) -> Answer {
    let authorization = format!("Bearer {}", client.token);
    let headers = [("authorization", authorization.as_str()), ("accept", accept)];
    client.post("/graphql", &headers, &json!({"query": document})).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_in_the_table_of_the_operations_guide_and_the_other_way_round() {
    let (_database, _service, client) = service().await;
    client.create(&client.sign(), None, &order()).await.unwrap().expect(201);
    let rendered = client.get("/metrics").await.text;
    let rendered: BTreeSet<_> =
        rendered.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let guide = include_str!("../../docs/operations.md");
    let table = guide.split("\n| metric | meaning |\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let documented: BTreeSet<_> = table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(rendered, documented);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_callers_are_refused_is_counted_by_code_on_either_wire() {
    let (_database, _service, client) = service().await;
    assert_eq!((failures(&client, "NOT_FOUND", "rest").await, failures(&client, "NOT_FOUND", "graphql").await), (0, 0));

    client.get("/api/v1/sales-orders/SO-9999999999").await.expect_problem(404, "NOT_FOUND");
    client.create(&client.sign(), None, &Value::Null).await.unwrap().expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(failures(&client, "NOT_FOUND", "rest").await, 1);
    assert_eq!(failures(&client, "VALIDATION_FAILED", "rest").await, 1);
    // Where GraphQL answers 200.
    let answer = graphql(&client, "mutation { refresh(input: {token: \"no\"}) { token } }", "application/json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(failures(&client, "UNAUTHENTICATED", "graphql").await, 1);
    graphql(&client, "{ nothing }", "application/graphql-response+json").await;
    graphql(&client, "{ nothing }", "text/event-stream").await;
    assert_eq!(failures(&client, "GRAPHQL_VALIDATION_FAILED", "graphql").await, 2);
    assert_eq!(failures(&client, "GRAPHQL_VALIDATION_FAILED", "rest").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_over_websocket_is_counted_too() {
    let (_database, service, client) = service().await;
    let connect = async |token: &str| {
        let url = format!("{}/graphql/ws", service.base.replace("http://", "ws://"));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {token}")}});
        let run = json!({"id": "1", "type": "subscribe", "payload": {"query": "{ nothing }"}});
        socket.send(Message::text(init.to_string())).await.unwrap();
        socket.send(Message::text(run.to_string())).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() || message.to_text().unwrap().contains(r#""type":"error""#) {
                return;
            }
        }
    };
    connect(&client.token).await;
    assert_eq!(failures(&client, "GRAPHQL_VALIDATION_FAILED", "graphql").await, 1);
    connect("not.a.token").await;
    assert_eq!(failures(&client, "UNAUTHENTICATED", "graphql").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_which_program_runs_and_what_it_uses() {
    let (_database, service, client) = service().await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(value::<u64>(&client, &format!("build_info{{version=\"{version}\"}}")).await, 1);
    #[cfg(target_os = "linux")]
    {
        let told = value::<u64>(&client, "process_resident_memory_bytes").await / 1024;
        let held = service.resident_kib();
        assert!(told > 1024 && told < 4 * held && held < 4 * told, "{told} of {held}");
    }
    assert!(value::<u64>(&client, "process_open_fds").await > 3);
    assert!(value::<f64>(&client, "process_start_time_seconds").await > 1.7e9);
    assert!(value::<f64>(&client, "process_cpu_seconds_total").await >= 0.);
    drop(service);
}
