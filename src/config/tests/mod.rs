//! What the configuration promises. The environment is always handed in, never set.

mod errors;
mod oidc;
mod secrets;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use super::{ConfigError, Loaded, Overrides, load_from};
use crate::clock::random_bytes;

/// A random secret that nothing is wrong with.
const GOOD: &str = "k1Vw0yCq8Zr5Tn3Xb7Lh2Md9Gf4Js6Pa";

/// A directory of its own for a test, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("config-{}", hex::encode(random_bytes::<8>())));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pairs(environment: &[(&str, &str)]) -> Vec<(String, String)> {
    environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with_env(environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load_from(&[], pairs(environment), &Overrides::default())
}

fn with_toml(text: &str) -> Result<Loaded, ConfigError> {
    let directory = Directory::new();
    load_from(&[directory.file("a.toml", text)], [], &Overrides::default())
}

/// The sentence a refusal says, after making sure that its `Debug` keeps the same secrets.
fn sentence(outcome: Result<Loaded, ConfigError>) -> String {
    let error = outcome.expect_err("this configuration is refused");
    let text = error.to_string();
    assert!(!text.contains('\n'), "one sentence, not several lines: {text}");
    for secret in ["hunter2", GOOD] {
        assert!(!text.contains(secret) && !format!("{error:?}").contains(secret), "shows a secret: {error:?}");
    }
    text
}

#[track_caller]
fn assert_says(outcome: Result<Loaded, ConfigError>, parts: &[&str]) {
    let text = sentence(outcome);
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

fn exists(path: &Path) -> bool {
    fs::exists(path).unwrap()
}
