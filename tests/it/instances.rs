//! Several services in front of one database behave as one.

mod noted;

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::support::{Answer, Database, PARTNER_KEY, PATIENCE, Process, Remote, command, found, order};

/// How soon the operator's word is law everywhere.
const IN_FORCE: Duration = Duration::from_secs(5);

fn serve(folder: &Path, url: &str) -> Process {
    // Instances share the secrets; each making its own would refuse the others' tokens.
    Process::serve(folder, url, |command| {
        command
            .env("SALES_ORDER_AUTH__JWT_SECRET", "one secret of more than 32 bytes for all instances")
            .env("SALES_ORDER_WEBHOOKS__SECRET_KEYS", "[\"one key of more than 32 bytes for all instances\"]");
    })
}

/// Starts instances at the same moment, each in a folder of its own.
fn serve_at_once<const N: usize>(url: &str) -> [(tempfile::TempDir, Process); N] {
    std::thread::scope(|scope| {
        [(); N]
            .map(|()| {
                scope.spawn(|| {
                    let folder = tempfile::tempdir().unwrap();
                    let process = serve(folder.path(), url);
                    (folder, process)
                })
            })
            .map(|thread| thread.join().unwrap())
    })
}

/// The operator runs a command in a process of its own; gives what it printed.
fn operator(database: &Database, arguments: &[&str]) -> Value {
    let output = command(database.folder.path())
        .args(["--json", "--database-url", &database.url])
        .args(arguments)
        // It waits for SQLite's write lock as long as the services do that are starting.
        .env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", format!("{}s", PATIENCE.as_secs()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The partner, made by the operator's command.
async fn partner(database: &Database, base: &str) -> Remote {
    partner_with(database, base, &[]).await
}

/// The same, made with further arguments.
async fn partner_with(database: &Database, base: &str, more: &[&str]) -> Remote {
    let key = database.folder.path().join("public.pem");
    std::fs::write(&key, PARTNER_KEY.public_key().to_pem()).unwrap();
    let key = key.to_str().unwrap();
    let create = ["client", "create", "--client-id", "partner", "--name", "P", "--scope", "orders:create"];
    let made = operator(database, &[&create[..], &["--public-key", key], more].concat());
    let secret = made["client_secret"].as_str().unwrap().into();
    Remote::log_in(base, "partner", &secret).await
}

/// Asks until the answer is a refusal, and fails when somebody who asks later than promised is let in. How long an answer takes
/// is the machine's affair.
async fn refused_in_time(since: Instant, ask: impl AsyncFn() -> Answer) -> Answer {
    found("a refusal", async || {
        let asked = since.elapsed();
        let answer = ask().await;
        let is_refusal = !answer.status.is_success();
        assert!(is_refusal || asked < IN_FORCE, "still accepted after {asked:?}");
        is_refusal.then_some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signed_request_sent_to_two_instances_at_once_makes_one_order() {
    let database = Database::new().await;
    let [(_, one), (_, two)] = serve_at_once(&database.url);
    let at_one = partner(&database, &one.base).await;
    let at_two = at_one.at(&two.base);
    let signed = at_one.sign();
    for n in 0..25 {
        let mut order = order();
        order["customer_code"] = json!(format!("C-{n}"));
        let (a, b) = join(at_one.create(&signed, None, &order), at_two.create(&signed, None, &order)).await;
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.expect(201)["data"], b.expect(201)["data"]);
        let replayed = [&a, &b].map(|answer| answer.header("idempotent-replayed").is_some());
        assert_ne!(replayed[0], replayed[1], "one made it and one found it made");
    }
    assert_eq!(database.whole_orders(2).await, 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_raced_for_on_two_instances_goes_to_one_order_only() {
    let database = Database::new().await;
    let [(_, one), (_, two)] = serve_at_once(&database.url);
    let at_one = partner(&database, &one.base).await;
    let at_two = at_one.at(&two.base);
    let signed = at_one.sign();
    let mut other = order();
    other["customer_code"] = json!("ANOTHER");
    for n in 0..25 {
        let key = format!("key-{n}");
        let sent = order();
        let (a, b) = join(at_one.create(&signed, Some(&key), &sent), at_two.create(&signed, Some(&key), &other)).await;
        let (a, b) = (a.unwrap(), b.unwrap());
        let (won, lost) = if a.status == 201 { (a, b) } else { (b, a) };
        let number = won.expect(201)["data"]["order_number"].clone();
        assert_eq!(lost.expect_problem(422, "IDEMPOTENCY_KEY_REUSED")["order_number"], number);
    }
    assert_eq!(database.whole_orders(2).await, 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_raced_for_on_two_instances_goes_to_one_order_only() {
    let database = Database::new().await;
    let [(_, one), (_, two)] = serve_at_once(&database.url);
    let at_one = partner_with(&database, &one.base, &["--reference-policy", "refuse"]).await;
    let at_two = at_one.at(&two.base);
    let signed = at_one.sign();
    for round in 0..3 {
        let mut sent = order();
        sent["partner_reference"] = json!(format!("PO-{round}"));
        let answers = join_all((0..64).map(|n| {
            let at = if n % 2 == 0 { at_one.clone() } else { at_two.clone() };
            let (signed, key, sent) = (signed.clone(), format!("{round}-{n}"), sent.clone());
            async move { at.create(&signed, Some(&key), &sent).await.unwrap() }
        }))
        .await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!((won.len(), lost.len()), (1, 63), "{answers:?}");
        let number = won[0].expect(201)["data"]["order_number"].clone();
        for answer in lost {
            assert_eq!(answer.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE")["order_number"], number);
        }
    }
    assert_eq!(database.whole_orders(2).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_started_at_once_on_an_empty_database_all_come_up() {
    for _ in 0..3 {
        let database = Database::empty().await;
        let instances: [_; 3] = serve_at_once(&database.url);
        let at_first = partner(&database, &instances[0].1.base).await;
        for (n, (_, instance)) in instances.iter().enumerate() {
            let partner = at_first.at(&instance.base);
            partner.get("/health/ready").await.expect(200);
            let key = n.to_string();
            partner.create(&partner.sign(), Some(&key), &order()).await.unwrap().expect(201);
        }
        assert_eq!(database.whole_orders(2).await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opened_on_one_instance_is_good_on_the_other() {
    let database = Database::new().await;
    let [(_, one), (_, two)] = serve_at_once(&database.url);
    let at_one = partner(&database, &one.base).await;
    let at_two = at_one.at(&two.base);
    let created = at_two.create(&at_two.sign(), None, &order()).await.unwrap().expect(201);
    let path = format!("/api/v1/sales-orders/{}", created["data"]["order_number"].as_str().unwrap());
    assert_eq!(at_one.get(&path).await.expect(200)["data"], created["data"]);

    let refreshed = at_two.post("/api/v1/auth/refresh", &[], &json!({"token": at_one.token})).await.unwrap();
    let token = refreshed.expect(200)["token"].as_str().unwrap().to_owned();
    let mut carried_on = at_one;
    carried_on.token = token;
    carried_on.get(&path).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_the_operator_disables_is_refused_by_a_running_service_within_five_seconds() {
    let database = Database::new().await;
    let service = serve(database.folder.path(), &database.url);
    let partner = partner(&database, &service.base).await;
    let created = partner.create(&partner.sign(), None, &order()).await.unwrap().expect(201);
    let path = format!("/api/v1/sales-orders/{}", created["data"]["order_number"].as_str().unwrap());
    partner.get(&path).await.expect(200);

    operator(&database, &["client", "disable", "--client-id", "partner"]);
    let since = Instant::now();
    let refused = refused_in_time(since, async || partner.get(&path).await).await;
    refused.expect_problem(403, "CLIENT_DISABLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_the_operator_revokes_is_refused_by_a_running_service_within_five_seconds() {
    let database = Database::new().await;
    let service = serve(database.folder.path(), &database.url);
    let partner = partner(&database, &service.base).await;
    let signed = partner.sign();
    let ask = async || partner.create(&signed, None, &order()).await.unwrap();
    ask().await.expect(201);

    let fingerprint = PARTNER_KEY.public_key().fingerprint();
    operator(&database, &["client", "key", "revoke", "--client-id", "partner", "--fingerprint", fingerprint]);
    let since = Instant::now();
    let problem = refused_in_time(since, ask).await.expect_problem(401, "INVALID_SIGNATURE");
    assert_eq!(problem["hint"], "signed_with_revoked_key");
    assert_eq!(database.whole_orders(2).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_the_operator_ends_are_refused_by_a_running_service_within_five_seconds() {
    let database = Database::new().await;
    let service = serve(database.folder.path(), &database.url);
    let partner = partner(&database, &service.base).await;
    let ask = async || partner.create(&partner.sign(), Some("one"), &order()).await.unwrap();
    ask().await.expect(201);

    operator(&database, &["client", "revoke-sessions", "--client-id", "partner"]);
    let since = Instant::now();
    refused_in_time(since, ask).await.expect_problem(401, "UNAUTHENTICATED");
}
