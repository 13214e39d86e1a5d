//! The operator starts the service.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::{Desk, Ran, status_of_reading, token};
use crate::support::{TestApp, command};

#[tokio::test]
async fn serve_says_where_everything_is() {
    let desk = Desk::new().await;
    let mut service = command(desk.folder())
        .args(["serve", "--listen", "127.0.0.1:0", "--database-url", &desk.database.url])
        .env("SALES_ORDER_HTTP__DRAIN_DELAY", "0s")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(service.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    let told = Command::new("kill").args(["-TERM", &service.id().to_string()]).status().unwrap();
    assert!(told.success());
    stdout.read_to_string(&mut said).unwrap();
    assert!(service.wait().unwrap().success(), "told to stop, it ends well");

    let base = said.lines().next().unwrap().split_once("listening on ").unwrap().1.to_owned();
    assert!(base.starts_with("http://127.0.0.1:") && !base.ends_with(":0"), "{said}");
    for name in ["docs", "dashboard", "GraphiQL", "REST", "GraphQL", "schema", "OpenAPI", "health"] {
        assert!(said.lines().skip(1).any(|line| line.trim_start().starts_with(name)), "{name} is not in {said}");
    }
    let app = TestApp::new().await;
    for line in said.lines().skip(1) {
        let url = line.split_whitespace().last().unwrap();
        let path = url.strip_prefix(&base).unwrap_or_else(|| panic!("{url} is elsewhere"));
        // The base of the endpoints is no page itself.
        let path = if path == "/api/v1" { "/api/v1/openapi.json" } else { path };
        assert_ne!(app.get(path).await.status.as_u16(), 404, "{line}");
    }
}

#[tokio::test]
async fn a_generated_secret_is_its_owners_alone_and_tokens_survive_a_restart() {
    let desk = Desk::new().await;
    let secret = desk.partner();
    let service = desk.serve();
    let old = token(&service, "partner-1", &secret).await;
    let file = desk.folder().join("data/jwt-secret");
    let generated = std::fs::read_to_string(&file).unwrap();
    assert!(generated.trim_end().len() >= 32, "{} bytes", generated.len());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let log = service.stop();
    assert!(!log.contains(generated.trim_end()), "a secret is not logged");

    let service = desk.serve();
    assert_eq!(status_of_reading(&service, &old).await, 404, "the token is still good");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), generated);
    drop(service);
    // The counter-proof: under another secret the same token is nothing.
    std::fs::remove_file(&file).unwrap();
    assert_eq!(status_of_reading(&desk.serve(), &old).await, 401);
}

fn serve(desk: &Desk, listen: &str) -> Ran {
    desk.run_with(&["serve", "--listen", listen], "", |command| {
        command.env("SALES_ORDER_LOG__FILTER", "warn");
    })
}

#[tokio::test]
async fn serve_refuses_to_be_reachable_with_a_secret_that_is_not_the_operators() {
    let desk = Desk::new().await;
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let said = serve(&desk, listen).fails();
        assert!(said.contains(listen) && said.contains("SALES_ORDER_AUTH__JWT_SECRET"), "{said}");
    }
    assert_eq!(
        std::fs::read_dir(desk.folder()).unwrap().count(),
        0,
        "nothing is created for a service that cannot run"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_one_sentence() {
    let desk = Desk::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = serve(&desk, &address).fails();
    assert!(said.starts_with(&format!("cannot listen on {address}: ")) && said.contains("in use"), "{said}");
}

#[tokio::test]
async fn an_operator_who_migrates_by_hand_is_told_when_it_is_due() {
    let desk = Desk::new().await;
    let by_hand = |command: &mut Command| {
        command.env("SALES_ORDER_DATABASE__MIGRATE_ON_START", "false").env("SALES_ORDER_LOG__FILTER", "warn");
    };
    let said = desk.run_with(&["serve", "--listen", "127.0.0.1:0"], "", by_hand).fails();
    assert!(said.contains("sales-order-api migrate up"), "{said}");
    let said = desk.run_with(&["client", "list"], "", by_hand).fails();
    assert!(said.contains("sales-order-api migrate up"), "{said}");
    desk.run(&["migrate", "up"]).succeeds();
    assert_eq!(desk.run_with(&["client", "list", "--json"], "", by_hand).succeeds(), "[]\n");
}
