use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Database;

/// The network between a service and its PostgreSQL, with a name that leads there.
pub struct Link {
    /// The database's URL by this way.
    pub url: String,
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// Every connection is closed, and no new one leads anywhere.
    Cut,
    /// Connections up to this one stay open and carry nothing; later ones work.
    Silent(u64),
}

impl Link {
    /// To this database.
    pub async fn to(database: &Database) -> Self {
        let (before, host_and_name) = database.url.rsplit_once('@').unwrap();
        let (host, name) = host_and_name.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{before}@{}/{name}", listener.local_addr().unwrap());
        let state = Arc::new(watch::Sender::new(State::Whole));
        tokio::spawn(carry(listener, host.to_owned(), state.subscribe()));
        Self { url, state }
    }

    /// Closes every connection; new ones are closed at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Whatever was cut works again.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }

    /// The server's machine vanishes, and the name leads to one that took over: packets of the connections that are open are
    /// dropped from now on, and nobody is told.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent(COUNT.load(std::sync::atomic::Ordering::SeqCst)));
    }
}

static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

async fn carry(listener: TcpListener, server: String, state: watch::Receiver<State>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        let (server, mut state) = (server.clone(), state.clone());
        tokio::spawn(async move {
            if *state.borrow() == State::Cut {
                return;
            }
            let mut far = TcpStream::connect(server).await.unwrap();
            let mut is_silent = false;
            let ends = state.wait_for(|state| match state {
                State::Whole => false,
                State::Cut => true,
                State::Silent(last) => {
                    is_silent = number <= *last;
                    is_silent
                }
            });
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => return,
                _ = ends => {}
            }
            if is_silent {
                // Both ends stay open for as long as the test.
                std::future::pending::<()>().await;
            }
        });
    }
}
