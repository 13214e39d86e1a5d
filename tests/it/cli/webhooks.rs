//! The operator manages endpoints of webhooks.

use std::process::Command;

use serde_json::{Value, json};

use super::{Desk, Ran, keys, send_order, token};
use crate::support::{Process, Receiver, Reply, order, until};

/// Webhooks may go to receivers on this machine.
fn local(command: &mut Command) {
    command
        .env("SALES_ORDER_WEBHOOKS__ALLOW_HTTP", "true")
        .env("SALES_ORDER_WEBHOOKS__ALLOWED_NETWORKS", r#"["127.0.0.0/8"]"#);
}

fn webhook(desk: &Desk, arguments: &[&str]) -> Ran {
    desk.run_with(&[&["webhook"], arguments].concat(), "", local)
}

fn save(desk: &Desk, url: &str, further: &[&str]) -> Ran {
    webhook(desk, &[&["save", "partner-1", "erp", "--url", url], further].concat())
}

fn show(desk: &Desk) -> Value {
    webhook(desk, &["show", "partner-1", "erp", "--json"]).json()
}

/// A desk with a partner that has a receiver.
async fn desk_and_receiver() -> (Desk, Receiver, String) {
    let (desk, receiver) = (Desk::new().await, Receiver::new().await);
    desk.partner();
    let url = format!("{}/hooks", receiver.base);
    (desk, receiver, url)
}

/// The log of what was done, the oldest first: what, and its details.
fn audited(desk: &Desk, client_id: &str) -> Vec<(String, Value)> {
    let mut entries = desk.run(&["client", "audit", "--client-id", client_id, "--json"]).json();
    let entries = entries.as_array_mut().unwrap();
    assert!(entries.iter().all(|entry| entry["via"] == "cli"), "{entries:#?}");
    entries.reverse();
    entries.iter_mut().map(|entry| (entry["action"].as_str().unwrap().to_owned(), entry["detail"].take())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_takes_an_endpoint_through_its_whole_life_and_the_partner_is_told() {
    let (desk, receiver) = (Desk::new().await, Receiver::new().await);
    desk.key_pair();
    let client_secret = desk.partner();
    let url = format!("{}/hooks?key=in-the-url", receiver.base);
    let made = save(&desk, &url, &["--kind", "CREATED", "--kind", "CREATED", "STATUS_CHANGED", "--max-in-flight", "2"]);
    let secret = made.succeeds();
    assert!(secret.starts_with("whsec_") && secret.lines().count() == 1, "a script takes it as it is: {secret:?}");
    assert!(made.stderr.contains("this once") && made.stderr.contains("webhook verify partner-1 erp"), "{made:?}");
    let shown = show(&desk);
    assert_eq!((&shown["state"], &shown["kinds"]), (&json!("PENDING"), &json!(["CREATED", "STATUS_CHANGED"])));
    assert!(!shown.to_string().contains(secret.trim_end()), "it cannot be had a second time");
    let verified = webhook(&desk, &["verify", "partner-1", "erp"]).succeeds();
    assert!(verified.contains("DELIVERED") && verified.trim_end().ends_with("it is ACTIVE"), "{verified}");

    let service = Process::serve(desk.folder(), &desk.database.url, local);
    let token = token(&service, "partner-1", &client_secret).await;
    let headers = desk.run(&["sign", "--private-key", "private.pem", "--client-id", "partner-1", "--json"]).json();
    let (status, created) = send_order(&service, &token, &headers, order().to_string()).await;
    assert_eq!(status, 201, "{created}");
    let number = created["data"]["order_number"].as_str().unwrap();
    assert_eq!(receiver.events_after(1).await[0].order(), number);
    // How far the endpoint is, is written down a moment later, and only what was sent can be sent again.
    let attempts = ["attempts", "partner-1", "erp", "--order", number, "--json"];
    until("the attempt in the log", async || webhook(&desk, &attempts).json()["data"] != json!([])).await;
    let replayed = webhook(&desk, &["replay", "partner-1", "erp", "--order", number]).succeeds();
    assert_eq!(replayed, "partner-1 erp: the events are sent again\n");
    let again = receiver.events_after(2).await;
    assert_eq!(again[0].header("webhook-id"), again[1].header("webhook-id"));
    service.stop();

    let log = webhook(&desk, &attempts).json();
    let triggers: Vec<_> = log["data"].as_array().unwrap().iter().map(|attempt| &attempt["trigger"]).collect();
    assert_eq!(triggers, ["REPLAY", "AUTO"], "the newest first: {log:#}");
    assert_eq!(webhook(&desk, &["pause", "partner-1", "erp"]).succeeds(), "partner-1 erp: paused\n");
    assert_eq!(show(&desk)["state"], "PAUSED");
    assert_eq!(webhook(&desk, &["resume", "partner-1", "erp", "--json"]).json()["state"], "ACTIVE");
    let rotated = webhook(&desk, &["rotate", "partner-1", "erp", "--overlap-hours", "1"]);
    assert!(rotated.succeeds().starts_with("whsec_") && rotated.stderr.contains("signs until 2"), "{rotated:?}");
    assert_eq!(show(&desk)["secrets"].as_array().unwrap().len(), 2);
    let moved = save(&desk, &format!("{}/hooks", receiver.base), &["--json"]).json();
    assert_eq!((&moved["state"], moved.get("secret")), (&json!("PENDING"), None));
    assert_eq!(webhook(&desk, &["delete", "partner-1", "erp"]).succeeds(), "partner-1 erp: deleted\n");
    assert_eq!(webhook(&desk, &["list", "--json"]).json(), json!([]));

    let log = audited(&desk, "partner-1");
    let actions: Vec<_> = log.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "CLIENT_CREATED",
            "WEBHOOK_ENDPOINT_CREATED",
            "WEBHOOK_ENDPOINT_VERIFIED",
            "WEBHOOK_EVENTS_REPLAYED",
            "WEBHOOK_ENDPOINT_PAUSED",
            "WEBHOOK_ENDPOINT_RESUMED",
            "WEBHOOK_SECRET_ROTATED",
            "WEBHOOK_ENDPOINT_UPDATED",
            "WEBHOOK_ENDPOINT_DELETED",
        ]
    );
    assert!(log[1..].iter().all(|(_, detail)| detail["endpoint"] == "erp"), "{log:#?}");
    assert_eq!(log[1].1["url"], receiver.base.as_str(), "the rest of a URL may be a secret");
    assert_eq!(log[3].1["order_number"], number);
    let mut changed = keys(&log[7].1);
    changed.sort_unstable();
    assert_eq!(changed, ["endpoint", "kinds", "max_in_flight", "url"], "what is another than before");
    let text = format!("{log:?}");
    for secret in [secret.trim_end(), rotated.stdout.trim_end(), "in-the-url"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn saying_the_same_of_an_endpoint_again_changes_nothing_and_is_not_written_down() {
    let (desk, _receiver, url) = desk_and_receiver().await;
    save(&desk, &url, &[]).succeeds();
    let before = show(&desk);
    assert_eq!(save(&desk, &url, &[]).succeeds(), "partner-1 erp: saved\n");
    assert_eq!(show(&desk), before);
    assert_eq!(audited(&desk, "partner-1").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_take_a_test_is_told_with_what_it_answered_and_is_a_failure() {
    let (desk, receiver, url) = desk_and_receiver().await;
    save(&desk, &url, &[]).succeeds();
    receiver.answer(|_| Reply::status(503).saying("the ERP is\n\u{1b}[2Jaway"));
    let refused = webhook(&desk, &["test", "partner-1", "erp"]);
    assert_eq!(refused.fails_after_data(), "the endpoint did not take it: REFUSED");
    assert!(
        refused.stdout.contains("status 503") && refused.stdout.contains("answer: the ERP is [2Jaway\n"),
        "{refused:?}"
    );
    receiver.answer(|_| Reply::status(302).with("location", "https://erp.example.com/new"));
    let moved = webhook(&desk, &["test", "partner-1", "erp", "--json"]);
    assert_eq!(moved.fails_after_data(), "the endpoint did not take it: REDIRECT");
    let told: Value = serde_json::from_str(&moved.stdout).unwrap();
    assert_eq!((&told["location"], &told["data"]["status"]), (&json!("https://erp.example.com/new"), &json!(302)));
    receiver.answer(|_| Reply::status(204));
    webhook(&desk, &["test", "partner-1", "erp"]).succeeds();
    let outcomes = |further: &[&str]| {
        let page = webhook(&desk, &[&["attempts", "partner-1", "erp", "--json"], further].concat()).json();
        let outcomes =
            page["data"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].as_str().unwrap().to_owned());
        (outcomes.collect::<Vec<_>>(), page["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(outcomes(&[]).0, ["DELIVERED", "REDIRECT", "REFUSED"]);
    assert_eq!(outcomes(&["--outcome", "REFUSED"]).0, ["REFUSED"]);
    let (first, cursor) = outcomes(&["--failed", "--limit", "1"]);
    assert_eq!(first, ["REDIRECT"]);
    assert_eq!(outcomes(&["--failed", "--cursor", &cursor.unwrap()]), (vec!["REFUSED".to_owned()], None));
    let table = webhook(&desk, &["attempts", "partner-1", "erp"]).succeeds();
    assert!(table.starts_with("WHEN ") && table.lines().count() == 4 && !table.contains('\u{1b}'), "{table:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_endpoints_is_of_a_client_or_of_all() {
    let (desk, _receiver, url) = desk_and_receiver().await;
    save(&desk, &url, &["--payload", "FULL", "--signature", "V1", "SNAP", "--on-exhausted", "HOLD"]).succeeds();
    desk.run(&["client", "create", "--client-id", "other", "--name", "O", "--scope", "orders:create"]).succeeds();
    webhook(&desk, &["save", "other", "erp", "--url", &url]).succeeds();
    let all = webhook(&desk, &["list", "--json"]).json();
    let owners: Vec<_> = all.as_array().unwrap().iter().map(|endpoint| &endpoint["client_id"]).collect();
    assert_eq!(owners, ["other", "partner-1"]);
    assert_eq!(all[1], show(&desk));
    assert_eq!((&all[1]["signatures"], &all[1]["on_exhausted"]), (&json!(["V1", "SNAP"]), &json!("HOLD")));
    let table = webhook(&desk, &["list", "--client-id", "other"]).succeeds();
    assert!(table.starts_with("CLIENT ") && table.lines().count() == 2 && table.contains(&url), "{table}");
    let page = webhook(&desk, &["show", "partner-1", "erp"]).succeeds();
    assert!(page.starts_with("partner-1 erp  PENDING\n") && page.contains("signatures: V1, SNAP\n"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_to_an_endpoint_is_one_sentence_that_names_the_option() {
    let (desk, _receiver, url) = desk_and_receiver().await;
    save(&desk, &url, &[]).succeeds();
    for (arguments, said) in [
        (&["show", "nobody", "erp"][..], "there is no client nobody; list the clients to see all"),
        (&["list", "--client-id", "nobody"], "there is no client nobody; list the clients to see all"),
        (&["pause", "partner-1", "crm"], "There is no webhook endpoint crm of client partner-1"),
        (
            &["pause", "partner-1", "erp"],
            "The endpoint erp is PENDING and cannot become PAUSED: only an active endpoint can be paused",
        ),
        (&["save", "partner-1", "erp", "--url", "ftp://erp.example.com"], "--url must begin with https://"),
        (
            &["save", "partner-1", "crm", "--url", "https://erp.example.com", "--after", "x"],
            "--after is not a cursor of an event; take one from an event",
        ),
        (
            &["replay", "partner-1", "erp", "--after", "x"],
            "--after is not a cursor of an event; take one from an event",
        ),
        (
            &["attempts", "partner-1", "erp", "--cursor", "x"],
            "--cursor is not a cursor of this list; take it from an answer, or leave it out to begin anew",
        ),
        (
            &["replay", "partner-1", "erp", "--since", "1700000001", "--until", "1700000001"],
            "--until must be later than --since",
        ),
        (
            &["keys", "rotate", "rsa", "--overlap", "91d"],
            "the present key may sign for 90d more at most; give a shorter overlap",
        ),
    ] {
        assert!(webhook(&desk, arguments).fails().starts_with(said), "{arguments:?}: {:?}", webhook(&desk, arguments));
    }
    for arguments in [
        &["show", "partner-1"][..],
        &["save", "partner-1", "erp"],
        &["save", "partner-1", "erp", "--url", &url, "--kind", "LOST"],
        &["save", "partner-1", "erp", "--url", &url, "--max-in-flight", "33"],
        &["rotate", "partner-1", "erp", "--overlap-hours", "169"],
        &["attempts", "partner-1", "erp", "--failed", "--outcome", "TIMEOUT"],
        &["replay", "partner-1", "erp"],
        &["replay", "partner-1", "erp", "--order", "SO-0000000001", "--event", "x"],
        &["replay", "partner-1", "erp", "--event", "x", "--up-to", "y"],
        &["keys", "rotate", "dsa"],
    ] {
        webhook(&desk, arguments).is_misused();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_set_no_key_for_their_secrets_is_told_that_webhooks_are_off() {
    let (desk, _receiver, url) = desk_and_receiver().await;
    let public = |arguments: &[&str]| {
        desk.run_with(arguments, "", |command| {
            local(command);
            command.env("SALES_ORDER_HTTP__LISTEN", "0.0.0.0:8080");
        })
    };
    let said = public(&["webhook", "save", "partner-1", "erp", "--url", &url]).fails();
    assert!(said.starts_with("Webhooks are off: ") && said.contains("webhooks.secret_keys"), "{said}");
    assert!(public(&["webhook", "keys", "rotate", "rsa"]).fails().starts_with("Webhooks are off: "));
    assert_eq!(public(&["webhook", "list", "--json"]).json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_rotates_the_keys_that_sign_and_ends_a_stolen_one_at_once() {
    let desk = Desk::new().await;
    let list = |desk: &Desk| webhook(desk, &["keys", "list", "--json"]).json().as_array().unwrap().clone();
    assert_eq!(list(&desk), Vec::<Value>::new());
    let first = webhook(&desk, &["keys", "rotate", "ed25519"]).succeeds();
    let second = webhook(&desk, &["keys", "rotate", "ed25519", "--overlap", "7d", "--json"]).json();
    let found = list(&desk);
    assert_eq!(keys(&found[0]), ["kind", "created_at", "expires_at", "public_key"]);
    assert_eq!(found[0]["public_key"]["kid"], first.trim_end());
    assert!(found[0]["expires_at"].is_string() && found[1]["expires_at"].is_null(), "{found:#?}");
    assert_eq!(found[1]["public_key"], second);
    // Also the one whose overlap is not over yet.
    webhook(&desk, &["keys", "rotate", "ed25519", "--overlap", "0s"]).succeeds();
    assert_eq!(list(&desk).len(), 1);
    let table = webhook(&desk, &["keys", "list"]).succeeds();
    assert!(table.starts_with("KEY ") && table.contains("ed25519") && table.lines().count() == 2, "{table}");
    let log = audited(&desk, "operator");
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!((&*log[0].0, &log[0].1["key"]), ("WEBHOOK_KEY_ROTATED", &json!(first.trim_end())));
    assert!(log.iter().all(|(_, detail)| detail["kind"] == "ed25519" && detail.get("d").is_none()), "{log:?}");
}
