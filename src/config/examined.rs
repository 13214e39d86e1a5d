//! What can be said of secrets without showing them: which can be guessed, and in which files they are.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::keys::is_secret;
use super::secrets::{is_named, weakness};
use super::show::REDACTED;
use super::{Config, ConfigError, JwtSecrets, Loaded, load_or_generate_secret};

impl Config {
    /// The secrets that can be guessed: the setting of each, and why.
    #[must_use]
    pub fn guessable_secrets(&self) -> Vec<(&'static str, String)> {
        let Self { auth, webhooks, .. } = self;
        let previous = auth.jwt_previous_secrets.iter().map(|secret| ("auth.jwt_previous_secrets", secret));
        let sealing = webhooks.secret_keys.iter().map(|secret| ("webhooks.secret_keys", secret));
        let all = std::iter::once(("auth.jwt_secret", &auth.jwt_secret)).chain(previous).chain(sealing);
        all.filter(|(_, secret)| !secret.expose_secret().is_empty())
            .filter_map(|(key, secret)| Some((key, weakness(secret.expose_secret())?)))
            .collect()
    }

    /// The files that hold secrets, with the setting that names each. A generated one may not be there yet.
    #[must_use]
    pub fn secret_files(&self) -> Vec<(&'static str, &Path)> {
        let Self { auth, webhooks, oidc, .. } = self;
        [
            ("auth.jwt_secret_file", &auth.jwt_secret_file),
            ("auth.jwt_previous_secrets_file", &auth.jwt_previous_secrets_file),
            ("auth.generated_jwt_secret_file", &auth.generated_jwt_secret_file),
            ("webhooks.secret_keys_file", &webhooks.secret_keys_file),
            ("webhooks.generated_secret_key_file", &webhooks.generated_secret_key_file),
            ("oidc.client_secret_file", &oidc.client_secret_file),
        ]
        .into_iter()
        .filter(|(_, path)| is_named(path))
        .map(|(key, path)| (key, path.as_path()))
        .collect()
    }

    /// The secrets of tokens, as far as there are some that serving would take: unlike [`Config::jwt_secrets`] it makes none.
    pub fn jwt_secrets_there(&self) -> Result<Option<JwtSecrets>, ConfigError> {
        let is_generated = self.auth.jwt_secret.expose_secret().is_empty();
        // What is wrong with them is told where the configuration is looked at.
        if self.check_exposure().is_err() {
            return Ok(None);
        }
        if is_generated && !self.auth.generated_jwt_secret_file.try_exists().unwrap_or(true) {
            return Ok(None);
        }
        self.jwt_secrets().map(Some)
    }

    /// The keys with which secrets of webhooks are kept, as far as there are some: unlike [`Config::webhook_keys`] it makes none.
    pub fn webhook_keys_there(&self) -> Result<Vec<SecretString>, ConfigError> {
        let path = &self.webhooks.generated_secret_key_file;
        let is_generated = self.webhooks.secret_keys.is_empty() && self.http.listen.ip().to_canonical().is_loopback();
        // Where it cannot be looked at, reading it says why.
        if is_generated && path.try_exists().unwrap_or(true) {
            return Ok(vec![load_or_generate_secret("webhooks.generated_secret_key_file", path)?]);
        }
        Ok(self.webhooks.secret_keys.clone())
    }
}

impl Loaded {
    /// The configuration files that hold a secret, with the setting that is one.
    #[must_use]
    pub fn files_with_secrets(&self) -> Vec<(String, PathBuf)> {
        let holds = |value: &serde_json::Value| value.to_string().contains(REDACTED);
        let secrets = self.entries.iter().filter(|entry| is_secret(&entry.name) && holds(&entry.value));
        let files = secrets.filter_map(|entry| Some((entry.name.clone(), entry.source.strip_prefix("file ")?.into())));
        files.collect()
    }
}
