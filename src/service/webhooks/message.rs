//! One request to an endpoint.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Webhooks;
use super::signing::Signer;
use crate::auth::webhook_signature::Message;
use crate::clock::random_bytes;
use crate::domain::webhook::{AttemptOutcome, AttemptTrigger};
use crate::error::AppError;
use crate::outgoing::{Outcome, TargetUrl};
use crate::telemetry::Trace;

/// What is sent, beside the body.
pub(super) struct Envelope {
    /// `webhook-id`: the same for each attempt at the same event.
    pub id: String,
    /// How often it was sent, this time included.
    pub attempt: u32,
    /// Why it is sent.
    pub trigger: AttemptTrigger,
    /// The form of the body.
    pub version: i32,
    /// Of an event: its cursor in the feed, and its number in the order's history.
    pub event: Option<(String, i64)>,
}

/// What became of a request.
pub(super) struct Sent {
    /// When it began.
    pub at: DateTime<Utc>,
    /// The answer.
    pub answer: Outcome,
    /// What became of it.
    pub outcome: AttemptOutcome,
}

impl Webhooks {
    /// Signs a body and sends it.
    pub(super) async fn send(
        &self,
        target: &TargetUrl,
        signer: Arc<Signer>,
        envelope: Envelope,
        body: Vec<u8>,
    ) -> Result<Sent, AppError> {
        let at = self.0.clock.now();
        let Envelope { id, attempt, trigger, version, event } = envelope;
        let (signed_id, path, is_slow) = (id.clone(), target.path().to_owned(), signer.is_slow());
        let sign = move |body: &[u8]| {
            let message = Message { id: &signed_id, timestamp: at.timestamp(), body, path: &path };
            signer.sign(&message, at)
        };
        let (proof, body) = if is_slow {
            let signing = tokio::task::spawn_blocking(move || (sign(&body), body));
            signing.await.map_err(AppError::internal)?
        } else {
            (sign(&body), body)
        };
        let proof = proof?;
        let trace = Trace::of_webhook(&id, attempt, target.server());
        let own = [
            ("content-type", "application/json".to_owned()),
            ("webhook-attempt", attempt.to_string()),
            ("webhook-trigger", trigger.as_str().to_ascii_lowercase()),
            ("webhook-version", version.to_string()),
            ("traceparent", trace.as_ref().map_or_else(not_traced, Trace::traceparent)),
        ];
        let of_event =
            event.map(|(cursor, sequence)| [("webhook-cursor", cursor), ("webhook-sequence", sequence.to_string())]);
        let headers = [proof, own.into(), of_event.into_iter().flatten().collect()].concat();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.0.outgoing.post(target, &headers, body).await;
        let outcome = answer.class;
        if let Some(trace) = trace {
            trace.end_webhook(answer.status, (!outcome.is_delivered()).then(|| outcome.as_str()));
        }
        Ok(Sent { at, answer, outcome })
    }
}

/// A trace that nobody records: the receiver's own begins there.
fn not_traced() -> String {
    format!("00-{}-{}-00", hex::encode(random_bytes::<16>()), hex::encode(random_bytes::<8>()))
}
