//! The configuration in force, for people and for programs: every key, its value and what set it, without secrets.

use std::fmt::Write as _;

use figment::Figment;
use serde_json::{Map, Value, json};

use super::error::origin;
use super::keys::{Key, is_secret, is_url_with_password};
use super::{Entry, Loaded};

/// What a secret that is set looks like.
pub(super) const REDACTED: &str = "***";

/// Every key in the order of `config/default.toml`.
pub(super) fn entries(figment: &Figment, keys: &[Key]) -> Vec<Entry> {
    let value = |name: &str| figment.find_value(name).ok().and_then(|value| serde_json::to_value(value).ok());
    keys.iter()
        .map(|key| Entry {
            name: key.name.clone(),
            value: redacted(&key.name, value(&key.name).unwrap_or_default()),
            source: origin(figment, &key.name),
        })
        .collect()
}

fn redacted(name: &str, value: Value) -> Value {
    match value {
        Value::String(url) if is_url_with_password(name) => redacted_url(&url).into(),
        Value::String(text) if is_secret(name) && !text.is_empty() => REDACTED.into(),
        Value::Array(items) if is_secret(name) => items.iter().map(|_| Value::from(REDACTED)).collect(),
        shown => shown,
    }
}

/// A URL without the password. Up to the last `@`, for a password written without escapes may hold any sign.
fn redacted_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
        return url.to_owned();
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((login, rest)) => match login.split_once(':') {
            Some((user, _)) => (format!("{user}:{REDACTED}@"), rest),
            None => (format!("{login}@"), rest),
        },
        None => (String::new(), rest),
    };
    let Some((host, query)) = rest.split_once('?') else { return format!("{scheme}://{user}{rest}") };
    let parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}={REDACTED}"),
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{scheme}://{user}{host}?{}", parameters.join("&"))
}

impl Loaded {
    /// `{"section.key": {"value": …, "source": …}}`, in the order of `config/default.toml`.
    pub fn to_json(&self) -> Value {
        let member = |entry: &Entry| (entry.name.clone(), json!({ "value": entry.value, "source": entry.source }));
        Value::Object(self.entries.iter().map(member).collect::<Map<_, _>>())
    }

    /// A line for each key: name, value (written as in TOML) and source.
    pub fn to_table(&self) -> String {
        let rows: Vec<_> = self.entries.iter().map(|entry| (entry, entry.value.to_string())).collect();
        let names = rows.iter().map(|(entry, _)| entry.name.chars().count()).max().unwrap_or(0);
        let values = rows.iter().map(|(_, value)| value.chars().count()).max().unwrap_or(0);
        let mut table = String::new();
        for (entry, value) in rows {
            // Writing to a String does not fail.
            let _ = writeln!(table, "{:names$}  {value:values$}  {}", entry.name, entry.source);
        }
        table
    }
}

impl std::fmt::Debug for super::Overrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overrides")
            .field("listen", &self.listen)
            .field("database_url", &self.database_url.as_deref().map(redacted_url))
            .finish()
    }
}
