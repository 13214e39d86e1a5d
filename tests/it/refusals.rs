//! Forged, damaged, stale and re-targeted requests: each is refused for its own reason, and none leaves an order.

mod bound;
mod forge;
mod signatures;
mod tokens;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderValue, Request};

use crate::support::{Answer, Signed, TestApp, Wire};

/// A request about to be tampered with. Header values are bytes, for not all of an attacker's are text.
#[derive(Clone)]
struct Attempt {
    wire: Wire,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: String,
}

/// An attempt and the refusal it must meet.
struct Refusal {
    name: &'static str,
    attempt: Attempt,
    status: u16,
    code: &'static str,
    hint: Option<&'static str>,
}

impl Attempt {
    /// What a partner sends that means no harm.
    fn honest(wire: Wire, signed: &Signed, customer_code: &str) -> Self {
        let headers = vec![
            ("authorization", signed.authorization.clone().into()),
            ("x-client-id", signed.client_id.clone().into()),
            ("x-timestamp", signed.timestamp.clone().into()),
            ("x-signature", signed.signature.clone().into()),
        ];
        Self { wire, headers, body: wire.order(customer_code).to_string() }
    }

    /// With a header in place of the one it had.
    fn with(&self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.without(name).and(name, value)
    }

    /// With one more header.
    fn and(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn without(&self, name: &str) -> Self {
        let mut attempt = self.clone();
        attempt.headers.retain(|(header, _)| *header != name);
        attempt
    }

    async fn send(&self, app: &TestApp) -> Answer {
        let mut request = Request::post(self.wire.path()).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        app.send(request.body(Body::from(self.body.clone())).unwrap()).await
    }
}

fn invalid_signature(name: &'static str, attempt: Attempt, hint: &'static str) -> Refusal {
    Refusal { name, attempt, status: 401, code: "INVALID_SIGNATURE", hint: Some(hint) }
}

/// Sends every attempt and sees it refused, then the honest ones, without which the refusals would prove nothing.
async fn assert_refused(app: &TestApp, refusals: Vec<Refusal>, honest: &[Attempt]) {
    let mut names = BTreeSet::new();
    for refusal in refusals {
        let Refusal { name, attempt, status, code, hint } = refusal;
        let wire = attempt.wire;
        assert!(names.insert((name, wire == Wire::Rest)), "{name} is there twice");
        let answer = attempt.send(app).await;
        let shown: String = answer.text.chars().take(1000).collect();
        assert!(shown.contains(&format!("\"{code}\"")), "{name} over {wire:?}: expected {code}, got {shown}");
        let told = wire.expect_refused(&answer, status, code);
        assert_eq!(told.get("hint").and_then(|hint| hint.as_str()), hint, "{name} over {wire:?}: {shown}");
        if status == 401 && wire == Wire::Rest {
            assert!(answer.header("www-authenticate").is_some(), "{name}: no challenge");
        }
        let orders = app.database.db_number("SELECT COUNT(*) FROM sales_orders").await;
        assert_eq!(orders, 0, "{name} over {wire:?} left an order");
    }
    for attempt in honest {
        attempt.wire.expect_created(&attempt.send(app).await);
    }
}
