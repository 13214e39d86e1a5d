//! `client audit`.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::output::instant;
use crate::cli::{Common, output};
use crate::domain::audit::AuditEntry;
use crate::domain::client::ClientId;
use crate::domain::page::Span;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this client; all when absent
    #[arg(long, value_name = "ID")]
    client_id: Option<ClientId>,
    /// How many entries, from the newest on
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    last: usize,
}

pub async fn run(common: &Common, args: Args) -> Result<()> {
    let clients = common.open_clients().await?;
    let entries = clients.audit_log(args.client_id.as_ref().map(ClientId::as_str), &Span::first(args.last)).await?.rows;
    if common.json {
        return output::json(&entries.iter().map(as_json).collect());
    }
    let rows: Vec<_> = entries
        .iter()
        .map(|AuditEntry { entry, .. }| {
            let detail: Vec<_> = entry.detail.iter().map(|(name, value)| format!("{name}={value}")).collect();
            [
                instant(entry.at),
                entry.client_id.to_string(),
                entry.action.to_string(),
                format!("{} ({})", entry.actor.name, entry.actor.via.as_str()),
                entry.actor.host.clone(),
                detail.join(", "),
            ]
        })
        .collect();
    output::table(["WHEN", "CLIENT", "WHAT", "WHO", "FROM", "DETAIL"], &rows)
}

fn as_json(AuditEntry { id, entry }: &AuditEntry) -> Value {
    let detail: Map<_, _> = entry.detail.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "id": id,
        "created_at": instant(entry.at),
        "client_id": entry.client_id.as_str(),
        "action": entry.action.as_str(),
        "via": entry.actor.via.as_str(),
        "actor": entry.actor.name,
        "host": entry.actor.host,
        "detail": detail,
    })
}
