//! `verify`: offline, by the very check the service makes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::DateTime;
use serde_json::{Value, json};

use super::{Common, key, output};
use crate::auth::credentials::{Credentials, Header};
use crate::auth::signature::{self, RegisteredKey, SignedRequest};
use crate::auth::verified::VerifiedSignatures;
use crate::clock::Clock;
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::AppError;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The public key (x.509 SubjectPublicKeyInfo, PEM)
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// X-CLIENT-ID as sent
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// X-TIMESTAMP as sent
    #[arg(long, value_name = "TIME")]
    timestamp: String,
    /// X-SIGNATURE as sent
    #[arg(long, value_name = "TEXT")]
    signature: String,
    /// The body as sent, for the forms that bind it
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The method it was sent with
    #[arg(long, default_value = "POST")]
    method: String,
    /// The path it was sent to
    #[arg(long, default_value = "/api/v1/sales-orders")]
    path: String,
    /// Idempotency-Key as sent, for the form that binds it
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// documented: every form is accepted; body_bound: the two that sign the body; body_and_key_bound: the one that signs the
    /// Idempotency-Key too
    #[arg(long, value_name = "POLICY", default_value = "documented")]
    signature_policy: SignaturePolicy,
    /// The server's time at the check: unix seconds or ISO 8601 with an offset; now when absent
    #[arg(long, value_name = "TIME", value_parser = key::parse_instant)]
    at: Option<DateTime<chrono::Utc>>,
    /// How far the timestamp may be from it
    #[arg(long, value_name = "DURATION", default_value = "300s", value_parser = humantime::parse_duration)]
    tolerance: Duration,
}

pub fn run(common: &Common, args: &Args) -> Result<()> {
    let public_key = key::read(&args.public_key)?;
    let body = match &args.body {
        Some(file) => fs::read(file).with_context(|| format!("cannot read the body file {}", file.display()))?,
        None => Vec::new(),
    };
    let header = |text: &str| if text.is_empty() { Header::Empty } else { Header::Value(text.to_owned()) };
    let credentials = Credentials {
        client_id: header(&args.client_id),
        timestamp: header(&args.timestamp),
        signature: header(&args.signature),
        idempotency_key: args.idempotency_key.as_deref().map_or(Header::Absent, header),
        ..Credentials::default()
    };
    let headers = credentials.signature_headers(args.signature_policy);
    let (headers, idempotency_key) = match headers.and_then(|headers| Ok((headers, credentials.idempotency_key()?))) {
        Ok(usable) => usable,
        Err(error) => return explain(common, &error),
    };
    let request = SignedRequest {
        client_id: headers.client_id,
        timestamp: headers.timestamp,
        signature: headers.signature,
        method: &args.method,
        path: &args.path,
        other_paths: &[],
        body: &body,
        idempotency_key,
    };
    let keys = [RegisteredKey { key: public_key, not_before: None, expires_at: None, revoked_at: None }];
    let now = args.at.unwrap_or_else(|| Clock::system().now());
    match signature::verify(&request, &keys, args.signature_policy, now, args.tolerance, &VerifiedSignatures::new(0)) {
        Ok(verified) => {
            let form = verified.form.as_str();
            if common.json {
                return output::json(&json!({
                    "valid": true, "form": form, "string_to_sign": verified.string_to_sign,
                    "key": verified.fingerprint,
                }));
            }
            output::text(&format!(
                "the signature is valid\n  form: {form}\n  signed text: {}\n  key: {}",
                verified.string_to_sign, verified.fingerprint
            ))
        }
        Err(rejection) => explain(common, &AppError::from(*rejection)),
    }
}

/// Prints what the service would answer, and fails.
fn explain(common: &Common, error: &AppError) -> Result<()> {
    if common.json {
        let mut value = json!({"valid": false, "code": error.code.as_str(), "message": error.message});
        if let Value::Object(members) = &mut value {
            members.extend(error.members().map(|(name, value)| (name.to_owned(), value)));
        }
        output::json(&value)?;
    } else {
        for (name, value) in error.members() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            output::text(&format!("  {}: {value}", name.replace('_', " ")))?;
        }
    }
    bail!("{}", error.message)
}
