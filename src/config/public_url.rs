//! Where callers reach the service, which a proxy in front of it may have at another address and below a prefix.

use std::net::Ipv6Addr;
use std::num::NonZeroU16;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Unexpected};

/// The address that callers use, without a slash at its end; empty where it is not told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PublicUrl(String);

impl PublicUrl {
    fn read(text: &str) -> Option<Self> {
        let url = text.trim().trim_end_matches('/');
        if text.trim().is_empty() {
            return Some(Self::default());
        }
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
        // What needs no encoding in a path, so that it is the same text everywhere.
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
        let is_segment = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(is_plain);
        let fits = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
            && is_authority(authority)
            && path.is_none_or(|path| path.split('/').all(is_segment));
        // Browsers leave out the port that a scheme has by itself (RFC 6454 §6.2).
        let own_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        let authority = authority.strip_suffix(own_port).unwrap_or(authority);
        // Scheme and host have no case (RFC 3986 §6.2.2.1); browsers send both in small letters.
        let origin = format!("{scheme}://{authority}").to_ascii_lowercase();
        fits.then(|| Self(path.map_or_else(|| origin.clone(), |path| format!("{origin}/{path}"))))
    }

    /// The address of a path of ours; the path alone where no address is told.
    #[must_use]
    pub fn of(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The address itself, if it is told.
    #[must_use]
    pub fn told(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(self.0.as_str())
    }

    /// What stands before our paths there, such as `/orders`; mostly nothing.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.0[self.origin().map_or(0, str::len)..]
    }

    /// Scheme, host and port, as pages of this origin send it.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        let host = self.0.find("://")? + "://".len();
        Some(self.0[host..].find('/').map_or(self.0.as_str(), |path| &self.0[..host + path]))
    }
}

/// A host, with its port if there is one.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) if address.parse::<Ipv6Addr>().is_err() => return false,
        Some((_, port)) => ("ipv6", port),
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let is_port = |port: &str| port.parse::<NonZeroU16>().is_ok();
    !host.is_empty() && host.bytes().all(is_plain) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Reads the setting.
pub(super) fn public_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicUrl, D::Error> {
    let text = String::deserialize(deserializer)?;
    let expected =
        "the address callers use, such as https://api.example.com/orders, without query and user, or nothing";
    // A user and a password in it are nobody's to read.
    let unexpected =
        if text.contains('@') { Unexpected::Other("an address with a user") } else { Unexpected::Str(&text) };
    PublicUrl::read(&text).ok_or_else(|| D::Error::invalid_value(unexpected, &expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_origin_and_may_have_a_prefix() {
        for (text, origin, prefix) in [
            ("https://api.example.com", "https://api.example.com", ""),
            ("https://api.example.com/", "https://api.example.com", ""),
            (" http://localhost:8080/orders/ ", "http://localhost:8080", "/orders"),
            ("HTTPS://API.example.com/Orders", "https://api.example.com", "/Orders"),
            ("https://x_y.internal/o", "https://x_y.internal", "/o"),
            ("https://api.example.com:443/o", "https://api.example.com", "/o"),
            ("http://api.example.com:80", "http://api.example.com", ""),
            ("http://api.example.com:443", "http://api.example.com:443", ""),
            ("https://[2001:db8::1]:443", "https://[2001:db8::1]", ""),
            ("https://[2001:db8::1]:8443/a-b/v1.0_~", "https://[2001:db8::1]:8443", "/a-b/v1.0_~"),
        ] {
            let url = PublicUrl::read(text).unwrap();
            assert_eq!((url.origin(), url.prefix()), (Some(origin), prefix), "{text}");
            assert_eq!(url.of("/docs"), format!("{origin}{prefix}/docs"));
        }
        for text in ["", "  "] {
            let none = PublicUrl::read(text).unwrap();
            assert_eq!((none.told(), none.prefix(), none.of("/docs").as_str()), (None, "", "/docs"));
        }
    }

    #[test]
    fn what_is_no_such_address_is_not_read() {
        for text in [
            "/",
            "/orders",
            "api.example.com/orders",
            "https://",
            "https:///orders",
            "ftp://api.example.com",
            "https://user@api.example.com",
            "https://api.example.com/orders?x=1",
            "https://api.example.com/#orders",
            "https://api.example.com//orders",
            "https://api.example.com/../orders",
            "https://api.example.com/\"><script>",
            "https://api.example.com/é",
            "https://:::",
            "https://api.example.com:99999",
            "https://api.example.com:0",
            "https://api.example.com:",
            "https://[::1",
            "https://[nonsense]",
            "https://[::1]x",
        ] {
            assert_eq!(PublicUrl::read(text), None, "{text}");
        }
    }
}
