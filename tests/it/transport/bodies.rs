//! Bodies as languages and tools write them.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Answer, Partner, TestApp, Wire, order};

/// Sends a body as it is, freshly signed, with further headers.
async fn send(partner: &Partner<'_>, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let signed = partner.sign();
    let mut request = Request::post(path);
    for (name, value) in signed.headers().iter().chain(headers) {
        request = request.header(*name, *value);
    }
    partner.app.send(request.body(body.into()).unwrap()).await
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_passed_over_and_signed_like_every_byte() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for wire in Wire::BOTH {
        let plain = wire.order("marked").to_string();
        let body = format!("\u{feff}{plain}");
        // Signed as sent, and as it was before the mark was put there.
        for signed in [&body, &plain] {
            let headers = partner.sign_body(wire.path(), signed.as_bytes());
            let answer = wire.send(&app, &headers.headers(), body.clone()).await;
            assert!(answer.status.is_success() && !answer.text.contains("errors"), "{}", answer.text);
        }
    }
    let credentials = "\u{feff}{\"client_id\": \"nobody\", \"client_secret\": \"wrong\"}";
    app.post_text("/api/v1/auth/login", &[], credentials).await.expect_problem(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn a_body_in_utf_16_is_refused_by_its_name() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let body: Vec<u8> = format!("\u{feff}{}", order()).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let answer = send(&partner, "/api/v1/sales-orders", &[JSON], body).await;
    let problem = answer.expect_problem(400, "MALFORMED_BODY");
    assert!(problem["message"].as_str().unwrap().contains("UTF-16"), "{problem}");
}

/// A signature over the body is over the bytes that were sent, and a small body may unpack to a large one.
#[tokio::test]
async fn a_compressed_body_is_refused_and_told_how_to_come() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for path in ["/api/v1/sales-orders", "/api/v1/signature/check", "/graphql", "/api/v1/auth/login"] {
        for coding in ["gzip", "br", "deflate, gzip", "zstd"] {
            let answer = send(&partner, path, &[JSON, ("content-encoding", coding)], vec![0x1f, 0x8b, 8, 0]).await;
            let problem = answer.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
            assert_eq!(answer.header("accept-encoding"), Some("identity"));
            assert!(problem["message"].as_str().unwrap().contains("without Content-Encoding"), "{problem}");
        }
    }
    send(&partner, "/api/v1/sales-orders", &[JSON, ("content-encoding", "identity")], order().to_string())
        .await
        .expect(201);
    // Another media type is refused for that, and not for its coding.
    let answer = send(&partner, "/api/v1/sales-orders", &[("content-type", "text/plain")], "{}").await;
    let problem = answer.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    assert!(answer.header("accept-encoding").is_none());
    assert!(problem["message"].as_str().unwrap().contains("text/plain"), "{problem}");
    let latin = ("content-type", "application/json; charset=ISO-8859-1");
    let problem = send(&partner, "/graphql", &[latin], "{}").await.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    assert!(problem["message"].as_str().unwrap().contains("charset=iso-8859-1"), "{problem}");
}

#[tokio::test]
async fn a_whole_number_is_one_however_it_is_written() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for wire in Wire::BOTH {
        let template = wire.order("whole").to_string();
        assert!(template.contains("\"quantity\":2"), "{template}");
        for quantity in ["2.0", "2e0", "20E-1", "0.2e+1", "2.000"] {
            let body = template.replace("\"quantity\":2", &format!("\"quantity\":{quantity}"));
            let answer = wire.send(&app, &partner.sign().headers(), body).await;
            assert!(answer.status.is_success() && !answer.text.contains("errors"), "{quantity}: {}", answer.text);
            // The same order as the first, so none is made twice.
            assert!(answer.text.contains("SO-000000000"), "{}", answer.text);
        }
        for quantity in ["2.5", "25e-1", "1e400", "1e-1", "0.0", "-2.0", "1e7", "1000001.0", "\"2.0\""] {
            let body = template.replace("\"quantity\":2", &format!("\"quantity\":{quantity}"));
            let answer = wire.send(&app, &partner.sign().headers(), body).await;
            wire.expect_refused(&answer, 400, "VALIDATION_FAILED");
        }
    }
    let stored = app.database.db_number("SELECT count(*) FROM sales_orders").await;
    assert_eq!(stored, 1, "one order, however and by whichever wire it was sent");
    let page =
        partner.graphql("query($n: Int!) { salesOrders(first: $n) { nodes { orderNumber } } }", json!({"n": 1.0}));
    assert_eq!(page.await.data()["salesOrders"]["nodes"].as_array().unwrap().len(), 1);
}

/// Five hundred lines with texts as long as they may be, in the widest characters there are.
fn longest(character: char) -> Value {
    let text = |length: usize| character.to_string().repeat(length);
    let line = json!({
        "product_code": text(64), "quantity": 1_000_000, "product_name": text(256), "unit": text(16),
        "unit_price": "19999.9999", "note": text(500), "reference": text(35),
    });
    json!({
        "customer_code": text(64), "site_code": text(64), "sales_name": text(128), "address": text(1000),
        "currency": "IDR", "note": text(1000), "partner_reference": text(70),
        "requested_delivery_date": "2026-12-24", "products": vec![line; 500],
    })
}

/// As languages write JSON that keep to ASCII: Python's `json.dumps`, for one.
fn in_ascii(json: &Value) -> String {
    let escape = |c: char| -> String {
        if c.is_ascii() {
            c.to_string()
        } else {
            c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
        }
    };
    json.to_string().chars().map(escape).collect()
}

#[tokio::test]
async fn an_order_as_large_as_its_fields_may_be_is_taken_however_it_is_written() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let order = longest('😀');
    let pretty = serde_json::to_string_pretty(&order).unwrap();
    let escaped = in_ascii(&order);
    assert!(escaped.len() > 5_000_000, "{}", escaped.len());
    let taken =
        send(&partner, "/api/v1/sales-orders", &[JSON, ("idempotency-key", "largest")], pretty).await.expect(201);
    assert_eq!(taken["data"]["products"].as_array().unwrap().len(), 500);
    let again = send(&partner, "/api/v1/sales-orders", &[JSON, ("idempotency-key", "largest")], escaped).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"), "{}", &again.text[..200]);
}

#[tokio::test]
async fn who_brings_no_valid_token_sends_a_mebibyte_at_most_and_nobody_a_list_without_end() {
    let app = TestApp::with(|config| config.rate_limit.enabled = true).await;
    let partner = app.partner().await;
    let large = format!("{{\"note\": \"{}\"}}", "x".repeat(1 << 20));
    for path in ["/api/v1/sales-orders", "/graphql"] {
        let problem = app.post_text(path, &[], large.clone()).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
        assert!(problem["message"].as_str().unwrap().contains("with the token of a login"), "{problem}");
        assert_eq!(problem["limit_bytes"], 1 << 20);
    }
    send(&partner, "/api/v1/sales-orders", &[JSON], large).await.expect_problem(400, "VALIDATION_FAILED");
    let zeros = format!("[{}0]", "0,".repeat(100_000));
    for path in ["/api/v1/sales-orders", "/graphql"] {
        let problem = send(&partner, path, &[JSON], zeros.clone()).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
        assert!(problem["message"].as_str().unwrap().contains("65536 values"), "{problem}");
    }
}

#[tokio::test]
async fn a_tab_in_an_address_is_taken_and_a_name_that_shows_nothing_is_blank() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut pasted = order();
    pasted["address"] = json!("Jl. Sudirman No. 1\tJakarta\r\n\tIndonesia");
    pasted["note"] = json!("left\tright");
    let taken = partner.create(&pasted).await.expect(201)["data"].take();
    assert_eq!((&taken["address"], &taken["note"]), (&pasted["address"], &pasted["note"]));
    let found = "{ salesOrders(where: {search: \"indonesia\"}) { totalCount } }";
    assert_eq!(partner.graphql(found, Value::Null).await.data()["salesOrders"]["totalCount"], 1);

    let mut unseen = order();
    unseen["sales_name"] = json!("\u{200b}\u{2060} \u{feff}");
    unseen["customer_code"] = json!("\u{3164}");
    unseen["products"][0]["product_code"] = json!("\u{ad}");
    unseen["site_code"] = json!("S\t1");
    let problem = partner.create(&unseen).await.expect_problem(400, "VALIDATION_FAILED");
    let told: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|it| (&it["pointer"], &it["code"])).collect();
    let expected = [
        ("/customer_code", "blank"),
        ("/site_code", "control_character"),
        ("/sales_name", "blank"),
        ("/products/0/product_code", "blank"),
    ]
    .map(|(pointer, code)| (json!(pointer), json!(code)));
    assert_eq!(told, expected.iter().map(|(pointer, code)| (pointer, code)).collect::<Vec<_>>());
    assert!(problem["errors"][1]["message"].as_str().unwrap().contains("U+0009"), "{problem}");
    // What need not be given counts as not given.
    let mut unseen = order();
    unseen["note"] = json!("\u{200b}");
    assert_eq!(partner.create_with_key("note", &unseen).await.expect(201)["data"]["note"], Value::Null);
}
