//! What endpoints of webhooks are sent: the same JSON that the feed and the order's own address give.

use serde_json::{Map, Value, json};

use super::operations::{WEBHOOK_EVENTS, WEBHOOK_EVENTS_WITH_ORDERS};
use crate::config::PublicUrl;
use crate::domain::client::ClientId;
use crate::domain::signature_input::ORDERS;
use crate::domain::webhook::PayloadForm;
use crate::error::AppError;
use crate::graphql::{Api, Sender};

/// The longest body. Beyond it the order is left out, and the receiver reads it at `order_url`.
pub const MAX_BODY: usize = 256 * 1024;

/// What is sent of an event.
pub struct WebhookBody {
    /// The JSON.
    pub bytes: Vec<u8>,
    /// The event's cursor in the feed.
    pub cursor: String,
    /// Its number in the order's history.
    pub sequence: i64,
}

/// The bodies for the events with these ids, in their order; `None` for one that the sender may not read.
pub async fn webhook_bodies(
    api: &Api,
    (sender, client): (Sender, &ClientId),
    form: PayloadForm,
    ids: &[String],
    public_url: &PublicUrl,
) -> Result<Vec<Option<WebhookBody>>, AppError> {
    let operation = match form {
        PayloadForm::Thin => &WEBHOOK_EVENTS,
        PayloadForm::Full => &WEBHOOK_EVENTS_WITH_ORDERS,
    };
    let events = api.execute_prepared(operation, sender, |_| Ok(json!({"ids": ids}))).await?;
    let Value::Array(events) = events else { return Err(AppError::internal("the events of webhooks are no list")) };
    Ok(events.into_iter().map(|event| body_of(event, client, public_url)).collect())
}

fn body_of(event: Value, client: &ClientId, public_url: &PublicUrl) -> Option<WebhookBody> {
    let Value::Object(event) = event else { return None };
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let (cursor, sequence) =
        (text("cursor").to_owned(), event.get("sequence").and_then(Value::as_i64).unwrap_or_default());
    let kind = format!("sales_order.{}", text("kind").to_ascii_lowercase());
    let order_url = public_url.of(&format!("{ORDERS}/{}", text("order_number")));
    let mut data = Map::from_iter([("client_id".to_owned(), json!(client.as_str()))]);
    let timestamp = event.get("created_at").cloned();
    data.extend(event);
    data.insert("order_url".to_owned(), json!(order_url));
    let mut body = json!({"type": kind, "timestamp": timestamp, "data": data});
    let mut bytes = body.to_string().into_bytes();
    if bytes.len() > MAX_BODY
        && let Some(data) = body["data"].as_object_mut()
    {
        data.shift_remove("order");
        data.insert("order_left_out".to_owned(), json!(true));
        bytes = body.to_string().into_bytes();
    }
    Some(WebhookBody { bytes, cursor, sequence })
}
