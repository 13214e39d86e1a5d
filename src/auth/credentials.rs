//! The authenticating parts of a request, free of HTTP types.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::admission::Admission;
use crate::compute::Lane;
use crate::domain::bulk_input::is_idempotency_key;
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::{AppError, ErrorCode};

/// The address of a caller of whom none is known.
pub const UNKNOWN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// One header as received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Header {
    /// Not sent.
    #[default]
    Absent,
    /// Sent without a value, as by a program whose variable is not set.
    Empty,
    /// Sent once.
    Value(String),
    /// Sent more than once: which one was meant cannot be known.
    Repeated,
}

impl Header {
    /// The header's text, when it was sent once.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Value(text) => Some(text),
            Self::Absent | Self::Empty | Self::Repeated => None,
        }
    }
}

/// What brings an operation. Method, path and body are an operation's own over HTTP alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// A request of its own, also one that is answered by a stream of events.
    #[default]
    Http,
    /// A message on a WebSocket: the rest of the credentials is of the handshake, which is no operation.
    WebSocket,
}

/// What a request brings along to prove who sends it.
#[derive(Clone)]
pub struct Credentials {
    /// Where the request comes from; unspecified when that is not known.
    pub address: IpAddr,
    /// `Authorization`.
    pub authorization: Header,
    /// `X-CLIENT-ID`.
    pub client_id: Header,
    /// `X-TIMESTAMP`.
    pub timestamp: Header,
    /// `X-SIGNATURE`.
    pub signature: Header,
    /// `Idempotency-Key`.
    pub idempotency_key: Header,
    /// What brought the operation.
    pub transport: Transport,
    /// The request's method, in capitals.
    pub method: String,
    /// The request's path, without its query.
    pub path: String,
    /// Other spellings of the path, any of which may be signed: below the prefix that callers use, or with a slash at its end.
    pub other_paths: Vec<String>,
    /// The body exactly as received.
    pub body: Arc<[u8]>,
    /// How the request stands with the budget of its address.
    pub admission: Admission,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            address: UNKNOWN_ADDRESS,
            authorization: Header::default(),
            client_id: Header::default(),
            timestamp: Header::default(),
            signature: Header::default(),
            idempotency_key: Header::default(),
            transport: Transport::default(),
            method: String::new(),
            path: String::new(),
            other_paths: Vec::new(),
            body: Arc::default(),
            admission: Admission::default(),
        }
    }
}

impl fmt::Debug for Credentials {
    /// Without tokens, signatures and bodies: a secret may be in each of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, client_id, method, path, .. } = self;
        f.debug_struct("Credentials")
            .field("address", address)
            .field("client_id", client_id)
            .field("method", method)
            .field("path", path)
            .finish_non_exhaustive()
    }
}

/// The three headers of a signed request, all present.
#[derive(Debug, Clone, Copy)]
pub struct SignatureHeaders<'a> {
    /// `X-CLIENT-ID`.
    pub client_id: &'a str,
    /// `X-TIMESTAMP`.
    pub timestamp: &'a str,
    /// `X-SIGNATURE`.
    pub signature: &'a str,
}

impl Credentials {
    /// The bearer token (RFC 6750 §2.1).
    pub fn bearer_token(&self) -> Result<&str, AppError> {
        let refuse = |message: &'static str| Err(AppError::new(ErrorCode::Unauthenticated, message));
        match &self.authorization {
            Header::Absent | Header::Empty => Err(AppError::anonymous(match self.transport {
                Transport::Http => "No bearer token: send \"Authorization: Bearer <token>\" with a token from login",
                Transport::WebSocket => {
                    "No bearer token: connect again and send connection_init with the payload {\"Authorization\": \"Bearer \
                     <token>\"} and a token from login; {headers: {Authorization}}, {authToken} and {token} are read too"
                }
            })),
            Header::Repeated => refuse("The Authorization header was sent more than once; send it once"),
            Header::Value(value) => match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
                    Ok(token.trim())
                }
                _ => refuse("The Authorization header must read \"Bearer <token>\""),
            },
        }
    }

    /// In which lane long work of this request waits.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.admission.lane()
    }

    /// Refuses what must be signed, where no signature can cover it.
    pub fn ensure_signable(&self) -> Result<(), AppError> {
        match self.transport {
            Transport::Http => Ok(()),
            Transport::WebSocket => Err(AppError::new(
                ErrorCode::SignedOverWebsocket,
                "A signed operation is not taken over WebSocket, where a signature covers the handshake and not the \
                 operation: send it by POST to /graphql or to /api/v1/sales-orders",
            )),
        }
    }

    /// The three signature headers; all the missing ones are named together, and the `Idempotency-Key` with them where the
    /// client's policy asks that it be signed.
    pub fn signature_headers(&self, policy: SignaturePolicy) -> Result<SignatureHeaders<'_>, AppError> {
        let of_policy = policy.binds_key().then_some(("Idempotency-Key", &self.idempotency_key));
        let headers =
            [("X-CLIENT-ID", &self.client_id), ("X-TIMESTAMP", &self.timestamp), ("X-SIGNATURE", &self.signature)];
        let headers: Vec<_> = headers.into_iter().chain(of_policy).collect();
        let is_missing = |header: &Header| matches!(header, Header::Absent | Header::Empty);
        let missing: Vec<_> = headers.iter().filter(|(_, h)| is_missing(h)).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            let carries = if of_policy.is_some() { "all four: this client signs the key too" } else { "all three" };
            let message = format!("Missing header: {}. A signed request carries {carries}", missing.join(", "));
            return Err(AppError::new(ErrorCode::MissingHeader, message).detail("headers", missing));
        }
        let repeated: Vec<_> = headers.iter().filter(|(_, h)| **h == Header::Repeated).map(|(name, _)| *name).collect();
        match (&self.client_id, &self.timestamp, &self.signature) {
            (Header::Value(client_id), Header::Value(timestamp), Header::Value(signature)) if repeated.is_empty() => {
                if of_policy.is_some() {
                    self.idempotency_key()?;
                }
                Ok(SignatureHeaders { client_id, timestamp, signature })
            }
            _ => {
                let message = format!("Sent more than once: {}. Send each header once", repeated.join(", "));
                Err(AppError::new(ErrorCode::InvalidHeader, message).detail("headers", repeated))
            }
        }
    }

    /// The partner's own idempotency key: 1 to 255 visible ASCII characters.
    pub fn idempotency_key(&self) -> Result<Option<&str>, AppError> {
        let refuse = |message: &'static str| {
            Err(AppError::new(ErrorCode::InvalidHeader, message).detail("headers", vec!["Idempotency-Key"]))
        };
        match &self.idempotency_key {
            Header::Absent => Ok(None),
            // Taken for absent, a key whose variable is not set would silently lose its protection.
            Header::Empty => {
                refuse("Idempotency-Key is empty; send 1 to 255 visible ASCII characters, or no such header")
            }
            Header::Repeated => refuse("Idempotency-Key was sent more than once; send it once"),
            Header::Value(key) if is_idempotency_key(key) => Ok(Some(key)),
            Header::Value(_) => refuse("Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces"),
        }
    }
}
