//! Webhooks: endpoints, which instance sends to which of them, how far each is, and the log of attempts.

mod attempts;
mod endpoints;
mod events;
mod leases;
mod progress;
mod replays;
mod secrets;

pub use endpoints::SavedEndpoint;
pub use events::WebhookEventKey;
pub use leases::HeldEndpoint;
pub use progress::{EndpointProgress, ReplayProgress};
pub use secrets::{NewSigningKey, SealedSecret, SigningKeyRow};
