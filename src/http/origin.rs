//! Whose page opens a WebSocket. Browsers ask nobody before they open one to a foreign host, but they say from where
//! (RFC 6455 §10.2).

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

use crate::error::{AppError, ErrorCode};

/// Refuses a page of another origin than our own, unless it may call us (`http.cors_origins`). Who sends no `Origin` is no
/// browser. `is_proxied`: the request comes from a proxy of ours, so that what it says of the host counts.
pub fn ensure_allowed(uri: &Uri, headers: &HeaderMap, is_proxied: bool, allowed: &[String]) -> Result<(), AppError> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), other) = (origins.next(), origins.next()) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let is_allowed = allowed.iter().any(|allowed| allowed == origin) || is_own(origin, uri, headers, is_proxied);
    if other.is_none() && is_allowed {
        return Ok(());
    }
    let message = "A page of this origin may not open a WebSocket here; http.cors_origins names the origins that may";
    Err(AppError::new(ErrorCode::OriginRefused, message))
}

fn is_own(origin: &str, uri: &Uri, headers: &HeaderMap, is_proxied: bool) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let forwarded = |name: &'static str| {
        let values = headers.get_all(name).iter().filter(|_| is_proxied).filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim)
    };
    // Where TLS ends at the proxy, only the proxy knows whether there was any. Several in a row each say what they were
    // asked by, and some name the protocol of the WebSocket.
    let is_scheme = |proto: &str| {
        let proto = match proto.to_ascii_lowercase().as_str() {
            "ws" => "http",
            "wss" => "https",
            _ => proto,
        };
        proto.eq_ignore_ascii_case(scheme)
    };
    if forwarded("x-forwarded-proto").next().is_some() && !forwarded("x-forwarded-proto").any(is_scheme) {
        return false;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let hosts = host.into_iter().chain(uri.authority().map(Authority::as_str)).chain(forwarded("x-forwarded-host"));
    let Some(asked) = host_and_port(authority, default_port) else { return false };
    hosts.filter_map(|host| host_and_port(host, default_port)).any(|own| own == asked)
}

fn host_and_port(authority: &str, default_port: u16) -> Option<(String, u16)> {
    let authority: Authority = authority.parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    Some((authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default_port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(pairs: &[(&'static str, &str)], is_proxied: bool) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let allowed = ["https://dashboard.example.com".to_owned()];
        ensure_allowed(&Uri::from_static("/graphql/ws"), &headers, is_proxied, &allowed).is_ok()
    }

    #[test]
    fn our_own_pages_and_those_that_may_are_let_in() {
        assert!(is_allowed(&[("host", "api.example.com")], false));
        for (origin, host) in [
            ("https://api.example.com", "api.example.com"),
            ("https://api.example.com", "API.example.com:443"),
            ("http://api.example.com:80", "api.example.com"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("https://dashboard.example.com", "api.example.com"),
        ] {
            assert!(is_allowed(&[("origin", origin), ("host", host)], false), "{origin} at {host}");
        }
    }

    #[test]
    fn every_other_page_is_kept_out() {
        for (origin, host) in [
            ("null", "api.example.com"),
            ("", "api.example.com"),
            ("https://evil.example", "api.example.com"),
            ("https://api.example.com.evil.example", "api.example.com"),
            ("https://api.example.com:8443", "api.example.com"),
            ("http://api.example.com", "api.example.com:443"),
            ("https://api.example.com@evil.example", "api.example.com"),
            ("https://evil.example@api.example.com", "api.example.com"),
            ("chrome-extension://api.example.com", "api.example.com"),
            ("https://DASHBOARD.example.com", "api.example.com"),
            ("http://dashboard.example.com", "api.example.com"),
        ] {
            assert!(!is_allowed(&[("origin", origin), ("host", host)], false), "{origin} at {host}");
        }
        let twice =
            [("origin", "https://api.example.com"), ("origin", "https://evil.example"), ("host", "api.example.com")];
        assert!(!is_allowed(&twice, false));
        assert!(!is_allowed(&[("origin", "https://api.example.com")], false));
    }

    #[test]
    fn what_the_callers_host_is_only_our_proxy_says() {
        let forwarded =
            [("origin", "https://api.example.com"), ("host", "10.0.0.9:8080"), ("x-forwarded-host", "api.example.com")];
        assert!(is_allowed(&forwarded, true));
        assert!(!is_allowed(&forwarded, false));
        let proto = |proto| [&forwarded[..], &[("x-forwarded-proto", proto)]].concat();
        assert!(is_allowed(&proto("https"), true));
        assert!(!is_allowed(&proto("http"), true));
        for of_websocket in ["wss", "WSS", "https, http", "wss,ws", "http, https"] {
            assert!(is_allowed(&proto(of_websocket), true), "{of_websocket}");
        }
        for other in ["ws", "http, ws", "ftp", ""] {
            assert!(!is_allowed(&proto(other), true), "{other}");
        }
    }
}
