//! Puts the settings in force into the text: partners read the limits that hold for them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{Config, PublicUrl};

/// The one image of the text.
const PICTURE: &str = "/docs/order-life.svg";

/// Fills in each `{setting}` of every text, and the default of the one field that is a setting.
pub fn fill_in(document: &mut Value, config: &Config) {
    let (auth, limit) = (&config.auth, &config.rate_limit);
    let settings = [
        ("{token_lifetime}", in_words(auth.token_lifetime)),
        ("{refresh_window}", in_words(auth.refresh_window)),
        ("{session_lifetime}", in_words(auth.session_lifetime)),
        ("{timestamp_tolerance}", in_words(auth.timestamp_tolerance)),
        ("{webhook_timeout}", in_words(config.webhooks.timeout)),
        ("{webhook_log_retention}", in_words(config.webhooks.log_retention)),
        ("{event_retention}", event_retention(config.events.retention)),
        ("{request_log_retention}", in_words(config.request_log.retention)),
        ("{max_body_bytes}", config.http.max_body_bytes.to_string()),
        ("{requests_per_minute}", limit.requests_per_minute.to_string()),
        ("{login_attempts_per_minute}", limit.login_attempts_per_minute.to_string()),
        ("{login_burst}", limit.login_burst.to_string()),
        ("{anonymous_requests_per_minute}", limit.anonymous_requests_per_minute.to_string()),
    ];
    fill(document, &settings);
    document["servers"] = match config.http.public_url.told() {
        Some(url) => {
            // Links to the pages, for readers who have the text alone.
            fill(document, &[("](/", format!("]({url}/"))]);
            // The pages show images of their own origin only, and may be reached by another one than this
            // (`every_page_works_below_the_path_of_a_proxy`).
            let prefix = config.http.public_url.prefix();
            fill(document, &[(&format!("]({url}{PICTURE}"), format!("]({prefix}{PICTURE}"))]);
            show(document, &config.http.public_url);
            json!([{"url": url}])
        }
        // The paths of the document are whole, so that they lead from wherever it was fetched.
        None => json!([{"url": "/", "description": "The service that this document was fetched from"}]),
    };
    let currency = document.pointer_mut("/components/schemas/CreateSalesOrderInput/properties/currency");
    if let Some(Value::Object(currency)) = currency {
        currency.insert("default".to_owned(), json!(config.orders.default_currency));
    }
}

fn fill(value: &mut Value, settings: &[(&str, String)]) {
    match value {
        Value::String(text) => {
            for (name, told) in settings.iter().filter(|(name, _)| text.contains(name)).collect::<Vec<_>>() {
                *text = text.replace(name, told);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, settings)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, settings)),
        _ => {}
    }
}

/// Gives examples the addresses that answers have.
fn show(value: &mut Value, public_url: &PublicUrl) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| show(item, public_url)),
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), &*member) {
                    ("type", Value::String(path)) if path.starts_with("/docs#") => *member = public_url.of(path).into(),
                    ("instance", Value::String(path)) if path.starts_with('/') => {
                        *member = format!("{}{path}", public_url.prefix()).into();
                    }
                    ("example", Value::String(path)) if path.starts_with("/api/v1/") => {
                        *member = public_url.of(path).into();
                    }
                    _ => show(member, public_url),
                }
            }
        }
        _ => {}
    }
}

/// How long events are kept.
fn event_retention(retention: Duration) -> String {
    if retention.is_zero() {
        return "until their orders are archived".to_owned();
    }
    format!(
        "for {} and until every consumer and endpoint of webhooks has passed them, unless their orders are archived",
        in_words(retention)
    )
}

/// Days or hours where it is some of them, and otherwise seconds, which timestamps are in.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match (seconds / 86_400, seconds / 3600) {
        (days @ 2.., _) if seconds.is_multiple_of(86_400) => (days, "day"),
        (_, hours @ 1..) if seconds.is_multiple_of(3600) => (hours, "hour"),
        _ => (seconds, "second"),
    };
    if count == 1 { format!("{count} {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_its_largest_whole_unit() {
        for (seconds, words) in [
            (300, "300 seconds"),
            (5400, "5400 seconds"),
            (3600, "1 hour"),
            (43_200, "12 hours"),
            (86_400, "24 hours"),
            (604_800, "7 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
