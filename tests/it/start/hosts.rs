//! The address names several hosts, one of which is the primary; which one changes while the service runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sales_order_api::store::Address;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Database, PATIENCE};

/// A host of the database that can be demoted: it asks the server for sessions that only read, as a standby's do.
struct Host {
    port: u16,
    read_only: Arc<AtomicBool>,
}

impl Host {
    async fn start(server: &str, read_only: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Self { port: listener.local_addr().unwrap().port(), read_only: Arc::new(read_only.into()) };
        let (server, read_only) = (server.to_owned(), Arc::clone(&host.read_only));
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut far = TcpStream::connect(&server).await.unwrap();
                let read_only = read_only.load(Ordering::SeqCst);
                tokio::spawn(async move {
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
                    copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        host
    }

    fn demote(&self, read_only: bool) {
        self.read_only.store(read_only, Ordering::SeqCst);
    }
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
    one.demote(true);
    let nobody = url(&[1, other.port, one.port], "read-write", long).find(PATIENCE).await.unwrap_err().to_string();
    assert!(nobody.contains("none of the hosts can be written to (connection refused at 127.0.0.1:1 "), "{nobody}");
    assert!(nobody.contains(&format!("127.0.0.1:{} is read-only", one.port)), "{nobody}");
    other.demote(false);
    assert_eq!(all.find(PATIENCE).await.unwrap().get_port(), other.port);
    // Reading only is not being a standby, and any host will do where nothing is asked for.
    other.demote(true);
    for session in ["primary", "any"] {
        let found = url(&[1, other.port], session, long).find(PATIENCE).await.unwrap();
        assert_eq!(found.get_port(), other.port, "{session}");
    }
    let gone = url(&[silent, 1], "any", 1).find(PATIENCE).await.unwrap_err().to_string();
    assert!(gone.contains(&format!("127.0.0.1:{silent} timed out: no answer within 1s")), "{gone}");
}
