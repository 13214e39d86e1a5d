//! A partner whose signature is refused finds out why, alone: the check is asked with real mistakes, made with OpenSSL.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Answer, PARTNER_KEY, Partner, Signed, TestApp, order};

const ID: &str = "versuni-client-001";
const CHECK: &str = "/api/v1/signature/check";

/// A partner at a shell, with a key pair that OpenSSL made.
struct Shell<'a> {
    partner: Partner<'a>,
    folder: tempfile::TempDir,
}

impl<'a> Shell<'a> {
    async fn new(app: &'a TestApp, policy: SignaturePolicy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shell = |args: &[&str]| {
            let done = Command::new("openssl").args(args).current_dir(folder.path()).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        shell(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "private.pem"]);
        shell(&["pkey", "-in", "private.pem", "-pubout", "-out", "public.pem"]);
        let key = std::fs::read_to_string(folder.path().join("public.pem")).unwrap();
        let secret = app.client(ID, &[Permission::OrdersCreate], policy, vec![key]).await;
        Self { partner: Partner::log_in(app, ID, secret, &PARTNER_KEY).await, folder }
    }

    fn now(&self) -> String {
        self.partner.app.clock.now().timestamp().to_string()
    }

    /// `printf '%s' TEXT | openssl dgst ARGUMENTS -sign private.pem`
    fn sign(&self, text: &str, arguments: &[&str]) -> Vec<u8> {
        let mut child = Command::new("openssl")
            .arg("dgst")
            .args(arguments)
            .args(["-sign", "private.pem"])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    fn headers(&self, timestamp: &str, signature: String) -> Signed {
        let authorization = self.partner.authorization();
        Signed { authorization, client_id: ID.to_owned(), timestamp: timestamp.to_owned(), signature }
    }

    /// What the check says of a signature, and what an order with it would be told: always the same.
    async fn ask(&self, timestamp: &str, signature: String, body: &str) -> Value {
        let signed = self.headers(timestamp, signature);
        let app = self.partner.app;
        let found = app.post_text(CHECK, &signed.headers(), body.to_owned()).await.expect(200);
        let sent = app.post_text("/api/v1/sales-orders", &signed.headers(), body.to_owned()).await;
        assert_eq!(found["valid"], sent.status == 201, "{found} {}", sent.text);
        if sent.status != 201 {
            let problem = sent.json();
            for name in ["code", "message", "hint", "string_to_sign", "signed_string", "body_bound_string"] {
                assert_eq!(found[name], problem[name], "{name}: {found} {problem}");
            }
        }
        found
    }
}

/// Base64 in lines of 64 characters, as a tool wraps it; a header has a space for each line break.
fn wrapped(signature: &str) -> String {
    signature.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

/// Which step stopped the check.
fn failed_step(found: &Value) -> &str {
    let steps = found["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 6);
    let at = steps.iter().position(|step| step["outcome"] != "PASSED").unwrap();
    assert_eq!(steps[at]["outcome"], "FAILED");
    assert_eq!(steps[at]["message"], found["message"]);
    assert!(steps[at + 1..].iter().all(|step| step["outcome"] == "NOT_REACHED"), "{found}");
    steps[at]["name"].as_str().unwrap()
}

#[tokio::test]
async fn each_mistake_a_partner_makes_with_the_published_form_is_named() {
    let app = TestApp::new().await;
    let shell = Shell::new(&app, SignaturePolicy::Documented).await;
    let (now, body) = (shell.now(), order().to_string());
    let right = format!("{ID}|{now}");
    let milliseconds = format!("{now}000");
    let slow = (app.clock.now().timestamp() - 600).to_string();
    let hex_line = format!("SHA2-256(stdin)= {}", hex::encode(shell.sign(&right, &["-sha256"])));
    let sha256 = |text: &str| STANDARD.encode(shell.sign(text, &["-sha256"]));
    let pss = shell.sign(&right, &["-sha256", "-sigopt", "rsa_padding_mode:pss"]);
    for (mistake, timestamp, signature, step, hint) in [
        (
            "date +%s%3N",
            &milliseconds,
            sha256(&format!("{ID}|{milliseconds}")),
            "TIMESTAMP_READABLE",
            "milliseconds_not_seconds",
        ),
        ("a clock ten minutes slow", &slow, sha256(&format!("{ID}|{slow}")), "TIMESTAMP_FRESH", "clock_skew"),
        ("echo instead of printf", &now, sha256(&format!("{right}\n")), "SIGNATURE_TRUE", "signed_trailing_newline"),
        ("the line that -hex prints", &now, hex_line, "SIGNATURE_READABLE", "signature_has_whitespace"),
        (
            "a neighbour's id",
            &now,
            sha256(&format!("versuni-client-002|{now}")),
            "SIGNATURE_TRUE",
            "signed_other_client_id",
        ),
        ("-sha1", &now, STANDARD.encode(shell.sign(&right, &["-sha1"])), "SIGNATURE_TRUE", "signed_with_sha1"),
        ("PSS", &now, STANDARD.encode(pss), "SIGNATURE_TRUE", "signed_with_pss"),
        ("base64 without -A", &now, wrapped(&sha256(&right)), "SIGNATURE_READABLE", "signature_has_whitespace"),
    ] {
        let found = shell.ask(timestamp, signature, &body).await;
        assert_eq!((failed_step(&found), found["hint"].as_str()), (step, Some(hint)), "{mistake}: {found}");
        assert_eq!(found["string_to_sign"], format!("{ID}|{timestamp}"), "{mistake}");
    }
    let skewed = shell.ask(&slow, sha256(&format!("{ID}|{slow}")), &body).await;
    assert_eq!(
        (&skewed["skew_seconds"], &skewed["server_time"]),
        (&json!(-600), &json!("2026-11-23T13:37:16.123456Z"))
    );
}

#[tokio::test]
async fn a_right_signature_is_found_right_in_every_encoding_and_no_order_is_made() {
    let app = TestApp::new().await;
    let shell = Shell::new(&app, SignaturePolicy::Documented).await;
    let now = shell.now();
    let signature = shell.sign(&format!("{ID}|{now}"), &["-sha256"]);
    for encoded in [STANDARD.encode(&signature), hex::encode(&signature)] {
        // The body may be anything: the published form does not cover it.
        let signed = shell.headers(&now, encoded);
        let found = app.post_text(CHECK, &signed.headers(), "no JSON").await.expect(200);
        assert_eq!((&found["valid"], &found["form"]), (&json!(true), &json!("documented")), "{found}");
        assert_eq!((&found["code"], &found["hint"]), (&Value::Null, &Value::Null));
        assert!(found["steps"].as_array().unwrap().iter().all(|step| step["outcome"] == "PASSED"), "{found}");
        let key = app.clients.list_keys(&ID.parse().unwrap()).await.unwrap().remove(0);
        assert_eq!(found["key_fingerprint"], key.fingerprint);
        assert_eq!(key.last_used_at, None, "a check is no use of the key");
    }
    assert_eq!(app.database.whole_orders(2).await, 0);
}

#[tokio::test]
async fn a_partner_that_signs_with_its_rotated_key_is_told_so() {
    let app = TestApp::new().await;
    let shell = Shell::new(&app, SignaturePolicy::Documented).await;
    let id = ID.parse().unwrap();
    let old = app.clients.list_keys(&id).await.unwrap().remove(0).fingerprint;
    app.clients.revoke_key(&id, &old).await.unwrap();
    let now = shell.now();
    let found = shell.ask(&now, STANDARD.encode(shell.sign(&format!("{ID}|{now}"), &["-sha256"])), "{}").await;
    assert_eq!((failed_step(&found), &found["hint"]), ("SIGNATURE_TRUE", &json!("signed_with_revoked_key")));
    assert_eq!(found["key_fingerprint"], old);
}

#[tokio::test]
async fn mistakes_with_the_form_that_binds_the_body_are_named() {
    let app = TestApp::new().await;
    let shell = Shell::new(&app, SignaturePolicy::BodyBound).await;
    let (now, body) = (shell.now(), order().to_string());
    // What Python's json.dumps writes; the library that sends it leaves out the spaces.
    let spaced = body.replace("\":", "\": ").replace(",\"", ", \"").replace(",{", ", {");
    let bound = |body: &str, path: &str| {
        let text = format!("POST:{path}:{}:{now}", hex::encode(Sha256::digest(body)));
        STANDARD.encode(shell.sign(&text, &["-sha256"]))
    };
    let documented = STANDARD.encode(shell.sign(&format!("{ID}|{now}"), &["-sha256"]));
    for (mistake, signature, hint) in [
        ("the published form", documented, "signed_body_bound_expected"),
        ("signed before it was written anew", bound(&spaced, "/api/v1/sales-orders"), "signed_other_body"),
        ("half the path", bound(&body, "/sales-orders"), "signed_other_path"),
        ("nothing", bound("", "/api/v1/sales-orders"), "signed_empty_body"),
    ] {
        let found = shell.ask(&now, signature, &body).await;
        assert_eq!((failed_step(&found), found["hint"].as_str()), ("SIGNATURE_TRUE", Some(hint)), "{mistake}: {found}");
    }
    // What is right for an order is right here, though it is sent to another path.
    let found = shell.ask(&now, bound(&body, "/api/v1/sales-orders"), &body).await;
    assert_eq!((&found["valid"], &found["form"]), (&json!(true), &json!("body_bound")));
}

#[tokio::test]
async fn missing_headers_and_another_clients_id_are_steps_too() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let bearer = partner.authorization();
    let bare = app.post_text(CHECK, &[("authorization", &bearer)], "").await.expect(200);
    assert_eq!((failed_step(&bare), &bare["code"]), ("HEADERS", &json!("MISSING_HEADER")));
    assert_eq!((&bare["string_to_sign"], &bare["skew_seconds"]), (&Value::Null, &Value::Null));
    let mut signed = partner.sign();
    "versuni-client-002".clone_into(&mut signed.client_id);
    let other = app.post_text(CHECK, &signed.headers(), "").await.expect(200);
    assert_eq!((failed_step(&other), &other["hint"]), ("CLIENT_ID", &json!("client_id_mismatch")));
}

#[tokio::test]
async fn the_doctor_sees_nobody_without_a_token_and_no_disabled_client() {
    let app = TestApp::new().await;
    app.post_text(CHECK, &[], "{}").await.expect_problem(401, "UNAUTHENTICATED");
    let partner = app.partner().await;
    app.clients.disable_client(&ID.parse().unwrap()).await.unwrap();
    app.post_text(CHECK, &partner.sign().headers(), "{}").await.expect_problem(403, "CLIENT_DISABLED");
}

async fn explain(app: &TestApp, input: Value) -> Answer {
    let query = "query($input: ExplainSignatureInput!) { explainSignature(input: $input) {
        valid form hint code stringToSign signedString keyFingerprint skewSeconds steps { name outcome message } } }";
    app.graphql(query, json!({"input": input})).await
}

#[tokio::test]
async fn a_developer_has_any_signature_explained_with_nothing_but_the_public_key() {
    let app = TestApp::new().await;
    let now = app.clock.now().timestamp().to_string();
    let sign = |text: &str| STANDARD.encode(PARTNER_KEY.sign(text.as_bytes()).unwrap());
    let input = |signature: String| {
        json!({"clientId": "nobody-yet", "timestamp": now, "signature": signature,
               "publicKey": PARTNER_KEY.public_key().to_pem()})
    };
    let right = explain(&app, input(sign(&format!("nobody-yet|{now}")))).await.data()["explainSignature"].take();
    assert_eq!((&right["valid"], &right["form"]), (&json!(true), &json!("documented")));
    assert_eq!(right["keyFingerprint"], PARTNER_KEY.public_key().fingerprint());

    let wrong = explain(&app, input(sign(&format!("nobody-yet|{now}\n")))).await.data()["explainSignature"].take();
    assert_eq!((&wrong["valid"], &wrong["hint"]), (&json!(false), &json!("signed_trailing_newline")));
    assert_eq!(wrong["signedString"], format!("nobody-yet|{now}\n"));
    assert_eq!(failed_step(&with_message(wrong)), "SIGNATURE_TRUE");

    // The form that binds the body, as the strict policy wants it.
    let body = "{\"a\":1}";
    let bound = sign(&format!("PUT:/elsewhere:{}:{now}", hex::encode(Sha256::digest(body))));
    let mut bound = input(bound);
    for (name, value) in [("body", body), ("method", "PUT"), ("path", "/elsewhere"), ("signaturePolicy", "BODY_BOUND")]
    {
        bound[name] = json!(value);
    }
    let found = explain(&app, bound).await.data()["explainSignature"].take();
    assert_eq!((&found["valid"], &found["form"]), (&json!(true), &json!("body_bound")));
}

/// The steps' message stands for the whole one, which the query above does not ask for.
fn with_message(mut found: Value) -> Value {
    let steps = found["steps"].as_array().unwrap();
    found["message"] = steps.iter().find(|step| step["outcome"] == "FAILED").unwrap()["message"].clone();
    found
}

#[tokio::test]
async fn a_private_key_or_none_at_all_is_refused_by_the_fields_name() {
    let app = TestApp::new().await;
    for key in [PARTNER_KEY.to_pkcs8_pem().unwrap().expose_secret().to_owned(), "none".to_owned()] {
        let input = json!({"clientId": "a", "timestamp": "1", "signature": "b", "publicKey": key});
        let answer = explain(&app, input).await;
        let error = answer.expect_error("VALIDATION_FAILED");
        assert_eq!(error["extensions"]["errors"][0]["pointer"], "/publicKey", "{error}");
        assert!(!answer.text.contains("MII"), "the key is told back");
    }
}

#[tokio::test]
async fn the_description_says_that_the_check_needs_no_more_than_a_token() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let document = app.get("/api/v1/openapi.json").await.expect(200);
    let check = &document["paths"][CHECK]["post"];
    let signed = json!({"JWT-auth": [], "X-CLIENT-ID": [], "X-TIMESTAMP": [], "X-SIGNATURE": []});
    assert_eq!(check["security"], json!([{"JWT-auth": []}]));
    for (operation, is_required) in [(check, false), (&document["paths"]["/api/v1/sales-orders"]["post"], true)] {
        let parameters = operation["parameters"].as_array().unwrap();
        for header in ["X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE"] {
            let parameter = parameters.iter().find(|parameter| parameter["name"] == header).unwrap();
            assert_eq!((&parameter["in"], &parameter["required"]), (&json!("header"), &json!(is_required)), "{header}");
        }
    }
    let order = &document["paths"]["/api/v1/sales-orders"]["post"];
    assert_eq!(order["security"], json!([signed]), "an order needs them all");
    let token = ("authorization", partner.authorization());
    let headers = [("authorization", token.1.as_str()), ("x-client-id", &partner.client_id), ("x-timestamp", "1")];
    // None of them, or some.
    for sent in 1..=headers.len() {
        let answer = app.post_text(CHECK, &headers[..sent], "").await.expect(200);
        assert_eq!((&answer["valid"], &answer["code"]), (&json!(false), &json!("MISSING_HEADER")), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("X-SIGNATURE"), "{answer}");
    }
    app.post_text(CHECK, &[], "").await.expect_problem(401, "UNAUTHENTICATED");
}
