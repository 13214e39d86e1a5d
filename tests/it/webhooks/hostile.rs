//! Receivers that do harm, and a name that leads inside: nobody else notices, and the endpoint's owner reads what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::{Sending, active, attempts, local, read, send_order, signed};
use crate::support::{PATIENCE, Partner, Receiver, TestApp, found, until};

const ORDERS: usize = 5;

/// What a receiver does with a connection.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// It takes the request and never answers.
    Silence,
    /// It closes the connection.
    Reset,
    /// It answers, and the body has no end.
    Flood,
    /// It answers byte by byte.
    Drip,
    /// It speaks another protocol.
    Garbage,
}

/// A receiver that does harm, until it is dropped.
struct Villain {
    port: u16,
    connections: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
    listening: AbortHandle,
}

impl Villain {
    async fn doing(harm: Harm) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, sent) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (come, flood) = (Arc::clone(&connections), Arc::clone(&sent));
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                come.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(stream, harm, Arc::clone(&flood)));
            }
        });
        Self { port, connections, sent, listening: listening.abort_handle() }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}/hooks", self.port)
    }
}

impl Drop for Villain {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn answer(mut stream: TcpStream, harm: Harm, sent: Arc<AtomicU64>) {
    let _ = stream.read(&mut [0; 4096]).await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1073741824\r\n\r\n";
    match harm {
        Harm::Silence => while let Ok(1..) = stream.read(&mut [0; 4096]).await {},
        Harm::Reset => {}
        Harm::Flood => {
            let (_, chunk) = (stream.write_all(head).await, vec![b'x'; 1 << 16]);
            while let Ok(()) = stream.write_all(&chunk).await {
                sent.fetch_add(1 << 16, Ordering::SeqCst);
            }
        }
        Harm::Drip => {
            for byte in head {
                // Until the next byte, or until the service hangs up.
                let pause = timeout(Duration::from_millis(20), stream.read(&mut [0; 1])).await;
                if pause.is_ok() || stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
            }
        }
        Harm::Garbage => {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await;
        }
    }
}

/// Makes an endpoint that is told of everything, though it would prove nothing.
async fn unproved(app: &TestApp, partner: &Partner<'_>, name: &str, url: &str) {
    signed(partner, "PUT", &format!("/{name}"), Some(&json!({"url": url}))).await.expect(201);
    let activate = format!("UPDATE webhook_endpoints SET state = 'ACTIVE' WHERE name = '{name}'");
    app.database.db_execute(&activate).await.unwrap();
}

/// Nine endpoints of a partner at receivers that take everything.
async fn good(partner: &Partner<'_>) -> Vec<Receiver> {
    let mut receivers = Vec::new();
    for n in 0..9 {
        let receiver = Receiver::new().await;
        active(partner, &format!("good-{n}"), &receiver, json!({})).await;
        receivers.push(receiver);
    }
    receivers
}

/// Sends orders; each receiver gets the event of each.
async fn all_are_told(partner: &Partner<'_>, receivers: &[Receiver]) {
    for n in 0..ORDERS {
        send_order(partner, &format!("PO-{n}")).await;
    }
    for receiver in receivers {
        let events = receiver.events_after(ORDERS).await;
        assert_eq!(events.len(), ORDERS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_harm_is_an_outcome_of_its_own_and_the_other_endpoints_are_told_of_everything() {
    let app = TestApp::with(|config| {
        local(config);
        // So long that honest receivers keep to it on a busy machine too: theirs would be tried again by a clock that stands still.
        (config.webhooks.connect_timeout, config.webhooks.timeout) = (Duration::from_secs(1), Duration::from_secs(1));
    })
    .await;
    let partner = app.partner().await;
    let receivers = good(&partner).await;
    let mut villains = Vec::new();
    for (name, harm, scheme, outcome) in [
        ("silence", Harm::Silence, "http", "TIMEOUT"),
        ("reset", Harm::Reset, "http", "CONNECTION"),
        ("flood", Harm::Flood, "http", "DELIVERED"),
        ("drip", Harm::Drip, "http", "TIMEOUT"),
        ("garbage", Harm::Garbage, "http", "CONNECTION"),
        ("no-tls", Harm::Garbage, "https", "TLS"),
    ] {
        let villain = Villain::doing(harm).await;
        unproved(&app, &partner, name, &villain.url(scheme)).await;
        villains.push((name, villain, outcome));
    }
    let _sending = Sending::on(&app.state);
    all_are_told(&partner, &receivers).await;
    for (name, villain, outcome) in &villains {
        let first = found("an attempt", async || attempts(&partner, name).await.pop()).await;
        assert_eq!(first["outcome"], *outcome, "{name}: {first}");
        assert!(villain.connections.load(Ordering::SeqCst) > 0);
        // What the machines between them hold is not what was read.
        assert!(villain.sent.load(Ordering::SeqCst) < 1 << 28, "{name}");
        let told = first.to_string();
        assert!(!told.contains("127.0.0.1") && !told.contains("os error"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_hangs_for_as_long_as_it_may_keeps_nine_others_from_nothing() {
    let app = TestApp::with(|config| {
        local(config);
        // It holds all but one of them, for ever.
        config.webhooks.max_in_flight = 5;
        (config.webhooks.connect_timeout, config.webhooks.timeout) = (PATIENCE, PATIENCE);
    })
    .await;
    let partner = app.partner().await;
    let receivers = good(&partner).await;
    let villain = Villain::doing(Harm::Silence).await;
    unproved(&app, &partner, "hanging", &villain.url("http")).await;
    let _sending = Sending::on(&app.state);
    all_are_told(&partner, &receivers).await;
    assert_eq!(attempts(&partner, "hanging").await, Vec::<Value>::new());
    until("its four slots are taken", async || villain.connections.load(Ordering::SeqCst) == 4).await;
    assert_eq!(read(&partner, "hanging").await["parked"]["retrying"], 0);
}

/// The operator takes back the network that its receivers are in, and starts the service anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_whose_name_or_address_leads_inside_by_now_is_not_reached_and_its_owner_reads_why() {
    let app = TestApp::with(|config| {
        local(config);
        config.webhooks.allowed_networks.push("::1/128".parse().unwrap());
        config.webhooks.lease = Duration::from_secs(1);
    })
    .await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "by-address", &receiver, json!({})).await;
    let port = receiver.base.rsplit_once(':').unwrap().1;
    unproved(&app, &partner, "by-name", &format!("http://localhost:{port}/hooks")).await;
    let sending = Sending::on(&app.state);
    send_order(&partner, "PO-1").await;
    receiver.events_after(2).await;
    drop(sending);
    let before = receiver.all().len();
    let strict = TestApp::state_in(&app.store, &app.clock, &[], |config| {
        config.webhooks.allow_http = true;
        config.webhooks.lease = Duration::from_secs(1);
    });
    let _sending = Sending::on(&strict);
    send_order(&partner, "PO-2").await;
    for name in ["by-name", "by-address"] {
        let refused = found("the attempt", async || {
            let newest = attempts(&partner, name).await.swap_remove(0);
            (newest["outcome"] != "DELIVERED").then_some(newest)
        })
        .await;
        assert_eq!((&refused["outcome"], &refused["status"]), (&json!("FORBIDDEN_TARGET"), &json!(null)), "{name}");
        assert!(!refused.to_string().contains("127.0.0.1"), "{refused}");
    }
    assert_eq!(receiver.all().len(), before);
}
