//! Mutations.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use crate::domain::event::After;
use crate::domain::fields::Naming;
use crate::domain::own_name::OwnName;
use crate::error::AppError;
use crate::graphql::cost::budget;
use crate::graphql::inputs::{
    AcknowledgeSalesOrderInput, AnswerSalesOrderRequestInput, CancelSalesOrderInput, ChangeSalesOrderInput,
    ConfirmSalesOrderLinesInput, CreateSalesOrderInput, CreateSalesOrdersInput, Input as _, LoginInput, Raw,
    RecordDeliveryInput, RecordShipmentInput, RefreshInput, SaveEventConsumerInput, UpdateSalesOrderStatusInput,
};
use crate::graphql::inputs::{both, new_order_cost, new_orders_cost};
use crate::graphql::types::reader::{Reader, principal, sealing};
use crate::graphql::types::selection::ensure_readable;
use crate::graphql::types::{
    AuthToken, CancelSalesOrderPayload, ChangeSalesOrderPayload, CreateSalesOrderPayload, CreateSalesOrdersPayload,
    EventConsumer, SalesOrder, ValidateSalesOrderPayload,
};
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
        let origin = &ctx.data::<Arc<Caller>>()?.credentials;
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
        let origin = &ctx.data::<Arc<Caller>>()?.credentials;
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
        let (caller, naming) = (ctx.data::<Arc<Caller>>()?, *ctx.data::<Naming>()?);
        let (intake, reader) = (&ctx.data::<Arc<Services>>()?.intake, Reader::of(ctx)?);
        let taken = intake.create_sales_order(caller, input.json(), naming).await?;
        Ok(CreateSalesOrderPayload::new(taken, &reader, naming))
    }

    /// Creates many orders, each as `createSalesOrder` would and whatever becomes of the others. Only a signature that binds the body is
    /// taken. Sending the same request again creates no order anew. A value that does not fit its type refuses the whole request.
    #[graphql(complexity = "new_orders_cost(&input, child_complexity)")]
    async fn create_sales_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new orders.")] input: Raw<CreateSalesOrdersInput>,
    ) -> Result<CreateSalesOrdersPayload> {
        let (caller, naming) = (ctx.data::<Arc<Caller>>()?, *ctx.data::<Naming>()?);
        let (intake, reader) = (&ctx.data::<Arc<Services>>()?.intake, Reader::of(ctx)?);
        let outcomes = intake.create_sales_orders(caller, input.json(), naming).await?;
        Ok(CreateSalesOrdersPayload::new(outcomes, &reader, naming))
    }

    /// Tells what `createSalesOrder` would make of the same request now, and stores nothing: it is refused for the same reasons, and
    /// no `Idempotency-Key` is used up. A mutation, because it is signed, counted and limited like the order.
    #[graphql(complexity = "new_order_cost(&input, child_complexity)")]
    async fn validate_sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: Raw<CreateSalesOrderInput>,
    ) -> Result<ValidateSalesOrderPayload> {
        let (caller, naming) = (ctx.data::<Arc<Caller>>()?, *ctx.data::<Naming>()?);
        let valid = budget::read(ctx, 3)?.intake.validate_sales_order(caller, input.json(), naming).await?;
        Ok(ValidateSalesOrderPayload::new(valid, naming))
    }

    /// Changes the status of a whole order, and all of its lines with it: CONFIRMED confirms what is open, SHIPPED lets all leave that is
    /// neither rejected nor cancelled, CANCELLED cancels everything. The status that the order already has changes nothing. A status that is not in
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

    /// Answers lines of an order: how much of each is confirmed, will come later or is rejected. The status of the order follows from its
    /// lines. An answer that the lines have already changes nothing. Less than what has left cannot be confirmed: CONFLICT.
    async fn confirm_sales_order_lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order and the answers.")] input: Raw<ConfirmSalesOrderLinesInput>,
    ) -> Result<SalesOrder> {
        let input = input.read(ctx)?;
        let (principal, reader) = (principal(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &input.order_number).await?;
        let order = ctx.data::<Arc<Services>>()?.lifecycle.confirm_lines(principal, input).await?;
        Ok(SalesOrder::new(order, &reader))
    }

    /// Records that goods of an order left, of each line at most what is confirmed and has not left yet. The order is SHIPPED when all that
    /// is confirmed has left. Repeating it changes nothing; another shipment with the same number is refused with CONFLICT.
    async fn record_shipment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order and the shipment.")] input: Raw<RecordShipmentInput>,
    ) -> Result<SalesOrder> {
        let input = input.read(ctx)?;
        let (principal, reader) = (principal(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &input.order_number).await?;
        let order = ctx.data::<Arc<Services>>()?.lifecycle.record_shipment(principal, input).await?;
        Ok(SalesOrder::new(order, &reader))
    }

    /// Records that a shipment arrived. The order is DELIVERED when it is SHIPPED and all of its shipments have arrived. Repeating it
    /// changes nothing; another time is refused with CONFLICT.
    async fn record_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order and its shipment.")] input: Raw<RecordDeliveryInput>,
    ) -> Result<SalesOrder> {
        let input = input.read(ctx)?;
        let (principal, reader) = (principal(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &input.order_number).await?;
        let order = ctx.data::<Arc<Services>>()?.lifecycle.record_delivery(principal, input).await?;
        Ok(SalesOrder::new(order, &reader))
    }

    /// Cancels an own order, or quantities of its lines. Done at once while nothing of it is confirmed, back-ordered or acknowledged; else
    /// a request that is PENDING until it is answered with `answerSalesOrderRequest`, or SUPERSEDED when what it asks for has left. An
    /// order has one pending request at a time. Sending the same request again changes nothing. Only a signature that binds the body is
    /// taken.
    async fn cancel_sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Order number, such as `SO-0000000042`.")] order_number: String,
        #[graphql(desc = "The cancellation.")] input: Raw<CancelSalesOrderInput>,
    ) -> Result<CancelSalesOrderPayload> {
        let (input, caller, reader) = (input.read(ctx)?, ctx.data::<Arc<Caller>>()?, Reader::of(ctx)?);
        let taken = ctx.data::<Arc<Services>>()?.lifecycle.ask(caller, &order_number, input).await?;
        Ok(CancelSalesOrderPayload::new(taken, &reader))
    }

    /// Changes an own order as a whole or not at all: the day and the address of what has not left, quantities, and which lines it has.
    /// Done at once while nothing of it is confirmed, back-ordered or acknowledged; else a request that is PENDING until it is answered
    /// with `answerSalesOrderRequest`, or SUPERSEDED when it can no longer be done. An order has one pending request at a time. Sending the
    /// same request again changes nothing. Only a signature that binds the body is taken.
    async fn change_sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Order number, such as `SO-0000000042`.")] order_number: String,
        #[graphql(desc = "The change.")] input: Raw<ChangeSalesOrderInput>,
    ) -> Result<ChangeSalesOrderPayload> {
        let (input, caller, reader) = (input.read(ctx)?, ctx.data::<Arc<Caller>>()?, Reader::of(ctx)?);
        let taken = ctx.data::<Arc<Services>>()?.lifecycle.ask(caller, &order_number, input).await?;
        Ok(ChangeSalesOrderPayload::new(taken, &reader))
    }

    /// Answers a request of an order's sender: ACCEPT does what it asks for, as far as the goods have not left. Repeating an answer changes
    /// nothing; another answer to the same request is refused with CONFLICT.
    async fn answer_sales_order_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request and the answer.")] input: Raw<AnswerSalesOrderRequestInput>,
    ) -> Result<SalesOrder> {
        let input = input.read(ctx)?;
        let (principal, reader) = (principal(ctx)?, Reader::of(ctx)?);
        ensure_readable(ctx, &reader, &input.order_number).await?;
        let order = ctx.data::<Arc<Services>>()?.lifecycle.answer_request(principal, input).await?;
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

    /// Notes up to which event a consumer of the caller is done, or makes the consumer. A cursor before the one it has changes nothing;
    /// to read events again, delete the consumer and make it anew.
    async fn save_event_consumer(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Name of the consumer, such as `warehouse`: 1 to 64 letters, digits, dots, dashes or underscores."
        )]
        name: String,
        #[graphql(desc = "How far it is.")] input: Raw<SaveEventConsumerInput>,
    ) -> Result<EventConsumer> {
        let (sealing, client) = (sealing(ctx)?, principal(ctx)?.client_id());
        let sealer = sealing.sealer().await?;
        let progress = SaveEventConsumerInput::read(input.json(), *ctx.data()?);
        let after = both(After::read(input.json()["after"].as_str(), sealer), progress);
        let (name, (after, ())) = both(OwnName::read(&name), after).map_err(AppError::invalid)?;
        let events = &ctx.data::<Arc<Services>>()?.events;
        let after = events.resume(after, sealer).await?;
        let consumer = events.save_consumer(client, &name, after).await?;
        Ok(EventConsumer { consumer, sealing: Arc::clone(&sealing) })
    }

    /// Forgets a consumer of the caller and how far it was. NOT_FOUND when there is none of this name.
    async fn delete_event_consumer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the consumer.")] name: String,
    ) -> Result<bool> {
        let name = OwnName::read(&name).map_err(AppError::invalid)?;
        ctx.data::<Arc<Services>>()?.events.delete_consumer(principal(ctx)?.client_id(), &name).await?;
        Ok(true)
    }
}
