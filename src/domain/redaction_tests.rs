//! What is shown of bodies that were refused.

use super::*;

fn shown(body: &str) -> String {
    redact(body.as_bytes(), KEPT_BYTES).text
}

#[test]
fn what_an_order_says_of_goods_is_kept_and_what_it_says_of_people_is_counted() {
    let body = r#"{"partner_reference": "PO-1", "salesName":"Budi Santoso", "address": {"street": "Jl. Sudirman 1"},
        "products": [{"product_code": "X1", "quantity": 0, "unit_price": "-1"}], "note": 12345, "gift": true, "x": null}"#;
    assert_eq!(
        shown(body),
        r#"{"partner_reference":"PO-1", "salesName":"<12 characters>", "address":{"street":"<14 characters>"}, "products":[{"product_code":"X1", "quantity":0, "unit_price":"-1"}], "note":<5 characters>, "gift":true, "x":null}"#
    );
    assert_eq!(redact(body.as_bytes(), KEPT_BYTES).partner_reference.as_deref(), Some("PO-1"));
}

#[test]
fn what_is_no_json_or_was_cut_off_is_shown_as_far_as_it_can_be_read() {
    for (body, expected) in [
        ("", ""),
        ("client_secret=abc&x=1", "<21 characters>"),
        (r#"{"quantity": 1, "address": "Jl. Sud"#, r#"{"quantity":1, "address":"<7 characters>""#),
        (r#"{"quantity": 1, "product_code": "X"#, r#"{"quantity":1, "product_code":"<1 characters>""#),
        ("{'name': 'Budi'}", "{<6 characters>:<6 characters>}"),
        (r#"{"a\"b": "c\\", "status": "a\"b"}"#, r#"{"<3 characters>":"<3 characters>", "status":"<3 characters>"}"#),
        ("\u{0}\u{1}", "<2 characters>"),
    ] {
        assert_eq!(shown(body), expected, "{body}");
    }
    assert_eq!(redact(b"\xff\xfe", KEPT_BYTES).text, "<2 characters>");
}

#[test]
fn a_value_is_shown_only_right_behind_its_member_and_only_if_it_looks_like_a_code() {
    for body in [
        r#"{"products":[{"unit":"PCS"},"Siti"]}"#,
        r#"{"unit":"PCS","Siti"}"#,
        r#"{"status":{"a":1},"Siti"}"#,
        r#"{"status":["Siti"]}"#,
        r#"{"unit":"PCS" "Siti"}"#,
        r#"{"unit":"Pan 12" x","phone":"6281","Siti":7}"#,
        r#"{"reason":"Siti moved away"}"#,
        r#"{"reason":"Sité"}"#,
        r#"{"Siti-P":1,"6281":2}"#,
    ] {
        let shown = shown(body);
        let name = if body.contains("Siti\":7") { "6281" } else { "Siti" };
        assert!(!shown.contains(name) && !shown.contains("Sit\u{e9}") && !shown.contains("6281"), "{body}: {shown}");
    }
    assert_eq!(
        shown(r#"{"kinds":["CREATED","SHIPPED"],"a":["X"]}"#),
        r#"{"kinds":["CREATED", "SHIPPED"], "a":["<1 characters>"]}"#
    );
}

#[test]
fn what_looks_like_a_secret_is_hidden_wherever_it_stands_and_however_it_is_written() {
    let secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWc";
    for secret in
        [secret, token, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "ab\\/cdefghijklmnopqrstuvwxyz\\/0123456789abcdef"]
    {
        for body in [
            format!(r#"{{"{secret}": 1}}"#),
            format!(r#"{{"partner_reference": "{secret}"}}"#),
            format!(r#"{{"product_code": "a {secret} b"}}"#),
            format!(r#"{{"client_secret": "{secret}"}}"#),
            format!(r#"{{"quantity": {secret}}}"#),
            secret.to_owned(),
        ] {
            assert!(!shown(&body).contains(&secret[..20]), "{body}: {}", shown(&body));
        }
        assert!(!scrubbed(&format!("agent/{secret}")).contains(&secret[..20]));
    }
    let escaped: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    assert_eq!(shown(&format!(r#"{{"partner_reference":"{escaped}"}}"#)), r#"{"partner_reference":"<64 characters>"}"#);
    for padding in 200..256 {
        let cut = shortened(&format!("{}{secret}", "a ".repeat(padding / 2)), 255);
        assert!(!cut.contains("0123456"), "{cut}");
    }
    let uuid = "curl/8.5.0 3f2504e0-4f89-11d3-9a0c-0305e82c3301";
    assert_eq!(scrubbed(uuid), uuid);
}

#[test]
fn a_message_and_a_pointer_tell_where_and_what_is_allowed_and_not_what_was_sent() {
    assert_eq!(without_quotes(r#""Budi" must be one of THIN, FULL"#), r#""…" must be one of THIN, FULL"#);
    for (pointer, expected) in [
        ("/products/0/quantity", "/products/0/quantity"),
        ("", ""),
        ("/Siti Pribadi/x", "/<12 characters>/x"),
        ("/628123456789", "/<12 characters>"),
    ] {
        assert_eq!(redacted_pointer(pointer), expected);
    }
}

#[test]
fn no_more_is_shown_than_is_kept() {
    for body in ["[1,1,1,".repeat(KEPT_BYTES), "[".repeat(KEPT_BYTES + 1), format!("\"{}", "é".repeat(KEPT_BYTES))] {
        for most in [0, 1, 100, KEPT_BYTES] {
            let shown = redact(body.as_bytes(), most).text;
            assert!(shown.len() <= most + 40 && shown.ends_with(" …"), "{most}: {}", shown.len());
        }
    }
}

#[test]
fn the_reference_is_that_of_one_order() {
    let of = |body: &str| redact(body.as_bytes(), KEPT_BYTES).partner_reference;
    assert_eq!(of(r#"{"orders":[{"partner_reference":"A"}]}"#), None);
    assert_eq!(of(r#"{"query":"x","variables":{"input":{"partnerReference":"A"}}}"#).as_deref(), Some("A"));
}
