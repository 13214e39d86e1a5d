//! Where a request comes from. A header field says anything, so it counts only as far as a proxy of ours wrote it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;
use tracing::warn;

use crate::app::AppState;
use crate::telemetry;
use crate::wire::request::ClientAddress;

/// The other end of the connection; in a request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Notes where the request comes from.
pub async fn note(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if let Some(Peer(peer)) = request.extensions().get().copied() {
        let http = &state.config().http;
        let address = client_address(peer.ip(), request.headers(), &http.trusted_proxies, http.trusted_hops);
        request.extensions_mut().insert(ClientAddress(address));
        telemetry::note(|facts| facts.exchange.address = Some(address));
    }
    next.run(request).await
}

/// Whether a request comes from a proxy of ours, so that what it says of its caller counts.
pub fn is_proxied(extensions: &Extensions, trusted: &[IpNet]) -> bool {
    extensions.get().is_some_and(|Peer(peer)| is_trusted(trusted, &peer.ip().to_canonical()))
}

fn is_trusted(trusted: &[IpNet], address: &IpAddr) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// The last address that no proxy of ours has. Each proxy adds the address it was called from at the end of
/// `X-Forwarded-For`, so everything before the entry of the outermost trusted one is the caller's own invention. With a
/// number of hops, the entry that the outermost of so many proxies added, whoever it names.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], hops: usize) -> IpAddr {
    let is_trusted = |address: &IpAddr| is_trusted(trusted, address);
    let mut address = peer.to_canonical();
    // By bytes: what a caller invents need not be text, and must not make the proxy's own entry unreadable.
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let mut entries = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    if trusted.is_empty() && entries.next().is_some() {
        warn_once();
        return address;
    }
    if hops > 0 {
        // A list can be made longer by who calls, never shorter: of a short one the first entry is a proxy's too.
        let from_proxies = if is_trusted(&address) { hops } else { 0 };
        return entries.take(from_proxies).map_while(read).last().unwrap_or(address);
    }
    while is_trusted(&address) {
        let Some(next) = entries.next().and_then(read) else { break };
        address = next;
    }
    address
}

/// An entry: an address, which some proxies write with a port.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let address = entry.parse().or_else(|_| entry.parse().map(|socket: SocketAddr| socket.ip()));
    let bare = address.or_else(|_| entry.trim_matches(['[', ']']).parse());
    bare.ok().map(|address: IpAddr| address.to_canonical())
}

/// Behind a proxy that nobody told it of, the service takes all callers for one.
fn warn_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        warn!(
            "requests carry X-Forwarded-For, which is ignored: if a proxy of yours writes it, name the proxy in \
             http.trusted_proxies, or all of its callers share one limit of attempts"
        );
    });
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn address(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        address_after(0, peer, forwarded, trusted)
    }

    fn address_after(hops: usize, peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted, hops).to_string()
    }

    #[test]
    fn without_trusted_proxies_only_the_connection_counts() {
        assert_eq!(address("203.0.113.7", &["198.51.100.1"], &[]), "203.0.113.7");
        assert_eq!(address("203.0.113.7", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.7");
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_what_the_caller_put_before_is_not() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(address("10.0.0.1", &["198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["1.1.1.1", "198.51.100.1, 10.0.0.2"], &trusted), "198.51.100.1");
        assert_eq!(address("fd00::1", &["2001:db8::1"], &trusted), "2001:db8::1");
        assert_eq!(address("::ffff:10.0.0.1", &["[2001:db8::1]:443"], &trusted), "2001:db8::1");
        assert_eq!(address("10.0.0.1", &["198.51.100.1:4711"], &trusted), "198.51.100.1");
    }

    #[test]
    fn a_caller_that_sends_what_is_no_text_does_not_hide_its_address() {
        let trusted = ["10.0.0.0/8"];
        for forged in ["\u{e9}, 198.51.100.1", "1.1.1.1\u{fc},198.51.100.1", "\u{e9}, \u{e9} ,198.51.100.1, 10.0.0.2"] {
            assert_eq!(address("10.0.0.1", &[forged], &trusted), "198.51.100.1", "{forged}");
        }
        assert_eq!(address_after(1, "10.0.0.1", &["\u{e9}, 198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(address_after(2, "10.0.0.1", &["\u{e9}, 198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["\u{e9}"], &trusted), "10.0.0.1");
    }

    #[test]
    fn with_a_number_of_hops_the_entry_of_the_outermost_proxy_counts_whoever_it_names() {
        let trusted = ["10.0.0.0/8"];
        // Someone inside, whose address would count as a proxy's, forges what is left of its own.
        assert_eq!(address_after(1, "10.0.0.1", &["198.51.100.1, 10.1.2.3"], &trusted), "10.1.2.3");
        assert_eq!(address("10.0.0.1", &["198.51.100.1, 10.1.2.3"], &trusted), "198.51.100.1");
        assert_eq!(address_after(2, "10.0.0.1", &["1.1.1.1", "198.51.100.1, 10.0.0.2"], &trusted), "198.51.100.1");
        // Past the outer proxy the list is shorter; past both nobody is believed.
        assert_eq!(address_after(2, "10.0.0.1", &["198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(address_after(2, "10.0.0.1", &[], &trusted), "10.0.0.1");
        assert_eq!(address_after(2, "203.0.113.7", &["1.1.1.1, 198.51.100.1"], &trusted), "203.0.113.7");
        assert_eq!(address_after(2, "10.0.0.1", &["unknown, 198.51.100.1"], &trusted), "198.51.100.1");
    }

    #[test]
    fn an_unreadable_or_missing_entry_leaves_the_proxy_itself() {
        assert_eq!(address("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.1, unknown"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["10.0.0.3"], &["10.0.0.0/8"]), "10.0.0.3");
    }
}
