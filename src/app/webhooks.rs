//! Wires webhooks: what is sent comes from the schema, as every other answer does.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::AppState;
use crate::domain::event::Position;
use crate::domain::sealer::Purpose;
use crate::domain::webhook::PayloadForm;
use crate::error::AppError;
use crate::graphql::Sender;
use crate::rest;
use crate::service::webhooks::{Payload, Payloads};
use crate::service::{Caller, Principal};

impl AppState {
    /// The keys that verify what is sent to endpoints of webhooks, as a JSON Web Key Set.
    pub async fn webhook_public_keys(&self) -> Result<Value, AppError> {
        self.0.store.in_time(self.0.services.webhooks.public_keys()).await
    }

    /// Sends to endpoints of webhooks until the service stops.
    pub async fn deliver_webhooks(&self) {
        let webhooks = self.0.services.webhooks.clone();
        let stopping = self.stopping();
        tokio::join!(webhooks.deliver(Arc::new(self.clone()), stopping));
    }
}

impl Payloads for AppState {
    fn of<'a>(
        &'a self,
        reader: Principal,
        form: PayloadForm,
        positions: &'a [Position],
    ) -> BoxFuture<'a, Result<HashMap<Position, Payload>, AppError>> {
        async move {
            let services = &self.0.services;
            let sealer = services.sealing.sealer().await?;
            let seal = |position: &Position| sealer.seal(Purpose::EventId, [position.get()]);
            let ids: Vec<_> = positions.iter().map(seal).collect::<Result<_, _>>()?;
            let client = reader.client_id().clone();
            let caller = Caller::deputy(Arc::clone(&services.sessions), reader);
            let sender = (Sender::Caller(Arc::new(caller)), &client);
            let bodies = rest::webhook_bodies(self.api(), sender, form, &ids, &self.config().http.public_url).await?;
            let payload = |body: rest::WebhookBody| {
                let rest::WebhookBody { bytes, cursor, sequence } = body;
                Payload { body: bytes, cursor, sequence }
            };
            let payloads = positions.iter().copied().zip(bodies);
            Ok(payloads.filter_map(|(position, body)| Some((position, payload(body?)))).collect())
        }
        .boxed()
    }
}
