//! How texts and numbers of the configuration become durations, addresses and networks.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Reads a duration: text with units, or whole seconds as a number or as text (as the environment gives it).
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Reader;

    impl Visitor<'_> for Reader {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration such as \"300s\", \"12h\" or \"7d\", or whole seconds")
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
            Ok(Duration::from_secs(seconds))
        }

        fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
            let unsigned = u64::try_from(seconds).map_err(|_| E::invalid_value(Unexpected::Signed(seconds), &self))?;
            Ok(Duration::from_secs(unsigned))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            let trimmed = text.trim();
            if let Ok(seconds) = trimmed.parse() {
                return Ok(Duration::from_secs(seconds));
            }
            humantime::parse_duration(trimmed).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    deserializer.deserialize_any(Reader)
}

/// Reads the address to listen on; of all names only `localhost` is known, for it needs no resolver.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    read_address(&String::deserialize(deserializer)?)
}

/// The same, or nothing.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() { Ok(None) } else { read_address(&text).map(Some) }
}

fn read_address<E: Error>(text: &str) -> Result<SocketAddr, E> {
    let trimmed = text.trim();
    let numeric = match trimmed.rsplit_once(':') {
        Some((host, port)) if host.eq_ignore_ascii_case("localhost") => format!("127.0.0.1:{port}"),
        _ => trimmed.to_owned(),
    };
    let expected = "an IP address and a port such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080";
    numeric.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &expected))
}

/// Reads addresses and networks; an address alone is a network of one.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: &String| {
        let trimmed = text.trim();
        let network = trimmed.parse().or_else(|_| trimmed.parse::<IpAddr>().map(IpNet::from));
        network.map_err(|_| {
            D::Error::invalid_value(Unexpected::Str(text), &"an IP address or a network such as 10.0.0.0/8")
        })
    };
    texts.iter().map(read).collect()
}
