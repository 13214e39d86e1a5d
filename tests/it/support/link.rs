use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
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
    /// How long a packet is under way, to the database and back.
    delay: [Duration; 2],
    /// What the server is never told: its machine vanishes.
    last_words: Option<&'static str>,
}

impl Link {
    /// To this database.
    pub async fn to(database: &Database) -> Self {
        let (before, host_and_name) = database.url.rsplit_once('@').unwrap();
        let (host, name) = host_and_name.split_once('/').unwrap();
        Self::lead(before, host.to_owned(), name).await
    }

    /// To a server that listens at a socket only.
    pub async fn to_socket(socket: &Path) -> Self {
        Self::lead("postgres://postgres", socket.display().to_string(), "postgres").await
    }

    async fn lead(before: &str, server: String, name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{before}@{}/{name}", listener.local_addr().unwrap());
        let state = watch::Sender::new(State::default());
        tokio::spawn(carry(listener, server, state.clone()));
        Self { url, state }
    }

    /// Closes every connection; new ones are closed at once.
    pub fn cut(&self) {
        self.state.send_modify(|state| (state.closed, state.is_cut) = (state.opened, true));
    }

    /// New connections work again.
    pub fn mend(&self) {
        self.state.send_modify(|state| (state.is_cut, state.silent) = (false, state.silent.min(state.opened)));
    }

    /// How many connections were opened so far.
    pub fn opened(&self) -> u64 {
        self.state.borrow().opened
    }

    /// So long is each packet under way from now on, there as well as back.
    pub fn delay(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = [delay; 2]);
    }

    /// The same for answers alone: questions arrive as soon as ever.
    pub fn delay_answers(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = [Duration::ZERO, delay]);
    }

    /// The server's machine vanishes, and nobody takes over: packets of new connections are dropped too.
    pub fn vanish(&self) {
        self.state.send_modify(|state| state.silent = u64::MAX);
    }

    /// The same when a packet with this text is on its way there.
    pub fn vanish_at(&self, text: &'static str) {
        self.state.send_modify(|state| state.last_words = Some(text));
    }

    /// Whether the server's machine has vanished, and nobody took over.
    pub fn has_vanished(&self) -> bool {
        self.state.borrow().silent == u64::MAX
    }

    /// The server's machine vanishes, and the name leads to one that took over: packets of the connections that are open are
    /// dropped from now on, and nobody is told.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.silent = state.opened);
    }
}

async fn carry(listener: TcpListener, server: String, state: watch::Sender<State>) {
    while let Ok((near, _)) = listener.accept().await {
        let mut number = 0;
        state.send_modify(|state| {
            state.opened += 1;
            number = state.opened;
        });
        let (server, state) = (server.clone(), state.clone());
        tokio::spawn(async move {
            if state.borrow().is_cut {
                return;
            }
            if server.starts_with('/') {
                // Its server may be gone.
                if let Ok(far) = UnixStream::connect(server).await {
                    carry_one(number, near, far, state).await;
                }
            } else {
                carry_one(number, near, TcpStream::connect(server).await.unwrap(), state).await;
            }
        });
    }
}

async fn carry_one(
    number: u64,
    near: TcpStream,
    far: impl AsyncRead + AsyncWrite + Send,
    sender: watch::Sender<State>,
) {
    // Kept, so that they stay open when nothing passes any more.
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (split(near), split(far));
    let passing = async {
        tokio::try_join!(pass(&mut from_near, &mut to_far, &sender, 0), pass(&mut from_far, &mut to_near, &sender, 1))
    };
    let mut silence = sender.subscribe();
    tokio::select! {
        biased;
        _ = silence.wait_for(|state| number <= state.closed.max(state.silent)) => {}
        _ = passing => return,
    }
    // Who is silent stays open until it is closed.
    let _ = sender.subscribe().wait_for(|state| number <= state.closed).await;
}

async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    state: &watch::Sender<State>,
    way: usize,
) -> io::Result<()> {
    let mut packet = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut packet).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let State { delay, last_words, .. } = *state.borrow();
        let is_last = |text: &str| packet[..length].windows(text.len()).any(|part| part == text.as_bytes());
        if way == 0 && last_words.is_some_and(is_last) {
            state.send_modify(|state| (state.silent, state.last_words) = (u64::MAX, None));
            continue;
        }
        let delay = delay[way];
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        to.write_all(&packet[..length]).await?;
    }
}
