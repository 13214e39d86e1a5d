//! Queries of those who look after clients.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, Object, Result};

use crate::domain::audit;
use crate::domain::client;
use crate::domain::page::read_length;
use crate::error::AppError;
use crate::graphql::cost::budget;
use crate::graphql::cost::points::page_cost;
use crate::graphql::inputs::both;
use crate::graphql::types::{AuditConnection, Client, ClientConnection, connection};

#[derive(Default)]
pub struct ClientQuery;

#[Object]
impl ClientQuery {
    /// One client by its id; null when there is none.
    async fn client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Client id, such as `versuni-client-001`.")] client_id: String,
    ) -> Result<Option<Client>> {
        Ok(budget::read(ctx, 1)?.clients.find(&client_id).await?.map(Client::from))
    }

    /// All clients, sorted by client id, in pages.
    #[graphql(complexity = "page_cost(Some(first), child_complexity)")]
    async fn clients(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of clients, at most 100.", default = 20)] first: i32,
        #[graphql(desc = "Cursor after which the page starts: a client id.")] after: Option<String>,
    ) -> Result<ClientConnection> {
        let first = read_length("first", first).map_err(AppError::invalid)?;
        let page = budget::read(ctx, 1)?.clients.page(after.as_deref(), first).await?;
        let mut connection = Connection::new(page.has_previous, page.has_next);
        let edge = |client: client::Client| Edge::new(client.client_id.to_string(), client.into());
        connection.edges.extend(page.rows.into_iter().map(edge));
        Ok(connection)
    }

    /// Audit log: changes to clients, the newest first, with time, actor and host.
    #[graphql(complexity = "page_cost(Some(first), child_complexity)")]
    async fn client_audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Client id whose changes are shown; those of all clients when absent.")] client_id: Option<
            String,
        >,
        #[graphql(desc = "Number of entries, at most 100.", default = 20)] first: i32,
        #[graphql(desc = "Cursor of the entry after which the page starts, with older entries.")] after: Option<String>,
    ) -> Result<AuditConnection> {
        let services = budget::read(ctx, 1)?;
        let sealer = services.sealing.sealer().await?;
        let arguments = both(read_length("first", first), audit::read_cursor(after.as_deref(), sealer));
        let (first, after) = arguments.map_err(AppError::invalid)?;
        let log = services.clients.audit_log(client_id.as_deref(), after, first).await?;
        Ok(connection::of_log(log, sealer)?)
    }
}
