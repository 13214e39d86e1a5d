//! Sessions of people's browsers, as operators see and end them.

use std::collections::HashMap;

use super::{Clients, not_found, refuse};
use crate::domain::audit::Action;
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::person::PersonSession;
use crate::error::AppError;

impl Clients {
    /// The sessions of the browsers of these clients that have not expired, each client's newest first. Those that
    /// [`is_live`] does not take were ended with all others of their client.
    pub async fn sessions_of(&self, clients: &[ClientId]) -> Result<HashMap<ClientId, Vec<PersonSession>>, AppError> {
        Ok(self.store.list_person_sessions_of(clients, self.clock.now()).await?)
    }

    /// The live sessions of one client.
    pub async fn list_sessions(&self, client_id: &ClientId) -> Result<Vec<PersonSession>, AppError> {
        let client = self.existing(client_id).await?;
        let mut sessions =
            self.sessions_of(std::slice::from_ref(client_id)).await?.remove(client_id).unwrap_or_default();
        sessions.retain(|session| is_live(session, &client));
        Ok(sessions)
    }

    /// Ends one session of a person's browser: it gives no token any more. The last one that it gave ends within 10 minutes.
    pub async fn end_session(&self, client_id: &ClientId, session: &str) -> Result<Client, AppError> {
        let client = self.existing(client_id).await?;
        let entry = self.entry(Action::SessionsRevoked, client_id, vec![("session".to_owned(), session.to_owned())]);
        if self.store.revoke_person_session(session, entry).await? {
            return Ok(client);
        }
        Err(not_found(format!("{client_id} has no session {session}; list its sessions to see them")))
    }

    /// A program's client, for what a person has not.
    pub(super) async fn existing_machine(&self, client_id: &ClientId) -> Result<Client, AppError> {
        let client = self.existing(client_id).await?;
        match client.kind {
            ClientKind::Machine => Ok(client),
            ClientKind::Person => {
                let message = format!(
                    "{client_id} is a person, whose name and scopes come from the provider of identities and who has no secret \
                     and no key; change the groups there, or disable the person here"
                );
                Err(refuse("clientId", message))
            }
        }
    }
}

/// Whether a session was not ended with all others of its client.
#[must_use]
pub fn is_live(session: &PersonSession, client: &Client) -> bool {
    session.generation == client.session_generation && client.disabled_at.is_none()
}
