//! Mutations.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use crate::domain::fields::Naming;
use crate::graphql::inputs::new_order_cost;
use crate::graphql::inputs::{
    AcknowledgeSalesOrderInput, CreateSalesOrderInput, LoginInput, Raw, RefreshInput, UpdateSalesOrderStatusInput,
};
use crate::graphql::types::reader::{Reader, principal};
use crate::graphql::types::selection::ensure_readable;
use crate::graphql::types::{AuthToken, CreateSalesOrderPayload, SalesOrder};
use crate::service::{Caller, Services};

#[derive(Default)]
pub struct OrderMutation;

#[Object]
impl OrderMutation {
    /// Opens a session and returns a bearer token. A wrong client id and a wrong secret get the same answer.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Client id and client secret.")] input: Raw<LoginInput>,
    ) -> Result<AuthToken> {
        let input = input.read(ctx)?;
        let origin = &ctx.data::<Caller>()?.credentials;
        Ok(ctx.data::<Arc<Services>>()?.sessions.login(input, origin).await?.into())
    }

    /// Continues a session, also after its token has expired, and returns a new token. The old one stays valid until it
    /// expires.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The present token of the session.")] input: Raw<RefreshInput>,
    ) -> Result<AuthToken> {
        let input = input.read(ctx)?;
        let origin = &ctx.data::<Caller>()?.credentials;
        Ok(ctx.data::<Arc<Services>>()?.sessions.refresh(input, origin).await?.into())
    }

    /// Creates an order. Sending the same request again creates no second order and returns the first one. A client with the
    /// reference policy REFUSE gets DUPLICATE_PARTNER_REFERENCE for the partner reference of another of its orders.
    #[graphql(complexity = "new_order_cost(&input, child_complexity)")]
    async fn create_sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new order.")] input: Raw<CreateSalesOrderInput>,
    ) -> Result<CreateSalesOrderPayload> {
        let (caller, naming) = (ctx.data::<Caller>()?, *ctx.data::<Naming>()?);
        let (intake, reader) = (&ctx.data::<Arc<Services>>()?.intake, Reader::of(ctx)?);
        let taken = intake.create_sales_order(caller, input.json(), naming).await?;
        Ok(CreateSalesOrderPayload::new(taken, &reader, naming))
    }

    /// Changes the status of an order. The status that the order already has changes nothing. A status that is not in
    /// `nextStatuses` is refused with ILLEGAL_TRANSITION, which names those that are.
    async fn update_sales_order_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order and its new status.")] input: Raw<UpdateSalesOrderStatusInput>,
    ) -> Result<SalesOrder> {
        let change = input.read(ctx)?;
        let (principal, reader) = (principal(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &change.order_number).await?;
        let order = ctx.data::<Arc<Services>>()?.lifecycle.update_status(principal, change).await?;
        Ok(SalesOrder::new(order, &reader))
    }

    /// Records that a receiving system has taken over an order. Repeating it changes nothing; an external number other than
    /// the first is refused with CONFLICT.
    async fn acknowledge_sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order and the receiving system.")] input: Raw<AcknowledgeSalesOrderInput>,
    ) -> Result<SalesOrder> {
        let input = input.read(ctx)?;
        let (principal, reader) = (principal(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &input.order_number).await?;
        let order = ctx.data::<Arc<Services>>()?.lifecycle.acknowledge(principal, input).await?;
        Ok(SalesOrder::new(order, &reader))
    }
}
