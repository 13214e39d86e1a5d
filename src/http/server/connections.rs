//! The open connections: how many there may be, in all and from one address, and which one makes room for another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;

use super::connection::{Connection, Phase, Timeouts};
use crate::service::throttle::network;

/// How many connections there may be.
#[derive(Debug, Clone)]
pub struct Capacity {
    /// In all.
    pub connections: usize,
    /// From one address, or network of IPv6.
    pub per_address: usize,
    /// Whose connections are those of many callers, and so only count in all.
    pub trusted_proxies: Vec<IpNet>,
}

/// Beyond the limit so many more are taken, for health checks alone: an instance that is full is not dead.
const RESERVED: usize = 16;

/// A head comes in one piece, or nearly so: after this long it may have to make room.
const OVERDUE: Duration = Duration::from_secs(5);

/// The open connections.
pub struct Connections {
    capacity: Capacity,
    timeouts: Timeouts,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    within: HashMap<IpAddr, Vec<Arc<Connection>>>,
    count: usize,
    beyond: Vec<Arc<Connection>>,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Its address has as many as one may have.
    Address,
    /// There is no room at all.
    Full,
}

/// A connection, counted for as long as this is kept.
pub struct Counted {
    /// The connection.
    pub connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Connections {
    /// None yet.
    pub fn new(capacity: Capacity, timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self { capacity, timeouts, open: Mutex::default() })
    }

    /// Counts a connection from this address. Where there are too many, the one makes room that has been waiting longest for
    /// a next request, which its client can send on a new connection.
    pub fn open(self: &Arc<Self>, address: IpAddr) -> Result<Counted, Refused> {
        let (address, network) = (address.to_canonical(), network(address));
        let is_proxy = self.capacity.trusted_proxies.iter().any(|proxy| proxy.contains(&address));
        let mut open = self.lock();
        let of_address = open.within.get(&network).map_or(&[][..], Vec::as_slice);
        if !is_proxy && of_address.len() >= self.capacity.per_address {
            let least = least_needed(|| of_address.iter()).ok_or(Refused::Address)?;
            open.evict(&least);
        }
        if open.count >= self.capacity.connections
            && let Some(least) = least_needed(|| open.within.values().flatten())
        {
            open.evict(&least);
        }
        let is_beyond = open.count >= self.capacity.connections;
        if is_beyond && open.beyond.len() >= RESERVED {
            // Who wants to know how we are asks at once.
            let silent = longest(open.beyond.iter(), Phase::Head).or_else(|| longest(open.beyond.iter(), Phase::Idle));
            open.evict(&silent.ok_or(Refused::Full)?);
        }
        let connection = Arc::new(Connection::new(network, is_beyond, self.timeouts));
        if is_beyond {
            open.beyond.push(Arc::clone(&connection));
        } else {
            open.count += 1;
            open.within.entry(network).or_default().push(Arc::clone(&connection));
        }
        Ok(Counted { connection, connections: Arc::clone(self) })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // The lists are whole at every step.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn evict(&mut self, connection: &Arc<Connection>) {
        connection.evict();
        self.remove(connection);
    }

    fn remove(&mut self, connection: &Arc<Connection>) {
        if connection.is_beyond_limit {
            self.beyond.retain(|other| !Arc::ptr_eq(other, connection));
        } else if let Some(of_address) = self.within.get_mut(&connection.network)
            && let Some(index) = of_address.iter().position(|other| Arc::ptr_eq(other, connection))
        {
            of_address.swap_remove(index);
            self.count -= 1;
            if of_address.is_empty() {
                self.within.remove(&connection.network);
            }
        }
    }
}

/// The one that waits longest for a next request, or else for the rest of a head that is long overdue.
fn least_needed<'c, C: Iterator<Item = &'c Arc<Connection>>>(connections: impl Fn() -> C) -> Option<Arc<Connection>> {
    longest(connections(), Phase::Idle)
        .or_else(|| longest(connections(), Phase::Head).filter(|slow| slow.since().elapsed() > OVERDUE))
}

/// The one that has been in this phase longest.
fn longest<'c>(connections: impl Iterator<Item = &'c Arc<Connection>>, phase: Phase) -> Option<Arc<Connection>> {
    connections.filter(|connection| connection.phase() == phase).min_by_key(|connection| connection.since()).cloned()
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(connections: usize, per_address: usize) -> Arc<Connections> {
        let timeouts = Timeouts { header: Duration::MAX, idle: Duration::MAX, write: Duration::MAX };
        let trusted_proxies = vec!["10.0.0.1/32".parse().unwrap()];
        Connections::new(Capacity { connections, per_address, trusted_proxies }, timeouts)
    }

    fn open(connections: &Arc<Connections>, address: &str) -> Result<Counted, Refused> {
        connections.open(address.parse().unwrap())
    }

    #[tokio::test]
    async fn one_address_leaves_room_for_others_and_a_proxy_counts_in_all_only() {
        let connections = connections(6, 2);
        let held: Vec<_> = (0..2).map(|_| open(&connections, "2001:db8::1").unwrap()).collect();
        assert_eq!(open(&connections, "2001:db8::2").err(), Some(Refused::Address));
        let proxied: Vec<_> = (0..4).map(|_| open(&connections, "10.0.0.1").unwrap()).collect();
        assert!(proxied.iter().all(|counted| !counted.connection.is_beyond_limit));
        assert!(open(&connections, "10.0.0.1").unwrap().connection.is_beyond_limit);
        drop(held);
        assert!(!open(&connections, "2001:db8::2").unwrap().connection.is_beyond_limit);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_longest_for_a_next_request_makes_room() {
        let connections = connections(10, 3);
        let held: Vec<_> = (0..3).map(|_| open(&connections, "192.0.2.1").unwrap()).collect();
        for answered in [2, 0] {
            tokio::time::advance(Duration::from_secs(1)).await;
            held[answered].connection.begin_answer();
            held[answered].connection.end_answer();
        }
        let _next = open(&connections, "192.0.2.1").unwrap();
        let evicted = || held.iter().map(|counted| counted.connection.is_evicted()).collect::<Vec<_>>();
        assert_eq!(evicted(), [false, false, true]);
        let _next = open(&connections, "192.0.2.1").unwrap();
        assert_eq!(evicted(), [true, false, true]);
        // What is at work stays, and so does a head until it is overdue.
        assert_eq!(open(&connections, "192.0.2.1").err(), Some(Refused::Address));
        tokio::time::advance(OVERDUE).await;
        let _next = open(&connections, "192.0.2.1").unwrap();
        assert_eq!(evicted(), [true, true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_limit_the_silent_ones_make_room_for_a_health_check() {
        let connections = connections(1, 1);
        let first = open(&connections, "192.0.2.1").unwrap();
        first.connection.begin_answer();
        let mut beyond = Vec::new();
        for n in 0..RESERVED {
            tokio::time::advance(Duration::from_millis(1)).await;
            beyond.push(open(&connections, &format!("198.51.100.{n}")).unwrap());
        }
        let check = open(&connections, "203.0.113.7").unwrap();
        assert!(check.connection.is_beyond_limit && beyond[0].connection.is_evicted());
        beyond.iter().chain([&check]).for_each(|counted| counted.connection.begin_answer());
        assert_eq!(open(&connections, "203.0.113.8").err(), Some(Refused::Full));
        drop(first);
        assert!(!open(&connections, "203.0.113.8").unwrap().connection.is_beyond_limit);
    }
}
