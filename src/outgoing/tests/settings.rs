//! From the configuration to the client.

use super::certificates::Authority;
use super::*;
use crate::config::{Overrides, load_from};
use crate::outgoing::OutgoingError;

fn read(variables: &[(&str, &str)]) -> Result<OutgoingSettings, OutgoingError> {
    let variable = |(key, value): &(&str, &str)| (format!("SALES_ORDER_WEBHOOKS__{key}"), (*value).to_owned());
    let loaded = load_from(&[], variables.iter().map(variable), &Overrides::default()).unwrap();
    OutgoingSettings::read(&loaded.config.webhooks)
}

#[test]
fn by_default_only_the_internet_is_reached_by_tls_and_without_a_proxy() {
    let settings = read(&[]).unwrap();
    assert!(!settings.rules.allow_http && settings.rules.allowed_networks.is_empty() && settings.proxy.is_none());
    let limits = [settings.connect_timeout, settings.timeout];
    assert_eq!(limits, [Duration::from_secs(5), Duration::from_secs(15)]);
    assert!(settings.user_agent.starts_with("sales-order-api/"), "{}", settings.user_agent);
    Outgoing::new(&settings).unwrap();
}

#[tokio::test]
async fn what_the_operator_sets_is_what_requests_are_held_to() {
    let authority = Authority::new();
    let receiver = authority.receiver(&["127.0.0.1"], |_| {}).await;
    let url = format!("https://{}/", receiver.address);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    let roots = ("EXTRA_ROOTS_FILE", file.path().to_str().unwrap());
    let networks = ("ALLOWED_NETWORKS", "[\"127.0.0.1\"]");
    for (variables, expected) in [
        (&[roots, networks][..], AttemptOutcome::Delivered),
        (&[networks], AttemptOutcome::Tls),
        (&[roots], AttemptOutcome::ForbiddenTarget),
        (&[roots, networks, ("PROXY", "http://127.0.0.1:1")], AttemptOutcome::Postponed),
    ] {
        let outgoing = Outgoing::new(&read(variables).unwrap()).unwrap();
        assert_eq!(class(&outgoing, &url).await, expected, "{variables:?}");
    }
    let plain = Receiver::answering(ok()).await;
    for (variables, expected) in [
        (&[networks, ("ALLOW_HTTP", "true")][..], AttemptOutcome::Delivered),
        (&[networks], AttemptOutcome::ForbiddenTarget),
    ] {
        assert_eq!(class(&Outgoing::new(&read(variables).unwrap()).unwrap(), &plain.url()).await, expected);
    }
}

#[test]
fn a_file_of_authorities_that_is_not_there_is_named_with_its_setting() {
    let error = read(&[("EXTRA_ROOTS_FILE", "/nowhere/roots.pem")]).unwrap_err().to_string();
    assert!(error.starts_with("webhooks.extra_roots_file names /nowhere/roots.pem, which cannot be read: "), "{error}");
}
