use async_graphql::SimpleObject;

use crate::domain::acknowledgement;
use crate::graphql::output::scalars::DateTime;
use crate::graphql::types::reader::Reader;

/// A receiving system has the order. Whoever may read the order sees since when; the rest is shown with scope `orders:read`,
/// and to the client that said so.
#[derive(SimpleObject)]
pub struct Acknowledgement {
    /// Which system; null without scope `orders:read` when another client said so.
    system: Option<String>,
    /// The order's number there; null without scope `orders:read` when another client said so.
    external_number: Option<String>,
    /// Which client said so; null without scope `orders:read` when it was another one.
    actor: Option<String>,
    /// Since when.
    created_at: DateTime,
}

impl Acknowledgement {
    /// An acknowledgement as this reader may see it.
    pub(super) fn seen(known: acknowledgement::Acknowledgement, reader: &Reader) -> Self {
        let acknowledgement::Acknowledgement { system, external_number, actor, created_at } = known;
        let created_at = DateTime(created_at);
        if reader.scope.shows_work_of(&actor) {
            return Self { system: Some(system), external_number, actor: Some(actor), created_at };
        }
        Self { system: None, external_number: None, actor: None, created_at }
    }
}
