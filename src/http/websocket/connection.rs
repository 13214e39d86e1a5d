//! One connection that speaks graphql-transport-ws, with the protocol's close codes.
//!
//! Our own, because async-graphql's ends a connection with other codes than the protocol's, knows no duplicate ids and
//! puts no bound on what waits for a slow client. Here an operation waits until what it gave is sent: a client that
//! reads too slowly slows down only its own subscriptions, and one that reads nothing is cut off by its socket.

use std::time::Duration;

use futures_util::SinkExt as _;
use futures_util::stream::StreamExt as _;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use super::closing::{End, end};
use super::frames::Frames;
use super::operation::{OperationKey, run_operation};
use super::operations::Operations;
use super::owner::{Held, Owner};
use super::protocol::{Close, Given, Told, close_because, invalid, message, read_id, unknown};
use super::{parameters, reasons};
use crate::app::AppState;
use crate::auth::credentials::{Credentials, Header};
use crate::compute::{self, BYTES_A_REQUEST};
use crate::error::{AppError, ErrorCode};
use crate::graphql;
use crate::http::graphql::said_of;
use crate::http::parameters::read_parameters;
use crate::service::bodies::ensure_few_values;
use crate::wire::json::parse;

/// How long a client may take to say `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a silent client is asked whether it is still there; after three unanswered questions it is not.
const PING_EVERY: Duration = Duration::from_secs(15);

/// How often it is looked whether the token is still valid, at least: a revoked one ends within 5 seconds.
const CHECK_TOKEN_EVERY: Duration = Duration::from_secs(2);

/// How many operations one connection may run at once.
const MAX_OPERATIONS: usize = 100;

/// How many results of one connection wait to be sent before its operations wait themselves.
const MAX_WAITING: usize = 16;

/// The connection.
pub struct Connection {
    state: AppState,
    owner: Owner,
    /// The path on which it was opened.
    route: String,
    max_message_bytes: usize,
    is_acknowledged: bool,
    operations: Operations,
    results: mpsc::Sender<(OperationKey, Told)>,
    waiting: mpsc::Receiver<(OperationKey, Told)>,
}

impl Connection {
    /// A connection that has said nothing yet, with what its handshake brought.
    pub fn new(state: AppState, credentials: Credentials, held: Held, route: String, max_message_bytes: usize) -> Self {
        let (results, waiting) = mpsc::channel(MAX_WAITING);
        Self {
            owner: Owner::new(state.clone(), credentials, held),
            state,
            route,
            max_message_bytes,
            is_acknowledged: false,
            operations: Operations::new(),
            results,
            waiting,
        }
    }

    /// Serves it to its end.
    pub async fn run<S>(mut self, mut socket: WebSocketStream<Frames<S>>, is_our_protocol: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // Held to the end: a service that stops waits for the clients to have been told.
        let mut stopping = self.state.stopping();
        let anonymous_timeout = self.state.config().http.anonymous_socket_timeout;
        let init_deadline = Instant::now() + INIT_TIMEOUT;
        let mut ping = interval(PING_EVERY);
        let mut check = interval(CHECK_TOKEN_EVERY.min(anonymous_timeout));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        let how = loop {
            if !is_our_protocol {
                break close_because(4406, reasons::OTHER_PROTOCOL).into();
            }
            let is_anonymous = self.is_acknowledged && self.operations.is_empty() && !self.owner.has_valid_token();
            let messages = tokio::select! {
                received = socket.next() => {
                    unanswered = 0;
                    let given = match received {
                        Some(Ok(Message::Close(_))) => break End::Theirs,
                        Some(Ok(message)) => self.receive(message).await,
                        Some(Err(error)) => break End::unreadable(&error, self.max_message_bytes),
                        None => break End::Lost,
                    };
                    match given {
                        Ok(reply) => reply.into_iter().collect(),
                        Err(close) => break close.into(),
                    }
                }
                Some((key, told)) = self.waiting.recv() => {
                    let (messages, close) = self.operations.draw(key, told);
                    if let Some(close) = close {
                        let limit = self.state.config().http.request_timeout;
                        tokio::select! {
                            () = self.finish(&mut socket, messages) => {}
                            () = sleep(limit) => {}
                            () = &mut stopping => {}
                        }
                        break close.into();
                    }
                    messages
                }
                () = sleep_until(init_deadline), if !self.is_acknowledged => {
                    break close_because(4408, reasons::NO_INIT).into();
                }
                () = sleep_until(self.operations.idle_since().max(self.owner.since()) + anonymous_timeout), if is_anonymous => {
                    break close_because(4403, reasons::NO_TOKEN).into();
                }
                _ = check.tick(), if self.owner.has_valid_token() => {
                    self.owner.look_at_token().await;
                    Vec::new()
                }
                _ = ping.tick() => {
                    unanswered += 1;
                    if unanswered > 3 {
                        break End::Lost;
                    }
                    vec![Message::Ping(Vec::new().into())]
                }
                () = &mut stopping => break close_because(1001, reasons::STOPPING).into(),
            };
            if send(&mut socket, messages).await.is_err() {
                break End::Lost;
            }
        };
        // Nobody reads what they would give.
        self.operations.abort();
        end(socket, how).await;
    }

    /// Tells, before a connection ends on which a subscription was interrupted, what waits to be told, and what becomes of the
    /// operations under way: who sent a mutation could not know whether it was done.
    async fn finish<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut WebSocketStream<Frames<S>>,
        messages: Vec<Message>,
    ) {
        self.operations.abort_subscriptions();
        if send(socket, messages).await.is_err() {
            return;
        }
        loop {
            let next =
                if self.operations.are_under_way() { self.waiting.recv().await } else { self.waiting.try_recv().ok() };
            let Some((key, told)) = next else { return };
            if send(socket, self.operations.draw_last(key, told)).await.is_err() {
                return;
            }
        }
    }

    /// Takes a client's message and gives the direct answer to it, if it has one.
    async fn receive(&mut self, received: Message) -> Result<Option<Message>, Close> {
        let text = match &received {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return self.owner.count_message().map(|()| None),
            Message::Binary(_) | Message::Close(_) | Message::Frame(_) => return Err(invalid("messages are texts")),
        };
        self.owner.charge(u32::try_from(text.len() / BYTES_A_REQUEST).unwrap_or(u32::MAX))?;
        ensure_few_values(text.as_bytes()).map_err(|error| close_because(1009, said_of("A message", &error)))?;
        let parsed = compute::on(self.owner.credentials.lane(), text.len(), || parse(text.as_bytes())).await;
        let mut members = match parsed {
            Ok(Value::Object(members)) => members,
            Ok(_) => return Err(invalid("not a JSON object")),
            Err(error) => return Err(invalid(&said_of("it", &error))),
        };
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
                self.operations.complete(&read_id(&members)?)?;
                Ok(None)
            }
            _ => Err(unknown(kind)),
        }
    }

    async fn initialise(&mut self, payload: Option<Value>) -> Result<Message, Close> {
        if self.is_acknowledged {
            return Err(close_because(4429, reasons::SECOND_INIT));
        }
        if let Some(authorization) = parameters::authorization(payload)? {
            self.owner.credentials.authorization = Header::Value(authorization);
        }
        // Who brings no token learns it with each operation, as over HTTP; who brings a wrong one, at once.
        if self.owner.credentials.authorization != Header::Absent {
            self.owner.authenticate().await?;
        }
        self.is_acknowledged = true;
        self.operations.begin_idling();
        Ok(message(json!({"type": "connection_ack"}), None))
    }

    async fn subscribe(&mut self, mut members: Map<String, Value>) -> Result<Option<Message>, Close> {
        if !self.is_acknowledged {
            return Err(close_because(4401, reasons::UNAUTHORIZED));
        }
        let id = read_id(&members)?;
        if self.operations.contains(&id) {
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
        let (state, route, results) = (self.state.clone(), self.route.clone(), self.results.clone());
        self.operations.start(id, |key| {
            tokio::spawn(run_operation(state, route, request, credentials, key, results)).abort_handle()
        });
        Ok(None)
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    messages: impl IntoIterator<Item = Message>,
) -> Result<(), tungstenite::Error> {
    for message in messages {
        socket.send(message).await?;
    }
    Ok(())
}
