//! One connection that speaks graphql-transport-ws, with the protocol's close codes.
//!
//! Our own, because async-graphql's ends a connection with other codes than the protocol's, knows no duplicate ids and
//! puts no bound on what waits for a slow client. Here an operation waits until what it gave is sent: a client that
//! reads too slowly slows down only its own subscriptions, and one that reads nothing is cut off by its socket.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::StreamExt as _;
use futures_util::{SinkExt as _, pin_mut};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::closing::{End, end};
use super::operation::{OperationKey, run_operation};
use super::owner::{Held, Owner};
use super::parameters;
use super::protocol::{Close, Given, Told, close_because, interrupted, invalid, message, read_id, unknown};
use crate::app::AppState;
use crate::auth::credentials::{Credentials, Header};
use crate::compute::{self, BYTES_A_REQUEST};
use crate::error::{AppError, ErrorCode};
use crate::graphql;
use crate::http::parameters::read_parameters;
use crate::wire::json::parse;

/// How long a client may take to say `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a silent client is asked whether it is still there; after three unanswered questions it is not.
const PING_EVERY: Duration = Duration::from_secs(15);

/// How often it is looked whether the token is still valid, at least: a revoked one ends within 5 seconds.
const CHECK_TOKEN_EVERY: Duration = Duration::from_secs(2);

/// Why a connection ends that brought no valid token in time.
const NO_TOKEN: &str =
    "No valid token: connect again and send connection_init with {\"Authorization\": \"Bearer <token>\"}";

/// How many operations one connection may run at once.
const MAX_OPERATIONS: usize = 100;

/// How many results of one connection wait to be sent before its operations wait themselves.
const MAX_WAITING: usize = 16;

/// The connection.
pub struct Connection {
    state: AppState,
    owner: Owner,
    is_acknowledged: bool,
    /// Since when it has had no operation.
    idle_since: Instant,
    operations: HashMap<String, (u64, AbortHandle)>,
    started: u64,
    results: mpsc::Sender<(OperationKey, Told)>,
    waiting: mpsc::Receiver<(OperationKey, Told)>,
}

impl Connection {
    /// A connection that has said nothing yet, with what its handshake brought.
    pub fn new(state: AppState, credentials: Credentials, held: Held) -> Self {
        let (results, waiting) = mpsc::channel(MAX_WAITING);
        Self {
            owner: Owner::new(state.clone(), credentials, held),
            state,
            is_acknowledged: false,
            idle_since: Instant::now(),
            operations: HashMap::new(),
            started: 0,
            results,
            waiting,
        }
    }

    /// Serves it to its end.
    pub async fn run<S>(mut self, mut socket: WebSocketStream<S>, is_our_protocol: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // Held to the end: a service that stops waits for the clients to have been told.
        let stopping = self.state.stopping();
        pin_mut!(stopping);
        let anonymous_timeout = self.state.config().http.anonymous_socket_timeout;
        let init_deadline = Instant::now() + INIT_TIMEOUT;
        let mut ping = interval(PING_EVERY);
        let mut check = interval(CHECK_TOKEN_EVERY.min(anonymous_timeout));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        let how = loop {
            if !is_our_protocol {
                break close_because(4406, "Subprotocol not acceptable: speak graphql-transport-ws").into();
            }
            let is_anonymous = self.is_acknowledged && self.operations.is_empty() && !self.owner.has_valid_token();
            let message = tokio::select! {
                received = socket.next() => {
                    unanswered = 0;
                    let given = match received {
                        Some(Ok(Message::Close(_))) => break End::Theirs,
                        Some(Ok(message)) => self.receive(message).await,
                        Some(Err(error)) => break End::unreadable(&error, self.state.config().http.max_body_bytes),
                        None => break End::Lost,
                    };
                    match given {
                        Ok(reply) => reply,
                        Err(close) => break close.into(),
                    }
                }
                Some((key, given)) = self.waiting.recv() => match self.draw(key, given) {
                    Ok(message) => message,
                    Err(close) => break close.into(),
                },
                () = sleep_until(init_deadline), if !self.is_acknowledged => {
                    break close_because(4408, "Connection initialisation timeout").into();
                }
                () = sleep_until(self.idle_since.max(self.owner.since()) + anonymous_timeout), if is_anonymous => {
                    break close_because(4403, NO_TOKEN).into();
                }
                _ = check.tick(), if self.owner.has_valid_token() => {
                    self.owner.look_at_token().await;
                    None
                }
                _ = ping.tick() => {
                    unanswered += 1;
                    if unanswered > 3 {
                        break End::Lost;
                    }
                    Some(Message::Ping(Vec::new().into()))
                }
                () = &mut stopping => break close_because(1001, "The service is stopping; connect again").into(),
            };
            if let Some(message) = message
                && socket.send(message).await.is_err()
            {
                break End::Lost;
            }
        };
        // Nobody reads what they would give.
        self.operations.drain().for_each(|(_, (_, operation))| operation.abort());
        end(socket, how).await;
    }

    /// Takes a client's message and gives the direct answer to it, if it has one.
    async fn receive(&mut self, received: Message) -> Result<Option<Message>, Close> {
        let text = match &received {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return self.owner.count_message().map(|()| None),
            Message::Binary(_) | Message::Close(_) | Message::Frame(_) => return Err(invalid("messages are texts")),
        };
        self.owner.charge(u32::try_from(text.len() / BYTES_A_REQUEST).unwrap_or(u32::MAX))?;
        let parsed = compute::on(self.owner.credentials.lane(), text.len(), || parse(text.as_bytes())).await;
        let Ok(Value::Object(mut members)) = parsed else { return Err(invalid("not a JSON object")) };
        let kind = members.remove("type");
        let kind = kind.as_ref().and_then(Value::as_str);
        // An operation is counted as such, and where the budget is used up it may still be a login.
        if kind != Some("subscribe") {
            self.owner.count_message()?;
        }
        match kind {
            Some("connection_init") => self.initialise(members.remove("payload")).await.map(Some),
            Some("ping") => Ok(Some(message(json!({"type": "pong"}), members.remove("payload")))),
            Some("pong") => Ok(None),
            Some("subscribe") => self.subscribe(members).await,
            Some("complete") => {
                let id = read_id(&members)?;
                if let Some((_, operation)) = self.operations.remove(&id) {
                    operation.abort();
                    self.idle_since = Instant::now();
                }
                Ok(None)
            }
            _ => Err(unknown(kind)),
        }
    }

    async fn initialise(&mut self, payload: Option<Value>) -> Result<Message, Close> {
        if self.is_acknowledged {
            return Err(close_because(4429, "Too many initialisation requests"));
        }
        if let Some(authorization) = parameters::authorization(payload)? {
            self.owner.credentials.authorization = Header::Value(authorization);
        }
        // Who brings no token learns it with each operation, as over HTTP; who brings a wrong one, at once.
        if self.owner.credentials.authorization != Header::Absent {
            self.owner.authenticate().await?;
        }
        self.is_acknowledged = true;
        self.idle_since = Instant::now();
        Ok(message(json!({"type": "connection_ack"}), None))
    }

    async fn subscribe(&mut self, mut members: Map<String, Value>) -> Result<Option<Message>, Close> {
        if !self.is_acknowledged {
            return Err(close_because(4401, "Unauthorized"));
        }
        let id = read_id(&members)?;
        if self.operations.contains_key(&id) {
            return Err(close_because(4409, format!("Subscriber for {id} already exists")));
        }
        let mut request = match members.remove("payload").map(read_parameters) {
            Some(Ok(request)) => request,
            // A client that names its document may send the document itself next.
            Some(Err(error)) if error.code == ErrorCode::DocumentIdNotSupported => {
                return Ok(Some(Given::refusal(error).into_message(&id)));
            }
            Some(Err(error)) => return Err(invalid(&error.message)),
            None => return Err(invalid("subscribe needs a payload")),
        };
        if self.operations.len() >= MAX_OPERATIONS {
            let message = format!("A connection may run {MAX_OPERATIONS} operations at once; complete one first");
            let refusal = AppError::new(ErrorCode::LimitExceeded, message);
            return Ok(Some(Given::refusal(refusal).into_message(&id)));
        }
        let mut credentials = self.owner.credentials.clone();
        credentials.admission = self.owner.admit().await;
        if let Some(refusal) = credentials.admission.refusal()
            && !graphql::only_authenticates(&mut request)
        {
            self.state.sessions().pace_refusal(credentials.address).await;
            return Ok(Some(Given::refusal(refusal).into_message(&id)));
        }
        self.started += 1;
        let key = (id.clone(), self.started);
        let operation = run_operation(self.state.clone(), request, credentials, key, self.results.clone());
        self.operations.insert(id, (self.started, tokio::spawn(operation).abort_handle()));
        Ok(None)
    }

    /// A result as a message, unless its operation was completed by the client meanwhile.
    fn draw(&mut self, (id, count): OperationKey, given: Told) -> Result<Option<Message>, Close> {
        if self.operations.get(&id).is_none_or(|(running, _)| *running != count) {
            return Ok(None);
        }
        let given = given.map_err(|failure| interrupted(&failure))?;
        if !matches!(given, Given::Next(..)) {
            self.operations.remove(&id);
            self.idle_since = Instant::now();
        }
        Ok(Some(given.into_message(&id)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.operations.values().for_each(|(_, operation)| operation.abort());
    }
}
