//! `deploy/compose.yaml`: two instances behind HAProxy.

use std::process::Command;

use serde_json::{Value, json};

use super::yaml;
use crate::support::installed;

fn composed() -> Value {
    yaml::read(&yaml::deploy("compose.yaml")).remove(0)
}

const INSTANCES: [&str; 2] = ["one", "two"];

#[test]
fn compose_takes_its_file() {
    once!();
    let Some(program) = installed("docker-compose") else { return };
    let output = Command::new(program).arg("--file").arg(yaml::deploy("compose.yaml")).arg("config").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn each_instance_of_compose_is_one_of_this_version_that_starts_with_its_settings() {
    once!();
    let services = &composed()["services"];
    for name in INSTANCES {
        let instance = &services[name];
        assert_eq!(instance["image"], format!("sales-order-api:{}", env!("CARGO_PKG_VERSION")));
        let texts = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).unwrap() };
        let environment = instance["environment"].as_object().unwrap();
        let environment: Vec<_> = environment.iter().map(|(key, value)| (key.clone(), text(value))).collect();
        let given = texts(&instance["secrets"]);
        let secrets: Vec<_> =
            yaml::SECRETS.into_iter().filter(|(file, _)| given.iter().any(|given| given == file)).collect();
        assert_eq!(secrets.len(), given.len());
        yaml::is_started_by(&texts(&instance["command"]), &environment, &["/run/secrets"], &secrets);
    }
    // Only who owns the tables has that role's password.
    assert_eq!(services["migrate"]["secrets"], json!(["migration.toml"]));
}

/// What the instance's process gets of a value in the file.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a container's environment is text: {value}")).to_owned()
}

#[test]
fn an_instance_of_compose_writes_nowhere_has_no_rights_and_has_time_to_stop() {
    once!();
    let services = &composed()["services"];
    for name in ["migrate", "one", "two", "haproxy"] {
        let confined = ["read_only", "cap_drop", "security_opt"].map(|key| services[name][key].clone());
        assert_eq!(confined, [json!(true), json!(["ALL"]), json!(["no-new-privileges:true"])], "{name}");
    }
    for name in INSTANCES {
        assert_eq!(services[name]["healthcheck"]["test"], json!(["CMD", "sales-order-api", "health"]));
        let grace: f64 = text(&services[name]["stop_grace_period"]).strip_suffix('s').unwrap().parse().unwrap();
        assert!(grace > yaml::default_seconds("http.shutdown_timeout"));
    }
}

#[test]
fn haproxy_of_compose_is_the_documented_one_and_alone_is_believed() {
    once!();
    let services = &composed()["services"];
    let address = |name: &str| text(&services[name]["networks"]["callers"]["ipv4_address"]);
    let documented = crate::proxies::documented("haproxy");
    let expected = documented.replace("10.0.0.10", &address("one")).replace("10.0.0.11", &address("two"));
    assert_eq!(std::fs::read_to_string(yaml::deploy("compose/haproxy.cfg")).unwrap(), expected);
    for name in INSTANCES {
        let trusted = text(&services[name]["environment"]["SALES_ORDER_HTTP__TRUSTED_PROXIES"]);
        assert_eq!(trusted, json!([address("haproxy")]).to_string());
    }
}
