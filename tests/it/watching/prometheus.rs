//! A Prometheus of one test's own, with the alerts of `deploy`.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{found, plain_http};

/// Killed with this value.
pub struct Prometheus {
    child: Child,
    _folder: TempDir,
    http: reqwest::Client,
    base: String,
}

impl Prometheus {
    /// Has it read the metrics of the service at `base` every second.
    pub async fn watch(program: &str, base: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let alerts = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/alerts.yml");
        let target = base.trim_start_matches("http://");
        let settings = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [\"{alerts}\"]\nscrape_configs:\n  \
             - job_name: sales-order-api\n    static_configs: [{{targets: [\"{target}\"]}}]\n"
        );
        fs::write(folder.path().join("prometheus.yml"), settings).unwrap();
        let log = folder.path().join("log");
        let child = Command::new(program)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let address = found("where Prometheus listens", async || {
            let said = fs::read_to_string(&log).unwrap();
            let line = said.lines().find(|line| line.contains("msg=\"Listening on\""))?.to_owned();
            Some(line.split_once("address=")?.1.trim().to_owned())
        })
        .await;
        let http = plain_http().build().unwrap();
        Self { child, _folder: folder, http, base: format!("http://{address}") }
    }

    async fn ask(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.base);
        // Until it has begun, it says so in words.
        found("an answer of Prometheus", async || {
            let answer = self.http.get(&url).send().await.ok()?.text().await.ok()?;
            serde_json::from_str(&answer).ok()
        })
        .await
    }

    /// How many series a query gives, those without a number not counted.
    pub async fn series(&self, query: &str) -> usize {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let answer = self.ask(&format!("/api/v1/query?query={query}")).await;
        let series = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
        series.iter().filter(|series| series["value"][1] != "NaN").count()
    }

    /// The alerts that it has, with their expressions.
    pub async fn rules(&self) -> Vec<(String, String)> {
        let answer = self.ask("/api/v1/rules").await;
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        rules.map(|rule| (text(&rule["name"]), text(&rule["query"]))).collect()
    }

    /// The alerts that fire.
    pub async fn firing(&self) -> Vec<String> {
        let answer = self.ask("/api/v1/alerts").await;
        let alerts = answer["data"]["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing");
        alerts.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
