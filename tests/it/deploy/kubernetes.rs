//! `deploy/kubernetes`: what kustomize puts together.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::yaml;

/// The only document of a file.
fn read(file: &str) -> Value {
    let mut documents = yaml::read(&yaml::deploy("kubernetes").join(file));
    assert_eq!(documents.len(), 1, "{file}");
    documents.remove(0)
}

/// The files of a folder with resources.
fn resources(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(yaml::deploy("kubernetes").join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|kind| kind == "yaml"));
    let names = files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name != "kustomization.yaml").collect()
}

/// The pod of a resource, and its only container.
fn pod_of(file: &str) -> (Value, Value) {
    let pod = read(file)["spec"]["template"]["spec"].take();
    let container = pod["containers"].as_array().unwrap()[0].clone();
    assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
    (pod, container)
}

fn texts(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).unwrap()
}

#[test]
fn the_resources_follow_the_schema_of_kubernetes_and_kustomize_names_them_all() {
    once!();
    for folder in ["", "migrate"] {
        let files = resources(folder);
        let kustomization = yaml::deploy("kubernetes").join(folder).join("kustomization.yaml");
        // One that not every cluster takes is named in a comment.
        let text = fs::read_to_string(&kustomization).unwrap();
        let commented = text.lines().filter_map(|line| line.trim().strip_prefix("# - ")).map(str::to_owned);
        let kustomization = yaml::read(&kustomization).remove(0);
        let named: BTreeSet<_> = texts(&kustomization["resources"]).into_iter().chain(commented).collect();
        assert_eq!(named, files);
        let image = &kustomization["images"][0];
        assert_eq!([&image["name"], &image["newTag"]], ["sales-order-api", env!("CARGO_PKG_VERSION")]);
        for file in files {
            let path = yaml::deploy("kubernetes").join(folder).join(&file);
            let output = yaml::python("kubernetes-validate").arg("--strict").arg(path).output().unwrap();
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
            // The Prometheus Operator's resource has no schema there.
            let is_checked = said.contains("passed") || file == "servicemonitor.yaml";
            assert!(output.status.success() && is_checked, "{said}");
        }
    }
}

#[test]
fn a_pod_has_no_rights_and_writes_nowhere() {
    once!();
    for file in ["deployment.yaml", "migrate/job.yaml"] {
        let (pod, container) = pod_of(file);
        assert_eq!(pod["automountServiceAccountToken"], false);
        let user = json!({"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"}});
        assert_eq!(pod["securityContext"], user);
        let confined = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}});
        assert_eq!(container["securityContext"], confined);
        let mounts = container["volumeMounts"].as_array().unwrap();
        assert!(mounts.iter().all(|mount| mount["readOnly"] == true), "{mounts:?}");
    }
}

#[test]
fn the_times_of_a_pod_agree_with_those_of_the_service() {
    once!();
    let (pod, container) = pod_of("deployment.yaml");
    let seconds = |value: &Value| value.as_f64().unwrap();
    assert!(seconds(&pod["terminationGracePeriodSeconds"]) > yaml::default_seconds("http.shutdown_timeout"));
    let ready = &container["readinessProbe"];
    let until_seen = seconds(&ready["periodSeconds"]) * seconds(&ready["failureThreshold"]);
    assert!(until_seen < yaml::default_seconds("http.drain_delay"), "{until_seen}");
    assert!(seconds(&ready["timeoutSeconds"]) > yaml::default_seconds("http.ready_timeout"));
    let paths = ["startupProbe", "livenessProbe", "readinessProbe"].map(|probe| &container[probe]["httpGet"]["path"]);
    assert_eq!(paths, ["/health/live", "/health/live", "/health/ready"]);
}

#[test]
fn a_pod_starts_with_its_configuration_and_its_secrets() {
    once!();
    let (pod, container) = pod_of("deployment.yaml");
    let mounts: Vec<_> = container["volumeMounts"].as_array().unwrap().iter().collect();
    let mounts: Vec<_> = mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    let config = fs::read_to_string(yaml::deploy("kubernetes/config.toml")).unwrap();
    let files = [&yaml::SECRETS[..], &[("config.toml", config.as_str())]].concat();
    yaml::is_started_by(&texts(&container["args"]), &[], &mounts, &files);
    assert_eq!(read("kustomization.yaml")["configMapGenerator"][0]["files"], json!(["config.toml"]));
    // Two instances, one of which stays.
    assert_eq!(read("deployment.yaml")["spec"]["replicas"], 2);
    assert_eq!(read("poddisruptionbudget.yaml")["spec"]["minAvailable"], 1);
    // All selectors mean these pods.
    let label = read("deployment.yaml")["spec"]["template"]["metadata"]["labels"].take();
    let selectors = [
        read("deployment.yaml")["spec"]["selector"]["matchLabels"].take(),
        read("service.yaml")["spec"]["selector"].take(),
        read("poddisruptionbudget.yaml")["spec"]["selector"]["matchLabels"].take(),
        read("networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"].take(),
        read("servicemonitor.yaml")["spec"]["selector"]["matchLabels"].take(),
        pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].clone(),
    ];
    assert!(selectors.iter().all(|selector| *selector == label), "{selectors:?}");
}
