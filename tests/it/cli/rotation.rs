//! An operator rotates keys and secrets and sees when the old ones can go.

use serde_json::{Value, json};

use super::{Desk, http, keys, log_in, send_order, token};
use crate::support::{order, until};

/// Notes such as last uses are written beside the answer; they are there when the service has stopped.
async fn use_once(desk: &Desk, secret: &str) {
    let service = desk.serve();
    let token = token(&service, "partner-1", secret).await;
    let headers = desk.run(&["sign", "--private-key", "private.pem", "--client-id", "partner-1", "--json"]).json();
    let (status, created) = send_order(&service, &token, &headers, order().to_string()).await;
    assert_eq!(status, 201, "{created}");
    service.stop();
}

fn show(desk: &Desk) -> Value {
    desk.run(&["client", "show", "--client-id", "partner-1", "--json"]).json()
}

#[tokio::test]
async fn client_show_says_what_is_in_use_and_since_when_it_is_not() {
    let desk = Desk::new().await;
    desk.key_pair();
    let secret = desk.partner();
    let fresh = show(&desk);
    assert_eq!((&fresh["keys"][0]["use"], &fresh["secrets"][0]["use"]), (&json!("never used"), &json!("never used")));
    assert_eq!(fresh["signature_forms"][0], json!({"form": "documented", "last_used_at": null}));

    use_once(&desk, &secret).await;
    let used = show(&desk);
    assert_eq!((&used["keys"][0]["use"], &used["secrets"][0]["use"]), (&json!("in use"), &json!("in use")));
    assert_eq!(used["secrets"][0]["last_used_from"], "127.0.0.1");
    assert!(
        used["signature_forms"][0]["last_used_at"].is_string() && used["signature_forms"][1]["last_used_at"].is_null()
    );
    assert_eq!(used["keys"][0]["documented_used_at"], used["keys"][0]["last_used_at"]);

    // Nobody has used them for two days.
    for table in ["client_public_keys", "client_secrets"] {
        let age = format!("UPDATE {table} SET last_used_at = last_used_at - 172800000000");
        desk.database.db_execute(&age).await.unwrap();
    }
    let idle = show(&desk);
    for what in ["keys", "secrets"] {
        let expected = format!("idle since {}", idle[what][0]["last_used_at"].as_str().unwrap());
        assert_eq!(idle[what][0]["use"], expected);
    }
    let page = desk.run(&["client", "show", "--client-id", "partner-1"]).succeeds();
    assert!(page.contains("signature forms last used: documented 2") && page.contains("body_bound never"), "{page}");
}

#[tokio::test]
async fn a_refresh_keeps_a_secret_in_use() {
    let desk = Desk::new().await;
    let secret = desk.partner();
    let service = desk.serve();
    let token = token(&service, "partner-1", &secret).await;
    service.stop();
    desk.database.db_execute("UPDATE client_secrets SET last_used_at = 0").await.unwrap();
    let service = desk.serve();
    let url = format!("{}/api/v1/auth/refresh", service.base);
    assert_eq!(http().post(url).json(&json!({"token": token})).send().await.unwrap().status(), 200);
    service.stop();
    assert_eq!(show(&desk)["secrets"][0]["use"], "in use");
}

#[tokio::test]
async fn a_key_that_ends_within_two_weeks_is_warned_of_in_the_list_and_in_the_log() {
    let desk = Desk::new().await;
    desk.key_pair();
    let public = std::fs::read_to_string(desk.folder().join("public.pem")).unwrap();
    std::fs::remove_file(desk.folder().join("public.pem")).unwrap();
    desk.partner();
    desk.file("public.pem", &public);
    let now = sales_order_api::clock::Clock::system().now().timestamp();
    let in_hours = |hours: i64| (now + hours * 3600).to_string();
    let add = |expires_at: &str| {
        desk.run(&[
            "client",
            "key",
            "add",
            "--client-id",
            "partner-1",
            "--public-key",
            "public.pem",
            "--expires-at",
            expires_at,
        ])
        .succeeds()
    };
    let fingerprint = add(&in_hours(15 * 24));
    assert_eq!(desk.run(&["client", "list", "--json"]).json()[0]["warnings"], json!([]));
    desk.database.db_execute("DELETE FROM client_public_keys").await.unwrap();
    add(&in_hours(13 * 24 + 12));
    let warnings = desk.run(&["client", "list", "--json"]).json()[0]["warnings"].clone();
    let warning = warnings[0].as_str().unwrap();
    assert!(warning.starts_with(&format!("key {} expires in 13 d, at 2", fingerprint.trim_end())), "{warning}");
    let listed = desk.run(&["client", "list"]);
    assert!(listed.stderr.starts_with("warning: partner-1: key SHA256:"), "{listed:?}");
    assert_eq!(show(&desk)["warnings"], warnings);

    let service = desk.serve();
    until("the warning", async || service.log().contains("a public key expires soon")).await;
    let log = service.stop();
    let line = log.lines().find(|line| line.contains("expires soon")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["client_id"], &line["level"]), (&json!("partner-1"), &json!("WARN")));
    assert_eq!(line["fingerprint"], fingerprint.trim_end());
}

#[tokio::test]
async fn an_operator_changes_a_client_and_reads_in_the_log_who_did_what() {
    let desk = Desk::new().await;
    let secret = desk.partner();
    let id = ["--client-id", "partner-1"];
    desk.run(&["client", "update", "--client-id", "partner-1"]).is_misused();
    desk.run(&[
        "client",
        "update",
        "--client-id",
        "partner-1",
        "--signature-policy",
        "body_bound",
        "--name",
        "New name",
    ])
    .succeeds();
    let shown = show(&desk);
    assert_eq!((&shown["signature_policy"], &shown["name"]), (&json!("body_bound"), &json!("New name")));
    assert_eq!(shown["scopes"], json!(["orders:create"]), "what is not named stays");
    assert_eq!(
        desk.run(&["client", "end-old-secrets", "--client-id", "partner-1"]).succeeds(),
        "partner-1: there was no old secret\n"
    );
    desk.run(&[&["client", "rotate-secret"][..], &id].concat()).succeeds();
    desk.run(&[&["client", "end-old-secrets"][..], &id].concat()).succeeds();
    assert_eq!(log_in(&desk.serve(), "partner-1", &secret).await.0, 401);

    let entries = desk.run(&["client", "audit", "--json"]).json();
    let actions: Vec<_> = entries.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["OLD_SECRETS_ENDED", "SECRET_ROTATED", "CLIENT_UPDATED", "CLIENT_CREATED"]);
    assert_eq!(keys(&entries[0]), ["id", "created_at", "client_id", "action", "via", "actor", "host", "detail"]);
    assert_eq!(entries[2]["detail"], json!({"name": "New name", "signature_policy": "body_bound"}));
    for entry in entries.as_array().unwrap() {
        assert_eq!((&entry["via"], &entry["client_id"]), (&json!("cli"), &json!("partner-1")));
        assert!(entry["actor"] != "" && entry["host"] != "", "{entry}");
    }
    assert!(!entries.to_string().contains(&secret));
    let one = desk.run(&["client", "audit", "--client-id", "nobody", "--json"]).json();
    assert_eq!(one, json!([]));
    let table = desk.run(&["client", "audit", "--last", "2"]).succeeds();
    assert!(table.starts_with("WHEN ") && table.lines().count() == 3, "{table}");
}
