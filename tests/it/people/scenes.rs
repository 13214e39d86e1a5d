//! In a real browser, at a real provider of identities.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{provider, sign_in_at};
use crate::support::TestApp;

/// A provider that is a program of its own, ended with this value.
struct RealProvider {
    issuer: String,
    child: Child,
}

impl RealProvider {
    fn start(service: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
        assert!(
            root.join("node_modules/oidc-provider").exists(),
            "the provider is missing: run `make test-sqlite` once"
        );
        let mut node = Command::new("node");
        node.arg("provider.mjs").current_dir(root).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = node.spawn().unwrap();
        let settings =
            json!({"clientId": provider::CLIENT_ID, "clientSecret": provider::CLIENT_SECRET, "service": service});
        child.stdin.take().unwrap().write_all(settings.to_string().as_bytes()).unwrap();
        let mut issuer = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut issuer).unwrap();
        Self { issuer: issuer.trim().to_owned(), child }
    }
}

impl Drop for RealProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays a scene with a service whose clock runs, for the provider's does.
async fn play(scene: &'static str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(root.join("web/dist/index.html.gz").exists(), "the pages are missing: run `make web`");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let provider = {
        let base = base.clone();
        tokio::task::spawn_blocking(move || RealProvider::start(&base)).await.unwrap()
    };
    let app = TestApp::running(|config| sign_in_at(config, &provider.issuer, &base)).await;
    app.listen_at(listener);
    let told = json!({"base": base, "provider": provider.issuer});
    let played = tokio::task::spawn_blocking(move || run(root, scene, &told)).await.unwrap();
    assert!(played.is_ok(), "{}", played.unwrap_err());
}

fn run(root: &Path, scene: &str, told: &Value) -> Result<(), String> {
    let mut node = Command::new("node")
        .args(["web/tests/run.mjs", "people", scene])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
    let played = node.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    if played.status.success() { Ok(()) } else { Err(said) }
}

#[tokio::test]
async fn a_person_signs_in_where_they_were_and_out_at_the_provider_too() {
    play("signsInAndOut").await;
}

#[tokio::test]
async fn who_is_in_no_group_reads_so_and_signs_in_once_they_are_in_one() {
    play("refusesWhoIsInNoGroup").await;
}

#[tokio::test]
async fn a_group_that_is_taken_away_takes_its_screens_along_at_the_next_sign_in() {
    play("losesTheScopeOfALostGroup").await;
}
