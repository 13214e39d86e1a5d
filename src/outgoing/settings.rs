//! What the operator set for requests to others.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::TargetRules;
use crate::config::{Oidc, Webhooks};

/// How long a person waits for one answer of the provider of identities, who needs three at most.
const PROVIDER_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(6);

/// What every request says of its sender.
const USER_AGENT: &str = concat!("sales-order-api/", env!("CARGO_PKG_VERSION"));

/// What the operator set.
#[derive(Debug, Clone)]
pub struct OutgoingSettings {
    /// Where requests may go.
    pub rules: TargetRules,
    /// Through which HTTP proxy they go, if through one.
    pub proxy: Option<SecretString>,
    /// Certificates in PEM that are trusted beside the system's.
    pub extra_roots: String,
    /// The longest that it may take to reach a receiver: to find its address, connect, and agree on TLS.
    pub connect_timeout: Duration,
    /// The longest that a whole exchange may take.
    pub timeout: Duration,
    /// `User-Agent`.
    pub user_agent: String,
}

/// Why no request can be sent.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The file of further certificates cannot be read.
    #[error("webhooks.extra_roots_file names {}, which cannot be read: {cause}", path.display())]
    RootsUnreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        cause: std::io::Error,
    },
    /// The file of further certificates has something else in it.
    #[error("webhooks.extra_roots_file names a file that must hold certificates in PEM and nothing else: {0}")]
    Roots(String),
    /// The proxy's URL cannot be used. It may hold a password, so it is not told.
    #[error("webhooks.proxy must be a URL such as http://proxy.example.com:3128")]
    Proxy,
    /// The client cannot be made.
    #[error("requests to webhooks cannot be sent: {0}")]
    Client(String),
}

impl OutgoingSettings {
    /// The same for requests to the provider of identities: by the same way, but to networks of its own. A person waits for them.
    pub fn to_provider(webhooks: &Webhooks, oidc: &Oidc) -> Result<Self, OutgoingError> {
        let rules = TargetRules {
            // A start is refused where this is not on the same machine.
            allow_http: oidc.issuer.starts_with("http://"),
            allowed_networks: oidc.allowed_networks.clone(),
        };
        let (connect_timeout, timeout) = (PROVIDER_CONNECT_TIMEOUT, PROVIDER_TIMEOUT);
        Ok(Self { rules, connect_timeout, timeout, ..Self::read(webhooks)? })
    }

    /// The settings of a configuration, with the file that they name read.
    pub fn read(webhooks: &Webhooks) -> Result<Self, OutgoingError> {
        let path = &webhooks.extra_roots_file;
        let extra_roots = if path.as_os_str().is_empty() {
            String::new()
        } else {
            let unreadable = |cause| OutgoingError::RootsUnreadable { path: path.clone(), cause };
            std::fs::read_to_string(path).map_err(unreadable)?
        };
        Ok(Self {
            rules: TargetRules { allow_http: webhooks.allow_http, allowed_networks: webhooks.allowed_networks.clone() },
            proxy: webhooks.proxy().cloned(),
            extra_roots,
            connect_timeout: webhooks.connect_timeout,
            timeout: webhooks.timeout,
            user_agent: USER_AGENT.to_owned(),
        })
    }
}
