//! Mutations that erase what is personal.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use crate::graphql::cost::points::ERASURE;
use crate::graphql::inputs::{EraseCustomerInput, EraseSalesOrderInput, Raw};
use crate::graphql::types::reader::{Reader, actor, principal};
use crate::graphql::types::selection::ensure_readable;
use crate::graphql::types::{EraseCustomerPayload, SalesOrder};
use crate::service::Services;

#[derive(Default)]
pub struct ErasureMutation;

#[Object]
impl ErasureMutation {
    /// Erases what is personal in an order that is DELIVERED or CANCELLED: sales name, address and all notes, in its history and its
    /// requests too. Texts that an order must have are empty then. Receipt, figures and idempotency key stay. It cannot be undone.
    /// Repeating it changes nothing. An order under way, one of which something is back-ordered, and one with a pending request are
    /// refused with CONFLICT.
    async fn erase_sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order.")] input: Raw<EraseSalesOrderInput>,
    ) -> Result<SalesOrder> {
        let (by, number, reader) = (actor(ctx)?, input.read(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &number).await?;
        let erasure = &ctx.data::<Arc<Services>>()?.erasure;
        let order = erasure.erase_order((principal(ctx)?.client_id(), &by), &number).await?;
        Ok(SalesOrder::new(order, &reader))
    }

    /// Erases what is personal in the next 100 orders of a customer, as `eraseSalesOrder` does. Orders that it would refuse stay as they
    /// are and are named. Ask again with `nextAfter` until it is null.
    #[graphql(complexity = "ERASURE + child_complexity")]
    async fn erase_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customer.")] input: Raw<EraseCustomerInput>,
    ) -> Result<EraseCustomerPayload> {
        let (by, customer) = (actor(ctx)?, input.read(ctx)?);
        let erasure = &ctx.data::<Arc<Services>>()?.erasure;
        Ok(erasure.erase_customer((principal(ctx)?.client_id(), &by), &customer).await?.into())
    }
}
