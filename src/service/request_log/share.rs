//! How much of the log is for requests that nobody proved to have sent.

use std::net::IpAddr;
use std::num::NonZeroU32;

use crate::auth::credentials::UNKNOWN_ADDRESS;
use crate::clock::Clock;
use crate::service::buckets::{Buckets, Rate};
use crate::service::rate_limit::{Network, network};

/// Entries a minute, and at once, of one network.
const OF_NETWORK: [u32; 2] = [60, 120];

/// Entries a minute, and at once, of one client whose tokens have expired or were revoked: anybody may have found one.
const OF_FORMER: [u32; 2] = [60, 120];

/// Entries a minute, and at once, of all whom no token tells: 26 million in 30 days, of one instance.
const OF_ALL: [u32; 2] = [600, 1_200];

/// Token buckets of those who proved nothing.
pub struct Share {
    by_network: Buckets<Network>,
    by_former: Buckets<String>,
    of_all: Buckets<()>,
}

impl Share {
    pub fn new(clock: &Clock) -> Self {
        let rate = |[per_minute, burst]: [u32; 2]| {
            let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
            Rate { per_minute: number(per_minute), burst: number(burst) }
        };
        let name = "request_log";
        Self {
            by_network: Buckets::new(name, rate(OF_NETWORK), clock),
            by_former: Buckets::new(name, rate(OF_FORMER), clock),
            of_all: Buckets::new(name, rate(OF_ALL), clock),
        }
    }

    /// Whether one more of a client's former tokens is logged.
    pub fn takes_former(&self, client: &str) -> bool {
        self.by_former.is_there(&client.to_owned())
    }

    /// Whether one more is logged.
    pub fn takes(&self, address: Option<IpAddr>) -> bool {
        self.by_network.is_there(&network(address.unwrap_or(UNKNOWN_ADDRESS))) && self.of_all.is_there(&())
    }
}
