//! libpq's environment variables, for what a URL leaves out. The driver reads some of them, leaves out a value that it does not
//! understand without a word, and passes over the others.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Parts, parameters};

/// Every variable that is read, and the parameter that it stands for.
const READ: [(&str, &str); 15] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGAPPNAME", "application_name"),
    ("PGOPTIONS", "options"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGCHANNELBINDING", "channel_binding"),
];

/// Variables that would promise what is not so, and the parameter that says why. Those that are missing here change nothing
/// that the service depends on, such as `PGTZ`.
const REFUSED: [(&str, &str); 18] = [
    ("PGSERVICE", "service"),
    ("PGREQUIRESSL", "requiressl"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGREQUIREPEER", "requirepeer"),
    ("PGSSLCRL", "sslcrl"),
    ("PGSSLCRLDIR", "sslcrldir"),
    ("PGSSLCERTMODE", "sslcertmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLSNI", "sslsni"),
    ("PGSSLCOMPRESSION", "sslcompression"),
    ("PGSSLKEYLOGFILE", "sslkeylogfile"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGGSSLIB", "gsslib"),
    ("PGGSSDELEGATION", "gssdelegation"),
    ("PGKRBSRVNAME", "krbsrvname"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
];

/// What the environment holds of libpq's.
pub(super) type Variables = BTreeMap<String, OsString>;

/// Which parameters came from which variables.
#[derive(Default)]
pub(super) struct Filled(Vec<(&'static str, &'static str)>);

impl Filled {
    /// A problem that names a parameter which the URL does not hold.
    pub(super) fn explain(&self, problem: String) -> String {
        let words: Vec<_> = problem.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let named = self.0.iter().filter(|(_, parameter)| words.contains(parameter));
        let from =
            named.map(|(variable, parameter)| format!(" ({parameter} is set by the environment variable {variable})"));
        let from: String = from.collect();
        problem + &from
    }
}

/// Adds what the URL leaves out.
pub(super) fn fill(parts: &mut Parts, variables: &Variables) -> Result<Filled, String> {
    for variable in variables.keys() {
        refuse(variable)?;
    }
    let has_host = parts.hosts.iter().any(|(host, _)| !host.is_empty())
        || ["host", "hostaddr"].iter().any(|name| parts.parameters.contains_key(name));
    let has_port = parts.hosts.iter().any(|(_, port)| port.is_some()) || parts.parameters.contains_key("port");
    let mut filled = Filled::default();
    for (variable, parameter) in READ {
        let Some(value) = variables.get(variable) else { continue };
        let is_given = match parameter {
            "host" => has_host,
            "port" => has_port,
            // libpq takes the address from here and the name from the URL: which of the two counts must not be guessed.
            "hostaddr" => parts.parameters.contains_key("hostaddr"),
            // The driver puts it in front of what the URL holds.
            "options" => false,
            other => parts.parameters.contains_key(other),
        };
        if is_given {
            continue;
        }
        let value = text(variable, value)?;
        filled.0.push((variable, parameter));
        if parameter == "options" {
            continue;
        }
        if matches!(parameter, "host" | "hostaddr")
            && let [(_, Some(port))] = parts.hosts.as_slice()
        {
            // `postgres://:5433/orders`.
            parts.parameters.entry("port").or_insert_with(|| port.clone());
        }
        parts.parameters.insert(parameter, value.to_owned());
    }
    if !parts.parameters.contains_key("password")
        && let Some(path) = variables.get("PGPASSFILE")
    {
        check_password_file(path)?;
    }
    Ok(filled)
}

fn refuse(variable: &str) -> Result<(), String> {
    if let Some((_, parameter)) = REFUSED.iter().find(|(refused, _)| *refused == variable) {
        let Err(why) = parameters::known(parameter) else { return Ok(()) };
        return Err(format!("the environment variable {variable} is set, but {why}"));
    }
    let is_read = READ.iter().any(|(read, _)| *read == variable);
    // Nobody else's begin so, and without TLS everything works all the same.
    if is_read || !variable.starts_with("PGSSL") {
        return Ok(());
    }
    let meant = parameters::nearest(variable, READ.iter().chain(&REFUSED).map(|(known, _)| *known));
    Err(format!("unknown environment variable {variable}{}; unset it", parameters::suggestion(meant)))
}

/// The driver would take an empty text at its word, libpq some of them as not set.
fn text<'a>(variable: &str, value: &'a OsStr) -> Result<&'a str, String> {
    match value.to_str() {
        None => Err(format!("the environment variable {variable} is not valid UTF-8; set it to text")),
        Some("") => Err(format!("the environment variable {variable} is empty; unset it, or set it to a value")),
        Some(text) => Ok(text),
    }
}

/// One that cannot be used is passed over by the driver, and the server then misses a password.
fn check_password_file(path: &OsStr) -> Result<(), String> {
    let shown = path.to_string_lossy();
    let problem = match fs::metadata(path) {
        Err(error) => format!("which cannot be read: {error}"),
        Ok(file) if file.permissions().mode() & 0o077 != 0 => "which others may read; set its mode to 0600".to_owned(),
        Ok(_) => return Ok(()),
    };
    Err(format!("the environment variable PGPASSFILE names {shown:?}, {problem}"))
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::postgres::PgSslMode;

    use super::super::{Address, TargetSession, host_and_port};
    use super::*;

    fn read(url: &str, variables: &[(&str, &str)]) -> Result<Address, String> {
        Address::read(url, &variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect())
    }

    #[test]
    fn what_the_driver_would_drop_without_a_word_is_an_error_that_names_the_variable() {
        for (variable, value, expected) in [
            ("PGSSLMODE", "verify_full", "unknown value \"verify_full\" of sslmode; did you mean verify-full?"),
            ("PGSSLMODE", "", "is empty; unset it"),
            ("PGSSLMOD", "verify-full", "unknown environment variable PGSSLMOD; did you mean PGSSLMODE?"),
            ("PGSSLROOTCERT", "/ca.pem", "sslrootcert has no effect without sslmode=verify-full"),
            ("PGPORT", "54x2", "a port must be a number from 1 to 65535 (port is set by"),
            ("PGPORT", "70000", "a port must be a number from 1 to 65535 (port is set by"),
            ("PGHOSTADDR", "db", "hostaddr must be an IP address"),
            ("PGCONNECT_TIMEOUT", "soon", "connect_timeout must be a whole number"),
            ("PGTARGETSESSIONATTRS", "standby", "target_session_attrs=standby is not supported"),
            ("PGCHANNELBINDING", "require", "channel_binding=require is not supported"),
            ("PGSERVICE", "orders", "the driver reads no service file"),
            ("PGREQUIRESSL", "1", "the driver does not set it"),
            ("PGGSSENCMODE", "require", "encrypt with sslmode=verify-full"),
            ("PGSSLMINPROTOCOLVERSION", "TLSv1.3", "the driver negotiates TLS 1.2 or newer"),
            ("PGPASSFILE", "/no/such/file", "which cannot be read"),
        ] {
            let said = read("postgres:///orders", &[(variable, value)]).unwrap_err();
            assert!(said.contains(expected) && said.contains(variable), "{variable}: {said}");
        }
        for (_, parameter) in REFUSED {
            assert!(parameters::known(parameter).is_err(), "{parameter} has no reason");
        }
        let both = read("postgres://db/orders", &[("PGHOSTADDR", "10.0.0.1")]).unwrap_err();
        assert!(both.contains("hostaddr is there beside a host") && both.contains("PGHOSTADDR"), "{both}");
    }

    #[test]
    fn what_the_url_leaves_out_comes_from_the_environment_as_strictly_read() {
        let environment = [
            ("PGHOST", "h1,h2"),
            ("PGPORT", "1,2"),
            ("PGUSER", "us@er"),
            ("PGDATABASE", "my orders"),
            ("PGSSLMODE", "require"),
            ("PGSSLROOTCERT", "/ca.pem"),
            ("PGAPPNAME", "a b"),
            ("PGTARGETSESSIONATTRS", "primary"),
            ("PGCONNECT_TIMEOUT", "3"),
            ("PGTZ", "Asia/Jakarta"),
            ("PGDATA", "/var/lib/postgresql"),
        ];
        let address = read("postgres://", &environment).unwrap();
        assert_eq!(address.candidates.iter().map(host_and_port).collect::<Vec<_>>(), ["h1:1", "h2:2"]);
        assert_eq!((address.session, address.connect_timeout.unwrap().as_secs()), (TargetSession::Primary, 3));
        let options = &address.candidates[0];
        assert_eq!((options.get_username(), options.get_database()), ("us@er", Some("my orders")));
        assert_eq!(options.get_application_name(), Some("a b"));
        // The driver would have encrypted, and compared the certificate with nothing.
        assert!(matches!(options.get_ssl_mode(), PgSslMode::VerifyCa));

        let wins = read("postgres://u@db:7/orders?sslmode=verify-full", &environment).unwrap();
        assert_eq!(wins.candidates.iter().map(host_and_port).collect::<Vec<_>>(), ["db:7"]);
        assert!(matches!(wins.candidates[0].get_ssl_mode(), PgSslMode::VerifyFull));
        // Not read where the URL says it.
        let url = "postgres://u@db:7/orders?sslmode=disable";
        read(url, &[("PGSSLMODE", "verify_full"), ("PGPORT", "x"), ("PGHOST", "")]).unwrap();
        let port = |url: &str| host_and_port(&read(url, &[("PGHOST", "h1"), ("PGPORT", "5")]).unwrap().candidates[0]);
        assert_eq!([port("postgres:///orders"), port("postgres://:6/orders")], ["h1:5", "h1:6"]);
        // As in libpq, a list with a port in it has the usual one elsewhere.
        let mixed = read("postgres://h1:7,h2/orders", &[("PGPORT", "5")]).unwrap();
        assert_eq!(mixed.candidates.iter().map(host_and_port).collect::<Vec<_>>(), ["h1:7", "h2:5432"]);
    }
}
