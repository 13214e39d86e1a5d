//! The way on which people sign in to the dashboard: what their browsers keep, and the pages that say why it did not work.
//!
//! What belongs here: paths, cookies, pages. What does not: what a sign-in is and who is let in (`service::people`).

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::app::AppState;
use crate::auth::admission::Admission;
use crate::config::{Config, PublicUrl};
use crate::error::{AppError, ErrorCode};
use crate::service::People;
use crate::service::people::{Begun, Browser, Callback, Returned, SignInFailure, SignedIn};
use crate::wire::problem::Problem;
use crate::wire::query::Pairs;
use crate::wire::request::address;

/// The paths, where people sign in.
pub fn router(config: &Config) -> Router<AppState> {
    if !config.oidc.is_on() {
        return Router::new();
    }
    Router::new()
        .route("/dashboard/sign-in", get(sign_in))
        .route("/dashboard/callback", get(callback))
        .route("/dashboard/session", post(session))
        .route("/dashboard/sign-out", post(sign_out))
}

/// What browsers keep.
#[derive(Clone, Copy)]
enum Kept {
    /// Sign-ins under way, sealed.
    Attempts,
    /// The session.
    Session,
}

/// Longer than anything that we let a browser keep.
const LONGEST_KEPT: usize = 4_096;

impl Kept {
    /// The name. With the prefix that fits, browsers take it from nobody but us: not without TLS, and where we have the host for
    /// ourselves, not from a neighbour under the same domain either (RFC 6265bis §4.1.3).
    fn name(self, public_url: &PublicUrl) -> String {
        let name = match self {
            Self::Attempts => "sales-order-sign-in",
            Self::Session => "sales-order-session",
        };
        match (is_tls(public_url), public_url.prefix()) {
            (true, "") => format!("__Host-{name}"),
            (true, _) => format!("__Secure-{name}"),
            (false, _) => name.to_owned(),
        }
    }

    /// The text that has it kept, or forgotten.
    fn header(self, public_url: &PublicUrl, value: Option<&str>) -> String {
        let name = self.name(public_url);
        let path = match (is_tls(public_url), public_url.prefix()) {
            // What the prefix of the name asks for.
            (true, "") => "/".to_owned(),
            (_, prefix) => format!("{prefix}/dashboard"),
        };
        let secure = if is_tls(public_url) { "; Secure" } else { "" };
        // The provider's page leads here, and what is kept of a sign-in must come along; a session is for our own page alone.
        let (site, life) = match self {
            Self::Attempts => ("Lax", "; Max-Age=600"),
            Self::Session => ("Strict", ""),
        };
        let life = if value.is_none() { "; Max-Age=0" } else { life };
        let value = value.unwrap_or_default();
        format!("{name}={value}; Path={path}; HttpOnly; SameSite={site}{life}{secure}")
    }

    /// What a browser sends; nothing where it sends two of a name, for one of them is not ours.
    fn read<'h>(self, headers: &'h HeaderMap, public_url: &PublicUrl) -> Option<&'h str> {
        let name = self.name(public_url);
        let pairs =
            headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
        let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(sent, _)| *sent == name);
        let (_, value) = found.next()?;
        (found.next().is_none() && !value.is_empty() && value.len() <= LONGEST_KEPT).then_some(value)
    }
}

fn is_tls(public_url: &PublicUrl) -> bool {
    public_url.told().is_some_and(|url| url.starts_with("https://"))
}

fn people(state: &AppState) -> Result<&People, AppError> {
    state.people().ok_or_else(|| AppError::internal("nobody signs in here"))
}

/// `GET /dashboard/sign-in`: to the provider.
async fn sign_in(State(state): State<AppState>, pairs: Pairs, request: Parts) -> Response {
    let public_url = &state.config().http.public_url;
    let kept = Kept::Attempts.read(&request.headers, public_url);
    let begun = async {
        let pairs = pairs.0?;
        let return_to = pairs.iter().find(|(name, _)| name == "to").map(|(_, value)| value.as_str());
        people(&state)?.begin(address(&request.extensions), return_to, kept).await
    };
    match begun.await {
        Ok(Begun { url, kept }) => led_to(&url, &[Kept::Attempts.header(public_url, kept.as_deref())]),
        Err(failure) => page(&failure, public_url),
    }
}

/// `GET /dashboard/callback`: back from the provider.
async fn callback(State(state): State<AppState>, pairs: Pairs, request: Parts) -> Response {
    let public_url = &state.config().http.public_url;
    let kept = Kept::Attempts.read(&request.headers, public_url);
    let returned = async {
        let pairs = pairs.0?;
        // Two of a name: one of them is somebody else's.
        let one = |wanted: &str| {
            let mut found = pairs.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.clone());
            found.next().filter(|_| found.next().is_none())
        };
        let callback = Callback { state: one("state"), code: one("code"), error: one("error"), issuer: one("iss") };
        let user_agent =
            request.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let browser = Browser { address: address(&request.extensions), user_agent: user_agent.unwrap_or_default() };
        people(&state)?.finish(browser, callback, kept).await
    };
    let Returned { kept, outcome } = match returned.await {
        Ok(returned) => returned,
        Err(error) => return page(&error.into(), public_url),
    };
    let attempts = Kept::Attempts.header(public_url, kept.as_deref());
    match outcome {
        Ok(SignedIn { session, return_to }) => {
            let session = Kept::Session.header(public_url, Some(session.expose_secret()));
            led_to(&public_url.of(&return_to), &[attempts, session])
        }
        Err(failure) => with_cookies(page(&failure, public_url), &[attempts]),
    }
}

/// `POST /dashboard/session`: the next token of who is signed in; nothing where nobody is.
async fn session(State(state): State<AppState>, request: Parts) -> Result<Response, Problem> {
    let public_url = &state.config().http.public_url;
    ensure_our_page(&request.headers, public_url)?;
    let kept = Kept::Session.read(&request.headers, public_url);
    let admission = request.extensions.get::<Admission>().cloned().unwrap_or_default();
    let given = people(&state)?.token(kept, address(&request.extensions), &admission).await?;
    let Some((client_id, token)) = given else {
        let forgotten = Kept::Session.header(public_url, None);
        return Ok(with_cookies(StatusCode::NO_CONTENT.into_response(), kept.map(|_| forgotten).as_slice()));
    };
    let body = json!({
        "client_id": client_id.as_str(),
        "token": token.token.expose_secret(),
        "expired_at": token.expires_at,
    });
    Ok(Json(body).into_response())
}

/// `POST /dashboard/sign-out`: ends the session, and says where the browser can sign out at the provider.
async fn sign_out(State(state): State<AppState>, request: Parts) -> Result<Response, Problem> {
    let public_url = &state.config().http.public_url;
    ensure_our_page(&request.headers, public_url)?;
    let url = people(&state)?.sign_out(Kept::Session.read(&request.headers, public_url)).await?;
    Ok(with_cookies(Json(json!({"provider": url})).into_response(), &[Kept::Session.header(public_url, None)]))
}

/// What our page sends with each of its requests, and a form or a page of another origin cannot.
const OUR_PAGE: (HeaderName, &str) = (HeaderName::from_static("x-requested-by"), "dashboard");

/// Refuses what another page has a browser send.
fn ensure_our_page(headers: &HeaderMap, public_url: &PublicUrl) -> Result<(), AppError> {
    let all = |name: &HeaderName, expected: &str| headers.get_all(name).iter().all(|value| value == expected);
    let (name, value) = OUR_PAGE;
    let is_ours = headers.contains_key(&name)
        && all(&name, value)
        && all(&HeaderName::from_static("sec-fetch-site"), "same-origin")
        && all(&ORIGIN, public_url.origin().unwrap_or_default());
    if is_ours {
        return Ok(());
    }
    let message = "A session of a browser is for the dashboard at http.public_url alone; open the dashboard there";
    Err(AppError::new(ErrorCode::OriginRefused, message))
}

fn led_to(url: &str, cookies: &[String]) -> Response {
    let response = StatusCode::SEE_OTHER.into_response();
    let mut response = with_cookies(response, cookies);
    if let Ok(url) = HeaderValue::try_from(url) {
        response.headers_mut().insert(LOCATION, url);
    }
    response
}

fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::try_from(cookie).ok()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A page that says why somebody is not signed in. Nothing on it is anything but text.
fn page(failure: &SignInFailure, public_url: &PublicUrl) -> Response {
    let status = StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Not signed in · Sales Order API</title><main><h1>You are not signed in</h1><p>{}</p>\
         <p><a href=\"{again}\">Sign in again</a> or go to <a href=\"{home}\">the dashboard</a>.</p></main></html>",
        escaped(&failure.sentence()),
        again = public_url.of("/dashboard/sign-in"),
        home = public_url.of("/dashboard"),
    );
    let mut response = (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response();
    if let SignInFailure::Ours(error) = failure
        && let Some(seconds) = error.retry_after_seconds()
    {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// A text as HTML.
pub(super) fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
