use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{PATIENCE, found, set_deadline, until};

/// The service's own binary, with an environment that holds nothing of the machine's but `PATH`, in a folder of the
/// test's own.
pub fn command(folder: &Path) -> Command {
    set_deadline();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sales-order-api"));
    #[expect(clippy::disallowed_methods, reason = "what a child process needs to find its programs")]
    let path = std::env::var("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("NO_COLOR", "1").current_dir(folder);
    command
}

/// The write end of a socket that nobody reads and that takes no byte more, with its other end.
pub fn stalled() -> (OwnedFd, UnixStream) {
    let (mut near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let full = loop {
        if let Err(error) = near.write_all(&[b'.'; 4096]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    near.set_nonblocking(false).unwrap();
    (near.into(), far)
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A running service, killed with this value.
pub struct Process {
    child: Child,
    log: PathBuf,
    /// Where it listens, such as `http://127.0.0.1:40001`.
    pub base: String,
}

impl Process {
    /// Starts `serve` on a free port and waits until it says where it listens.
    pub fn serve(folder: &Path, database_url: &str, change: impl FnOnce(&mut Command)) -> Self {
        Self::serve_at("127.0.0.1:0", folder, database_url, change)
    }

    /// Starts `serve` with another stdout and waits until its log says where it listens.
    pub async fn serve_unheard(folder: &Path, database_url: &str, stdout: impl Into<Stdio>) -> Self {
        let mut process = Self::start(folder, database_url, |command| {
            command.stdout(stdout);
        });
        process.base = process.logged_address("listening").await;
        process
    }

    /// Starts `serve` and waits until it has its port, though the database may not be there yet.
    pub async fn serve_waiting(folder: &Path, database_url: &str) -> Self {
        let mut process = Self::start(folder, database_url, |command| {
            command.env("SALES_ORDER_DATABASE__START_TIMEOUT", format!("{}s", PATIENCE.as_secs()));
        });
        process.base = process.logged_address("bound: ").await;
        process
    }

    fn start(folder: &Path, database_url: &str, change: impl FnOnce(&mut Command)) -> Self {
        let (mut command, log) = Self::prepare("127.0.0.1:0", folder, database_url);
        change(&mut command);
        Self { child: command.spawn().unwrap(), log, base: String::new() }
    }

    /// The address in the first line of the log whose message begins so, once there is one.
    async fn logged_address(&self, message: &str) -> String {
        let mut base = String::new();
        until("the line with the address", async || {
            let log = self.log();
            // The last line may be written in part.
            let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            let mut lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let is_meant = |line: &serde_json::Value| line["message"].as_str().unwrap().starts_with(message);
            let Some(line) = lines.find(is_meant) else { return false };
            base = format!("http://{}", line["address"].as_str().unwrap());
            true
        })
        .await;
        base
    }

    fn prepare(address: &str, folder: &Path, database_url: &str) -> (Command, PathBuf) {
        let mut command = command(folder);
        command.args(["serve", "--listen", address, "--database-url", database_url]);
        let log = Self::configure(&mut command, folder);
        (command, log)
    }

    /// Gives a command that serves the patience of tests, and its log a place, which it gives.
    fn configure(command: &mut Command, folder: &Path) -> PathBuf {
        let log = folder.join(format!("serve-{}.log", COUNTER.fetch_add(1, Ordering::SeqCst)));
        command
            .env("SALES_ORDER_RATE_LIMIT__ENABLED", "false")
            .env("SALES_ORDER_HTTP__REQUEST_TIMEOUT", format!("{}s", PATIENCE.as_secs()))
            .env("SALES_ORDER_HTTP__READY_TIMEOUT", format!("{}s", PATIENCE.as_secs()))
            .env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", format!("{}s", PATIENCE.as_secs()))
            // Shorter than a request, as the configuration asks for.
            .env("SALES_ORDER_DATABASE__STATEMENT_TIMEOUT", format!("{}s", PATIENCE.as_secs() - 1))
            .env("SALES_ORDER_HTTP__DRAIN_DELAY", "0s")
            .env("SALES_ORDER_LOG__FORMAT", "json")
            .stdout(Stdio::piped())
            // A file, not a pipe: a pipe that nobody reads takes no lines.
            .stderr(File::create(&log).unwrap());
        log
    }

    /// Starts `serve` at an address and waits until it says that it listens.
    pub fn serve_at(address: &str, folder: &Path, database_url: &str, change: impl FnOnce(&mut Command)) -> Self {
        let (mut command, log) = Self::prepare(address, folder, database_url);
        change(&mut command);
        Self::listening(command, log)
    }

    /// Starts `serve` by a command of the caller's and waits until it says that it listens.
    pub fn serve_by(mut command: Command, folder: &Path) -> Self {
        let log = Self::configure(&mut command, folder);
        Self::listening(command, log)
    }

    fn listening(mut command: Command, log: PathBuf) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let base = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("listening on ").map(|(_, base)| base.trim().to_owned()));
        let Some(base) = base else {
            panic!("the service did not start: {}", std::fs::read_to_string(&log).unwrap());
        };
        Self { child, log, base }
    }

    /// What it logged so far: one JSON object a line.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// How much memory it holds.
    #[cfg(target_os = "linux")]
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop (SIGTERM) and waits for its end; gives its log.
    pub fn stop(self) -> String {
        self.ask_to_stop();
        self.wait()
    }

    /// Asks it to stop (SIGTERM).
    pub fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// What it said on its stdout, once it has ended.
    pub fn said(&mut self) -> String {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.child.stdout.take().unwrap(), &mut said).unwrap();
        said
    }

    /// Waits for its end, however it ends.
    pub async fn ended(mut self) -> ExitStatus {
        found("the end of the service", async || self.child.try_wait().unwrap()).await
    }

    /// Waits for its end, which must be a good one; gives its log.
    pub fn wait(mut self) -> String {
        let status = self.child.wait().unwrap();
        let log = self.log();
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
