//! Tokens of people, whom a browser's session stands for and no secret.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretSlice;

use super::Sessions;
use crate::auth::token::{IssuedToken, Session};
use crate::domain::client::{Client, ClientId};
use crate::domain::permission;
use crate::domain::person::PersonSession;
use crate::error::AppError;

/// How long a token of a person lives: so soon a session that was ended is over.
const TOKEN_LIFETIME: Duration = Duration::from_mins(10);

/// No secret has this id.
const NO_SECRET: i64 = 0;

impl Sessions {
    /// A token for the person whose session this is; it does not outlive the session.
    pub(in crate::service) fn issue_to_person(
        &self,
        client: &Client,
        session: &PersonSession,
        now: DateTime<Utc>,
    ) -> Result<IssuedToken, AppError> {
        let left = session.expires_at.signed_duration_since(now).to_std().unwrap_or_default();
        let lifetime = TOKEN_LIFETIME.min(self.rules.token_lifetime).min(left);
        let session = Session {
            client_id: client.client_id.to_string(),
            auth_time: session.created_at.timestamp(),
            scope: permission::join(&client.permissions),
            secret_id: NO_SECRET,
            session_generation: session.generation,
        };
        self.keys.borrow().issue(&session, now, lifetime)
    }

    /// Counts a request of a person whose session was found.
    pub(in crate::service) fn admit_person(&self, client_id: &ClientId) -> Result<(), AppError> {
        self.rate_limit.admit_request(client_id.as_str())
    }

    /// Seals what a browser keeps for us, for what `purpose` names.
    pub(in crate::service) fn seal(&self, purpose: &str, text: &[u8]) -> Result<String, AppError> {
        self.keys.borrow().seal(purpose, text)
    }

    /// What was sealed for this purpose, by any instance.
    pub(in crate::service) fn open(&self, purpose: &str, sealed: &str) -> Option<SecretSlice<u8>> {
        self.keys.borrow().open(purpose, sealed)
    }
}
