//! Files of YAML, read by the suite's Python, and the settings that they start the service with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{command, set_deadline};

pub fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

/// A program of the suite's Python, which `make test` installs.
pub fn python(program: &str) -> Command {
    set_deadline();
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/.venv/bin").join(program))
}

/// The documents of a file.
pub fn read(file: &Path) -> Vec<Value> {
    let script = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
    let input = Stdio::from(fs::File::open(file).unwrap());
    let output = python("python").args(["-c", script]).stdin(input).output().unwrap();
    assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The service would start with these arguments, environment and files, which are taken from a folder of the test's own instead of
/// `mounts`, in an image that listens on all addresses.
pub fn is_started_by(arguments: &[String], environment: &[(String, String)], mounts: &[&str], files: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let here = |text: &str| {
        mounts.iter().fold(text.to_owned(), |text, mount| text.replace(mount, &folder.path().display().to_string()))
    };
    for (name, text) in files {
        fs::write(folder.path().join(name), here(text)).unwrap();
    }
    let mut check = command(folder.path());
    check.env("SALES_ORDER_HTTP__LISTEN", "0.0.0.0:8080");
    check.envs(environment.iter().map(|(name, value)| (name, here(value))));
    let (subcommand, flags) = arguments.split_first().unwrap();
    assert_eq!(subcommand, "serve");
    let output = check.args(["config", "check"]).args(flags.iter().map(|flag| here(flag))).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What the files of secrets hold that an operator makes.
pub const SECRETS: [(&str, &str); 3] = [
    ("jwt-secret", crate::support::JWT_SECRET),
    ("webhook-keys", crate::support::JWT_SECRET),
    ("database.toml", "[database]\nurl = \"postgres://sales_order_runtime:pwd@postgres/orders\"\n"),
];

/// Seconds that a setting has by default.
pub fn default_seconds(key: &str) -> f64 {
    let shown = super::settings();
    let value = shown[key]["value"].as_str().unwrap();
    let in_seconds = |number: &str| number.parse::<f64>().ok();
    match value.strip_suffix("ms").and_then(in_seconds) {
        Some(milliseconds) => milliseconds / 1000.0,
        None => value.strip_suffix('s').and_then(in_seconds).unwrap_or_else(|| panic!("{key}: {value}")),
    }
}
