//! Settings that all instances on one database must have alike, and how they are compared without being told.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Config;

/// What an instance may have for itself: where it listens, what stands before it, how large it is and what it logs. All others must
/// be alike, so that it does not matter to callers which instance answers; a new setting is one of these until it is named here.
const OWN: &[&str] = &[
    "http.listen",
    "http.header_timeout",
    "http.idle_timeout",
    "http.write_timeout",
    "http.max_body_memory_bytes",
    "http.drain_delay",
    "http.shutdown_timeout",
    "http.trusted_proxies",
    "http.trusted_hops",
    "http.behind_tls",
    "http.max_connections",
    "http.max_connections_per_address",
    "http.max_sockets_per_address",
    "database.start_timeout",
    "database.migrate_on_start",
    "database.max_connections",
    "database.max_reports",
    "database.idle_timeout",
    "auth.jwt_secret_file",
    "auth.jwt_previous_secrets_file",
    "auth.generated_jwt_secret_file",
    "auth.password_hash_concurrency",
    "orders.max_waiting",
    "log.format",
    "log.filter",
    "log.max_buffer_bytes",
    "metrics.listen",
    "webhooks.secret_keys_file",
    "webhooks.generated_secret_key_file",
    "webhooks.max_in_flight",
    "webhooks.extra_roots_file",
    "oidc.client_secret_file",
];

impl Config {
    /// A fingerprint of each setting that all instances must have alike, by the setting's name. Secrets and URLs that may hold a
    /// password are not among them.
    #[must_use]
    pub fn fingerprints(&self) -> BTreeMap<String, String> {
        let Ok(Value::Object(sections)) = serde_json::to_value(self) else { return BTreeMap::new() };
        let keys = sections.into_iter().filter_map(|(section, keys)| match keys {
            Value::Object(keys) => Some(keys.into_iter().map(move |(key, value)| (format!("{section}.{key}"), value))),
            _ => None,
        });
        let shared = keys.flatten().filter(|(name, _)| !OWN.contains(&name.as_str()));
        shared.map(|(name, value)| (name, fingerprint(&value))).collect()
    }
}

/// The beginning of a digest: enough to tell values of one setting apart.
fn fingerprint(value: &Value) -> String {
    hex::encode(&Sha256::digest(sorted(value).to_string())[..6])
}

/// No list of the configuration has a sequence that matters.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(sorted).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Overrides, keys, load_from};
    use super::*;

    fn with(settings: &[(&str, &str)]) -> Config {
        let variable = |(name, value): &(&str, &str)| {
            let (section, key) = name.split_once('.').unwrap();
            (format!("SALES_ORDER_{}__{}", section.to_uppercase(), key.to_uppercase()), (*value).to_owned())
        };
        load_from(&[], settings.iter().map(variable), &Overrides::default()).unwrap().config
    }

    #[test]
    fn every_setting_is_compared_but_secrets_and_what_an_instance_has_for_itself() {
        let compared = with(&[]).fingerprints();
        for key in keys::all() {
            let is_own = OWN.contains(&key.name.as_str());
            assert_eq!(compared.contains_key(&key.name), !is_own && !keys::is_secret(&key.name), "{}", key.name);
        }
        let known: Vec<_> = keys::all().into_iter().map(|key| key.name).collect();
        for name in OWN {
            assert!(known.iter().any(|key| key == name), "there is no setting {name}");
        }
    }

    #[test]
    fn the_operations_guide_names_what_an_instance_may_have_for_itself() {
        let guide = include_str!("../../docs/operations.md");
        let (_, table) = guide.split_once("| section | settings of one instance |\n|---|---|\n").unwrap();
        let mut named = Vec::new();
        for row in table.lines().take_while(|line| line.starts_with('|')) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let split = |cell: &str| cell.split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<Vec<_>>();
            for section in split(cells[1]) {
                let of_section = |key: &&keys::Key| key.name.split('.').next() == Some(&section);
                let all = keys::all();
                let all = all.iter().filter(of_section).map(|key| key.name.clone());
                match cells[2] {
                    "all" => named.extend(all),
                    some => named.extend(split(some).into_iter().map(|name| format!("{section}.{name}"))),
                }
            }
        }
        named.sort();
        // Beside secrets that are compared by the names of their keys.
        let is_apart =
            |name: &str| keys::is_secret(name) && !name.starts_with("auth.") && name != "webhooks.secret_keys";
        let mut expected: Vec<_> = OWN.iter().map(|name| (*name).to_owned()).collect();
        expected.extend(keys::all().into_iter().map(|key| key.name).filter(|name| is_apart(name)));
        expected.sort();
        assert_eq!(named, expected);
    }

    #[test]
    fn a_setting_is_the_same_however_it_is_written() {
        let plain = with(&[
            ("http.request_timeout", "10s"),
            ("http.public_url", "https://api.example.com"),
            ("webhooks.allowed_networks", "[\"10.0.0.0/8\", \"10.1.2.3\"]"),
        ]);
        let other = with(&[
            ("http.request_timeout", "10000ms"),
            ("http.public_url", "HTTPS://api.example.com:443/"),
            ("webhooks.allowed_networks", "[\"10.1.2.3/32\", \"10.0.0.0/8\"]"),
        ]);
        assert_eq!(plain.fingerprints(), other.fingerprints());
    }

    #[test]
    fn a_setting_that_differs_has_another_fingerprint() {
        let (plain, other) = (with(&[]).fingerprints(), with(&[("orders.default_currency", "EUR")]).fingerprints());
        let differing: Vec<_> = plain.iter().filter(|(name, value)| other[*name] != **value).collect();
        assert_eq!(differing.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["orders.default_currency"]);
    }
}
