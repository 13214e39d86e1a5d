//! The open connections: how many there may be, in all and from one address, and which one makes room for another.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;

use super::connection::{Connection, Phase, Timeouts};
use crate::service::rate_limit::network;

/// The limits of open connections.
#[derive(Debug, Clone)]
pub struct Capacity {
    /// In all.
    pub connections: usize,
    /// From one address, or network of IPv6.
    pub per_address: usize,
    /// Whose connections are those of many callers, and so only count in all.
    pub trusted_proxies: Vec<IpNet>,
}

/// Connections that are accepted beyond a limit, for health checks alone: a full instance must still report that it is alive.
pub const RESERVED: usize = 16;

/// The most of them from one address.
const RESERVED_PER_ADDRESS: usize = 4;

/// The most connections that are closing to make room and still open.
pub const LEAVING: usize = 64;

/// A request's head arrives almost at once: a connection that waits for one longer than this may have to make room.
const OVERDUE: Duration = Duration::from_secs(5);

/// The open connections.
pub struct Connections {
    capacity: Capacity,
    timeouts: Timeouts,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    within: HashMap<IpAddr, OfNetwork>,
    /// Of those within: how many there are, and how many of them were told to make room. They count until they are gone.
    count: usize,
    leaving: usize,
    beyond: Vec<Arc<Connection>>,
}

#[derive(Default)]
struct OfNetwork {
    connections: Vec<Arc<Connection>>,
    leaving: usize,
    /// Slots of streams beside the first of their connection.
    streams: usize,
    is_proxy: bool,
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

/// The slot of a stream of HTTP/2 among the connections; free again when this is dropped.
pub struct StreamSlot(Arc<Counted>);

impl Counted {
    /// A slot for one more stream. Each beside the first of its connection counts as one more connection, for it may hold
    /// as much.
    pub fn stream_slot(self: &Arc<Self>) -> Result<StreamSlot, Refused> {
        let connection = &self.connection;
        if let Some(beyond) = connection.beyond {
            return Err(beyond);
        }
        let mut open = self.connections.lock();
        let streams = connection.streams();
        if streams > 0 {
            let is_proxy = open.within.get(&connection.network).is_some_and(|of_network| of_network.is_proxy);
            self.connections.make_room(&mut open, connection.network, is_proxy)?;
            open.count_streams(connection.network, |count| count + 1);
        }
        connection.set_streams(streams + 1);
        Ok(StreamSlot(Arc::clone(self)))
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let Counted { connection, connections } = &*self.0;
        let mut open = connections.lock();
        let left = connection.streams() - 1;
        if left > 0 {
            open.count_streams(connection.network, |count| count - 1);
        }
        connection.set_streams(left);
    }
}

impl Connections {
    /// None yet.
    pub fn new(capacity: Capacity, timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self { capacity, timeouts, open: Mutex::default() })
    }

    /// Counts a connection from this address. Where there are too many, the one makes room that has been waiting longest for
    /// a next request, which its client can send on a new connection: of the same address, or where there are too many in
    /// all, of the address that has the most.
    pub fn open(self: &Arc<Self>, address: IpAddr) -> Result<Counted, Refused> {
        let (address, network) = (address.to_canonical(), network(address));
        let is_proxy = self.capacity.trusted_proxies.iter().any(|proxy| proxy.contains(&address));
        let mut open = self.lock();
        let beyond = self.make_room(&mut open, network, is_proxy).err();
        if let Some(refused) = beyond {
            open.make_room_beyond(network).ok_or(refused)?;
        }
        let connection = Arc::new(Connection::new(network, beyond, self.timeouts));
        if beyond.is_some() {
            open.beyond.push(Arc::clone(&connection));
        } else {
            open.count += 1;
            let of_network = open.within.entry(network).or_default();
            of_network.is_proxy = is_proxy;
            of_network.connections.push(Arc::clone(&connection));
        }
        Ok(Counted { connection, connections: Arc::clone(self) })
    }

    fn make_room(&self, open: &mut Open, network: IpAddr, is_proxy: bool) -> Result<(), Refused> {
        let Capacity { connections, per_address, .. } = self.capacity;
        if open.count >= connections + LEAVING {
            return Err(Refused::Full);
        }
        if !is_proxy
            && let Some(of_network) = open.within.get(&network)
            && of_network.staying() >= per_address
        {
            let least = of_network.least_needed().filter(|_| of_network.leaving < LEAVING).ok_or(Refused::Address)?;
            open.evict(&least);
        }
        if open.count - open.leaving >= connections {
            let least = open.least_needed().ok_or(Refused::Full)?;
            open.evict(&least);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // The lists are whole at every step.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The least needed one of whoever has the most. A proxy's are those of many callers, each of whom counts for one.
    fn least_needed(&self) -> Option<Arc<Connection>> {
        let of_each = self.within.values().filter_map(|of_network| {
            let weight = if of_network.is_proxy { 1 } else { of_network.staying() };
            Some((weight, of_network.least_needed()?))
        });
        of_each.max_by_key(|(weight, least)| (*weight, Reverse(least.since()))).map(|(_, least)| least)
    }

    /// Makes room for one that is for health checks only. Who wants to know how we are asks at once: the silent ones go.
    fn make_room_beyond(&mut self, network: IpAddr) -> Option<()> {
        let silent = |connections: &[Arc<Connection>], network: Option<IpAddr>| {
            let of_network = || connections.iter().filter(|one| network.is_none_or(|network| one.network == network));
            longest(of_network(), |phase| phase == Phase::Head).or_else(|| longest(of_network(), Phase::is_pause))
        };
        let leaves = if self.beyond.iter().filter(|one| one.network == network).count() >= RESERVED_PER_ADDRESS {
            silent(&self.beyond, Some(network))?
        } else if self.beyond.len() >= RESERVED {
            silent(&self.beyond, None)?
        } else {
            return Some(());
        };
        leaves.evict();
        self.beyond.retain(|other| !Arc::ptr_eq(other, &leaves));
        Some(())
    }

    fn count_streams(&mut self, network: IpAddr, change: impl Fn(usize) -> usize) {
        self.count = change(self.count);
        if let Some(of_network) = self.within.get_mut(&network) {
            of_network.streams = change(of_network.streams);
        }
    }

    fn evict(&mut self, connection: &Arc<Connection>) {
        connection.evict();
        self.leaving += 1;
        if let Some(of_network) = self.within.get_mut(&connection.network) {
            of_network.leaving += 1;
        }
    }

    fn remove(&mut self, connection: &Arc<Connection>) {
        if connection.beyond.is_some() {
            self.beyond.retain(|other| !Arc::ptr_eq(other, connection));
        } else if let Some(of_network) = self.within.get_mut(&connection.network)
            && let Some(index) = of_network.connections.iter().position(|other| Arc::ptr_eq(other, connection))
        {
            of_network.connections.swap_remove(index);
            let leaving = usize::from(connection.is_evicted());
            of_network.leaving -= leaving;
            self.leaving -= leaving;
            self.count -= 1;
            if of_network.connections.is_empty() {
                self.within.remove(&connection.network);
            }
        }
    }
}

impl OfNetwork {
    /// How many there are that were not told to make room, streams included.
    fn staying(&self) -> usize {
        self.connections.len() - self.leaving + self.streams
    }

    /// The one that waits longest for a next request, or else for the rest of a head that is long overdue.
    fn least_needed(&self) -> Option<Arc<Connection>> {
        longest(self.connections.iter(), Phase::is_pause).or_else(|| {
            let slow = longest(self.connections.iter(), |phase| phase == Phase::Head);
            slow.filter(|slow| slow.since().elapsed() > OVERDUE)
        })
    }
}

/// The one that has been in such a phase longest, of those that can make room: with nothing left to send, and not told yet.
fn longest<'c>(
    connections: impl Iterator<Item = &'c Arc<Connection>>,
    fits: impl Fn(Phase) -> bool,
) -> Option<Arc<Connection>> {
    let in_phase = connections.filter(|one| fits(one.phase()) && !one.is_stalled() && !one.is_evicted());
    in_phase.min_by_key(|connection| connection.since()).cloned()
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.connection);
    }
}

#[cfg(test)]
#[path = "connections_tests.rs"]
mod tests;
