//! Client secrets: made from randomness, kept as argon2id hashes.

use std::sync::LazyLock;

use argon2::password_hash::{PasswordHasher as _, phc::Output, phc::PasswordHash};
use argon2::{Argon2, Params};
use secrecy::{ExposeSecret as _, SecretString};

use crate::clock::random_bytes;
use crate::error::AppError;

/// A new secret: 256 random bits in hex, which no shell, no URL and no command line takes for anything else.
#[must_use]
pub fn generate() -> SecretString {
    hex::encode(random_bytes::<32>()).into()
}

/// The argon2id hash of a secret as a PHC string (m=19456, t=2, p=1, the crate's and OWASP's first choice).
pub fn hash(secret: &SecretString) -> Result<String, AppError> {
    let hash = Argon2::default()
        .hash_password_with_salt(secret.expose_secret().as_bytes(), &random_bytes::<16>())
        .map_err(|error| AppError::internal(error.to_string()))?;
    Ok(hash.to_string())
}

/// Which of the hashes is this secret's, if any. Slow on purpose: tens of milliseconds, so never on an async thread.
///
/// A refusal always costs exactly [`LIVE_SECRETS`] hashes, whether the client exists, rotates or does not exist, so
/// that its duration tells nothing.
#[must_use]
pub fn find_match(secret: &SecretString, hashes: &[String]) -> Option<usize> {
    let padding = std::iter::repeat_n(&*NOBODY, LIVE_SECRETS.saturating_sub(hashes.len()));
    for (index, stored) in hashes.iter().chain(padding).enumerate() {
        let matches = PasswordHash::new(stored).ok().and_then(|stored| is_secret_of(secret, &stored)) == Some(true);
        if matches && index < hashes.len() {
            return Some(index);
        }
    }
    None
}

/// Whether the hash is this secret's; `None` for a hash that is none of ours.
fn is_secret_of(secret: &SecretString, stored: &PasswordHash) -> Option<bool> {
    let (salt, expected) = (stored.salt?, stored.hash?);
    let argon2 = Argon2::from(Params::try_from(stored).ok()?);
    let mut output = vec![0; expected.len()];
    argon2.hash_password_into(secret.expose_secret().as_bytes(), &salt, &mut output).ok()?;
    // Outputs are compared in constant time.
    Some(Output::new(&output).ok()? == expected)
}

/// Does beforehand what the first refusal would otherwise take longer for.
pub fn prepare() {
    LazyLock::force(&NOBODY);
}

/// How many secrets of a client may be live at once.
pub const LIVE_SECRETS: usize = 2;

/// The hash of a secret that nobody has.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash(&generate()).unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_among_the_live_ones_and_no_other_is() {
        let (old, new) = (generate(), generate());
        let hashes = [hash(&new).unwrap(), hash(&old).unwrap()];
        assert!(hashes[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashes[0]);
        assert_eq!(find_match(&new, &hashes), Some(0));
        assert_eq!(find_match(&old, &hashes), Some(1));
        assert_eq!(find_match(&generate(), &hashes), None);
        assert_eq!(find_match(&generate(), &[]), None);
    }
}
