//! Questions whose answers are of use only as a whole.

use super::*;
use crate::config::{Overrides, load_from};
use crate::outgoing::{Question, Reply, Unanswered};

async fn ask(outgoing: &Outgoing, url: &str, longest: usize) -> Result<Reply, Unanswered> {
    let question =
        Question { url, is_post: false, headers: &[("accept", "application/json")], body: Vec::new(), longest };
    tokio::time::timeout(2 * PATIENCE, outgoing.ask(question)).await.unwrap()
}

#[tokio::test]
async fn an_answer_is_read_whole_with_its_status_and_its_media_type() {
    let receiver = Receiver::answering(answer("404 Not Found", &["content-type: application/json"], "{\"a\":1}")).await;
    let reply = ask(&sender(), &receiver.url(), 100).await.unwrap();
    let media = Some("application/json".to_owned());
    assert_eq!(reply, Reply { status: 404, media, body: b"{\"a\":1}".to_vec() });
    let [request] = receiver.requests().try_into().unwrap();
    assert!(request.starts_with("GET /hook HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("accept: application/json\r\n"), "{request}");
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let long = Receiver::answering(answer("200 OK", &[], &"x".repeat(100))).await;
    assert_eq!(ask(&sender(), &long.url(), 100).await.unwrap_err(), Unanswered::TooLong);
    assert!(ask(&sender(), &long.url(), 101).await.is_ok());
    let broken = Receiver::new(|mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    })
    .await;
    let expected = Unanswered::Failed(AttemptOutcome::Connection);
    assert_eq!(ask(&sender(), &broken.url(), 100).await.unwrap_err(), expected);
    let silent = Receiver::silent().await;
    let hurried = Outgoing::new(&OutgoingSettings { timeout: SHORT, ..settings(local()) }).unwrap();
    assert_eq!(ask(&hurried, &silent.url(), 100).await.unwrap_err(), Unanswered::Failed(AttemptOutcome::Timeout));
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere_and_no_question_goes_where_none_may() {
    let elsewhere = Receiver::answering(ok()).await;
    let location = format!("location: {}", elsewhere.url());
    let receiver = Receiver::answering(answer("302 Found", &[&location], "")).await;
    assert_eq!(ask(&sender(), &receiver.url(), 100).await.unwrap().status, 302);
    assert_eq!(elsewhere.connections(), 0);
    let forbidden = Unanswered::Failed(AttemptOutcome::ForbiddenTarget);
    let strict = Outgoing::new(&settings(TargetRules { allow_http: true, allowed_networks: Vec::new() })).unwrap();
    assert_eq!(ask(&strict, &elsewhere.url(), 100).await.unwrap_err(), forbidden);
    assert_eq!(ask(&sender(), "file:///etc/passwd", 100).await.unwrap_err(), forbidden);
}

#[test]
fn the_provider_of_identities_has_networks_of_its_own_and_the_way_of_webhooks() {
    let variables = [
        ("HTTP__PUBLIC_URL", "https://orders.example.com"),
        ("WEBHOOKS__ALLOWED_NETWORKS", "[\"10.1.0.0/16\"]"),
        ("WEBHOOKS__ALLOW_HTTP", "true"),
        ("WEBHOOKS__PROXY", "http://proxy.example.com:3128"),
        ("OIDC__ISSUER", "https://id.example.com"),
        ("OIDC__CLIENT_ID", "a"),
        ("OIDC__GROUPS", "{a = [\"orders:read\"]}"),
        ("OIDC__ALLOWED_NETWORKS", "[\"10.2.0.0/16\"]"),
    ];
    let variables = variables.map(|(name, value)| (format!("SALES_ORDER_{name}"), value.to_owned()));
    let config = load_from(&[], variables, &Overrides::default()).unwrap().config;
    let settings = OutgoingSettings::to_provider(&config.webhooks, &config.oidc).unwrap();
    assert!(settings.proxy.is_some() && !settings.rules.allow_http);
    assert_eq!(settings.rules.allowed_networks, ["10.2.0.0/16".parse().unwrap()]);
    assert!(settings.timeout < Duration::from_secs(10), "a person waits");
}
