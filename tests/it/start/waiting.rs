//! A service that waits for its database: who watches it finds it alive and not ready, and nobody a closed port.

use serde_json::json;
use tokio::net::{TcpStream, UnixListener};

use super::{said, serve};
use crate::support::{Answer, Database, Process, Remote, command, order, until};

/// Nobody listens there.
const NOWHERE: &str = "postgres://u:hunter2@127.0.0.1:1/orders";

fn assert_told_to_wait(answer: &Answer) {
    assert_eq!(answer.header("retry-after"), Some("2"), "{}", answer.text);
    assert!(answer.text.contains("waits for its database"), "{}", answer.text);
    assert!(!answer.text.contains("127.0.0.1") && !answer.text.contains("hunter2"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_finds_a_service_that_waits_for_its_database_alive_and_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let service = Process::serve_waiting(folder.path(), NOWHERE).await;
    let caller = Remote::at_door(&service.base, "partner");
    assert_eq!(caller.get("/health/live").await.expect(200), json!({"status": "ok"}));
    for path in ["/health/ready", "/api/v1/sales-orders/SO-0000000001", "/docs", "/", "/graphql/ws"] {
        let answer = caller.get(path).await;
        answer.expect_problem(503, "DATABASE_UNAVAILABLE");
        assert_told_to_wait(&answer);
    }
    assert!(caller.get("/metrics").await.text.contains("http_requests_total{"));
    // The command an image asks its health with.
    let health = said(command(folder.path()).args(["health", "--url", &service.base]));
    assert!(health.contains("503"), "{health}");
    service.ask_to_stop();
    let log = service.wait();
    assert!(log.contains("stopped before the database was there") && !log.contains("hunter2"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_and_a_dashboard_are_told_in_their_own_form_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let service = Process::serve_waiting(folder.path(), NOWHERE).await;
    let caller = Remote::at_door(&service.base, "partner");
    let ordered = caller.create(&caller.sign(), Some("po-1"), &order()).await.unwrap();
    ordered.expect_problem(503, "DATABASE_UNAVAILABLE");
    assert_told_to_wait(&ordered);
    let document = json!({"query": "{ viewer { clientId } }"});
    let asked = caller.post("/graphql", &[("accept", "application/graphql-response+json")], &document).await.unwrap();
    assert_eq!(asked.status, 503);
    assert!(asked.header("content-type").unwrap().starts_with("application/graphql-response+json"));
    let error = asked.expect_error("DATABASE_UNAVAILABLE");
    assert_eq!(error["extensions"]["retryAfter"], 2, "{error}");
    assert_told_to_wait(&asked);
}

/// Whoever waits for the line sends requests then.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_told_to_stop_while_it_waits_ends_well_and_never_said_that_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let mut service = Process::serve_waiting(folder.path(), NOWHERE).await;
        // Open and silent, as those that a proxy or a browser keeps: it keeps nobody waiting.
        let idle = TcpStream::connect(service.base.trim_start_matches("http://")).await.unwrap();
        service.signal(signal);
        assert_eq!(service.said(), "");
        assert!(service.ended().await.success(), "{signal}");
        drop(idle);
    }
}

#[test]
fn a_taken_port_is_told_before_the_database_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["SALES_ORDER_HTTP__LISTEN", "SALES_ORDER_METRICS__LISTEN"] {
        let mut command = command(folder.path());
        command.args(["serve", "--database-url", NOWHERE]).env("SALES_ORDER_HTTP__LISTEN", "127.0.0.1:0");
        command.env("SALES_ORDER_DATABASE__START_TIMEOUT", "10m").env(key, &address);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("error: cannot listen on {address}")), "{said}");
        assert!(!said.contains("trying again"), "it waited for the database: {said}");
    }
}

#[test]
fn a_database_that_never_comes_ends_the_service_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let said = said(&mut serve(&folder, NOWHERE, "1s"));
    assert!(said.starts_with("error: ") && said.contains("connection refused at 127.0.0.1:1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_started_before_its_database_serves_as_soon_as_it_is_there_also_on_connections_from_before() {
    only_on!(Postgres);
    let database = Database::new().await;
    let folder = database.folder.path().to_owned();
    let socket = folder.join(".s.PGSQL.5432");
    let (login, place) = database.url.trim_start_matches("postgres://").rsplit_once('@').unwrap();
    let (server, name) = place.rsplit_once('/').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let url = format!("postgres:///{name}?host={}&user={user}&password={password}", folder.display());
    let server = server.to_owned();
    let service = Process::serve_waiting(&folder, &url).await;
    until("it says what it waits for", async || service.log().contains("(nobody listens there)")).await;
    let watcher = Remote::at_door(&service.base, "partner");
    watcher.get("/health/ready").await.expect_problem(503, "DATABASE_UNAVAILABLE");

    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    // Over the connection that the watcher has open.
    until("the service is ready", async || watcher.get("/health/ready").await.status == 200).await;
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    partner.create(&partner.sign(), None, &order()).await.unwrap().expect(201);
    let answer = watcher.get("/schema.graphql").await;
    assert_eq!(answer.status, 200);
    tokio::task::spawn_blocking(move || service.stop()).await.unwrap();
}
