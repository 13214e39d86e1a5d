//! `receipt`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::output::instant;
use super::{Common, output};
use crate::app;
use crate::auth::registered_key::KeyStatus;
use crate::domain::receipt::Receipt;
use crate::service::Orders;
use crate::service::evidence::Evidence;
use crate::service::turns::Turns;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Check again what the sender of an order signed, against its registered key; the service need not run
    Verify {
        /// Order number, such as SO-0000000042
        order: String,
        /// The body as its sender sent it, to the last byte: is it the one that was received?
        #[arg(long, value_name = "FILE")]
        body: Option<PathBuf>,
    },
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    let Command::Verify { order, body } = command;
    let read = |file: &PathBuf| fs::read(file).with_context(|| format!("cannot read the body file {}", file.display()));
    let body = body.as_ref().map(read).transpose()?;
    let config = common.load(None)?.config;
    let orders = Orders::new(app::open(&config).await?, Turns::unlimited());
    let (tolerance, prefix) = (config.auth.timestamp_tolerance, config.http.public_url.prefix());
    let evidence = orders.verify_receipt(&order, body.as_deref(), tolerance, prefix).await?;
    print(common, &evidence, body.is_some())?;
    if evidence.problems.is_empty() {
        return Ok(());
    }
    bail!("the receipt of {} does not hold: {}", evidence.order.number, evidence.problems.join("; "))
}

fn print(common: &Common, evidence: &Evidence, has_body: bool) -> Result<()> {
    let Evidence { order, receipt, key_status_then, key_revoked_at, problems } = evidence;
    let status = key_status_then.map(KeyStatus::as_str);
    if common.json {
        return output::json(&json!({
            "valid": problems.is_empty(),
            "problems": problems,
            "order_number": order.number.to_string(),
            "client_id": order.client_id.as_str(),
            "created_at": instant(order.created_at),
            "signature_form": receipt.signature_form,
            "string_to_sign": receipt.string_to_sign,
            "signature": STANDARD.encode(&receipt.signature),
            "key_fingerprint": receipt.key_fingerprint,
            "key_status_then": status,
            "key_revoked_at": key_revoked_at.map(instant),
            "body_sha256": hex::encode(&receipt.body_sha256),
            "body_checked": has_body,
        }));
    }
    let verdict = if problems.is_empty() { "the receipt holds" } else { "the receipt does not hold" };
    let revoked = key_revoked_at.map(|at| format!(", revoked at {}", instant(at))).unwrap_or_default();
    let covers = match receipt.signature_form.as_str() {
        "body_bound" if is_handshake(receipt) => "the handshake of a WebSocket: who sent it and when; not the body",
        "body_bound" => "who sent it, when, and the body",
        "body_and_key_bound" => "who sent it, when, the body, and the Idempotency-Key",
        _ => "who sent it and when; not the body",
    };
    output::text(&format!(
        "{verdict}\n  order: {} of {}, taken at {}\n  form: {} (signs {covers})\n  signed text: {}\n  signature: {}\n  key: {} ({} when the \
         order was taken{revoked})\n  sha-256 of the body: {}{}",
        order.number,
        order.client_id,
        instant(order.created_at),
        receipt.signature_form,
        receipt.string_to_sign,
        STANDARD.encode(&receipt.signature),
        receipt.key_fingerprint,
        status.unwrap_or("unknown"),
        hex::encode(&receipt.body_sha256),
        match (receipt.body_sha256.as_slice() == Sha256::digest(b"").as_slice(), has_body) {
            // No request that makes an order is without a body.
            (true, _) => " (of nothing: the order came over a WebSocket, which older versions took)",
            (false, true) => "",
            (false, false) => " (give --body FILE to compare)",
        },
    ))
}

/// Whether a text is of the handshake of a WebSocket, over which older versions took signed orders.
fn is_handshake(receipt: &Receipt) -> bool {
    receipt.string_to_sign.starts_with("GET:/graphql/ws:")
}
