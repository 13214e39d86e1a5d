//! A partner's program lets the service keep how far it is.

use axum::body::Body;
use axum::http::Request;
use futures_util::future::join_all;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{FEED, Page, rest, take, told};
use crate::support::{Answer, Partner, TestApp};

const CONSUMERS: &str = "/api/v1/events/consumers";

fn request(method: &str, reader: &Partner<'_>, name: &str, body: Option<&Value>) -> Request<Body> {
    let request = Request::builder().method(method).uri(format!("{CONSUMERS}/{name}"));
    let request = request.header("authorization", reader.authorization()).header("content-type", "application/json");
    request.body(body.map_or_else(Body::empty, |body| body.to_string().into())).unwrap()
}

async fn save(app: &TestApp, reader: &Partner<'_>, name: &str, body: Value) -> Answer {
    app.send(request("PUT", reader, name, Some(&body))).await
}

async fn delete(app: &TestApp, reader: &Partner<'_>, name: &str) -> Answer {
    app.send(request("DELETE", reader, name, None)).await
}

async fn read(reader: &Partner<'_>, name: &str) -> Page {
    Page::of(&reader.get(&format!("{FEED}?consumer={name}&limit=2")).await)
}

#[tokio::test]
async fn what_a_program_did_not_say_it_was_done_with_comes_again() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for n in 0..5 {
        take(&partner, &format!("PO-{n}")).await;
    }
    let made = save(&app, &partner, "warehouse", json!({})).await.expect(200)["data"].clone();
    assert_eq!(made["name"], "warehouse");
    let first = read(&partner, "warehouse").await;
    assert_eq!(told(&first.events, "partner_reference"), ["PO-0", "PO-1"]);
    assert_eq!(read(&partner, "warehouse").await.events, first.events, "nobody said that they were done");
    let done = save(&app, &partner, "warehouse", json!({"after": first.cursor})).await.expect(200);
    assert_eq!(done["data"]["cursor"], first.cursor);
    assert_eq!(done["data"]["created_at"], made["created_at"]);
    let second = read(&partner, "warehouse").await;
    assert_eq!(told(&second.events, "partner_reference"), ["PO-2", "PO-3"]);
    // The same again, one from before and none at all change nothing.
    save(&app, &partner, "warehouse", json!({"after": second.cursor})).await.expect(200);
    for after in [json!({"after": second.cursor}), json!({"after": first.cursor}), json!({}), json!({"after": null})] {
        let kept = save(&app, &partner, "warehouse", after).await.expect(200);
        assert_eq!(kept["data"]["cursor"], second.cursor);
    }
    assert_eq!(told(&read(&partner, "warehouse").await.events, "partner_reference"), ["PO-4"]);
    // Another one begins where it is told to, and one that is made anew begins anew.
    save(&app, &partner, "erp", json!({"after": first.cursor})).await.expect(200);
    assert_eq!(read(&partner, "erp").await.events, second.events);
    let list = partner.get(CONSUMERS).await.expect(200);
    assert_eq!(told(list["data"].as_array().unwrap(), "name"), ["erp", "warehouse"]);
    assert_eq!(delete(&app, &partner, "warehouse").await.status, 204);
    save(&app, &partner, "warehouse", json!({})).await.expect(200);
    assert_eq!(read(&partner, "warehouse").await.events, first.events);
    // Over GraphQL they are the same.
    let consumers = partner.graphql("{ eventConsumers { name cursor } }", json!({})).await.data();
    assert_eq!(consumers["eventConsumers"][0], json!({"name": "erp", "cursor": first.cursor}));
}

#[tokio::test]
async fn consumers_are_their_clients_own_and_so_many_at_most() {
    let app = TestApp::new().await;
    let (partner, other) = (app.partner().await, app.partner_named("other", SignaturePolicy::default()).await);
    for n in 0..20 {
        save(&app, &partner, &format!("c-{n}"), json!({})).await.expect(200);
    }
    let problem = save(&app, &partner, "one-more", json!({})).await.expect_problem(409, "CONFLICT");
    assert!(problem["detail"].as_str().unwrap().contains("may have 20 consumers"), "{problem}");
    save(&app, &partner, "c-7", json!({})).await.expect(200);
    save(&app, &other, "one-more", json!({})).await.expect(200);
    let list = other.get(CONSUMERS).await.expect(200);
    assert_eq!(told(list["data"].as_array().unwrap(), "name"), ["one-more"]);
    for reader in [&partner, &other] {
        delete(&app, reader, "gone").await.expect_problem(404, "NOT_FOUND");
        reader.get(&format!("{FEED}?consumer=gone")).await.expect_problem(404, "NOT_FOUND");
    }
    other.get(&format!("{FEED}?consumer=c-7")).await.expect_problem(404, "NOT_FOUND");
    app.get(CONSUMERS).await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn what_is_wrong_with_a_consumer_is_named() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    take(&partner, "PO-1").await;
    let (_, cursor) = rest(&partner, "", None).await;
    let problem = save(&app, &partner, "a%20b", json!({"after": "x", "more": 1})).await;
    let problem = problem.expect_problem(400, "VALIDATION_FAILED");
    let mut pointers = told(problem["errors"].as_array().unwrap(), "pointer");
    pointers.sort_unstable();
    assert_eq!(pointers, ["/after", "/more", "/name"]);
    let of_another_list = partner.get("/api/v1/sales-orders").await.expect(200)["next_cursor"].clone();
    save(&app, &partner, "a", json!({"after": of_another_list})).await.expect_problem(400, "VALIDATION_FAILED");
    save(&app, &partner, "a", json!([])).await.expect_problem(400, "VALIDATION_FAILED");
    delete(&app, &partner, "a%20b").await.expect_problem(400, "VALIDATION_FAILED");
    // One that is not named is no reason to begin anew.
    for name in ["", "%20", "a%20b", "%C3%A9"] {
        let problem = partner.get(&format!("{FEED}?consumer={name}")).await.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/consumer", "{name}");
    }
    let both = partner.get(&format!("{FEED}?consumer=a&after={cursor}")).await;
    assert_eq!(both.expect_problem(400, "VALIDATION_FAILED")["errors"][0]["pointer"], "/consumer");
    assert_eq!(app.database.db_number("SELECT count(*) FROM event_consumers").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_that_make_consumers_at_once_make_no_more_than_one_may_have() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for n in 0..19 {
        save(&app, &partner, &format!("c-{n}"), json!({})).await.expect(200);
    }
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    for _ in 0..20 {
        let routers = [(&app.router, "here"), (&other, "there")];
        let made = join_all(routers.map(|(router, name)| {
            let sent = router.clone().oneshot(request("PUT", &partner, name, Some(&json!({}))));
            tokio::spawn(async move { sent.await.unwrap().status().as_u16() })
        }));
        let mut made: Vec<_> = made.await.into_iter().map(Result::unwrap).collect();
        made.sort_unstable();
        assert_eq!(made, [200, 409]);
        for name in ["here", "there"] {
            delete(&app, &partner, name).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_say_at_once_how_far_a_consumer_is_the_furthest_counts() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for n in 0..20 {
        take(&partner, &format!("PO-{n}")).await;
    }
    let (events, _) = rest(&partner, "", None).await;
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    // The consumer is made by whoever comes first.
    let saved = events.iter().rev().enumerate().map(|(n, event)| {
        let router = if n % 2 == 0 { app.router.clone() } else { other.clone() };
        let request = request("PUT", &partner, "warehouse", Some(&json!({"after": event["cursor"]})));
        tokio::spawn(async move { Answer::read(router.oneshot(request).await.unwrap()).await })
    });
    for answer in join_all(saved.collect::<Vec<_>>()).await {
        answer.unwrap().expect(200);
    }
    let list = partner.get(CONSUMERS).await.expect(200);
    assert_eq!(list["data"][0]["cursor"], events[19]["cursor"]);
}
