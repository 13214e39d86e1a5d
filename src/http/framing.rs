//! What a request must be before it is anybody's: for a host that can be read, and framed by codings that are known
//! (RFC 9112 §3.2, §6.1). The rest of the framing hyper checks.

use std::net::Ipv6Addr;

use axum::extract::Request;
use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, Uri, Version};

use crate::error::{AppError, ErrorCode};

/// What is wrong with the host of a request that came on a connection; in its extensions. Whoever calls the service within
/// its own process names none.
#[derive(Debug, Clone, Copy)]
struct HostFault(&'static str);

/// Notes that a request which came on a connection names no host, though it must. One by HTTP/2 is written as it would be by
/// HTTP/1.1, so that nothing behind it needs to know of both.
pub fn note(request: &mut hyper::Request<impl Sized>) {
    let fault = match request.version() {
        Version::HTTP_11 if !request.headers().contains_key(HOST) => "There is no Host header; HTTP/1.1 needs one",
        Version::HTTP_2 => match take_authority(request) {
            Ok(()) => return,
            Err(fault) => fault,
        },
        _ => return,
    };
    request.extensions_mut().insert(HostFault(fault));
}

/// Makes the Host header of `:authority`, which takes its place (RFC 9113 §8.3.1).
fn take_authority(request: &mut hyper::Request<impl Sized>) -> Result<(), &'static str> {
    let authority = request.uri().authority().and_then(|host| HeaderValue::try_from(host.as_str()).ok());
    if let Some(path) = request.uri().path_and_query() {
        *request.uri_mut() = Uri::from(path.clone());
    }
    match (authority, request.headers().get(HOST)) {
        (Some(authority), Some(host)) if !authority.as_bytes().eq_ignore_ascii_case(host.as_bytes()) => {
            Err("The Host header names another host than :authority; send one of them")
        }
        // Neither is as by HTTP/1.0: a proxy's own health check names no host (RFC 9113 §8.3.1).
        (None, None) | (None | Some(_), Some(_)) => Ok(()),
        (Some(authority), None) => {
            request.headers_mut().insert(HOST, authority);
            Ok(())
        }
    }
}

/// Refuses a request whose head breaks the rules.
pub fn check(request: &Request) -> Result<(), AppError> {
    if let Some(HostFault(fault)) = request.extensions().get() {
        return Err(AppError::new(ErrorCode::InvalidHeader, *fault));
    }
    check_headers(request.headers())
}

fn check_headers(headers: &HeaderMap) -> Result<(), AppError> {
    let refuse = |message: &'static str| Err(AppError::new(ErrorCode::InvalidHeader, message));
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return refuse("The Host header was sent more than once; send it once"),
        (Some(host), None) if !is_host(host.as_bytes()) => {
            return refuse("The Host header holds no host, such as api.example.com or [2001:db8::1]:8080");
        }
        _ => {}
    }
    let codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let mut chunked = 0;
    let unknown = codings.find(|coding| {
        let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        chunked += usize::from(is_chunked);
        !is_chunked && !coding.is_empty()
    });
    if unknown.is_some() {
        let message =
            "The body comes in a transfer coding that is not known here; send it chunked or with Content-Length";
        return Err(AppError::new(ErrorCode::TransferCodingUnknown, message));
    }
    if chunked > 1 {
        return refuse("Transfer-Encoding names chunked more than once; send it once");
    }
    Ok(())
}

/// Whether this is `uri-host [":" port]` (RFC 9110 §7.2). A request that is for no host has an empty one.
fn is_host(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            if address.parse::<Ipv6Addr>().is_err() {
                return false;
            }
            ("", port)
        }
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    is_name(host)
        && (port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit())))
}

/// `reg-name` of RFC 3986 §3.2.2, which every IPv4 address is too.
fn is_name(host: &str) -> bool {
    let mut bytes = host.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(pairs: &[(&'static str, &[u8])]) -> Option<ErrorCode> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, axum::http::HeaderValue::from_bytes(value).unwrap());
        }
        check_headers(&headers).err().map(|error| error.code)
    }

    #[test]
    fn a_request_names_one_host_that_can_be_read() {
        for host in [
            "api.example.com",
            "API.example.com:8080",
            "localhost",
            "127.0.0.1:80",
            "[::1]",
            "[2001:db8::1]:8443",
            "api.example.com:",
            "under_score.internal",
            "xn--bcher-kva.example",
            "a%20b",
            "",
        ] {
            assert_eq!(code(&[("host", host.as_bytes())]), None, "{host}");
        }
        for host in [
            &b"a b"[..],
            b"api.example.com/",
            b"http://api.example.com",
            b"user@api.example.com",
            b"api.example.com:http",
            b"api.example.com:80:80",
            b"[::1",
            b"::1",
            b"[nonsense]",
            b"[::1]8080",
            b"a%2",
            b"b\xfccher.example",
            b"a\\b",
            b"a?b",
            b"<a>",
        ] {
            assert_eq!(code(&[("host", host)]), Some(ErrorCode::InvalidHeader), "{host:?}");
        }
        assert_eq!(code(&[("host", b"a"), ("host", b"a")]), Some(ErrorCode::InvalidHeader));
    }

    #[test]
    fn by_http_1_1_a_host_must_be_named_and_by_1_0_none() {
        for (version, is_refused) in [(Version::HTTP_11, true), (Version::HTTP_10, false)] {
            let mut request = Request::builder().version(version).body(axum::body::Body::empty()).unwrap();
            assert!(check(&request).is_ok());
            note(&mut request);
            assert_eq!(check(&request).is_err(), is_refused);
        }
    }

    #[test]
    fn of_transfer_codings_chunked_alone_is_known() {
        for (codings, expected) in [
            (&["chunked"][..], None),
            (&["Chunked"], None),
            (&[", chunked,"], None),
            (&["gzip, chunked"], Some(ErrorCode::TransferCodingUnknown)),
            (&["foo", "chunked"], Some(ErrorCode::TransferCodingUnknown)),
            (&["identity, chunked"], Some(ErrorCode::TransferCodingUnknown)),
            (&["chunked;a=b"], Some(ErrorCode::TransferCodingUnknown)),
            (&["chunked, chunked"], Some(ErrorCode::InvalidHeader)),
            (&["chunked", "chunked"], Some(ErrorCode::InvalidHeader)),
        ] {
            let mut pairs = vec![("host", &b"a"[..])];
            pairs.extend(codings.iter().map(|coding| ("transfer-encoding", coding.as_bytes())));
            assert_eq!(code(&pairs), expected, "{codings:?}");
        }
    }
}
