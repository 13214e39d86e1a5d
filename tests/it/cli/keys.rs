//! The operator registers partners' public keys.

use serde_json::json;

use super::{Desk, keys, send_order, token};
use crate::support::order;

/// What is sent instead of an RSA public key, and what the refusal says about it.
fn wrong_keys(desk: &Desk) -> [(&'static str, &'static str); 7] {
    desk.key_pair();
    desk.openssl("rsa -in private.pem -RSAPublicKey_out -out pkcs1.pem");
    desk.openssl("req -new -x509 -key private.pem -subj /CN=partner -out certificate.pem");
    desk.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem");
    desk.openssl("pkey -in ec.pem -pubout -out ec-public.pem");
    desk.openssl("genrsa -out small.pem 1024");
    desk.openssl("rsa -in small.pem -pubout -out small-public.pem");
    desk.openssl("genrsa -3 -out weak.pem 2048");
    desk.openssl("rsa -in weak.pem -pubout -out weak-public.pem");
    desk.file("text.pem", "my key is 12345\n");
    [
        ("pkcs1.pem", "this is a PKCS#1 key"),
        ("private.pem", "this is a private key, which must never be shared"),
        ("certificate.pem", "this is a certificate"),
        ("ec-public.pem", "signatures need a plain RSA key"),
        ("small-public.pem", "this RSA key has 1024 bits, but at least 2048"),
        ("weak-public.pem", "weak public exponent 3"),
        ("text.pem", "this is no PEM file"),
    ]
}

#[tokio::test]
async fn every_wrong_kind_of_key_is_refused_in_its_own_words_and_nothing_is_created() {
    let desk = Desk::new().await;
    let wrong_keys = wrong_keys(&desk);
    for (file, words) in wrong_keys {
        let create = ["client", "create", "--client-id", "p", "--name", "P", "--scope", "orders:create"];
        let said = desk.run(&[&create[..], &["--public-key", "public.pem", "--public-key", file]].concat()).fails();
        assert!(said.contains(words), "{file}: {said}");
        assert!(said.contains(file), "which of the files is it? {said}");
    }
    assert_eq!(desk.run(&["client", "list", "--json"]).json(), json!([]));

    desk.run(&["client", "create", "--client-id", "p", "--name", "P", "--scope", "orders:create"]).succeeds();
    for (file, words) in wrong_keys {
        let said = desk.run(&["client", "key", "add", "--client-id", "p", "--public-key", file]).fails();
        assert!(said.contains(words), "{file}: {said}");
    }
    assert_eq!(desk.run(&["client", "key", "list", "--client-id", "p", "--json"]).json(), json!([]));
}

/// The same key however an editor, a shell or a vault wrote its file.
#[tokio::test]
async fn a_key_file_is_read_whatever_wrote_it() {
    let desk = Desk::new().await;
    desk.key_pair();
    let read = |name: &str| std::fs::read_to_string(desk.folder().join(name)).unwrap();
    let (public, private) = (read("public.pem"), read("private.pem"));
    let utf_16 = |text: &str, big: bool| -> Vec<u8> {
        let units = format!("\u{feff}{text}");
        units.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let write_all = |text: &str| {
        [
            text.replace('\n', "\r\n").into_bytes(),
            format!("\u{feff}{text}").into_bytes(),
            text.trim_end().replace('\n', "\\n").into_bytes(),
            format!("\"{}\"", text.replace('\n', "\\r\\n")).into_bytes(),
            text.replace('\n', " ").into_bytes(),
            utf_16(&text.replace('\n', "\r\n"), false),
            utf_16(text, true),
        ]
    };
    desk.run(&["client", "create", "--client-id", "p", "--name", "P", "--scope", "orders:create"]).succeeds();
    let sign = ["sign", "--private-key", "private.pem", "--client-id", "p", "--timestamp", "1795441036", "--json"];
    let signature = desk.run(&sign).json();
    for (public, private) in write_all(&public).into_iter().zip(write_all(&private)) {
        std::fs::write(desk.folder().join("public.pem"), &public).unwrap();
        std::fs::write(desk.folder().join("private.pem"), &private).unwrap();
        let text = String::from_utf8_lossy(&public).into_owned();
        let add = desk.run(&["client", "key", "add", "--client-id", "p", "--public-key", "public.pem"]);
        assert_eq!(add.code, Some(0), "{text:?}: {add:?}");
        desk.execute("DELETE FROM client_public_keys").await;
        assert_eq!(desk.run(&sign).json(), signature, "{text:?}");
    }
    let bare: String = public.lines().filter(|line| !line.starts_with('-')).collect();
    desk.file("public.pem", &bare);
    let said = desk.run(&["client", "key", "add", "--client-id", "p", "--public-key", "public.pem"]).fails();
    assert!(said.contains("this is base64 without its PEM lines"), "{said}");
}

#[tokio::test]
async fn the_remedy_that_a_refusal_names_works_when_typed() {
    let desk = Desk::new().await;
    desk.partner();
    wrong_keys(&desk);
    for (file, meant) in [("pkcs1.pem", "key.pem"), ("certificate.pem", "certificate.pem")] {
        let said = desk.run(&["client", "key", "add", "--client-id", "partner-1", "--public-key", file]).fails();
        let remedy = said.split('`').nth(1).unwrap();
        if file != meant {
            std::fs::copy(desk.folder().join(file), desk.folder().join(meant)).unwrap();
        }
        let typed = std::process::Command::new("sh").args(["-c", remedy]).current_dir(desk.folder()).output().unwrap();
        assert!(typed.status.success(), "{remedy}: {typed:?}");
        let key = desk.run(&["client", "key", "add", "--client-id", "partner-1", "--public-key", "public.pem"]);
        let fingerprint = key.succeeds();
        let removed = format!("DELETE FROM client_public_keys WHERE fingerprint = '{}'", fingerprint.trim_end());
        desk.database.db_execute(&removed).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_lives_through_its_states_as_the_list_shows() {
    let desk = Desk::new().await;
    desk.key_pair();
    let secret = desk.partner();
    let list = ["client", "key", "list", "--client-id", "partner-1", "--json"];
    let fresh = desk.run(&list).json();
    assert_eq!(fresh.as_array().unwrap().len(), 1);
    assert_eq!(
        keys(&fresh[0]),
        ["fingerprint", "status", "not_before", "expires_at", "revoked_at", "last_used_at", "shared_with"]
    );
    assert_eq!(fresh[0]["status"], "active");
    for unset in ["not_before", "expires_at", "revoked_at", "last_used_at"] {
        assert_eq!(fresh[0][unset], json!(null), "{unset}");
    }

    let service = desk.serve();
    let token = token(&service, "partner-1", &secret).await;
    let sign = ["sign", "--private-key", "private.pem", "--client-id", "partner-1", "--json"];
    let headers = desk.run(&sign).json();
    let (status, created) = send_order(&service, &token, &headers, order().to_string()).await;
    assert_eq!(status, 201, "{created}");
    // What is noted beside the answer is written by the time the service has stopped.
    service.stop();
    assert!(desk.run(&list).json()[0]["last_used_at"].is_string());

    let fingerprint = fresh[0]["fingerprint"].as_str().unwrap();
    let revoke = ["client", "key", "revoke", "--client-id", "partner-1", "--fingerprint"];
    desk.run(&[&revoke[..], &[fingerprint]].concat()).succeeds();
    let revoked = desk.run(&list).json();
    assert_eq!(revoked[0]["status"], "revoked");
    assert!(revoked[0]["revoked_at"].is_string());
    // Revoking it again keeps the date; a revoked key does not come back.
    desk.run(&[&revoke[..], &[fingerprint]].concat()).succeeds();
    assert_eq!(desk.run(&list).json(), revoked);
    let said = desk.run(&["client", "key", "add", "--client-id", "partner-1", "--public-key", "public.pem"]).fails();
    assert!(said.contains("has this key already") && said.contains(fingerprint), "{said}");

    let service = desk.serve();
    let headers = desk.run(&sign).json();
    let (status, problem) = send_order(&service, &token, &headers, order().to_string()).await;
    assert_eq!((status, &problem["hint"]), (401, &json!("signed_with_revoked_key")), "{problem}");

    let said = desk.run(&[&revoke[..], &["SHA256:unknown"]].concat()).fails();
    assert_eq!(said, "partner-1 has no key SHA256:unknown; list its keys to see them");
}

#[tokio::test]
async fn a_key_counts_only_in_its_time() {
    let desk = Desk::new().await;
    desk.key_pair();
    let public = std::fs::read_to_string(desk.folder().join("public.pem")).unwrap();
    std::fs::remove_file(desk.folder().join("public.pem")).unwrap();
    desk.partner();
    desk.file("public.pem", &public);
    let add = ["client", "key", "add", "--client-id", "partner-1", "--public-key", "public.pem", "--json"];
    for (times, words) in [
        (["--expires-at", "2020-01-01T00:00:00Z"].to_vec(), "would expire before it counts"),
        (["--not-before", "4000000000", "--expires-at", "3999999999"].to_vec(), "would expire before it counts"),
    ] {
        let said = desk.run(&[&add[..], &times].concat()).fails();
        assert!(said.contains(words), "{said}");
    }
    let times = ["--not-before", "2096-10-02T07:06:40+07:00", "--expires-at", "4000000600"];
    let added = desk.run(&[&add[..], &times].concat()).json();
    assert_eq!(keys(&added), ["client_id", "fingerprint"]);
    let listed = desk.run(&["client", "key", "list", "--client-id", "partner-1", "--json"]).json();
    assert_eq!(listed[0]["fingerprint"], added["fingerprint"]);
    assert_eq!(listed[0]["status"], "not_yet_active");
    assert_eq!(listed[0]["not_before"], "2096-10-02T00:06:40.000000Z");
    assert_eq!(listed[0]["expires_at"], "2096-10-02T07:16:40.000000Z");
    let table = desk.run(&["client", "key", "list", "--client-id", "partner-1"]).succeeds();
    assert!(table.starts_with("KEY ") && table.lines().count() == 2, "{table}");
}

#[tokio::test]
async fn a_key_file_that_is_not_there_is_named() {
    let desk = Desk::new().await;
    desk.partner();
    let said = desk.run(&["client", "key", "add", "--client-id", "partner-1", "--public-key", "gone.pem"]).fails();
    assert!(said.starts_with("cannot read the key file gone.pem: "), "{said}");
}
