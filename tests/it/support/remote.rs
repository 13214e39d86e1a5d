use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use sales_order_api::app;
use sales_order_api::auth::string_to_sign::{body_bound_string, documented_string};
use sales_order_api::clock::Clock;
use sales_order_api::domain::expectation_policy::ExpectationPolicy;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::service::clients::ClientToCreate;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Answer, Database, PATIENCE, Signed, key_of};

/// A client for plain HTTP. It believes no authority, for to read those of the system takes longer than many a test.
pub fn plain_http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}

/// A partner of a running service, over real HTTP and by the real clock.
#[derive(Clone)]
pub struct Remote {
    http: reqwest::Client,
    /// Which instance it talks to.
    pub base: String,
    pub client_id: String,
    pub token: String,
}

impl Remote {
    /// Makes the partner in the database; gives its secret.
    pub async fn register(database: &Database, client_id: &str) -> SecretString {
        Self::register_with(database, client_id, vec![Permission::OrdersCreate]).await
    }

    /// Makes a client with these scopes in the database; gives its secret.
    pub async fn register_with(database: &Database, client_id: &str, permissions: Vec<Permission>) -> SecretString {
        let store = database.connect().await;
        let new = ClientToCreate {
            client_id: client_id.parse().unwrap(),
            name: "A partner".to_owned(),
            permissions,
            signature_policy: SignaturePolicy::default(),
            reference_policy: ReferencePolicy::default(),
            expectation_policy: ExpectationPolicy::default(),
            public_keys: vec![key_of(client_id).public_key().to_pem()],
            secret: None,
        };
        let secret = app::clients(&store, &Clock::system()).create_client(new).await.unwrap();
        store.close().await;
        secret
    }

    /// Without a token.
    pub fn at_door(base: &str, client_id: &str) -> Self {
        let http = plain_http().timeout(PATIENCE).build().unwrap();
        Self { http, base: base.to_owned(), client_id: client_id.to_owned(), token: String::new() }
    }

    pub async fn log_in(base: &str, client_id: &str, secret: &SecretString) -> Self {
        let mut partner = Self::at_door(base, client_id);
        let credentials = json!({"client_id": client_id, "client_secret": secret.expose_secret()});
        let answer = partner.post("/api/v1/auth/login", &[], &credentials).await.unwrap().expect(200);
        answer["token"].as_str().unwrap().clone_into(&mut partner.token);
        partner
    }

    /// The same session at another instance.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Signs the published form, now.
    pub fn sign(&self) -> Signed {
        self.sign_text(|timestamp| documented_string(&self.client_id, timestamp))
    }

    /// Signs the form that binds the body, now.
    pub fn sign_body(&self, path: &str, body: &[u8]) -> Signed {
        self.sign_text(|timestamp| body_bound_string("POST", path, &Sha256::digest(body).into(), timestamp))
    }

    fn sign_text(&self, text: impl FnOnce(&str) -> String) -> Signed {
        let timestamp = Clock::system().now().timestamp().to_string();
        let text = text(&timestamp);
        Signed {
            authorization: format!("Bearer {}", self.token),
            client_id: self.client_id.clone(),
            signature: STANDARD.encode(key_of(&self.client_id).sign(text.as_bytes()).unwrap()),
            timestamp,
        }
    }

    /// Sends an order; fails when no whole answer comes back.
    pub async fn create(&self, signed: &Signed, key: Option<&str>, order: &Value) -> reqwest::Result<Answer> {
        let mut headers = signed.headers().to_vec();
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.post("/api/v1/sales-orders", &headers, order).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> reqwest::Result<Answer> {
        let mut request = self.http.post(format!("{}{path}", self.base)).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::read(request).await
    }

    /// Reads a path with the bearer token.
    pub async fn get(&self, path: &str) -> Answer {
        Self::read(self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token)).await.unwrap()
    }

    /// Sends any request with the bearer token; fails when no whole answer comes back.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        Self::read(request).await
    }

    async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }
}
