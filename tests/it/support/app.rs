use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use futures_util::future::join_all;
use sales_order_api::app::{self, AppState};
use sales_order_api::config::{self, Config, Overrides};
use sales_order_api::domain::expectation_policy::ExpectationPolicy;
use sales_order_api::domain::numbers::Numbers;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::http::{self, Peer, ServerOptions};
use sales_order_api::service::Clients;
use sales_order_api::service::clients::ClientToCreate;
use sales_order_api::store::Store;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::described::ensure_described;
use super::{Answer, Database, PARTNER_KEY, PATIENCE, Partner, TestClock, key_of};

/// The service on a database of its own, with a clock that stands still, called without a network.
pub struct TestApp {
    pub database: Database,
    pub store: Store,
    pub clock: TestClock,
    pub clients: Clients,
    pub router: Router,
    /// What its handlers share.
    pub state: AppState,
    /// How it treats connections, once it listens.
    pub server: ServerOptions,
}

/// The secret that signs tokens in tests.
pub const JWT_SECRET: &str = "a test's own secret of more than 32 bytes";

/// The key that keeps secrets of webhooks in tests.
const WEBHOOK_KEY: &str = "another secret of a test, of more than 32 bytes";

impl TestApp {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration than the default one.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let database = Database::new().await;
        let store = database.connect().await;
        Self::on(database, store, change)
    }

    /// The same with a clock that runs, for what is told the time by others too.
    pub async fn running(change: impl FnOnce(&mut Config)) -> Self {
        let database = Database::new().await;
        let store = database.connect().await;
        Self::at(database, store, TestClock::running(), change)
    }

    /// One that gives orders such numbers.
    pub async fn numbering(numbers: Numbers) -> Self {
        let database = Database::new().await;
        let store = database.connect_numbering(numbers).await;
        Self::on(database, store, |_| {})
    }

    /// On a database that is open already.
    pub fn on(database: Database, store: Store, change: impl FnOnce(&mut Config)) -> Self {
        Self::at(database, store, TestClock::new(), change)
    }

    fn at(database: Database, store: Store, clock: TestClock, change: impl FnOnce(&mut Config)) -> Self {
        let mut server = None;
        let state = Self::state_in(&store, &clock, &[], |config| {
            change(config);
            server = Some(ServerOptions::new(&config.http, usize::MAX));
        });
        let (router, clients) = (http::router(state.clone()), app::clients(&store, &clock.clock()));
        Self { database, store, clock, clients, router, state, server: server.unwrap() }
    }

    /// How a service treats connections by default.
    pub fn default_server() -> ServerOptions {
        let environment = [("SALES_ORDER_AUTH__JWT_SECRET".to_owned(), JWT_SECRET.to_owned())];
        let config = config::load_from(&[], environment, &Overrides::default()).unwrap().config;
        ServerOptions::new(&config.http, usize::MAX)
    }

    /// A further instance on the same database.
    pub fn router_on(store: &Store, clock: &TestClock, change: impl FnOnce(&mut Config)) -> Router {
        Self::router_in(store, clock, &[], change)
    }

    /// A further instance on the same database, started in an environment that holds these pairs too.
    pub fn router_in(
        store: &Store,
        clock: &TestClock,
        pairs: &[(&str, &str)],
        change: impl FnOnce(&mut Config),
    ) -> Router {
        http::router(Self::state_in(store, clock, pairs, change))
    }

    /// What the handlers of such an instance share.
    pub fn state_in(
        store: &Store,
        clock: &TestClock,
        pairs: &[(&str, &str)],
        change: impl FnOnce(&mut Config),
    ) -> AppState {
        let mut environment = BTreeMap::from([
            ("SALES_ORDER_AUTH__JWT_SECRET".to_owned(), JWT_SECRET.to_owned()),
            ("SALES_ORDER_WEBHOOKS__SECRET_KEYS".to_owned(), format!("[\"{WEBHOOK_KEY}\"]")),
        ]);
        environment.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut config = config::load_from(&[], environment, &Overrides::default()).unwrap().config;
        // What a test changes past the service is in force at once, and tests log in more often than anybody.
        config.auth.client_cache_ttl = Duration::ZERO;
        config.rate_limit.enabled = false;
        // A test's clock stands still, the database's does not.
        config.database.max_clock_skew = Duration::ZERO;
        // A busy machine is no outage.
        config.http.ready_timeout = PATIENCE;
        config.http.request_timeout = PATIENCE;
        change(&mut config);
        AppState::build(config, store.clone(), &clock.clock()).unwrap()
    }

    /// A partner with a key, logged in.
    pub async fn partner(&self) -> Partner<'_> {
        self.partner_named("versuni-client-001", SignaturePolicy::Documented).await
    }

    pub async fn partner_named(&self, client_id: &str, policy: SignaturePolicy) -> Partner<'_> {
        let key = key_of(client_id);
        let secret = self.client(client_id, &[Permission::OrdersCreate], policy, vec![key.public_key().to_pem()]).await;
        Partner::log_in(self, client_id, secret, key).await
    }

    /// A dashboard that reads every client's orders, logged in.
    pub async fn dashboard(&self) -> Partner<'_> {
        let secret =
            self.client("dashboard-001", &[Permission::OrdersRead], SignaturePolicy::Documented, Vec::new()).await;
        Partner::log_in(self, "dashboard-001", secret, &PARTNER_KEY).await
    }

    /// An operator's tool that moves orders, logged in.
    pub async fn operator(&self) -> Partner<'_> {
        let secret = self.client("erp-001", &[Permission::OrdersManage], SignaturePolicy::Documented, Vec::new()).await;
        Partner::log_in(self, "erp-001", secret, &PARTNER_KEY).await
    }

    /// A client as the operator creates it; gives its secret.
    pub async fn client(
        &self,
        client_id: &str,
        permissions: &[Permission],
        signature_policy: SignaturePolicy,
        public_keys: Vec<String>,
    ) -> SecretString {
        let new = ClientToCreate {
            client_id: client_id.parse().unwrap(),
            name: format!("The client {client_id}"),
            permissions: permissions.to_vec(),
            signature_policy,
            reference_policy: ReferencePolicy::default(),
            expectation_policy: ExpectationPolicy::default(),
            public_keys,
            secret: None,
        };
        self.clients.create_client(new).await.unwrap()
    }

    /// Lets the service listen on a free port; gives its base address. It goes on until the test ends.
    pub async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        self.listen_at(listener);
        base
    }

    /// Lets it listen there.
    pub fn listen_at(&self, listener: tokio::net::TcpListener) {
        tokio::spawn(http::serve(listener, self.router.clone(), self.server.clone(), pending(), pending()));
    }

    /// Sends any request.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = Answer::read(self.router.clone().oneshot(request).await.unwrap()).await;
        ensure_described(&method, &path, &answer);
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts JSON without any credentials.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &[], body.to_string()).await
    }

    /// Posts a text as JSON, with headers.
    pub async fn post_text(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.send(Self::post_request(path, headers, body)).await
    }

    /// What [`TestApp::post_text`] sends.
    pub fn post_request(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.into()).unwrap()
    }

    /// Posts JSON from an address, with headers.
    pub async fn post_from(&self, address: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        Self::post_at(&self.router, address, path, headers, body).await
    }

    /// The same at another instance.
    pub async fn post_at(router: &Router, address: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut request = Self::post_request(path, headers, body.to_string());
        request.extensions_mut().insert(Peer(SocketAddr::new(address.parse().unwrap(), 40_000)));
        Answer::read(router.clone().oneshot(request).await.unwrap()).await
    }

    /// Opens a stream of server-sent events and reads it to its end.
    pub async fn subscribe(&self, authorization: Option<String>, query: &str, variables: Value) -> Answer {
        let body = json!({"query": query, "variables": variables}).to_string();
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(authorization.as_deref().map(|token| ("authorization", token)));
        self.post_text("/graphql", &headers, body).await
    }

    /// Sends requests side by side, each in a task of its own; gives the answers in the requests' order.
    pub async fn send_at_once(&self, requests: impl IntoIterator<Item = Request<Body>>) -> Vec<Answer> {
        let tasks = requests.into_iter().map(|request| {
            let router = self.router.clone();
            tokio::spawn(async move { Answer::read(router.oneshot(request).await.unwrap()).await })
        });
        join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
    }

    /// Runs a GraphQL document without any credentials.
    pub async fn graphql(&self, query: &str, variables: Value) -> Answer {
        self.post("/graphql", &json!({"query": query, "variables": variables})).await
    }
}
