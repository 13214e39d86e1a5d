//! What every request passes through: its id, its time limit, a net for panics, problem details, its log line.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use futures_util::FutureExt as _;
use ipnet::IpNet;
use uuid::Uuid;

use super::address::is_proxied;
use super::{compress, framing};
use crate::config::{Http, PublicUrl};
use crate::error::{AppError, ErrorCode};
use crate::service::RequestLog;
use crate::service::request_log::Answered;
use crate::telemetry::{self, QuotaState, RequestLine};
use crate::wire::encoding::is_taken_by;
use crate::wire::problem::{self, Problem};
use crate::wire::time_limit::limited;

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the envelope of each request is made of.
#[derive(Clone)]
pub struct Envelope(Arc<Inner>);

struct Inner {
    limit: Duration,
    public_url: PublicUrl,
    /// Whose word on the trace of a request counts.
    trusted_proxies: Vec<IpNet>,
    /// Where requests are logged for partners, once there is a database.
    log: Option<RequestLog>,
}

impl Envelope {
    /// As configured.
    pub fn new(http: &Http, log: Option<RequestLog>) -> Self {
        Self(Arc::new(Inner {
            limit: http.request_timeout,
            public_url: http.public_url.clone(),
            trusted_proxies: http.trusted_proxies.clone(),
            log,
        }))
    }
}

/// Wraps one request.
pub async fn wrap(State(Envelope(envelope)): State<Envelope>, request: Request, next: Next) -> Response {
    let limit = envelope.limit;
    let request_id = request_id(&request);
    let log = RequestLine::new(&request_id);
    let is_believed = is_proxied(request.extensions(), &envelope.trusted_proxies);
    log.trace(|name| request.headers().get(name).filter(|_| is_believed)?.to_str().ok().map(str::to_owned));
    let path = request.uri().path().to_owned();
    let (takes_gzip, misframed) = (is_taken_by(request.headers()), framing::check(&request).err());
    // The template, not the path: paths hold order numbers, and what strangers ask for has no end.
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let line = Line::new(log.clone(), method(&request), route).logged_in(envelope.log.as_ref(), path.starts_with(REST));
    let is_rest = path.starts_with(REST);
    if envelope.log.is_some() && (is_rest || request.headers().contains_key("x-signature")) {
        log.note_sent(|name| sent(request.headers(), name));
    }
    let scope = log.clone();
    scope
        .scope(async move {
            let is_misframed = misframed.is_some();
            let work = async {
                match misframed {
                    Some(error) => Problem(error).into_response(),
                    None => next.run(request).await,
                }
            };
            let response = match limited(limit, AssertUnwindSafe(work).catch_unwind()).await {
                Some(Ok(response)) => response,
                // What the panic said is in the log; the panic hook wrote it.
                Some(Err(_)) => Problem(AppError::internal("a handler panicked")).into_response(),
                None if log.is_receiving() => Problem(too_slow_a_body(limit)).into_response(),
                None => Problem(too_slow(limit)).into_response(),
            };
            let mut response = problem::render(response, &path, &envelope.public_url, &request_id);
            if is_misframed {
                // Where the next request begins may be another matter to whoever is in between.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            if let Ok(value) = HeaderValue::try_from(request_id) {
                response.headers_mut().insert(X_REQUEST_ID.clone(), value);
            }
            if let Some(quota) = log.quota() {
                tell_quota(response.headers_mut(), quota);
            }
            line.finish(response.status().as_u16());
            if takes_gzip { compress::answer(response) } else { response }
        })
        .await
}

/// Where the paths of REST begin.
const REST: &str = "/api/v1/";

/// A header field as the log of requests takes it: what is longer than this is no name, no key and no program.
fn sent(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.as_bytes();
    let text = match value.len() {
        0 => return None,
        1..=LONGEST_SENT => String::from_utf8_lossy(value).into_owned(),
        bytes => format!("<{bytes} characters>"),
    };
    Some(text)
}

/// In bytes.
const LONGEST_SENT: usize = 512;

/// Tells what is left (draft-ietf-httpapi-ratelimit-headers).
fn tell_quota(headers: &mut HeaderMap, quota: QuotaState) {
    let QuotaState { policy, quota, window, remaining, reset } = quota;
    for (name, value) in [
        ("ratelimit-policy", format!("\"{policy}\";q={quota};w={window}")),
        ("ratelimit", format!("\"{policy}\";r={remaining};t={reset}")),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

pub(super) fn too_slow(limit: Duration) -> AppError {
    let message = format!("The request took more than {} s and was given up; send it again", limit.as_secs_f64());
    AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1))
}

fn too_slow_a_body(limit: Duration) -> AppError {
    let message = format!("The body did not arrive within {} s; send the request again", limit.as_secs_f64());
    AppError::new(ErrorCode::RequestTimeout, message)
}

/// The caller's own id, so that both sides' logs can be laid side by side, unless it could forge a log line.
fn request_id(request: &Request) -> String {
    let sent = request.headers().get(&X_REQUEST_ID).and_then(|value| value.to_str().ok());
    match sent {
        Some(id) if (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) => id.to_owned(),
        // UUIDv7 (RFC 9562) begins with the time, so the index of the log of requests grows at its end.
        _ => Uuid::now_v7().simple().to_string(),
    }
}

/// Methods are the caller's text: only the known ones may become a label.
fn method(request: &Request) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
    KNOWN.into_iter().find(|known| request.method().as_str() == *known).unwrap_or("OTHER")
}

/// Writes the request's line when it goes, also when the caller hung up and the request with it (status 499).
pub(super) struct Line {
    /// Where it is logged for partners too, and whether it is in any case; what is signed is.
    kept_in: Option<(RequestLog, bool)>,
    log: RequestLine,
    method: &'static str,
    route: String,
    started: Instant,
    status: u16,
}

impl Line {
    pub(super) fn new(log: RequestLine, method: &'static str, route: String) -> Self {
        Self { kept_in: None, log, method, route, started: Instant::now(), status: 499 }
    }

    /// The same, for partners to read: every request to REST, and what is signed wherever it comes.
    pub(super) fn logged_in(mut self, log: Option<&RequestLog>, is_rest: bool) -> Self {
        self.kept_in = log.filter(|log| log.is_on()).map(|log| (log.clone(), is_rest));
        self
    }

    pub(super) fn finish(mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        self.log.write(self.method, &self.route, self.status, duration);
        telemetry::count_request(self.method, &self.route, self.status, duration);
        let Some((log, is_rest)) = self.kept_in.take() else { return };
        let fields = self.log.take();
        if is_rest || fields.exchange.is_signed {
            let answered = Answered {
                at: DateTime::UNIX_EPOCH,
                request_id: self.log.request_id(),
                method: self.method,
                route: std::mem::take(&mut self.route),
                status: self.status,
                duration,
                fields: Box::new(fields),
            };
            // The answer is made: what breaks now must not take it away. The panic hook tells of it.
            let _ = catch_unwind(AssertUnwindSafe(|| log.record(answered)));
        }
    }
}
