//! Which addresses may be reached: those of the internet, and the networks that the operator allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::TargetRules;

/// The networks of IPv4 that are not the internet (RFC 6890 and the registry of special addresses that it began).
const FORBIDDEN_V4: [Ipv4Net; 15] = [
    v4([0, 0, 0, 0], 8),       // this host
    v4([10, 0, 0, 0], 8),      // private
    v4([100, 64, 0, 0], 10),   // shared by customers of a carrier
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local, and the metadata of clouds
    v4([172, 16, 0, 0], 12),   // private
    v4([192, 0, 0, 0], 24),    // protocols of the IETF
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 88, 99, 0], 24),  // relays of 6to4
    v4([192, 168, 0, 0], 16),  // private
    v4([198, 18, 0, 0], 15),   // benchmarks
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 4),     // multicast
    v4([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// The same of IPv6, by the begin of an address; all that follows is zero.
const FORBIDDEN_V6: [Ipv6Net; 11] = [
    v6(0, 0, 8),           // unspecified, loopback, IPv4 in all its forms, 64:ff9b:1::/48
    v6(0x100, 0, 64),      // discarded
    v6(0x2001, 0, 23),     // protocols of the IETF, Teredo among them
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4, which leads to any IPv4 address
    v6(0x3fff, 0, 20),     // documentation
    v6(0x5f00, 0, 16),     // segments of routes
    v6(0xfc00, 0, 7),      // private
    v6(0xfe80, 0, 10),     // link-local
    v6(0xfec0, 0, 10),     // private, as it was before
    v6(0xff00, 0, 8),      // multicast
];

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length)
}

/// Whether a request may go to an address.
#[must_use]
pub fn is_allowed(address: IpAddr, rules: &TargetRules) -> bool {
    if rules.allowed_networks.iter().any(|network| network.contains(&address)) {
        return true;
    }
    match address {
        IpAddr::V4(v4) => !FORBIDDEN_V4.iter().any(|network| network.contains(&v4)),
        IpAddr::V6(v6) => match translated(v6) {
            Some(v4) => is_allowed(v4.into(), rules),
            None => !FORBIDDEN_V6.iter().any(|network| network.contains(&v6)),
        },
    }
}

/// The IPv4 address that a translator reaches for this one (64:ff9b::/96, RFC 6052).
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let is_well_known = matches!(address.segments(), [0x64, 0xff9b, 0, 0, 0, 0, _, _]);
    let [.., a, b, c, d] = address.octets();
    is_well_known.then(|| Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(addresses: &[&str], rules: &TargetRules) -> Vec<bool> {
        addresses.iter().map(|address| is_allowed(address.parse().unwrap(), rules)).collect()
    }

    /// The first and the last address of each network that is not the internet, and its neighbours where these are.
    const NETWORKS: [(&str, &str, &[&str]); 30] = [
        ("0.0.0.0", "0.255.255.255", &["1.0.0.0"]),
        ("10.0.0.0", "10.255.255.255", &["9.255.255.255", "11.0.0.0"]),
        ("100.64.0.0", "100.127.255.255", &["100.63.255.255", "100.128.0.0"]),
        ("127.0.0.0", "127.255.255.255", &["126.255.255.255", "128.0.0.0"]),
        ("169.254.0.0", "169.254.255.255", &["169.253.255.255", "169.255.0.0"]),
        ("172.16.0.0", "172.31.255.255", &["172.15.255.255", "172.32.0.0"]),
        ("192.0.0.0", "192.0.0.255", &["191.255.255.255", "192.0.1.0"]),
        ("192.0.2.0", "192.0.2.255", &["192.0.1.255", "192.0.3.0"]),
        ("192.88.99.0", "192.88.99.255", &["192.88.98.255", "192.88.100.0"]),
        ("192.168.0.0", "192.168.255.255", &["192.167.255.255", "192.169.0.0"]),
        ("198.18.0.0", "198.19.255.255", &["198.17.255.255", "198.20.0.0"]),
        ("198.51.100.0", "198.51.100.255", &["198.51.99.255", "198.51.101.0"]),
        ("203.0.113.0", "203.0.113.255", &["203.0.112.255", "203.0.114.0"]),
        ("224.0.0.0", "239.255.255.255", &["223.255.255.255"]),
        ("240.0.0.0", "255.255.255.255", &[]),
        ("::", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["101::"]),
        ("::ffff:0.0.0.0", "::ffff:255.255.255.255", &[]),
        ("::ffff:8.8.8.8", "::8.8.8.8", &[]),
        ("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", &["64:ff9b::8.8.8.8"]),
        ("64:ff9b:0:0:0:1::", "64:ff9b:0:0:0:1:808:808", &[]),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:808:808", &[]),
        ("100::", "100::ffff:ffff:ffff:ffff", &["100:0:0:1::"]),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", &["2000:ffff::", "2001:200::"]),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", &["2001:db7:ffff::", "2001:db9::"]),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["2003::"]),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", &["3ffe:ffff::", "3fff:1000::"]),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["5eff:ffff::", "5f01::"]),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["fbff:ffff::", "fe00::"]),
        ("fe80::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["fe7f:ffff::"]),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &[]),
    ];

    #[test]
    fn no_network_but_the_internet_is_reached_up_to_the_last_address_and_no_further() {
        let rules = TargetRules::default();
        for (first, last, neighbours) in NETWORKS {
            assert_eq!(allowed(&[first, last], &rules), [false, false], "{first} to {last}");
            assert!(allowed(neighbours, &rules).into_iter().all(|is| is), "{neighbours:?}");
        }
        let internet =
            ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::5", "64:ff9b::808:808"];
        assert_eq!(allowed(&internet, &rules), [true; 6]);
    }

    #[test]
    fn a_network_that_the_operator_allowed_is_reached_also_by_a_translator_and_nothing_beside_it() {
        let allowed_networks = vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()];
        let rules = TargetRules { allowed_networks, ..TargetRules::default() };
        assert_eq!(allowed(&["10.1.2.3", "fd00:1::5", "64:ff9b::10.1.2.3", "8.8.8.8"], &rules), [true; 4]);
        assert_eq!(
            allowed(&["10.2.0.0", "10.0.255.255", "fd00:2::", "::ffff:10.1.2.3", "127.0.0.1"], &rules),
            [false; 5]
        );
    }
}
