//! Webhooks are verified with what partners have already: the official libraries of Standard Webhooks, openssl, and any library
//! that reads JSON Web Keys.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::auth::credentials::Header;
use sales_order_api::auth::jwk;
use sales_order_api::auth::private_key::PrivateKey;
use sales_order_api::auth::webhook_signature::{Ed25519Key, HmacSecret, Message, snap, v1, v1a};
use sales_order_api::auth::webhook_verification::{Received, TOLERANCE, VerificationKeys, verify};
use sales_order_api::clock::Clock;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::leave_out;

const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";
const PATH: &str = "/hooks/orders";
const BODY: &str = r#"{"type":"sales_order.status_changed","data":{"sales_name":"Siti – Ωmega № 1"}}"#;

/// A webhook as it arrives, and whether a receiver with this secret should believe it.
struct Delivery {
    secret: HmacSecret,
    timestamp: i64,
    signature: String,
    body: &'static str,
    is_valid: bool,
}

/// Right ones and wrong ones. The libraries have a clock of their own, so they are of now.
fn deliveries() -> Vec<Delivery> {
    let now = Clock::system().now().timestamp();
    let [ours, other] = [HmacSecret::generate(), HmacSecret::generate()];
    let signed = |timestamp, secret| v1(secret, &message(timestamp));
    let v1a = v1a(&Ed25519Key::generate().unwrap(), &message(now)).unwrap();
    let delivery =
        |timestamp, signature, is_valid| Delivery { secret: ours.clone(), timestamp, signature, body: BODY, is_valid };
    let both = format!("{} {}", signed(now, &other), signed(now, &ours));
    let tampered = |body| Delivery { body, ..delivery(now, signed(now, &ours), false) };
    vec![
        delivery(now, signed(now, &ours), true),
        delivery(now, both, true),
        delivery(now, format!("{v1a} {}", signed(now, &ours)), true),
        delivery(now, signed(now, &other), false),
        delivery(now, v1a, false),
        delivery(now, signed(now - 1, &ours), false),
        // An hour: they must be far from the limit however slow the machine is.
        delivery(now - 3600, signed(now - 3600, &ours), false),
        delivery(now + 3600, signed(now + 3600, &ours), false),
        tampered(r#"{"type":"sales_order.status_changed","data":{"sales_name":"Siti – Omega № 1"}}"#),
        tampered(r#"{"type": "sales_order.status_changed", "data": {"sales_name": "Siti – Ωmega № 1"}}"#),
    ]
}

fn message(timestamp: i64) -> Message<'static> {
    Message { id: ID, timestamp, body: BODY.as_bytes(), path: PATH }
}

/// Runs a program that reads JSON and answers each of several questions with true or false.
fn answers(program: &Path, file: &str, folder: &str, input: &Value) -> Vec<bool> {
    let mut child = Command::new(program)
        .arg(file)
        .current_dir(repository(folder))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{file}: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Asks a program with a library of Standard Webhooks for its opinion of each.
#[track_caller]
fn the_library_agrees(program: &Path, file: &str, folder: &str) {
    let deliveries = deliveries();
    let input = deliveries.iter().map(|delivery| {
        json!({
            "secret": delivery.secret.to_text().expose_secret(),
            "headers": {
                "webhook-id": ID, "webhook-timestamp": delivery.timestamp.to_string(),
                "webhook-signature": delivery.signature,
            },
            "body": delivery.body,
        })
    });
    let found = answers(program, file, folder, &input.collect());
    assert_eq!(found, deliveries.iter().map(|delivery| delivery.is_valid).collect::<Vec<_>>());
}

#[test]
fn a_partner_with_the_official_library_for_rust_verifies_webhooks_and_so_does_our_own_check() {
    once!();
    for (index, delivery) in deliveries().into_iter().enumerate() {
        let timestamp = delivery.timestamp.to_string();
        let mut headers = HeaderMap::new();
        headers.insert(standardwebhooks::HEADER_WEBHOOK_ID, ID.parse().unwrap());
        headers.insert(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, timestamp.parse().unwrap());
        headers.insert(standardwebhooks::HEADER_WEBHOOK_SIGNATURE, delivery.signature.parse().unwrap());
        let library = standardwebhooks::Webhook::new(delivery.secret.to_text().expose_secret()).unwrap();
        assert_eq!(library.verify(delivery.body.as_bytes(), &headers).is_ok(), delivery.is_valid, "{index}");

        let [id, timestamp, signature] =
            [ID, &timestamp, &delivery.signature].map(|text| Header::Value(text.to_owned()));
        let received =
            Received { id: &id, timestamp: &timestamp, signature: &signature, body: delivery.body.as_bytes() };
        let keys = VerificationKeys { secrets: &[delivery.secret], public_keys: &[] };
        let found = verify(&received, &keys, Clock::system().now(), TOLERANCE);
        assert_eq!(found.is_ok(), delivery.is_valid, "{index}: {found:?}");
    }
}

#[test]
fn a_partner_with_the_official_library_for_node_verifies_webhooks() {
    once!();
    the_library_agrees(Path::new("node"), "standardwebhooks.mjs", "tests/node/stock");
}

#[test]
fn a_partner_with_the_official_library_for_python_verifies_webhooks() {
    once!();
    let python = repository("tests/python/.venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/python.sh", python.display());
    the_library_agrees(&python, "webhook_receiver.py", "tests/python");
}

#[test]
fn a_partner_with_any_library_that_reads_json_web_keys_verifies_v1a_and_the_snap_form() {
    once!();
    let (ed25519, rsa) = (Ed25519Key::generate().unwrap(), PrivateKey::generate().unwrap());
    let keys = jwk::set([jwk::of_ed25519(ed25519.public()), jwk::of_rsa(rsa.public_key())]);
    let now = Clock::system().now().timestamp();
    let v1a = v1a(&ed25519, &message(now)).unwrap();
    let headers = snap(&rsa, &message(now)).unwrap();
    let snap_text = snap_text(&headers.timestamp);
    let kid = |index: usize| keys["keys"][index]["kid"].clone();
    let signed = |index, text: &str, signature: &str| json!({"kid": kid(index), "text": text, "signature": signature});
    let (text, v1a) = (format!("{ID}.{now}.{BODY}"), v1a.strip_prefix("v1a,").unwrap());
    let input = json!({"keys": keys["keys"], "signed": [
        signed(0, &text, v1a),
        signed(0, &format!("{text}\n"), v1a),
        signed(1, &snap_text, &headers.signature),
        signed(1, &format!("{snap_text}\n"), &headers.signature),
    ]});
    assert_eq!(answers(Path::new("node"), "jwks.mjs", "tests/node/stock", &input), [true, false, true, false]);
}

/// What SNAP signs, as a receiver puts it together.
fn snap_text(timestamp: &str) -> String {
    format!("POST:{PATH}:{}:{timestamp}", hex::encode(Sha256::digest(BODY)))
}

/// The shell lines of the documentation that end so.
fn documented(end: &str) -> String {
    let page = fs::read_to_string(repository("docs/webhooks.md")).unwrap();
    let mut blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.trim_end().ends_with(end)).unwrap().to_owned()
}

#[test]
fn a_developer_who_follows_the_documentation_sees_a_valid_webhook() {
    once!();
    let lines = documented("verify.sh");
    let output = Command::new("sh").args(["-c", &lines]).current_dir(repository("")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "valid\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_partner_with_openssl_verifies_the_snap_form_as_documented() {
    once!();
    let (key, folder) = (PrivateKey::generate().unwrap(), TempDir::new().unwrap());
    let headers = snap(&key, &message(1_795_441_036)).unwrap();
    // ISO 8601 with Jakarta's offset, as SNAP has it.
    assert_eq!(headers.timestamp, "2026-11-23T20:37:16+07:00");
    fs::write(folder.path().join("public.pem"), key.public_key().to_pem()).unwrap();
    fs::write(folder.path().join("body"), BODY).unwrap();
    let lines = documented("-signature signature text");
    let is_valid = |timestamp: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &lines]).current_dir(folder.path());
        shell.env("X_TIMESTAMP", timestamp).env("X_SIGNATURE", &headers.signature);
        shell.output().unwrap().status.success()
    };
    assert!(is_valid(&headers.timestamp));
    assert!(!is_valid("2026-11-23T20:37:17+07:00"));
}

#[test]
fn a_partner_with_openssl_verifies_v1a() {
    once!();
    let (key, folder) = (Ed25519Key::generate().unwrap(), TempDir::new().unwrap());
    let help = Command::new("openssl").args(["pkeyutl", "-help"]).output().unwrap();
    if !String::from_utf8_lossy(&help.stderr).contains("-rawin") {
        return leave_out("openssl is older than 3 and verifies no v1a");
    }
    let signature = v1a(&key, &message(1_795_441_036)).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) is these twelve bytes and the key.
    let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), key.public().bytes()].concat();
    write("public.der", &spki);
    write("signature", &STANDARD.decode(signature.strip_prefix("v1a,").unwrap()).unwrap());
    let is_valid = |timestamp: i64| {
        write("text", format!("{ID}.{timestamp}.{BODY}").as_bytes());
        let check = "pkeyutl -verify -pubin -keyform DER -inkey public.der -rawin -in text -sigfile signature";
        let output = Command::new("openssl").args(check.split(' ')).current_dir(folder.path()).output().unwrap();
        output.status.success()
    };
    assert!(is_valid(1_795_441_036));
    assert!(!is_valid(1_795_441_037));
}

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
