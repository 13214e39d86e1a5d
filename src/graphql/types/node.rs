use std::collections::HashMap;

use async_graphql::{Context, ID, Interface, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{SalesOrder, SalesOrderEvent};
use crate::domain::event::{After, Position};
use crate::domain::order::OrderNumber;
use crate::domain::sealer::{Purpose, Sealer};
use crate::error::AppError;
use crate::graphql::cost::budget;
use crate::graphql::types::preload;
use crate::graphql::types::reader::Reader;

/// An object with a global id (Relay's global object identification).
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Names it among everything that `node` finds. Opaque."))]
pub enum Node {
    SalesOrder(SalesOrder),
    SalesOrderEvent(SalesOrderEvent),
}

impl Node {
    /// What each of the ids names, if the caller may see it: a statement for orders and one for events, however many.
    pub async fn find(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Self>>> {
        let reader = Reader::of(ctx)?;
        let (scope, sealer) = (&reader.scope, reader.sealing.sealer().await?);
        let ids: Vec<_> = ids.iter().map(|id| read_global_id(id, sealer)).collect();
        let (mut numbers, mut positions) = (Vec::new(), Vec::new());
        for id in ids.iter().flatten() {
            match id {
                GlobalId::SalesOrder(number) => numbers.push(*number),
                GlobalId::SalesOrderEvent(at) => positions.push(*at),
            }
        }
        let orders = preload::by_number(ctx, scope, &numbers, &[ctx.look_ahead()], &reader).await?;
        let events = match positions.as_slice() {
            [] => HashMap::new(),
            positions => budget::read(ctx, 1)?.events.at(scope, positions, sealer).await?,
        };
        let named = |id: Option<GlobalId>| match id? {
            GlobalId::SalesOrder(number) => orders.get(&number).cloned().map(Self::SalesOrder),
            GlobalId::SalesOrderEvent(at) => {
                events.get(&at).map(|event| Self::SalesOrderEvent(SalesOrderEvent::new(event.clone(), &reader)))
            }
        };
        Ok(ids.into_iter().map(named).collect())
    }
}

/// What an id may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalId {
    SalesOrder(OrderNumber),
    SalesOrderEvent(After),
}

/// The id of an order as clients keep it; opaque to them.
pub fn order_id(number: OrderNumber, sealer: &Sealer) -> Result<ID, AppError> {
    Ok(ID(sealer.seal(Purpose::OrderId, [number.id()])?))
}

/// The id of an event as clients keep it; opaque to them.
pub fn event_id(position: Position, sealer: &Sealer) -> Result<ID, AppError> {
    Ok(ID(sealer.seal(Purpose::EventId, [position.get()])?))
}

/// What an id names; most texts name nothing. Ids from before they were sealed are accepted for good: clients keep them.
pub fn read_global_id(id: &ID, sealer: &Sealer) -> Option<GlobalId> {
    if let Some([id]) = sealer.open(Purpose::OrderId, id) {
        return Some(GlobalId::SalesOrder(OrderNumber::from_id(id)));
    }
    let event =
        |position, is_old_form| GlobalId::SalesOrderEvent(After { position: Position::new(position), is_old_form });
    if let Some([position]) = sealer.open(Purpose::EventId, id) {
        return Some(event(position, false));
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id.as_bytes()).ok()?).ok()?;
    let number = |number: &str| number.parse::<i64>().ok().filter(|number| *number > 0);
    match text.strip_prefix(OLD_ORDER) {
        Some(id) => number(id).map(|id| GlobalId::SalesOrder(OrderNumber::from_id(id))),
        None => text.strip_prefix(OLD_EVENT).and_then(number).map(|position| event(position, true)),
    }
}

const OLD_ORDER: &str = "SalesOrder:";
const OLD_EVENT: &str = "SalesOrderEvent:";
