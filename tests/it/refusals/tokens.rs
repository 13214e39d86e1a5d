//! Manipulated bearer tokens, each on an order that is signed as it should be.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::forge::{Parts, SECRET, encoded, forged, mac};
use super::{Attempt, Refusal, assert_refused};
use crate::support::{PARTNER_KEY, Partner, TestApp, Wire};

/// The algorithm is pinned: no header talks the service into another one, or into none.
fn algorithms(parts: &Parts) -> Vec<(&'static str, String)> {
    let none = |_: &str| String::new();
    let public_key = PARTNER_KEY.public_key().to_pem();
    let rs256 = |text: &str| URL_SAFE_NO_PAD.encode(PARTNER_KEY.sign(text.as_bytes()).unwrap());
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("the attacker's own secret, brought along")});
    vec![
        ("alg none, unsigned", parts.signed_by("none", none)),
        ("alg None, unsigned", parts.signed_by("None", none)),
        ("alg NONE, unsigned", parts.signed_by("NONE", none)),
        ("alg nOnE, unsigned", parts.signed_by("nOnE", none)),
        ("alg empty, unsigned", parts.signed_by("", none)),
        ("alg none, rightly signed all the same", parts.headed("alg", "none")),
        ("alg null", parts.headed("alg", Value::Null)),
        ("alg a list", parts.headed("alg", json!(["HS256", "none"]))),
        ("alg absent", forged(&json!({"typ": "JWT"}), &parts.claims, SECRET)),
        ("alg in lower case", parts.headed("alg", "hs256")),
        ("HS384 with the right secret", parts.signed_by("HS384", |text| mac(text, SECRET, Algorithm::HS384))),
        ("HS512 with the right secret", parts.signed_by("HS512", |text| mac(text, SECRET, Algorithm::HS512))),
        ("HS512 behind an HS256 header", parts.signed_by("HS256", |text| mac(text, SECRET, Algorithm::HS512))),
        ("HS256 behind an HS512 header", parts.headed("alg", "HS512")),
        ("RS256 with the partner's own key", parts.signed_by("RS256", rs256)),
        ("RS256 behind an HS256 header", parts.signed_by("HS256", rs256)),
        (
            "RS256 header, public key as HMAC secret",
            forged(&parts.with_header("alg", "RS256"), &parts.claims, public_key.as_bytes()),
        ),
        ("public key as HMAC secret", forged(&parts.header, &parts.claims, public_key.as_bytes())),
        ("public key, trimmed, as HMAC secret", forged(&parts.header, &parts.claims, public_key.trim().as_bytes())),
        ("ES256 header", parts.headed("alg", "ES256")),
        ("PS256 header", parts.headed("alg", "PS256")),
        ("EdDSA header", parts.headed("alg", "EdDSA")),
        (
            "a key brought along",
            forged(&parts.with_header("jwk", jwk), &parts.claims, b"the attacker's own secret, brought along"),
        ),
    ]
}

/// Only our secret signs, and a token that names another is not tried with ours.
fn secrets(parts: &Parts, partner: &Partner<'_>) -> Vec<(&'static str, String)> {
    let with = |secret: &[u8]| forged(&parts.header, &parts.claims, secret);
    vec![
        ("another secret", with(b"another secret of more than 32 bytes, too")),
        ("no secret", with(b"")),
        ("the secret with a line break", with(&[SECRET, b"\n"].concat())),
        ("the secret cut short", with(&SECRET[..32])),
        ("the client's own secret", with(partner.secret.expose_secret().as_bytes())),
        ("kid unknown", parts.headed("kid", "AAAAAAAA")),
        ("kid empty", parts.headed("kid", "")),
        ("kid a path", parts.headed("kid", "../../../../dev/null")),
        ("kid an injection", parts.headed("kid", "' UNION SELECT 'x' --")),
        ("kid a number", parts.headed("kid", 1)),
    ]
}

/// What is claimed must be whole, of the right kind, for us, from us, and for now.
fn claims(parts: &Parts) -> Vec<(&'static str, String)> {
    let now = parts.now;
    vec![
        ("expired exactly now", parts.claiming("exp", now)),
        ("expired by one second", parts.claiming("exp", now - 1)),
        ("expired in 1970", parts.claiming("exp", 0)),
        ("exp negative", parts.claiming("exp", -1)),
        ("exp a text", parts.claiming("exp", (now + 60).to_string())),
        ("exp null", parts.claiming("exp", Value::Null)),
        ("exp beyond all numbers", parts.claiming("exp", 1e300)),
        ("nbf 31 s ahead", parts.claiming("nbf", now + 31)),
        ("nbf a day ahead", parts.claiming("nbf", now + 86_400)),
        ("nbf a text", parts.claiming("nbf", "now")),
        ("iss foreign", parts.claiming("iss", "https://example.com")),
        ("iss in other case", parts.claiming("iss", "Sales-Order-Api")),
        ("iss a list", parts.claiming("iss", json!(["sales-order-api", "example"]))),
        ("aud foreign", parts.claiming("aud", "another-api")),
        ("aud empty", parts.claiming("aud", "")),
        ("aud a list", parts.claiming("aud", json!(["another-api", "sales-order-api"]))),
        ("sub of nobody", parts.claiming("sub", "nobody")),
        ("sub in other case", parts.claiming("sub", "VERSUNI-CLIENT-001")),
        ("sub with a separator", parts.claiming("sub", "versuni-client-001|1")),
        ("sub a pattern", parts.claiming("sub", "%")),
        ("an earlier generation of sessions", parts.claiming("session_generation", -1)),
        ("a later generation of sessions", parts.claiming("session_generation", 1)),
        ("without iss", parts.lacking("iss")),
        ("without aud", parts.lacking("aud")),
        ("without sub", parts.lacking("sub")),
        ("without exp", parts.lacking("exp")),
        ("without nbf", parts.lacking("nbf")),
        ("without scope", parts.lacking("scope")),
        ("without session_generation", parts.lacking("session_generation")),
        ("claims empty", forged(&parts.header, &json!({}), SECRET)),
        ("claims a list", forged(&parts.header, &json!([parts.claims]), SECRET)),
        ("claims null", forged(&parts.header, &Value::Null, SECRET)),
    ]
}

/// A token is taken as it was issued, to the last bit.
fn damages(parts: &Parts) -> Vec<(&'static str, String)> {
    let [header, claims, signature] = parts.texts();
    let mut widened = parts.claims.clone();
    widened["scope"] = "orders:create clients:manage".into();
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[0] ^= 1;
    // The last of 43 characters holds two bits that no byte has.
    let stray_bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = stray_bits.find(&signature[42..]).unwrap() + 1;
    let stray = format!("{}{}", &signature[..42], &stray_bits[last..=last]);
    let deep = URL_SAFE_NO_PAD.encode("[".repeat(60_000));
    let signed = |text: String| format!("{text}.{}", mac(&text, SECRET, Algorithm::HS256));
    vec![
        ("payload exchanged", format!("{header}.{}.{signature}", encoded(&widened))),
        ("header exchanged", format!("{}.{claims}.{signature}", encoded(&parts.with_header("typ", "at+jwt")))),
        ("one bit of the signature flipped", format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(&flipped))),
        ("stray bits after the signature", format!("{header}.{claims}.{stray}")),
        ("signature cut short by a character", parts.token[..parts.token.len() - 1].to_owned()),
        ("cut in half", parts.token[..parts.token.len() / 2].to_owned()),
        ("signature left out", format!("{header}.{claims}.")),
        ("signature and its dot left out", format!("{header}.{claims}")),
        ("header left out", format!(".{claims}.{signature}")),
        ("a fourth segment", format!("{}.{signature}", parts.token)),
        ("an empty fourth segment", format!("{}.", parts.token)),
        ("five segments, as an encrypted token has", format!("{}.{signature}.{signature}", parts.token)),
        ("two tokens glued together", parts.token.repeat(2)),
        ("two tokens in a list", format!("{0},{0}", parts.token)),
        ("segments in another order", format!("{claims}.{header}.{signature}")),
        ("padded", format!("{header}.{claims}.{signature}=")),
        ("padded and escaped", format!("{header}.{claims}.{signature}%3D")),
        ("padded header, signed so", signed(format!("{header}==.{claims}"))),
        ("signature in the other alphabet", format!("{header}.{claims}.{}", STANDARD_NO_PAD.encode([0xFF; 32]))),
        ("white space within", format!("{header}. {claims}.{signature}")),
        ("quoted", format!("\"{}\"", parts.token)),
        ("only dots", "..".to_owned()),
        ("one letter", "x".to_owned()),
        ("100 KB of letters", "A".repeat(100_000)),
        ("100 KB of dots", ".".repeat(100_000)),
        ("100 KB of signature", format!("{header}.{claims}.{}", "A".repeat(100_000))),
        (
            "claims nested 60,000 deep",
            format!("{header}.{deep}.{}", mac(&format!("{header}.{deep}"), SECRET, Algorithm::HS256)),
        ),
    ]
}

/// The header around the token.
fn schemes(parts: &Parts) -> Vec<(&'static str, Vec<u8>)> {
    let token = parts.token.as_str();
    let texts = [
        ("an empty header", String::new()),
        ("only the scheme", "Bearer".to_owned()),
        ("the scheme and a space", "Bearer ".to_owned()),
        ("no scheme", token.to_owned()),
        ("a space for a scheme", format!(" {token}")),
        ("Basic", format!("Basic {token}")),
        ("Token", format!("Token {token}")),
        ("a colon after the scheme", format!("Bearer: {token}")),
        ("no space after the scheme", format!("Bearer{token}")),
        ("a tab after the scheme", format!("Bearer\t{token}")),
        ("the scheme twice", format!("Bearer Bearer {token}")),
        ("a parameter", format!("Bearer token={token}")),
    ];
    let mut schemes: Vec<_> = texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    schemes.push(("letters beyond ASCII", format!("Bearer {token}é").into_bytes()));
    schemes.push(("bytes that are no text", [b"Bearer ", token.as_bytes(), &[0xFF, 0xFE]].concat()));
    schemes
}

#[tokio::test]
async fn every_manipulated_token_is_refused_alike_and_leaves_no_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let parts = Parts::of(&partner);
    let tokens = [algorithms(&parts), secrets(&parts, &partner), claims(&parts), damages(&parts)].concat();
    let mut authorizations: Vec<_> =
        tokens.into_iter().map(|(name, token)| (name, format!("Bearer {token}").into_bytes())).collect();
    authorizations.extend(schemes(&parts));

    let honest = Wire::BOTH.map(|wire| Attempt::honest(wire, &partner.sign(), &format!("{wire:?}")));
    let mut refusals = Vec::new();
    for attempt in &honest {
        let refused = |name, attempt| Refusal { name, attempt, status: 401, code: "UNAUTHENTICATED", hint: None };
        for (name, authorization) in &authorizations {
            refusals.push(refused(*name, attempt.with("authorization", authorization.clone())));
        }
        refusals.push(refused("no token", attempt.without("authorization")));
        refusals.push(refused("sent twice", attempt.clone().and("authorization", partner.authorization())));
        refusals.push(refused("sent twice, once wrong", attempt.clone().and("authorization", "Bearer x.y.z")));
    }
    assert_refused(&app, refusals, &honest).await;
}

#[tokio::test]
async fn a_token_of_another_client_does_not_send_this_clients_orders() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.partner_named("other-partner", SignaturePolicy::Documented).await;
    let parts = Parts::of(&partner);
    let honest = Attempt::honest(Wire::Rest, &partner.sign(), "CUST-001");
    let refusals =
        [("its own", other.token.clone()), ("forged with our secret", parts.claiming("sub", "other-partner"))].map(
            |(name, token)| Refusal {
                name,
                attempt: honest.with("authorization", format!("Bearer {token}")),
                status: 401,
                code: "CLIENT_ID_MISMATCH",
                hint: Some("client_id_mismatch"),
            },
        );
    assert_refused(&app, refusals.into(), &[honest]).await;
}

#[tokio::test]
async fn a_token_of_a_session_that_the_operator_ended_is_refused_and_one_of_a_new_session_is_not() {
    let app = TestApp::new().await;
    let ended = app.partner().await;
    app.clients.revoke_sessions(&ended.client_id.parse().unwrap()).await.unwrap();
    let renewed = Partner::log_in(&app, &ended.client_id, ended.secret.clone(), &PARTNER_KEY).await;
    let attempt = Attempt::honest(Wire::Rest, &ended.sign(), "CUST-001");
    let refusal = Refusal { name: "ended", attempt, status: 401, code: "UNAUTHENTICATED", hint: None };
    assert_refused(&app, vec![refusal], &[Attempt::honest(Wire::Rest, &renewed.sign(), "CUST-001")]).await;
}

#[tokio::test]
async fn a_token_is_accepted_up_to_every_edge_that_is_promised() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let parts = Parts::of(&partner);
    let mut without_kid = parts.header.clone();
    without_kid.as_object_mut().unwrap().remove("kid").unwrap();
    let token = &parts.token;
    for (name, authorization) in [
        ("lower-case scheme", format!("bearer {token}")),
        ("upper-case scheme", format!("BEARER {token}")),
        ("nbf 29 s ahead", format!("Bearer {}", parts.claiming("nbf", parts.now + 29))),
        ("nbf 30 s ahead", format!("Bearer {}", parts.claiming("nbf", parts.now + 30))),
        ("exp one second ahead", format!("Bearer {}", parts.claiming("exp", parts.now + 1))),
        ("no kid", format!("Bearer {}", forged(&without_kid, &parts.claims, SECRET))),
        ("a claim we do not know", format!("Bearer {}", parts.claiming("email", "x@example.com"))),
    ] {
        let attempt = Attempt::honest(Wire::Rest, &partner.sign(), name).with("authorization", authorization);
        let answer = attempt.send(&app).await;
        assert_eq!(answer.status.as_u16(), 201, "{name}: {}", answer.text);
    }
}
