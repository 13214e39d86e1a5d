//! What people see: developers and partners open the service's pages in a real browser. Each scene (`web/tests`) runs in
//! a Chromium that fails it for any word in the console and any request to another host.

mod dashboard;
mod files;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::auth::string_to_sign::{body_and_key_bound_string, body_bound_string, documented_string};
use sales_order_api::clock::Clock;
use sales_order_api::error::ErrorCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Database, OTHER_KEY, PARTNER_KEY, Process, Remote, order};

/// A running service with a partner on it.
struct Stage {
    /// Dropped, and so killed, before the database goes away.
    service: Process,
    database: Database,
    /// What the scenes are told.
    told: Value,
}

const PARTNER: &str = "versuni-client-001";

impl Stage {
    async fn new() -> Self {
        Self::below("").await
    }

    /// With the pages below a path, out of which no scene may lead.
    async fn below(prefix: &str) -> Self {
        Self::with(prefix, |_| {}).await
    }

    async fn with(prefix: &str, change: impl FnOnce(&mut Command)) -> Self {
        let database = Database::new().await;
        let secret = Remote::register(&database, PARTNER).await;
        let service = Process::serve(database.folder.path(), &database.url, |command| {
            if !prefix.is_empty() {
                command.env("SALES_ORDER_HTTP__PUBLIC_URL", format!("https://api.example.com{prefix}"));
            }
            change(command);
        });
        let told = json!({
            "base": format!("{}{prefix}", service.base),
            "clientId": PARTNER,
            "secret": secret.expose_secret(),
            "privateKey": PARTNER_KEY.to_pkcs8_pem().unwrap().expose_secret(),
            "publicKey": PARTNER_KEY.public_key().to_pem(),
            "fingerprint": PARTNER_KEY.public_key().fingerprint(),
        });
        Self { service, database, told }
    }

    fn tell(&mut self, name: &str, value: impl Into<Value>) {
        self.told[name] = value.into();
    }

    /// The partner's key as other tools would write it: `openssl` with these arguments.
    fn key_by_openssl(&self, arguments: &[&str]) -> String {
        let mut openssl = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        openssl.stdin.take().unwrap().write_all(self.told["privateKey"].as_str().unwrap().as_bytes()).unwrap();
        let output = openssl.wait_with_output().unwrap();
        assert!(output.status.success(), "openssl {arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn tell_other_keys(&mut self) {
        let older = self.key_by_openssl(&["rsa", "-traditional"]);
        let encrypted = self.key_by_openssl(&["pkcs8", "-topk8", "-passout", "pass:secret"]);
        self.tell("olderKey", older);
        self.tell("encryptedKey", encrypted);
    }

    /// Plays a scene.
    async fn play(self, file: &'static str, scene: &'static str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(root.join("web/dist/index.html.gz").exists(), "the pages are missing: run `make web`");
        let told = self.told.to_string();
        let played = tokio::task::spawn_blocking(move || {
            let mut node = Command::new("node")
                .args(["web/tests/run.mjs", file, scene])
                .current_dir(root)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            node.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
            node.wait_with_output().unwrap()
        });
        let played = played.await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
        assert!(played.status.success(), "{said}\n{}", self.service.log());
        drop(self.service);
        drop(self.database);
    }
}

fn sign(text: &str) -> String {
    STANDARD.encode(PARTNER_KEY.sign(text.as_bytes()).unwrap())
}

#[tokio::test]
async fn a_partner_finds_every_endpoint_and_a_client_in_every_language_in_the_documentation() {
    let mut stage = Stage::new().await;
    let mut languages = json!({});
    for (label, file) in [
        ("curl + openssl", "partner.sh"),
        ("Node", "partner.mjs"),
        ("Python", "partner.py"),
        ("Java", "Partner.java"),
        ("PHP", "partner.php"),
        ("C#", "Partner.cs"),
        ("Go", "partner.go"),
        ("Perl", "partner.pl"),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(file);
        languages[label] = std::fs::read_to_string(file).unwrap().into();
    }
    stage.tell("languages", languages);
    stage.play("documentation", "isWhole").await;
}

#[tokio::test]
async fn the_type_of_a_problem_leads_a_partner_to_the_line_about_its_code() {
    let mut stage = Stage::new().await;
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    stage.tell("codes", json!(codes));
    stage.play("documentation", "explainsEachCode").await;
}

#[tokio::test]
async fn a_developer_in_graphiql_signs_in_loads_a_key_creates_an_order_and_sees_it_arrive() {
    graphiql_creates_an_order(Stage::new().await).await;
}

#[tokio::test]
async fn every_page_works_below_the_path_of_a_proxy() {
    let mut stage = Stage::below("/orders").await;
    stage.tell("codes", json!(["VALIDATION_FAILED"]));
    stage.play("documentation", "explainsEachCode").await;
    graphiql_creates_an_order(Stage::below("/orders/v1").await).await;
    let mut stage = Stage::below("/orders").await;
    stage.tell_other_keys();
    stage.play("signature", "refusesPrivateKeys").await;
    Stage::below("/orders").await.play("everyone", "canUseTheKeyboard").await;
}

async fn graphiql_creates_an_order(mut stage: Stage) {
    let partner = Remote::log_in(&stage.service.base, PARTNER, &stage.told["secret"].as_str().unwrap().into()).await;
    // A first order, so that there is a place in the feed to follow from.
    partner.create(&partner.sign(), None, &order()).await.unwrap().expect(201);
    let feed = json!({"query": "{ salesOrderEvents(first: 1) { nodes { cursor } } }"});
    let authorization = format!("Bearer {}", partner.token);
    let feed = partner.post("/graphql", &[("authorization", &authorization)], &feed).await.unwrap().expect(200);
    stage.tell("cursor", feed["data"]["salesOrderEvents"]["nodes"][0]["cursor"].clone());
    stage.play("graphiql", "createsAnOrderAndSeesItArrive").await;
}

#[tokio::test]
async fn nothing_secret_of_a_developers_work_in_graphiql_outlives_the_page() {
    Stage::new().await.play("graphiql", "forgetsEverySecret").await;
}

#[tokio::test]
async fn a_developer_loads_keys_as_any_tool_writes_them_and_is_told_what_is_no_key() {
    let mut stage = Stage::new().await;
    stage.tell_other_keys();
    stage.play("graphiql", "readsKeysOfBothForms").await;
}

#[tokio::test]
async fn a_partner_reads_step_by_step_which_check_a_signature_fails() {
    let mut stage = Stage::new().await;
    let timestamp = Clock::system().now().timestamp().to_string();
    let text = documented_string(PARTNER, &timestamp);
    // A body whose line breaks a text field of a browser would change.
    let body = "{\"customer_code\": \"CUST-001\",\r\n \"site_code\": \"SITE-001\"}\r\n";
    let digest: [u8; 32] = Sha256::digest(body).into();
    stage.tell("signature", sign(&text));
    stage.tell("signatureOverLineBreak", sign(&format!("{text}\n")));
    stage.tell("boundSignature", sign(&body_bound_string("POST", "/api/v1/sales-orders", &digest, &timestamp)));
    let key_bound = body_and_key_bound_string("POST", "/api/v1/sales-orders", &digest, &timestamp, "po-4711").unwrap();
    stage.tell("keyBoundSignature", sign(&key_bound));
    stage.tell("body", body);
    stage.tell("timestamp", timestamp);
    stage.play("signature", "showsWhichStepFails").await;
}

#[tokio::test]
async fn a_private_key_pasted_by_mistake_is_cleared_and_not_sent() {
    let mut stage = Stage::new().await;
    stage.tell_other_keys();
    stage.play("signature", "refusesPrivateKeys").await;
}

#[tokio::test]
async fn a_partner_verifies_a_webhook_in_its_browser_and_its_secret_leaves_the_page_for_nowhere() {
    Stage::new().await.play("signature", "verifiesWebhooksByItself").await;
}

#[tokio::test]
async fn a_partner_tries_a_signed_request_in_its_browser_and_its_key_leaves_the_page_for_nowhere() {
    Stage::new().await.play("try", "signsInTheBrowser").await;
    Stage::below("/orders").await.play("try", "signsInTheBrowser").await;
}

#[tokio::test]
async fn a_partner_who_tries_a_key_that_is_not_registered_is_led_to_what_to_do() {
    let mut stage = Stage::new().await;
    stage.tell("otherKey", OTHER_KEY.to_pkcs8_pem().unwrap().expose_secret());
    stage.play("try", "explainsARefusal").await;
}

#[tokio::test]
async fn everybody_can_read_every_page_by_day_and_night_on_a_screen_and_on_a_phone() {
    Stage::new().await.play("everyone", "canReadIt").await;
}

#[tokio::test]
async fn everybody_can_use_every_page_without_a_mouse() {
    Stage::new().await.play("everyone", "canUseTheKeyboard").await;
}

#[tokio::test]
async fn a_word_in_the_console_or_a_request_to_another_host_fails_a_scene() {
    Stage::new().await.play("everyone", "isWatched").await;
}

#[tokio::test]
async fn a_websocket_ends_cleanly_in_a_browser_whoever_closes_it_and_whatever_it_does() {
    let mut stage = Stage::new().await;
    let partner = Remote::log_in(&stage.service.base, PARTNER, &stage.told["secret"].as_str().unwrap().into()).await;
    stage.tell("token", partner.token);
    stage.play("sockets", "endCleanly").await;
}
