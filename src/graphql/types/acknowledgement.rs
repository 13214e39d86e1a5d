use async_graphql::SimpleObject;

use crate::domain::acknowledgement;
use crate::graphql::output::scalars::DateTime;
use crate::graphql::types::reader::Reader;

/// The record that a receiving system has taken over the order. Everybody who may read the order sees `createdAt`; the
/// other fields are shown with scope `orders:read`, and to the client that acknowledged.
#[derive(SimpleObject)]
pub struct Acknowledgement {
    /// Name of the receiving system, such as `erp`; null without scope `orders:read` when another client acknowledged.
    system: Option<String>,
    /// Number of the order in that system, such as `4500012345`; null when none was given, and without scope `orders:read`
    /// when another client acknowledged.
    external_number: Option<String>,
    /// Client id of the client that acknowledged; null without scope `orders:read` when it is another client.
    actor: Option<String>,
    /// Time of the acknowledgement.
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
