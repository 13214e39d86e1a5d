//! HTTP, as a stranger's client, a browser or a proxy speaks it.

mod bodies;
mod compression;
mod escapes;
mod framing;
mod media;
mod persisted;
pub mod public_url;
mod requests;
mod security;
mod tags;

use axum::body::Body;
use axum::http::Request;

use crate::support::{Answer, TestApp};

/// Asks by GET with these parameters, already encoded.
async fn get(app: &TestApp, parameters: &str) -> Answer {
    app.send(Request::get(format!("/graphql?{parameters}")).body(Body::empty()).unwrap()).await
}

/// Asks by GET with these parameters.
async fn get_with(app: &TestApp, parameters: &[(&str, &str)]) -> Answer {
    let encoded: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
    get(app, &encoded.join("&")).await
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
