//! Partners receive webhooks in many languages too: each verifier in `tests/clients/webhooks` tells a webhook of ours from all
//! others.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use sales_order_api::auth::webhook_signature::{Ed25519Key, HmacSecret, Message, v1, v1a};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::language::{CSHARP, GO, JAVA, Language, NODE, PERL, PHP, PYTHON, SHELL, said};
use crate::support::leave_out;

/// One verifier, and what it needs for `v1a` signatures.
struct Verifier {
    file: &'static str,
    language: Language,
    ed25519: Ed25519,
}

/// Whether a language verifies Ed25519 signatures by itself.
enum Ed25519 {
    /// Wherever the language is.
    Always,
    /// Where this is so; the words say what is missing otherwise.
    Where(fn() -> bool, &'static str),
    /// Nowhere.
    Never,
}

const TIME: i64 = 1_795_441_036;
/// Bytes that a careless receiver changes: letters beyond ASCII, white space, a line break at the end.
const BODY: &[u8] =
    "{\"type\": \"sales_order.status_changed\",\"data\":{\"sales_name\":\"Siti – Ωmega № 1\"}}\r\n".as_bytes();

/// What arrives at a receiver, and what the receiver knows.
struct Delivery {
    folder: TempDir,
    keys: String,
    id: &'static str,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
    now: i64,
}

impl Delivery {
    fn new(keys: String, signature: String) -> Self {
        let (folder, id) = (TempDir::new().unwrap(), "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W");
        Self { folder, keys, id, timestamp: TIME.to_string(), signature, body: BODY.to_vec(), now: TIME }
    }

    /// What the verifier says of it.
    fn at(&self, verifier: &Verifier) -> String {
        let mut child = verifier
            .language
            .command(&format!("webhooks/{}", verifier.file))
            .current_dir(self.folder.path())
            .env("WEBHOOK_SECRET", &self.keys)
            .env("WEBHOOK_ID", self.id)
            .env("WEBHOOK_TIMESTAMP", &self.timestamp)
            .env("WEBHOOK_SIGNATURE", &self.signature)
            .env("NOW", self.now.to_string())
            .env("SEEN", "ids.txt")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A verifier that refuses the headers need not read the body.
        let _ = child.stdin.take().unwrap().write_all(&self.body);
        let output = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        let said = out.trim_end().to_owned();
        assert_eq!(output.status.success(), said.starts_with("valid"), "{}: {out}{err}", verifier.file);
        assert!(said.starts_with("valid") || said.starts_with("invalid: "), "{}: {out}{err}", verifier.file);
        said
    }

    #[track_caller]
    fn is(&self, said: &str, verifier: &Verifier, why: &str) {
        assert_eq!(self.at(verifier), said, "{}: {why}", verifier.file);
    }
}

fn message() -> Message<'static> {
    Message { id: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", timestamp: TIME, body: BODY, path: "/" }
}

fn the_verifier_tells_right_from_wrong(verifier: &Verifier) {
    let [old, new] = [HmacSecret::generate(), HmacSecret::generate()];
    let [by_old, by_new] = [&old, &new].map(|secret| v1(secret, &message()));
    let [old, new] = [&old, &new].map(|secret| secret.to_text().expose_secret().to_owned());
    let to = |keys: &str, signature: &str| Delivery::new(keys.to_owned(), signature.to_owned());

    let right = to(&old, &by_old);
    right.is("valid", verifier, "a webhook of ours");
    right.is("valid: seen before", verifier, "the same once more");
    let (valid, no_match) = ("valid", "invalid: no signature matches");
    to(&old, &format!("{by_new} {by_old}")).is(valid, verifier, "signed by both while secrets are rotated");
    to(&format!("{new} {old}"), &by_old).is(valid, verifier, "two secrets while they are rotated");
    to(&old, &format!("v2,AAAA v1a,AAAA v1,AAAA {by_old}")).is(valid, verifier, "other versions before");
    to(&new, &by_old).is(no_match, verifier, "another secret");
    to(&old, &by_old.replace("v1,", "v2,")).is(no_match, verifier, "no known version");

    let changed = |body: Vec<u8>| Delivery { body, ..to(&old, &by_old) };
    changed(BODY.trim_ascii_end().to_vec()).is(no_match, verifier, "a body without its last line break");
    let text = std::str::from_utf8(BODY).unwrap();
    changed(text.replace('Ω', "O").into_bytes()).is(no_match, verifier, "a changed body");
    Delivery { id: "msg_other", ..to(&old, &by_old) }.is(no_match, verifier, "another id");

    let at = |now: i64| Delivery { now, ..to(&old, &by_old) };
    at(TIME + 300).is(valid, verifier, "five minutes old");
    at(TIME + 301).is("invalid: webhook-timestamp is too old", verifier, "a second more");
    at(TIME - 300).is(valid, verifier, "five minutes ahead");
    at(TIME - 301).is("invalid: webhook-timestamp is in the future", verifier, "a second more");
    let milliseconds = Delivery { timestamp: format!("{TIME}000"), ..to(&old, &by_old) };
    milliseconds.is("invalid: webhook-timestamp is not in unix seconds", verifier, "milliseconds");
    Delivery { id: "", ..to(&old, &by_old) }.is("invalid: a header is missing", verifier, "no id");

    match verifier.ed25519 {
        Ed25519::Always => it_verifies_public_keys(verifier),
        Ed25519::Where(is_so, _) if is_so() => it_verifies_public_keys(verifier),
        Ed25519::Where(_, missing) => leave_out(&format!("{} verifies no v1a: {missing}", verifier.file)),
        // Then it says so to its reader.
        Ed25519::Never => {
            let source = format!("{}/tests/clients/webhooks/{}", env!("CARGO_MANIFEST_DIR"), verifier.file);
            assert!(fs::read_to_string(source).unwrap().contains("Only v1 signatures: "), "{}", verifier.file);
        }
    }
}

fn it_verifies_public_keys(verifier: &Verifier) {
    let [old, new] = [Ed25519Key::generate().unwrap(), Ed25519Key::generate().unwrap()];
    let [by_old, by_new] = [&old, &new].map(|key| v1a(key, &message()).unwrap());
    let secret = HmacSecret::generate();
    let old = old.public().to_text();
    let header = format!("{} {by_new} {by_old}", v1(&HmacSecret::generate(), &message()));
    Delivery::new(old.clone(), header.clone()).is("valid", verifier, "one of two public keys");
    let both = format!("{} {old}", secret.to_text().expose_secret());
    Delivery::new(both, by_old).is("valid", verifier, "a secret and a public key");
    let no_match = "invalid: no signature matches";
    Delivery::new(old.clone(), by_new).is(no_match, verifier, "another public key");
    let changed = Delivery { body: b"{}".to_vec(), ..Delivery::new(old, header) };
    changed.is(no_match, verifier, "a changed body by v1a");
}

fn the_verifier_tells_right_from_wrong_where_it_can_run(verifier: &Verifier) {
    if verifier.language.is_here_for(&format!("webhooks/{}", verifier.file)) {
        the_verifier_tells_right_from_wrong(verifier);
    }
}

#[test]
fn a_partner_with_openssl_verifies_webhooks() {
    once!();
    let has_rawin = || said("sh", &["-c", "openssl pkeyutl -help 2>&1"]).contains("-rawin");
    let ed25519 = Ed25519::Where(has_rawin, "openssl is older than 3");
    the_verifier_tells_right_from_wrong(&Verifier { file: "verify.sh", language: SHELL, ed25519 });
}

#[test]
fn a_partner_with_node_verifies_webhooks() {
    once!();
    assert!(NODE.is_here(), "Node is missing");
    the_verifier_tells_right_from_wrong(&Verifier { file: "verify.mjs", language: NODE, ed25519: Ed25519::Always });
}

#[test]
fn a_partner_with_python_verifies_webhooks() {
    once!();
    let verifier = Verifier { file: "verify.py", language: PYTHON, ed25519: Ed25519::Never };
    the_verifier_tells_right_from_wrong_where_it_can_run(&verifier);
}

#[test]
fn a_partner_with_perl_verifies_webhooks() {
    once!();
    let verifier = Verifier { file: "verify.pl", language: PERL, ed25519: Ed25519::Never };
    the_verifier_tells_right_from_wrong_where_it_can_run(&verifier);
}

#[test]
fn a_partner_with_java_verifies_webhooks() {
    once!();
    let is_15 = || {
        let version = said("java", &["--version"]);
        let number = version.split_whitespace().nth(1).and_then(|version| version.split('.').next());
        number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number >= 15)
    };
    let verifier =
        Verifier { file: "Verify.java", language: JAVA, ed25519: Ed25519::Where(is_15, "Java is older than 15") };
    the_verifier_tells_right_from_wrong_where_it_can_run(&verifier);
}

#[test]
fn a_partner_with_php_verifies_webhooks() {
    once!();
    let has_sodium = || said("php", &["-m"]).contains("sodium");
    let verifier =
        Verifier { file: "verify.php", language: PHP, ed25519: Ed25519::Where(has_sodium, "PHP has no sodium") };
    the_verifier_tells_right_from_wrong_where_it_can_run(&verifier);
}

#[test]
fn a_partner_with_go_verifies_webhooks() {
    once!();
    let verifier = Verifier { file: "verify.go", language: GO, ed25519: Ed25519::Always };
    the_verifier_tells_right_from_wrong_where_it_can_run(&verifier);
}

#[test]
fn a_partner_with_csharp_verifies_webhooks() {
    once!();
    let verifier = Verifier { file: "Verify.cs", language: CSHARP, ed25519: Ed25519::Never };
    the_verifier_tells_right_from_wrong_where_it_can_run(&verifier);
}
