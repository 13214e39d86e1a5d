//! Partners write their clients in many languages: each of those in `tests/clients` creates, validates, lists and cancels
//! orders at a running service, with nothing of ours in between.

mod language;
mod webhooks;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use self::language::{CSHARP, GO, JAVA, Language, NODE, PERL, PHP, PYTHON, SHELL};
use crate::support::{Database, Process, command};

/// One client and the language it is written in.
struct Client {
    file: &'static str,
    language: Language,
}

/// A running service, and three partners that the operator set up: one may sign any form, the second must bind the body, and
/// the third its Idempotency-Key as well.
struct Stage {
    /// Dropped, and so killed, before the database goes away.
    service: Process,
    database: Database,
    secrets: [(&'static str, String); 3],
}

const EITHER: &str = "either-form";
const BOUND: &str = "bound-form";
const STRICT: &str = "key-bound-form";

impl Stage {
    async fn new() -> Self {
        let database = Database::new().await;
        let folder = database.folder.path();
        let openssl = |args: &[&str]| {
            let output = Command::new("openssl").args(args).current_dir(folder).output().unwrap();
            assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        for client_id in [EITHER, BOUND, STRICT] {
            let (private, public) = (private_key(client_id), public_key(client_id));
            openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &private]);
            openssl(&["pkey", "-in", &private, "-pubout", "-out", &public]);
        }
        let secrets = [(EITHER, "documented"), (BOUND, "body_bound"), (STRICT, "body_and_key_bound")]
            .map(|(client_id, policy)| (client_id, create_client(folder, &database.url, client_id, policy)));
        // Bytes that a careless client changes: letters beyond ASCII, white space, a line break at the end.
        let body = serde_json::to_string_pretty(&order()).unwrap() + "\r\n";
        std::fs::write(folder.join("order.json"), body).unwrap();
        std::fs::write(folder.join("cancellation.json"), "{\"reason\": \"CUSTOMER_REQUEST\", \"note\": \"№ 1\"}\n")
            .unwrap();
        let service = Process::serve(folder, &database.url, |_| {});
        Self { service, database, secrets }
    }

    /// Runs a client; gives the status and the body of the one answer that it prints.
    fn run(&self, client: &Client, client_id: &str, options: &[(&str, &str)]) -> (u16, Value) {
        let mut answers = self.run_pages(client, client_id, options);
        assert_eq!(answers.len(), 1, "{}: {answers:?}", client.file);
        answers.remove(0)
    }

    /// Runs a client; gives the status and the body of each answer that it prints.
    fn run_pages(&self, client: &Client, client_id: &str, options: &[(&str, &str)]) -> Vec<(u16, Value)> {
        let folder = self.database.folder.path();
        let secret = &self.secrets.iter().find(|(known, _)| *known == client_id).unwrap().1;
        let output = client
            .language
            .command(client.file)
            .current_dir(folder)
            .env_remove("BODY_BOUND")
            .env_remove("KEY_BOUND")
            .env_remove("IDEMPOTENCY_KEY")
            .env_remove("ACTION")
            .env_remove("CURSOR")
            .env_remove("LIMIT")
            // What the machine reaches the internet through does not lead to the service.
            .env("no_proxy", "127.0.0.1")
            .env("NO_PROXY", "127.0.0.1")
            .env("BASE_URL", &self.service.base)
            .env("CLIENT_ID", client_id)
            .env("CLIENT_SECRET", secret)
            .env("PRIVATE_KEY", private_key(client_id))
            .env("BODY", "order.json")
            .envs(options.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {}\n{out}{err}", client.file, output.status);
        let values: Vec<Value> = serde_json::Deserializer::from_str(&out).into_iter().map(Result::unwrap).collect();
        let (answers, []) = values.as_chunks::<2>() else { panic!("{}: {out:?}{err}", client.file) };
        answers.iter().map(|[status, body]| (status.as_u64().unwrap().try_into().unwrap(), body.clone())).collect()
    }
}

fn private_key(client_id: &str) -> String {
    format!("{client_id}-private.pem")
}

fn public_key(client_id: &str) -> String {
    format!("{client_id}-public.pem")
}

/// The operator's part; gives the secret.
fn create_client(folder: &Path, database_url: &str, client_id: &str, policy: &str) -> String {
    let output = command(folder)
        .args(["client", "create", "--json", "--database-url", database_url, "--client-id", client_id])
        .args(["--name", "A partner", "--scope", "orders:create", "--public-key", &public_key(client_id)])
        .args(["--signature-policy", policy])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let created: Value = serde_json::from_slice(&output.stdout).unwrap();
    created["client_secret"].as_str().unwrap().to_owned()
}

fn order() -> Value {
    json!({
        "customer_code": "CUST-001",
        "site_code": "SITE-001",
        "sales_name": "Siti Nurhaliza – Ωmega",
        "address": "Jl. Sudirman № 1\nJakarta",
        "products": [{"product_code": "HD9650", "quantity": 2, "unit_price": 125_000.5}],
    })
}

async fn the_client_creates_orders(client: &Client) {
    let stage = Stage::new().await;

    let (status, created) = stage.run(client, EITHER, &[]);
    assert_eq!(status, 201, "{}: {created}", client.file);
    assert_eq!(created["data"]["client_id"], EITHER);
    assert_eq!(created["data"]["sales_name"], order()["sales_name"]);
    assert_eq!(created["data"]["address"], order()["address"]);
    assert_eq!(created["data"]["total_amount"], "250001");

    // The other partner must bind the body, and is told so when the client does not.
    let (status, refused) = stage.run(client, BOUND, &[]);
    assert_eq!((status, &refused["hint"]), (401, &json!("signed_body_bound_expected")), "{}: {refused}", client.file);

    let retried = [("BODY_BOUND", "1"), ("IDEMPOTENCY_KEY", "order-42/first")];
    let (status, bound) = stage.run(client, BOUND, &retried);
    assert_eq!(status, 201, "{}: {bound}", client.file);
    let (status, again) = stage.run(client, BOUND, &retried);
    assert_eq!((status, &again["data"]), (201, &bound["data"]), "{}: a retry made another order", client.file);

    // The third one must bind its key as well.
    let strict = [("BODY_BOUND", "1"), ("KEY_BOUND", "1"), ("IDEMPOTENCY_KEY", "order-43/first")];
    let (status, refused) = stage.run(client, STRICT, &strict[..1]);
    assert_eq!((status, &refused["code"]), (400, &json!("MISSING_HEADER")), "{}: {refused}", client.file);
    let (status, made) = stage.run(client, STRICT, &strict);
    assert_eq!(status, 201, "{}: {made}", client.file);
    let (status, again) = stage.run(client, STRICT, &strict);
    assert_eq!((status, &again["data"]), (201, &made["data"]), "{}: a retry made another order", client.file);

    let orders = stage.database.db_number("SELECT COUNT(*) FROM sales_orders").await;
    assert_eq!(orders, 3, "{}", client.file);
    the_client_validates_lists_and_cancels(&stage, client).await;
}

/// What it does beside creating, at a stage where the first partner has one order.
async fn the_client_validates_lists_and_cancels(stage: &Stage, client: &Client) {
    let validation = ("ACTION", "validate");
    for (client_id, options) in [
        (EITHER, &[validation][..]),
        (STRICT, &[validation, ("BODY_BOUND", "1"), ("KEY_BOUND", "1"), ("IDEMPOTENCY_KEY", "v")]),
    ] {
        let (status, valid) = stage.run(client, client_id, options);
        assert_eq!((status, &valid["data"]["total_amount"]), (200, &json!("250001")), "{}: {valid}", client.file);
        assert!(valid["data"].get("order_number").is_none(), "{}: {valid}", client.file);
    }
    let orders = stage.database.db_number("SELECT COUNT(*) FROM sales_orders").await;
    assert_eq!(orders, 3, "{}: a validation made an order", client.file);

    let (_, second) = stage.run(client, EITHER, &[("IDEMPOTENCY_KEY", "order-44")]);
    let pages = |options: &[(&str, &str)]| -> Vec<Value> {
        let answers = stage.run_pages(client, EITHER, &[&[("ACTION", "list")], options].concat());
        let pages = answers.into_iter().map(|(status, page)| (status == 200).then_some(page));
        pages.collect::<Option<_>>().unwrap_or_else(|| panic!("{}: {options:?}", client.file))
    };
    let number = |order: &Value| order["order_number"].as_str().unwrap().to_owned();
    let numbers = |pages: &[Value]| -> Vec<_> {
        pages.iter().flat_map(|page| page["data"].as_array().unwrap()).map(number).collect()
    };
    let listed = pages(&[("LIMIT", "1")]);
    assert!(listed.len() > 1, "{}: {listed:?}", client.file);
    let (last, before) = listed.split_last().unwrap();
    assert!(
        last["has_more"] == false && before.iter().all(|page| page["has_more"] == true),
        "{}: {listed:?}",
        client.file
    );
    assert_eq!(numbers(&listed).len(), 2, "{}: {listed:?}", client.file);

    // Another day the partner goes on where it stopped, and sees what changed since.
    let second = number(&second["data"]);
    let cancellation = [
        ("ACTION", "cancel"),
        ("ORDER_NUMBER", &*second),
        ("BODY", "cancellation.json"),
        ("IDEMPOTENCY_KEY", "cancel-44"),
    ];
    for replayed in [false, true] {
        let (status, cancelled) = stage.run(client, EITHER, &cancellation);
        assert_eq!((status, &cancelled["data"]["status"]), (200, &json!("CANCELLED")), "{}: {cancelled}", client.file);
        assert_eq!(
            (&cancelled["request"]["note"], &cancelled["replayed"]),
            (&json!("№ 1"), &json!(replayed)),
            "{}",
            client.file
        );
    }
    let changed = pages(&[("CURSOR", last["next_cursor"].as_str().unwrap())]);
    assert_eq!(numbers(&changed), [second], "{}: {changed:?}", client.file);
    assert_eq!(changed[0]["data"][0]["status"], "CANCELLED");
}

async fn the_client_creates_orders_where_it_can_run(client: &Client) {
    if client.language.is_here_for(client.file) {
        the_client_creates_orders(client).await;
    }
}

#[tokio::test]
async fn a_partner_with_openssl_and_curl_creates_orders() {
    assert!(SHELL.is_here(), "curl is missing");
    the_client_creates_orders(&Client { file: "partner.sh", language: SHELL }).await;
}

#[tokio::test]
async fn a_partner_with_node_creates_orders() {
    assert!(NODE.is_here(), "Node is missing");
    the_client_creates_orders(&Client { file: "partner.mjs", language: NODE }).await;
}

#[tokio::test]
async fn a_partner_with_python_creates_orders() {
    the_client_creates_orders_where_it_can_run(&Client { file: "partner.py", language: PYTHON }).await;
}

#[tokio::test]
async fn a_partner_with_perl_creates_orders() {
    the_client_creates_orders_where_it_can_run(&Client { file: "partner.pl", language: PERL }).await;
}

#[tokio::test]
async fn a_partner_with_java_creates_orders() {
    the_client_creates_orders_where_it_can_run(&Client { file: "Partner.java", language: JAVA }).await;
}

#[tokio::test]
async fn a_partner_with_php_creates_orders() {
    the_client_creates_orders_where_it_can_run(&Client { file: "partner.php", language: PHP }).await;
}

#[tokio::test]
async fn a_partner_with_go_creates_orders() {
    the_client_creates_orders_where_it_can_run(&Client { file: "partner.go", language: GO }).await;
}

#[tokio::test]
async fn a_partner_with_csharp_creates_orders() {
    the_client_creates_orders_where_it_can_run(&Client { file: "Partner.cs", language: CSHARP }).await;
}
