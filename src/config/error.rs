//! Why a configuration is refused: one plain sentence that names the key, where its value came from and the remedy.
//!
//! No secret is ever part of one: of a secret key the sentence tells the length at most.

use std::net::SocketAddr;
use std::path::PathBuf;

use figment::Figment;
use figment::error::{Actual, Error as FigmentError, Kind};

use super::keys::is_secret;

/// A configuration the service does not start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file given with `--config` is not there.
    #[error("configuration file {} does not exist; check the path given with --config", path.display())]
    FileMissing {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A file given with `--config` is there but cannot be read.
    #[error("configuration file {} cannot be read: {cause}", path.display())]
    FileUnreadable {
        /// The path as it was given.
        path: PathBuf,
        /// The operating system's error.
        cause: String,
    },
    /// A configuration file is not TOML.
    #[error("configuration {origin} is not valid TOML: {cause}")]
    Syntax {
        /// The file.
        origin: String,
        /// Line, column and what is wrong, without the line itself, which may hold a secret.
        cause: String,
    },
    /// A file sets a key that does not exist.
    #[error("{key} in {origin} is not a setting; {}", hint(suggestion.as_deref()))]
    UnknownKey {
        /// The key as it was written.
        key: String,
        /// The file.
        origin: String,
        /// The key that was probably meant.
        suggestion: Option<String>,
    },
    /// The environment has a variable with our prefix that sets nothing.
    #[error("environment variable {variable} is not a setting; {}", hint(suggestion.as_deref()))]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The variable that was probably meant.
        suggestion: Option<String>,
    },
    /// A variable of ours is not text.
    #[error("environment variable {variable} is not valid UTF-8; set it to text")]
    VariableNotUtf8 {
        /// The variable.
        variable: String,
    },
    /// A value has the wrong type, is out of range or does not go with another one.
    #[error("{key} {problem} (set by {origin})")]
    Invalid {
        /// The key.
        key: String,
        /// The source of the setting.
        origin: String,
        /// What is wrong and what would be right, to be read after the key.
        problem: String,
    },
    /// A file that holds, or is to hold, secrets cannot be used.
    #[error("{key} names {}, {problem}", path.display())]
    SecretFile {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, to be read after its name.
        problem: String,
    },
    /// The service would be reachable by others with tokens that anyone can forge.
    #[error(
        "http.listen is {listen}, which other machines can reach, but {problem}; put the output of \
         `openssl rand -base64 48` into SALES_ORDER_AUTH__JWT_SECRET (or into a file named by \
         SALES_ORDER_AUTH__JWT_SECRET_FILE), or listen on 127.0.0.1"
    )]
    Exposed {
        /// The address that is not loopback.
        listen: SocketAddr,
        /// What is wrong with the secrets.
        problem: String,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(name) => format!("write {name} if that is what you mean, or remove it"),
        None => "remove it, or see all settings with `sales-order-api config show`".to_owned(),
    }
}

impl ConfigError {
    /// A faulty value, with the layer that set it looked up.
    pub(super) fn invalid(figment: &Figment, key: &str, problem: impl Into<String>) -> Self {
        Self::Invalid { key: key.to_owned(), origin: origin(figment, key), problem: problem.into() }
    }

    /// Rewords what figment says, which quotes values and speaks of Rust types.
    pub(super) fn from_figment(figment: &Figment, error: &FigmentError) -> Self {
        let key = error.path.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(".");
        let expected = match &error.kind {
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => plain(expected),
            _ => "",
        };
        let problem = match &error.kind {
            Kind::InvalidType(..) | Kind::InvalidValue(..) if is_secret(&key) && error.path.len() > 2 => {
                "must hold texts only: put each of them in double quotes".to_owned()
            }
            Kind::InvalidType(..) | Kind::InvalidValue(..) if is_secret(&key) => format!("must be {expected}"),
            _ if is_secret(&key) => "cannot be read".to_owned(),
            Kind::InvalidType(actual, _) | Kind::InvalidValue(actual, _) => {
                format!("must be {expected}, but is {}", seen(actual))
            }
            Kind::UnknownVariant(actual, expected) => {
                format!("must be {}, but is {actual:?}", expected.join(" or "))
            }
            other => format!("cannot be read: {other}"),
        };
        Self::invalid(figment, &key, problem)
    }
}

/// What set a key: `default`, `file …`, `environment variable …` or `flag …`.
pub(super) fn origin(figment: &Figment, key: &str) -> String {
    let value = figment.find_value(key).ok();
    // A table of several layers is put together in that of the first one: what stands in it tells.
    let telling = value.as_ref().map(|value| value.as_dict().and_then(|table| table.values().next()).unwrap_or(value));
    let metadata = telling.and_then(|value| figment.get_metadata(value.tag()));
    metadata.map_or_else(|| "default".to_owned(), |metadata| metadata.name.to_string())
}

/// What serde expected, in an operator's words; our own readers say it well already.
fn plain(expected: &str) -> &str {
    match expected {
        "a string" | "path string" => "text",
        "a boolean" => "true or false",
        "a map" => "a table such as {sales = [\"orders:read\"]}",
        "a sequence" => "a list such as [\"first\", \"second\"]",
        "u32" | "usize" => "a whole number",
        "a nonzero u32" => "a whole number above 0",
        "enum LogFormat" => "pretty or json",
        "enum NumberFormat" => "running or random",
        own => own,
    }
}

fn seen(actual: &Actual) -> String {
    match actual {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Str(value) => format!("{value:?}"),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}
