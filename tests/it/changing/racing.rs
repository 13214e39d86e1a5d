//! Whatever comes at once with a change: one outcome, told to everybody, and one effect.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{PATH, accept, change, change_with_key, quantity, read};
use crate::cancellations::{acknowledge, cancel, count, whole, whole_history};
use crate::lines::{CONFIRM, NUMBER, lines, move_to, stage};
use crate::support::{Answer, TestApp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_equal_changes_at_once_are_one() {
    for is_promised in [false, true] {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        if is_promised {
            move_to(&operator, "CONFIRMED").await;
        }
        let version = 1 + i32::from(is_promised);
        let body = json!({"expected_version": version, "changed_lines": [{"line_no": 1, "quantity": 5}],
                          "added_lines": [{"product_code": "NEW", "quantity": 1, "unit_price": 1}]});
        // Some under one key, some under others, some signed alike without a key.
        let (partner, app, body) = (&partner, &app, &body);
        let asked = (0..50).map(|n| async move {
            match n % 3 {
                0 => change(partner, app, body).await,
                1 => change_with_key(partner, app, "k", body).await,
                _ => change_with_key(partner, app, &format!("k{n}"), body).await,
            }
        });
        let status = if is_promised { 202 } else { 200 };
        let answers: Vec<Value> = join_all(asked).await.iter().map(|answer| answer.expect(status)).collect();
        for answer in &answers {
            assert_eq!(answer["data"], answers[0]["data"]);
        }
        assert_eq!(answers.iter().filter(|answer| answer["replayed"] == false).count(), 1);
        assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_requests").await, 1);
        if is_promised {
            accept(&operator).await;
        }
        let order = read(partner).await;
        assert_eq!((&order["total_quantity"], &order["total_amount"]), (&json!(7), &json!("625001.5")));
        assert_eq!(order["products"].as_array().unwrap().len(), 3);
        assert_eq!(count(app, "ORDER_CHANGED").await, 1);
        whole_history(app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_changes_of_one_version_one_is_done_and_the_others_are_told_the_next() {
    for _ in 0..4 {
        let app = TestApp::new().await;
        let (partner, _) = stage(&app).await;
        let bodies: Vec<_> = (3..11).map(|wanted| quantity(1, 1, wanted)).collect();
        let answers = join_all(bodies.iter().map(|body| change(&partner, &app, body))).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((done.len(), refused.len()), (1, 7));
        for answer in refused {
            assert_eq!(answer.expect_problem(409, "CONFLICT")["current_version"], 2);
        }
        assert_eq!(read(&partner).await, done[0].expect(200)["data"]);
        assert_eq!(count(&app, "ORDER_CHANGED").await, 1);
        whole_history(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_done_before_a_system_took_the_order_over_or_asked_for_after_that() {
    for _ in 0..4 {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        let body = quantity(1, 1, 5);
        let (changed, ()) = tokio::join!(change(&partner, &app, &body), acknowledge(&operator));
        let body = changed.json();
        let first = |kind: &str| {
            format!(
                "SELECT CAST(coalesce((SELECT min(sequence) FROM sales_order_events WHERE kind = '{kind}'), 0) AS bigint)"
            )
        };
        let acknowledged = app.database.db_number(&first("ACKNOWLEDGED")).await;
        if changed.status == 200 {
            assert!(app.database.db_number(&first("ORDER_CHANGED")).await < acknowledged, "{body}");
            assert_eq!(body["data"]["products"][0]["quantity"], 5);
        } else {
            changed.expect(202);
            assert!(app.database.db_number(&first("REQUEST_RECEIVED")).await > acknowledged, "{body}");
            assert_eq!(read(&partner).await["products"][0]["quantity"], 2);
        }
        whole_history(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_confirmed_as_it_was_changed_or_changed_of_a_version_that_is_no_more() {
    for _ in 0..4 {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        let (body, said) = (quantity(1, 1, 1), lines(&json!([{"lineNo": 1, "confirmedQuantity": 2}])));
        let (changed, confirmed) = tokio::join!(change(&partner, &app, &body), operator.graphql(CONFIRM, said));
        let order = read(&partner).await;
        if changed.status == 200 {
            confirmed.expect_error("VALIDATION_FAILED");
            assert_eq!((&order["status"], &order["products"][0]["quantity"]), (&json!("RECEIVED"), &json!(1)));
        } else {
            assert_eq!(changed.expect_problem(409, "CONFLICT")["current_version"], 2);
            confirmed.data();
            assert_eq!(order["products"][0]["answer"]["confirmed_quantity"], 2);
        }
        whole_history(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_change_and_a_cancellation_at_once_the_second_finds_the_first() {
    for is_promised in [false, true] {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        if is_promised {
            move_to(&operator, "CONFIRMED").await;
        }
        let (body, all) = (quantity(1 + i32::from(is_promised), 1, 5), whole());
        let (changed, cancelled) = tokio::join!(change(&partner, &app, &body), cancel(&partner, &app, &all));
        let order = read(&partner).await;
        if is_promised {
            let mut statuses = [changed.status, cancelled.status].map(|status| status.as_u16());
            statuses.sort_unstable();
            assert_eq!(statuses, [202, 409], "one request is pending");
            assert_eq!(order["requests"].as_array().unwrap().len(), 1);
        } else {
            cancelled.expect(200);
            assert_eq!(order["status"], "CANCELLED");
            let quantity = &order["products"][0]["quantity"];
            if changed.status == 200 {
                assert_eq!(quantity, 5, "all of it is cancelled afterwards");
            } else {
                assert_eq!(
                    (changed.expect_problem(409, "CONFLICT")["current_version"].clone(), quantity),
                    (json!(2), &json!(2))
                );
            }
        }
        whole_history(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_change_an_order_once() {
    only_on!(Postgres); // Two services on one file share its lock.
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    let body = quantity(1, 1, 5).to_string();
    let asked = (0..32).map(|n: i32| {
        let (partner, body, router) = (&partner, &body, if n % 2 == 0 { app.router.clone() } else { other.clone() });
        async move {
            let signed = partner.sign_body(PATH, body.as_bytes());
            let key = format!("k{n}");
            let headers = [&signed.headers()[..], &[("idempotency-key", &*key)]].concat();
            Answer::read(router.oneshot(TestApp::post_request(PATH, &headers, body.clone())).await.unwrap()).await
        }
    });
    let answers = join_all(asked).await;
    let fresh = answers.iter().filter(|answer| answer.expect(200)["replayed"] == false).count();
    assert_eq!((fresh, count(&app, "ORDER_CHANGED").await), (1, 1));
    let number = format!("SELECT version FROM sales_orders WHERE order_number = '{NUMBER}'");
    assert_eq!(app.database.db_number(&format!("SELECT CAST(({number}) AS bigint)")).await, 2);
    whole_history(&app).await;
}
