use async_graphql::{ID, Interface};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{SalesOrder, SalesOrderEvent};
use crate::domain::event::{OrderEvent, Position};
use crate::domain::order::{self, OrderNumber};

/// Anything with an id of its own (Relay's global object identification).
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Names it among everything that `node` finds."))]
pub enum Node {
    SalesOrder(SalesOrder),
    SalesOrderEvent(SalesOrderEvent),
}

impl From<order::SalesOrder> for Node {
    fn from(order: order::SalesOrder) -> Self {
        Self::SalesOrder(order.into())
    }
}

impl From<OrderEvent> for Node {
    fn from(event: OrderEvent) -> Self {
        Self::SalesOrderEvent(event.into())
    }
}

/// What an id may name.
#[derive(Clone, Copy)]
pub enum GlobalId {
    SalesOrder(OrderNumber),
    SalesOrderEvent(Position),
}

/// The id as clients keep it; opaque to them.
pub fn global_id(id: GlobalId) -> ID {
    ID(URL_SAFE_NO_PAD.encode(match id {
        GlobalId::SalesOrder(number) => format!("{ORDER}{}", number.id()),
        GlobalId::SalesOrderEvent(place) => format!("{EVENT}{}", place.get()),
    }))
}

/// What an id names; most texts name nothing.
pub fn read_global_id(id: &ID) -> Option<GlobalId> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id.as_bytes()).ok()?).ok()?;
    let number = |number: &str| number.parse::<i64>().ok().filter(|number| *number > 0);
    match text.strip_prefix(ORDER) {
        Some(id) => number(id).map(|id| GlobalId::SalesOrder(OrderNumber::from_id(id))),
        None => text.strip_prefix(EVENT).and_then(number).map(|place| GlobalId::SalesOrderEvent(Position::new(place))),
    }
}

const ORDER: &str = "SalesOrder:";
const EVENT: &str = "SalesOrderEvent:";
