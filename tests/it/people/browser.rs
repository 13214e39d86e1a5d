use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request};
use sales_order_api::http::Peer;
use serde_json::Value;
use tower::ServiceExt as _;

use super::provider::{Identity, Provider};
use crate::support::{Answer, TestApp};

/// What a browser is to the service: what it keeps, and what it says of itself.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    /// The last header fields that had something kept.
    pub set: Vec<String>,
}

/// A sign-in that a browser has begun: what stands in the address at the provider.
#[derive(Debug, Clone)]
pub struct Begun {
    pub url: url::Url,
}

impl Begun {
    pub fn parameter(&self, name: &str) -> String {
        self.url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned()
    }
}

impl Browser {
    pub fn of(app: &TestApp) -> Self {
        Self::at(&app.router)
    }

    /// At this instance.
    pub fn at(router: &Router) -> Self {
        Self { router: router.clone(), cookies: BTreeMap::new(), set: Vec::new() }
    }

    /// The same browser at another instance.
    pub fn move_to(&mut self, router: &Router) {
        self.router = router.clone();
    }

    /// Asks with all that the browser keeps.
    pub async fn ask(&mut self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request: Builder =
            Request::builder().method(method).uri(path).header("user-agent", "A browser of a test");
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(SocketAddr::from(([203, 0, 113, 7], 40_000))));
        let answer = Answer::read(self.router.clone().oneshot(request).await.unwrap()).await;
        self.set = answer.headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap().to_owned()).collect();
        for set in &self.set {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if set.contains("; Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[]).await
    }

    /// Begins a sign-in.
    pub async fn begin(&mut self, return_to: Option<&str>) -> Begun {
        let query = return_to.map(|to| {
            format!("?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish())
        });
        let answer = self.get(&format!("/dashboard/sign-in{}", query.unwrap_or_default())).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        Begun { url: answer.header("location").unwrap().parse().unwrap() }
    }

    /// Comes back from the provider with a code.
    pub async fn come_back(&mut self, begun: &Begun, code: &str) -> Answer {
        self.get(&format!("/dashboard/callback?code={code}&state={}", begun.parameter("state"))).await
    }

    /// Signs in as somebody.
    pub async fn sign_in(&mut self, provider: &Provider, identity: &Identity, return_to: Option<&str>) -> Answer {
        let begun = self.begin(return_to).await;
        let code = provider.grant(&begun, identity);
        self.come_back(&begun, &code).await
    }

    /// What the dashboard asks for the next token.
    pub async fn session(&mut self) -> Answer {
        self.ask(Method::POST, "/dashboard/session", &OUR_PAGE).await
    }

    pub async fn sign_out(&mut self) -> Answer {
        self.ask(Method::POST, "/dashboard/sign-out", &OUR_PAGE).await
    }
}

/// What our own page sends.
pub const OUR_PAGE: [(&str, &str); 3] =
    [("x-requested-by", "dashboard"), ("sec-fetch-site", "same-origin"), ("origin", super::PUBLIC_URL)];

impl Answer {
    /// The body of a problem with this status and code.
    #[track_caller]
    pub fn expect_refusal(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }

    /// Nobody is signed in.
    #[track_caller]
    pub fn expect_nothing(&self) {
        assert_eq!((self.status.as_u16(), self.text.as_str()), (204, ""));
    }
}
