use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Database;

/// The network between a service and its PostgreSQL, with a name that leads there.
pub struct Link {
    /// The database's URL by this way.
    pub url: String,
    state: watch::Sender<State>,
}

/// Connections are numbered as they come.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    opened: u64,
    /// Up to this one they are closed.
    closed: u64,
    /// Up to this one they stay open and carry nothing.
    silent: u64,
    /// No new one leads anywhere.
    is_cut: bool,
    /// How late answers come.
    late: Duration,
}

impl Link {
    /// To this database.
    pub async fn to(database: &Database) -> Self {
        let (before, host_and_name) = database.url.rsplit_once('@').unwrap();
        let (host, name) = host_and_name.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{before}@{}/{name}", listener.local_addr().unwrap());
        let state = watch::Sender::new(State::default());
        tokio::spawn(carry(listener, host.to_owned(), state.clone()));
        Self { url, state }
    }

    /// Closes every connection; new ones are closed at once.
    pub fn cut(&self) {
        self.state.send_modify(|state| (state.closed, state.is_cut) = (state.opened, true));
    }

    /// New connections work again.
    pub fn mend(&self) {
        self.state.send_modify(|state| state.is_cut = false);
    }

    /// The server's machine vanishes, and the name leads to one that took over: packets of the connections that are open are
    /// dropped from now on, and nobody is told.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.silent = state.opened);
    }

    /// Each answer comes so much later from now on; questions arrive as soon as ever.
    pub fn delay_answers(&self, by: Duration) {
        self.state.send_modify(|state| state.late = by);
    }
}

/// Carries what the server says, as late as it is set.
async fn carry_answers(mut server: OwnedReadHalf, mut service: OwnedWriteHalf, state: watch::Receiver<State>) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let Ok(count @ 1..) = server.read(&mut bytes).await else { return };
        let late = state.borrow().late;
        tokio::time::sleep(late).await;
        if service.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

async fn carry(listener: TcpListener, server: String, state: watch::Sender<State>) {
    while let Ok((near, _)) = listener.accept().await {
        let mut number = 0;
        state.send_modify(|state| {
            state.opened += 1;
            number = state.opened;
        });
        let (server, mut state) = (server.clone(), state.subscribe());
        tokio::spawn(async move {
            if state.borrow().is_cut {
                return;
            }
            let far = TcpStream::connect(server).await.unwrap();
            let ((mut asked, answered), (answers, mut questions)) = (near.into_split(), far.into_split());
            let late = state.clone();
            tokio::select! {
                _ = copy(&mut asked, &mut questions) => return,
                () = carry_answers(answers, answered, late) => return,
                _ = state.wait_for(|state| number <= state.closed.max(state.silent)) => {}
            }
            // Who is silent stays open until it is closed.
            let _ = state.wait_for(|state| number <= state.closed).await;
        });
    }
}
