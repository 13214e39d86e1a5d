//! Requests that somebody waits for: a test, and the proof that an endpoint wants to be told.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Webhooks;
use super::message::{Envelope, Sent};
use crate::clock::random_bytes;
use crate::domain::audit::{Action, Detail};
use crate::domain::client::ClientId;
use crate::domain::own_name::OwnName;
use crate::domain::webhook::{AttemptOutcome, AttemptTrigger, EndpointState, WebhookAttempt, WebhookEndpoint};
use crate::error::{AppError, ErrorCode};

/// What became of a test or of a verification.
pub struct Trial {
    /// The endpoint, as it is now.
    pub endpoint: WebhookEndpoint,
    /// The attempt.
    pub attempt: WebhookAttempt,
    /// Where the endpoint says that it is instead.
    pub location: Option<String>,
}

/// For how long a trial counts at least.
pub(super) const TRIAL_COUNTS: Duration = Duration::from_secs(10);

/// After how long one more trial may be asked for.
const TRIAL_RETRY: Duration = Duration::from_secs(5);

impl Webhooks {
    /// Sends a test to an endpoint, whatever its state.
    pub async fn test(&self, client: &ClientId, name: &OwnName) -> Result<Trial, AppError> {
        let endpoint = self.endpoint(client, name).await?;
        let (sent, _) = self.try_out(&endpoint, AttemptTrigger::Test, "endpoint.test", json!({})).await?;
        self.conclude(endpoint, AttemptTrigger::Test, sent).await
    }

    /// Asks an endpoint to prove that it wants to be told, by the challenge in its answer; one that does is active from then on.
    pub async fn verify(&self, client: &ClientId, name: &OwnName) -> Result<Trial, AppError> {
        let endpoint = self.endpoint(client, name).await?;
        let challenge = URL_SAFE_NO_PAD.encode(random_bytes::<24>());
        let trigger = AttemptTrigger::Verification;
        let (mut sent, url) =
            self.try_out(&endpoint, trigger, "endpoint.verification", json!({"challenge": challenge})).await?;
        if sent.outcome.is_delivered() && !echoes(&sent.answer.body, &challenge) {
            sent.outcome = AttemptOutcome::NotVerified;
        }
        let endpoint = if sent.outcome.is_delivered() && endpoint.state == EndpointState::Pending {
            self.activate(endpoint, &url).await?
        } else {
            endpoint
        };
        self.conclude(endpoint, trigger, sent).await
    }

    /// Begins to tell an endpoint, unless it is elsewhere by now.
    async fn activate(&self, endpoint: WebhookEndpoint, url: &str) -> Result<WebhookEndpoint, AppError> {
        let entry = self.entry_of(Action::WebhookEndpointVerified, &endpoint, Detail::new());
        let verified = self.0.store.verify_webhook_endpoint(endpoint.id, url.to_owned(), entry).await?;
        self.0.changed.notify_one();
        verified.ok_or_else(|| {
            let message = "The endpoint changed while it was verified; verify it again";
            AppError::new(ErrorCode::Conflict, message)
        })
    }

    async fn try_out(
        &self,
        endpoint: &WebhookEndpoint,
        trigger: AttemptTrigger,
        kind: &str,
        data: Value,
    ) -> Result<(Sent, String), AppError> {
        self.ensure_on()?;
        let slot = self.0.trials.take(&endpoint.client_id).ok_or_else(|| {
            let limit = self.0.trials.each();
            let seconds = TRIAL_COUNTS.as_secs();
            let message =
                format!("A client may test and verify endpoints {limit} times in {seconds} seconds; wait a little");
            AppError::new(ErrorCode::RateLimited, message).retry_after(TRIAL_RETRY)
        })?;
        tokio::spawn(async move {
            tokio::time::sleep(TRIAL_COUNTS).await;
            drop(slot);
        });
        let url = endpoint.settings.url.clone();
        // The operator may have changed where requests may go.
        let target = self.0.outgoing.target(&url).map_err(|fault| {
            AppError::new(ErrorCode::Conflict, format!("The endpoint's url {fault}; give it another one"))
        })?;
        let signer = Arc::new(self.signer(endpoint).await?);
        let id = format!("msg_{}", URL_SAFE_NO_PAD.encode(random_bytes::<18>()));
        let body = json!({
            "type": kind,
            "timestamp": self.0.clock.now(),
            "data": data,
        });
        let envelope = Envelope { id, attempt: 1, trigger, version: endpoint.version, event: None };
        Ok((self.send(&target, signer, envelope, body.to_string().into_bytes()).await?, url))
    }

    /// Notes what became of it.
    async fn conclude(
        &self,
        endpoint: WebhookEndpoint,
        trigger: AttemptTrigger,
        Sent { at, answer, outcome }: Sent,
    ) -> Result<Trial, AppError> {
        let attempt = WebhookAttempt {
            id: 0,
            endpoint_id: endpoint.id,
            position: None,
            order: None,
            attempt: 1,
            trigger,
            at,
            duration_ms: u32::try_from(answer.duration.as_millis()).unwrap_or(u32::MAX),
            status: answer.status,
            outcome,
            excerpt: answer.excerpt,
            next_attempt_at: None,
        };
        self.0.store.insert_webhook_attempts(vec![attempt.clone()]).await?;
        Ok(Trial { endpoint, attempt, location: answer.location })
    }
}

/// Whether an answer holds the challenge: alone, or as the member `challenge` of an object.
fn echoes(body: &[u8], challenge: &str) -> bool {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text == challenge {
        return true;
    }
    serde_json::from_str(text).is_ok_and(|answer: Value| answer == challenge || answer["challenge"] == challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_echoed_alone_or_in_an_object() {
        for body in ["abc", " abc\n", "\"abc\"", r#"{"challenge": "abc"}"#, r#"{"ok":true,"challenge":"abc"}"#] {
            assert!(echoes(body.as_bytes(), "abc"), "{body}");
        }
        for body in ["", "abcd", "ok", r#"{"challenge": "abd"}"#, r#"{"data": {"challenge": "abc"}}"#, "[\"abc\"]"] {
            assert!(!echoes(body.as_bytes(), "abc"), "{body}");
        }
    }
}
