use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::auth::private_key::PrivateKey;
use sales_order_api::auth::string_to_sign::{body_bound_string, documented_string};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Answer, TestApp};

/// A client that logged in: a partner, or a dashboard.
pub struct Partner<'a> {
    pub app: &'a TestApp,
    pub client_id: String,
    pub secret: SecretString,
    pub token: String,
    pub key: &'static PrivateKey,
}

/// The headers of a signed request, to be sent as they are or tampered with.
#[derive(Debug, Clone)]
pub struct Signed {
    pub authorization: String,
    pub client_id: String,
    pub timestamp: String,
    pub signature: String,
}

/// The contract's sample order.
pub fn order() -> Value {
    json!({
        "customer_code": "CUST-001",
        "site_code": "SITE-001",
        "sales_name": "John Doe",
        "address": "Jl. Sudirman No. 1, Jakarta",
        "products": [
            {"product_code": "HD9650", "product_name": "Airfryer XXL", "quantity": 2, "unit": "PCS", "unit_price": "125000"},
            {"product_code": "HR2223", "quantity": 1, "unit_price": 0.5},
        ],
    })
}

impl Signed {
    pub fn headers(&self) -> [(&str, &str); 4] {
        [
            ("authorization", &self.authorization),
            ("x-client-id", &self.client_id),
            ("x-timestamp", &self.timestamp),
            ("x-signature", &self.signature),
        ]
    }
}

impl<'a> Partner<'a> {
    pub async fn log_in(app: &'a TestApp, client_id: &str, secret: SecretString, key: &'static PrivateKey) -> Self {
        let token = Self::token(app, client_id, &secret).await;
        Self { app, client_id: client_id.to_owned(), secret, token, key }
    }

    /// The same client with a new session.
    pub async fn log_in_again(&self) -> Self {
        Self::log_in(self.app, &self.client_id, self.secret.clone(), self.key).await
    }

    async fn token(app: &TestApp, client_id: &str, secret: &SecretString) -> String {
        let credentials = json!({"client_id": client_id, "client_secret": secret.expose_secret()});
        let answer = app.post("/api/v1/auth/login", &credentials).await.expect(200);
        answer["token"].as_str().unwrap().to_owned()
    }

    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Signs the published form, now.
    pub fn sign(&self) -> Signed {
        let timestamp = self.app.clock.now().timestamp().to_string();
        self.sign_text(&timestamp, &documented_string(&self.client_id, &timestamp))
    }

    /// Signs the form that binds the body, now.
    pub fn sign_body(&self, path: &str, body: &[u8]) -> Signed {
        self.sign_request("POST", path, body)
    }

    /// The same for another method.
    pub fn sign_request(&self, method: &str, path: &str, body: &[u8]) -> Signed {
        let timestamp = self.app.clock.now().timestamp().to_string();
        let text = body_bound_string(method, path, &Sha256::digest(body).into(), &timestamp);
        self.sign_text(&timestamp, &text)
    }

    /// Signs any text.
    pub fn sign_text(&self, timestamp: &str, text: &str) -> Signed {
        Signed {
            authorization: self.authorization(),
            client_id: self.client_id.clone(),
            timestamp: timestamp.to_owned(),
            signature: STANDARD.encode(self.key.sign(text.as_bytes()).unwrap()),
        }
    }

    /// Sends an order over REST, freshly signed.
    pub async fn create(&self, order: &Value) -> Answer {
        self.send_order(&self.sign(), order).await
    }

    /// Sends an order over REST, freshly signed, under the partner's own key.
    pub async fn create_with_key(&self, key: &str, order: &Value) -> Answer {
        let signed = self.sign();
        let headers = [&signed.headers()[..], &[("idempotency-key", key)]].concat();
        self.app.post_text("/api/v1/sales-orders", &headers, order.to_string()).await
    }

    /// Has an order validated over REST, freshly signed, under the partner's own key.
    pub async fn validate_with_key(&self, key: &str, order: &Value) -> Answer {
        let signed = self.sign();
        let headers = [&signed.headers()[..], &[("idempotency-key", key)]].concat();
        self.app.post_text("/api/v1/sales-orders/validation", &headers, order.to_string()).await
    }

    /// Sends an order over REST with these headers.
    pub async fn send_order(&self, signed: &Signed, order: &Value) -> Answer {
        self.app.post_text("/api/v1/sales-orders", &signed.headers(), order.to_string()).await
    }

    /// Runs a GraphQL document with the bearer token alone, from an address.
    pub async fn graphql_from(&self, address: &str, query: &str, variables: Value) -> Answer {
        let body = json!({"query": query, "variables": variables});
        self.app.post_from(address, "/graphql", &[("authorization", &self.authorization())], &body).await
    }

    /// Reads a path with the bearer token alone.
    pub async fn get(&self, path: &str) -> Answer {
        let request = axum::http::Request::get(path).header("authorization", self.authorization());
        self.app.send(request.body(axum::body::Body::empty()).unwrap()).await
    }

    /// Runs a GraphQL document with the bearer token alone.
    pub async fn graphql(&self, query: &str, variables: Value) -> Answer {
        let body = json!({"query": query, "variables": variables}).to_string();
        self.app.post_text("/graphql", &[("authorization", &self.authorization())], body).await
    }

    /// Runs a GraphQL document, freshly signed.
    pub async fn signed_graphql(&self, query: &str, variables: Value) -> Answer {
        let body = json!({"query": query, "variables": variables}).to_string();
        self.app.post_text("/graphql", &self.sign().headers(), body).await
    }
}
