//! `sign`: offline, so that the private key goes nowhere.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Common, output};
use crate::auth::credentials::{Credentials, Header};
use crate::auth::hint::Hint;
use crate::auth::pem;
use crate::auth::private_key::PrivateKey;
use crate::auth::string_to_sign::{body_and_key_bound_string, body_bound_string, documented_string};
use crate::clock::Clock;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The private key (PKCS#8 or PKCS#1, PEM); it is read here and goes nowhere
    #[arg(long, value_name = "FILE")]
    private_key: PathBuf,
    /// The client the signature is for
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// X-TIMESTAMP as it will be sent; now in unix seconds when absent
    #[arg(long, value_name = "TIME")]
    timestamp: Option<String>,
    /// Bind this body too: the file as it will be sent, to the last byte
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// With --body: the method it will be sent with
    #[arg(long, default_value = "POST", requires = "body")]
    method: String,
    /// With --body: the path it will be sent to
    #[arg(long, default_value = "/api/v1/sales-orders", requires = "body")]
    path: String,
    /// With --body: bind this Idempotency-Key too; send it with the request
    #[arg(long, value_name = "KEY", requires = "body")]
    idempotency_key: Option<String>,
}

pub fn run(common: &Common, args: &Args) -> Result<()> {
    let file = args.private_key.display();
    let bytes = fs::read(&args.private_key).with_context(|| format!("cannot read the key file {file}"))?;
    let key = PrivateKey::from_pem(&pem::text(&bytes)).with_context(|| format!("cannot use the key in {file}"))?;
    let timestamp = args.timestamp.clone().unwrap_or_else(|| Clock::system().now().timestamp().to_string());
    let string_to_sign = match &args.body {
        None => documented_string(&args.client_id, &timestamp),
        Some(file) => {
            let body = fs::read(file).with_context(|| format!("cannot read the body file {}", file.display()))?;
            bound_string(args, &Sha256::digest(body).into(), &timestamp)?
        }
    };
    let signature = STANDARD.encode(key.sign(string_to_sign.as_bytes())?);
    if common.json {
        let mut headers = json!({
            "X-CLIENT-ID": args.client_id, "X-TIMESTAMP": timestamp, "X-SIGNATURE": signature,
        });
        if let Some(key) = &args.idempotency_key {
            headers["Idempotency-Key"] = key.as_str().into();
        }
        return output::json(&headers);
    }
    let key = args.idempotency_key.as_ref().map(|key| format!("\nIdempotency-Key: {key}")).unwrap_or_default();
    let id = &args.client_id;
    output::text(&format!("X-CLIENT-ID: {id}\nX-TIMESTAMP: {timestamp}\nX-SIGNATURE: {signature}{key}"))
}

fn bound_string(args: &Args, body_sha256: &[u8; 32], timestamp: &str) -> Result<String> {
    let Some(key) = &args.idempotency_key else {
        return Ok(body_bound_string(&args.method, &args.path, body_sha256, timestamp));
    };
    let header = if key.is_empty() { Header::Empty } else { Header::Value(key.clone()) };
    Credentials { idempotency_key: header, ..Credentials::default() }.idempotency_key()?;
    match body_and_key_bound_string(&args.method, &args.path, body_sha256, timestamp, key) {
        Some(text) => Ok(text),
        None => bail!("{}", Hint::KeyBoundNeedsMinutes.explanation()),
    }
}
