//! An operator installs the service with the files in `deploy`.

mod compose;
mod image;
mod kubernetes;
mod yaml;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{command, installed};

/// Every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    found.flat_map(|path| if path.is_dir() { files(&path) } else { vec![fs::read_to_string(path).unwrap()] }).collect()
}

/// Every setting, as it is by default.
fn settings() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path()).args(["config", "show", "--json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_unit_of_systemd_is_hardened_and_keeps_the_log() {
    once!();
    let Some(program) = installed("systemd-analyze") else { return };
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/debian/sales-order-api.service");
    let output = Command::new(program).args(["security", "--offline=true", "--threshold=20", unit]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // stderr goes where stdout goes unless it is said otherwise, and the log of the service would be nowhere.
    let unit = fs::read_to_string(unit).unwrap();
    assert!(unit.contains("\nStandardOutput=null\n") && unit.contains("\nStandardError=journal\n"), "{unit}");
}

#[test]
fn every_setting_that_is_named_for_deployment_exists() {
    once!();
    let known = settings();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = files(&root.join("deploy"));
    for page in ["docs/install.md", "docs/production.md"] {
        texts.push(fs::read_to_string(root.join(page)).unwrap());
    }
    let mut named = 0;
    for text in texts {
        for rest in text.split("SALES_ORDER_").skip(1) {
            let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            let (section, key) = name.split_once("__").unwrap_or_else(|| panic!("no section: {name}"));
            let key = format!("{}.{}", section.to_lowercase(), key.to_lowercase());
            assert!(known.get(&key).is_some(), "there is no setting {key}");
            named += 1;
        }
    }
    assert!(named >= 3, "{named}");
}

#[test]
fn the_page_of_two_instances_has_the_settings_the_proxy_and_the_version_of_today() {
    once!();
    let page = include_str!("../../docs/production.md");
    let file = |first: &str| page.split_once(first).unwrap().1.split_once("\nEND\n").unwrap().0;
    let settings = file("cat > /etc/sales-order-api/config.toml <<'END'\n");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), settings).unwrap();
    let output = command(folder.path()).args(["--config", "config.toml", "config", "show"]).output().unwrap();
    assert!(output.status.success(), "{settings}{}", String::from_utf8_lossy(&output.stderr));

    // The suite runs the service behind the proxy of the other page (`proxies`).
    let operations = include_str!("../../docs/operations.md");
    let proxy = file("cat >> /etc/haproxy/haproxy.cfg <<'END'\n");
    let tested = operations.split_once("```haproxy\n").unwrap().1.split_once("```").unwrap().0;
    for line in tested.lines().filter(|line| !line.starts_with("  bind ") && !line.starts_with("  server ")) {
        assert!(proxy.lines().any(|here| here == line), "{line}");
    }
    let secrets =
        include_str!("../../docs/install.md").split_once("```ini\n").unwrap().1.split_once("\n```").unwrap().0;
    assert_eq!(file("secrets.conf <<'END'\n"), secrets, "secrets are handed over as the other page has it");
    let package = concat!("./sales-order-api_", env!("CARGO_PKG_VERSION"), "-1_amd64.deb");
    assert!(page.contains(package), "{package}");
}

#[test]
fn the_configuration_file_of_the_package_is_read_as_it_is_and_with_its_examples() {
    once!();
    let text = include_str!("../../deploy/debian/config.toml");
    let examples: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.starts_with('[') || line.contains(" = "))
        .flat_map(|line| [line, "\n"])
        .collect();
    for settings in [text, &examples] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.toml"), settings).unwrap();
        let output = command(folder.path()).args(["--config", "config.toml", "config", "show"]).output().unwrap();
        assert!(output.status.success(), "{settings}{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(examples.contains("listen") && examples.contains("public_url"), "{examples}");
}
