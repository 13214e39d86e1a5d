use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sales_order_api::auth::private_key::PrivateKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::AbortHandle;

use super::browser::Begun;
use crate::support::{TestClock, key_of};

pub const CLIENT_ID: &str = "sales-orders";
pub const CLIENT_SECRET: &str = "the secret of this service at the provider";

/// Who the provider says somebody is.
#[derive(Debug, Clone)]
pub struct Identity {
    claims: Value,
}

impl Identity {
    pub fn new(subject: &str, user_name: &str, name: &str, groups: &[&str]) -> Self {
        Self { claims: json!({"sub": subject, "preferred_username": user_name, "name": name, "groups": groups}) }
    }
}

/// What a provider of a test does wrong.
type Change = Box<dyn FnMut(&mut Value) + Send>;

/// A provider of identities that does what a test tells it.
pub struct Provider {
    pub issuer: String,
    inner: Arc<Mutex<Inner>>,
    serving: AbortHandle,
}

struct Inner {
    issuer: String,
    codes: HashMap<String, Granted>,
    /// How often each path was asked for.
    asked: HashMap<&'static str, usize>,
    claims: Change,
    header: Change,
    metadata: Change,
    /// What it answers for a token instead.
    token: Option<(StatusCode, String)>,
    /// The keys that it publishes, and the one that it signs with.
    published: Vec<&'static str>,
    signs_with: &'static str,
}

struct Granted {
    nonce: String,
    challenge: String,
    claims: Value,
}

impl Provider {
    pub async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner {
            issuer: issuer.clone(),
            codes: HashMap::new(),
            asked: HashMap::new(),
            claims: Box::new(|_| {}),
            header: Box::new(|_| {}),
            metadata: Box::new(|_| {}),
            token: None,
            published: vec!["first"],
            signs_with: "first",
        };
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { issuer, inner, serving }
    }

    /// Lets somebody in who came with a sign-in; gives the code.
    pub fn grant(&self, begun: &Begun, identity: &Identity) -> String {
        assert_eq!(begun.parameter("code_challenge_method"), "S256");
        assert_eq!(begun.parameter("response_type"), "code");
        assert_eq!(begun.parameter("client_id"), CLIENT_ID);
        let mut inner = self.inner.lock().unwrap();
        let code = format!("code-{}", inner.codes.len());
        let granted = Granted {
            nonce: begun.parameter("nonce"),
            challenge: begun.parameter("code_challenge"),
            claims: identity.claims.clone(),
        };
        inner.codes.insert(code.clone(), granted);
        code
    }

    /// Changes the claims of each ID token.
    pub fn change_claims(&self, change: impl FnMut(&mut Value) + Send + 'static) {
        self.inner.lock().unwrap().claims = Box::new(change);
    }

    /// Changes the header of each ID token.
    pub fn change_header(&self, change: impl FnMut(&mut Value) + Send + 'static) {
        self.inner.lock().unwrap().header = Box::new(change);
    }

    /// Changes what it says of itself.
    pub fn change_metadata(&self, change: impl FnMut(&mut Value) + Send + 'static) {
        self.inner.lock().unwrap().metadata = Box::new(change);
    }

    /// Answers so to everybody who brings a code.
    pub fn answer(&self, status: StatusCode, text: impl Into<String>) {
        self.inner.lock().unwrap().token = Some((status, text.into()));
    }

    /// Signs with another key, and publishes these.
    pub fn sign_with(&self, key: &'static str, published: &[&'static str]) {
        let mut inner = self.inner.lock().unwrap();
        (inner.signs_with, inner.published) = (key, published.to_vec());
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.inner.lock().unwrap().asked.get(path).copied().unwrap_or_default()
    }

    /// It is away from now on.
    pub fn stop(&self) {
        self.serving.abort();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Shared = State<Arc<Mutex<Inner>>>;

async fn metadata(State(inner): Shared) -> Json<Value> {
    let mut inner = inner.lock().unwrap();
    *inner.asked.entry("metadata").or_default() += 1;
    let issuer = &inner.issuer;
    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/sign-out"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256"],
        "service_documentation": "https://id.example.com",
        "some_number": 12,
    });
    (inner.metadata)(&mut metadata);
    Json(metadata)
}

async fn keys(State(inner): Shared) -> Json<Value> {
    let mut inner = inner.lock().unwrap();
    *inner.asked.entry("jwks").or_default() += 1;
    Json(json!({"keys": inner.published.iter().map(|name| jwk(name)).collect::<Vec<_>>()}))
}

async fn token(State(inner): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let mut inner = inner.lock().unwrap();
    *inner.asked.entry("token").or_default() += 1;
    if let Some((status, text)) = &inner.token {
        return (*status, [("content-type", "application/json")], text.clone()).into_response();
    }
    // RFC 6749 §2.3.1: both parts are encoded as in a form.
    let secret: String = url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
    let login = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{secret}")));
    assert_eq!(headers["authorization"], login);
    let refused = || (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    let Some(granted) = inner.codes.remove(&form["code"]) else { return refused() };
    if URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])) != granted.challenge {
        return refused();
    }
    let now = TestClock::new().now().timestamp();
    let mut claims = json!({
        "iss": inner.issuer,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 300,
        "auth_time": now,
        "nonce": granted.nonce,
        "updated_at": 1_311_280_970,
    });
    claims.as_object_mut().unwrap().extend(granted.claims.as_object().unwrap().clone());
    (inner.claims)(&mut claims);
    let mut header = json!({"alg": "RS256", "typ": "JWT", "kid": inner.signs_with});
    (inner.header)(&mut header);
    let text = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = if header["alg"] == "none" {
        String::new()
    } else {
        URL_SAFE_NO_PAD.encode(key(inner.signs_with).sign(text.as_bytes()).unwrap())
    };
    Json(json!({
        "access_token": "an access token that nobody needs",
        "token_type": "Bearer",
        "expires_in": 300,
        "refresh_token": "a refresh token that nobody keeps",
        "id_token": format!("{text}.{signature}"),
    }))
    .into_response()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn key(name: &str) -> &'static PrivateKey {
    key_of(&format!("provider-{name}"))
}

/// A public key of 2048 bits as a JSON Web Key. In its SubjectPublicKeyInfo the modulus is what comes before the exponent.
fn jwk(name: &str) -> Value {
    let pem = key(name).public_key().to_pem();
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(base64).unwrap();
    let (rest, exponent) = der.split_at(der.len() - 3);
    let modulus = &rest[rest.len() - 2 - 256..rest.len() - 2];
    json!({
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": name,
        "n": URL_SAFE_NO_PAD.encode(modulus),
        "e": URL_SAFE_NO_PAD.encode(exponent),
    })
}
