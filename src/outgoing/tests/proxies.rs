//! Requests through a proxy, which resolves names and must filter them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::certificates::Authority;
use super::*;

fn through(proxy: &str, rules: TargetRules) -> OutgoingSettings {
    OutgoingSettings { proxy: Some(proxy.into()), ..settings(rules) }
}

fn sender_through(proxy: &Receiver) -> Outgoing {
    let rules = TargetRules { allow_http: true, ..TargetRules::default() };
    Outgoing::new(&through(&format!("http://user:pass@{}", proxy.address), rules)).unwrap()
}

#[tokio::test]
async fn a_proxy_gets_the_name_and_the_login_and_no_name_is_looked_up_but_its_own() {
    let proxy = Receiver::answering(ok()).await;
    let rules = TargetRules { allow_http: true, ..TargetRules::default() };
    let url = format!("http://user:pass@proxy.example.com:{}", proxy.address.port());
    // The proxy stands in a network that no receiver may stand in.
    let outgoing = Outgoing::with_lookup(&through(&url, rules), names(&[Ok(&["127.0.0.1"])])).unwrap();
    assert_eq!(class(&outgoing, "http://hooks.example.com/a").await, AttemptOutcome::Delivered);
    let [request] = proxy.requests().try_into().unwrap();
    assert!(request.starts_with("POST http://hooks.example.com/a HTTP/1.1\r\n"), "{request}");
    let login = format!("proxy-authorization: Basic {}", STANDARD.encode("user:pass"));
    assert!(request.lines().any(|line| line == login), "{request}");
    assert!(!format!("{outgoing:?}").contains("pass"), "{outgoing:?}");
}

#[tokio::test]
async fn an_address_in_the_url_is_judged_before_the_proxy_is_asked() {
    let proxy = Receiver::answering(ok()).await;
    for url in ["http://127.0.0.1/", "https://10.0.0.1/", "http://[::1]/", "http://0x7f.1/"] {
        assert_eq!(class(&sender_through(&proxy), url).await, AttemptOutcome::ForbiddenTarget, "{url}");
    }
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn a_proxy_that_fails_is_our_fault() {
    for status in ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway", "503 Service Unavailable"] {
        let proxy = Receiver::answering(answer(status, &[], "")).await;
        assert_eq!(
            class(&sender_through(&proxy), "https://hooks.example.com/").await,
            AttemptOutcome::Postponed,
            "{status}"
        );
        assert!(proxy.requests()[0].starts_with("CONNECT hooks.example.com:443 HTTP/1.1\r\n"));
    }
    let proxy = Receiver::answering(answer("407 Proxy Authentication Required", &[], "")).await;
    assert_eq!(class(&sender_through(&proxy), "http://hooks.example.com/").await, AttemptOutcome::Postponed);

    let closed = Receiver::new(|_| async {}).await;
    assert_eq!(class(&sender_through(&closed), "https://hooks.example.com/").await, AttemptOutcome::Postponed);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for fault in [NameFault::NoAddress, NameFault::NoResolver] {
        for (proxy, url) in [(nobody.as_str(), "https://a.example/"), ("http://proxy.example", "http://a.example/")] {
            let settings = through(proxy, local());
            let outgoing = Outgoing::with_lookup(&settings, names(&[Err(fault)])).unwrap();
            assert_eq!(class(&outgoing, url).await, AttemptOutcome::Postponed, "{proxy} {url}");
        }
    }
    let mute = Receiver::silent().await;
    let settings = through(&format!("http://{}", mute.address), local());
    let outgoing = Outgoing::new(&OutgoingSettings { connect_timeout: SHORT, ..settings }).unwrap();
    assert_eq!(class(&outgoing, "https://hooks.example.com/").await, AttemptOutcome::Postponed);
}

/// A proxy that leads every request to one receiver.
async fn tunnel_to(receiver: &Receiver) -> Receiver {
    let address = receiver.address;
    Receiver::new(move |mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\n\r\n").await;
        let mut far = TcpStream::connect(address).await.unwrap();
        // Either end may hang up.
        let _ = copy_bidirectional(&mut connection.stream, &mut far).await;
    })
    .await
}

#[tokio::test]
async fn behind_a_proxy_the_certificate_is_still_the_receivers() {
    let authority = Authority::new();
    let receiver = authority.receiver(&["hooks.example.com"], |_| {}).await;
    let proxy = tunnel_to(&receiver).await;
    let settings = through(&format!("http://{}", proxy.address), TargetRules::default());
    let trusting = OutgoingSettings { extra_roots: authority.pem(), ..settings.clone() };
    assert_eq!(
        class(&Outgoing::new(&trusting).unwrap(), "https://hooks.example.com/").await,
        AttemptOutcome::Delivered
    );
    assert_eq!(class(&Outgoing::new(&trusting).unwrap(), "https://other.example.com/").await, AttemptOutcome::Tls);
    assert_eq!(class(&Outgoing::new(&settings).unwrap(), "https://hooks.example.com/").await, AttemptOutcome::Tls);
}

#[tokio::test]
async fn a_proxy_whose_own_certificate_is_not_believed_is_our_fault() {
    let proxy = Authority::new().receiver(&["127.0.0.1"], |_| {}).await;
    let settings = through(&format!("https://{}", proxy.address), TargetRules::default());
    assert_eq!(
        class(&Outgoing::new(&settings).unwrap(), "https://hooks.example.com/").await,
        AttemptOutcome::Postponed
    );
    assert_eq!(proxy.requests().len(), 0);
}
