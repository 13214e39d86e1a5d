//! A text that binds the body makes one order, whatever keys it is sent with, whoever sends it on.

use std::time::Duration;

use axum::Router;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use tower::ServiceExt as _;

use super::{ORDERS, new_number, order_of, published, replayed_number, with_key};
use crate::support::{Answer, Partner, Signed, TestApp, Wire, order};

pub async fn bound(app: &TestApp) -> Partner<'_> {
    app.partner_named("bound-partner", SignaturePolicy::BodyBound).await
}

pub async fn send(app: &TestApp, signed: &Signed, key: Option<&str>, body: &str) -> Answer {
    let headers = key.map_or_else(|| signed.headers().to_vec(), |key| with_key(signed, key));
    app.post_text(ORDERS, &headers, body.to_owned()).await
}

#[track_caller]
pub fn expect_reused(answer: &Answer, number: &str) {
    let problem = answer.expect_problem(422, "SIGNATURE_REUSED");
    assert_eq!(problem["order_number"], number);
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains(number) && message.contains("take a new timestamp and sign again"), "{message}");
}

#[tokio::test]
async fn a_captured_request_with_other_keys_makes_no_other_order() {
    let app = TestApp::new().await;
    // Also where the policy leaves the form to the partner: what counts is the form that was sent.
    for policy in [SignaturePolicy::BodyBound, SignaturePolicy::Documented] {
        let partner = app.partner_named(policy.as_str(), policy).await;
        let body = order_of(policy.as_str()).to_string();
        let signed = partner.sign_body(ORDERS, body.as_bytes());
        let first = new_number(&send(&app, &signed, Some("po-1"), &body).await);
        assert_eq!(replayed_number(&send(&app, &signed, Some("po-1"), &body).await), first);
        assert_eq!(replayed_number(&send(&app, &signed, None, &body).await), first, "without its key");
        for key in ["po-2", "po-3", "PO-1"] {
            expect_reused(&send(&app, &signed, Some(key), &body).await, &first);
        }
        // No refusal uses up its key.
        let again = partner.sign_body(ORDERS, order_of("NEXT").to_string().as_bytes());
        new_number(&send(&app, &again, Some("po-2"), &order_of("NEXT").to_string()).await);
    }
    assert_eq!(app.database.whole_orders(2).await, 4);
}

#[tokio::test]
async fn a_captured_request_that_was_sent_without_a_key_makes_no_other_order_with_one() {
    let app = TestApp::new().await;
    let (partner, body) = (bound(&app).await, order().to_string());
    let signed = partner.sign_body(ORDERS, body.as_bytes());
    let first = new_number(&send(&app, &signed, None, &body).await);
    expect_reused(&send(&app, &signed, Some("po-1"), &body).await, &first);
    assert_eq!(replayed_number(&send(&app, &signed, None, &body).await), first);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn a_captured_retry_makes_no_other_order_either() {
    let app = TestApp::new().await;
    let (mut partner, body) = (bound(&app).await, order().to_string());
    let first = new_number(&send(&app, &partner.sign_body(ORDERS, body.as_bytes()), Some("po-1"), &body).await);
    // A day later, signed anew, under the same key.
    app.clock.advance(Duration::from_hours(24));
    partner = Partner::log_in(&app, "bound-partner", partner.secret.clone(), partner.key).await;
    let retry = partner.sign_body(ORDERS, body.as_bytes());
    assert_eq!(replayed_number(&send(&app, &retry, Some("po-1"), &body).await), first);
    expect_reused(&send(&app, &retry, Some("po-2"), &body).await, &first);
    assert_eq!(replayed_number(&send(&app, &retry, None, &body).await), first);
    app.clock.advance(Duration::from_mins(6));
    send(&app, &retry, None, &body).await.expect_problem(401, "INVALID_TIMESTAMP");
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn a_partner_that_signs_anew_sends_the_same_order_twice_if_it_means_to() {
    let app = TestApp::new().await;
    let (partner, body) = (bound(&app).await, order().to_string());
    let first = new_number(&send(&app, &partner.sign_body(ORDERS, body.as_bytes()), Some("po-1"), &body).await);
    app.clock.advance(Duration::from_secs(1));
    let second = new_number(&send(&app, &partner.sign_body(ORDERS, body.as_bytes()), Some("po-2"), &body).await);
    assert_ne!(first, second);
    // Another spelling of one instant, and another writing of one body, are other texts that only the partner can sign.
    let timestamp = app.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let hash = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&body)).into();
    let text = sales_order_api::auth::string_to_sign::body_bound_string("POST", ORDERS, &hash, &timestamp);
    new_number(&send(&app, &partner.sign_text(&timestamp, &text), Some("po-3"), &body).await);
    let spaced = serde_json::to_string_pretty(&order()).unwrap();
    new_number(&send(&app, &partner.sign_body(ORDERS, spaced.as_bytes()), Some("po-4"), &spaced).await);
    assert_eq!(app.database.whole_orders(2).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_text_with_fifty_keys_at_once_on_two_instances_makes_one_order() {
    let app = TestApp::new().await;
    let second = TestApp::router_on(&app.store, &app.clock, |_| {});
    let partner = bound(&app).await;
    let bodies = ["A", "B", "C"].map(|customer| order_of(customer).to_string());
    let signed = bodies.each_ref().map(|body| partner.sign_body(ORDERS, body.as_bytes()));
    let requests = (0..60).map(|n| {
        let key = format!("po-{}", (n * 7) % 60);
        (n, TestApp::post_request(ORDERS, &with_key(&signed[n % 3], &key), bodies[n % 3].clone()))
    });
    let tasks: Vec<_> = requests
        .map(|(n, request)| {
            let router: Router = if n % 2 == 0 { app.router.clone() } else { second.clone() };
            tokio::spawn(async move { Answer::read(router.oneshot(request).await.unwrap()).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    for text in 0..3 {
        let of_text: Vec<_> = answers.iter().skip(text).step_by(3).collect();
        let (made, refused): (Vec<_>, Vec<_>) = of_text.iter().partition(|answer| answer.status == 201);
        assert_eq!(made.len(), 1, "{:?}", of_text.iter().map(|answer| &answer.text).collect::<Vec<_>>());
        let number = new_number(made[0]);
        for answer in refused {
            expect_reused(answer, &number);
        }
    }
    assert_eq!(app.database.whole_orders(2).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_keyless_retries_of_one_text_at_once_get_one_answer() {
    let app = TestApp::new().await;
    let (partner, body) = (bound(&app).await, order().to_string());
    let signed = partner.sign_body(ORDERS, body.as_bytes());
    let request = || TestApp::post_request(ORDERS, &signed.headers(), body.clone());
    let answers = app.send_at_once((0..50).map(|_| request())).await;
    for answer in &answers {
        answer.expect(201);
        assert_eq!(published(answer), published(&answers[0]));
    }
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn over_graphql_the_text_binds_the_whole_request_and_makes_one_order() {
    let app = TestApp::new().await;
    let partner = bound(&app).await;
    let body = Wire::GraphQl.order("CUST-001").to_string();
    let signed = partner.sign_body("/graphql", body.as_bytes());
    let send = async |key: &str| app.post_text("/graphql", &with_key(&signed, key), body.clone()).await;
    let made = send("po-1").await.data()["createSalesOrder"].take();
    assert_eq!(made["replayed"], false);
    assert_eq!(send("po-1").await.data()["createSalesOrder"]["replayed"], true);
    let error = send("po-2").await.expect_error("SIGNATURE_REUSED");
    assert_eq!(error["extensions"]["orderNumber"], made["salesOrder"]["orderNumber"]);
    assert_eq!(app.database.whole_orders(1).await, 1);
}

#[tokio::test]
async fn two_partners_with_one_body_in_one_second_make_two_orders() {
    let app = TestApp::new().await;
    let body = order().to_string();
    for client_id in ["partner-a", "partner-b"] {
        let partner = app.partner_named(client_id, SignaturePolicy::BodyBound).await;
        new_number(&send(&app, &partner.sign_body(ORDERS, body.as_bytes()), None, &body).await);
    }
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test]
async fn an_order_of_an_older_version_is_found_by_its_key() {
    let app = TestApp::new().await;
    let (partner, body) = (bound(&app).await, order().to_string());
    let signed = partner.sign_body(ORDERS, body.as_bytes());
    let first = new_number(&send(&app, &signed, None, &body).await);
    app.database.db_execute("DELETE FROM sales_order_signed_texts").await.unwrap();
    // The retry itself tells which text made the order, and from then on it makes no other.
    assert_eq!(replayed_number(&send(&app, &signed, None, &body).await), first);
    expect_reused(&send(&app, &signed, Some("po-1"), &body).await, &first);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn what_was_refused_under_a_used_key_leaves_the_text_free() {
    let app = TestApp::new().await;
    let partner = bound(&app).await;
    let (first, second) = (order_of("FIRST").to_string(), order_of("SECOND").to_string());
    send(&app, &partner.sign_body(ORDERS, first.as_bytes()), Some("po-1"), &first).await.expect(201);
    let signed = partner.sign_body(ORDERS, second.as_bytes());
    send(&app, &signed, Some("po-1"), &second).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    new_number(&send(&app, &signed, Some("po-2"), &second).await);
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_with_used_keys_and_one_text_the_one_that_may_be_stored_is() {
    let app = TestApp::new().await;
    let partner = bound(&app).await;
    let (taken, next) = (order_of("TAKEN").to_string(), order_of("NEXT").to_string());
    send(&app, &partner.sign_body(ORDERS, taken.as_bytes()), Some("used"), &taken).await.expect(201);
    let signed = partner.sign_body(ORDERS, next.as_bytes());
    // Under the used key the text is refused; in whatever order they come, the free key gets it.
    let requests = (0..40).map(|n| {
        let key = if n % 2 == 0 { "used" } else { "free" };
        TestApp::post_request(ORDERS, &with_key(&signed, key), next.clone())
    });
    let answers = app.send_at_once(requests).await;
    for (n, answer) in answers.iter().enumerate() {
        if n % 2 == 0 {
            assert_eq!(answer.status, 422, "{}", answer.text);
        } else {
            answer.expect(201);
        }
    }
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test]
async fn a_used_key_answers_with_its_order_whatever_its_text_made() {
    let app = TestApp::new().await;
    let (partner, body) = (bound(&app).await, order().to_string());
    let signed = partner.sign_body(ORDERS, body.as_bytes());
    let first = new_number(&send(&app, &signed, Some("po-1"), &body).await);
    app.clock.advance(Duration::from_secs(1));
    let later = partner.sign_body(ORDERS, body.as_bytes());
    let second = new_number(&send(&app, &later, Some("po-2"), &body).await);
    // The text of the first order under the key of the second, and the other way round: each key has its order.
    assert_eq!(replayed_number(&send(&app, &signed, Some("po-2"), &body).await), second);
    assert_eq!(replayed_number(&send(&app, &later, Some("po-1"), &body).await), first);
    expect_reused(&send(&app, &signed, Some("po-3"), &body).await, &first);
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_retries_signed_anew_at_once_get_one_answer_and_make_nothing_else() {
    let app = TestApp::new().await;
    let partner = bound(&app).await;
    let body = order().to_string();
    let first = new_number(&send(&app, &partner.sign_body(ORDERS, body.as_bytes()), Some("po-1"), &body).await);
    let mut retries = Vec::new();
    for _ in 0..40 {
        app.clock.advance(Duration::from_secs(1));
        retries.push(partner.sign_body(ORDERS, body.as_bytes()));
    }
    let request = |signed: &Signed, key| TestApp::post_request(ORDERS, &with_key(signed, key), body.clone());
    let answers = app.send_at_once(retries.iter().map(|signed| request(signed, "po-1"))).await;
    for answer in &answers {
        assert_eq!(replayed_number(answer), first);
    }
    let answers = app.send_at_once(retries.iter().map(|signed| request(signed, "po-2"))).await;
    for answer in &answers {
        expect_reused(answer, &first);
    }
    assert_eq!(app.database.whole_orders(2).await, 1);
}
