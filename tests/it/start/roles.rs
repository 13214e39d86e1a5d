//! The operator makes roles for PostgreSQL that may do what they are for and nothing else.

use std::collections::BTreeSet;
use std::fs;

use sales_order_api::store::{Store, Uses};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use tokio::sync::Mutex;

use super::address;
use super::checks::every_use_is_served;
use crate::support::{Database, command, options};

/// Names of the test's own: roles are the server's, not the database's.
pub(super) struct Roles {
    database: String,
    pub(super) runtime: String,
    migration: String,
    reporting: String,
}

impl Roles {
    pub(super) fn of(database: &Database) -> Self {
        let database = database.url.rsplit_once('/').unwrap().1.to_owned();
        let [runtime, migration, reporting] =
            ["runtime", "migration", "reporting"].map(|of| format!("{database} {of}"));
        Self { database, runtime, migration, reporting }
    }

    /// Runs what the command prints.
    pub(super) async fn make(&self, database: &Database, flags: &[&str]) {
        let mut command = command(database.folder.path());
        command.args(["migrate", "grants", "--database-url", &database.url, "--runtime-role", &self.runtime]);
        command.args(["--migration-role", &self.migration, "--reporting-role", &self.reporting]).args(flags);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let _turn = TURN.lock().await;
        database.db_execute(std::str::from_utf8(&output.stdout).unwrap()).await.unwrap();
        for role in [&self.runtime, &self.migration, &self.reporting] {
            database.db_execute(&format!("ALTER ROLE \"{role}\" PASSWORD 'right'")).await.unwrap();
        }
    }

    pub(super) fn url(&self, role: &str) -> String {
        address(&role.replace(' ', "%20"), "right", &self.database)
    }

    pub(super) async fn drop(&self, database: &Database) {
        let Self { runtime, migration, reporting, .. } = self;
        let all = format!("\"{runtime}\", \"{migration}\", \"{reporting}\"");
        let sql = format!("REASSIGN OWNED BY {all} TO CURRENT_USER; DROP OWNED BY {all}; DROP ROLE {all}");
        let _turn = TURN.lock().await;
        database.db_execute(&sql).await.unwrap();
    }
}

/// Roles and the rights to parameters are the server's, which all tests share: of two who take them away at once one would fail.
static TURN: Mutex<()> = Mutex::const_new(());

/// What the documentation says behind `heading`: the names in each row of its table, by the row's first cell.
fn documented(heading: &str) -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let table = text.split(heading).nth(1).unwrap().trim_start();
    let rows = table.lines().take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let (first, rest) = row.trim_matches('|').split_once('|').unwrap();
        (first.trim().trim_matches('`').to_owned(), rest.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    };
    rows.map(cells).collect()
}

const RELATIONS: &str = "SELECT relname::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')";

/// The rights of a role to each whole table and view, such as `INSERT clients`.
async fn rights(database: &Database, role: &str) -> BTreeSet<String> {
    let verbs = "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS act";
    let sql = format!(
        "SELECT act || ' ' || relname FROM ({RELATIONS}) AS there CROSS JOIN {verbs}
         WHERE has_table_privilege('{role}', format('%I', relname), act)"
    );
    database.db_last_texts(&sql).await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_role_serves_everything_and_may_touch_nothing_else() {
    only_on!(Postgres);
    let database = Database::new().await;
    let roles = Roles::of(&database);
    roles.make(&database, &[]).await;
    // What it had beyond that is gone when it is run again.
    database.db_execute(&format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO \"{}\"", roles.runtime)).await.unwrap();
    roles.make(&database, &[]).await;

    let relations: BTreeSet<_> = database.db_last_texts(RELATIONS).await.into_iter().collect();
    let mut expected = BTreeSet::new();
    for (act, named) in documented("serving needs no more than:\n") {
        match act.as_str() {
            "SELECT" => {
                // Partitions are reached through their table.
                let out = |name: &String| named.contains(name) || name.ends_with("_default");
                expected.extend(relations.iter().filter(|name| !out(name)).map(|name| format!("SELECT {name}")));
            }
            "INSERT" | "UPDATE" | "DELETE" => expected.extend(named.iter().map(|name| format!("{act} {name}"))),
            _ => {}
        }
    }
    assert_eq!(rights(&database, &roles.runtime).await, expected);

    // Each of them is asked for at the start.
    let store = Store::connect(&options(&roles.url(&roles.runtime))).await.unwrap();
    store.check_grants(Uses::default()).await.unwrap();
    let owner = database.db_connect().await;
    for right in &expected {
        let (act, table) = right.split_once(' ').unwrap();
        owner.execute_unprepared(&format!("REVOKE {act} ON {table} FROM \"{}\"", roles.runtime)).await.unwrap();
        let lacks = format!("{:?}", store.check_grants(Uses::default()).await.unwrap_err());
        assert!(lacks.contains(&format!("lacks {act} ON {table};")), "{lacks}");
        assert!(lacks.contains("sales-order-api migrate grants"), "{lacks}");
        owner.execute_unprepared(&format!("GRANT {act} ON {table} TO \"{}\"", roles.runtime)).await.unwrap();
    }
    for log in ["api_requests", "webhook_attempts"] {
        let tend = format!("EXECUTE ON FUNCTION tend_{log}(bigint,bigint)");
        owner.execute_unprepared(&format!("REVOKE {tend} FROM \"{}\"", roles.runtime)).await.unwrap();
        let lacks = format!("{:?}", store.check_grants(Uses::default()).await.unwrap_err());
        assert!(lacks.contains(&format!("lacks {tend};")), "{lacks}");
        owner.execute_unprepared(&format!("GRANT {tend} TO \"{}\"", roles.runtime)).await.unwrap();
    }
    // Nor may it make anything, or sign people in.
    let lacks = format!("{:?}", store.check_grants(Uses { people: true, ..Uses::default() }).await.unwrap_err());
    assert!(lacks.contains("INSERT ON person_sessions"), "{lacks}");
    store.close().await;
    owner.close().await.unwrap();
    let makes = format!("SELECT has_schema_privilege('{}', 'public', 'CREATE')::int::bigint", roles.runtime);
    assert_eq!(database.db_number(&makes).await, 0);

    every_use_is_served(&database, &roles.url(&roles.runtime)).await;
    roles.drop(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_people_sign_in_or_clients_are_managed_the_runtime_role_may_do_that_too() {
    only_on!(Postgres);
    let database = Database::new().await;
    let roles = Roles::of(&database);
    roles.make(&database, &[]).await;
    let before = rights(&database, &roles.runtime).await;
    roles.make(&database, &["--manage-clients"]).await;
    let managing = rights(&database, &roles.runtime).await;
    let more: Vec<_> = managing.difference(&before).map(String::as_str).collect();
    let expected = [
        "INSERT client_public_keys",
        "INSERT client_secrets",
        "INSERT clients",
        "UPDATE clients",
        "UPDATE sales_order_events",
        "UPDATE webhook_attempts",
    ];
    assert_eq!(more, expected);
    let mut create = command(database.folder.path());
    let url = roles.url(&roles.runtime);
    create.args(["client", "create", "--client-id", "made", "--name", "M", "--scope", "orders:read"]);
    let output = create.args(["--database-url", &url]).output().unwrap();
    assert!(output.status.success(), "{output:?}");

    let mut make = command(database.folder.path());
    make.args(["generate", "--orders", "100", "--days", "90", "--database-url", &database.url]).output().unwrap();
    let closed = "SELECT order_number FROM sales_orders WHERE status = 'CANCELLED' OR status = 'DELIVERED' LIMIT 1";
    let closed = database.db_text(closed).await;
    let mut erase = command(database.folder.path());
    let output = erase.args(["personal-data", "erase-order", &closed, "--database-url", &url]).output().unwrap();
    assert!(output.status.success(), "{output:?}");

    let staff = database.folder.path().join("staff.toml");
    let settings = "[http]\npublic_url = \"https://orders.example.com\"\n[oidc]\nissuer = \"https://id.example.com\"\n\
                    client_id = \"orders\"\n[oidc.groups]\nsales = [\"orders:read\"]\n";
    fs::write(&staff, settings).unwrap();
    roles.make(&database, &["--config", staff.to_str().unwrap()]).await;
    let store = Store::connect(&options(&url)).await.unwrap();
    store.check_grants(Uses { people: true, ..Uses::default() }).await.unwrap();
    store.close().await;
    let people = rights(&database, &roles.runtime).await;
    assert_eq!(people.difference(&before).count(), 6, "{people:?}");
    roles.drop(&database).await;
}

#[tokio::test]
async fn the_migration_role_makes_and_owns_everything() {
    only_on!(Postgres);
    let database = Database::empty().await;
    let roles = Roles::of(&database);
    roles.make(&database, &[]).await;
    let migrate = |arguments: &[&str], url: &str| {
        let mut command = command(database.folder.path());
        let output = command.arg("migrate").args(arguments).args(["--database-url", url]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let own = roles.url(&roles.migration);
    let version = database.db_number("SELECT current_setting('server_version_num')::bigint / 10000").await;
    // One of the functions takes a superuser before 15, who begins there; what is printed hands everything over.
    migrate(&["up"], if version < 15 { &database.url } else { &own });
    roles.make(&database, &[]).await;
    let store = Store::connect(&options(&roles.url(&roles.runtime))).await.unwrap();
    store.check_grants(Uses::default()).await.unwrap();
    store.close().await;
    // What a superuser made is handed over as well.
    database.db_execute("ALTER TABLE clients OWNER TO CURRENT_USER").await.unwrap();
    database.db_execute("ALTER FUNCTION end_of_feed() OWNER TO CURRENT_USER").await.unwrap();
    roles.make(&database, &[]).await;
    let others = format!(
        "SELECT count(*) FROM (
            SELECT relowner AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace
                AND relkind IN ('r', 'p', 'v', 'S')
            UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (
                SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')) AS owned
         WHERE pg_get_userbyid(owner) <> '{}'",
        roles.migration
    );
    assert_eq!(database.db_number(&others).await, 0);
    migrate(&["down", "--yes"], &own);
    migrate(&["up"], &own);
    roles.drop(&database).await;
}

#[tokio::test]
async fn the_reporting_role_reads_what_is_documented_and_nothing_else() {
    only_on!(Postgres);
    let database = Database::new().await;
    let roles = Roles::of(&database);
    roles.make(&database, &[]).await;
    let role = &roles.reporting;
    let columns = "SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND attnum > 0 AND NOT attisdropped";
    let of = |condition: &str| format!("SELECT relname || ' ' || attname FROM ({columns}) AS there WHERE {condition}");
    let readable = format!("has_column_privilege('{role}', format('%I', relname), attname::text, 'SELECT')");
    let readable: BTreeSet<_> = database.db_last_texts(&of(&readable)).await.into_iter().collect();
    let mut expected = BTreeSet::new();
    for (table, named) in documented("The reporting role reads:\n") {
        let names = if named.is_empty() {
            database.db_last_texts(&format!("SELECT attname FROM ({columns}) AS there WHERE relname = '{table}'")).await
        } else {
            named.into_iter().collect()
        };
        expected.extend(names.into_iter().map(|name| format!("{table} {name}")));
    }
    assert_eq!(readable, expected);
    let writable =
        format!("has_column_privilege('{role}', format('%I', relname), attname::text, 'INSERT, UPDATE, REFERENCES')");
    assert_eq!(database.db_last_texts(&of(&writable)).await, Vec::<String>::new());
    let beyond = rights(&database, role).await;
    assert!(beyond.iter().all(|right| right.starts_with("SELECT ")), "{beyond:?}");

    let mut options = sea_orm::ConnectOptions::new(roles.url(role));
    let reports = sea_orm::Database::connect(options.max_connections(1).sqlx_logging(false).to_owned()).await.unwrap();
    reports.execute_unprepared("SELECT order_number, total_amount FROM reporting_sales_orders").await.unwrap();
    reports.execute_unprepared("SELECT * FROM sales_order_totals").await.unwrap();
    for hidden in [
        "address FROM reporting_sales_orders",
        "secret_hash FROM client_secrets",
        "signature FROM sales_order_receipts",
    ] {
        let refused = reports.execute_unprepared(&format!("SELECT {hidden}")).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied"), "{hidden}: {refused}");
    }
    reports.close().await.unwrap();
    roles.drop(&database).await;
}

#[tokio::test]
async fn what_runs_with_the_rights_of_the_owner_is_for_the_runtime_role_alone() {
    only_on!(Postgres);
    let database = Database::new().await;
    let roles = Roles::of(&database);
    roles.make(&database, &[]).await;
    // What it had beyond that is gone when it is run again.
    let reporting = &roles.reporting;
    database.db_execute(&format!("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO \"{reporting}\"")).await.unwrap();
    roles.make(&database, &[]).await;
    let callable = |role: &str| {
        format!(
            "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
             AND has_function_privilege('{role}', oid, 'EXECUTE') ORDER BY 1"
        )
    };
    let tending = ["tend_api_requests", "tend_webhook_attempts"].map(str::to_owned);
    assert_eq!(database.db_last_texts(&callable(&roles.runtime)).await, tending);
    assert_eq!(database.db_last_texts(&callable(&roles.migration)).await, tending);
    assert_eq!(database.db_last_texts(&callable(reporting)).await, Vec::<String>::new());
    assert_eq!(database.db_last_texts(&callable("pg_monitor")).await, Vec::<String>::new(), "nor has anybody else");
    roles.drop(&database).await;
}

#[tokio::test]
async fn roles_are_made_again_while_somebody_reads_and_what_they_granted_on_is_taken_back() {
    only_on!(Postgres);
    let database = Database::new().await;
    let roles = Roles::of(&database);
    roles.make(&database, &[]).await;
    let granted = format!(
        "CREATE ROLE \"{0} kid\"; GRANT SELECT ON clients TO \"{0}\" WITH GRANT OPTION; SET ROLE \"{0}\";
         GRANT SELECT ON clients TO \"{0} kid\"; RESET ROLE",
        roles.reporting
    );
    database.db_execute(&granted).await.unwrap();
    let reader = database.db_connect().await;
    let reading = reader.begin().await.unwrap();
    for relation in database.db_last_texts(RELATIONS).await {
        reading.execute_unprepared(&format!("LOCK TABLE \"{relation}\" IN ACCESS SHARE MODE")).await.unwrap();
    }
    roles.make(&database, &[]).await;
    reading.rollback().await.unwrap();
    assert_eq!(rights(&database, &format!("{} kid", roles.reporting)).await, BTreeSet::new());
    database.db_execute(&format!("DROP ROLE \"{} kid\"", roles.reporting)).await.unwrap();
    roles.drop(&database).await;
}

#[tokio::test]
async fn every_table_says_who_needs_what_of_it() {
    only_on!(Postgres);
    let database = Database::new().await;
    let mut grants = command(database.folder.path());
    let output = grants.args(["migrate", "grants", "--database-url", &database.url]).output().unwrap();
    let sql = String::from_utf8(output.stdout).unwrap();
    let functions = "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')";
    let relations = format!("{RELATIONS} AND NOT relispartition");
    for sql_of in [relations.as_str(), functions] {
        for name in database.db_last_texts(sql_of).await {
            assert!(sql.contains(&format!("'{name}'")), "{name} is in no list of src/store/grants");
        }
    }
}

#[tokio::test]
async fn roles_are_for_postgresql_and_each_has_a_name_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let output = command(folder.path()).args(["migrate", "grants"]).args(arguments).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&[]).contains("SQLite, which knows no roles"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no database is made");
    // Nobody need be there: it is printed before there is a database.
    let nowhere = ["--database-url", "postgres://nobody@127.0.0.1:1/nowhere"];
    let same = [&nowhere[..], &["--runtime-role", "one", "--reporting-role", "one"]].concat();
    assert!(said(&same).contains("two roles are called \"one\""));
    let odd = [&nowhere[..], &["--runtime-role", "pg_monitor"]].concat();
    assert!(said(&odd).contains("PostgreSQL's own"));
    let output = command(folder.path()).args(["migrate", "grants", "--json"]).args(nowhere).output().unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(printed["sql"].as_str().unwrap().contains("TO \"sales_order_runtime\""));
}
