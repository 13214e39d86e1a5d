//! The owner of a connection, whose limits it counts for: its address until it sends a valid token, then its client.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::protocol::{Close, close_because, close_for, interruption_code};
use crate::app::AppState;
use crate::auth::admission::Admission;
use crate::auth::credentials::Credentials;
use crate::domain::client::ClientId;
use crate::error::ErrorCode;
use crate::service::slots::Slot;

/// After so many messages without a valid token one counts for the budget of the address; an operation counts by itself.
const MESSAGES_A_REQUEST: u64 = 10;

/// The time limit of a check of the session.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// What is held of a limit for as long as the connection lasts.
pub enum Held {
    /// Its address's.
    Address(#[expect(dead_code, reason = "held, not read")] Slot<IpAddr>),
    /// Its client's.
    Client(Slot<ClientId>),
}

/// The owner of a connection.
pub struct Owner {
    state: AppState,
    /// What the handshake brought, and later messages.
    pub credentials: Credentials,
    held: Held,
    /// Whether the client's token is valid, as far as was looked.
    has_valid_token: bool,
    /// Since when it has had no valid token.
    since: Instant,
    /// How many messages came that are no operations.
    messages: u64,
}

impl Owner {
    /// As the handshake says.
    pub fn new(state: AppState, credentials: Credentials, held: Held) -> Self {
        let has_valid_token = matches!(held, Held::Client(_));
        Self { state, credentials, held, has_valid_token, since: Instant::now(), messages: 0 }
    }

    /// Whether the client's token is valid, as far as was looked.
    pub const fn has_valid_token(&self) -> bool {
        self.has_valid_token
    }

    /// Since when it has had no valid token, if it has none.
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// Counts a message that is no operation, where the client has no valid token.
    pub fn count_message(&mut self) -> Result<(), Close> {
        self.messages += 1;
        self.charge(u32::from(self.messages.is_multiple_of(MESSAGES_A_REQUEST)))
    }

    /// Takes so many requests from the budget of the address, where the client has no valid token.
    pub fn charge(&self, requests: u32) -> Result<(), Close> {
        let Some(requests) = NonZeroU32::new(requests).filter(|_| !self.has_valid_token) else { return Ok(()) };
        let outcome = self.state.sessions().admit_anonymous(self.credentials.address, requests);
        outcome.map_err(|refusal| close_for(1013, &refusal))
    }

    /// From here on the connection is the client's, and no longer its address's.
    pub async fn authenticate(&mut self) -> Result<(), Close> {
        let principal = match self.state.api().authenticate(self.credentials.clone()).await {
            Ok(principal) => principal,
            Err(error) => return Err(close_for(interruption_code(&error), &error)),
        };
        if !matches!(&self.held, Held::Client(slot) if slot.holder() == principal.client_id()) {
            let clients = &self.state.occupancy().client_sockets;
            let Some(slot) = clients.take(principal.client_id()) else {
                let limit = clients.each();
                let message = format!("A client may have {limit} WebSockets at once; close one first");
                return Err(close_because(1013, message));
            };
            self.held = Held::Client(slot);
        }
        self.state.sessions().give_back(self.credentials.address, &self.credentials.admission);
        self.has_valid_token = true;
        Ok(())
    }

    /// Looks whether the token has expired or its session has ended.
    pub async fn look_at_token(&mut self) {
        let Ok(token) = self.credentials.bearer_token() else { return };
        let sessions = self.state.sessions();
        // A database that cannot be asked, or not in time, says nothing against the token. The connection waits meanwhile:
        // its events, and the end of the service
        // (`while_the_machine_is_away_a_service_is_not_ready_sends_followers_away_and_stops_in_time`).
        let looked = timeout(LOOK_LIMIT, sessions.authenticate(token)).await;
        self.has_valid_token = sessions.is_token_valid(token)
            && !matches!(looked, Ok(Err(error)) if error.code == ErrorCode::Unauthenticated);
        if !self.has_valid_token {
            self.since = Instant::now();
        }
    }

    /// How the next operation stands with the budget of the address.
    pub async fn admit(&mut self) -> Admission {
        if self.has_valid_token {
            // It may have ended since it was last looked at.
            let is_valid =
                self.credentials.bearer_token().is_ok_and(|token| self.state.sessions().is_token_valid(token));
            if !is_valid {
                self.look_at_token().await;
            }
        }
        self.state.sessions().admit(self.credentials.address, self.credentials.bearer_token().ok())
    }
}
