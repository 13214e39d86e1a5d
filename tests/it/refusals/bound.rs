//! Signatures that bind the body, of another request than the one they come with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::auth::string_to_sign::documented_string;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sha2::{Digest as _, Sha256};

use super::{Attempt, assert_refused, invalid_signature};
use crate::support::{TestApp, Wire};

#[tokio::test]
async fn every_signature_of_another_request_is_refused_where_the_body_is_bound() {
    let app = TestApp::new().await;
    let partner = app.partner_named("bound-partner", SignaturePolicy::BodyBound).await;
    let mut refusals = Vec::new();
    let mut honest = Vec::new();
    for wire in Wire::BOTH {
        let (body, path) = (wire.order(&format!("{wire:?}")).to_string(), wire.path());
        let signed = partner.sign_body(path, body.as_bytes());
        let attempt = Attempt::honest(wire, &signed, &format!("{wire:?}"));
        let (hash, timestamp) = (hex::encode(Sha256::digest(&body)), &signed.timestamp);
        let spaced = hex::encode(Sha256::digest(format!("{body}\n")));
        let altered = hex::encode(Sha256::digest(body.replace("\"quantity\":2", "\"quantity\":1")));
        let base64 = STANDARD.encode(Sha256::digest(&body));
        let empty = hex::encode(Sha256::digest(b""));
        refusals.extend(
            [
                ("the documented form", documented_string("bound-partner", timestamp), "signed_body_bound_expected"),
                ("another path", format!("POST:/api/v1/orders:{hash}:{timestamp}"), "signed_other_text"),
                ("a path with a slash behind", format!("POST:{path}/:{hash}:{timestamp}"), "signed_other_path"),
                ("a path with a host", format!("POST:http://localhost{path}:{hash}:{timestamp}"), "signed_other_text"),
                ("another method", format!("PUT:{path}:{hash}:{timestamp}"), "signed_other_text"),
                ("the method in lower case", format!("post:{path}:{hash}:{timestamp}"), "signed_other_path"),
                ("another body", format!("POST:{path}:{altered}:{timestamp}"), "signed_other_text"),
                ("a body with a line break behind", format!("POST:{path}:{spaced}:{timestamp}"), "signed_other_body"),
                ("an empty body", format!("POST:{path}:{empty}:{timestamp}"), "signed_empty_body"),
                (
                    "the hash in capitals",
                    format!("POST:{path}:{}:{timestamp}", hash.to_uppercase()),
                    "signed_other_hash_encoding",
                ),
                ("the hash in base64", format!("POST:{path}:{base64}:{timestamp}"), "signed_other_hash_encoding"),
                ("no hash", format!("POST:{path}:{timestamp}"), "signed_other_text"),
                ("other separators", format!("POST|{path}|{hash}|{timestamp}"), "signed_wrong_string_form"),
                ("another time", format!("POST:{path}:{hash}:1795441000"), "signed_other_timestamp"),
                ("a line break behind", format!("POST:{path}:{hash}:{timestamp}\n"), "signed_trailing_newline"),
            ]
            .map(|(name, text, hint)| {
                let forged = partner.sign_text(timestamp, &text).signature;
                invalid_signature(name, attempt.with("x-signature", forged), hint)
            }),
        );
        // The right signature of another request.
        let mut exchanged = attempt.clone();
        exchanged.body = wire.order("CUST-002").to_string();
        refusals.push(invalid_signature("a body exchanged on the way", exchanged, "signed_other_text"));
        honest.push(attempt);
    }
    assert_refused(&app, refusals, &honest).await;
}
