//! The pages people open in a browser: the landing page, the documentation, the signature check, the dashboard, GraphiQL.
//!
//! What belongs here: which page is at which path, and what a browser may do on it. What does not: what is on a page
//! (`web/`), and how its files travel ([`assets`]).
//! To add a page: an entry in `web/vite.config.ts`, a route and a policy here, and a row in the README's table.

mod assets;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use sha2::{Digest as _, Sha256};

use super::health;
use super::people::escaped;
use crate::app::AppState;
use crate::config::Config;
use crate::wire::etag;

/// The paths of the pages. Without GraphiQL there is nothing at its path.
pub fn router(config: &Config, readiness: Extension<health::Readiness>) -> Router<AppState> {
    let router = Router::new()
        .route("/", get(landing).layer(readiness))
        .route("/docs", get(docs))
        .route("/docs/signature", get(signature))
        .route("/docs/try", get(trying))
        // One page; which screen a path below it means is the page's own affair.
        .route("/dashboard", get(dashboard))
        .route("/dashboard/{*screen}", get(dashboard))
        .route("/assets/{file}", get(assets::asset));
    if config.graphql.graphiql { router.route("/graphiql", get(graphiql)) } else { router }
}

async fn docs(State(state): State<AppState>, request: HeaderMap) -> Response {
    page(&state, "docs/index.html", DOCS, &request)
}

async fn signature(State(state): State<AppState>, request: HeaderMap) -> Response {
    page(&state, "docs/signature/index.html", SIGNATURE, &request)
}

async fn trying(State(state): State<AppState>, request: HeaderMap) -> Response {
    page(&state, "docs/try/index.html", TRY, &request)
}

async fn dashboard(State(state): State<AppState>, request: HeaderMap) -> Response {
    page(&state, "dashboard/index.html", DASHBOARD, &request)
}

async fn graphiql(State(state): State<AppState>, request: HeaderMap) -> Response {
    page(&state, "graphiql/index.html", GRAPHIQL, &request)
}

// No page runs a script that is written into it, asks another host for anything, or shows itself within another page.
// Two of them style what they draw from their scripts, which counts as style written into the page.

const LANDING: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                       frame-ancestors 'none'";

/// Redoc searches in a worker that it makes of a text of its own.
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                    connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
                    frame-ancestors 'none'";

const SIGNATURE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                         base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// It holds a private key in memory: what came with the page is all that may run, and this service all that it can reach.
const TRY: &str = SIGNATURE;

/// It holds a bearer token in the tab's storage: nothing may run or be styled here but what came with the page.
const DASHBOARD: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                         base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const GRAPHIQL: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                        font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
                        frame-ancestors 'none'";

/// What the dashboard writes where the provider's name belongs.
const LABEL: &str = "{{label}}";

const POLICY: HeaderName = CONTENT_SECURITY_POLICY;
const HTML: &str = "text/html; charset=utf-8";

/// A page. A browser keeps it, but asks each time whether it is still the same.
fn page(state: &AppState, file: &str, policy: &'static str, request: &HeaderMap) -> Response {
    let Some(page) = assets::text(file) else { return not_built() };
    let oidc = &state.config().oidc;
    let page = below(state, &keep(&page, "graphiql", state.config().graphql.graphiql));
    let page = keep(&page, "people", oidc.is_on()).replace(LABEL, &escaped(&oidc.label));
    let tag = etag::tag(&Sha256::digest(&page));
    let headers = [(POLICY, policy.to_owned()), (CACHE_CONTROL, "no-cache".to_owned()), (ETAG, tag.clone())];
    if etag::is_known(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(CONTENT_TYPE, HTML)], page).into_response()
}

/// The landing page says how the service is, and needs no script for it.
async fn landing(State(state): State<AppState>, Extension(readiness): Extension<health::Readiness>) -> Response {
    let Some(page) = assets::text("index.html") else { return not_built() };
    let page = below(&state, &page);
    let graphiql = state.config().graphql.graphiql;
    let is_ready = health::ready(State(state), Extension(readiness)).await.is_ok();
    let page = keep(&page, "graphiql", graphiql);
    let page = keep(&keep(&page, "ready", is_ready), "not-ready", !is_ready);
    ([(POLICY, LANDING), (CONTENT_TYPE, HTML), (CACHE_CONTROL, "no-store")], page).into_response()
}

/// The page with its links below the prefix of `http.public_url`. Its scripts look for theirs in the page (`data-root`).
fn below(state: &AppState, page: &str) -> String {
    let prefix = state.config().http.public_url.prefix();
    if prefix.is_empty() { page.to_owned() } else { page.replace("=\"/", &format!("=\"{prefix}/")) }
}

/// The page without the marks around a part, `<!-- name -->` and `<!-- /name -->`, and without the part unless it is
/// wanted.
fn keep(page: &str, name: &str, wanted: bool) -> String {
    let (start, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let mut kept = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once(&start) {
        let (part, after) = after.split_once(&end).unwrap_or((after, ""));
        kept.push_str(before);
        if wanted {
            kept.push_str(part);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// What is there instead of a page when the binary was compiled before the pages were.
fn not_built() -> Response {
    let page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sales Order API</title>\
                <h1>This page is not in this build</h1><p>The service runs, but it was compiled without its pages. \
                Run <code>make web</code>; a release is then compiled again with <code>make release</code>.</p>\
                <p>Without pages there are <a href=\"/api/v1/openapi.json\">the OpenAPI description</a> and \
                <a href=\"/schema.graphql\">the GraphQL schema</a>.</p></html>";
    let headers =
        [(POLICY, "default-src 'none'; frame-ancestors 'none'"), (CONTENT_TYPE, HTML), (CACHE_CONTROL, "no-store")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, page).into_response()
}

#[cfg(test)]
mod tests {
    use super::keep;

    #[test]
    fn a_part_that_is_not_wanted_goes_with_its_marks() {
        let page = "a<!-- x -->b<!-- /x -->c<!-- y -->d<!-- /y -->e<!-- x -->f<!-- /x -->";
        assert_eq!(keep(page, "x", false), "ac<!-- y -->d<!-- /y -->e");
        assert_eq!(keep(&keep(page, "x", true), "y", true), "abcdef");
    }
}
