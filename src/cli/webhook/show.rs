//! What `webhook` prints of endpoints and of attempts at them.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::output::{instant, or_never};
use crate::cli::{Common, output};
use crate::domain::webhook::{EndpointSettings, EndpointState, WebhookAttempt, WebhookEndpoint};
use crate::service::Webhooks;
use crate::service::webhooks::{AttemptsPage, EndpointDetails, Trial};

pub async fn list(common: &Common, webhooks: &Webhooks, endpoints: &[WebhookEndpoint]) -> Result<()> {
    if common.json {
        let mut all = Vec::new();
        for endpoint in endpoints {
            all.push(endpoint_json(webhooks, endpoint).await?);
        }
        return output::json(&all.into());
    }
    let mut rows = Vec::new();
    for endpoint in endpoints {
        let parked = webhooks.details(endpoint.id).await?.parked;
        let [client, name] = [endpoint.client_id.to_string(), endpoint.name.to_string()];
        let waiting = (parked.retrying + parked.waiting).to_string();
        rows.push([
            client,
            name,
            state(endpoint),
            waiting,
            parked.exhausted.to_string(),
            endpoint.settings.url.clone(),
        ]);
    }
    output::table(["CLIENT", "NAME", "STATE", "WAITING", "EXHAUSTED", "URL"], &rows)
}

pub async fn one(common: &Common, webhooks: &Webhooks, endpoint: &WebhookEndpoint) -> Result<()> {
    if common.json {
        return output::json(&endpoint_json(webhooks, endpoint).await?);
    }
    let EndpointDetails { parked, secrets } = webhooks.details(endpoint.id).await?;
    let EndpointSettings { url, kinds, payload, signatures, on_exhausted, max_in_flight } = &endpoint.settings;
    let kinds = if kinds.is_empty() { "every kind".to_owned() } else { joined(kinds.iter().map(|kind| kind.as_str())) };
    output::text(&format!(
        "{} {}  {}\nurl: {url}\nkinds: {kinds}\npayload: {payload}, version {}\nsignatures: {}\nafter the last attempt: {on_exhausted}\n\
         side by side: {max_in_flight}\ncursor: {}\nnot taken: {} sent again, {} waiting for these, {} exhausted\n\
         failing since: {}\nverified: {}\nmade: {}\nchanged: {}\n",
        endpoint.client_id,
        endpoint.name,
        state(endpoint),
        endpoint.version,
        joined(signatures.iter().map(|scheme| scheme.as_str())),
        webhooks.cursor(endpoint.position).await?,
        parked.retrying,
        parked.waiting,
        parked.exhausted,
        endpoint.failing_since.map_or_else(|| "it is not".to_owned(), instant),
        or_never(endpoint.verified_at),
        instant(endpoint.created_at),
        instant(endpoint.updated_at),
    ))?;
    let rows: Vec<_> = secrets.into_iter().map(|(fingerprint, until)| [fingerprint, or_never(until)]).collect();
    output::table(["SECRET", "ENDS"], &rows)
}

pub async fn attempts(common: &Common, webhooks: &Webhooks, page: &AttemptsPage) -> Result<()> {
    if common.json {
        let mut data = Vec::new();
        for attempt in &page.attempts {
            data.push(attempt_json(webhooks, attempt).await?);
        }
        return output::json(&json!({"data": data, "next_cursor": page.next_cursor}));
    }
    let rows: Vec<_> = page.attempts.iter().map(row).collect();
    output::table(["WHEN", "ORDER", "ATTEMPT", "TRIGGER", "OUTCOME", "STATUS", "MS", "NEXT", "ANSWER"], &rows)?;
    if let Some(cursor) = &page.next_cursor {
        output::remark(&format!("there is more: --cursor {cursor}"));
    }
    Ok(())
}

/// What became of a test or of a verification.
pub async fn trial(common: &Common, webhooks: &Webhooks, Trial { endpoint, attempt, location }: &Trial) -> Result<()> {
    if common.json {
        return output::json(&json!({
            "data": attempt_json(webhooks, attempt).await?,
            "endpoint": endpoint_json(webhooks, endpoint).await?,
            "location": location,
        }));
    }
    let status = attempt.status.map(|status| format!(", status {status}")).unwrap_or_default();
    let location = location.as_ref().map(|location| format!(", at {location} instead")).unwrap_or_default();
    let (client, name, outcome, millis) = (&endpoint.client_id, &endpoint.name, attempt.outcome, attempt.duration_ms);
    output::text(&format!(
        "{client} {name}: {outcome} after {millis} ms{status}{location}; it is {}",
        state(endpoint)
    ))?;
    if let Some(excerpt) = &attempt.excerpt {
        output::text(&format!("answer: {}", one_line(excerpt)))?;
    }
    Ok(())
}

/// The members that REST gives an endpoint.
pub async fn endpoint_json(webhooks: &Webhooks, endpoint: &WebhookEndpoint) -> Result<Value> {
    let EndpointDetails { parked, secrets } = webhooks.details(endpoint.id).await?;
    let EndpointSettings { url, kinds, payload, signatures, on_exhausted, max_in_flight } = &endpoint.settings;
    let secrets = secrets.into_iter();
    let secrets =
        secrets.map(|(fingerprint, until)| json!({"fingerprint": fingerprint, "expires_at": until.map(instant)}));
    Ok(json!({
        "name": endpoint.name.as_str(),
        "client_id": endpoint.client_id.as_str(),
        "url": url,
        "kinds": kinds,
        "payload": payload,
        "signatures": signatures,
        "on_exhausted": on_exhausted,
        "max_in_flight": max_in_flight,
        "version": endpoint.version,
        "state": endpoint.state,
        "cursor": webhooks.cursor(endpoint.position).await?,
        "rest_until": endpoint.rest_until.map(instant),
        "failing_since": endpoint.failing_since.map(instant),
        "parked": {"retrying": parked.retrying, "waiting": parked.waiting, "exhausted": parked.exhausted},
        "secrets": secrets.collect::<Vec<_>>(),
        "created_at": instant(endpoint.created_at),
        "updated_at": instant(endpoint.updated_at),
        "verified_at": endpoint.verified_at.map(instant),
    }))
}

/// The members that REST gives an attempt.
async fn attempt_json(webhooks: &Webhooks, attempt: &WebhookAttempt) -> Result<Value> {
    let cursor = match attempt.position {
        Some(position) => Some(webhooks.cursor(position).await?),
        None => None,
    };
    Ok(json!({
        "cursor": cursor,
        "order_number": attempt.order.map(|order| order.to_string()),
        "attempt": attempt.attempt,
        "trigger": attempt.trigger,
        "at": instant(attempt.at),
        "duration_ms": attempt.duration_ms,
        "status": attempt.status,
        "outcome": attempt.outcome,
        "excerpt": attempt.excerpt,
        "next_attempt_at": attempt.next_attempt_at.map(instant),
    }))
}

fn row(attempt: &WebhookAttempt) -> [String; 9] {
    [
        instant(attempt.at),
        attempt.order.map(|order| order.to_string()).unwrap_or_default(),
        attempt.attempt.to_string(),
        attempt.trigger.to_string(),
        attempt.outcome.to_string(),
        attempt.status.map(|status| status.to_string()).unwrap_or_default(),
        attempt.duration_ms.to_string(),
        attempt.next_attempt_at.map(instant).unwrap_or_default(),
        attempt.excerpt.as_deref().map(one_line).unwrap_or_default(),
    ]
}

/// The state, and until when it rests: only an active endpoint does.
fn state(endpoint: &WebhookEndpoint) -> String {
    let rest = endpoint.rest_until.filter(|_| endpoint.state == EndpointState::Active);
    rest.map_or_else(
        || endpoint.state.to_string(),
        |until| format!("{}, rests until {}", endpoint.state, instant(until)),
    )
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// A stranger's text on one line, without what would move a terminal's cursor.
fn one_line(text: &str) -> String {
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT).collect();
    printable.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How much of an answer a line has room for; JSON has all that is kept.
const EXCERPT: usize = 200;
