//! What the types cannot say: ranges, and values that must go together.

use iso_currency::Currency;
use std::time::Duration;

use figment::Figment;
use secrecy::{ExposeSecret as _, SecretString};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::error::origin;
use super::{Config, ConfigError, EventsConfig, Webhooks, oidc};

/// How long a change by the command line may take to reach a running service, as documented.
const LONGEST_CLIENT_CACHE: Duration = Duration::from_secs(5);

/// Far beyond every use, near enough that an instant plus a duration is always an instant.
const LONGEST_DURATION: Duration = Duration::from_hours(3_650 * 24);

/// Half of what one client may let arrive at once is then room for the largest body.
const BODIES_IN_MEMORY: usize = 16;

/// The longest line there is, some hundred usual ones.
const SMALLEST_LOG_BUFFER: usize = 64 * 1024;

/// Readers of the feed may be away for so long.
const SHORTEST_RETENTION: Duration = Duration::from_hours(1);

/// Refuses the first value that is out of its range.
pub(super) fn check(config: &Config, figment: &Figment) -> Result<(), ConfigError> {
    check_durations(config, figment)?;
    let Config { http, database, auth, orders, graphql, log, webhooks, .. } = config;
    for (key, value) in [
        ("http.max_body_bytes", http.max_body_bytes),
        ("http.max_connections", http.max_connections),
        ("http.max_connections_per_address", http.max_connections_per_address),
        ("http.max_sockets_per_address", http.max_sockets_per_address),
        ("http.max_sockets_per_client", http.max_sockets_per_client),
        ("http.max_subscriptions_per_client", http.max_subscriptions_per_client),
        ("database.max_connections", database.max_connections as usize),
        ("database.max_reports", database.max_reports as usize),
        ("database.max_reports_per_client", database.max_reports_per_client),
        ("orders.max_waiting", orders.max_waiting),
        ("webhooks.max_in_flight", webhooks.max_in_flight),
        ("auth.password_hash_concurrency", auth.password_hash_concurrency),
        ("graphql.max_depth", graphql.max_depth),
        ("graphql.max_complexity", graphql.max_complexity),
        ("graphql.max_mutations", graphql.max_mutations),
        ("graphql.max_logins", graphql.max_logins),
        ("graphql.max_queries_per_client", graphql.max_queries_per_client),
        ("graphql.max_root_fields", graphql.max_root_fields),
        ("graphql.max_statements", graphql.max_statements),
        ("graphql.max_answer_bytes", graphql.max_answer_bytes),
    ] {
        if value == 0 {
            return Err(ConfigError::invalid(figment, key, "must be at least 1, but is 0"));
        }
    }
    if log.max_buffer_bytes < SMALLEST_LOG_BUFFER {
        let problem = format!("must be at least {SMALLEST_LOG_BUFFER}, but is {}", log.max_buffer_bytes);
        return Err(ConfigError::invalid(figment, "log.max_buffer_bytes", problem));
    }
    for (key, value) in [("auth.jwt_issuer", &auth.jwt_issuer), ("auth.jwt_audience", &auth.jwt_audience)] {
        if value.trim().is_empty() {
            return Err(ConfigError::invalid(figment, key, "must not be empty"));
        }
    }
    check_cross(config, figment)?;
    if auth.generated_jwt_secret_file.as_os_str().is_empty() {
        return Err(ConfigError::invalid(figment, "auth.generated_jwt_secret_file", "must name a file, but is empty"));
    }
    let currency = &orders.default_currency;
    if Currency::from_code(currency).is_none() {
        let problem = format!("must be an ISO 4217 code in capitals such as IDR, but is {currency:?}");
        return Err(ConfigError::invalid(figment, "orders.default_currency", problem));
    }
    EnvFilter::builder().parse(&log.filter).map(drop).map_err(|error| {
        let problem = format!("is {:?}, which is not a log filter: {error}", log.filter);
        ConfigError::invalid(figment, "log.filter", problem)
    })
}

fn check_durations(config: &Config, figment: &Figment) -> Result<(), ConfigError> {
    let Config { http, database, auth, rate_limit, events, request_log, webhooks, oidc, .. } = config;
    let second = Duration::from_secs(1);
    let millisecond = Duration::from_millis(1);
    for (key, value, least) in [
        ("http.request_timeout", http.request_timeout, millisecond),
        ("http.drain_delay", http.drain_delay, Duration::ZERO),
        ("http.shutdown_timeout", http.shutdown_timeout, Duration::ZERO),
        ("http.header_timeout", http.header_timeout, millisecond),
        ("http.idle_timeout", http.idle_timeout, millisecond),
        ("http.write_timeout", http.write_timeout, millisecond),
        ("http.subscription_write_timeout", http.subscription_write_timeout, millisecond),
        ("http.anonymous_socket_timeout", http.anonymous_socket_timeout, millisecond),
        ("database.statement_timeout", database.statement_timeout, millisecond),
        ("database.acquire_timeout", database.acquire_timeout, millisecond),
        ("database.start_timeout", database.start_timeout, Duration::ZERO),
        ("database.max_clock_skew", database.max_clock_skew, Duration::ZERO),
        ("database.max_replica_lag", database.max_replica_lag, Duration::ZERO),
        ("database.idle_timeout", database.idle_timeout, second),
        ("http.ready_timeout", http.ready_timeout, millisecond),
        ("auth.token_lifetime", auth.token_lifetime, second),
        ("auth.refresh_window", auth.refresh_window, Duration::ZERO),
        ("auth.session_lifetime", auth.session_lifetime, second),
        ("rate_limit.login_longest_pause", rate_limit.login_longest_pause, Duration::ZERO),
        ("oidc.session_lifetime", oidc.session_lifetime, Duration::from_mins(1)),
        ("webhooks.connect_timeout", webhooks.connect_timeout, millisecond),
        ("webhooks.timeout", webhooks.timeout, millisecond),
        ("webhooks.lease", webhooks.lease, second),
        ("webhooks.log_retention", webhooks.log_retention, second),
        ("events.retention", events.retention, Duration::ZERO),
        ("request_log.retention", request_log.retention, Duration::ZERO),
        ("auth.timestamp_tolerance", auth.timestamp_tolerance, second),
    ] {
        if value < least {
            return Err(ConfigError::invalid(
                figment,
                key,
                format!("must be at least {}", humantime::format_duration(least)),
            ));
        }
        if value > LONGEST_DURATION {
            return Err(ConfigError::invalid(figment, key, "must be at most 3650d".to_owned()));
        }
    }
    Ok(())
}

fn check_cross(config: &Config, figment: &Figment) -> Result<(), ConfigError> {
    let auth = &config.auth;
    if auth.client_cache_ttl > LONGEST_CLIENT_CACHE {
        let problem = format!(
            "must be at most 5s, for a change by the command line takes effect within 5 seconds, but is {}",
            written(figment, "auth.client_cache_ttl")
        );
        return Err(ConfigError::invalid(figment, "auth.client_cache_ttl", problem));
    }
    if auth.session_lifetime < auth.token_lifetime {
        let problem = format!(
            "is {}, shorter than auth.token_lifetime, which is {} by {}: raise the one or lower the other",
            written(figment, "auth.session_lifetime"),
            written(figment, "auth.token_lifetime"),
            origin(figment, "auth.token_lifetime"),
        );
        return Err(ConfigError::invalid(figment, "auth.session_lifetime", problem));
    }
    let http = &config.http;
    if !http.drain_delay.is_zero() && http.drain_delay >= http.shutdown_timeout {
        // Nothing would be left for the requests under way.
        let problem = format!(
            "is {} by {}, not shorter than http.shutdown_timeout, which is {} by {}: lower the one or raise the other",
            written(figment, "http.drain_delay"),
            origin(figment, "http.drain_delay"),
            written(figment, "http.shutdown_timeout"),
            origin(figment, "http.shutdown_timeout"),
        );
        return Err(ConfigError::invalid(figment, "http.drain_delay", problem));
    }
    for (key, value) in [
        // What answers that the database took too long must come before the request itself is given up.
        ("database.statement_timeout", config.database.statement_timeout),
        ("database.max_replica_lag", config.database.max_replica_lag),
    ] {
        if value >= config.http.request_timeout {
            let problem = format!(
                "is {} by {}, not shorter than http.request_timeout, which is {} by {}: lower the one or raise the other",
                written(figment, key),
                origin(figment, key),
                written(figment, "http.request_timeout"),
                origin(figment, "http.request_timeout"),
            );
            return Err(ConfigError::invalid(figment, key, problem));
        }
    }
    let (memory, body) = (config.http.max_body_memory_bytes, config.http.max_body_bytes);
    if memory / BODIES_IN_MEMORY < body {
        let problem = format!(
            "is {memory} by {}, less than {BODIES_IN_MEMORY} times http.max_body_bytes, which is {body} by {}: raise the \
             one or lower the other",
            origin(figment, "http.max_body_memory_bytes"),
            origin(figment, "http.max_body_bytes"),
        );
        return Err(ConfigError::invalid(figment, "http.max_body_memory_bytes", problem));
    }
    if let Some(origin) = config.http.cors_origins.iter().find(|origin| !is_origin(origin)) {
        let problem =
            format!("holds {origin:?}, which is no origin such as https://dashboard.example.com, without a path");
        return Err(ConfigError::invalid(figment, "http.cors_origins", problem));
    }
    if config.http.trusted_hops > 0 && config.http.trusted_proxies.is_empty() {
        let problem = format!(
            "is {}, but http.trusted_proxies is empty: name there the proxies whose X-Forwarded-For is read",
            config.http.trusted_hops
        );
        return Err(ConfigError::invalid(figment, "http.trusted_hops", problem));
    }
    let metrics = config.metrics.listen.filter(|metrics| metrics.port() != 0 && *metrics == config.http.listen);
    if let Some(metrics) = metrics {
        let problem = format!("is {metrics}, where http.listen is too: leave it empty, or name another port");
        return Err(ConfigError::invalid(figment, "metrics.listen", problem));
    }
    let url = config.database.url.expose_secret();
    if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        let problem = "must begin with sqlite: or postgres://";
        return Err(ConfigError::invalid(figment, "database.url", problem));
    }
    if !config.database.is_sqlite() && config.database.max_connections < 2 {
        let problem = "must be at least 2 on PostgreSQL: a report and what ends it need a connection each";
        return Err(ConfigError::invalid(figment, "database.max_connections", problem));
    }
    let is_postgres = |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
    for (key, other) in
        [("database.listen_url", &config.database.listen_url), ("database.read_url", &config.database.read_url)]
    {
        let other = other.expose_secret();
        let both = is_postgres(other) && is_postgres(url);
        if !other.is_empty() && !both {
            let problem = "must be empty, or begin with postgres:// as database.url then does too";
            return Err(ConfigError::invalid(figment, key, problem));
        }
    }
    check_webhooks(&config.webhooks, figment)?;
    check_events(&config.events, figment)?;
    oidc::check(config, figment)
}

fn check_events(events: &EventsConfig, figment: &Figment) -> Result<(), ConfigError> {
    if !events.retention.is_zero() && events.retention < SHORTEST_RETENTION {
        let problem = "must be at least 1h, or 0s to keep events for ever";
        return Err(ConfigError::invalid(figment, "events.retention", problem));
    }
    Ok(())
}

fn check_webhooks(webhooks: &Webhooks, figment: &Figment) -> Result<(), ConfigError> {
    if webhooks.connect_timeout > webhooks.timeout {
        let problem = format!(
            "is {} by {}, longer than webhooks.timeout, which is {} by {}: lower the one or raise the other",
            written(figment, "webhooks.connect_timeout"),
            origin(figment, "webhooks.connect_timeout"),
            written(figment, "webhooks.timeout"),
            origin(figment, "webhooks.timeout"),
        );
        return Err(ConfigError::invalid(figment, "webhooks.connect_timeout", problem));
    }
    let is_proxy = |proxy: &SecretString| {
        let url = proxy.expose_secret();
        ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) && Url::parse(url).is_ok()
    };
    if webhooks.proxy().is_some_and(|proxy| !is_proxy(proxy)) {
        let problem = "must be empty, or the URL of an HTTP proxy such as http://proxy.example.com:3128";
        return Err(ConfigError::invalid(figment, "webhooks.proxy", problem));
    }
    Ok(())
}

/// Scheme, host and perhaps port, as browsers write it: a page's origin is compared by its bytes.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_host = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    !host.is_empty() && host.bytes().all(is_host)
}

/// A duration as it was written: worked out again, 31d would be "1month 13h 26m 24s".
fn written(figment: &Figment, key: &str) -> String {
    figment.find_value(key).map_or_else(
        |_| String::new(),
        |value| value.as_str().map_or_else(|| value.to_i128().unwrap_or_default().to_string(), str::to_owned),
    )
}
