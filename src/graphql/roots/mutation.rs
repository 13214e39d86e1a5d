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
    /// Opens a session: credentials in, a bearer token out. A wrong id and a wrong secret get the same answer.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Client id and secret.")] input: Raw<LoginInput>,
    ) -> Result<AuthToken> {
        let input = input.read(ctx)?;
        let origin = &ctx.data::<Caller>()?.credentials;
        Ok(ctx.data::<Arc<Services>>()?.sessions.login(input, origin).await?.into())
    }

    /// Carries a session on, also after its token expired. The old token stays valid until its own expiry.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token to carry on with.")] input: Raw<RefreshInput>,
    ) -> Result<AuthToken> {
        let input = input.read(ctx)?;
        let origin = &ctx.data::<Caller>()?.credentials;
        Ok(ctx.data::<Arc<Services>>()?.sessions.refresh(input, origin).await?.into())
    }

    /// Takes an order. Sending the same request again gives the same order again.
    #[graphql(complexity = "new_order_cost(&input, child_complexity)")]
    async fn create_sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: Raw<CreateSalesOrderInput>,
    ) -> Result<CreateSalesOrderPayload> {
        let (caller, naming) = (ctx.data::<Caller>()?, *ctx.data::<Naming>()?);
        let (intake, reader) = (&ctx.data::<Arc<Services>>()?.intake, Reader::of(ctx)?);
        let taken = intake.create_sales_order(caller, input.json(), naming).await?;
        Ok(CreateSalesOrderPayload::new(taken, &reader))
    }

    /// Moves an order to another status. A status that the order has already changes nothing; one it may not go to is
    /// ILLEGAL_TRANSITION, naming the ones it may.
    async fn update_sales_order_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order, and where it should go.")] input: Raw<UpdateSalesOrderStatusInput>,
    ) -> Result<SalesOrder> {
        let change = input.read(ctx)?;
        let (principal, reader) = (principal(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &change.order_number).await?;
        let order = ctx.data::<Arc<Services>>()?.lifecycle.update_status(principal, change).await?;
        Ok(SalesOrder::new(order, &reader))
    }

    /// Notes that a receiving system has an order. Saying so again changes nothing; another external number than the
    /// first is a CONFLICT.
    async fn acknowledge_sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order, and which system has it.")] input: Raw<AcknowledgeSalesOrderInput>,
    ) -> Result<SalesOrder> {
        let input = input.read(ctx)?;
        let (principal, reader) = (principal(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &input.order_number).await?;
        let order = ctx.data::<Arc<Services>>()?.lifecycle.acknowledge(principal, input).await?;
        Ok(SalesOrder::new(order, &reader))
    }
}
