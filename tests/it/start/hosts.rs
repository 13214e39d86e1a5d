//! The address names several hosts, one of which is the primary; which one changes while the service runs.

use std::sync::Arc;

use sales_order_api::domain::permission::Permission;
use sales_order_api::store::Address;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::outages::follow;
use crate::subscriptions::FOLLOW;
use crate::support::{Answer, Database, PATIENCE, Process, Remote, Socket, found, order, until};

/// A host of the database that can be demoted: it asks the server for sessions that only read, as a standby's do.
struct Host {
    port: u16,
    sessions: Arc<Mutex<Sessions>>,
}

struct Sessions {
    read_only: bool,
    open: JoinSet<()>,
}

impl Host {
    async fn start(server: &str, read_only: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sessions = Arc::new(Mutex::new(Sessions { read_only, open: JoinSet::new() }));
        let host = Self { port: listener.local_addr().unwrap().port(), sessions: Arc::clone(&sessions) };
        let server = server.to_owned();
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = TcpStream::connect(&server).await.unwrap();
                let Sessions { read_only, open } = &mut *sessions.lock().await;
                let read_only = *read_only;
                open.spawn(async move {
                    // It ends with the session, whoever ends that.
                    let _ = pass(near, far, read_only).await;
                });
            }
        });
        host
    }

    /// Or promotes it. A server that stops being the primary closes its sessions.
    async fn demote(&self, read_only: bool) {
        let mut sessions = self.sessions.lock().await;
        sessions.read_only = read_only;
        sessions.open.shutdown().await;
    }
}

async fn pass(mut near: TcpStream, mut far: TcpStream, read_only: bool) -> std::io::Result<()> {
    // The first message: its length, and parameters that end with a zero byte.
    let length = near.read_u32().await?;
    let mut start = vec![0; length as usize - 4];
    near.read_exact(&mut start).await?;
    if read_only {
        start.pop();
        start.extend(b"options\0-c default_transaction_read_only=on\0\0");
    }
    far.write_u32(u32::try_from(start.len()).unwrap() + 4).await?;
    far.write_all(&start).await?;
    copy_bidirectional(&mut near, &mut far).await.map(drop)
}

#[tokio::test]
async fn the_host_that_takes_writes_is_found_wherever_it_is_in_the_list_and_again_after_a_fail_over() {
    only_on!(Postgres);
    let database = Database::new().await;
    let (login, place) = database.url.rsplit_once('@').unwrap();
    let (server, name) = place.rsplit_once('/').unwrap();
    let (one, other) = (Host::start(server, false).await, Host::start(server, true).await);
    // Takes connections and never answers, as a host whose machine hangs.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().unwrap().port();
    let url = |hosts: &[u16], session: &str, timeout: u64| {
        let hosts: Vec<_> = hosts.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let parameters = format!("sslmode=disable&connect_timeout={timeout}&target_session_attrs={session}");
        Address::parse(&format!("{login}@{}/{name}?{parameters}", hosts.join(","))).unwrap()
    };
    let long = PATIENCE.as_secs();
    // Who does not answer keeps nobody waiting. In a task of its own, as a pool would ask.
    let all = url(&[1, silent, other.port, one.port], "read-write", long);
    let asked = all.clone();
    let found = tokio::spawn(async move { asked.find(PATIENCE).await }).await.unwrap();
    assert_eq!(found.unwrap().get_port(), one.port);
    one.demote(true).await;
    let nobody = url(&[1, other.port, one.port], "read-write", long).find(PATIENCE).await.unwrap_err().to_string();
    assert!(nobody.contains("none of the hosts can be written to (connection refused at 127.0.0.1:1 "), "{nobody}");
    assert!(nobody.contains(&format!("127.0.0.1:{} is read-only", one.port)), "{nobody}");
    other.demote(false).await;
    assert_eq!(all.find(PATIENCE).await.unwrap().get_port(), other.port);
    // Reading only is not being a standby, and any host will do where nothing is asked for.
    other.demote(true).await;
    for session in ["primary", "any"] {
        let found = url(&[1, other.port], session, long).find(PATIENCE).await.unwrap();
        assert_eq!(found.get_port(), other.port, "{session}");
    }
    let gone = url(&[silent, 1], "any", 1).find(PATIENCE).await.unwrap_err().to_string();
    assert!(gone.contains(&format!("127.0.0.1:{silent} timed out: no answer within 1s")), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_and_events_go_on_at_the_host_that_takes_writes_now_without_a_restart() {
    only_on!(Postgres);
    let database = Database::new().await;
    let (login, place) = database.url.rsplit_once('@').unwrap();
    let (server, name) = place.rsplit_once('/').unwrap();
    let hosts = [Host::start(server, false).await, Host::start(server, true).await];
    let list = hosts.each_ref().map(|host| format!("127.0.0.1:{}", host.port)).join(",");
    let url = format!("{login}@127.0.0.1:1,{list}/{name}?sslmode=disable&target_session_attrs=read-write");
    let secret = Remote::register(&database, "partner").await;
    let reader = Remote::register_with(&database, "reader", vec![Permission::OrdersRead]).await;
    let service = Process::serve(database.folder.path(), &url, |command| {
        command.env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", "2s");
    });
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let reader = Remote::log_in(&service.base, "reader", &reader).await;
    let create = async |key: &str| partner.create(&partner.sign(), Some(key), &order()).await.unwrap();
    let is_away = |answer: &Answer| {
        answer.expect_problem(503, "DATABASE_UNAVAILABLE");
        assert!(answer.header("retry-after").is_some(), "{}", answer.text);
    };
    let take = async |key: &str| {
        found("the order is taken", async || {
            let answer = create(key).await;
            if answer.status != 201 {
                is_away(&answer);
                return None;
            }
            Some(answer.expect(201))
        })
        .await
    };
    let mut taken = vec![create("before").await.expect(201)];
    let mut socket = Socket::log_in(&service.base, &reader.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    // There, and back again.
    for (round, [old, new]) in [[0, 1], [1, 0]].into_iter().enumerate() {
        hosts[old].demote(true).await;
        let key = format!("meanwhile-{round}");
        for _ in 0..3 {
            is_away(&create(&key).await);
        }
        until("the service is not ready", async || reader.get("/health/ready").await.status != 200).await;
        is_away(&reader.get("/health/ready").await);
        reader.get("/health/live").await.expect(200);
        hosts[new].demote(false).await;
        taken.push(take(&key).await);
        until("the service is ready", async || reader.get("/health/ready").await.status == 200).await;
        // A connection that was being made while the hosts changed may still lead to the old one, until it is used.
        taken.push(take(&format!("after-{round}")).await);
    }
    assert_eq!(database.whole_orders(2).await, 5, "none is lost and none is there twice");
    let told = follow(&service.base, &reader.token, socket, 5).await;
    let numbers: Vec<_> =
        taken.iter().map(|order| order["data"]["order_number"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, numbers, "the follower was told of each order once, in their order");
    let log = service.stop();
    assert!(log.contains("none of the hosts can be written to (connection refused at 127.0.0.1:1 "), "{log}");
    for host in &hosts {
        assert!(log.contains(&format!("127.0.0.1:{} is read-only", host.port)), "{log}");
    }
    assert_eq!(log.matches("the database is at another host now").count(), 2, "{log}");
}
