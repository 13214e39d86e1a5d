//! What a bad configuration is told.

use std::path::PathBuf;

use super::super::{Overrides, layers, load_from};
use super::{Directory, GOOD, assert_says, sentence, with_env, with_toml};

#[test]
fn an_unknown_key_in_a_file_is_named_with_its_file_and_the_nearest_key() {
    assert_says(
        with_toml("[http]\nlistn = \"x\"\n"),
        &["http.listn in file ", "a.toml is not a setting", "http.listen"],
    );
    assert_says(with_toml("listen = \"x\"\n"), &["listen in file", "write http.listen"]);
    assert_says(with_toml("[server]\nlisten = \"x\"\n"), &["server.listen", "write http.listen"]);
    assert_says(with_toml("[weather]\nsunny = true\n"), &["weather.sunny", "config show"]);
    assert_says(with_toml("[weather]\n"), &["weather in file"]);
    assert_says(with_toml("http = 3\n"), &["http is a section: write [http]"]);
    assert!(with_toml("[http]\n").is_ok(), "an empty section is no mistake");
}

#[test]
fn an_unknown_variable_is_named_with_the_one_that_was_meant() {
    for (wrong, right) in [
        ("SALES_ORDER_HTTP_LISTEN", "SALES_ORDER_HTTP__LISTEN"),
        ("SALES_ORDER_LISTEN", "SALES_ORDER_HTTP__LISTEN"),
        ("SALES_ORDER_SERVER__LISTEN", "SALES_ORDER_HTTP__LISTEN"),
        ("SALES_ORDER_HTTP__LISTN", "SALES_ORDER_HTTP__LISTEN"),
        ("SALES_ORDER_AUTH__JWT__SECRET", "SALES_ORDER_AUTH__JWT_SECRET"),
        ("SALES_ORDER_JWT_SECRET", "SALES_ORDER_AUTH__JWT_SECRET"),
        ("sales_order_http__listen", "SALES_ORDER_HTTP__LISTEN"),
    ] {
        let text = sentence(with_env(&[(wrong, "hunter2")]));
        let expected = format!("environment variable {wrong} is not a setting; write {right} if");
        assert!(text.starts_with(&expected), "{text}");
    }
    assert_says(with_env(&[("SALES_ORDER_WEATHER__SUNNY", "1")]), &["SALES_ORDER_WEATHER__SUNNY", "config show"]);
    assert_says(with_env(&[("SALES_ORDER_HTTP_PORT", "8080")]), &["SALES_ORDER_HTTP_PORT is not a setting"]);
}

#[test]
fn a_file_that_is_missing_or_unreadable_is_named() {
    let missing = [PathBuf::from("does/not/exist.toml")];
    assert_says(load_from(&missing, [], &Overrides::default()), &["does/not/exist.toml does not exist", "--config"]);
    let directory = Directory::new();
    assert_says(load_from(std::slice::from_ref(&directory.0), [], &Overrides::default()), &["cannot be read"]);
}

#[test]
fn a_syntax_error_is_told_with_its_line_but_without_the_line_itself() {
    for text in [
        "[auth]\njwt_secret = \"hunter2\nmore",
        "[auth]\njwt_secret = hunter2hunter2\n",
        "[auth]\njwt_secret = \"hunter2\" \"\n",
        "[auth]\njwt_secret = '''\nhunter2\n",
    ] {
        assert_says(with_toml(text), &["a.toml is not valid TOML: line "]);
    }
    assert_says(with_toml("[log]\nfilter = \"a\"\nfilter = \"b\"\n"), &["line 3, column 1", "duplicate key"]);
}

#[test]
fn a_value_of_the_wrong_type_is_told_what_it_should_be() {
    assert_says(
        with_toml("[http]\nmax_body_bytes = \"big\"\n"),
        &["http.max_body_bytes must be a whole number, but is \"big\" (set by file "],
    );
    assert_says(
        with_env(&[("SALES_ORDER_DATABASE__MAX_CONNECTIONS", "-1")]),
        &["must be a whole number, but is -1 (set by environment variable SALES_ORDER_DATABASE__MAX_CONNECTIONS)"],
    );
    assert_says(with_env(&[("SALES_ORDER_RATE_LIMIT__ENABLED", "yes")]), &["must be true or false, but is \"yes\""]);
    assert_says(
        with_env(&[("SALES_ORDER_RATE_LIMIT__LOGIN_BURST", "0")]),
        &["must be a whole number above 0, but is 0"],
    );
    assert_says(with_env(&[("SALES_ORDER_LOG__FORMAT", "xml")]), &["must be pretty or json, but is \"xml\""]);
    assert_says(
        with_env(&[("SALES_ORDER_ORDERS__NUMBER_FORMAT", "uuid")]),
        &["orders.number_format must be running or random, but is \"uuid\" (set by environment variable \
             SALES_ORDER_ORDERS__NUMBER_FORMAT)"],
    );
    assert_says(
        with_toml("[orders]\nnumber_format = 3\n"),
        &["orders.number_format must be running or random, but is 3"],
    );
    assert_says(with_toml("[log]\nformat = 3.5\n"), &["must be pretty or json, but is 3.5"]);
    assert_says(with_toml("[log]\nfilter = [\"a\"]\n"), &["log.filter must be text, but is a list"]);
    assert_says(with_toml("[log.filter]\na = 1\n"), &["log.filter must be text, but is a table"]);
    assert_says(with_toml("[auth]\njwt_secret_file = 1\n"), &["auth.jwt_secret_file must be text, but is 1"]);
    for text in ["fast", "-5", "1.5", "5 parsecs", ""] {
        assert_says(with_env(&[("SALES_ORDER_HTTP__REQUEST_TIMEOUT", text)]), &["must be a duration such as \"300s\""]);
    }
    assert_says(with_toml("[http]\nrequest_timeout = -5\n"), &["must be a duration", "but is -5"]);
    for text in ["8080", "example.com:80", "127.0.0.1", "127.0.0.1:99999", ""] {
        assert_says(with_env(&[("SALES_ORDER_HTTP__LISTEN", text)]), &["must be an IP address and a port such as"]);
    }
}

#[test]
fn a_secret_of_the_wrong_type_is_not_shown() {
    assert_says(with_toml("[auth]\njwt_secret = [\"hunter2\"]\n"), &["auth.jwt_secret must be text (set by"]);
    assert_says(with_toml("[database]\nurl = [\"hunter2\"]\n"), &["database.url must be text (set by"]);
    assert_says(with_toml("[webhooks]\nproxy = [\"hunter2\"]\n"), &["webhooks.proxy must be text (set by"]);
    assert_says(with_toml("[auth]\njwt_previous_secrets = \"hunter2\"\n"), &["must be a list such as"]);
    let unquoted = "[12345678901234567890, \"hunter2\"]";
    let outcome = with_env(&[("SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS", unquoted)]);
    assert_says(outcome, &["auth.jwt_previous_secrets must hold texts only", "double quotes"]);
    let broken = format!("[\"{GOOD}\"");
    assert_says(with_env(&[("SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS", &broken)]), &["must be a list such as"]);
}

#[test]
fn a_value_out_of_its_range_is_told_the_range() {
    for (variable, value, says) in [
        ("HTTP__REQUEST_TIMEOUT", "0", "http.request_timeout must be at least 1ms"),
        ("HTTP__MAX_BODY_BYTES", "0", "http.max_body_bytes must be at least 1, but is 0"),
        ("HTTP__MAX_BODY_MEMORY_BYTES", "100663295", "less than 16 times http.max_body_bytes, which is 6291456"),
        ("LOG__MAX_BUFFER_BYTES", "65535", "log.max_buffer_bytes must be at least 65536, but is 65535"),
        ("DATABASE__MAX_CONNECTIONS", "0", "database.max_connections must be at least 1"),
        ("EVENTS__RETENTION", "59m", "events.retention must be at least 1h, or 0s to keep events for ever"),
        ("DATABASE__ACQUIRE_TIMEOUT", "0s", "database.acquire_timeout must be at least 1ms"),
        ("DATABASE__STATEMENT_TIMEOUT", "0", "database.statement_timeout must be at least 1ms"),
        (
            "HTTP__REQUEST_TIMEOUT",
            "8s",
            "database.statement_timeout is 8s by default, not shorter than http.request_timeout, which is 8s by \
             environment variable SALES_ORDER_HTTP__REQUEST_TIMEOUT",
        ),
        (
            "HTTP__DRAIN_DELAY",
            "25s",
            "http.drain_delay is 25s by environment variable SALES_ORDER_HTTP__DRAIN_DELAY, not shorter than \
             http.shutdown_timeout, which is 25s by default",
        ),
        ("HTTP__SHUTDOWN_TIMEOUT", "0", "not shorter than http.shutdown_timeout, which is 0 by environment"),
        ("DATABASE__STATEMENT_TIMEOUT", "10s", "not shorter than http.request_timeout, which is 10s by"),
        ("DATABASE__URL", "mysql://me:hunter2@db/x", "database.url must begin with sqlite: or postgres://"),
        ("DATABASE__URL", "", "database.url must begin with"),
        ("DATABASE__START_TIMEOUT", "99999d", "database.start_timeout must be at most 3650d"),
        (
            "DATABASE__LISTEN_URL",
            "postgres://me:hunter2@db/x",
            "database.listen_url must be empty, or begin with postgres://",
        ),
        (
            "DATABASE__READ_URL",
            "postgres://me:hunter2@db/x",
            "database.read_url must be empty, or begin with postgres://",
        ),
        (
            "DATABASE__MAX_REPLICA_LAG",
            "10s",
            "database.max_replica_lag is 10s by environment variable SALES_ORDER_DATABASE__MAX_REPLICA_LAG, not shorter than",
        ),
        ("AUTH__TOKEN_LIFETIME", "10ms", "auth.token_lifetime must be at least 1s"),
        (
            "AUTH__TOKEN_LIFETIME",
            "31d",
            "auth.session_lifetime is 30d, shorter than auth.token_lifetime, which is 31d by environment",
        ),
        ("AUTH__REFRESH_WINDOW", "99999d", "auth.refresh_window must be at most 3650d"),
        ("AUTH__TIMESTAMP_TOLERANCE", "0", "auth.timestamp_tolerance must be at least 1s"),
        ("AUTH__CLIENT_CACHE_TTL", "6s", "auth.client_cache_ttl must be at most 5s"),
        ("AUTH__PASSWORD_HASH_CONCURRENCY", "0", "auth.password_hash_concurrency must be at least 1"),
        ("AUTH__JWT_ISSUER", " ", "auth.jwt_issuer must not be empty"),
        ("AUTH__GENERATED_JWT_SECRET_FILE", "", "auth.generated_jwt_secret_file must name a file"),
        ("ORDERS__DEFAULT_CURRENCY", "idr", "orders.default_currency must be an ISO 4217 code in capitals such as IDR"),
        ("ORDERS__DEFAULT_CURRENCY", "RUPIAH", "orders.default_currency must be an ISO 4217 code in capitals"),
        ("GRAPHQL__MAX_DEPTH", "0", "graphql.max_depth must be at least 1"),
        ("HTTP__IDLE_TIMEOUT", "0", "http.idle_timeout must be at least 1ms"),
        ("HTTP__HEADER_TIMEOUT", "0", "http.header_timeout must be at least 1ms"),
        ("HTTP__WRITE_TIMEOUT", "0", "http.write_timeout must be at least 1ms"),
        ("HTTP__SUBSCRIPTION_WRITE_TIMEOUT", "0", "http.subscription_write_timeout must be at least 1ms"),
        ("HTTP__MAX_CONNECTIONS", "0", "http.max_connections must be at least 1"),
        (
            "HTTP__TRUSTED_HOPS",
            "2",
            "http.trusted_hops is 2, but http.trusted_proxies is empty: name there the proxies",
        ),
        ("METRICS__LISTEN", "127.0.0.1:8080", "metrics.listen is 127.0.0.1:8080, where http.listen is too"),
        ("METRICS__LISTEN", "9090", "metrics.listen must be an IP address and a port such as"),
        ("RATE_LIMIT__ANONYMOUS_BURST", "0", "rate_limit.anonymous_burst"),
        ("WEBHOOKS__TIMEOUT", "0", "webhooks.timeout must be at least 1ms"),
        ("WEBHOOKS__CONNECT_TIMEOUT", "0", "webhooks.connect_timeout must be at least 1ms"),
        (
            "WEBHOOKS__CONNECT_TIMEOUT",
            "16s",
            "webhooks.connect_timeout is 16s by environment variable SALES_ORDER_WEBHOOKS__CONNECT_TIMEOUT, longer than \
             webhooks.timeout, which is 15s by default",
        ),
        (
            "WEBHOOKS__PROXY",
            "socks5://me:hunter2@proxy:1080",
            "webhooks.proxy must be empty, or the URL of an HTTP proxy",
        ),
        ("WEBHOOKS__PROXY", "http:me:hunter2@proxy", "webhooks.proxy must be empty, or the URL of an HTTP proxy"),
        ("WEBHOOKS__PROXY", "http://", "webhooks.proxy must be empty, or the URL of an HTTP proxy"),
        ("LOG__FILTER", "info,a=b=c", "log.filter is \"info,a=b=c\", which is not a log filter"),
    ] {
        assert_says(with_env(&[(&format!("SALES_ORDER_{variable}"), value)]), &[says]);
    }
    assert!(with_env(&[("SALES_ORDER_AUTH__CLIENT_CACHE_TTL", "0")]).is_ok());
    assert!(with_env(&[("SALES_ORDER_DATABASE__STATEMENT_TIMEOUT", "9999ms")]).is_ok());
    let one = ("SALES_ORDER_DATABASE__MAX_CONNECTIONS", "1");
    assert!(with_env(&[one]).is_ok());
    let postgres = ("SALES_ORDER_DATABASE__URL", "postgres://db/x");
    assert_says(with_env(&[one, postgres]), &["database.max_connections must be at least 2 on PostgreSQL"]);
    assert!(with_env(&[postgres, ("SALES_ORDER_DATABASE__LISTEN_URL", "postgres://db/x")]).is_ok());
    let behind = [("SALES_ORDER_HTTP__TRUSTED_HOPS", "2"), ("SALES_ORDER_HTTP__TRUSTED_PROXIES", "[\"10.0.0.5\"]")];
    assert!(with_env(&behind).is_ok());
    assert!(with_env(&[("SALES_ORDER_AUTH__CLIENT_CACHE_TTL", "5s")]).is_ok());
}

#[cfg(unix)]
#[test]
fn a_variable_of_ours_that_is_not_text_is_named_and_those_of_others_may_be_anything() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    let not_text = || OsString::from_vec(vec![0xff, 0xfe]);
    let others = [("OTHER".into(), not_text()), (not_text(), not_text()), ("SALES_ORDER_X".into(), "y".into())];
    assert_eq!(layers::our_variables(others).unwrap(), [("SALES_ORDER_X".to_owned(), "y".to_owned())]);
    let error = layers::our_variables([("SALES_ORDER_LOG__FILTER".into(), not_text())]).unwrap_err();
    assert_eq!(error.to_string(), "environment variable SALES_ORDER_LOG__FILTER is not valid UTF-8; set it to text");
}
