//! Queries of those who look after clients.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, Object, Result};

use crate::domain::audit;
use crate::domain::client;
use crate::domain::page::Span;
use crate::error::AppError;
use crate::graphql::cost::budget;
use crate::graphql::cost::points::page_cost;
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
    #[graphql(complexity = "page_cost(first.or(last), child_complexity)")]
    async fn clients(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Number of clients from the start, at most 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor after which the page starts: a client id.")] after: Option<String>,
        #[graphql(desc = "Number of clients from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Cursor before which the page ends: a client id.")] before: Option<String>,
    ) -> Result<ClientConnection> {
        let by_id = |_: &str, text: Option<&str>| Ok(text.map(str::to_owned));
        let span = Span::read((first, after.as_deref()), (last, before.as_deref()), by_id);
        let page = budget::read(ctx, 1)?.clients.page(&span.map_err(AppError::invalid)?).await?;
        let mut connection = Connection::new(page.has_previous, page.has_next);
        let edge = |client: client::Client| Edge::new(client.client_id.to_string(), client.into());
        connection.edges.extend(page.rows.into_iter().map(edge));
        Ok(connection)
    }

    /// Audit log: changes to clients and to their webhooks, the newest first, with time, actor and host.
    #[graphql(complexity = "page_cost(first.or(last), child_complexity)")]
    async fn client_audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Client id whose changes are shown; those of all clients when absent.")] client_id: Option<
            String,
        >,
        #[graphql(
            desc = "Number of entries from the start, at most 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor of the entry after which the page starts, with older entries.")] after: Option<String>,
        #[graphql(desc = "Number of entries from the end, the oldest, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the entry before which the page ends, with newer entries.")] before: Option<String>,
    ) -> Result<AuditConnection> {
        let services = budget::read(ctx, 1)?;
        let sealer = services.sealing.sealer().await?;
        let read = |name: &str, text: Option<&str>| audit::read_cursor(name, text, sealer);
        let span = Span::read((first, after.as_deref()), (last, before.as_deref()), read).map_err(AppError::invalid)?;
        let log = services.clients.audit_log(client_id.as_deref(), &span).await?;
        Ok(connection::of_log(log, sealer)?)
    }
}
