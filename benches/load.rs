//! Load: partners that send signed orders as fast as they are answered, and read every answer.
//!
//! `cargo run --release --example load -- --base http://127.0.0.1:8080 --client-id ID --client-secret SECRET
//! --private-key FILE [--connections 32] [--seconds 10] [--lines 3] [--json]`; `make bench-load` does all of it.
//!
//! It talks to this machine alone, and on one thread, so that it takes as little as it can from what it measures.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use sales_order_api::auth::private_key::PrivateKey;
use sales_order_api::auth::string_to_sign::documented_string;
use sales_order_api::clock::Clock;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::timeout;

/// No answer takes this long; a run must come to an end.
const PATIENCE: Duration = Duration::from_secs(30);
/// A price with a fraction, of which an even number is a whole amount.
const UNIT_PRICE: &str = "125000.5";
const TWO_PIECES: u64 = 250_001;

/// Sends signed orders for a while and says how fast they were taken.
#[derive(clap::Parser)]
struct Args {
    /// Base address of the service, on this machine
    #[arg(long)]
    base: String,
    #[arg(long)]
    client_id: String,
    // Secrets are base64url: one in 64 begins with a hyphen.
    #[arg(long, allow_hyphen_values = true)]
    client_secret: String,
    /// The client's private key (PEM)
    #[arg(long)]
    private_key: PathBuf,
    #[arg(long, default_value_t = 32)]
    connections: u32,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Lines of each order
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=500))]
    lines: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What every connection shares.
struct Load {
    address: SocketAddr,
    client_id: String,
    authorization: String,
    key: PrivateKey,
    /// The signature of the current second: signing costs far more than sending.
    signed: std::cell::RefCell<(i64, String)>,
    lines: u64,
    /// Keeps the keys of one run apart from those of the runs before.
    run: String,
}

/// What was measured.
#[derive(Default)]
struct Figures {
    /// Microseconds from sending an order to its whole answer.
    latencies: Vec<u32>,
    /// What went wrong, and how often.
    errors: BTreeMap<String, u32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<bool> {
    let host = args.base.strip_prefix("http://").context("--base begins with http://")?.trim_end_matches('/');
    let address = tokio::net::lookup_host(host).await?.next().context("no such host")?;
    ensure!(address.ip().is_loopback(), "{address} is not on this machine; load is for a service of one's own");
    let pem = std::fs::read_to_string(&args.private_key).context("cannot read the private key")?;
    let load = Rc::new(Load {
        address,
        authorization: log_in(address, &args).await?,
        client_id: args.client_id,
        key: PrivateKey::from_pem(&pem)?,
        signed: std::cell::RefCell::default(),
        lines: args.lines,
        run: Clock::system().now().timestamp_micros().to_string(),
    });

    let started = Instant::now();
    let end = started + Duration::from_secs(args.seconds);
    let local = LocalSet::new();
    let connections: Vec<_> =
        (0..args.connections).map(|number| local.spawn_local(send_orders(Rc::clone(&load), number, end))).collect();
    let mut all = Figures::default();
    local
        .run_until(async {
            for connection in connections {
                let figures = connection.await?;
                all.latencies.extend(figures.latencies);
                for (what, count) in figures.errors {
                    *all.errors.entry(what).or_default() += count;
                }
            }
            Ok::<_, anyhow::Error>(())
        })
        .await?;
    all.print(started.elapsed(), args.json)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // How it ends is told to whoever waits for an answer on it.
    tokio::spawn(connection);
    Ok(sender)
}

async fn log_in(address: SocketAddr, args: &Args) -> Result<String> {
    #[derive(Deserialize)]
    struct Token {
        token: String,
    }
    let credentials = json!({"client_id": args.client_id, "client_secret": args.client_secret});
    let request = Request::post("/api/v1/auth/login")
        .header("host", address.to_string())
        .header("content-type", "application/json")
        .body(Full::from(credentials.to_string()))?;
    let (response, body) = exchange(&mut connect(address).await?, request).await?;
    ensure!(response.status() == 200, "the login was refused: {}", String::from_utf8_lossy(&body));
    Ok(format!("Bearer {}", serde_json::from_slice::<Token>(&body)?.token))
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(Response<()>, Bytes)> {
    let answer = async {
        sender.ready().await?;
        let (parts, body): (_, Incoming) = sender.send_request(request).await?.into_parts();
        Ok::<_, hyper::Error>((Response::from_parts(parts, ()), body.collect().await?.to_bytes()))
    };
    Ok(timeout(PATIENCE, answer).await.context("no answer in time")??)
}

/// One connection: an order, its answer, the next order.
async fn send_orders(load: Rc<Load>, connection: u32, end: Instant) -> Figures {
    let mut figures = Figures::default();
    let mut sender = None;
    for number in 0_u32.. {
        if Instant::now() >= end {
            break;
        }
        let customer = format!("C-{connection}-{number}");
        if let Err(error) = load.create(&mut sender, &customer, &mut figures.latencies).await {
            *figures.errors.entry(format!("{error:#}")).or_default() += 1;
            sender = None;
        }
    }
    figures
}

impl Load {
    /// Sends one order and takes its time, then reads whether the answer is about this very order.
    async fn create(
        &self,
        sender: &mut Option<SendRequest<Full<Bytes>>>,
        customer: &str,
        latencies: &mut Vec<u32>,
    ) -> Result<()> {
        let request = self.request(customer)?;
        let sender = match sender {
            Some(sender) => sender,
            None => sender.insert(connect(self.address).await?),
        };
        let sent = Instant::now();
        let (response, body) = exchange(sender, request).await?;
        let took = sent.elapsed();
        self.check(&response, &body, customer)?;
        latencies.push(u32::try_from(took.as_micros())?);
        Ok(())
    }

    fn request(&self, customer: &str) -> Result<Request<Full<Bytes>>> {
        let products: Vec<_> = (1..=self.lines)
            .map(|n| json!({"product_code": format!("P-{n}"), "quantity": 2 * n, "unit_price": UNIT_PRICE}))
            .collect();
        let order = json!({"customer_code": customer, "site_code": "SITE-001", "sales_name": "John Doe",
                           "address": "Jl. Sudirman No. 1, Jakarta", "products": products});
        let (timestamp, signature) = self.sign()?;
        Ok(Request::post("/api/v1/sales-orders")
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
            .header("authorization", &self.authorization)
            .header("x-client-id", &self.client_id)
            .header("x-timestamp", timestamp)
            .header("x-signature", signature)
            .header("idempotency-key", format!("{}-{customer}", self.run))
            .body(Full::from(order.to_string()))?)
    }

    fn sign(&self) -> Result<(i64, String)> {
        let now = Clock::system().now().timestamp();
        let mut signed = self.signed.borrow_mut();
        if signed.0 != now {
            let text = documented_string(&self.client_id, &now.to_string());
            *signed = (now, STANDARD.encode(self.key.sign(text.as_bytes())?));
        }
        Ok(signed.clone())
    }

    fn check(&self, response: &Response<()>, body: &[u8], customer: &str) -> Result<()> {
        #[derive(Deserialize)]
        struct Created {
            data: Order,
        }
        #[derive(Deserialize)]
        struct Order {
            customer_code: String,
            total_amount: String,
            products: Vec<IgnoredAny>,
        }
        if response.status() != 201 {
            let body = String::from_utf8_lossy(body);
            let code = body.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
            bail!("{} {}", response.status(), code.unwrap_or("without a code"));
        }
        ensure!(!response.headers().contains_key("idempotent-replayed"), "a new order was called a replay");
        let Created { data } = serde_json::from_slice(body).context("the answer cannot be read")?;
        let total = (1..=self.lines).sum::<u64>() * TWO_PIECES;
        ensure!(data.customer_code == customer, "the answer is about another order");
        ensure!(data.products.len() as u64 == self.lines, "lines are missing");
        ensure!(data.total_amount == total.to_string(), "the total is wrong");
        Ok(())
    }
}

impl Figures {
    /// Prints what was measured; gives whether every order was taken.
    fn print(mut self, elapsed: Duration, as_json: bool) -> Result<bool> {
        self.latencies.sort_unstable();
        let created = self.latencies.len();
        #[expect(clippy::cast_precision_loss, reason = "nobody sends 2⁵² orders")]
        let rate = created as f64 / elapsed.as_secs_f64();
        let at = |percent: usize| {
            let place = (created * percent / 100).min(created.saturating_sub(1));
            f64::from(self.latencies.get(place).copied().unwrap_or_default()) / 1000.0
        };
        let (p50, p99, max) = (at(50), at(99), at(100));
        let errors: u32 = self.errors.values().sum();
        let mut out = io::stdout().lock();
        if as_json {
            let figures = json!({"created": created, "creates_per_second": (rate * 10.0).round() / 10.0, "p50_ms": p50,
                                 "p99_ms": p99, "max_ms": max, "errors": errors, "errors_by_kind": self.errors});
            writeln!(out, "{figures}")?;
        } else {
            writeln!(out, "{created} orders, {rate:.0} a second; p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms")?;
            writeln!(out, "{errors} errors")?;
            for (what, count) in &self.errors {
                writeln!(out, "  {count} × {what}")?;
            }
        }
        Ok(errors == 0 && created > 0)
    }
}
