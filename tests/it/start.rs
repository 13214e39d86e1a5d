//! The operator starts the service before its database is there, or with an address that leads nowhere.

mod checks;
mod expiring;
mod hosts;
mod roles;
mod waiting;

use std::net::TcpListener;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{Database, command, on_postgres};

/// What a command says that must fail.
fn said(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "{}{said}", String::from_utf8_lossy(&stdout));
    said.lines().last().unwrap_or_default().to_owned()
}

fn list_clients(folder: &TempDir, url: &str, patience: &str) -> String {
    let mut command = command(folder.path());
    command.args(["client", "list", "--database-url", url]).env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", patience);
    said(&mut command)
}

fn serve(folder: &TempDir, url: &str, start_timeout: &str) -> Command {
    let mut command = command(folder.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--database-url", url])
        .env("SALES_ORDER_DATABASE__START_TIMEOUT", start_timeout);
    command
}

/// A server's address with another user, password or database.
fn address(user: &str, password: &str, database: &str) -> String {
    let server = on_postgres().unwrap();
    let place = server.rsplit_once('@').unwrap().1;
    format!("postgres://{user}:{password}@{}/{database}", place.split('/').next().unwrap())
}

#[test]
fn an_address_that_leads_nowhere_is_one_sentence_with_place_and_cause() {
    let folder = tempfile::tempdir().unwrap();
    // Taken and never answered: what a firewall that drops packets looks like.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let nowhere = folder.path().display();
    for (url, patience, expected) in [
        (
            "postgres://u@127.0.0.1:1/orders".to_owned(),
            "10m",
            "connection refused at 127.0.0.1:1 (nobody listens there)",
        ),
        ("postgres://u@[::1]:1/orders".to_owned(), "10m", "[::1]:1"),
        (format!("postgres://u@127.0.0.1:{port}/orders"), "300ms", "timed out: no answer within 300ms"),
        (format!("postgres:///orders?host={nowhere}&user=u"), "10m", "(nobody listens there)"),
        ("postgres://u@no-such-host.invalid/orders".to_owned(), "10m", "no such host: no-such-host.invalid"),
        (
            "postgres://u@127.0.0.1:1/orders?sslmode=verify-full&sslrootcert=/nowhere/ca.pem".to_owned(),
            "10m",
            "the file of sslrootcert, /nowhere/ca.pem, cannot be read: No such file",
        ),
        ("postgres://u@127.0.0.1:1,127.0.0.1:2/orders".to_owned(), "10m", "none of the hosts can be used (connection"),
        ("postgres://u@db/orders?sslmod=verify-full".to_owned(), "10m", "did you mean sslmode?"),
    ] {
        let said = list_clients(&folder, &url, patience);
        assert!(said.contains("cannot open the database (database.url): ") && said.contains(expected), "{url}: {said}");
    }
}

#[test]
fn config_check_reads_the_addresses_without_connecting() {
    let folder = tempfile::tempdir().unwrap();
    let check = |url: &str, listen_url: &str| {
        let mut command = command(folder.path());
        command.args(["config", "check", "--database-url", url]).env("SALES_ORDER_DATABASE__LISTEN_URL", listen_url);
        command
    };
    let good = "postgres://u:hunter2@127.0.0.1:1,[::1]:1/orders?target_session_attrs=read-write";
    assert!(check(good, good).output().unwrap().status.success());
    let typo = "postgres://u:hunter2@db/orders?sslmode=verify_full";
    for (url, listen_url, key) in [(typo, "", "database.url"), (good, typo, "database.listen_url")] {
        let said = said(&mut check(url, listen_url));
        assert!(
            said.contains(key) && said.contains("did you mean verify-full?") && !said.contains("hunter2"),
            "{said}"
        );
    }
}

/// A typo here would leave TLS off without a word.
#[test]
fn a_mistyped_variable_of_the_environment_is_named_by_the_service_and_by_config_check() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://u:hunter2@127.0.0.1:1/orders";
    for (variable, value, expected) in [
        ("PGSSLMODE", "verify_full", "did you mean verify-full? "),
        ("PGSSLMOD", "verify-full", "did you mean PGSSLMODE?"),
        ("PGTARGETSESSIONATTRS", "readwrite", "did you mean read-write?"),
        ("PGREQUIREAUTH", "scram-sha-256", "use sslmode=verify-full"),
    ] {
        let sentences = [&["config", "check"][..], &["client", "list"], &["serve"]].map(|arguments| {
            let mut command = command(folder.path());
            said(command.args(arguments).args(["--database-url", url]).env(variable, value))
        });
        let said = &sentences[0];
        assert!(sentences.iter().all(|other| other == said), "{sentences:?}");
        assert!(said.contains("(database.url)") && said.contains(variable), "{said}");
        assert!(said.contains(expected.trim_end()) && !said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_one_sentence_with_the_remedy_and_is_not_waited_for() {
    only_on!(Postgres);
    let database = Database::new().await;
    let name = database.url.rsplit_once('/').unwrap().1.to_owned();
    let role = format!("{name}_role");
    database.db_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'right'")).await.unwrap();
    for (url, expected) in [
        (address(&role, "hunter2", &name), "password authentication failed for user".to_owned()),
        (address(&role, "right", "no_such_database"), "database \"no_such_database\" does not exist".to_owned()),
        (format!("{}?sslmode=require", address(&role, "right", &name)), "TLS refused at ".to_owned()),
        (format!("{}?sslmode=verify_full", address(&role, "right", &name)), "did you mean verify-full?".to_owned()),
    ] {
        let said = said(&mut serve(&database.folder, &url, "10m"));
        assert!(said.contains(&expected) && !said.contains("hunter2"), "{url}: {said}");
    }
    database.db_execute(&format!("ALTER ROLE {role} CONNECTION LIMIT 0")).await.unwrap();
    let full = list_clients(&database.folder, &address(&role, "right", &name), "10m");
    assert!(full.contains("too many clients at ") && full.contains("database.max_connections"), "{full}");
    database.db_execute(&format!("DROP ROLE {role}")).await.unwrap();
}

#[test]
fn the_operator_hears_the_cause_once_the_time_to_wait_is_over() {
    let folder = tempfile::tempdir().unwrap();
    for start_timeout in ["0", "1s"] {
        let output = serve(&folder, "postgres://u@127.0.0.1:1/orders", start_timeout).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.lines().last().unwrap().contains("connection refused at 127.0.0.1:1"), "{said}");
        // Each cause is told once, however often it is met.
        assert_eq!(said.matches("trying again").count(), usize::from(start_timeout != "0"), "{said}");
    }
}
