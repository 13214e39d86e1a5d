//! What `client list` and `client show` print.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::auth::registered_key::KeyStatus;
use crate::cli::output::{instant, or_never};
use crate::cli::{Common, key, output};
use crate::domain::client::Client;
use crate::domain::permission;
use crate::domain::person::PersonSession;
use crate::service::clients::{ClientDetails, StoredPublicKey};

pub fn list(common: &Common, clients: &[ClientDetails], now: DateTime<Utc>) -> Result<()> {
    if common.json {
        let with_warnings = clients.iter().map(|details| {
            let mut value = client_json(&details.client);
            value["warnings"] = warnings(details, now).into();
            value
        });
        return output::json(&with_warnings.collect());
    }
    let rows: Vec<_> = clients
        .iter()
        .map(|details| {
            let client = &details.client;
            [
                client.client_id.to_string(),
                client.status().to_owned(),
                permission::join(&client.permissions),
                client.name.clone(),
            ]
        })
        .collect();
    output::table(["CLIENT", "STATUS", "SCOPES", "NAME"], &rows)?;
    for details in clients {
        for warning in warnings(details, now) {
            output::remark(&format!("warning: {}: {warning}", details.client.client_id));
        }
    }
    Ok(())
}

pub fn one(common: &Common, details: &ClientDetails, now: DateTime<Utc>) -> Result<()> {
    let ClientDetails { client, secrets, keys } = details;
    let warnings = warnings(details, now);
    if common.json {
        let mut value = client_json(client);
        value["secrets"] = secrets
            .iter()
            .map(|s| {
                json!({
                    "created_at": instant(s.created_at),
                    "expires_at": s.expires_at.map(instant),
                    "last_used_at": s.last_used_at.map(instant),
                    "last_used_from": s.last_used_from,
                    "use": use_of(s.last_used_at, now),
                })
            })
            .collect();
        value["keys"] = keys
            .iter()
            .map(|k| {
                let mut value = key::as_json(k);
                value["use"] = use_of_key(k, now).into();
                value["documented_used_at"] = json!(k.documented_used_at.map(instant));
                value["body_bound_used_at"] = json!(k.body_bound_used_at.map(instant));
                value["body_and_key_bound_used_at"] = json!(k.body_and_key_bound_used_at.map(instant));
                value
            })
            .collect();
        value["signature_forms"] =
            details.form_use().map(|(form, at)| json!({"form": form, "last_used_at": at.map(instant)})).to_vec().into();
        value["signature_reuses"] =
            json!({"count": client.signature_reuses, "last_at": client.signature_reused_at.map(instant)});
        value["warnings"] = warnings.into();
        return output::json(&value);
    }
    let forms = details.form_use().map(|(form, at)| format!("{form} {}", or_never(at))).join(", ");
    let last = client.signature_reused_at.map(|at| format!(", last at {}", instant(at))).unwrap_or_default();
    let reuses = format!("{}{last}", client.signature_reuses);
    output::text(&format!(
        "{}  {}\nname: {}\nscopes: {}\nsignature policy: {}\nreference policy: {}\nexpectation policy: {}\n\
         signature forms last used: {forms}\nsignatures used again with another order: {reuses}\ncreated: {}\n",
        client.client_id,
        client.status(),
        client.name,
        permission::join(&client.permissions),
        client.signature_policy.as_str(),
        client.reference_policy.as_str(),
        client.expectation_policy.as_str(),
        instant(client.created_at),
    ))?;
    let rows: Vec<_> = secrets
        .iter()
        .map(|s| {
            let from = s.last_used_from.map(|address| address.to_string()).unwrap_or_default();
            [instant(s.created_at), or_never(s.expires_at), or_never(s.last_used_at), from, use_of(s.last_used_at, now)]
        })
        .collect();
    output::table(["SECRET MADE", "EXPIRES", "LAST USED", "FROM", "USE"], &rows)?;
    output::text("")?;
    let rows: Vec<_> = keys
        .iter()
        .map(|k| {
            let use_of = use_of_key(k, now);
            [k.fingerprint.clone(), key::status(k), or_never(k.expires_at), or_never(k.last_used_at), use_of]
        })
        .collect();
    output::table(["KEY", "STATUS", "EXPIRES", "LAST USED", "USE"], &rows)?;
    for warning in warnings {
        output::remark(&format!("warning: {warning}"));
    }
    Ok(())
}

pub fn sessions(common: &Common, sessions: &[PersonSession]) -> Result<()> {
    if common.json {
        let as_json = |session: &PersonSession| {
            json!({
                "name": session.name,
                "created_at": instant(session.created_at),
                "last_used_at": instant(session.last_used_at),
                "expires_at": instant(session.expires_at),
                "user_agent": session.user_agent,
                "network": session.network,
            })
        };
        return output::json(&sessions.iter().map(as_json).collect());
    }
    let row = |session: &PersonSession| {
        [
            session.name.clone(),
            instant(session.created_at),
            instant(session.last_used_at),
            instant(session.expires_at),
            session.network.clone(),
            session.user_agent.clone(),
        ]
    };
    let rows: Vec<_> = sessions.iter().map(row).collect();
    output::table(["SESSION", "SIGNED IN", "LAST USED", "EXPIRES", "FROM", "BROWSER"], &rows)
}

/// What an operator should do something about.
fn warnings(details: &ClientDetails, now: DateTime<Utc>) -> Vec<String> {
    let ending = details.expiring_keys(now).map(|key| key.sentence(now));
    let shared = details.shared_keys().map(|key| format!("key {} is also a key of {}", key.fingerprint, key.holders()));
    ending.chain(shared).collect()
}

/// Whether something is still in use, and if not, since when. A token lives for twelve hours by default, so whoever works
/// with a secret shows up with it within thirteen.
fn use_of(last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    match last {
        None => "never used".to_owned(),
        Some(last) if now - last <= TimeDelta::hours(13) => "in use".to_owned(),
        Some(last) => format!("idle since {}", instant(last)),
    }
}

/// The same of a key, which may have ended.
fn use_of_key(key: &StoredPublicKey, now: DateTime<Utc>) -> String {
    match KeyStatus::at(now, key.not_before, key.expires_at, key.revoked_at) {
        KeyStatus::Revoked | KeyStatus::Expired => "ended".to_owned(),
        KeyStatus::Active | KeyStatus::NotYetActive => use_of(key.last_used_at, now),
    }
}

fn client_json(client: &Client) -> Value {
    json!({
        "client_id": client.client_id.as_str(),
        "name": client.name,
        "kind": client.kind.as_str(),
        "status": client.status(),
        "scopes": client.permissions.iter().map(|p| p.as_str()).collect::<Vec<_>>(),
        "signature_policy": client.signature_policy.as_str(),
        "reference_policy": client.reference_policy.as_str(),
        "expectation_policy": client.expectation_policy.as_str(),
        "created_at": instant(client.created_at),
        "disabled_at": client.disabled_at.map(instant),
    })
}
