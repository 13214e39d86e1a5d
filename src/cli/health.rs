//! `health`.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{Common, output};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Base address of the service; the configured listen address when absent
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub async fn run(common: &Common, args: Args) -> Result<()> {
    let base = match args.url {
        Some(url) => url,
        None => format!("http://{}", common.load(None)?.config.http.listen),
    };
    let url = format!("{}/health/ready", base.trim_end_matches('/'));
    // Without TLS, so that it works on a system that names no authority for certificates.
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().tls_certs_only([]).build()?;
    let response = client.get(&url).send().await.with_context(|| format!("no answer from {url}"))?;
    let status = response.status();
    let body: Value = response.json().await.with_context(|| format!("{url} is not a Sales Order API"))?;
    if !status.is_success() {
        let message = body["message"].as_str().unwrap_or("no reason given");
        bail!("not ready ({status}): {message}");
    }
    if common.json { output::json(&body) } else { output::text("ready") }
}
