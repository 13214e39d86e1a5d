//! What a URL may be.

use super::*;
use crate::outgoing::TargetFault;

fn fault(url: &str, rules: &TargetRules) -> Option<TargetFault> {
    TargetUrl::parse(url, rules).err()
}

#[test]
fn a_url_of_the_internet_is_a_target_in_the_one_spelling_in_which_it_is_sent() {
    let rules = TargetRules::default();
    for (text, spelling) in [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("https://hooks.example.com:443/orders?token=a%20b", "https://hooks.example.com/orders?token=a%20b"),
        ("HTTPS://Hooks.Example.COM:8443/Orders/../x", "https://hooks.example.com:8443/x"),
        ("https://bücher.example/ö", "https://xn--bcher-kva.example/%C3%B6"),
        ("https://hooks.example.com./", "https://hooks.example.com./"),
        ("https://intranet/hook", "https://intranet/hook"),
        ("https://my_host.example.com/", "https://my_host.example.com/"),
        ("https://93.184.215.14/", "https://93.184.215.14/"),
        ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443/"),
    ] {
        let target = TargetUrl::parse(text, &rules).unwrap();
        assert_eq!(target.as_str(), spelling, "{text}");
        assert_eq!(TargetUrl::parse(target.as_str(), &rules), Ok(target));
    }
}

#[test]
fn what_is_no_target_is_told_by_what_is_wrong_with_it() {
    let rules = TargetRules::default();
    for (text, expected) in [
        ("", TargetFault::NotAUrl),
        ("hooks.example.com/orders", TargetFault::NotAUrl),
        ("/orders", TargetFault::NotAUrl),
        (" https://hooks.example.com/", TargetFault::NotAUrl),
        ("https://hooks.example.com/a b", TargetFault::NotAUrl),
        ("https://hooks.exa\nmple.com/", TargetFault::NotAUrl),
        ("https://hooks.example.com:99999/", TargetFault::NotAUrl),
        ("http://hooks.example.com/", TargetFault::Scheme),
        ("ftp://hooks.example.com/", TargetFault::Scheme),
        ("file:///etc/passwd", TargetFault::Scheme),
        ("data:text/plain,a", TargetFault::Scheme),
        ("https://partner@hooks.example.com/", TargetFault::UserInfo),
        ("https://partner:secret@hooks.example.com/", TargetFault::UserInfo),
        ("https://:secret@hooks.example.com/", TargetFault::UserInfo),
        ("https://hooks.example.com/#orders", TargetFault::Fragment),
        ("https://hooks.example.com/#", TargetFault::Fragment),
        ("https://", TargetFault::Host),
        ("https://:8443/", TargetFault::Host),
        ("https://exa$mple.com/", TargetFault::Host),
        ("https://exa%00mple.com/", TargetFault::Host),
        ("https://hooks..example.com/", TargetFault::Host),
        ("https://./", TargetFault::Host),
        ("https://1.2.3.4.5/", TargetFault::Host),
        ("https://[::1%25eth0]/", TargetFault::Host),
        ("https://hooks.example.com:0/", TargetFault::Port(0)),
        ("https://hooks.example.com:22/", TargetFault::Port(22)),
        ("https://hooks.example.com:6667/", TargetFault::Port(6_667)),
    ] {
        assert_eq!(fault(text, &rules), Some(expected), "{text:?}");
    }
    let label = format!("https://{}.example.com/", "a".repeat(64));
    assert_eq!(fault(&label, &rules), Some(TargetFault::Host));
    let name = format!("https://{}com/", "a234567890.".repeat(23));
    assert_eq!(fault(&name, &rules), Some(TargetFault::Host));
    for fault in [TargetFault::NotAUrl, TargetFault::TooLong, TargetFault::Port(25), TargetFault::Network] {
        assert!(fault.to_string().starts_with("must "), "{fault}");
    }
}

#[test]
fn a_url_has_two_thousand_and_forty_eight_characters_at_most_also_as_it_is_sent() {
    let rules = TargetRules::default();
    let url = |path: &str| format!("https://a.example/{path}");
    let room = 2_048 - url("").len();
    assert_eq!(fault(&url(&"x".repeat(room)), &rules), None);
    assert_eq!(fault(&url(&"x".repeat(room + 1)), &rules), Some(TargetFault::TooLong));
    assert_eq!(fault(&url(&"é".repeat(room / 6)), &rules), None);
    assert_eq!(fault(&url(&"é".repeat(room / 6 + 1)), &rules), Some(TargetFault::TooLong));
}

#[test]
fn an_operator_may_allow_http_and_nothing_else_by_that() {
    let rules = TargetRules { allow_http: true, ..TargetRules::default() };
    assert_eq!(fault("http://hooks.example.com/", &rules), None);
    assert_eq!(fault("ftp://hooks.example.com/", &rules), Some(TargetFault::Scheme));
    assert_eq!(fault("http://127.0.0.1/", &rules), Some(TargetFault::Network));
}

/// The ways to write an address of this machine or of a private network.
const SPELLINGS: [&str; 27] = [
    "127.0.0.1",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "127.000.000.001",
    "%31%32%37.0.0.1",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "169.254.169.254",
];

#[tokio::test]
async fn an_address_that_may_not_be_reached_is_refused_in_every_spelling_and_again_when_it_is_sent_to() {
    let receiver = Receiver::answering(ok()).await;
    let port = receiver.address.port();
    let rules = TargetRules { allow_http: true, ..TargetRules::default() };
    let outgoing = Outgoing::new(&settings(rules.clone())).unwrap();
    for spelling in SPELLINGS {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{spelling}:{port}/hook");
            assert_eq!(fault(&url, &rules), Some(TargetFault::Network), "{url}");
            let outcome = post(&outgoing, &url).await;
            assert_eq!((outcome.class, outcome.status), (AttemptOutcome::ForbiddenTarget, None), "{url}");
        }
    }
    assert_eq!(receiver.connections(), 0);
    // It is there, and reached once the operator allows it.
    assert_eq!(class(&sender(), &format!("http://127.1:{port}/")).await, AttemptOutcome::Delivered);
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_url_that_the_operator_allows_no_more_is_not_sent_to() {
    let receiver = Receiver::answering(ok()).await;
    let https_only = TargetRules { allow_http: false, ..local() };
    let outgoing = Outgoing::new(&settings(https_only)).unwrap();
    assert_eq!(class(&outgoing, &receiver.url()).await, AttemptOutcome::ForbiddenTarget);
    assert_eq!(receiver.connections(), 0);
}
