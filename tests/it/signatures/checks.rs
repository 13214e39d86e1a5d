//! In which order a signed request is checked: an answer never tells more than its sender has proven a right to know.

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{Partner, TestApp, Wire, key_of};

/// A client with a key that may not send orders, so that the last check fails as well.
async fn reader(app: &TestApp) -> Partner<'_> {
    let key = key_of("reader").public_key().to_pem();
    let secret = app.client("reader", &[Permission::OrdersRead], SignaturePolicy::Documented, vec![key]).await;
    Partner::log_in(app, "reader", secret, key_of("reader")).await
}

/// A body that a REST client would be refused for, once all else is right.
fn faulty_body(wire: Wire) -> Value {
    match wire {
        Wire::Rest => json!({"nonsense": true}),
        Wire::GraphQl => wire.order(""),
    }
}

#[tokio::test]
async fn each_check_comes_before_all_later_ones() {
    for wire in Wire::BOTH {
        let app = TestApp::new().await;
        let reader = reader(&app).await;
        let id = "reader".parse().unwrap();
        let send = async |headers: &[(&str, &str)]| wire.send(&app, headers, faulty_body(wire).to_string()).await;
        app.clients.disable_client(&id).await.unwrap();

        // All is wrong; then one thing after the other is put right.
        wire.expect_refused(&send(&[]).await, 401, "UNAUTHENTICATED");
        wire.expect_refused(&send(&[("authorization", "Bearer x.y.z")]).await, 401, "UNAUTHENTICATED");

        let token = ("authorization", &*reader.authorization());
        let told = wire.expect_refused(&send(&[token]).await, 400, "MISSING_HEADER");
        assert_eq!(told["headers"], json!(["X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE"]));

        let foreign = ("x-client-id", "versuni-client-001");
        let (unreadable, garbage) = (("x-timestamp", "yesterday"), ("x-signature", "%%%"));
        let refusal = send(&[token, foreign, unreadable, garbage]).await;
        wire.expect_refused(&refusal, 401, "CLIENT_ID_MISMATCH");

        let own = ("x-client-id", "reader");
        wire.expect_refused(&send(&[token, own, unreadable, garbage]).await, 403, "CLIENT_DISABLED");

        app.clients.enable_client(&id).await.unwrap();
        let reader = reader.log_in_again().await;
        let token = ("authorization", &*reader.authorization());
        let told = wire.expect_refused(&send(&[token, own, unreadable, garbage]).await, 401, "INVALID_TIMESTAMP");
        assert_eq!(told["hint"], "timestamp_unreadable");
        let stale = ("x-timestamp", "1");
        let told = wire.expect_refused(&send(&[token, own, stale, garbage]).await, 401, "INVALID_TIMESTAMP");
        assert_eq!(told["hint"], "clock_skew");

        let signed = reader.sign();
        let fresh = ("x-timestamp", &*signed.timestamp);
        let told = wire.expect_refused(&send(&[token, own, fresh, garbage]).await, 401, "INVALID_SIGNATURE");
        assert_eq!(told["hint"], "signature_not_base64");
        let false_signature = ("x-signature", "AAAA");
        let told = wire.expect_refused(&send(&[token, own, fresh, false_signature]).await, 401, "INVALID_SIGNATURE");
        assert_eq!(told["hint"], "signature_wrong_length");

        let told = wire.expect_refused(&send(&signed.headers()).await, 403, "INSUFFICIENT_SCOPE");
        assert_eq!(told["scope"], "orders:create");

        let partner = app.partner().await;
        wire.expect_refused(&send(&partner.sign().headers()).await, 400, "VALIDATION_FAILED");
        assert_eq!(app.database.db_number("SELECT COUNT(*) FROM sales_orders").await, 0);
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_named_only_to_a_partner_that_signed_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut signed = partner.sign();
    let path = Wire::Rest.path();
    app.post_text(path, &signed.headers(), "{").await.expect_problem(400, "MALFORMED_BODY");
    signed.signature.replace_range(0..4, "AAAA");
    app.post_text(path, &signed.headers(), "{").await.expect_problem(401, "INVALID_SIGNATURE");
    signed.authorization.push('x');
    app.post_text(path, &signed.headers(), "{").await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn all_missing_headers_are_named_at_once() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    let [authorization, headers @ ..] = signed.headers();
    for wire in Wire::BOTH {
        for present in 0..7_usize {
            let sent = |index: usize| present >> index & 1 == 1;
            let mut request = vec![authorization];
            request.extend((0..3).filter(|index| sent(*index)).map(|index| headers[index]));
            let missing: Vec<_> =
                (0..3).filter(|index| !sent(*index)).map(|index| headers[index].0.to_ascii_uppercase()).collect();
            let refusal = wire.send(&app, &request, wire.order("CUST-001").to_string()).await;
            assert_eq!(wire.expect_refused(&refusal, 400, "MISSING_HEADER")["headers"], json!(missing));
        }
    }
}

#[tokio::test]
async fn an_empty_header_counts_as_missing() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    for name in ["x-client-id", "x-timestamp", "x-signature"] {
        let headers = signed.headers().map(|(header, value)| (header, if header == name { "" } else { value }));
        let refusal = Wire::Rest.send(&app, &headers, Wire::Rest.order("CUST-001").to_string()).await;
        let problem = refusal.expect_problem(400, "MISSING_HEADER");
        assert_eq!(problem["headers"], json!([name.to_ascii_uppercase()]));
    }
}

#[tokio::test]
async fn a_foreign_client_id_is_told_apart_from_a_wrong_signature() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.partner_named("other-partner", SignaturePolicy::Documented).await;
    for wire in Wire::BOTH {
        for foreign in ["other-partner", "nobody", "VERSUNI-CLIENT-001"] {
            let mut signed = partner.sign();
            foreign.clone_into(&mut signed.client_id);
            let refusal = wire.send(&app, &signed.headers(), wire.order("CUST-001").to_string()).await;
            assert_eq!(
                json!(wire.expect_refused(&refusal, 401, "CLIENT_ID_MISMATCH")),
                json!({
                    "hint": "client_id_mismatch",
                    "x_client_id": foreign,
                    "token_client_id": "versuni-client-001",
                })
            );
        }
    }
}

#[tokio::test]
async fn nothing_is_told_to_a_caller_without_a_valid_token() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    let tampered = format!("{}x", signed.authorization);
    for wire in Wire::BOTH {
        for authorization in [None, Some("Bearer"), Some("Bearer nonsense"), Some(&*tampered)] {
            let send = async |client_id, signature| {
                let mut headers = vec![("x-client-id", client_id), ("x-timestamp", &*signed.timestamp)];
                headers.extend([("x-signature", signature), ("x-request-id", "the-same")]);
                headers.extend(authorization.map(|value| ("authorization", value)));
                wire.send(&app, &headers, wire.order("CUST-001").to_string()).await
            };
            let refusal = send("versuni-client-001", &*signed.signature).await;
            assert_eq!(json!(wire.expect_refused(&refusal, 401, "UNAUTHENTICATED")), json!({}));
            // Nor by a difference: whether the client exists and whether the signature is true makes none.
            for other in [send("nobody", &signed.signature).await, send("versuni-client-001", "AAAA").await] {
                assert_eq!((&other.text, &other.headers), (&refusal.text, &refusal.headers));
            }
        }
    }
}
