//! `sign`: offline, so that the private key goes nowhere.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Common, output};
use crate::auth::private_key::PrivateKey;
use crate::auth::string_to_sign::{body_bound_string, documented_string};
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
}

pub fn run(common: &Common, args: &Args) -> Result<()> {
    let file = args.private_key.display();
    let pem = fs::read_to_string(&args.private_key).with_context(|| format!("cannot read the key file {file}"))?;
    let key = PrivateKey::from_pem(&pem).with_context(|| format!("cannot use the key in {file}"))?;
    let timestamp = args.timestamp.clone().unwrap_or_else(|| Clock::system().now().timestamp().to_string());
    let string_to_sign = match &args.body {
        None => documented_string(&args.client_id, &timestamp),
        Some(file) => {
            let body = fs::read(file).with_context(|| format!("cannot read the body file {}", file.display()))?;
            body_bound_string(&args.method, &args.path, &Sha256::digest(body).into(), &timestamp)
        }
    };
    let signature = STANDARD.encode(key.sign(string_to_sign.as_bytes())?);
    if common.json {
        return output::json(&json!({
            "X-CLIENT-ID": args.client_id, "X-TIMESTAMP": timestamp, "X-SIGNATURE": signature,
        }));
    }
    output::text(&format!("X-CLIENT-ID: {}\nX-TIMESTAMP: {timestamp}\nX-SIGNATURE: {signature}", args.client_id))
}
