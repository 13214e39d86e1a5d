//! The parameters of a PostgreSQL URL: those that are taken, and those of libpq that are refused because the driver
//! would ignore them.

use super::TargetSession;

/// Every parameter that is taken, with the other names the driver knows for it.
const TAKEN: [(&str, &[&str]); 16] = [
    ("sslmode", &["ssl-mode"]),
    ("sslrootcert", &["ssl-root-cert", "ssl-ca"]),
    ("sslcert", &["ssl-cert"]),
    ("sslkey", &["ssl-key"]),
    ("statement-cache-capacity", &[]),
    ("host", &[]),
    ("hostaddr", &[]),
    ("port", &[]),
    ("dbname", &[]),
    ("user", &[]),
    ("password", &[]),
    ("application_name", &[]),
    ("options", &[]),
    ("connect_timeout", &[]),
    ("target_session_attrs", &[]),
    ("channel_binding", &[]),
];

/// What libpq knows and the driver does not, and what to do instead. Ignored, each would promise what is not so.
const REFUSED: [(&[&str], &str); 9] = [
    (
        &["keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "requiressl"],
        "the driver does not set it; leave it out: the service has limits of its own for every wait \
         (database.acquire_timeout, database.statement_timeout)",
    ),
    (
        &["gssencmode", "gsslib", "gssdelegation", "krbsrvname"],
        "the driver does not speak GSSAPI; leave it out and encrypt with sslmode=verify-full",
    ),
    (&["passfile"], "the driver takes the file from the environment; leave it out and name the file in PGPASSFILE"),
    (&["service", "servicefile"], "the driver reads no service file; write host, port, user and database into the URL"),
    (
        &["sslcrl", "sslcrldir", "sslpassword", "sslcertmode", "sslnegotiation", "sslsni", "sslkeylogfile"],
        "the driver has no such setting; leave it out",
    ),
    (
        &["ssl_min_protocol_version", "ssl_max_protocol_version", "sslcompression"],
        "the driver negotiates TLS 1.2 or newer without compression; leave it out",
    ),
    (
        &["require_auth", "requirepeer", "scram_client_key", "scram_server_key"],
        "the driver cannot insist on it; leave it out and use sslmode=verify-full, which proves the server",
    ),
    (
        &["currentSchema", "schema", "search_path"],
        "it is no parameter of PostgreSQL's; write options=-csearch_path%3DSCHEMA",
    ),
    (
        &[
            "replication",
            "client_encoding",
            "fallback_application_name",
            "load_balance_hosts",
            "min_protocol_version",
            "max_protocol_version",
        ],
        "the service sets it itself or has no use for it; leave it out",
    ),
];

const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// The name under which a parameter is known, or why it is not taken.
pub(super) fn known(name: &str) -> Result<&'static str, String> {
    if let Some((canonical, _)) = TAKEN.iter().find(|(taken, others)| *taken == name || others.contains(&name)) {
        return Ok(canonical);
    }
    if let Some((_, why)) = REFUSED.iter().find(|(names, _)| names.contains(&name)) {
        return Err(format!("the parameter {name} is not supported: {why}"));
    }
    let all = TAKEN.iter().flat_map(|(taken, others)| std::iter::once(taken).chain(others.iter()));
    let refused = REFUSED.iter().flat_map(|(names, _)| names.iter());
    let meant = nearest(name, all.chain(refused).copied());
    Err(format!("unknown parameter {name}{}", suggestion(meant)))
}

/// The mode as the driver knows it.
pub(super) fn ssl_mode(value: &str) -> Result<&'static str, String> {
    one_of("sslmode", value, &SSL_MODES)
}

/// What a connection must be good for.
pub(super) fn session(value: &str) -> Result<TargetSession, String> {
    if matches!(value, "read-only" | "standby" | "prefer-standby") {
        return Err(format!(
            "target_session_attrs={value} is not supported: the service writes; use read-write, primary or any"
        ));
    }
    Ok(match one_of("target_session_attrs", value, &["any", "read-write", "primary"])? {
        "read-write" => TargetSession::ReadWrite,
        "primary" => TargetSession::Primary,
        _ => TargetSession::Any,
    })
}

/// Taken only where it asks for nothing.
pub(super) fn channel_binding(value: &str) -> Result<(), String> {
    if value == "require" {
        return Err("channel_binding=require is not supported: the driver cannot bind the password to the TLS \
                    connection; leave it out and use sslmode=verify-full, which proves the server"
            .to_owned());
    }
    one_of("channel_binding", value, &["disable", "prefer"]).map(drop)
}

/// A number of seconds, as libpq writes it.
pub(super) fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} must be a whole number in its range, but is {value:?}"))
}

fn one_of(name: &str, value: &str, known: &[&'static str]) -> Result<&'static str, String> {
    if let Some(known) = known.iter().find(|known| known.eq_ignore_ascii_case(value)) {
        return Ok(known);
    }
    let meant = nearest(value, known.iter().copied());
    Err(format!("unknown value {value:?} of {name}{}; known are {}", suggestion(meant), known.join(", ")))
}

pub(super) fn suggestion(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"))
}

/// The name that was probably meant; beyond a few letters it would be a guess that misleads.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wanted.to_ascii_lowercase();
    let (distance, name) = names
        .map(|name| (strsim::damerau_levenshtein(&name.to_ascii_lowercase(), &lower), name))
        .min_by_key(|(d, _)| *d)?;
    (distance <= (wanted.len() / 3).max(1)).then_some(name)
}
