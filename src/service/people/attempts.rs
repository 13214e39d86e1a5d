//! Sign-ins under way. Nothing of them is kept here: the browser holds them, sealed, so that any instance takes the answer.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::auth::token::same_text;
use crate::error::AppError;
use crate::service::Sessions;

/// How long a person may take at the provider.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// So many tabs may sign in at once; of more the oldest is forgotten, so that what the browser sends stays short.
const MOST: usize = 3;

const PURPOSE: &str = "sign-in";

/// One sign-in under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// Comes back with the answer.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Proves to the provider that who brings the code began the sign-in (PKCE).
    pub verifier: String,
    /// Where in the dashboard it leads.
    pub return_to: String,
    /// Unix seconds.
    expires_at: i64,
}

impl Attempt {
    pub(super) fn new(state: String, nonce: String, verifier: String, return_to: String, now: DateTime<Utc>) -> Self {
        Self { state, nonce, verifier, return_to, expires_at: (now + LIFETIME).timestamp() }
    }
}

/// The sign-ins of one browser, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Attempts(Vec<Attempt>);

impl Attempts {
    /// Reads what the browser kept. What is not ours is nothing.
    pub(super) fn read(kept: Option<&str>, sessions: &Sessions, now: DateTime<Utc>) -> Self {
        let opened = kept.and_then(|kept| sessions.open(PURPOSE, kept));
        let attempts = opened.and_then(|text| serde_json::from_slice::<Vec<Attempt>>(text.expose_secret()).ok());
        let mut attempts = attempts.unwrap_or_default();
        attempts.retain(|attempt| attempt.expires_at > now.timestamp());
        Self(attempts)
    }

    pub(super) fn add(&mut self, attempt: Attempt) {
        let surplus = (self.0.len() + 1).saturating_sub(MOST);
        self.0.drain(..surplus);
        self.0.push(attempt);
    }

    /// Takes the sign-in that this state belongs to: it is answered once.
    pub(super) fn take(&mut self, state: &str) -> Option<Attempt> {
        let at = self.0.iter().position(|attempt| same_text(&attempt.state, state))?;
        Some(self.0.remove(at))
    }

    /// What the browser is to keep; `None` where there is nothing.
    pub(super) fn sealed(&self, sessions: &Sessions) -> Result<Option<String>, AppError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let text = serde_json::to_vec(&self.0).map_err(AppError::internal)?;
        sessions.seal(PURPOSE, &text).map(Some)
    }
}
