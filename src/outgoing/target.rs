//! Where a request may go, as far as its URL tells.

use std::fmt;

use ipnet::IpNet;
use url::{Host, Url};

use super::networks::is_allowed;

/// The longest URL.
const MAX_LENGTH: usize = 2_048;

/// The longest name of a host (RFC 1035 §2.3.4), without a dot at its end, and the longest label of one.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Ports of other protocols: a request sent there might be read as one of theirs ("bad port" of the Fetch Standard).
const FORBIDDEN_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

/// What the operator decided of targets.
#[derive(Debug, Clone, Default)]
pub struct TargetRules {
    /// Whether requests may go without TLS.
    pub allow_http: bool,
    /// Networks that may be reached though they are not the internet.
    pub allowed_networks: Vec<IpNet>,
}

/// A URL that requests may be sent to. What its name leads to is judged when they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetUrl(Url);

/// Why a URL is no target; to be read after the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// It cannot be read.
    #[error("must be a URL such as https://hooks.example.com/orders, without spaces")]
    NotAUrl,
    /// It is too long.
    #[error("must be at most {MAX_LENGTH} characters, with what is not ASCII percent-encoded")]
    TooLong,
    /// It has another scheme.
    #[error("must begin with https://")]
    Scheme,
    /// It names a user.
    #[error("must not hold a user name or a password; requests are told by their signature")]
    UserInfo,
    /// It has a fragment, which no request carries.
    #[error("must not have a fragment; remove # and what follows it")]
    Fragment,
    /// Its host cannot be one.
    #[error("must name a host by its full name, such as hooks.example.com, or by an IP address")]
    Host,
    /// Its port is another protocol's.
    #[error("must not name port {0}, which belongs to another protocol; use 443, or a port such as 8443")]
    Port(u16),
    /// It is an address that no request may go to.
    #[error("must lead to a public address of the internet; ask the operator to allow another network")]
    Network,
}

impl TargetUrl {
    /// Reads a URL. It is judged as it is sent: in the one spelling that the URL Standard gives it.
    pub fn parse(text: &str, rules: &TargetRules) -> Result<Self, TargetFault> {
        if text.chars().count() > MAX_LENGTH {
            return Err(TargetFault::TooLong);
        }
        // The standard drops these silently, and a URL would be another than the one that was written.
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(TargetFault::NotAUrl);
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase | url::ParseError::InvalidPort => TargetFault::NotAUrl,
            _ => TargetFault::Host,
        })?;
        let target = Self(url);
        target.check(rules).map(|()| target)
    }

    /// Whether it is a target still: the operator's rules may have changed since it was read.
    pub fn check(&self, rules: &TargetRules) -> Result<(), TargetFault> {
        let url = &self.0;
        if url.as_str().len() > MAX_LENGTH {
            return Err(TargetFault::TooLong);
        }
        match url.scheme() {
            "https" => {}
            "http" if rules.allow_http => {}
            _ => return Err(TargetFault::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetFault::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(TargetFault::Fragment);
        }
        if let Some(port) = url.port().filter(|port| FORBIDDEN_PORTS.contains(port)) {
            return Err(TargetFault::Port(port));
        }
        let address = match url.host() {
            Some(Host::Domain(name)) if is_name(name) => return Ok(()),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            _ => return Err(TargetFault::Host),
        };
        if is_allowed(address, rules) { Ok(()) } else { Err(TargetFault::Network) }
    }

    /// The URL in the one spelling in which it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// Its host, of IPv6 without brackets, and its port.
    #[must_use]
    pub fn server(&self) -> (&str, u16) {
        let host = self.0.host_str().unwrap_or_default().trim_matches(['[', ']']);
        (host, self.0.port_or_known_default().unwrap_or_default())
    }

    pub(super) const fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a name can be resolved at all. The standard lets more through, and a resolver would fail on it as on a fault of
/// its own.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(is_plain)
    };
    name.len() <= MAX_NAME && name.split('.').all(is_label)
}
