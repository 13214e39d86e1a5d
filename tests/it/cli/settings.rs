//! The operator sees which setting is in force and why, and a wrong one is refused by name.

use std::process::Command;

use serde_json::{Value, json};

use super::{Desk, Ran, keys};

const SECRET: &str = "kZ4vQ9x-not-a-real-secret-but-long-enough-7Tg";

/// Types a command in this environment alone.
fn run(desk: &Desk, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    desk.run_with(arguments, "", |command: &mut Command| {
        command.env_remove("SALES_ORDER_DATABASE__URL").envs(environment.iter().copied());
    })
}

#[tokio::test]
async fn every_value_is_shown_with_its_source_and_no_secret_is() {
    let desk = Desk::new().await;
    let first = desk.file("first.toml", "[http]\nrequest_timeout = \"20s\"\n[log]\nformat = \"json\"\n");
    let second = desk.file("second.toml", "[log]\nfilter = \"warn\"\nformat = \"pretty\"\n");
    let url = "postgres://sales:hunter2@db.internal/orders";
    let arguments = ["config", "show", "--config", &first, "--config", &second, "--database-url", url];
    let environment = [("SALES_ORDER_LOG__FILTER", "debug"), ("SALES_ORDER_AUTH__JWT_SECRET", SECRET)];
    let shown = run(&desk, &[&arguments[..], &["--json"]].concat(), &environment).json();
    for (key, value, source) in [
        ("http.listen", json!("127.0.0.1:8080"), "default".to_owned()),
        ("http.request_timeout", json!("20s"), format!("file {first}")),
        ("log.format", json!("pretty"), format!("file {second}")),
        ("log.filter", json!("debug"), "environment variable SALES_ORDER_LOG__FILTER".to_owned()),
        ("auth.jwt_secret", json!("***"), "environment variable SALES_ORDER_AUTH__JWT_SECRET".to_owned()),
        ("database.url", json!("postgres://sales:***@db.internal/orders"), "flag --database-url".to_owned()),
    ] {
        assert_eq!(shown[key], json!({"value": value, "source": source}), "{key}");
        assert_eq!(keys(&shown[key]), ["value", "source"]);
    }
    let table = run(&desk, &arguments, &environment).succeeds();
    assert_eq!(table.lines().count(), shown.as_object().unwrap().len(), "{table}");
    for text in [shown.to_string(), table] {
        assert!(!text.contains("hunter2") && !text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn a_service_that_others_can_reach_needs_a_secret_of_its_own() {
    let desk = Desk::new().await;
    let exposed = ("SALES_ORDER_HTTP__LISTEN", "0.0.0.0:8080");
    for weak in [None, Some(("SALES_ORDER_AUTH__JWT_SECRET", "changeme-changeme-changeme-changeme"))] {
        let environment: Vec<_> = weak.into_iter().chain([exposed]).collect();
        let said = run(&desk, &["config", "check"], &environment).fails();
        assert!(said.contains("0.0.0.0:8080") && said.contains("openssl rand -base64 48"), "{said}");
        assert!(!said.contains("changeme-changeme"), "a secret is not repeated: {said}");
    }
    let own = desk.file("secret", &format!("{SECRET}\n"));
    let environment = [exposed, ("SALES_ORDER_AUTH__JWT_SECRET_FILE", own.as_str())];
    assert_eq!(run(&desk, &["config", "check"], &environment).succeeds(), "the configuration is valid\n");
    assert_eq!(run(&desk, &["config", "check", "--json"], &[]).json(), json!({"valid": true}));
    assert!(!desk.folder().join("data").exists(), "a check creates nothing");
}

#[tokio::test]
async fn a_setting_that_does_not_exist_is_refused_by_name_by_every_command() {
    let desk = Desk::new().await;
    let file = desk.file("own.toml", "[http]\nlisten_on = \"127.0.0.1:9\"\n");
    for command in [&["config", "check"][..], &["config", "show"], &["serve"], &["migrate", "up"], &["client", "list"]]
    {
        let said = run(&desk, command, &[("SALES_ORDER_HTTP__LISTNE", "127.0.0.1:9")]).fails();
        assert!(said.contains("SALES_ORDER_HTTP__LISTNE") && said.contains("SALES_ORDER_HTTP__LISTEN "), "{said}");
        let said = run(&desk, &[command, &["--config", &file]].concat(), &[]).fails();
        assert!(said.contains("http.listen_on") && said.contains(&file) && said.contains("http.listen "), "{said}");
    }
    assert!(!desk.folder().join("data").exists(), "nothing is created under a wrong configuration");
}

#[tokio::test]
async fn a_wrong_value_or_file_is_one_sentence_that_names_it() {
    let desk = Desk::new().await;
    let broken = desk.file("broken.toml", "[http\nlisten = 1\n");
    for (arguments, environment, words) in [
        (
            &["--config", "gone.toml"][..],
            ("SALES_ORDER_LOG__FORMAT", "json"),
            "configuration file gone.toml does not exist",
        ),
        (&["--config", &broken], ("SALES_ORDER_LOG__FORMAT", "json"), "is not valid TOML"),
        (&[], ("SALES_ORDER_LOG__FORMAT", "xml"), "log.format must be pretty or json"),
        (&[], ("SALES_ORDER_HTTP__LISTEN", "here"), "http.listen"),
        (&[], ("SALES_ORDER_AUTH__JWT_SECRET", "short"), "must be at least 32 bytes"),
        (&[], ("SALES_ORDER_AUTH__JWT_SECRET_FILE", "gone"), "auth.jwt_secret_file names gone"),
    ] {
        let said = run(&desk, &[&["config", "check"], arguments].concat(), &[environment]).fails();
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn what_is_shown_is_what_a_program_can_read_back() {
    let desk = Desk::new().await;
    let shown = run(&desk, &["config", "show", "--json"], &[]).json();
    assert!(shown.as_object().unwrap().values().all(|entry| entry["source"] == "default"), "{shown:#}");
    // Written as a file, the defaults are a configuration that changes nothing.
    let lines = shown.as_object().unwrap().iter().map(|(key, entry)| format!("{key} = {}", entry["value"]));
    let file = desk.file("all.toml", &lines.collect::<Vec<_>>().join("\n"));
    let again = run(&desk, &["config", "show", "--json", "--config", &file], &[]).json();
    let values = |shown: &Value| -> Vec<Value> {
        shown.as_object().unwrap().values().map(|entry| entry["value"].clone()).collect()
    };
    assert_eq!(values(&again), values(&shown));
    assert!(again.as_object().unwrap().values().all(|entry| entry["source"] == format!("file {file}")), "{again:#}");
}
