//! `[oidc]`: how people sign in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{Deserialize, Deserializer, Error};
use url::{Host, Url};

use super::values::{duration, networks};
use super::{Config, ConfigError};
use crate::domain::permission::Permission;

/// `[oidc]`: the provider of identities at which people sign in.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Its URL; empty where people do not sign in.
    pub issuer: String,
    /// What the service is called there.
    pub client_id: String,
    /// The secret that it gave, from `client_secret_file` too once loaded; empty where there is none.
    #[serde(skip_serializing)]
    pub(super) client_secret: SecretString,
    pub(super) client_secret_file: PathBuf,
    /// The scopes that are asked for there.
    pub scopes: Vec<String>,
    /// The claim with the groups.
    pub groups_claim: String,
    /// What each group may do here.
    #[serde(deserialize_with = "groups")]
    pub groups: BTreeMap<String, Vec<Permission>>,
    /// What it is called on the button.
    pub label: String,
    /// How long a person stays signed in.
    #[serde(deserialize_with = "duration")]
    pub session_lifetime: Duration,
    /// Networks in which it may be though these are not the internet.
    #[serde(deserialize_with = "networks")]
    pub allowed_networks: Vec<IpNet>,
}

impl Oidc {
    /// Whether people sign in at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// The secret of this service at the provider, if it has one.
    #[must_use]
    pub fn client_secret(&self) -> Option<&SecretString> {
        (!self.client_secret.expose_secret().is_empty()).then_some(&self.client_secret)
    }
}

/// The longest label: more does not fit on a button.
const LONGEST_LABEL: usize = 64;

/// Refuses what nobody could sign in with. Nothing is asked where it is off.
pub(super) fn check(config: &Config, figment: &Figment) -> Result<(), ConfigError> {
    let Config { http, oidc, .. } = config;
    let refuse = |key: &str, problem: String| Err(ConfigError::invalid(figment, key, problem));
    if !oidc.is_on() {
        return Ok(());
    }
    if !is_issuer(&oidc.issuer) {
        let problem = format!(
            "must be a URL such as https://id.example.com/realms/staff, without query and user, and with TLS unless it is on this \
             machine, but is {:?}",
            oidc.issuer
        );
        return refuse("oidc.issuer", problem);
    }
    let Some(public_url) = http.public_url.told() else {
        let problem = "must be set where oidc.issuer is: the provider sends people back to it";
        return refuse("http.public_url", problem.to_owned());
    };
    if !is_safe(public_url) {
        let problem = format!(
            "must begin with https:// where oidc.issuer is set, unless it is on this machine: what a browser keeps of a session \
             would be sent in the open, but is {public_url:?}"
        );
        return refuse("http.public_url", problem);
    }
    for (key, value) in [("oidc.client_id", &oidc.client_id), ("oidc.groups_claim", &oidc.groups_claim)] {
        if value.trim().is_empty() {
            return refuse(key, "must not be empty where oidc.issuer is set".to_owned());
        }
    }
    if !oidc.scopes.iter().any(|scope| scope == "openid") {
        return refuse(
            "oidc.scopes",
            "must hold \"openid\": without it the provider says nothing of who signs in".to_owned(),
        );
    }
    // RFC 6749 §3.3.
    let is_token = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    if let Some(odd) = oidc.scopes.iter().find(|scope| scope.is_empty() || !scope.bytes().all(is_token)) {
        return refuse(
            "oidc.scopes",
            format!("holds {odd:?}, which is no scope: write each by itself, without spaces"),
        );
    }
    if oidc.groups.is_empty() {
        return refuse(
            "oidc.groups",
            "must name at least one group where oidc.issuer is set, or nobody is let in".to_owned(),
        );
    }
    if let Some((group, _)) = oidc.groups.iter().find(|(group, scopes)| group.is_empty() || scopes.is_empty()) {
        return refuse("oidc.groups", format!("gives the group {group:?} no scope: give it one, or leave it out"));
    }
    if let Some((group, _)) = oidc.groups.iter().find(|(_, scopes)| scopes.contains(&Permission::OrdersCreate)) {
        let problem =
            format!("gives the group {group:?} orders:create: orders are signed, and a person has no key to sign with");
        return refuse("oidc.groups", problem);
    }
    let label = oidc.label.trim();
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return refuse("oidc.label", format!("must have 1 to {LONGEST_LABEL} characters on one line"));
    }
    Ok(())
}

fn is_issuer(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_plain && url.password().is_none() && is_safe(text)
}

/// Whether nobody between here and there can read along.
fn is_safe(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<Permission>>, D::Error> {
    let named = BTreeMap::<String, Vec<String>>::deserialize(deserializer)?;
    let read = |(group, scopes): (String, Vec<String>)| {
        let scopes = scopes.iter().map(|scope| scope.parse()).collect::<Result<_, _>>();
        Ok((group, scopes.map_err(D::Error::custom)?))
    };
    named.into_iter().map(read).collect()
}
