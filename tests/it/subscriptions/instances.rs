//! Several instances, no broker: what happens at one is followed at the other, and a kill loses nothing.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::join_all;
use sales_order_api::domain::permission::Permission;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::FOLLOW;
use crate::support::{Database, Process, Remote, Socket, Told, in_time, order, until};

fn serve(folder: &Path, url: &str) -> Process {
    serve_at("127.0.0.1:0", folder, url)
}

fn serve_at(address: &str, folder: &Path, url: &str) -> Process {
    Process::serve_at(address, folder, url, |command| {
        command.env("SALES_ORDER_AUTH__JWT_SECRET", "one secret of more than 32 bytes for all instances");
    })
}

/// A dashboard's token, good at every instance.
async fn dashboard(database: &Database, base: &str) -> String {
    let secret: SecretString = Remote::register_with(database, "board", vec![Permission::OrdersRead]).await;
    Remote::log_in(base, "board", &secret).await.token
}

/// Follows every event from the beginning on until `count` came, coming back to whichever instance is there with the
/// last cursor; gives order numbers by cursor, in the order they came.
async fn follow(bases: [String; 2], token: String, count: usize) -> Vec<(String, String)> {
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut attempts = 0_usize;
    while seen.len() < count {
        attempts += 1;
        assert!(attempts < 500, "only {} of {count} events came", seen.len());
        let Some(mut socket) = Socket::try_log_in(&bases[attempts % 2], &token).await else { continue };
        let after = seen.last().map_or(json!("ZTA"), |(cursor, _)| json!(cursor));
        if !socket.try_subscribe("1", FOLLOW, json!({"after": after})).await {
            continue;
        }
        while seen.len() < count {
            let Told::Message(message) = socket.next().await else { break };
            let event = &message["payload"]["data"]["salesOrderEvents"];
            let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{message}")).to_owned();
            seen.push((text(&event["cursor"]), text(&event["orderNumber"])));
        }
    }
    seen
}

/// Sends orders one after the other, each again and again until it is answered.
async fn write(partner: Remote, bases: [String; 2], name: usize, count: usize) {
    for n in 0..count {
        let key = format!("{name}-{n}");
        let signed = partner.sign();
        let mut attempts = name;
        let answered = async {
            loop {
                attempts += 1;
                let answer = partner.at(&bases[attempts % 2]).create(&signed, Some(&key), &order()).await;
                if answer.is_ok_and(|answer| answer.status == 201) {
                    break;
                }
            }
        };
        in_time("an answer to the order", answered).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_event_reaches_every_follower_once_and_in_order_though_an_instance_is_killed() {
    const WRITERS: usize = 4;
    const EACH: usize = 40;
    let database = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let one = serve(folder.path(), &database.url);
    let two = serve(folder.path(), &database.url);
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&one.base, "partner", &secret).await;
    let token = dashboard(&database, &one.base).await;
    let bases = [one.base.clone(), two.base.clone()];
    let followers = (0..3).map(|_| tokio::spawn(follow(bases.clone(), token.clone(), WRITERS * EACH)));
    let followers: Vec<_> = followers.collect();
    let writers = (0..WRITERS).map(|name| tokio::spawn(write(partner.clone(), bases.clone(), name, EACH)));
    let writers: Vec<_> = writers.collect();
    // In the middle of it, one instance is gone without a word, and comes back at the same address.
    let half = "SELECT count(*) FROM sales_orders";
    until("half of the orders", async || database.db_number(half).await >= i64::try_from(WRITERS * EACH / 2).unwrap())
        .await;
    let address = two.base.trim_start_matches("http://").to_owned();
    two.kill();
    let _two = serve_at(&address, folder.path(), &database.url);
    join_all(writers).await.into_iter().for_each(|writer| writer.unwrap());
    let seen: Vec<_> = join_all(followers).await.into_iter().map(Result::unwrap).collect();
    let mut times = BTreeMap::new();
    for (_, number) in &seen[0] {
        *times.entry(number.clone()).or_insert(0) += 1;
    }
    assert_eq!(times.len(), WRITERS * EACH, "each order was created once");
    assert!(times.values().all(|times| *times == 1));
    assert!(seen.iter().all(|one| *one == seen[0]), "all followers saw the same, in the same order");
    assert_eq!(database.whole_orders(2).await, i64::try_from(WRITERS * EACH).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_service_tells_its_followers_and_does_not_wait_for_them() {
    let database = Database::new().await;
    let service = serve(database.folder.path(), &database.url);
    let token = dashboard(&database, &service.base).await;
    let mut socket = Socket::log_in(&service.base, &token).await;
    socket.subscribe("1", FOLLOW, json!({})).await;
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await, Told::Message(json!({"type": "pong"})));
    service.ask_to_stop();
    assert_eq!(socket.next().await, Told::Closed(1001));
    let log = service.wait();
    assert!(!log.contains("given up"), "{log}");
}
