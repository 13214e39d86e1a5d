//! A real PgBouncer stands between the service and PostgreSQL, as the operator's company has it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use sales_order_api::store::{Pooler, examine};
use sea_orm::sqlx::{self, Connection as _, PgConnection, Row as _};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Database, PATIENCE, Process, Remote, Socket, command, leave_out, order, until};

/// A pooler of one test's own, gone with this value. It listens on a socket only: no port to find.
struct PgBouncer {
    child: Child,
    folder: TempDir,
    database: String,
}

impl PgBouncer {
    /// The system's.
    async fn start(database: &Database, mode: &str, extra: &str) -> Self {
        let program = find(None).unwrap();
        Self::run(program, database, mode, extra).await
    }

    /// One that keeps prepared statements apart; none, and a word about it, where that version cannot be had.
    async fn start_newer(database: &Database, mode: &str, extra: &str) -> Option<Self> {
        let Some(program) = find(Some("1.21")) else {
            leave_out("there is no PgBouncer 1.21 or newer");
            return None;
        };
        Some(Self::run(program, database, mode, extra).await)
    }

    async fn run(program: String, database: &Database, mode: &str, extra: &str) -> Self {
        let (login, place) = database.url.trim_start_matches("postgres://").rsplit_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let (server, name) = place.rsplit_once('/').unwrap();
        let (host, port) = server.rsplit_once(':').unwrap();
        let folder = tempfile::tempdir().unwrap();
        // As root it takes another user, who has to reach its socket.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n{name} = host={host} port={port} user={user} password={password}\n[pgbouncer]\n\
             listen_port = 6432\nunix_socket_dir = {}\nauth_type = any\npool_mode = {mode}\n{extra}\n",
            folder.path().display()
        );
        fs::write(&file, settings).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let mut command = Command::new(program);
        if is_root {
            command.args(["-u", "nobody"]);
        }
        let child = command.arg(&file).stderr(fs::File::create(folder.path().join("log")).unwrap()).spawn().unwrap();
        let mut pooler = Self { child, folder, database: name.to_owned() };
        let socket = pooler.folder.path().join(".s.PGSQL.6432");
        until("the pooler listens", async || {
            assert!(pooler.child.try_wait().unwrap().is_none(), "{}", pooler.log());
            UnixStream::connect(&socket).is_ok()
        })
        .await;
        pooler
    }

    fn url(&self) -> String {
        format!("postgres:///{}?host={}&port=6432&user=anybody", self.database, self.folder.path().display())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

fn find(oldest: Option<&str>) -> Option<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/pgbouncer.sh");
    let found = Command::new(script).args(oldest).stderr(Stdio::inherit()).output().unwrap();
    found.status.success().then(|| String::from_utf8(found.stdout).unwrap().trim().to_owned())
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn refusal(pooler: &PgBouncer) -> String {
    match examine(&pooler.url(), PATIENCE).await {
        Ok(findings) => panic!("{findings:?}"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_pooler_in_session_mode_is_taken_without_a_setting_of_its_own() {
    only_on!(Postgres);
    let database = Database::new().await;
    let pooler = PgBouncer::start(&database, "session", "").await;
    let found = examine(&pooler.url(), PATIENCE).await.unwrap().pooler;
    assert!(matches!(found, Pooler::Session | Pooler::None), "{found:?}");
    assert_eq!(examine(&database.url, PATIENCE).await.unwrap().pooler, Pooler::None);
}

#[tokio::test]
async fn a_pooler_that_orders_cannot_pass_is_refused_by_its_mode() {
    only_on!(Postgres);
    let database = Database::new().await;
    let pooler = PgBouncer::start(&database, "statement", "").await;
    let said = refusal(&pooler).await;
    assert!(said.contains("statement mode") && said.contains("pool_mode = session"), "{said}");
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused_unless_it_keeps_prepared_statements_apart() {
    only_on!(Postgres);
    let database = Database::new().await;
    let Some(off) = PgBouncer::start_newer(&database, "transaction", "max_prepared_statements = 0").await else {
        return;
    };
    let said = refusal(&off).await;
    assert!(said.contains("transaction mode") && said.contains("max_prepared_statements > 0"), "{said}");
    let Some(on) = PgBouncer::start_newer(&database, "transaction", "max_prepared_statements = 100").await else {
        return;
    };
    assert_eq!(examine(&on.url(), PATIENCE).await.unwrap().pooler, Pooler::Transaction);
    // Before 1.21 there is no such setting. Where the system's is newer, its default is another.
    let systems = PgBouncer::start(&database, "transaction", "").await;
    match examine(&systems.url(), PATIENCE).await {
        Ok(found) => assert_eq!(found.pooler, Pooler::Transaction),
        Err(error) => assert_eq!(error.to_string().replace(&place(&systems), "…"), said.replace(&place(&off), "…")),
    }
}

fn place(pooler: &PgBouncer) -> String {
    pooler.folder.path().display().to_string()
}

/// Orders one after the other and side by side, each taken at once, and follows them all.
async fn order_and_follow(database: &Database, pooler: &PgBouncer, listen_url: &str) {
    let secret = Remote::register(database, "partner").await;
    let service = Process::serve(database.folder.path(), &pooler.url(), |command| {
        command.env("SALES_ORDER_DATABASE__LISTEN_URL", listen_url);
    });
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let mut socket = Socket::log_in(&service.base, &partner.token).await;
    let follow = "subscription { salesOrderEvents(after: \"ZTA\") { salesOrder { orderNumber } } }";
    socket.subscribe("1", follow, json!({})).await;
    let mut taken = Vec::new();
    for round in 0..5 {
        let orders = (0..=round * 4).map(|n| {
            let (partner, key) = (partner.clone(), format!("{round}-{n}"));
            async move { partner.create(&partner.sign(), Some(&key), &order()).await.unwrap().expect(201) }
        });
        taken.extend(futures_util::future::join_all(orders).await);
    }
    let mut told = Vec::new();
    while told.len() < taken.len() {
        told.push(socket.next_data("1").await["salesOrderEvents"]["salesOrder"]["orderNumber"].clone());
    }
    for order in taken {
        assert!(told.contains(&order["data"]["order_number"]), "{order}");
    }
    let log = service.stop();
    assert!(!log.contains("NotificationResponse") && !log.contains("prepared statement"), "{log}");
}

#[tokio::test]
async fn what_a_command_sets_stays_with_no_connection_of_a_pooler() {
    only_on!(Postgres);
    let database = Database::new().await;
    let settings =
        "max_prepared_statements = 100\ndefault_pool_size = 3\nignore_startup_parameters = extra_float_digits";
    let Some(pooler) = PgBouncer::start_newer(&database, "transaction", settings).await else { return };
    for arguments in [&["doctor"][..], &["migrate", "status"], &["client", "list"]] {
        let url = pooler.url();
        let output = command(database.folder.path()).args(arguments).args(["--database-url", &url]).output().unwrap();
        // What doctor finds is of no concern here.
        assert!(arguments[0] == "doctor" || output.status.success(), "{output:?}");
        // Each transaction holds a connection of the server, so that all of them are seen.
        let mut held = Vec::new();
        for _ in 0..3 {
            let mut connection = PgConnection::connect(&pooler.url()).await.unwrap();
            let question =
                "BEGIN; SELECT coalesce(string_agg(name, ' '), '') FROM pg_settings WHERE setting <> reset_val
                AND name IN ('lock_timeout', 'jit', 'work_mem', 'idle_in_transaction_session_timeout')";
            let row = sqlx::raw_sql(question).fetch_one(&mut connection).await.unwrap();
            assert_eq!(row.get::<String, _>(0), "", "{arguments:?}");
            held.push(connection);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_orders_and_follows_its_orders_through_a_pooler_in_session_mode() {
    only_on!(Postgres);
    let database = Database::new().await;
    let pooler = PgBouncer::start(&database, "session", "").await;
    order_and_follow(&database, &pooler, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_orders_and_follows_its_orders_through_a_pooler_in_transaction_mode() {
    only_on!(Postgres);
    let database = Database::new().await;
    let settings = "max_prepared_statements = 100\ndefault_pool_size = 5";
    let Some(pooler) = PgBouncer::start_newer(&database, "transaction", settings).await else { return };
    order_and_follow(&database, &pooler, "").await;
    let database = Database::new().await;
    let Some(pooler) = PgBouncer::start_newer(&database, "transaction", settings).await else { return };
    order_and_follow(&database, &pooler, &database.url).await;
}
