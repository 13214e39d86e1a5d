//! Who did what to endpoints, for the log of clients' changes.

use url::Url;

use super::Webhooks;
use crate::domain::audit::{Action, Detail, NewAuditEntry};
use crate::domain::client::ClientId;
use crate::domain::own_name::OwnName;
use crate::domain::webhook::{EndpointSettings, WebhookEndpoint};

impl Webhooks {
    /// An entry about a client's endpoint. The details follow its name.
    pub(super) fn entry(&self, action: Action, client: &ClientId, name: &OwnName, detail: Detail) -> NewAuditEntry {
        let named = [("endpoint".to_owned(), name.to_string())];
        self.entry_of_client(action, client, named.into_iter().chain(detail).collect())
    }

    /// The same about an endpoint that is there.
    pub(super) fn entry_of(&self, action: Action, endpoint: &WebhookEndpoint, detail: Detail) -> NewAuditEntry {
        self.entry(action, &endpoint.client_id, &endpoint.name, detail)
    }

    /// An entry about what is the service's own.
    pub(super) fn entry_of_service(&self, action: Action, detail: Detail) -> NewAuditEntry {
        self.entry_of_client(action, &ClientId::operator(), detail)
    }

    fn entry_of_client(&self, action: Action, client: &ClientId, detail: Detail) -> NewAuditEntry {
        NewAuditEntry { actor: self.1.clone(), action, client_id: client.clone(), detail, at: self.0.clock.now() }
    }
}

/// What is another in the settings of an endpoint than before, as the log records it.
pub(super) fn changes(before: Option<&EndpointSettings>, now: &EndpointSettings) -> Detail {
    let before = before.map(texts);
    let now = texts(now).into_iter().enumerate();
    let changed = now.filter(|(index, (_, text))| before.as_ref().is_none_or(|before| before[*index].1 != *text));
    changed.map(|(_, (name, text))| (name.to_owned(), if name == URL { origin(&text) } else { text })).collect()
}

const URL: &str = "url";

fn texts(settings: &EndpointSettings) -> [(&'static str, String); 6] {
    let EndpointSettings { url, kinds, payload, signatures, on_exhausted, max_in_flight } = settings;
    [
        (URL, url.clone()),
        ("kinds", kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" ")),
        ("payload", payload.to_string()),
        ("signatures", signatures.iter().map(|scheme| scheme.as_str()).collect::<Vec<_>>().join(" ")),
        ("on_exhausted", on_exhausted.to_string()),
        ("max_in_flight", max_in_flight.to_string()),
    ]
}

/// Scheme, host and port: receivers keep secrets in paths and queries, and the log keeps everything.
fn origin(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}
