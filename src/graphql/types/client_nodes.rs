//! What the ids of clients, of their keys and of entries of the audit log name, if the caller may see it: every client itself and
//! its keys, and whoever has the scope `clients:read` all of them.

use std::collections::HashMap;

use async_graphql::{Context, Result};
use chrono::{DateTime, Utc};

use super::client::sees_clients;
use super::client_credentials::ClientKey;
use super::node::{GlobalId, Node};
use super::reader::principal;
use crate::domain::audit::AuditEntry;
use crate::domain::client::{Client, ClientId};
use crate::graphql::cost::budget;
use crate::service::clients::StoredPublicKey;

/// What was found, by what names it: a statement or two for each kind, however many ids there are.
pub struct ClientNodes {
    clients: HashMap<ClientId, Client>,
    keys: HashMap<ClientId, Vec<StoredPublicKey>>,
    entries: HashMap<i64, AuditEntry>,
    now: DateTime<Utc>,
}

/// What is asked for and may be seen.
#[derive(Default)]
struct Visible {
    clients: Vec<ClientId>,
    holders: Vec<ClientId>,
    entries: Vec<i64>,
}

impl Visible {
    fn of<'i>(ctx: &Context<'_>, ids: impl Iterator<Item = &'i GlobalId>) -> Result<Self> {
        let (own, sees_all) = (principal(ctx)?.client_id(), sees_clients(ctx));
        let mut visible = Self::default();
        for id in ids {
            match id {
                GlobalId::Client(client) if sees_all || client == own => visible.clients.push(client.clone()),
                GlobalId::ClientKey(client, _) if sees_all || client == own => visible.holders.push(client.clone()),
                GlobalId::ClientAuditEntry(entry) if sees_all => visible.entries.push(*entry),
                _ => {}
            }
        }
        Ok(visible)
    }
}

impl ClientNodes {
    /// Reads what these ids name.
    pub async fn load(ctx: &Context<'_>, ids: impl Iterator<Item = &GlobalId>) -> Result<Self> {
        let Visible { clients, holders, entries } = Visible::of(ctx, ids)?;
        let statements =
            usize::from(!clients.is_empty()) + 2 * usize::from(!holders.is_empty()) + usize::from(!entries.is_empty());
        let service = &budget::read(ctx, statements)?.clients;
        let (clients, keys) = (service.by_ids(&clients).await?, service.keys_by_ids(&holders).await?);
        Ok(Self { clients, keys, entries: service.audit_entries(&entries).await?, now: service.now() })
    }

    /// What an id names.
    pub fn find(&self, id: &GlobalId) -> Option<Node> {
        match id {
            GlobalId::Client(client) => self.clients.get(client).cloned().map(|client| Node::Client(client.into())),
            GlobalId::ClientKey(client, fingerprint) => {
                let key = self.keys.get(client)?.iter().find(|key| key.fingerprint == *fingerprint)?.clone();
                Some(Node::ClientKey(ClientKey { client: client.clone(), key, now: self.now }))
            }
            GlobalId::ClientAuditEntry(entry) => {
                self.entries.get(entry).cloned().map(|entry| Node::ClientAuditEntry(entry.into()))
            }
            GlobalId::SalesOrder(_) | GlobalId::SalesOrderEvent(_) => None,
        }
    }
}
