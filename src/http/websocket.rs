//! GraphQL over WebSocket: the protocol graphql-transport-ws, with its close codes.
//!
//! Our own, because async-graphql's ends a connection with other codes than the protocol's, knows no duplicate ids and
//! puts no bound on what waits for a slow client. Here an operation waits until what it gave is sent: a client that
//! reads too slowly slows down only its own subscriptions, and one that reads nothing is cut off.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, StreamExt as _};
use futures_util::{SinkExt as _, pin_mut};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::envelope::Line;
use super::graphql::{note_failures, read_parameters, run};
use crate::app::AppState;
use crate::auth::credentials::{Credentials, Header, Transport};
use crate::error::{AppError, ErrorCode};
use crate::graphql;
use crate::json::parse;
use crate::rest::problem::Problem;
use crate::rest::request::credentials;
use crate::telemetry::RequestLog;

const PROTOCOL: &str = "graphql-transport-ws";

/// How long a client may take to say `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a silent client is asked whether it is still there; after three unanswered questions it is not.
const PING_EVERY: Duration = Duration::from_secs(15);

/// How many operations one connection may run at once.
const MAX_OPERATIONS: usize = 100;

/// How many results of one connection wait to be sent before its operations wait themselves.
const MAX_WAITING: usize = 16;

/// `GET /graphql/ws`.
pub async fn upgrade(
    State(state): State<AppState>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let message = "This path speaks WebSocket: open it with Sec-WebSocket-Protocol: graphql-transport-ws";
        return Problem(AppError::new(ErrorCode::InvalidHeader, message)).into_response();
    };
    let (parts, _) = request.into_parts();
    // A client that is no browser may send its token with the handshake.
    let credentials = Credentials { transport: Transport::WebSocket, ..credentials(&parts, Arc::default()) };
    let limit = state.config().http.max_body_bytes;
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(limit).max_frame_size(limit);
    upgrade.on_upgrade(move |socket| Connection::new(state, credentials).run(socket)).into_response()
}

/// Why a connection ends.
struct Close(u16, String);

/// What an operation gives.
enum Given {
    Next(Value),
    Error(Value),
    Complete,
}

/// An id with the count that tells its second use from the first.
type OperationKey = (String, u64);

struct Connection {
    state: AppState,
    credentials: Credentials,
    is_acknowledged: bool,
    operations: HashMap<String, (u64, AbortHandle)>,
    started: u64,
    results: mpsc::Sender<(OperationKey, Given)>,
    waiting: mpsc::Receiver<(OperationKey, Given)>,
}

impl Connection {
    fn new(state: AppState, credentials: Credentials) -> Self {
        let (results, waiting) = mpsc::channel(MAX_WAITING);
        Self { state, credentials, is_acknowledged: false, operations: HashMap::new(), started: 0, results, waiting }
    }

    async fn run(mut self, socket: WebSocket) {
        let is_our_protocol = socket.protocol().is_some_and(|protocol| protocol.as_bytes() == PROTOCOL.as_bytes());
        let (mut sink, mut source) = socket.split();
        let stopping = self.state.stopping();
        pin_mut!(stopping);
        // A client that reads nothing for as long as a request may take is gone; it comes again with its last cursor.
        let patience = self.state.config().http.request_timeout;
        let init_deadline = Instant::now() + INIT_TIMEOUT;
        let mut ping = interval(PING_EVERY);
        let mut unanswered = 0;
        let close = loop {
            if !is_our_protocol {
                break close_because(4406, "Subprotocol not acceptable");
            }
            let message = tokio::select! {
                received = source.next() => {
                    unanswered = 0;
                    let Some(Ok(message)) = received else { return };
                    match self.receive(message).await {
                        Ok(reply) => reply,
                        Err(close) => break close,
                    }
                }
                Some((key, given)) = self.waiting.recv() => self.draw(key, given),
                () = sleep_until(init_deadline), if !self.is_acknowledged => {
                    break close_because(4408, "Connection initialisation timeout");
                }
                _ = ping.tick() => {
                    unanswered += 1;
                    if unanswered > 3 {
                        return;
                    }
                    Some(Message::Ping(Vec::new().into()))
                }
                () = &mut stopping => break close_because(1001, "The service is stopping; connect again"),
            };
            if let Some(message) = message
                && send(&mut sink, message, patience).await.is_err()
            {
                return;
            }
        };
        // Close reasons have at most 123 bytes (RFC 6455 §5.5).
        let reason: String = close.1.chars().take(120).filter(char::is_ascii).collect();
        let frame = CloseFrame { code: close.0, reason: reason.into() };
        let _ = send(&mut sink, Message::Close(Some(frame)), patience).await;
    }

    /// Takes a client's message and gives the direct answer to it, if it has one.
    async fn receive(&mut self, message: Message) -> Result<Option<Message>, Close> {
        let text = match &message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(None),
            Message::Close(_) => return Err(close_because(1000, "")),
            Message::Binary(_) => return Err(invalid("messages are texts")),
        };
        let Ok(Value::Object(mut message)) = parse(text.as_bytes()) else { return Err(invalid("not a JSON object")) };
        let kind = message.remove("type");
        match kind.as_ref().and_then(Value::as_str) {
            Some("connection_init") => self.initialise(message.remove("payload")).await.map(Some),
            Some("ping") => Ok(Some(answer(json!({"type": "pong"}), message.remove("payload")))),
            Some("pong") => Ok(None),
            Some("subscribe") => self.subscribe(message),
            Some("complete") => {
                let id = read_id(&message)?;
                if let Some((_, operation)) = self.operations.remove(&id) {
                    operation.abort();
                }
                Ok(None)
            }
            _ => Err(invalid("unknown type")),
        }
    }

    async fn initialise(&mut self, payload: Option<Value>) -> Result<Message, Close> {
        if self.is_acknowledged {
            return Err(close_because(4429, "Too many initialisation requests"));
        }
        let members = match payload {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(invalid("the payload must be an object")),
        };
        for (name, value) in members {
            if name.eq_ignore_ascii_case("authorization") {
                let Value::String(value) = value else { return Err(invalid("Authorization must be a string")) };
                self.credentials.authorization = Header::Value(value);
            }
        }
        // Who brings no token learns it with each operation, as over HTTP; who brings a wrong one, at once.
        if self.credentials.authorization != Header::Absent
            && let Err(error) = self.state.api().authenticate(self.credentials.clone()).await
        {
            let code = if error.code.status() < 500 { 4403 } else { 1013 };
            return Err(close_because(code, format!("{}: {}", error.code, error.message)));
        }
        self.is_acknowledged = true;
        Ok(answer(json!({"type": "connection_ack"}), None))
    }

    fn subscribe(&mut self, mut message: Map<String, Value>) -> Result<Option<Message>, Close> {
        if !self.is_acknowledged {
            return Err(close_because(4401, "Unauthorized"));
        }
        let id = read_id(&message)?;
        if self.operations.contains_key(&id) {
            return Err(close_because(4409, format!("Subscriber for {id} already exists")));
        }
        let request = match message.remove("payload").map(read_parameters) {
            Some(Ok(request)) => request,
            Some(Err(error)) => return Err(invalid(&error.message)),
            None => return Err(invalid("subscribe needs a payload")),
        };
        if self.operations.len() >= MAX_OPERATIONS {
            let message = format!("A connection may run {MAX_OPERATIONS} operations at once; complete one first");
            let refusal = graphql::refusal(AppError::new(ErrorCode::LimitExceeded, message));
            return Ok(Some(answer(json!({"id": id, "type": "error"}), Some(json!(refusal.errors)))));
        }
        self.started += 1;
        let key = (id.clone(), self.started);
        let operation = run_operation(self.state.clone(), request, self.credentials.clone(), key, self.results.clone());
        self.operations.insert(id, (self.started, tokio::spawn(operation).abort_handle()));
        Ok(None)
    }

    /// A result as a message, unless its operation was completed by the client meanwhile.
    fn draw(&mut self, (id, count): OperationKey, given: Given) -> Option<Message> {
        if self.operations.get(&id).is_none_or(|(running, _)| *running != count) {
            return None;
        }
        if !matches!(given, Given::Next(_)) {
            self.operations.remove(&id);
        }
        Some(match given {
            Given::Next(payload) => answer(json!({"id": id, "type": "next"}), Some(payload)),
            Given::Error(payload) => answer(json!({"id": id, "type": "error"}), Some(payload)),
            Given::Complete => answer(json!({"id": id, "type": "complete"}), None),
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.operations.values().for_each(|(_, operation)| operation.abort());
    }
}

/// Runs one operation to its end; its line in the log comes with it.
async fn run_operation(
    state: AppState,
    request: graphql::Request,
    credentials: Credentials,
    key: OperationKey,
    results: mpsc::Sender<(OperationKey, Given)>,
) {
    let log = RequestLog::new(&key.0.chars().take(100).collect::<String>());
    let line = Line::new(log.clone(), "WS", "/graphql/ws".to_owned());
    let work = async move {
        let mut responses = run(&state, request, credentials);
        let mut status = 200;
        while let Some(response) = responses.next().await {
            note_failures(&response);
            if let Some(error) = response.errors.first() {
                status = graphql::into_app_error(error).code.status();
            }
            // The whole operation was refused, or its stream ended with a failure.
            let is_refusal = graphql::is_request_error(&response);
            let given = if is_refusal { Given::Error(json!(response.errors)) } else { Given::Next(json!(response)) };
            if results.send((key.clone(), given)).await.is_err() || is_refusal {
                return status;
            }
        }
        let _ = results.send((key, Given::Complete)).await;
        status
    };
    line.finish(log.scope(work).await);
}

/// A message with its payload, if it has one.
fn answer(mut message: Value, payload: Option<Value>) -> Message {
    if let (Some(payload), Some(members)) = (payload, message.as_object_mut()) {
        members.insert("payload".to_owned(), payload);
    }
    Message::Text(message.to_string().into())
}

fn close_because(code: u16, reason: impl Into<String>) -> Close {
    Close(code, reason.into())
}

fn invalid(why: &str) -> Close {
    close_because(4400, format!("Invalid message: {why}"))
}

fn read_id(message: &Map<String, Value>) -> Result<String, Close> {
    match message.get("id").and_then(Value::as_str) {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err(invalid("id must be a text")),
    }
}

async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message, patience: Duration) -> Result<(), ()> {
    match timeout(patience, sink.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}
