//! Which value wins, how it is read, and what is told about it.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::super::{LogFormat, Overrides, keys, load_from};
use super::{Directory, GOOD, pairs, with_env, with_toml};

#[test]
fn the_defaults_alone_are_a_configuration() {
    let loaded = with_env(&[]).unwrap();
    let config = &loaded.config;
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.auth.token_lifetime, Duration::from_hours(12));
    assert_eq!(config.auth.session_lifetime, Duration::from_hours(30 * 24));
    assert_eq!(config.database.url.expose_secret(), "sqlite://data/sales-orders.db");
    assert_eq!(config.log.format, LogFormat::Pretty);
    assert!(loaded.entries().iter().all(|entry| entry.source == "default"));
}

#[test]
fn every_default_is_a_documented_known_key_and_every_known_key_has_a_default() {
    // `deny_unknown_fields` and required fields make extraction fail when default.toml and the structs differ; that
    // the list of keys, which is read off the text, has all of them is what is left to see.
    let listed: BTreeSet<String> = keys::all().into_iter().map(|key| key.name).collect();
    let parsed: figment::value::Dict =
        figment::Figment::from(<figment::providers::Toml as figment::providers::Format>::string(keys::DEFAULTS))
            .extract()
            .unwrap();
    let in_file: BTreeSet<String> = parsed
        .iter()
        .flat_map(|(section, keys)| {
            keys.as_dict().unwrap().keys().map(move |key| format!("{section}.{key}")).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(listed, in_file);
    for key in keys::all() {
        let documented = format!("# Environment: {}\n{} = ", key.variable, key.name.split_once('.').unwrap().1);
        assert!(keys::DEFAULTS.contains(&documented), "{} lacks its documentation", key.name);
    }
}

#[test]
fn flags_win_over_the_environment_which_wins_over_later_files_which_win_over_earlier_ones() {
    let directory = Directory::new();
    let first = directory.file(
        "first.toml",
        "[http]\nlisten = \"127.0.0.1:1\"\nrequest_timeout = 21\n[orders]\ndefault_currency = \"EUR\"\n[log]\nfilter = \"warn\"",
    );
    let second = directory.file(
        "second.toml",
        "[http]\nlisten = \"127.0.0.1:2\"\nrequest_timeout = \"22s\"\n[orders]\ndefault_currency = \"USD\"",
    );
    let environment =
        pairs(&[("SALES_ORDER_HTTP__LISTEN", "127.0.0.1:3"), ("SALES_ORDER_HTTP__REQUEST_TIMEOUT", "23")]);
    let flags = Overrides { listen: Some("127.0.0.1:4".to_owned()), database_url: Some("sqlite:x.db".to_owned()) };
    let loaded = load_from(&[first.clone(), second.clone()], environment, &flags).unwrap();
    let shown = loaded.to_json();
    for (key, value, source) in [
        ("http.listen", json!("127.0.0.1:4"), "flag --listen".to_owned()),
        ("database.url", json!("sqlite:x.db"), "flag --database-url".to_owned()),
        ("http.request_timeout", json!("23"), "environment variable SALES_ORDER_HTTP__REQUEST_TIMEOUT".to_owned()),
        ("orders.default_currency", json!("USD"), format!("file {}", second.display())),
        ("log.filter", json!("warn"), format!("file {}", first.display())),
        ("http.max_body_bytes", json!(6_291_456), "default".to_owned()),
    ] {
        assert_eq!(shown[key], json!({ "value": value, "source": source }), "{key}");
    }
    assert_eq!(loaded.config.http.listen.port(), 4);
    assert_eq!(loaded.config.http.request_timeout, Duration::from_secs(23));
}

#[test]
fn text_in_the_environment_is_taken_exactly_as_it_stands() {
    for secret in [
        "12345678901234567890123456789012",
        "00000000001234567890123456789012",
        "3.14159265358979323846264338327950288",
        "true-true-true-true-true-true-true-true",
        "a=b=c=[d]={e}=\"f\"='g'=\\n=#h,i,j,k,l",
        "\"quoted-quoted-quoted-quoted-quoted\"",
        "[\"list-list-list-list\", \"list-list-list\"]",
        "  spaces before, between and after   ",
    ] {
        let config = with_env(&[("SALES_ORDER_AUTH__JWT_SECRET", secret)]).unwrap().config;
        assert_eq!(config.jwt_secrets().unwrap().signing.expose_secret(), secret);
    }
    let config =
        with_env(&[("SALES_ORDER_AUTH__JWT_ISSUER", "true"), ("SALES_ORDER_AUTH__JWT_AUDIENCE", "007")]).unwrap();
    assert_eq!((&*config.config.auth.jwt_issuer, &*config.config.auth.jwt_audience), ("true", "007"));
}

#[test]
fn numbers_switches_and_lists_in_the_environment_are_read_as_what_they_are() {
    let list = format!("[\"{GOOD}\", \"01234567890123456789012345678901\"]");
    let config = with_env(&[
        ("SALES_ORDER_HTTP__MAX_BODY_BYTES", "2048"),
        ("SALES_ORDER_RATE_LIMIT__ENABLED", "false"),
        ("SALES_ORDER_LOG__FORMAT", "json"),
        ("SALES_ORDER_AUTH__JWT_SECRET", GOOD),
        ("SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS", &list),
    ])
    .unwrap()
    .config;
    assert_eq!(config.http.max_body_bytes, 2048);
    assert!(!config.rate_limit.enabled);
    assert_eq!(config.log.format, LogFormat::Json);
    let previous = config.jwt_secrets().unwrap().previous;
    let previous: Vec<&str> = previous.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(previous, [GOOD, "01234567890123456789012345678901"]);
}

#[test]
fn a_duration_is_text_with_units_or_whole_seconds() {
    for (text, seconds) in [("300", 300), ("300s", 300), ("12h", 43_200), (" 1h 30m ", 5_400), ("7d", 604_800)] {
        let config = with_env(&[("SALES_ORDER_AUTH__TIMESTAMP_TOLERANCE", text)]).unwrap().config;
        assert_eq!(config.auth.timestamp_tolerance, Duration::from_secs(seconds), "{text}");
    }
    let config = with_toml("[auth]\ntimestamp_tolerance = 45\n").unwrap().config;
    assert_eq!(config.auth.timestamp_tolerance, Duration::from_secs(45));
}

#[test]
fn the_listener_takes_addresses_of_both_kinds_localhost_and_port_zero() {
    for (text, address) in [
        ("localhost:8080", "127.0.0.1:8080"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:9000", "[::1]:9000"),
        ("0.0.0.0:80", "0.0.0.0:80"),
    ] {
        let config = with_env(&[("SALES_ORDER_HTTP__LISTEN", text)]).unwrap().config;
        assert_eq!(config.http.listen.to_string(), address);
    }
}

#[test]
fn variables_of_others_and_those_kubernetes_makes_for_a_service_of_our_name_are_passed_over() {
    let loaded = with_env(&[
        ("PATH", "/bin"),
        ("SALES_ORDERS", "12"),
        ("SALES_ORDER_API_SERVICE_HOST", "10.0.0.7"),
        ("SALES_ORDER_API_SERVICE_PORT", "8080"),
        ("SALES_ORDER_API_SERVICE_PORT_HTTP", "8080"),
        ("SALES_ORDER_PORT", "tcp://10.0.0.7:8080"),
        ("SALES_ORDER_PORT_8080_TCP", "tcp://10.0.0.7:8080"),
        ("SALES_ORDER_API_PORT_8080_TCP_ADDR", "10.0.0.7"),
    ])
    .unwrap();
    assert!(loaded.entries().iter().all(|entry| entry.source == "default"));
}

#[test]
fn what_is_shown_has_every_key_in_file_order_and_no_secret() {
    let list = format!("[\"{GOOD}\", \"{GOOD}\"]");
    let flags = Overrides {
        database_url: Some("postgres://me:hunter2@db:5432/orders?sslmode=require&password=hunter2".to_owned()),
        ..Overrides::default()
    };
    assert!(!format!("{flags:?}").contains("hunter2"));
    let environment = pairs(&[
        ("SALES_ORDER_AUTH__JWT_SECRET", GOOD),
        ("SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS", &list),
        ("SALES_ORDER_WEBHOOKS__PROXY", "http://me:hunter2@proxy:3128"),
    ]);
    let loaded = load_from(&[], environment, &flags).unwrap();
    let shown = loaded.to_json();
    let names: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(names, keys::all().iter().map(|key| &key.name).collect::<Vec<_>>());
    assert_eq!(names[0], "http.listen");
    assert_eq!(shown["auth.jwt_secret"]["value"], "***");
    assert_eq!(shown["auth.jwt_previous_secrets"]["value"], json!(["***", "***"]));
    assert_eq!(shown["database.url"]["value"], "postgres://me:***@db:5432/orders?sslmode=require&password=***");
    assert_eq!(shown["webhooks.proxy"]["value"], "http://me:***@proxy:3128");
    let table = loaded.to_table();
    assert_eq!(table.lines().count(), names.len());
    assert!(table.contains("environment variable SALES_ORDER_AUTH__JWT_SECRET\n"), "{table}");
    let secrets = loaded.config.jwt_secrets().unwrap();
    for text in [shown.to_string(), table, format!("{loaded:?}"), format!("{secrets:?}")] {
        assert!(!text.contains("hunter2") && !text.contains(GOOD), "{text}");
    }
}

#[test]
fn a_secret_that_is_not_set_is_shown_as_empty_and_a_url_without_a_password_as_it_is() {
    let url = "postgres://me@db/orders";
    let shown = with_env(&[("SALES_ORDER_DATABASE__URL", url)]).unwrap().to_json();
    assert_eq!(shown["auth.jwt_secret"]["value"], "");
    assert_eq!(shown["auth.jwt_previous_secrets"]["value"], Value::Array(Vec::new()));
    assert_eq!(shown["database.url"]["value"], url);
}

#[test]
fn a_password_with_reserved_signs_in_it_is_hidden_whole() {
    let shown = with_env(&[("SALES_ORDER_DATABASE__URL", "postgres://me:hun@ter/2?x#y@db/orders")]).unwrap().to_json();
    assert_eq!(shown["database.url"]["value"], "postgres://me:***@db/orders");
}

#[test]
fn the_production_example_is_valid_once_its_secret_files_exist() {
    let directory = Directory::new();
    let secret = directory.file("secret", &format!("{GOOD}\n"));
    let previous = directory.file("previous", "");
    let example = include_str!("../../../config/production.example.toml")
        .replace("/run/secrets/jwt-secret", &secret.display().to_string())
        .replace("/run/secrets/jwt-previous-secrets", &previous.display().to_string());
    let file = directory.file("production.toml", &example);
    let config = load_from(&[file], [], &Overrides::default()).unwrap().config;
    config.check_exposure().unwrap();
    assert_eq!(config.jwt_secrets().unwrap().signing.expose_secret(), GOOD);
    assert!(config.jwt_secrets().unwrap().previous.is_empty());
}
