//! The secrets that sign tokens: read from their files, generated where there is none, refused where they are weak.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use figment::Figment;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Auth, Config, ConfigError, Oidc, Webhooks};
use crate::clock::random_bytes;

/// HS256 is no stronger than its key; RFC 7518 asks for as many bytes as the hash has.
const SHORTEST: usize = 32;

/// Fewer different bytes than this are not random: 32 random hexadecimal digits have fourteen.
const FEWEST_DISTINCT: usize = 10;

/// What people write where a secret should be. Each is long enough that a random secret never contains it.
const PLACEHOLDERS: [&str; 16] = [
    "changeme",
    "change-me",
    "change_me",
    "replaceme",
    "replace-me",
    "replace_me",
    "secretkey",
    "secret-key",
    "secret_key",
    "supersecret",
    "super-secret",
    "your-secret",
    "example",
    "placeholder",
    "password",
    "12345678",
];

/// The secrets of tokens.
#[derive(Debug, Clone)]
pub struct JwtSecrets {
    /// Signs new tokens and verifies them.
    pub signing: SecretString,
    /// Verify tokens that were signed before the secret was rotated.
    pub previous: Vec<SecretString>,
}

impl Config {
    /// Refuses to be reachable by other machines with a JWT secret that is missing or that can be guessed.
    pub fn check_exposure(&self) -> Result<(), ConfigError> {
        let listen = self.http.listen;
        if listen.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        let refuse = |problem: String| Err(ConfigError::Exposed { listen, problem });
        let secret = self.auth.jwt_secret.expose_secret();
        if secret.is_empty() {
            return refuse("auth.jwt_secret is not set".to_owned());
        }
        if let Some(weakness) = weakness(secret) {
            return refuse(format!("auth.jwt_secret can be guessed, for it {weakness}"));
        }
        let mut previous = self.auth.jwt_previous_secrets.iter();
        match previous.find_map(|secret| weakness(secret.expose_secret())) {
            Some(weakness) => refuse(format!("one of auth.jwt_previous_secrets can be guessed, for it {weakness}")),
            None => Ok(()),
        }
    }

    /// The secrets of tokens: the configured ones or, on a loopback address only, one generated once into
    /// `auth.generated_jwt_secret_file`. The only way to them, so that [`Config::check_exposure`] is never left out.
    pub fn jwt_secrets(&self) -> Result<JwtSecrets, ConfigError> {
        self.check_exposure()?;
        let configured = &self.auth.jwt_secret;
        let signing = if configured.expose_secret().is_empty() {
            load_or_generate_secret("auth.generated_jwt_secret_file", &self.auth.generated_jwt_secret_file)?
        } else {
            configured.clone()
        };
        Ok(JwtSecrets { signing, previous: self.auth.jwt_previous_secrets.clone() })
    }
}

impl Config {
    /// The secrets of tokens as their files hold them now; `None` when they are not kept in files.
    pub fn jwt_secrets_now(&self) -> Result<Option<JwtSecrets>, ConfigError> {
        let mut config = self.clone();
        if !read_files(&mut config.auth)? {
            return Ok(None);
        }
        config.jwt_secrets().map(Some)
    }
}

impl JwtSecrets {
    /// The secret that signs, then those that are only accepted.
    #[must_use]
    pub fn signing_first(self) -> Vec<SecretString> {
        [vec![self.signing], self.previous].concat()
    }
}

impl Config {
    /// The keys with which secrets of webhooks are kept: the configured ones or, on a loopback address only, one generated once into
    /// `webhooks.generated_secret_key_file`. None where webhooks are off.
    pub fn webhook_keys(&self) -> Result<Vec<SecretString>, ConfigError> {
        let Webhooks { secret_keys, generated_secret_key_file, .. } = &self.webhooks;
        if secret_keys.is_empty() && self.http.listen.ip().to_canonical().is_loopback() {
            let key = "webhooks.generated_secret_key_file";
            return Ok(vec![load_or_generate_secret(key, generated_secret_key_file)?]);
        }
        Ok(secret_keys.clone())
    }
}

/// Reads the file of keys of webhooks, and checks every key's length.
pub(super) fn resolve_webhooks(webhooks: &mut Webhooks, figment: &Figment) -> Result<(), ConfigError> {
    let (key, file_key) = ("webhooks.secret_keys", "webhooks.secret_keys_file");
    if is_named(&webhooks.secret_keys_file) {
        if !webhooks.secret_keys.is_empty() {
            let origin = super::error::origin(figment, file_key);
            let problem = format!("is set, and so is {file_key} (by {origin}): remove one of the two");
            return Err(ConfigError::invalid(figment, key, problem));
        }
        webhooks.secret_keys = read_secrets(file_key, &webhooks.secret_keys_file)?;
    }
    match webhooks.secret_keys.iter().find_map(|secret| too_short(secret.expose_secret())) {
        Some(problem) => Err(ConfigError::invalid(figment, key, problem)),
        None => Ok(()),
    }
}

/// Reads the file of the secret that the provider of identities gave. How long it is, the provider decided.
pub(super) fn resolve_oidc(oidc: &mut Oidc, figment: &Figment) -> Result<(), ConfigError> {
    let (key, file_key) = ("oidc.client_secret", "oidc.client_secret_file");
    if !is_named(&oidc.client_secret_file) {
        return Ok(());
    }
    if !oidc.client_secret.expose_secret().is_empty() {
        let origin = super::error::origin(figment, file_key);
        let problem = format!("is set, and so is {file_key} (by {origin}): remove one of the two");
        return Err(ConfigError::invalid(figment, key, problem));
    }
    let text = read_text(file_key, &oidc.client_secret_file)?;
    oidc.client_secret = text.trim_end_matches(['\r', '\n']).into();
    Ok(())
}

/// The secrets that a file holds, one a line.
fn read_secrets(key: &'static str, path: &Path) -> Result<Vec<SecretString>, ConfigError> {
    let text = read_text(key, path)?;
    text.lines().filter(|line| !line.is_empty()).map(|line| usable(key, path, line)).collect()
}

/// Reads the secret files into the keys they stand for, and checks every secret's length.
pub(super) fn resolve(auth: &mut Auth, figment: &Figment) -> Result<(), ConfigError> {
    for (key, file_key, is_set, path) in [
        ("auth.jwt_secret", "auth.jwt_secret_file", !auth.jwt_secret.expose_secret().is_empty(), &auth.jwt_secret_file),
        (
            "auth.jwt_previous_secrets",
            "auth.jwt_previous_secrets_file",
            !auth.jwt_previous_secrets.is_empty(),
            &auth.jwt_previous_secrets_file,
        ),
    ] {
        if is_set && is_named(path) {
            let file_origin = super::error::origin(figment, file_key);
            let problem = format!("is set, and so is {file_key} (by {file_origin}): remove one of the two");
            return Err(ConfigError::invalid(figment, key, problem));
        }
    }
    for (key, secret) in std::iter::once(("auth.jwt_secret", &auth.jwt_secret))
        .filter(|(_, secret)| !secret.expose_secret().is_empty())
        .chain(auth.jwt_previous_secrets.iter().map(|secret| ("auth.jwt_previous_secrets", secret)))
    {
        if let Some(problem) = too_short(secret.expose_secret()) {
            return Err(ConfigError::invalid(figment, key, problem));
        }
    }
    read_files(auth).map(drop)
}

/// Reads the secret files that are named. `false` when none is.
fn read_files(auth: &mut Auth) -> Result<bool, ConfigError> {
    if is_named(&auth.jwt_secret_file) {
        auth.jwt_secret = read_secret("auth.jwt_secret_file", &auth.jwt_secret_file)?;
    }
    if is_named(&auth.jwt_previous_secrets_file) {
        let (key, path) = ("auth.jwt_previous_secrets_file", &auth.jwt_previous_secrets_file);
        auth.jwt_previous_secrets = read_secrets(key, path)?;
    }
    Ok(is_named(&auth.jwt_secret_file) || is_named(&auth.jwt_previous_secrets_file))
}

/// The secret kept in a file, which is made with a new random one, for its owner's eyes only, when it does not exist.
///
/// Of processes that start together all get the same secret: the file appears whole or not at all, and never twice.
pub fn load_or_generate_secret(key: &'static str, path: &Path) -> Result<SecretString, ConfigError> {
    if let Err(error) = fs::metadata(path)
        && error.kind() == ErrorKind::NotFound
    {
        generate(path).map_err(|error| {
            let problem = format!("which cannot be created to keep a generated secret: {error}");
            ConfigError::SecretFile { key, path: path.to_owned(), problem }
        })?;
    }
    read_secret(key, path)
}

fn generate(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| is_named(parent)).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let secret = STANDARD.encode(random_bytes::<48>());
    let draft = directory.join(format!(".secret-{}", hex::encode(random_bytes::<8>())));
    let outcome = write_new(&draft, &secret).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // A file system without links: still never over a file that is there, only not in one step.
        Err(_) => match write_new(path, &secret) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            written => written,
        },
        linked => linked,
    });
    // A draft that stays behind is a nuisance; the outcome is what matters.
    let _ = fs::remove_file(&draft);
    outcome
}

fn write_new(path: &Path, secret: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

fn read_secret(key: &'static str, path: &Path) -> Result<SecretString, ConfigError> {
    let text = read_text(key, path)?;
    usable(key, path, text.trim_end_matches(['\r', '\n']))
}

fn read_text(key: &'static str, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
        let problem = format!("which cannot be read: {error}");
        ConfigError::SecretFile { key, path: path.to_owned(), problem }
    })
}

fn usable(key: &'static str, path: &Path, secret: &str) -> Result<SecretString, ConfigError> {
    match too_short(secret) {
        None => Ok(secret.into()),
        Some(problem) => {
            let problem = format!("but a secret in it {problem}");
            Err(ConfigError::SecretFile { key, path: path.to_owned(), problem })
        }
    }
}

fn too_short(secret: &str) -> Option<String> {
    let length = secret.len();
    (length < SHORTEST).then(|| {
        format!("must be at least {SHORTEST} bytes long but has {length}: make one with `openssl rand -base64 48`")
    })
}

/// Why a secret is not a random one, as far as can be told.
pub(super) fn weakness(secret: &str) -> Option<String> {
    let distinct = secret.bytes().collect::<BTreeSet<_>>().len();
    if distinct < FEWEST_DISTINCT {
        return Some(format!("has only {distinct} different bytes"));
    }
    let lowercase = secret.to_ascii_lowercase();
    PLACEHOLDERS.iter().find(|word| lowercase.contains(**word)).map(|word| format!("contains {word:?}"))
}

pub(super) fn is_named(path: &Path) -> bool {
    path != PathBuf::new()
}
