//! A receiver of webhooks over TLS, in a process of its own, that measures what it gets.
//!
//! `cargo run --release --example webhooks -- FOLDER` writes `roots.pem` into the folder, prints the port, and then answers each line
//! that it reads: `wait N` waits for N more webhooks and prints how many came a second, and the median and the 99th percentile of the
//! milliseconds from the event to its arrival; `skip` forgets what came. What is sent to a path that begins with `/hang` gets no answer.
//! `make bench-webhooks` does all of it.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sales_order_api::clock::Clock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What came since it was last asked for: when, and how old each event was.
#[derive(Default)]
struct Figures {
    arrivals: Vec<(Instant, f64)>,
}

#[derive(Default)]
struct Shared {
    figures: Mutex<Figures>,
    came: Notify,
}

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).context("usage: webhooks FOLDER")?);
    let shared = Arc::new(Shared::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (acceptor, roots) = certificate()?;
    std::fs::write(folder.join("roots.pem"), roots)?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let port = listener.local_addr()?.port();
    let asked = Arc::clone(&shared);
    std::thread::spawn(move || answer(&asked, port));
    runtime.block_on(serve(listener, acceptor, shared))
}

fn certificate() -> Result<(TlsAcceptor, String)> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}

/// Answers what is asked on the standard input.
fn answer(shared: &Shared, port: u16) {
    let print = |text: String| {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    };
    print(port.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if line == "skip" {
            shared.figures.lock().unwrap_or_else(PoisonError::into_inner).arrivals.clear();
            print("skipped".to_owned());
        } else if let Some(wanted) = line.strip_prefix("wait ").and_then(|number| number.parse::<usize>().ok()) {
            print(runtime.block_on(wait(shared, wanted)));
        }
    }
    std::process::exit(0);
}

async fn wait(shared: &Shared, wanted: usize) -> String {
    loop {
        {
            let mut figures = shared.figures.lock().unwrap_or_else(PoisonError::into_inner);
            if figures.arrivals.len() >= wanted {
                let arrivals = std::mem::take(&mut figures.arrivals);
                let seconds = match (arrivals.first(), arrivals.last()) {
                    (Some((first, _)), Some((last, _))) => (*last - *first).as_secs_f64(),
                    _ => 0.0,
                };
                let mut ages: Vec<_> = arrivals.iter().map(|(_, age)| *age).collect();
                ages.sort_by(f64::total_cmp);
                let at = |part: usize| ages[(ages.len() - 1) * part / 100];
                #[expect(clippy::cast_precision_loss, reason = "as many as there are")]
                let rate = arrivals.len() as f64 / seconds;
                return format!("{} {rate:.0} {:.1} {:.1}", arrivals.len(), at(50), at(99));
            }
        }
        let _ = tokio::time::timeout(Duration::from_millis(20), shared.came.notified()).await;
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let take = service_fn(move |request| take(request, Arc::clone(&shared)));
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new()).http1_only();
            let _ = server.serve_connection(TokioIo::new(stream), take).await;
        });
    }
}

async fn take(request: Request<hyper::body::Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>> {
    if request.uri().path().starts_with("/hang") {
        let is_challenge = request.headers().get("webhook-trigger").is_some_and(|trigger| trigger == "verification");
        if !is_challenge {
            std::future::pending::<()>().await;
        }
    }
    let (now, arrived) = (Clock::system().now(), Instant::now());
    let body: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes())?;
    if let Some(challenge) = body["data"]["challenge"].as_str() {
        return Ok(Response::new(challenge.to_owned().into()));
    }
    let at: Option<DateTime<Utc>> = body["timestamp"].as_str().and_then(|at| at.parse().ok());
    let age = at.and_then(|at| (now - at).num_microseconds()).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "an age of years is none")]
    let age = age as f64 / 1000.0;
    shared.figures.lock().unwrap_or_else(PoisonError::into_inner).arrivals.push((arrived, age));
    shared.came.notify_one();
    Ok(Response::new(Full::default()))
}
