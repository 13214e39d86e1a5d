//! What receivers answer, and how long and how much of it is read.

use super::*;
use crate::outgoing::RetryAfter;

async fn outcome_of(answer: impl Into<Arc<str>>) -> Outcome {
    post(&sender(), &Receiver::answering(answer).await.url()).await
}

fn hurried() -> Outgoing {
    Outgoing::new(&OutgoingSettings { timeout: SHORT, ..settings(local()) }).unwrap()
}

#[tokio::test]
async fn a_receiver_gets_the_body_the_headers_and_who_sends() {
    let receiver = Receiver::answering(answer("200 OK", &["content-type: text/plain"], "challenge")).await;
    let outcome = post(&sender(), &receiver.url()).await;
    assert_eq!((outcome.class, outcome.status), (AttemptOutcome::Delivered, Some(200)));
    assert_eq!((outcome.body.as_slice(), outcome.excerpt), (&b"challenge"[..], None));
    let [request] = receiver.requests().try_into().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    for line in ["content-type: application/json", "webhook-id: msg_1", "user-agent: sales-order-api/test"] {
        assert!(head.lines().any(|found| found == line), "{line} is not in {head}");
    }
    assert!(!head.contains("accept-encoding"), "{head}");
    assert_eq!(body, "{\"a\":1}");
}

#[tokio::test]
async fn a_status_decides_the_class() {
    for (status, expected) in [
        ("200 OK", AttemptOutcome::Delivered),
        ("204 No Content", AttemptOutcome::Delivered),
        ("299 Odd", AttemptOutcome::Delivered),
        ("302 Found", AttemptOutcome::Redirect),
        ("304 Not Modified", AttemptOutcome::Redirect),
        ("400 Bad Request", AttemptOutcome::Refused),
        ("407 Proxy Authentication Required", AttemptOutcome::Refused),
        ("410 Gone", AttemptOutcome::Gone),
        ("429 Too Many Requests", AttemptOutcome::Refused),
        ("500 Internal Server Error", AttemptOutcome::Refused),
        ("999 Odd", AttemptOutcome::Refused),
    ] {
        let text = if status.starts_with("204") || status.starts_with("304") {
            format!("HTTP/1.1 {status}\r\n\r\n")
        } else {
            answer(status, &[], "")
        };
        let outcome = outcome_of(text).await;
        assert_eq!((outcome.class, outcome.status), (expected, status[..3].parse().ok()), "{status}");
    }
}

#[tokio::test]
async fn a_text_is_quoted_only_of_an_answer_that_refuses() {
    let plain = ["content-type: text/plain"];
    let quoted =
        async |status: &str, headers: &[&str]| outcome_of(answer(status, headers, "out of paper")).await.excerpt;
    for status in ["400 Bad Request", "410 Gone", "500 Internal Server Error", "599 Odd"] {
        assert_eq!(quoted(status, &plain).await.as_deref(), Some("out of paper"), "{status}");
        assert_eq!(quoted(status, &["content-type: image/png"]).await, None, "{status}");
    }
    for status in ["200 OK", "302 Found"] {
        assert_eq!(quoted(status, &plain).await, None, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Receiver::answering(ok()).await;
    let location = format!("location: {}", elsewhere.url());
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let outcome = outcome_of(answer(status, &[&location], "")).await;
        assert_eq!((outcome.class, outcome.location), (AttemptOutcome::Redirect, Some(elsewhere.url())), "{status}");
    }
    assert_eq!(elsewhere.connections(), 0);
    assert_eq!(outcome_of(answer("200 OK", &[&location], "")).await.location, None);
}

#[tokio::test]
async fn a_receiver_may_say_when_to_come_again() {
    let after = ["retry-after: 120"];
    for status in ["429 Too Many Requests", "503 Service Unavailable", "302 Found"] {
        let outcome = outcome_of(answer(status, &after, "")).await;
        assert_eq!(outcome.retry_after, Some(RetryAfter::In(Duration::from_mins(2))), "{status}");
    }
    assert_eq!(outcome_of(answer("200 OK", &after, "")).await.retry_after, None);
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_left_in_time() {
    let silent = Receiver::silent().await;
    let dripping = Receiver::new(|mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\n").await;
        let mut tick = tokio::time::interval(SHORT / 20);
        while connection.write("x-a: b\r\n").await {
            tick.tick().await;
        }
    })
    .await;
    for receiver in [silent, dripping] {
        let outcome = post(&hurried(), &receiver.url()).await;
        assert_eq!((outcome.class, outcome.status), (AttemptOutcome::Timeout, None));
        assert!(outcome.duration >= SHORT && outcome.duration < PATIENCE, "{:?}", outcome.duration);
        assert_eq!(receiver.connections(), 1);
    }
}

#[tokio::test]
async fn a_body_that_drips_is_left_in_time_and_the_status_counts() {
    let receiver = Receiver::new(|mut connection| async move {
        connection.request().await;
        connection
            .write("HTTP/1.1 500 Oops\r\ncontent-type: text/plain\r\ncontent-length: 9999\r\n\r\nout of paper")
            .await;
        let mut tick = tokio::time::interval(SHORT / 20);
        while connection.write("!").await {
            tick.tick().await;
        }
    })
    .await;
    let outcome = post(&hurried(), &receiver.url()).await;
    assert_eq!((outcome.class, outcome.status), (AttemptOutcome::Refused, Some(500)));
    assert!(outcome.excerpt.unwrap().starts_with("out of paper!"));
    assert!(outcome.duration >= SHORT && outcome.duration < PATIENCE, "{:?}", outcome.duration);
}

#[tokio::test]
async fn a_body_without_end_is_read_up_to_sixteen_kibibytes_and_the_connection_ends() {
    let (told, ended) = tokio::sync::oneshot::channel();
    let told = Mutex::new(Some(told));
    let receiver = Receiver::new(move |mut connection| {
        let told = told.lock().unwrap().take();
        async move {
            connection.request().await;
            connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(4_096));
            while connection.write(&chunk).await {}
            told.unwrap().send(()).unwrap();
        }
    })
    .await;
    let outcome = post(&sender(), &receiver.url()).await;
    assert_eq!((outcome.class, outcome.body.len()), (AttemptOutcome::Delivered, 16_384));
    tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn headers_without_end_are_no_answer() {
    let many = Receiver::new(|mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\n").await;
        while connection.write("x-a: b\r\n").await {}
    })
    .await;
    let long = Receiver::new(|mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\nx-a: ").await;
        while connection.write("b".repeat(4_096)).await {}
    })
    .await;
    for receiver in [many, long] {
        let outcome = post(&sender(), &receiver.url()).await;
        assert_eq!((outcome.class, outcome.status), (AttemptOutcome::Connection, None));
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_or_ends_early_is_the_receivers_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(class(&sender(), &nobody).await, AttemptOutcome::Connection);
    for end in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-OpenSSH_9.9\r\n"] {
        let receiver = Receiver::new(move |mut connection| async move {
            connection.request().await;
            connection.write(end).await;
        })
        .await;
        let outcome = post(&sender(), &receiver.url()).await;
        assert_eq!((outcome.class, outcome.status), (AttemptOutcome::Connection, None), "{end:?}");
        // The body may have been read before: sending it again is for whoever asked.
        assert_eq!(receiver.connections(), 1, "{end:?}");
    }
}

#[tokio::test]
async fn requests_to_one_receiver_share_a_connection() {
    let receiver = Receiver::answering(answer("200 OK", &[], "thanks")).await;
    let outgoing = sender();
    for _ in 0..10 {
        assert_eq!(class(&outgoing.clone(), &receiver.url()).await, AttemptOutcome::Delivered);
    }
    assert_eq!((receiver.connections(), receiver.requests().len()), (1, 10));
}

#[tokio::test]
async fn a_header_that_is_none_is_our_fault() {
    let receiver = Receiver::answering(ok()).await;
    let outgoing = sender();
    let target = outgoing.target(&receiver.url()).unwrap();
    for header in [("a b", "c"), ("a", "b\r\nc: d")] {
        let outcome = outgoing.post(&target, &[header], Vec::new()).await;
        assert_eq!((outcome.class, outcome.class.is_ours()), (AttemptOutcome::Postponed, true));
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn an_outcome_tells_nothing_of_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let lookup = names(&[Ok(&["127.0.0.1"])]);
    let outgoing = Outgoing::with_lookup(&settings(local()), lookup).unwrap();
    let outcome = post(&outgoing, &format!("http://hooks.example.com:{}/", address.port())).await;
    assert_eq!(outcome, Outcome::failed(AttemptOutcome::Connection, outcome.duration));
}
