//! Everything that rotates does so under load: a partner that sends orders without a pause never has one refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::auth::private_key::PrivateKey;
use sales_order_api::auth::string_to_sign::documented_string;
use sales_order_api::auth::token::{Session, TokenKeys};
use sales_order_api::clock::Clock;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::{Database, OTHER_KEY, PARTNER_KEY, Process, Remote, Signed, command, order, until};

const ID: &str = "versuni-client-001";
const OLD_JWT: &str = "the secret of tokens as it was, of more than 32 bytes";
const NEW_JWT: &str = "the secret of tokens as it will be, of more than 32 bytes";

/// With what the partner works at the moment.
#[derive(Clone)]
struct Tools {
    token: String,
    key: &'static PrivateKey,
    /// Counts the changes.
    edition: u64,
}

/// The partner's programs, which send one order after the other.
struct Workers {
    tools: watch::Sender<Tools>,
    /// Which edition of the tools each of them last had an order taken with.
    seen: Arc<Vec<AtomicU64>>,
    tasks: JoinSet<u64>,
}

fn sign(tools: &Tools) -> Signed {
    let timestamp = Clock::system().now().timestamp().to_string();
    let text = documented_string(ID, &timestamp);
    Signed {
        authorization: format!("Bearer {}", tools.token),
        client_id: ID.to_owned(),
        signature: STANDARD.encode(tools.key.sign(text.as_bytes()).unwrap()),
        timestamp,
    }
}

impl Workers {
    fn start(instances: &[Remote], tools: Tools) -> Self {
        let (tools, seen) =
            (watch::Sender::new(tools), Arc::new((0..4).map(|_| AtomicU64::new(0)).collect::<Vec<_>>()));
        let mut tasks = JoinSet::new();
        for worker in 0..seen.len() {
            let (tools, seen, instance) = (tools.subscribe(), Arc::clone(&seen), instances[worker % 2].clone());
            tasks.spawn(async move {
                let mut sent = 0;
                loop {
                    let now = tools.borrow().clone();
                    if now.edition == u64::MAX {
                        return sent;
                    }
                    let key = format!("{worker}-{sent}");
                    let answer = instance.create(&sign(&now), Some(&key), &order()).await.unwrap();
                    assert_eq!(answer.status, 201, "order {key}, edition {}: {}", now.edition, answer.text);
                    sent += 1;
                    seen[worker].store(now.edition, Ordering::SeqCst);
                }
            });
        }
        Self { tools, seen, tasks }
    }

    /// Gives the workers other tools, and waits until nobody works with the ones before.
    async fn switch(&mut self, change: impl FnOnce(&mut Tools)) {
        self.tools.send_modify(|tools| {
            change(tools);
            tools.edition += 1;
        });
        let edition = self.tools.borrow().edition;
        let seen = Arc::clone(&self.seen);
        self.until(|| std::future::ready(seen.iter().all(|seen| seen.load(Ordering::SeqCst) >= edition))).await;
    }

    /// Waits for something, while the workers go on.
    async fn until<F: Future<Output = bool>>(&mut self, mut is_so: impl FnMut() -> F) {
        let tasks = &mut self.tasks;
        until("what the workers go on for", async || {
            let ended = tasks.try_join_next();
            assert!(ended.is_none(), "a worker ended: {ended:?}");
            is_so().await
        })
        .await;
    }

    /// Lets everybody finish; gives how many orders were taken.
    async fn stop(self) -> u64 {
        self.tools.send_modify(|tools| tools.edition = u64::MAX);
        self.tasks.join_all().await.into_iter().sum()
    }
}

fn operator(database: &Database, arguments: &[&str]) -> Value {
    let output = command(database.folder.path())
        .args(["--json", "--database-url", &database.url])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// As secret stores do: the new file takes the old one's place at once.
fn put(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join("draft"), text).unwrap();
    std::fs::rename(folder.join("draft"), folder.join(name)).unwrap();
}

/// A token as an instance with this secret signs it.
fn token_by(secret: &str, like: &str) -> String {
    let claims: Value = {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(like.split('.').nth(1).unwrap()).unwrap()).unwrap()
    };
    let session = Session {
        client_id: ID.to_owned(),
        auth_time: claims["auth_time"].as_i64().unwrap(),
        scope: claims["scope"].as_str().unwrap().to_owned(),
        secret_id: claims["secret_id"].as_i64().unwrap(),
        session_generation: claims["session_generation"].as_i64().unwrap(),
    };
    let keys = TokenKeys::new(&[SecretString::from(secret)], "sales-order-api", "sales-order-api");
    let issued = keys.issue(&session, Clock::system().now(), Duration::from_hours(1)).unwrap();
    issued.token.expose_secret().to_owned()
}

async fn is_let_in(instance: &Remote, token: &str) -> bool {
    let mut asker = instance.clone();
    token.clone_into(&mut asker.token);
    asker.get("/api/v1/sales-orders/SO-9999999999").await.status == 404
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_key_and_secret_and_the_secret_of_tokens_are_rotated_under_load_and_no_order_fails() {
    let database = Database::new().await;
    let folder = database.folder.path();
    put(folder, "jwt", OLD_JWT);
    put(folder, "jwt-previous", "");
    let serve = || {
        Process::serve(folder, &database.url, |command| {
            command
                .env("SALES_ORDER_AUTH__JWT_SECRET_FILE", "jwt")
                .env("SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS_FILE", "jwt-previous")
                .env("SALES_ORDER_AUTH__CLIENT_CACHE_TTL", "500ms");
        })
    };
    let services = [serve(), serve()];
    let secret = Remote::register(&database, ID).await;
    let first = Remote::log_in(&services[0].base, ID, &secret).await;
    let instances = [first.clone(), first.at(&services[1].base)];
    let tools = Tools { token: first.token.clone(), key: &PARTNER_KEY, edition: 1 };
    let mut workers = Workers::start(&instances, tools);
    workers.switch(|_| {}).await;

    // The key: the new one is added, used as soon as every instance knows it, and the old one revoked.
    std::fs::write(folder.join("next.pem"), OTHER_KEY.public_key().to_pem()).unwrap();
    operator(&database, &["client", "key", "add", "--client-id", ID, "--public-key", "next.pem"]);
    for instance in &instances {
        let next = Tools { token: first.token.clone(), key: &OTHER_KEY, edition: 0 };
        workers
            .until(|| async {
                let checked = instance.post("/api/v1/signature/check", &sign(&next).headers(), &json!({})).await;
                checked.unwrap().expect(200)["valid"] == true
            })
            .await;
    }
    workers.switch(|tools| tools.key = &OTHER_KEY).await;
    let old = PARTNER_KEY.public_key().fingerprint();
    operator(&database, &["client", "key", "revoke", "--client-id", ID, "--fingerprint", old]);
    workers.switch(|_| {}).await;

    // The client secret: a new session begins with the new one, and the old one is ended.
    let rotated = operator(&database, &["client", "rotate-secret", "--client-id", ID]);
    let secret = SecretString::from(rotated["client_secret"].as_str().unwrap());
    let renewed = Remote::log_in(&services[1].base, ID, &secret).await.token;
    workers.switch(|tools| tools.token.clone_from(&renewed)).await;
    operator(&database, &["client", "end-old-secrets", "--client-id", ID]);
    workers.switch(|_| {}).await;

    // The secret of tokens: every instance first accepts the new one, then signs with it, then forgets the old one.
    put(folder, "jwt-previous", NEW_JWT);
    let by_new = token_by(NEW_JWT, &renewed);
    for instance in &instances {
        workers.until(|| is_let_in(instance, &by_new)).await;
    }
    put(folder, "jwt-previous", &format!("{OLD_JWT}\n{NEW_JWT}"));
    put(folder, "jwt", NEW_JWT);
    let kid = |token: &str| token.split('.').next().unwrap().to_owned();
    for instance in &instances {
        workers.until(|| async { kid(&Remote::log_in(&instance.base, ID, &secret).await.token) == kid(&by_new) }).await;
    }
    let refreshed = instances[0].post("/api/v1/auth/refresh", &[], &json!({"token": renewed})).await.unwrap();
    let newest = refreshed.expect(200)["token"].as_str().unwrap().to_owned();
    assert_eq!(kid(&newest), kid(&by_new));
    workers.switch(|tools| tools.token.clone_from(&newest)).await;
    put(folder, "jwt-previous", "");
    for instance in &instances {
        workers.until(|| async { !is_let_in(instance, &renewed).await }).await;
    }
    workers.switch(|_| {}).await;

    let sent = workers.stop().await;
    assert_eq!(database.whole_orders(2).await, i64::try_from(sent).unwrap());
    for instance in &instances {
        let with_old = Tools { token: newest.clone(), key: &PARTNER_KEY, edition: 0 };
        let refused = instance.create(&sign(&with_old), None, &order()).await.unwrap();
        assert_eq!(refused.expect_problem(401, "INVALID_SIGNATURE")["hint"], "signed_with_revoked_key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_file_that_is_damaged_leaves_the_secrets_in_force() {
    let database = Database::new().await;
    let folder = database.folder.path();
    put(folder, "jwt", OLD_JWT);
    let service = Process::serve(folder, &database.url, |command| {
        command.env("SALES_ORDER_AUTH__JWT_SECRET_FILE", "jwt");
    });
    let secret = Remote::register(&database, ID).await;
    let partner = Remote::log_in(&service.base, ID, &secret).await;
    put(folder, "jwt", "too short");
    until("the damage is noticed", async || service.log().contains("could not be read again")).await;
    assert!(is_let_in(&partner, &partner.token).await);
    assert!(!service.log().contains("too short"), "a secret is in the log");
}
