use async_graphql::{ID, Interface};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{SalesOrder, SalesOrderEvent};
use crate::domain::event::{After, Position};
use crate::domain::order::OrderNumber;
use crate::domain::sealer::{Purpose, Sealer};
use crate::error::AppError;

/// An object with a global id (Relay's global object identification).
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id, for `node` and `nodes`. Opaque."))]
pub enum Node {
    SalesOrder(SalesOrder),
    SalesOrderEvent(SalesOrderEvent),
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
