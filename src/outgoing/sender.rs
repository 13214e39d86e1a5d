//! The client that sends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Proxy, Response, redirect, retry};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout_at};

use super::answer::{self, RetryAfter};
use super::failure::Route;
use super::resolver::{self, Lookup, Vetted};
use super::tls::Trust;
use super::{
    Outcome, OutgoingError, OutgoingSettings, Question, Reply, TargetFault, TargetRules, TargetUrl, Unanswered,
};
use crate::domain::webhook::AttemptOutcome;

/// The most that is read of a body.
const MAX_BODY: usize = 16 * 1_024;

/// Connections that are kept for the next request: of one receiver, and for how long.
const IDLE_CONNECTIONS: usize = 32;
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The header fields that an answer may have. Their bytes are bounded too, by the buffer of the client: 400 KiB.
const MAX_HEADERS: usize = 100;

/// The client for requests to addresses that others chose. One for a process; clones share its connections.
#[derive(Clone)]
pub struct Outgoing {
    http: Client,
    rules: Arc<TargetRules>,
    route: Route,
    timeout: Duration,
}

impl Outgoing {
    /// Makes the client.
    pub fn new(settings: &OutgoingSettings) -> Result<Self, OutgoingError> {
        Self::with_lookup(settings, resolver::system(name_limit(settings)))
    }

    /// The same with another way to find addresses.
    pub(super) fn with_lookup(settings: &OutgoingSettings, lookup: Lookup) -> Result<Self, OutgoingError> {
        let trust = Trust::with(&settings.extra_roots)?;
        let route = Route { is_proxied: settings.proxy.is_some(), trusts_nobody: trust.is_empty() };
        let rules = (!route.is_proxied).then(|| settings.rules.clone());
        let builder = Client::builder()
            .tls_backend_preconfigured(trust.client()?)
            .dns_resolver(Vetted::new(lookup, name_limit(settings), rules))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_max_headers(MAX_HEADERS)
            .user_agent(settings.user_agent.as_str())
            // Before a proxy is set: what the environment says does not count.
            .no_proxy();
        let builder = match &settings.proxy {
            Some(url) => builder.proxy(Proxy::all(url.expose_secret()).map_err(|_| OutgoingError::Proxy)?),
            None => builder,
        };
        let http = builder.build().map_err(|error| OutgoingError::Client(error.without_url().to_string()))?;
        Ok(Self { http, rules: Arc::new(settings.rules.clone()), route, timeout: settings.timeout })
    }

    /// Reads a URL by the rules in force.
    pub fn target(&self, url: &str) -> Result<TargetUrl, TargetFault> {
        TargetUrl::parse(url, &self.rules)
    }

    /// Asks for an answer that is of use only as a whole. Ends in time whatever the other side does.
    pub async fn ask(&self, question: Question<'_>) -> Result<Reply, Unanswered> {
        let deadline = Instant::now() + self.timeout;
        let url = self.target(question.url).map_err(|_| Unanswered::Failed(AttemptOutcome::ForbiddenTarget))?;
        let method = if question.is_post { Method::POST } else { Method::GET };
        let sent = self.send(method, &url, question.headers, question.body, deadline).await;
        let mut response = sent.map_err(Unanswered::Failed)?;
        let (body, end) = read_body(&mut response, deadline, question.longest).await;
        match end {
            End::Whole => {}
            End::Cut => return Err(Unanswered::TooLong),
            End::Broken => return Err(Unanswered::Failed(AttemptOutcome::Connection)),
        }
        let media = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Reply { status: response.status().as_u16(), media, body })
    }

    /// Sends a body, and tells what became of it. Ends in time whatever the receiver does, and never fails.
    pub async fn post(&self, url: &TargetUrl, headers: &[(&str, &str)], body: Vec<u8>) -> Outcome {
        let begin = Instant::now();
        match self.exchange(url, headers, body, begin + self.timeout).await {
            Ok((response, body)) => {
                let (status, headers) = (response.status().as_u16(), response.headers());
                Outcome {
                    class: self.route.class_of_status(url, status),
                    status: Some(status),
                    duration: begin.elapsed(),
                    excerpt: (status >= 400).then(|| answer::excerpt(headers, &body)).flatten(),
                    retry_after: (status >= 300).then(|| RetryAfter::of(headers)).flatten(),
                    location: (300..400).contains(&status).then(|| answer::location(headers)).flatten(),
                    body,
                }
            }
            Err(class) => Outcome::failed(class, begin.elapsed()),
        }
    }

    async fn exchange(
        &self,
        url: &TargetUrl,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        deadline: Instant,
    ) -> Result<(Response, Vec<u8>), AttemptOutcome> {
        let mut response = self.send(Method::POST, url, headers, body, deadline).await?;
        // What comes too late or not at all changes nothing: the status was the answer.
        let (body, _) = read_body(&mut response, deadline, MAX_BODY).await;
        Ok((response, body))
    }

    async fn send(
        &self,
        method: Method,
        url: &TargetUrl,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        deadline: Instant,
    ) -> Result<Response, AttemptOutcome> {
        // An address in the URL never gets to the resolver.
        url.check(&self.rules).map_err(|fault| {
            tracing::debug!(%fault, "a URL is no target any more");
            AttemptOutcome::ForbiddenTarget
        })?;
        let request = self.http.request(method, url.url().clone()).headers(read_headers(headers)?).body(body);
        match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                let class = self.route.class_of(&error);
                tracing::debug!(error = ?error.without_url(), class = class.as_str(), "a request is not answered");
                Err(class)
            }
            Err(_) => Err(AttemptOutcome::Timeout),
        }
    }
}

impl fmt::Debug for Outgoing {
    /// Without the client, which would show the login at a proxy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// How long a name may be looked up: part of what connecting may take, so that a resolver that does not answer is not taken
/// for a receiver that does not.
fn name_limit(settings: &OutgoingSettings) -> Duration {
    settings.connect_timeout.min(settings.timeout) * 3 / 5
}

fn read_headers(headers: &[(&str, &str)]) -> Result<HeaderMap, AttemptOutcome> {
    let read =
        |(name, value): &(&str, &str)| Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?));
    headers.iter().map(read).collect::<Option<_>>().ok_or_else(|| {
        tracing::error!("a header of a request is none");
        AttemptOutcome::Postponed
    })
}

/// How far a body was read.
enum End {
    Whole,
    Cut,
    Broken,
}

/// The begin of a body.
async fn read_body(response: &mut Response, deadline: Instant, longest: usize) -> (Vec<u8>, End) {
    let mut body = Vec::new();
    loop {
        let chunk = match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return (body, End::Whole),
            Ok(Err(_)) | Err(_) => return (body, End::Broken),
        };
        let room = longest - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            // The rest is not waited for, so the connection ends with the answer.
            return (body, End::Cut);
        }
    }
}
