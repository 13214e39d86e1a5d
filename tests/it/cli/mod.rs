//! The operator's and the partner's command line, through the real program: what it prints, and how it fails.

mod archiving;
mod backup;
mod clients;
mod contracts;
mod doctor;
mod exporting;
mod health;
mod keys;
mod migrate;
mod personal_data;
mod readers;
mod restore;
mod rotation;
mod samples;
mod serving;
mod settings;
mod signing;
mod totals;
mod webhooks;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::support::{Database, Process, command, plain_http};

/// A folder and an empty database, as an operator has them on the first day.
struct Desk {
    database: Database,
}

/// What a command did.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Desk {
    async fn new() -> Self {
        Self { database: Database::empty().await }
    }

    fn folder(&self) -> &Path {
        self.database.folder.path()
    }

    /// Types a command, with this desk's database.
    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "", |_| {})
    }

    /// Types a command with something at its standard input, or with a changed environment.
    fn run_with(&self, arguments: &[&str], stdin: &str, change: impl FnOnce(&mut Command)) -> Ran {
        let mut command = command(self.folder());
        command.args(arguments).env("SALES_ORDER_DATABASE__URL", &self.database.url);
        change(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read it may be gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The service on this desk's database; what the command line changes is in force at once.
    fn serve(&self) -> Process {
        Process::serve(self.folder(), &self.database.url, |command| {
            command.env("SALES_ORDER_AUTH__CLIENT_CACHE_TTL", "0");
        })
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs OpenSSL, which every partner has; gives what it prints.
    #[track_caller]
    fn openssl(&self, arguments: &str) -> String {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(self.folder()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A partner's key pair, made as the documentation says: `private.pem` and `public.pem`.
    fn key_pair(&self) {
        self.openssl("genrsa -out private.pem 2048");
        self.openssl("rsa -in private.pem -pubout -out public.pem");
    }

    /// Changes the database past the service.
    async fn execute(&self, sql: &str) {
        self.database.db_execute(sql).await.unwrap();
    }

    /// A client that may send orders, with the key pair when there is one; gives its secret.
    fn partner(&self) -> String {
        let mut arguments = vec!["client", "create", "--client-id", "partner-1", "--name", "Partner"];
        arguments.extend(["--scope", "orders:create"]);
        if self.folder().join("public.pem").exists() {
            arguments.extend(["--public-key", "public.pem"]);
        }
        self.run(&arguments).succeeds().trim_end().to_owned()
    }
}

impl Ran {
    /// What it printed, once it is sure that all went well.
    #[track_caller]
    fn succeeds(&self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout.clone()
    }

    #[track_caller]
    fn json(&self) -> Value {
        let stdout = self.succeeds();
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {stdout}"))
    }

    /// The one sentence it failed with: on stderr, exit code 1, and nothing that a script would take for data.
    #[track_caller]
    fn fails(&self) -> String {
        assert_eq!(self.stdout, "", "{self:?}");
        self.fails_after_data()
    }

    /// The same for a command that has something to print all the same.
    #[track_caller]
    fn fails_after_data(&self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        let sentence = self.stderr.strip_prefix("error: ").and_then(|rest| rest.strip_suffix('\n'));
        let sentence = sentence.unwrap_or_else(|| panic!("no sentence: {self:?}"));
        assert!(!sentence.is_empty() && !sentence.contains('\n'), "not one line: {self:?}");
        sentence.to_owned()
    }

    /// What it says about wrong usage, which has an exit code of its own.
    #[track_caller]
    fn is_misused(&self) -> String {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert!(self.stderr.contains("Usage") || self.stderr.contains("--help"), "{self:?}");
        self.stderr.clone()
    }
}

/// The names of an object's members, in their order.
#[track_caller]
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

fn http() -> reqwest::Client {
    plain_http().build().unwrap()
}

/// Logs in and gives the status and the answer.
async fn log_in(service: &Process, client_id: &str, secret: &str) -> (u16, Value) {
    let body = json!({"client_id": client_id, "client_secret": secret});
    let answer = http().post(format!("{}/api/v1/auth/login", service.base)).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// The token of a login that must work.
async fn token(service: &Process, client_id: &str, secret: &str) -> String {
    let (status, answer) = log_in(service, client_id, secret).await;
    assert_eq!(status, 200, "{answer}");
    answer["token"].as_str().unwrap().to_owned()
}

/// The status of reading an order that is not there: 404 for whoever is let in.
async fn status_of_reading(service: &Process, token: &str) -> u16 {
    let url = format!("{}/api/v1/sales-orders/SO-0000000999", service.base);
    http().get(url).header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap().status().as_u16()
}

/// Sends an order with the headers that `sign --json` printed.
async fn send_order(service: &Process, token: &str, headers: &Value, body: String) -> (u16, Value) {
    let mut request = http()
        .post(format!("{}/api/v1/sales-orders", service.base))
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header("content-type", "application/json");
    for (name, value) in headers.as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn wrong_usage_is_told_apart_from_failure() {
    let desk = Desk::new().await;
    for arguments in [
        &[][..],
        &["serv"],
        &["client", "create", "--client-id", "a"],
        &["backup"],
        &["client", "show"],
        &["client", "rotate-secret", "--client-id", "a", "--grace", "soon"],
        &["client", "show", "--client-id", "has spaces"],
        &["client", "key", "add", "--client-id", "a"],
        &["client", "key", "add", "--client-id", "a", "--public-key", "x", "--expires-at", "tomorrow"],
        &["sign", "--client-id", "a"],
        &["sign", "--private-key", "x", "--client-id", "a", "--path", "/needs-a-body"],
        &["verify"],
        &["migrate", "sideways"],
        &["config"],
        &["schema", "--nonsense"],
    ] {
        desk.run(arguments).is_misused();
    }
    assert_eq!(std::fs::read_dir(desk.folder()).unwrap().count(), 0, "wrong usage leaves nothing behind");
}

#[tokio::test]
async fn every_command_explains_itself() {
    let desk = Desk::new().await;
    for (arguments, mentions) in [
        (&["--help"][..], "serve"),
        (&["serve", "--help"], "--listen"),
        (&["client", "create", "--help"], "--secret-stdin"),
        (&["client", "key", "add", "--help"], "--expires-at"),
        (&["backup", "--help"], "Exit codes"),
        (&["sign", "--help"], "--body"),
        (&["demo", "--help"], "--exit"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let help = desk.run(arguments).succeeds();
        assert!(help.contains(mentions), "{arguments:?}: {help}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_one_sentence() {
    let desk = Desk::new().await;
    let file = desk.file("file", "this is no database, however long one reads on in it, and it never will be one");
    for url in [
        format!("sqlite://{file}/orders.db"),
        format!("sqlite://{file}"),
        "postgres://nobody@127.0.0.1:1/orders".to_owned(),
    ] {
        let said = desk
            .run_with(&["client", "list", "--database-url", &url], "", |command| {
                command.env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", "500ms");
            })
            .fails();
        assert!(said.starts_with("cannot open the database (database.url): "), "{url}: {said}");
        let parts: Vec<_> = said.split(": ").collect();
        let distinct: std::collections::BTreeSet<_> = parts.iter().collect();
        assert_eq!(parts.len(), distinct.len(), "it repeats itself: {said}");
    }
    // The slip is told, the password is not.
    let url = "postgres://sales:hunter2@127.0.0.1:port/orders";
    let said = desk.run(&["client", "list", "--database-url", url]).fails();
    assert!(said.contains("a port must be a number") && !said.contains("hunter2"), "{said}");
    let said = desk.run(&["client", "list", "--database-url", "mysql://root@db/orders"]).fails();
    assert!(said.contains("database.url") && said.contains("flag --database-url"), "{said}");
}
