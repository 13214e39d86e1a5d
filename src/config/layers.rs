//! Where values come from: the defaults, the files, the environment and the flags, each a provider of its own with the
//! name that `config show` and the errors call it by.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::keys::{self, Key, PREFIX};
use super::{ConfigError, Overrides};

/// Values of one origin.
struct Layer {
    origin: String,
    values: Vec<(String, Value)>,
}

impl Layer {
    fn one(origin: impl Into<String>, key: &str, value: Value) -> Self {
        Self { origin: origin.into(), values: vec![(key.to_owned(), value)] }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let mut sections: BTreeMap<&str, Dict> = BTreeMap::new();
        for (name, value) in &self.values {
            let (section, key) = name.split_once('.').unwrap_or(("", name));
            sections.entry(section).or_default().insert(key.to_owned(), value.clone());
        }
        Ok(Profile::Default.collect(sections.into_iter().map(|(name, keys)| (name.to_owned(), keys.into())).collect()))
    }
}

/// All layers, the later ones over the earlier ones; every key in them is a known one.
pub(super) fn stack(
    keys: &[Key],
    files: &[PathBuf],
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &Overrides,
) -> Result<Figment, ConfigError> {
    let defaults = toml_layer(keys, "default".to_owned(), keys::DEFAULTS)?;
    let mut figment = Figment::from(&defaults);
    for path in files {
        figment = figment.merge(toml_layer(keys, format!("file {}", path.display()), &read(path)?)?);
    }
    for (variable, text) in environment {
        if let Some(layer) = variable_layer(keys, &defaults, variable, text)? {
            figment = figment.merge(layer);
        }
    }
    if let Some(listen) = &overrides.listen {
        figment = figment.merge(Layer::one("flag --listen", "http.listen", listen.as_str().into()));
    }
    if let Some(url) = &overrides.database_url {
        figment = figment.merge(Layer::one("flag --database-url", "database.url", url.as_str().into()));
    }
    Ok(figment)
}

/// Figment would look for the file in every parent directory and shrug when there is none.
fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => ConfigError::FileMissing { path: path.to_owned() },
        _ => ConfigError::FileUnreadable { path: path.to_owned(), cause: error.to_string() },
    })
}

fn toml_layer(keys: &[Key], origin: String, text: &str) -> Result<Layer, ConfigError> {
    let mut profiles = Toml::string(text)
        .data()
        .map_err(|error| ConfigError::Syntax { origin: origin.clone(), cause: without_excerpt(&error.to_string()) })?;
    let mut values = Vec::new();
    for (section, value) in profiles.remove(&Profile::Default).unwrap_or_default() {
        match value {
            Value::Dict(_, inner) if !inner.is_empty() => {
                values.extend(inner.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)));
            }
            Value::Dict(..) if keys.iter().any(|key| in_section(key, &section)) => {}
            other => values.push((section, other)),
        }
    }
    for (name, _) in &values {
        if keys.iter().any(|key| key.name == *name) {
            continue;
        }
        if keys.iter().any(|key| in_section(key, name)) {
            let problem = format!("is a section: write [{name}] and its keys on the lines after it");
            return Err(ConfigError::Invalid { key: name.clone(), origin, problem });
        }
        let suggestion = keys::nearest(keys, name).map(|key| key.name.clone());
        return Err(ConfigError::UnknownKey { key: name.clone(), origin, suggestion });
    }
    Ok(Layer { origin, values })
}

fn in_section(key: &Key, section: &str) -> bool {
    key.name.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// The parser's message on one line, without the excerpt of the file in it, which may show a secret.
fn without_excerpt(message: &str) -> String {
    let is_excerpt = |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    let lines: Vec<&str> = message.lines().filter(|line| !is_excerpt(line)).map(str::trim).collect();
    lines.join(", ").replace("TOML parse error at ", "")
}

fn variable_layer(
    keys: &[Key],
    defaults: &Layer,
    variable: String,
    text: String,
) -> Result<Option<Layer>, ConfigError> {
    if !is_ours(&variable) || is_service_link(&variable, &text) {
        return Ok(None);
    }
    let Some(key) = keys.iter().find(|key| key.variable == variable) else {
        let rest = variable.get(PREFIX.len()..).unwrap_or_default().replace("__", ".");
        let suggestion = keys::nearest(keys, &rest).map(|key| key.variable.clone());
        return Err(ConfigError::UnknownVariable { variable, suggestion });
    };
    // A key that holds text takes the variable as it stands: parsed, `0123` would lose its zero and `true` its letters.
    let is_text = defaults.values.iter().any(|(name, value)| *name == key.name && value.as_str().is_some());
    let value = if is_text { text.into() } else { text.parse().unwrap_or_else(|never: Infallible| match never {}) };
    Ok(Some(Layer::one(format!("environment variable {variable}"), &key.name, value)))
}

/// The variables with our prefix, as text.
pub(super) fn our_variables(
    all: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigError> {
    all.into_iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(variable, _)| is_ours(variable))
        .map(|(variable, value)| match value.into_string() {
            Ok(text) => Ok((variable, text)),
            Err(_) => Err(ConfigError::VariableNotUtf8 { variable }),
        })
        .collect()
}

/// Whether a variable has our prefix; in any case, so that one in small letters is named and not passed over.
fn is_ours(variable: &str) -> bool {
    variable.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Kubernetes announces a Service called `sales-order…` to every pod with variables that have our prefix by accident:
/// `SALES_ORDER_API_SERVICE_HOST`, `SALES_ORDER_API_PORT_8080_TCP_ADDR`, `SALES_ORDER_API_PORT=tcp://…`.
fn is_service_link(variable: &str, text: &str) -> bool {
    if variable.contains("__") {
        return false;
    }
    let protocol = |name: &str| ["TCP", "UDP", "SCTP"].contains(&name);
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || (variable.ends_with("_PORT") && text.contains("://"))
        || variable.match_indices("_PORT_").any(|(at, found)| {
            let mut parts = variable[at + found.len()..].split('_');
            parts.next().is_some_and(|port| port.parse::<u16>().is_ok()) && parts.next().is_some_and(protocol)
        })
}
