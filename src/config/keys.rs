//! The known keys, in the order of `config/default.toml`, and the nearest one to a name that is not known.

/// The defaults with their documentation.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// What every environment variable of ours begins with.
pub(super) const PREFIX: &str = "SALES_ORDER_";

/// One setting.
pub(super) struct Key {
    /// `section.key`.
    pub name: String,
    /// `SALES_ORDER_SECTION__KEY`.
    pub variable: String,
}

/// Every setting there is. Read off the text, for a parsed TOML table forgets its order.
pub(super) fn all() -> Vec<Key> {
    let mut section = "";
    let mut keys = Vec::new();
    for line in DEFAULTS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.push(Key {
                name: format!("{section}.{key}"),
                variable: format!("{PREFIX}{}__{}", section.to_ascii_uppercase(), key.to_ascii_uppercase()),
            });
        }
    }
    keys
}

/// Whether the value of a key must not be shown.
pub(super) fn is_secret(name: &str) -> bool {
    matches!(name, "auth.jwt_secret" | "auth.jwt_previous_secrets" | "webhooks.secret_keys" | "oidc.client_secret")
        || is_url_with_password(name)
}

/// Whether a key is a URL that may hold a password.
pub(super) fn is_url_with_password(name: &str) -> bool {
    matches!(name, "database.url" | "database.read_url" | "database.listen_url" | "webhooks.proxy")
}

/// The key that `wanted` (a key, or the rest of a variable's name after the prefix) was probably meant to be.
pub(super) fn nearest<'a>(keys: &'a [Key], wanted: &str) -> Option<&'a Key> {
    let squashed = squash(wanted);
    let last = squash(wanted.rsplit('.').next().unwrap_or(wanted));
    let same_last = |key: &&Key| key.name.rsplit('.').next().is_some_and(|own| squash(own) == last);
    keys.iter().find(|key| squash(&key.name) == squashed).or_else(|| keys.iter().find(same_last)).or_else(|| {
        let (distance, key) = keys
            .iter()
            .map(|key| (strsim::damerau_levenshtein(&squash(&key.name), &squashed), key))
            .min_by_key(|(distance, _)| *distance)?;
        // Beyond a few letters the nearest name is a guess that misleads.
        (distance <= (squashed.len() / 3).max(2)).then_some(key)
    })
}

/// A name without what is most often mistaken in it: separators and case.
fn squash(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
