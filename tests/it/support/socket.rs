use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Message, http::HeaderValue};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::in_time;

/// A connection that speaks graphql-transport-ws.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a service sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Message(Value),
    /// The connection's end, with its code; 0 where it just broke.
    Closed(u16),
}

impl Socket {
    /// Opens a connection that has said nothing yet.
    pub async fn open(base: &str, protocol: Option<&str>) -> Self {
        Self::try_open(base, protocol).await.unwrap()
    }

    /// Opens a connection from a page of this origin; gives the status with which it was refused, if it was.
    pub async fn open_from(base: &str, origin: &str) -> Result<Self, u16> {
        let mut request = format!("{}/graphql/ws", base.replacen("http", "ws", 1)).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        request.headers_mut().insert("origin", HeaderValue::try_from(origin).unwrap());
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a connection of somebody without a token; gives nothing where it was refused.
    pub async fn anonymous(base: &str) -> Option<Self> {
        let mut socket = Self::try_open(base, Some("graphql-transport-ws")).await?;
        socket.send(json!({"type": "connection_init"})).await;
        (socket.next().await == Told::Message(json!({"type": "connection_ack"}))).then_some(socket)
    }

    async fn try_open(base: &str, protocol: Option<&str>) -> Option<Self> {
        let url = format!("{}/graphql/ws", base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        if let Some(protocol) = protocol {
            let protocol = HeaderValue::try_from(protocol).unwrap();
            request.headers_mut().insert("sec-websocket-protocol", protocol);
        }
        Some(Self(connect_async(request).await.ok()?.0))
    }

    /// Opens a connection with this handshake and begins it.
    pub async fn open_with(mut request: Request) -> Self {
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        let mut socket = Self(connect_async(request).await.unwrap().0);
        socket.send(json!({"type": "connection_init"})).await;
        assert_eq!(socket.next().await, Told::Message(json!({"type": "connection_ack"})));
        socket
    }

    /// Opens a connection for a client with this token.
    pub async fn log_in(base: &str, token: &str) -> Self {
        Self::try_log_in(base, token).await.unwrap()
    }

    /// The same at a service that may be gone.
    pub async fn try_log_in(base: &str, token: &str) -> Option<Self> {
        let mut socket = Self::try_open(base, Some("graphql-transport-ws")).await?;
        let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {token}")}});
        socket.0.send(Message::text(init.to_string())).await.ok()?;
        (socket.next().await == Told::Message(json!({"type": "connection_ack"}))).then_some(socket)
    }

    pub async fn send(&mut self, message: Value) {
        self.send_text(message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    pub async fn send_bytes(&mut self, bytes: &'static [u8]) {
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        assert!(self.try_subscribe(id, query, variables).await, "the connection broke");
    }

    /// The same at a service that may be gone; whether it could be sent.
    pub async fn try_subscribe(&mut self, id: &str, query: &str, variables: Value) -> bool {
        let payload = json!({"query": query, "variables": variables});
        let message = json!({"id": id, "type": "subscribe", "payload": payload});
        self.0.send(Message::text(message.to_string())).await.is_ok()
    }

    /// What the service says next; its pings are answered on the way.
    pub async fn next(&mut self) -> Told {
        // One deadline for all: a connection on which nothing is said has pings all the same.
        in_time("what the service says next", async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Told::Message(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(frame))) => return Told::Closed(frame.map_or(0, |frame| frame.code.into())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Told::Closed(0),
                }
            }
        })
        .await
    }

    /// The data of the next result of a subscription.
    #[track_caller]
    pub fn next_data(&mut self, id: &str) -> impl Future<Output = Value> {
        let id = id.to_owned();
        async move {
            match self.next().await {
                Told::Message(mut message) => {
                    assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!(id)), "{message}");
                    message["payload"]["data"].take()
                }
                Told::Closed(code) => panic!("closed with {code}"),
            }
        }
    }
}
