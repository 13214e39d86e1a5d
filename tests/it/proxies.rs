//! What stands between the service and its callers: the proxies of `docs/operations.md`, with the settings shown there.

mod proxy;

use std::num::NonZeroU32;

use reqwest::Client;
use serde_json::{Value, json};

use crate::subscriptions::FOLLOW;
use crate::support::frames::{CLOSE, Frames};
use crate::support::{PATIENCE, Partner, Socket, TestApp, Told, in_time, order, plain_http};
pub use proxy::documented;
use proxy::{Kind, Proxy};

/// A caller from this address.
fn caller(address: &str) -> Client {
    plain_http().local_address(address.parse::<std::net::IpAddr>().unwrap()).timeout(PATIENCE).build().unwrap()
}

/// The proxy in front of two addresses of this service.
async fn in_front_of(app: &TestApp, kind: Kind) -> Option<Proxy> {
    let services = [app.listen().await, app.listen().await];
    Proxy::start(kind, [&services[0], &services[1]]).await
}

async fn take(partner: &Partner<'_>, key: &str) -> String {
    let made = partner.create_with_key(key, &order()).await.expect(201);
    made["data"]["order_number"].as_str().unwrap().to_owned()
}

/// Over both wires each event comes when it happens, and nothing waits until there is more of them.
async fn events_come_one_by_one(kind: Kind) {
    let app = TestApp::new().await;
    let Some(proxy) = in_front_of(&app, kind).await else { return };
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let begin = partner.get("/api/v1/events").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    let over_graphql = caller("127.0.0.1")
        .post(format!("{}/graphql", proxy.base))
        .bearer_auth(&dashboard.token)
        .json(&json!({"query": FOLLOW, "variables": {"after": "ZTA"}}));
    let over_rest = caller("127.0.0.1")
        .get(format!("{}/api/v1/events", proxy.base))
        .bearer_auth(&partner.token)
        .header("last-event-id", &begin);
    for (wire, asked) in [("graphql", over_graphql), ("rest", over_rest)] {
        let asked = asked.header("accept", "text/event-stream").send();
        let mut events = in_time("the head of the stream", asked).await.unwrap();
        assert_eq!(events.headers()["content-type"], "text/event-stream");
        let mut read = String::new();
        for n in 1..=4 {
            // Over the second wire the first orders are there already.
            let number = take(&partner, &n.to_string()).await;
            let told = next_event(&mut events, &mut read).await;
            assert!(told.contains(&number), "{kind:?}, {wire}: {told}");
        }
    }
    let cursor = partner.get("/api/v1/events").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    let waits = caller("127.0.0.1")
        .get(format!("{}/api/v1/events?wait=30&after={cursor}", proxy.base))
        .bearer_auth(&partner.token)
        .send();
    let (waited, taken) = in_time("the event", async { tokio::join!(waits, take(&partner, "awaited")) }).await;
    let page: Value = waited.unwrap().json().await.unwrap();
    assert_eq!(page["data"][0]["order_number"], taken, "{kind:?}: {page}");
}

/// The next event; several may come in one piece.
async fn next_event(events: &mut reqwest::Response, read: &mut String) -> String {
    while !read.contains("\n\n") {
        let piece = in_time("the next event", events.chunk()).await.unwrap();
        let piece = piece.unwrap_or_else(|| panic!("the stream ends after {read}"));
        read.push_str(std::str::from_utf8(&piece).unwrap());
    }
    let (event, rest) = read.split_once("\n\n").unwrap();
    let (event, rest) = (event.to_owned(), rest.to_owned());
    *read = rest;
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_one_by_one_behind_nginx_with_nothing_but_proxy_pass() {
    events_come_one_by_one(Kind::BareNginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_one_by_one_behind_each_documented_proxy() {
    for kind in Kind::DOCUMENTED {
        events_come_one_by_one(kind).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_follows_over_websocket_behind_each_documented_proxy_and_both_ends_are_told() {
    for kind in Kind::DOCUMENTED.into_iter().filter(|kind| *kind != Kind::CaddyByHttp2) {
        let app = TestApp::new().await;
        let Some(proxy) = in_front_of(&app, kind).await else { continue };
        let (partner, dashboard) = (app.partner().await, app.dashboard().await);
        let mut socket = Socket::log_in(&proxy.base, &dashboard.token).await;
        socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
        for n in 0..3 {
            let number = take(&partner, &n.to_string()).await;
            assert_eq!(socket.next_data("1").await["salesOrderEvents"]["orderNumber"], number.as_str(), "{kind:?}");
        }
        app.clients.revoke_sessions(&dashboard.client_id.parse().unwrap()).await.unwrap();
        assert_eq!(socket.next().await, Told::Closed(4403), "{kind:?}");
        let mut frames = Frames::open(&proxy.base, "/graphql").await;
        frames.send(CLOSE, &[&4000_u16.to_be_bytes()[..], b"done"].concat()).await;
        assert_eq!(frames.closed().await, (4000, "done".to_owned()), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_comes_whole_through_each_proxy_and_says_so() {
    for kind in Kind::ALL {
        let app = TestApp::new().await;
        let Some(proxy) = in_front_of(&app, kind).await else { continue };
        let (partner, dashboard) = (app.partner().await, app.dashboard().await);
        for n in 0..205 {
            take(&partner, &n.to_string()).await;
        }
        for (format, end) in [("csv", "TRAILER,205,410,"), ("jsonl", r#"{"trailer":{"orders":205}}"#)] {
            let url = format!("{}/api/v1/sales-orders.{format}?trailer=true", proxy.base);
            let answer = caller("127.0.0.1").get(url).bearer_auth(&dashboard.token).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            let text = answer.text().await.unwrap();
            let last = text.lines().last().unwrap();
            assert!(last.starts_with(end), "{kind:?}: {last}");
            assert_eq!(text.lines().count(), if format == "csv" { 412 } else { 206 }, "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_order_comes_through_each_documented_proxy() {
    for kind in Kind::DOCUMENTED {
        let app = TestApp::new().await;
        let Some(proxy) = in_front_of(&app, kind).await else { continue };
        let partner = app.partner().await;
        let mut largest = order();
        let line = json!({"product_code": "HD9650", "quantity": 1, "product_name": "空".repeat(256), "note": "空".repeat(500)});
        largest["products"] = vec![line; 500].into();
        let body = largest.to_string();
        assert!(body.len() > 1 << 20, "more than a proxy takes by itself");
        let mut request = caller("127.0.0.1").post(format!("{}/api/v1/sales-orders", proxy.base)).body(body);
        for (name, value) in partner.sign().headers() {
            request = request.header(name, value);
        }
        let answer = request.header("content-type", "application/json").send().await.unwrap();
        assert_eq!(answer.status(), 201, "{kind:?}: {}", answer.text().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_each_documented_proxy_every_caller_has_the_limits_of_its_own_address() {
    for kind in Kind::DOCUMENTED {
        let app = TestApp::with(|config| {
            config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
            config.rate_limit.enabled = true;
            config.rate_limit.anonymous_burst = NonZeroU32::new(2).unwrap();
            config.rate_limit.anonymous_requests_per_minute = NonZeroU32::new(1).unwrap();
        })
        .await;
        let Some(proxy) = in_front_of(&app, kind).await else { continue };
        let ask = async |address: &str, forwarded: &str| {
            let asked =
                caller(address).get(format!("{}/schema.graphql", proxy.base)).header("x-forwarded-for", forwarded);
            asked.send().await.unwrap().status().as_u16()
        };
        let mut statuses: Vec<Value> = Vec::new();
        for address in ["127.0.0.2", "127.0.0.3"] {
            for n in 0..3 {
                // What a caller writes itself counts for nothing.
                statuses.push(ask(address, &format!("192.0.2.{n}")).await.into());
            }
        }
        assert_eq!(statuses, [200, 200, 429, 200, 200, 429].map(Value::from), "{kind:?}");
    }
}
