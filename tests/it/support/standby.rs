use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use sales_order_api::store::{DatabaseOptions, ReplicaOptions, Store};
use sea_orm::sqlx::{self, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

use super::{Database, TestApp, on_postgres, options, until};

/// A primary of PostgreSQL with a streaming hot standby, of one test's own and gone with this value. They listen at sockets only.
pub struct Cluster {
    pub primary: Server,
    pub standby: Server,
    _folder: TempDir,
}

/// One of its servers.
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    running: Option<Child>,
}

impl Cluster {
    /// With every migration applied.
    pub async fn start() -> Self {
        let (folder, programs) = (tempfile::tempdir().unwrap(), programs().await);
        own(folder.path());
        let mut primary = Server::in_folder(&folder.path().join("a"), &programs);
        let data = primary.data();
        primary.run("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]);
        primary.start().await;
        let store = Store::connect(&options(&primary.url())).await.unwrap();
        store.migrate_up().await.unwrap();
        store.close().await;

        let mut standby = Server::in_folder(&folder.path().join("b"), &programs);
        let (data, host) = (standby.data(), primary.folder.display().to_string());
        let copy = ["-D", &data, "-h", &host, "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync"];
        standby.run("pg_basebackup", &copy);
        standby.start().await;
        Self { primary, standby, _folder: folder }
    }

    /// A connection of the service's own making, which reads from the standby unless that needs longer than this.
    pub async fn connect(&self, max_lag: Duration) -> Store {
        connect(&self.primary.url(), &self.standby.url(), max_lag).await
    }

    /// The service on it.
    pub async fn app(&self, max_lag: Duration) -> TestApp {
        TestApp::on(Database::at(&self.primary.url()), self.connect(max_lag).await, |_| {})
    }

    /// The standby gets what is written from here on, and shows none of it.
    pub async fn pause(&self) {
        self.standby.execute("SELECT pg_wal_replay_pause()").await;
        let version = self.standby.text("SELECT current_setting('server_version_num')").await;
        // Before 14 a server does not say more than that it was asked to.
        let paused = if version.as_str() < "140000" {
            "SELECT CASE WHEN pg_is_wal_replay_paused() THEN 'paused' END"
        } else {
            "SELECT pg_get_wal_replay_pause_state()"
        };
        until("replay stands still", async || self.standby.text(paused).await == "paused").await;
    }

    /// It shows everything again.
    pub async fn resume(&self) {
        self.standby.execute("SELECT pg_wal_replay_resume()").await;
    }
}

/// A connection of the service's own making to a database and to a replica.
pub async fn connect(url: &str, read_url: &str, max_lag: Duration) -> Store {
    let replica = Some(ReplicaOptions { url: read_url.to_owned(), max_lag });
    Store::connect(&DatabaseOptions { replica, ..options(url) }).await.unwrap()
}

impl Server {
    fn in_folder(folder: &Path, programs: &Path) -> Self {
        fs::create_dir(folder).unwrap();
        own(folder);
        Self { folder: folder.to_owned(), programs: programs.to_owned(), running: None }
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    pub fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=postgres", self.folder.display())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// A program of the server's, run by a user whom it accepts: it does not run as root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        // It ends with the test, however that ends.
        command.args(["--pdeathsig", "QUIT"]);
        if let Some((user, group)) = other_user() {
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        }
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        command.arg("--").arg(self.programs.join(program)).current_dir(&self.folder);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = self.command(program).args(arguments).status().unwrap();
        assert!(status.success(), "{program}: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Starts it, and waits until it takes connections.
    pub async fn start(&mut self) {
        let mut command = self.command("postgres");
        let sockets = format!("unix_socket_directories={}", self.folder.display());
        for setting in ["listen_addresses=", &sockets, "fsync=off", "shared_buffers=32MB", "max_connections=60"] {
            command.args(["-c", setting]);
        }
        // A query there ends at once where it conflicts with what is replayed.
        command.args(["-c", "max_standby_streaming_delay=0", "-D", &self.data()]);
        self.running = Some(command.spawn().unwrap());
        until("the server takes connections", async || {
            let ended = self.running.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{}", self.log());
            PgConnection::connect(&self.url()).await.is_ok()
        })
        .await;
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let _ = Command::new("kill").args(["-s", "QUIT", &running.id().to_string()]).status();
        let _ = running.wait();
    }

    pub async fn execute(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.url()).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The single text a statement gives.
    pub async fn text(&self, sql: &str) -> String {
        let mut connection = PgConnection::connect(&self.url()).await.unwrap();
        let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        let text = row.try_get(0).unwrap();
        connection.close().await.unwrap();
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The programs of the suite's own server, which has to be on this machine.
async fn programs() -> PathBuf {
    let mut connection = PgConnection::connect(&on_postgres().unwrap()).await.unwrap();
    let sql = "SELECT setting FROM pg_config WHERE name = 'BINDIR'";
    let folder: String = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    PathBuf::from(folder)
}

/// Whom a server runs as where the test runs as root.
fn other_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let said = Command::new("id").args(arguments).output().unwrap();
        said.status.success().then(|| String::from_utf8(said.stdout).unwrap().trim().parse().unwrap())
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = if id(&["-u", "postgres"]).is_some() { "postgres" } else { "nobody" };
    Some((id(&["-u", user])?, id(&["-g", user])?))
}

fn own(folder: &Path) {
    if let Some((user, group)) = other_user() {
        chown(folder, Some(user), Some(group)).unwrap();
    }
}
