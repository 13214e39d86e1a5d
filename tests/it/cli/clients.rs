//! The operator manages clients.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sales_order_api::clock::Clock;
use serde_json::{Value, json};

use super::{Desk, keys, log_in, status_of_reading, token};

#[tokio::test]
async fn an_operator_creates_a_client_on_a_fresh_database_and_its_secret_opens_a_session() {
    let desk = Desk::new().await;
    let created =
        desk.run(&["client", "create", "--client-id", "partner-1", "--name", "P", "--scope", "orders:create"]);
    let secret = created.succeeds();
    assert_eq!(secret.lines().count(), 1, "a script takes the secret as it is: {secret:?}");
    assert!(!created.stderr.contains(secret.trim_end()), "the secret is shown once: {created:?}");
    assert!(created.stderr.contains("this once"), "{created:?}");

    let service = desk.serve();
    let (status, session) = log_in(&service, "partner-1", secret.trim_end()).await;
    assert_eq!(status, 200, "{session}");
    assert_eq!(keys(&session), ["token", "expired_at"]);
    // It cannot be had a second time.
    let shown = desk.run(&["client", "show", "--client-id", "partner-1", "--json"]).succeeds();
    assert!(!shown.contains(secret.trim_end()) && !shown.contains("argon2"), "{shown}");
}

#[tokio::test]
async fn a_script_creates_a_client_with_json_and_a_secret_of_its_own() {
    let desk = Desk::new().await;
    let own = "the partner's own secret, kept in a vault";
    let arguments =
        ["client", "create", "--client-id", "a", "--name", "A", "--scope", "orders:read", "--secret-stdin", "--json"];
    let created = desk.run_with(&arguments, &format!("{own}\n"), |_| {}).json();
    assert_eq!(created, json!({"client_id": "a", "client_secret": own}));
    assert_eq!(log_in(&desk.serve(), "a", own).await.0, 200);

    let short = ["client", "create", "--client-id", "b", "--name", "B", "--scope", "orders:read", "--secret-stdin"];
    assert!(desk.run_with(&short, "short\n", |_| {}).fails().starts_with("a secret must have "));
}

#[tokio::test]
async fn the_contracts_own_sample_secret_is_taken_for_development_and_never_silently() {
    let desk = Desk::new().await;
    let sample = "secret-key-123";
    let create = ["client", "create", "--client-id", "a", "--name", "A", "--scope", "orders:create", "--secret-stdin"];
    let refused = desk.run_with(&create, sample, |_| {}).fails();
    assert_eq!(refused, "a secret must have 16 to 512 bytes, not 14; for development, --allow-weak-secret takes it");
    let weak = [&create[..], &["--allow-weak-secret"]].concat();
    let created = desk.run_with(&weak, sample, |_| {});
    assert_eq!(created.succeeds(), format!("{sample}\n"));
    assert!(created.stderr.contains("Warning: the secret of a has less than 16 bytes"), "{created:?}");
    assert_eq!(log_in(&desk.serve(), "a", sample).await.0, 200);
    // The option is for a secret of one's own, and an empty one is none.
    let weak = ["client", "create", "--client-id", "b", "--name", "B", "--scope", "orders:read", "--allow-weak-secret"];
    desk.run(&weak).is_misused();
    let empty = desk.run_with(&[&weak[..], &["--secret-stdin"]].concat(), "\n", |_| {}).fails();
    assert!(empty.starts_with("a secret must have 1 to 512 bytes, not 0"), "{empty}");
    let strong = "long enough not to be guessed";
    let silent = desk.run_with(&[&weak[..], &["--secret-stdin"]].concat(), strong, |_| {});
    silent.succeeds();
    assert!(!silent.stderr.contains("Warning"), "{silent:?}");
}

#[tokio::test]
async fn a_client_may_have_several_scopes_and_several_keys() {
    let desk = Desk::new().await;
    desk.key_pair();
    desk.openssl("genrsa -out second.pem 3072");
    desk.openssl("rsa -in second.pem -pubout -out second-public.pem");
    for (client_id, scopes) in [
        ("repeated", &["--scope", "orders:create", "--scope", "orders:read"][..]),
        ("listed", &["--scope", "orders:read", "orders:create", "orders:read"]),
    ] {
        let mut arguments = vec!["client", "create", "--client-id", client_id, "--name", "P"];
        arguments.extend(scopes);
        arguments.extend(["--public-key", "public.pem", "--public-key", "second-public.pem"]);
        arguments.extend(["--signature-policy", "body_bound"]);
        desk.run(&arguments).succeeds();
        let shown = desk.run(&["client", "show", "--client-id", client_id, "--json"]).json();
        assert_eq!(shown["scopes"], json!(["orders:create", "orders:read"]));
        assert_eq!(shown["signature_policy"], "body_bound");
        assert_eq!(shown["keys"].as_array().unwrap().len(), 2, "{shown:#}");
        // A key is one client's, and the next one has the same.
        for key in shown["keys"].as_array().unwrap() {
            let fingerprint = key["fingerprint"].as_str().unwrap();
            desk.run(&["client", "key", "revoke", "--client-id", client_id, "--fingerprint", fingerprint]).succeeds();
        }
    }
}

#[tokio::test]
async fn an_unknown_scope_or_policy_is_refused_with_the_known_ones() {
    let desk = Desk::new().await;
    let create = ["client", "create", "--client-id", "a", "--name", "A", "--scope"];
    let said = desk.run(&[&create[..], &["orders:creat"]].concat()).is_misused();
    assert!(said.contains("orders:creat\"") && said.contains("orders:create, orders:read"), "{said}");
    let said = desk.run(&[&create[..], &["orders:read", "--signature-policy", "strict"]].concat()).is_misused();
    assert!(said.contains("documented") && said.contains("body_bound"), "{said}");
    let said = desk.run(&[&create[..], &["orders:read", "--reference-policy", "strict"]].concat()).is_misused();
    assert!(said.contains("`accept`, `warn` or `refuse`"), "{said}");
    let said = desk.run(&[&create[..], &["orders:read", "--expectation-policy", "accept"]].concat()).is_misused();
    assert!(said.contains("`warn` or `refuse`"), "{said}");
}

#[tokio::test]
async fn an_operator_says_what_happens_to_orders_that_come_to_other_amounts_than_expected() {
    let desk = Desk::new().await;
    let create = ["client", "create", "--name", "P", "--scope", "orders:create", "--client-id"];
    desk.run(&[&create[..], &["usual"]].concat()).succeeds();
    desk.run(&[&create[..], &["strict", "--expectation-policy", "refuse"]].concat()).succeeds();
    let listed = || desk.run(&["client", "list", "--json"]).json();
    assert_eq!(listed()[0]["expectation_policy"], "refuse");
    assert_eq!(listed()[1]["expectation_policy"], "warn");
    desk.run(&["client", "update", "--client-id", "usual", "--expectation-policy", "refuse"]).succeeds();
    let page = desk.run(&["client", "show", "--client-id", "usual"]).succeeds();
    assert!(page.contains("expectation policy: refuse\n"), "{page}");
    let log = desk.run(&["client", "audit", "--json"]).json();
    assert_eq!(log[0]["detail"], json!({"expectation_policy": "refuse"}));
    assert_eq!(log[1]["detail"]["expectation_policy"], "refuse");
}

#[tokio::test]
async fn an_operator_says_what_happens_to_orders_whose_reference_another_one_has() {
    let desk = Desk::new().await;
    let create = ["client", "create", "--name", "P", "--scope", "orders:create", "--client-id"];
    desk.run(&[&create[..], &["usual"]].concat()).succeeds();
    desk.run(&[&create[..], &["strict", "--reference-policy", "refuse"]].concat()).succeeds();
    let listed = || desk.run(&["client", "list", "--json"]).json();
    assert_eq!(listed()[0]["reference_policy"], "refuse");
    assert_eq!(listed()[1]["reference_policy"], "accept");
    desk.run(&["client", "update", "--client-id", "usual", "--reference-policy", "warn"]).succeeds();
    let page = desk.run(&["client", "show", "--client-id", "usual"]).succeeds();
    assert!(page.contains("reference policy: warn\n"), "{page}");
    let log = desk.run(&["client", "audit", "--json"]).json();
    assert_eq!(log[0]["detail"], json!({"reference_policy": "warn"}));
    assert_eq!(log[1]["detail"]["reference_policy"], "refuse");
}

#[tokio::test]
async fn a_client_id_is_given_once() {
    let desk = Desk::new().await;
    let create = ["client", "create", "--client-id", "a", "--name", "A", "--scope", "orders:read"];
    let secret = desk.run(&create).succeeds();
    assert_eq!(desk.run(&create).fails(), "there is a client a already");
    assert_eq!(log_in(&desk.serve(), "a", secret.trim_end()).await.0, 200, "the first one's secret is as before");
}

#[tokio::test]
async fn an_operator_lists_and_looks_at_clients() {
    let desk = Desk::new().await;
    assert_eq!(
        desk.run(&["client", "list", "--json"]).json(),
        json!([]),
        "a fresh database has none, which is no error"
    );
    desk.partner();
    desk.run(&["client", "create", "--client-id", "a-dashboard", "--name", "D", "--scope", "orders:read"]).succeeds();
    let listed = desk.run(&["client", "list", "--json"]).json();
    let expected = [
        "client_id",
        "name",
        "kind",
        "status",
        "scopes",
        "signature_policy",
        "reference_policy",
        "expectation_policy",
        "created_at",
        "disabled_at",
    ];
    assert_eq!(keys(&listed[0]), [&expected[..], &["warnings"]].concat());
    assert_eq!((&listed[0]["client_id"], &listed[1]["client_id"]), (&json!("a-dashboard"), &json!("partner-1")));
    let shown = desk.run(&["client", "show", "--client-id", "partner-1", "--json"]).json();
    assert_eq!(
        keys(&shown),
        [&expected[..], &["secrets", "keys", "signature_forms", "signature_reuses", "warnings"]].concat()
    );
    assert_eq!(keys(&shown["secrets"][0]), ["created_at", "expires_at", "last_used_at", "last_used_from", "use"]);
    assert_eq!(shown["status"], "active");

    // For people: a table, and a page.
    let table = desk.run(&["client", "list"]).succeeds();
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.starts_with("CLIENT ") && table.contains("partner-1    active"), "{table}");
    let page = desk.run(&["client", "show", "--client-id", "partner-1"]).succeeds();
    assert!(page.contains("scopes: orders:create\n") && page.contains("SECRET MADE"), "{page}");
    assert!(page.contains("signatures used again with another order: 0\n"), "{page}");
    desk.execute("UPDATE clients SET signature_reuses = 3, signature_reused_at = 1795441036000000").await;
    let page = desk.run(&["client", "show", "--client-id", "partner-1"]).succeeds();
    assert!(page.contains("another order: 3, last at 2026-11-23T13:37:16"), "{page}");
    let shown = desk.run(&["client", "show", "--client-id", "partner-1", "--json"]).json();
    assert_eq!(shown["signature_reuses"]["count"], 3, "{shown:#}");
}

#[tokio::test]
async fn a_key_of_another_client_is_refused_and_an_old_share_is_listed() {
    let desk = Desk::new().await;
    desk.key_pair();
    desk.partner();
    let second = ["client", "create", "--client-id", "second", "--name", "S", "--scope", "orders:create"];
    let said = desk.run(&[&second[..], &["--public-key", "public.pem"]].concat()).fails();
    assert!(said.contains("the client partner-1 has the key SHA256:"), "{said}");
    desk.run(&second).succeeds();
    let add = ["client", "key", "add", "--client-id", "second", "--public-key", "public.pem"];
    let said = desk.run(&add).fails();
    assert!(said.contains("the client partner-1 has the key SHA256:"), "{said}");

    // As it could be before a key had to be one client's.
    desk.execute("UPDATE client_public_keys SET is_shared = true").await;
    desk.execute(
        "INSERT INTO client_public_keys (client_id, fingerprint, public_key_pem, created_at, is_shared)
         SELECT 'second', fingerprint, public_key_pem, created_at, true FROM client_public_keys",
    )
    .await;
    let listed = desk.run(&["client", "key", "list", "--client-id", "second", "--json"]).json();
    assert_eq!(listed[0]["shared_with"], json!(["partner-1"]), "{listed:#}");
    let table = desk.run(&["client", "key", "list", "--client-id", "second"]).succeeds();
    assert!(table.contains("SHARED WITH") && table.contains("partner-1"), "{table}");
    let listed = desk.run(&["client", "list", "--json"]).json();
    assert!(listed[0]["warnings"][0].as_str().unwrap().ends_with("is also a key of second"), "{listed:#}");
    let update = ["client", "update", "--client-id", "partner-1", "--signature-policy", "body_and_key_bound"];
    let said = desk.run(&update).fails();
    assert!(said.contains("partner-1 shares the key SHA256:") && said.contains("with second"), "{said}");
    let shown = desk.run(&["client", "show", "--client-id", "second", "--json"]).json();
    let fingerprint = shown["keys"][0]["fingerprint"].as_str().unwrap();
    desk.run(&["client", "key", "revoke", "--client-id", "second", "--fingerprint", fingerprint]).succeeds();
    desk.run(&update).succeeds();
}

#[tokio::test]
async fn a_disabled_client_is_refused_at_once_until_it_is_enabled_again() {
    let desk = Desk::new().await;
    let secret = desk.partner();
    let service = desk.serve();
    let token = token(&service, "partner-1", &secret).await;
    assert_eq!(status_of_reading(&service, &token).await, 404);

    let done = desk.run(&["client", "disable", "--client-id", "partner-1", "--json"]).json();
    assert_eq!(done, json!({"client_id": "partner-1", "result": "disabled"}));
    assert_eq!(status_of_reading(&service, &token).await, 403);
    let (status, problem) = log_in(&service, "partner-1", &secret).await;
    assert_eq!((status, &problem["code"]), (403, &json!("CLIENT_DISABLED")));
    let shown = desk.run(&["client", "show", "--client-id", "partner-1", "--json"]).json();
    assert_eq!(shown["status"], "disabled");
    // Disabling it again keeps the date of the first time.
    desk.run(&["client", "disable", "--client-id", "partner-1"]).succeeds();
    let again = desk.run(&["client", "show", "--client-id", "partner-1", "--json"]).json();
    assert!(shown["disabled_at"].is_string() && shown["disabled_at"] == again["disabled_at"], "{shown:#}{again:#}");

    assert_eq!(desk.run(&["client", "enable", "--client-id", "partner-1"]).succeeds(), "partner-1: active\n");
    // Its sessions ended; it logs in anew.
    assert_eq!(status_of_reading(&service, &token).await, 401);
    let new = super::token(&service, "partner-1", &secret).await;
    assert_eq!(status_of_reading(&service, &new).await, 404);
}

#[tokio::test]
async fn revoked_sessions_end_at_once_and_the_client_may_log_in_anew() {
    let desk = Desk::new().await;
    let secret = desk.partner();
    let service = desk.serve();
    let old = token(&service, "partner-1", &secret).await;
    assert_eq!(status_of_reading(&service, &old).await, 404);
    desk.run(&["client", "revoke-sessions", "--client-id", "partner-1"]).succeeds();
    assert_eq!(status_of_reading(&service, &old).await, 401);
    let new = token(&service, "partner-1", &secret).await;
    assert_eq!(status_of_reading(&service, &new).await, 404);
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_rotated_secret_leaves_the_old_one_working_for_its_grace() {
    let desk = Desk::new().await;
    let first = desk.partner();
    let service = desk.serve();
    let rotate = ["client", "rotate-secret", "--client-id", "partner-1", "--json"];
    let clock = Clock::system();
    let day = Duration::from_hours(24);
    let before = clock.now();
    let rotated = desk.run(&rotate).json();
    assert_eq!(keys(&rotated), ["client_id", "client_secret", "previous_expires_at"]);
    let ends = instant(&rotated["previous_expires_at"]);
    // The rounding of a stored instant aside.
    let slack = Duration::from_millis(1);
    assert!(before + day - slack <= ends && ends <= clock.now() + day, "{ends} is not a day from now, the default");
    let second = rotated["client_secret"].as_str().unwrap();
    assert_ne!(first, second);
    for secret in [&first, second] {
        assert_eq!(log_in(&service, "partner-1", secret).await.0, 200);
    }

    let rotated = desk.run(&[&rotate[..], &["--grace", "0s"]].concat()).json();
    for (secret, status) in [(&*first, 401), (second, 401), (rotated["client_secret"].as_str().unwrap(), 200)] {
        assert_eq!(log_in(&service, "partner-1", secret).await.0, status);
    }
    // Longer than calendars go.
    let said = desk.run(&[&rotate[..], &["--grace", "300000y"]].concat()).fails();
    assert!(said.contains("3650d"), "{said}");
    // For people, the secret alone is what stdout has.
    let plain = desk.run(&["client", "rotate-secret", "--client-id", "partner-1", "--grace", "1h"]);
    assert_eq!(log_in(&service, "partner-1", plain.succeeds().trim_end()).await.0, 200);
}

#[tokio::test]
async fn whoever_names_a_client_that_does_not_exist_is_told_where_to_look() {
    let desk = Desk::new().await;
    desk.key_pair();
    let id = ["--client-id", "nobody"];
    for arguments in [
        &["client", "show"][..],
        &["client", "disable"],
        &["client", "enable"],
        &["client", "revoke-sessions"],
        &["client", "rotate-secret"],
        &["client", "key", "list"],
        &["client", "key", "add", "--public-key", "public.pem"],
        &["client", "key", "revoke", "--fingerprint", "SHA256:x"],
    ] {
        let said = desk.run(&[arguments, &id].concat()).fails();
        assert_eq!(said, "there is no client nobody; list the clients to see all", "{arguments:?}");
    }
}

#[tokio::test]
async fn an_operator_lists_the_sessions_of_a_person_and_ends_one() {
    let desk = Desk::new().await;
    desk.run(&["migrate", "up"]).succeeds();
    let person = "INSERT INTO clients (client_id, kind, issuer, subject, name, scopes, signature_policy, session_generation, created_at)
                  VALUES ('jane.doe-1', 'PERSON', 'https://id.example.com', '1', 'Jane Doe', 'orders:read', 'documented', 3, 0)";
    desk.database.db_execute(person).await.unwrap();
    // One of them ended with all others before.
    for (hash, generation) in [("a", 3), ("b", 3), ("c", 2)] {
        let session = format!(
            "INSERT INTO person_sessions (client_id, token_hash, session_generation, created_at, last_used_at, expires_at, user_agent,
             network) VALUES ('jane.doe-1', '{}', {generation}, 0, 0, 4000000000000000, 'Firefox', '203.0.113.7')",
            hash.repeat(64)
        );
        desk.database.db_execute(&session).await.unwrap();
    }
    let list = ["client", "sessions", "--client-id", "jane.doe-1"];
    let listed = desk.run(&list).succeeds();
    assert!(
        listed.contains("bbbbbbbbbbbbbbbb") && listed.contains("Firefox") && listed.contains("203.0.113.7"),
        "{listed}"
    );
    assert!(!listed.contains(&"b".repeat(17)) && !listed.contains("cccc"), "{listed}");
    let end = ["client", "end-session", "--client-id", "jane.doe-1", "--session", "bbbbbbbbbbbbbbbb"];
    assert_eq!(desk.run(&end).succeeds(), "jane.doe-1: session ended\n");
    assert!(desk.run(&end).fails().contains("has no session bbbbbbbbbbbbbbbb"));
    let left = desk.run(&[&list[..], &["--json"]].concat()).json();
    let names: Vec<_> = left.as_array().unwrap().iter().map(|session| session["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a".repeat(16)]);
    let shown = desk.run(&["client", "show", "--client-id", "jane.doe-1", "--json"]).json();
    assert_eq!(shown["kind"], "PERSON");
    let refused = desk.run(&["client", "rotate-secret", "--client-id", "jane.doe-1"]).fails();
    assert!(refused.contains("jane.doe-1 is a person"), "{refused}");
}
