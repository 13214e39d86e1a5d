//! Whatever comes at once with a cancellation: one outcome, told to everybody, and one effect.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{ANSWER, PATH, acknowledge, answer, cancel, cancel_with_key, line, read, whole};
use crate::lines::{NUMBER, confirm, move_to, stage};
use crate::support::{Answer, TestApp, order};

const SHIP: &str = "mutation($input: RecordShipmentInput!) { recordShipment(input: $input) { version } }";

pub async fn count(app: &TestApp, kind: &str) -> i64 {
    app.database.db_number(&format!("SELECT count(*) FROM sales_order_events WHERE kind = '{kind}'")).await
}

async fn sum(app: &TestApp, column: &str) -> i64 {
    app.database.db_number(&format!("SELECT coalesce(sum({column}), 0) FROM sales_order_lines")).await
}

pub async fn whole_history(app: &TestApp) {
    let gaps = "SELECT count(*) FROM sales_order_events WHERE sequence <> 1 + (SELECT count(*) FROM sales_order_events AS before
                WHERE before.order_id = sales_order_events.order_id AND before.position < sales_order_events.position)";
    assert_eq!(app.database.db_number(gaps).await, 0, "the history has no gap");
    app.database.true_totals().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_equal_cancellations_at_once_are_one() {
    for is_promised in [false, true] {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        if is_promised {
            move_to(&operator, "CONFIRMED").await;
        }
        // Some under one key, some signed alike, with and without a key.
        let (partner, app, body) = (&partner, &app, &line(1, 1));
        let asked = (0..50).map(|n| async move {
            if n % 2 == 0 {
                cancel(partner, app, body).await
            } else {
                cancel_with_key(partner, app, "k", PATH, body).await
            }
        });
        let status = if is_promised { 202 } else { 200 };
        let answers: Vec<Value> = join_all(asked).await.iter().map(|answer| answer.expect(status)).collect();
        for answer in &answers {
            assert_eq!(answer["data"]["version"], answers[0]["data"]["version"], "{answer}");
        }
        assert_eq!(answers.iter().filter(|answer| answer["replayed"] == false).count(), 1);
        assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_requests").await, 1);
        assert_eq!(sum(app, "cancelled_quantity").await, i64::from(!is_promised));
        whole_history(app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_either_leaves_or_is_cancelled_and_its_request_says_which() {
    for _ in 0..4 {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        confirm(&operator, &json!([{"lineNo": 2, "confirmedQuantity": 1}])).await;
        cancel(&partner, &app, &line(2, 1)).await.expect(202);
        let sent = |n: usize| json!({"input": {"orderNumber": NUMBER, "shipmentNumber": format!("S{n}"), "lines": [{"lineNo": 2, "quantity": 1}]}});
        let ships = join_all((0..8).map(|n| operator.graphql(SHIP, sent(n))));
        let accepts = join_all((0..8).map(|_| operator.graphql(ANSWER, answer("ACCEPT", None))));
        let (ships, accepts) = tokio::join!(ships, accepts);
        let done = |answers: &[Answer]| answers.iter().filter(|answer| answer.json()["errors"].is_null()).count();
        let state = read(&partner).await["requests"][0]["state"].take();
        match (done(&ships), done(&accepts)) {
            (1, 0) => assert_eq!(state, "SUPERSEDED"),
            (0, 8) => assert_eq!(state, "ACCEPTED"),
            (left, accepted) => panic!("{left} left, {accepted} accepted"),
        }
        assert_eq!(sum(&app, "shipped_quantity").await + sum(&app, "cancelled_quantity").await, 1);
        assert_eq!(count(&app, "REQUEST_ANSWERED").await, 1);
        whole_history(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_is_done_before_a_system_took_the_order_over_or_asked_for_after_that() {
    for _ in 0..4 {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        let body = whole();
        let (cancelled, ()) = tokio::join!(cancel(&partner, &app, &body), acknowledge(&operator));
        let body = cancelled.json();
        let first = "SELECT min(sequence) FROM sales_order_events WHERE kind = ";
        let [acknowledged, received, answered] = ["'ACKNOWLEDGED'", "'REQUEST_RECEIVED'", "'REQUEST_ANSWERED'"]
            .map(|kind| format!("SELECT CAST(coalesce(({first}{kind}), 0) AS bigint)"));
        let acknowledged = app.database.db_number(&acknowledged).await;
        if cancelled.status == 200 {
            assert!(app.database.db_number(&answered).await < acknowledged, "{body}");
            assert_eq!(body["data"]["status"], "CANCELLED");
        } else {
            cancelled.expect(202);
            assert!(app.database.db_number(&received).await > acknowledged, "{body}");
        }
        whole_history(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_answers_at_once_one_holds_and_the_other_is_told_which() {
    for _ in 0..4 {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        move_to(&operator, "CONFIRMED").await;
        cancel(&partner, &app, &whole()).await.expect(202);
        let said = [answer("ACCEPT", None), answer("REJECT", Some("OTHER"))];
        let answers = join_all((0..16).map(|n| operator.graphql(ANSWER, said[n % 2].clone()))).await;
        let order = read(&partner).await;
        let state = order["requests"][0]["state"].as_str().unwrap();
        assert_eq!(order["status"], if state == "ACCEPTED" { "CANCELLED" } else { "CONFIRMED" });
        for (n, answer) in answers.iter().enumerate() {
            if (n % 2 == 0) == (state == "ACCEPTED") {
                assert_eq!(answer.data()["answerSalesOrderRequest"]["requests"][0]["state"], state);
            } else {
                assert_eq!(answer.expect_error("CONFLICT")["extensions"]["requestState"], state);
            }
        }
        assert_eq!(count(&app, "REQUEST_ANSWERED").await, 1);
        whole_history(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_for_two_orders_at_once_is_the_request_of_one_of_them() {
    for _ in 0..4 {
        let app = TestApp::new().await;
        let (partner, _) = stage(&app).await;
        partner.create_with_key("second", &order()).await.expect(201);
        let paths = [PATH, "/api/v1/sales-orders/SO-0000000002/cancellation"];
        let body = whole();
        let asked = (0..8).map(|n| cancel_with_key(&partner, &app, "k", paths[n % 2], &body));
        let answers = join_all(asked).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((done.len(), refused.len()), (4, 4));
        for answer in refused {
            answer.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
        }
        let cancelled = "SELECT count(*) FROM sales_orders WHERE status = 'CANCELLED'";
        assert_eq!(app.database.db_number(cancelled).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_keep_one_pending_request_of_an_order() {
    only_on!(Postgres); // Two services on one file share its lock.
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    move_to(&operator, "CONFIRMED").await;
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    let asked = (0..32).map(|n: i32| {
        let (partner, router) = (&partner, if n % 2 == 0 { app.router.clone() } else { other.clone() });
        async move {
            let body = line(1 + n / 2 % 2, 1).to_string();
            let signed = partner.sign_body(PATH, body.as_bytes());
            let request = TestApp::post_request(PATH, &signed.headers(), body);
            Answer::read(router.oneshot(request).await.unwrap()).await
        }
    });
    let answers = join_all(asked).await;
    let (pending, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!((pending.len(), refused.len()), (16, 16));
    for answer in refused {
        assert_eq!(answer.expect_problem(409, "CONFLICT")["request_number"], "RQ-0000000001");
    }
    assert_eq!(count(&app, "REQUEST_RECEIVED").await, 1);
    whole_history(&app).await;
}
