//! The messages of graphql-transport-ws, and why a connection ends.

use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::error::{AppError, ErrorCode};
use crate::graphql;
use crate::service::turns::Turn;
use crate::telemetry::{self, Wire};

/// Why a connection ends.
pub struct Close(pub u16, pub String);

/// What an operation gives.
pub enum Given {
    /// A result, with the turn of its query.
    Next(String, Option<Turn>),
    /// The errors that ended it.
    Error(Value),
    /// Its end.
    Complete,
}

/// What an operation tells its connection.
pub enum Told {
    /// It is a subscription, which follows the events from here on.
    Begun,
    Gave(Given),
    /// Why it broke off, though it was not done: the client is to come again.
    BrokeOff(AppError),
}

impl Given {
    /// The message for the operation with this id.
    pub fn into_message(self, id: &str) -> Message {
        match self {
            // Written already, as over HTTP: it may be large.
            Self::Next(payload, _turn) => {
                Message::Text(format!("{{\"id\":{},\"type\":\"next\",\"payload\":{payload}}}", json!(id)).into())
            }
            Self::Error(payload) => message(json!({"id": id, "type": "error"}), Some(payload)),
            Self::Complete => message(json!({"id": id, "type": "complete"}), None),
        }
    }

    /// An operation that was refused before it began.
    pub fn refusal(error: AppError) -> Self {
        telemetry::count_error(Wire::Graphql, error.code);
        Self::Error(json!(graphql::refusal(error).errors))
    }
}

/// A message with its payload, if it has one.
pub fn message(mut message: Value, payload: Option<Value>) -> Message {
    if let (Some(payload), Some(members)) = (payload, message.as_object_mut()) {
        members.insert("payload".to_owned(), payload);
    }
    Message::Text(message.to_string().into())
}

pub fn close_because(code: u16, reason: impl Into<String>) -> Close {
    Close(code, reason.into())
}

/// Ends a connection for a failure.
pub fn close_for(code: u16, error: &AppError) -> Close {
    telemetry::count_error(Wire::Graphql, error.code);
    close_because(code, format!("{}: {}", error.code, error.message))
}

/// Ends a connection on which something broke off, with a code after which clients connect again: 4403 with other
/// credentials, 1013 with the same. The failure was counted where it came up.
pub fn interrupted(error: &AppError) -> Close {
    close_because(interruption_code(error), format!("{}: {}", error.code, error.message))
}

/// The caller's credentials do not count (4403), or the service cannot serve it now (1013).
pub fn interruption_code(error: &AppError) -> u16 {
    match error.code {
        ErrorCode::RateLimited => 1013,
        code if code.status() < 500 => 4403,
        _ => 1013,
    }
}

/// The types of messages that Apollo's former protocol has and ours has not.
const FORMER_TYPES: [&str; 3] = ["start", "stop", "connection_terminate"];

/// Refuses a message whose type is none of the protocol's.
pub fn unknown(kind: Option<&str>) -> Close {
    match kind {
        None => invalid("type must be a text"),
        Some(kind) if FORMER_TYPES.contains(&kind) => {
            let former = "that is the old subscriptions-transport-ws protocol; speak graphql-transport-ws";
            close_because(4400, format!("unknown type \"{kind}\": {former}"))
        }
        Some(kind) => invalid(&format!("unknown type \"{}\"", kind.chars().take(40).collect::<String>())),
    }
}

pub fn invalid(why: &str) -> Close {
    close_because(4400, format!("Invalid message: {why}"))
}

pub fn read_id(message: &Map<String, Value>) -> Result<String, Close> {
    match message.get("id").and_then(Value::as_str) {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err(invalid("id must be a text")),
    }
}
