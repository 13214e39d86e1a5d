//! A partner signs offline and learns offline why a signature is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Desk, keys, send_order, token};
use crate::support::order;

const ID: [&str; 2] = ["--client-id", "partner-1"];

/// `sign` with further arguments; gives its headers.
fn sign(desk: &Desk, arguments: &[&str]) -> Value {
    desk.run(&[&["sign", "--private-key", "private.pem", "--json"][..], &ID, arguments].concat()).json()
}

/// The arguments of `verify` for these headers.
fn verify(headers: &Value) -> Vec<&str> {
    let header = |name: &str| headers[name].as_str().unwrap();
    vec![
        "verify",
        "--public-key",
        "public.pem",
        "--client-id",
        header("X-CLIENT-ID"),
        "--timestamp",
        header("X-TIMESTAMP"),
        "--signature",
        header("X-SIGNATURE"),
    ]
}

#[tokio::test]
async fn what_sign_makes_verify_accepts_and_the_service_too() {
    let desk = Desk::new().await;
    desk.key_pair();
    let secret = desk.partner();
    let service = desk.serve();
    let token = token(&service, "partner-1", &secret).await;

    let headers = sign(&desk, &[]);
    assert_eq!(keys(&headers), ["X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE"]);
    let verified = desk.run(&[&verify(&headers)[..], &["--json"]].concat()).json();
    assert_eq!(keys(&verified), ["valid", "form", "string_to_sign", "key"]);
    let signed = format!("partner-1|{}", headers["X-TIMESTAMP"].as_str().unwrap());
    assert_eq!((&verified["form"], &verified["string_to_sign"]), (&json!("documented"), &json!(signed)));
    let (status, answer) = send_order(&service, &token, &headers, order().to_string()).await;
    assert_eq!((status, &answer["data"]["client_id"]), (201, &json!("partner-1")), "{answer}");

    // The form that binds the body, with white space that is the partner's own.
    let body = serde_json::to_string_pretty(&order()).unwrap();
    desk.file("order.json", &body);
    let headers = sign(&desk, &["--body", "order.json"]);
    let bound = ["--body", "order.json", "--signature-policy", "body_bound", "--json"];
    let verified = desk.run(&[&verify(&headers)[..], &bound].concat()).json();
    assert_eq!(verified["form"], "body_bound");
    let text = verified["string_to_sign"].as_str().unwrap();
    assert!(text.starts_with("POST:/api/v1/sales-orders:"), "{text}");
    let (status, answer) = send_order(&service, &token, &headers, body.clone()).await;
    assert_eq!(status, 201, "{answer}");

    desk.file("order.json", &body.replace("CUST-001", "CUST-002"));
    let arguments = [&verify(&headers)[..], &bound].concat();
    let said = desk.run(&arguments).fails_after_data();
    assert!(said.contains("signed another text"), "{said}");
    let (status, problem) = send_order(&service, &token, &headers, body.replace("CUST-001", "CUST-002")).await;
    assert_eq!((status, &problem["code"]), (401, &json!("INVALID_SIGNATURE")), "a changed body must not pass");
}

#[tokio::test]
async fn the_headers_are_printed_as_they_are_sent() {
    let desk = Desk::new().await;
    desk.key_pair();
    let arguments = [&["sign", "--private-key", "private.pem"][..], &ID, &["--timestamp", "1795441036"]].concat();
    let printed = desk.run(&arguments).succeeds();
    let headers = sign(&desk, &["--timestamp", "1795441036"]);
    let expected = format!(
        "X-CLIENT-ID: partner-1\nX-TIMESTAMP: 1795441036\nX-SIGNATURE: {}\n",
        headers["X-SIGNATURE"].as_str().unwrap()
    );
    assert_eq!(printed, expected);
}

#[tokio::test]
async fn openssl_verifies_what_sign_made_and_makes_the_very_same_signature() {
    let desk = Desk::new().await;
    desk.key_pair();
    let headers = sign(&desk, &["--timestamp", "2026-11-23T20:37:16+07:00"]);
    let signature = headers["X-SIGNATURE"].as_str().unwrap();
    desk.file("text", "partner-1|2026-11-23T20:37:16+07:00");
    std::fs::write(desk.folder().join("signature"), STANDARD.decode(signature).unwrap()).unwrap();
    let said = desk.openssl("dgst -sha256 -verify public.pem -signature signature text");
    assert_eq!(said.trim(), "Verified OK");
    desk.openssl("dgst -sha256 -sign private.pem -out own text");
    assert_eq!(STANDARD.encode(std::fs::read(desk.folder().join("own")).unwrap()), signature);

    // Keys of before OpenSSL 3, and a body whose hash another tool makes.
    desk.openssl("rsa -in private.pem -traditional -out traditional.pem");
    desk.file("body", "{}");
    let hash = desk.openssl("dgst -sha256 -r body");
    desk.file("text", &format!("PUT:/somewhere:{}:7", hash.split(' ').next().unwrap()));
    desk.openssl("dgst -sha256 -sign private.pem -out own text");
    let arguments = [
        &["sign", "--private-key", "traditional.pem", "--json"][..],
        &ID,
        &["--timestamp", "7", "--body", "body", "--method", "PUT", "--path", "/somewhere"],
    ];
    let headers = desk.run(&arguments.concat()).json();
    assert_eq!(headers["X-SIGNATURE"], STANDARD.encode(std::fs::read(desk.folder().join("own")).unwrap()));
}

#[tokio::test]
async fn verify_explains_a_signature_over_a_trailing_line_break() {
    let desk = Desk::new().await;
    desk.key_pair();
    // What `echo` does to everybody once.
    desk.file("text", "partner-1|1795441036\n");
    desk.openssl("dgst -sha256 -sign private.pem -out own text");
    let signature = STANDARD.encode(std::fs::read(desk.folder().join("own")).unwrap());
    let headers = json!({"X-CLIENT-ID": "partner-1", "X-TIMESTAMP": "1795441036", "X-SIGNATURE": signature});
    let arguments = [&verify(&headers)[..], &["--at", "1795441036"]].concat();

    let ran = desk.run(&arguments);
    let said = ran.fails_after_data();
    assert!(said.contains("line break") || said.contains("newline"), "{said}");
    assert!(ran.stdout.contains("  hint: signed_trailing_newline\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("  string to sign: partner-1|1795441036\n"), "{}", ran.stdout);

    let ran = desk.run(&[&arguments[..], &["--json"]].concat());
    assert_eq!(ran.fails_after_data(), said);
    let explained: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(explained["valid"], false);
    assert_eq!(explained["code"], "INVALID_SIGNATURE");
    assert_eq!(explained["hint"], "signed_trailing_newline");
    assert_eq!(explained["message"], said);
}

#[tokio::test]
async fn verify_explains_a_timestamp_as_the_service_does() {
    let desk = Desk::new().await;
    desk.key_pair();
    let headers = sign(&desk, &["--timestamp", "1795441036"]);
    for (arguments, outcome) in [
        (&["--at", "1795441336"][..], Ok(())),
        (&["--at", "1795441337"], Err("clock_skew")),
        (&["--at", "1795441337", "--tolerance", "10m"], Ok(())),
        (&["--at", "2026-11-23T13:37:16Z"], Ok(())),
        (&["--at", "1795441036", "--signature-policy", "body_bound"], Err("signed_body_bound_expected")),
    ] {
        let ran = desk.run(&[&verify(&headers)[..], arguments].concat());
        match outcome {
            Ok(()) => assert!(ran.succeeds().starts_with("the signature is valid\n"), "{arguments:?}"),
            Err(hint) => {
                ran.fails_after_data();
                assert!(ran.stdout.contains(&format!("hint: {hint}\n")), "{arguments:?}: {}", ran.stdout);
            }
        }
    }
    let milliseconds = sign(&desk, &["--timestamp", "1795441036000"]);
    let ran = desk.run(&[&verify(&milliseconds)[..], &["--at", "1795441036"]].concat());
    ran.fails_after_data();
    assert!(ran.stdout.contains("hint: milliseconds_not_seconds\n"), "{}", ran.stdout);
}

#[tokio::test]
async fn what_cannot_be_read_or_used_is_named() {
    let desk = Desk::new().await;
    desk.key_pair();
    desk.openssl("rsa -in private.pem -aes128 -passout pass:secret -out encrypted.pem");
    for (file, words) in [
        ("gone.pem", "cannot read the key file gone.pem: "),
        ("public.pem", "cannot use the key in public.pem: this is a public key"),
        ("encrypted.pem", "cannot use the key in encrypted.pem: this private key is encrypted"),
    ] {
        let said = desk.run(&[&["sign", "--private-key", file][..], &ID].concat()).fails();
        assert!(said.starts_with(words), "{said}");
    }
    let body = ["--body", "gone.json"];
    let said = desk.run(&[&["sign", "--private-key", "private.pem"][..], &ID, &body].concat()).fails();
    assert!(said.starts_with("cannot read the body file gone.json: "), "{said}");
    let headers = sign(&desk, &[]);
    let mut arguments = verify(&headers);
    arguments[2] = "private.pem";
    let said = desk.run(&arguments).fails();
    assert!(said.starts_with("cannot use the key in private.pem: this is a private key"), "{said}");
    // Offline: neither command has touched a database.
    assert!(!desk.folder().join("data").exists() && !desk.folder().join("orders.db").exists());
}

#[tokio::test]
async fn a_partner_signs_its_idempotency_key_and_verify_says_what_is_missing() {
    let desk = Desk::new().await;
    desk.key_pair();
    let secret = desk.partner();
    desk.run(
        &[&["client", "update", "--signature-policy", "body_and_key_bound"][..], &["--client-id", "partner-1"]]
            .concat(),
    )
    .succeeds();
    let service = desk.serve();
    let token = token(&service, "partner-1", &secret).await;
    let body = order().to_string();
    desk.file("order.json", &body);
    let headers = sign(&desk, &["--body", "order.json", "--idempotency-key", "po-1"]);
    assert_eq!(keys(&headers), ["X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE", "Idempotency-Key"]);
    let check = |more: &[&str]| {
        let arguments =
            [&verify(&headers)[..], &["--body", "order.json", "--signature-policy", "body_and_key_bound"], more];
        desk.run(&[&arguments.concat()[..], &["--json"]].concat())
    };
    assert_eq!(check(&["--idempotency-key", "po-1"]).json()["form"], "body_and_key_bound");
    assert!(check(&["--idempotency-key", "po-2"]).fails_after_data().contains("signed another text"));
    assert!(check(&[]).fails_after_data().contains("Missing header: Idempotency-Key"));
    let (status, answer) = send_order(&service, &token, &headers, body.clone()).await;
    assert_eq!(status, 201, "{answer}");
    let weaker = sign(&desk, &["--body", "order.json"]);
    let (status, problem) = send_order(&service, &token, &weaker, body).await;
    assert_eq!((status, &problem["code"]), (400, &json!("MISSING_HEADER")), "{problem}");

    let said =
        desk.run(&[&["sign", "--private-key", "private.pem", "--idempotency-key", "a"][..], &ID].concat()).is_misused();
    assert!(said.contains("--body"), "{said}");
    let arguments =
        ["sign", "--private-key", "private.pem", "--body", "order.json", "--timestamp", "2026-11-23T20:37:16+07"];
    let said = desk.run(&[&arguments[..], &ID, &["--idempotency-key", "a"]].concat()).fails();
    assert!(said.contains("+07:00 instead of +07"), "{said}");
    let arguments = ["sign", "--private-key", "private.pem", "--body", "order.json", "--idempotency-key", "two words"];
    assert!(desk.run(&[&arguments[..], &ID].concat()).fails().contains("visible ASCII"));
}
