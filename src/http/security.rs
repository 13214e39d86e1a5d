//! Header fields that keep browsers out of trouble, and the origins that may call us from a page.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::CorsLayer;

use crate::config::Http;

/// Two years. Of this host alone: its neighbours are not ours.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// An answer that is no page of ours loads nothing, runs nothing and is framed by nobody.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Adds the header fields that the answer did not set itself.
pub async fn headers(State(is_behind_tls): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (CONTENT_SECURITY_POLICY, NOTHING),
        // An answer that does not say who may keep it, an order or what is wrong with one, is kept by nobody.
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ] {
        headers.entry(name).or_insert(value);
    }
    if is_behind_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// Lets pages of the configured origins call us; without any, browsers keep every foreign page out.
pub fn cors(http: &Http) -> Option<CorsLayer> {
    if http.cors_origins.is_empty() {
        return None;
    }
    let request = [
        "x-client-id",
        "x-timestamp",
        "x-signature",
        "idempotency-key",
        "x-request-id",
        "if-none-match",
        "last-event-id",
    ];
    let answer = ["etag", "idempotent-replayed", "ratelimit", "ratelimit-policy", "x-request-id"];
    let origins = http.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    Some(
        CorsLayer::new()
            .allow_origin(origins.collect::<Vec<_>>())
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers(
                request
                    .map(HeaderName::from_static)
                    .into_iter()
                    .chain([AUTHORIZATION, CONTENT_TYPE])
                    .collect::<Vec<_>>(),
            )
            .expose_headers(
                answer
                    .map(HeaderName::from_static)
                    .into_iter()
                    .chain([LOCATION, RETRY_AFTER, WWW_AUTHENTICATE])
                    .collect::<Vec<_>>(),
            )
            .max_age(Duration::from_hours(1)),
    )
}
