//! What a client may do ([`Permission`], the OAuth scopes) and which orders it may read ([`Scope`]).

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use super::client::ClientId;

/// One scope of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Permission {
    /// Partners: send orders.
    OrdersCreate,
    /// Dashboards: read every client's orders.
    OrdersRead,
    /// Move orders through their life.
    OrdersManage,
    /// Erase what is personal in orders.
    OrdersErase,
    /// Read clients and their keys.
    ClientsRead,
    /// Create, disable and rotate clients.
    ClientsManage,
}

/// The text names no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "unknown scope \"{0}\"; the scopes are orders:create, orders:read, orders:manage, orders:erase, clients:read, clients:manage"
)]
pub struct UnknownPermission(String);

impl Permission {
    /// Every scope there is.
    pub const ALL: [Self; 6] = [
        Self::OrdersCreate,
        Self::OrdersRead,
        Self::OrdersManage,
        Self::OrdersErase,
        Self::ClientsRead,
        Self::ClientsManage,
    ];

    /// The scope's name in tokens, on the command line and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrdersCreate => "orders:create",
            Self::OrdersRead => "orders:read",
            Self::OrdersManage => "orders:manage",
            Self::OrdersErase => "orders:erase",
            Self::ClientsRead => "clients:read",
            Self::ClientsManage => "clients:manage",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|p| p.as_str() == text).ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

/// Writes scopes the way a token and the database hold them: separated by spaces (RFC 8693 §4.2).
#[must_use]
pub fn join(permissions: &[Permission]) -> String {
    permissions.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(" ")
}

/// Reads what [`join`] wrote; names this version does not know grant nothing.
#[must_use]
pub fn split(text: &str) -> Vec<Permission> {
    text.split_whitespace().filter_map(|name| name.parse().ok()).collect()
}

/// The orders that a caller may read. Every query of the store that finds orders takes one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every order.
    All,
    /// One client's own orders; to this caller the others do not exist.
    Client(ClientId),
}

impl Scope {
    /// Whether the caller may read the orders of this client.
    #[must_use]
    pub fn holds(&self, owner: &ClientId) -> bool {
        match self {
            Self::All => true,
            Self::Client(own) => own == owner,
        }
    }

    /// Whether the caller may read what this client left with an order: its id, its note, its system and its number there.
    /// A partner sees what happened to its orders and when, not who among us did it and what they noted.
    #[must_use]
    pub fn shows_work_of(&self, actor: &str) -> bool {
        match self {
            Self::All => true,
            Self::Client(own) => own.as_str() == actor,
        }
    }
}
