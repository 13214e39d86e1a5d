//! The feed of events: in pages, in pages that wait for the next event, and as a stream.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};

use super::consumers;
use super::operations::{
    SALES_ORDER_EVENT_FEED, SALES_ORDER_EVENT_FEED_WITH_ORDERS, SALES_ORDER_EVENTS, SALES_ORDER_EVENTS_WITH_ORDERS,
};
use super::parameters::{VARIABLE, in_parameters, of, values};
use crate::app::AppState;
use crate::domain::event_feed::FeedRequest;
use crate::domain::fields::{Fields, Naming};
use crate::domain::own_name::OwnName;
use crate::error::{AppError, FieldError, FieldErrorCode};
use crate::graphql::Sender;
use crate::telemetry::Wire;
use crate::wire::event_stream::{self, EVENT_STREAM, Events};
use crate::wire::problem::Problem;
use crate::wire::query::Pairs;
use crate::wire::request::credentials;
use crate::wire::time_limit::awaited;

const AFTER: &str = "after";
const CONSUMER: &str = "consumer";
const LIMIT: &str = "limit";
const ORDERS: &str = "orders";
const WAIT: &str = "wait";

/// Where a stream goes on that broke off (WHATWG HTML, "Server-sent events").
static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The longest wait in seconds: proxies give up a request that is not answered for a minute.
pub const MAX_WAIT: i32 = 30;

/// What only this endpoint has: whose events they are, and how they are sent.
struct Form {
    consumer: Option<OwnName>,
    wait: Duration,
    has_orders: bool,
}

pub(super) async fn events(
    State(state): State<AppState>,
    Pairs(pairs): Pairs,
    parts: Parts,
) -> Result<Response, Problem> {
    let sender = state.api().admitted(&SALES_ORDER_EVENT_FEED, credentials(&parts, Arc::default())).await?;
    let mut input = values(&pairs?, &[LIMIT, WAIT], None);
    let form = Form::take(&mut input);
    if let Ok(Form { consumer: Some(name), .. }) = &form {
        input.insert(AFTER.to_owned(), consumers::cursor_of(&state, &sender, name).await?);
    }
    if accepts_stream(&parts.headers) {
        if let Some(last) = parts.headers.get(&LAST_EVENT_ID).filter(|id| !id.is_empty()) {
            input.insert(AFTER.to_owned(), json!(String::from_utf8_lossy(last.as_bytes())));
        }
        return Ok(follow(&state, sender, input, form).await.map_err(reworded)?);
    }
    let page = page(&state, &sender, input, form).await.map_err(reworded)?;
    Ok(Json(page).into_response())
}

/// A page. An empty one waits for the first event behind it.
async fn page(
    state: &AppState,
    sender: &Sender,
    mut input: Map<String, Value>,
    form: Result<Form, Vec<FieldError>>,
) -> Result<Value, AppError> {
    let has_orders = form.as_ref().is_ok_and(|form| form.has_orders);
    let operation = if has_orders { &SALES_ORDER_EVENT_FEED_WITH_ORDERS } else { &SALES_ORDER_EVENT_FEED };
    let read = |input: &Map<String, Value>| {
        let variables = json!({VARIABLE: input});
        state.api().execute_prepared(operation, sender.clone(), |_| Ok(variables))
    };
    let (page, Form { wait, .. }) = both(read(&input).await, form)?;
    let is_empty = page["data"].as_array().is_none_or(Vec::is_empty) && page["has_more"] == false;
    if wait.is_zero() || !is_empty {
        return Ok(page);
    }
    let after = page["next_cursor"].clone();
    let mut stopping = state.stopping();
    let arrival = async {
        let variables = json!({AFTER: after});
        let mut events = state.api().subscribe_prepared(&SALES_ORDER_EVENTS, sender.clone(), variables).await?;
        // Told that the service stops, its reader comes again and meets another instance.
        tokio::select! {
            event = events.next() => event.transpose().map(drop),
            () = &mut stopping => Ok(()),
        }
    };
    match awaited(wait, arrival).await {
        None => return Ok(page),
        Some(arrived) => arrived?,
    }
    input.insert(AFTER.to_owned(), after);
    read(&input).await
}

/// The events as they happen.
async fn follow(
    state: &AppState,
    sender: Sender,
    input: Map<String, Value>,
    form: Result<Form, Vec<FieldError>>,
) -> Result<Response, AppError> {
    let has_orders = form.as_ref().is_ok_and(|form| form.has_orders);
    let operation = if has_orders { &SALES_ORDER_EVENTS_WITH_ORDERS } else { &SALES_ORDER_EVENTS };
    let after = input.get(AFTER).cloned().unwrap_or_default();
    let known = FeedRequest::read(Fields::new(&input.into(), Naming::SnakeCase));
    let form = match (known, form) {
        (Err(faults), Err(others)) => Err([faults, others].concat()),
        (Err(faults), Ok(_)) | (Ok(_), Err(faults)) => Err(faults),
        (Ok(_), Ok(form)) => Ok(form),
    };
    let (events, _) = both(state.api().subscribe_prepared(operation, sender, json!({AFTER: after})).await, form)?;
    let events = events.map_ok(|event| {
        let id = event["cursor"].as_str().unwrap_or_default();
        Bytes::from(format!("id: {id}\ndata: {event}\n\n"))
    });
    Ok(event_stream::answer(state, Events { events: events.boxed(), end: "", wire: Wire::Rest }))
}

/// What was read and the form of the answer, or the faults of both.
fn both<T>(read: Result<T, AppError>, form: Result<Form, Vec<FieldError>>) -> Result<(T, Form), AppError> {
    match (read, form) {
        (Ok(read), Ok(form)) => Ok((read, form)),
        (Err(refused), Err(faults)) if !refused.errors.is_empty() => {
            Err(AppError::invalid([refused.errors.clone(), faults].concat()))
        }
        (Err(refused), _) => Err(refused),
        (Ok(_), Err(faults)) => Err(AppError::invalid(faults)),
    }
}

impl Form {
    /// Takes what is of the form out of the parameters.
    fn take(parameters: &mut Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let own = [CONSUMER, WAIT, ORDERS].map(|name| parameters.shift_remove_entry(name));
        let own = Value::Object(own.into_iter().flatten().collect());
        let mut fields = Fields::new(&own, Naming::SnakeCase);
        // A blank one is a fault: a program that lost its name must not begin with the first event.
        let consumer: Option<OwnName> = fields.optional_parsed(CONSUMER, str::parse);
        if consumer.is_some() && parameters.contains_key(AFTER) {
            let message = format!("contradicts {AFTER}: a consumer has a cursor of its own; leave one of them out");
            fields.refuse::<()>(CONSUMER, FieldErrorCode::Conflict, message);
        }
        let wait = fields.optional_integer(WAIT, &(0..=MAX_WAIT));
        let orders = fields.optional_parsed(ORDERS, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("must be true or false"),
        });
        fields.finish()?;
        let wait = Duration::from_secs(wait.unwrap_or_default().unsigned_abs().into());
        Ok(Self { consumer, wait, has_orders: orders.unwrap_or_default() })
    }
}

/// Every parameter's name.
fn known() -> Vec<String> {
    let input = of(&SALES_ORDER_EVENT_FEED).into_iter().map(|parameter| parameter.name);
    input.chain([CONSUMER, WAIT, ORDERS].map(str::to_owned)).collect()
}

fn reworded(error: AppError) -> AppError {
    let known = known();
    in_parameters(error, &known.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether a stream is asked for by name.
pub(super) fn accepts_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = accepted.flat_map(|value| value.split(','));
    ranges.any(|range| range.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(EVENT_STREAM)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_that_are_published_stay() {
        assert_eq!(known(), [AFTER, LIMIT, CONSUMER, WAIT, ORDERS]);
    }
}
