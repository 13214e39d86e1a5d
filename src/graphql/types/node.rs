use async_graphql::{ID, Interface};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::client_credentials::{ClientAuditEntry, ClientKey};
use super::{Client, SalesOrder, SalesOrderEvent};
use crate::domain::client::ClientId;
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
    Client(Client),
    ClientKey(ClientKey),
    ClientAuditEntry(ClientAuditEntry),
}

/// What an id may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GlobalId {
    SalesOrder(OrderNumber),
    SalesOrderEvent(After),
    Client(ClientId),
    /// A client's key, by its fingerprint.
    ClientKey(ClientId, String),
    ClientAuditEntry(i64),
}

/// The id of an order as clients keep it; opaque to them.
pub fn order_id(number: OrderNumber, sealer: &Sealer) -> Result<ID, AppError> {
    Ok(ID(sealer.seal(Purpose::OrderId, [number.id()])?))
}

/// The id of an event as clients keep it; opaque to them.
pub fn event_id(position: Position, sealer: &Sealer) -> Result<ID, AppError> {
    Ok(ID(sealer.seal(Purpose::EventId, [position.get()])?))
}

/// The id of a client. It holds no running number, so it is not sealed.
pub fn client_node_id(client: &ClientId) -> ID {
    ID(URL_SAFE_NO_PAD.encode(format!("{CLIENT}{client}")))
}

/// The id of a client's key.
pub fn client_key_id(client: &ClientId, fingerprint: &str) -> ID {
    ID(URL_SAFE_NO_PAD.encode(format!("{CLIENT_KEY}{client}:{fingerprint}")))
}

/// The id of an entry of the audit log.
pub fn audit_entry_id(entry: i64, sealer: &Sealer) -> Result<ID, AppError> {
    Ok(ID(sealer.seal(Purpose::AuditEntryId, [entry])?))
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
    if let Some([entry]) = sealer.open(Purpose::AuditEntryId, id) {
        return Some(GlobalId::ClientAuditEntry(entry));
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id.as_bytes()).ok()?).ok()?;
    if let Some(client) = text.strip_prefix(CLIENT) {
        return client.parse().ok().map(GlobalId::Client);
    }
    if let Some((client, fingerprint)) = text.strip_prefix(CLIENT_KEY).and_then(|rest| rest.split_once(':')) {
        return client.parse().ok().map(|client| GlobalId::ClientKey(client, fingerprint.to_owned()));
    }
    let number = |number: &str| number.parse::<i64>().ok().filter(|number| *number > 0);
    match text.strip_prefix(OLD_ORDER) {
        Some(id) => number(id).map(|id| GlobalId::SalesOrder(OrderNumber::from_id(id))),
        None => text.strip_prefix(OLD_EVENT).and_then(number).map(|position| event(position, true)),
    }
}

/// How the texts of ids begin; never to be changed, for clients keep ids.
const CLIENT: &str = "Client:";
const CLIENT_KEY: &str = "ClientKey:";

const OLD_ORDER: &str = "SalesOrder:";
const OLD_EVENT: &str = "SalesOrderEvent:";
