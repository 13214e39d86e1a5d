//! Other spellings of our paths: below the prefix of `http.public_url`, which a proxy may leave on or take off, and with a
//! slash at the end. Whatever is behind this reads one spelling; what a caller signed may be any of them.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Uri};
use axum::response::Response;
use futures_util::stream;
use tower::ServiceExt as _;
use tower::util::service_fn;

use crate::config::PublicUrl;
use crate::wire::request::OtherPaths;

/// Leads requests to the routes by our own spelling of their paths.
pub fn lead(routes: Router, public_url: &PublicUrl) -> Router {
    let prefix: Arc<str> = public_url.prefix().into();
    Router::new().fallback_service(service_fn(move |request: Request| {
        let is_head = request.method() == Method::HEAD;
        let answering = routes.clone().oneshot(respell(request, &prefix));
        async move {
            let answer = answering.await;
            if is_head { answer.map(of_unknown_length) } else { answer }
        }
    }))
}

/// The routes took the body of the answer to HEAD away, and the router around them must not take nothing for its length.
fn of_unknown_length(response: Response) -> Response {
    if response.headers().contains_key(CONTENT_LENGTH) {
        return response;
    }
    response.map(|_| Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()))
}

fn respell(mut request: Request, prefix: &str) -> Request {
    let sent = request.uri().path();
    let below = below(sent, prefix);
    let own = without_slash(below);
    if own == sent && prefix.is_empty() {
        return request;
    }
    let (sent, below, own) = (sent.to_owned(), below.to_owned(), own.to_owned());
    // With and without the prefix, and with the slash at the end if there was one.
    let mut others = vec![format!("{prefix}{own}"), below.clone(), format!("{prefix}{below}"), sent.clone()];
    others.retain(|other| *other != own);
    others.sort_unstable();
    others.dedup();
    if own != sent
        && let Some(uri) = with_path(request.uri(), &own)
    {
        *request.uri_mut() = uri;
    }
    request.extensions_mut().insert(OtherPaths(others));
    request
}

/// What all our paths begin with but the path of the first page
/// (`every_path_is_there_behind_a_proxy_whatever_the_prefix_and_whether_it_is_left_on`).
const PAGES: [&str; 6] = ["/graphql", "/graphiql", "/docs", "/dashboard", "/metrics", "/schema.graphql"];

/// The same of paths that have more behind it.
const FOLDERS: [&str; 3] = ["/api/v1", "/assets", "/health"];

/// A path without the prefix, if that was left on. A prefix may itself be what a path of ours begins with.
fn below<'p>(sent: &'p str, prefix: &str) -> &'p str {
    let is_ours = |path: &str| {
        PAGES.iter().any(|page| starts(path, page).is_some())
            || FOLDERS.iter().any(|folder| starts(path, folder).is_some_and(|rest| rest.len() > 1))
    };
    match starts(sent, prefix) {
        Some(rest) if is_ours(rest) || !is_ours(sent) => rest,
        _ => sent,
    }
}

/// What stands behind the beginning of a path.
fn starts<'p>(path: &'p str, beginning: &str) -> Option<&'p str> {
    path.strip_prefix(beginning).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn without_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        own => own,
    }
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_loses_the_prefix_once_and_the_slash_at_its_end() {
        for (path, prefix, own) in [
            ("/", "", "/"),
            ("/graphql", "", "/graphql"),
            ("/graphql/", "", "/graphql"),
            ("/graphql//", "", "/graphql"),
            ("/orders", "/orders", "/"),
            ("/orders/", "/orders", "/"),
            ("/orders/graphql", "/orders", "/graphql"),
            ("/orders/graphql/", "/orders", "/graphql"),
            ("/graphql", "/orders", "/graphql"),
            ("/ordersgraphql", "/orders", "/ordersgraphql"),
            ("/orders/orders/graphql", "/orders", "/orders/graphql"),
            ("/api/v1/auth/login", "/api", "/api/v1/auth/login"),
            ("/api/api/v1/auth/login", "/api", "/api/v1/auth/login"),
            ("/api/docs", "/api", "/docs"),
            ("/api", "/api", "/"),
            ("/docs", "/docs", "/docs"),
            ("/docs/docs/signature", "/docs", "/docs/signature"),
            ("/docs/signature", "/docs", "/docs/signature"),
            ("/api/v1/api/v1/auth/login", "/api/v1", "/api/v1/auth/login"),
        ] {
            assert_eq!(without_slash(below(path, prefix)), own, "{path} below {prefix:?}");
        }
    }

    #[test]
    fn the_query_stays_and_every_other_spelling_is_kept() {
        let request = |uri: &str| Request::get(uri).body(Body::empty()).unwrap();
        let respelled = respell(request("/orders/graphql/?query=%7Ba%7D"), "/orders");
        assert_eq!(respelled.uri(), "/graphql?query=%7Ba%7D");
        let OtherPaths(others) = respelled.extensions().get().unwrap();
        assert_eq!(*others, ["/graphql/", "/orders/graphql", "/orders/graphql/"]);
        let taken_off = respell(request("/graphql/"), "/orders");
        let OtherPaths(others) = taken_off.extensions().get().unwrap();
        assert_eq!(*others, ["/graphql/", "/orders/graphql", "/orders/graphql/"]);
        let absolute = respell(request("http://api.example.com/graphql/?a=/"), "");
        assert_eq!(absolute.uri(), "http://api.example.com/graphql?a=/");
        assert!(respell(request("/graphql"), "").extensions().get::<OtherPaths>().is_none());
    }
}
