//! The operator asks what is wrong with an installation, before anybody else finds out.

mod events;
mod server;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sea_orm::ConnectionTrait as _;
use serde_json::Value;

use super::{Desk, keys};
use crate::support::on_postgres;

/// What a check says: its state, what was found, what to do.
type Said = (String, String, String);

struct Examined {
    code: Option<i32>,
    report: Value,
}

impl Examined {
    #[track_caller]
    fn said(&self, check: &str) -> Said {
        let checks = self.report["checks"].as_array().unwrap();
        let found =
            checks.iter().find(|found| found["check"] == check).unwrap_or_else(|| panic!("no {check}: {checks:?}"));
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        (text("state"), text("found"), text("remedy"))
    }

    /// A check finds this, in such a state, and says what to do.
    #[track_caller]
    fn finds(&self, check: &str, state: &str, found: &str, remedy: &str) {
        let said = self.said(check);
        assert_eq!(said.0, state, "{said:?}");
        assert!(said.1.contains(found) && said.2.contains(remedy), "{said:?}");
        let code = if state == "error" { 2 } else { 0 };
        assert!(self.code == Some(code) || self.code == Some(2), "{:?} {said:?}", self.code);
    }

    /// The checks that find something, but for settings of the suite's own server of PostgreSQL.
    fn wrong(&self) -> Vec<&str> {
        let checks = self.report["checks"].as_array().unwrap().iter();
        let wrong = checks.filter(|found| matches!(found["state"].as_str().unwrap(), "warning" | "error"));
        wrong.map(|found| found["check"].as_str().unwrap()).filter(|check| *check != "durability").collect()
    }
}

/// Nothing secret is ever part of what is printed.
fn examine_with(desk: &Desk, flags: &[&str], change: impl FnOnce(&mut Command)) -> Examined {
    let ran = desk.run_with(&[&["doctor", "--json"], flags].concat(), "", |command| {
        command
            .env("SALES_ORDER_HTTP__MAX_CONNECTIONS", "100")
            .env("SALES_ORDER_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "50");
        change(command);
    });
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let password =
        desk.database.url.split_once("://").unwrap().1.split_once('@').and_then(|(user, _)| user.split_once(':'));
    for secret in [SECRET, WEAK, SHORT].into_iter().chain(password.map(|(_, password)| password)) {
        assert!(!said.contains(secret), "{said}");
    }
    let report = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    Examined { code: ran.code, report }
}

fn examine(desk: &Desk) -> Examined {
    examine_with(desk, &[], |_| {})
}

const SECRET: &str = "kX3vR8mQ2nT7wY5zB1cD4fG6hJ9lP0sAuEiOaWqZ";
const WEAK: &str = "changeme-changeme-changeme-changeme-0123456789";
const SHORT: &str = "too-little-by-far";

/// An installation as it should be: migrated, with a partner that can order.
async fn installation() -> Desk {
    let desk = Desk::new().await;
    desk.key_pair();
    desk.partner();
    // With the indexes that are built while orders are taken.
    if on_postgres().is_some() {
        desk.run(&["migrate", "up"]).succeeds();
    }
    desk
}

/// What is in the folder of the installation, but for what SQLite puts beside a database that is open.
fn files(desk: &Desk) -> BTreeSet<String> {
    let names = fs::read_dir(desk.folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm")).collect()
}

/// The file of a SQLite database.
fn content(desk: &Desk) -> Option<Vec<u8>> {
    fs::read(desk.folder().join("orders.db")).ok()
}

#[tokio::test]
async fn of_a_healthy_installation_all_is_well_and_nothing_is_changed() {
    let desk = installation().await;
    let (before, bytes) = (files(&desk), content(&desk));
    let examined = examine_with(&desk, &["--deep", "--strict"], |_| {});
    assert_eq!(examined.wrong(), Vec::<&str>::new(), "{}", examined.report);
    assert_eq!(keys(&examined.report), ["warnings", "errors", "checks"]);
    for check in examined.report["checks"].as_array().unwrap() {
        assert_eq!(keys(check), ["check", "state", "found", "remedy"]);
    }
    assert_eq!(examined.said("database_writable").1, "the statement that stores orders is accepted");
    if on_postgres().is_none() {
        assert_eq!(examined.code, Some(0));
        assert_eq!(examined.said("integrity").1, "every page is well");
        let text = desk.run_with(&["doctor"], "", |command| {
            command.env("SALES_ORDER_HTTP__MAX_CONNECTIONS", "100");
        });
        let text = text.succeeds();
        assert!(text.starts_with("STATE ") && text.ends_with("\nall is well\n"), "{text}");
    }
    assert_eq!(files(&desk), before, "no secret and no log is made");
    assert!(content(&desk) == bytes, "the database is what it was");
}

#[tokio::test]
async fn every_check_is_documented() {
    let desk = Desk::new().await;
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let table = text.split("## What is wrong").nth(1).unwrap().split("\n## ").next().unwrap();
    for check in examine(&desk).report["checks"].as_array().unwrap() {
        let name = check["check"].as_str().unwrap();
        assert!(table.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[tokio::test]
async fn before_the_first_start_there_is_nothing_wrong_but_the_missing_database() {
    let desk = Desk::new().await;
    let examined = examine(&desk);
    if on_postgres().is_some() {
        examined.finds("migrations", "error", "no tables of this service", "migrate up");
    } else {
        examined.finds("database", "warning", "no file yet", "migrate up");
        assert_eq!(fs::read_dir(desk.folder()).unwrap().count(), 0, "looking makes none");
    }
    assert_eq!(examined.said("client_keys").0, "skipped");
}

#[tokio::test]
async fn a_file_that_is_no_database_of_the_service_is_left_as_it_is() {
    only_on!(Sqlite);
    let desk = installation().await;
    let empty = desk.file("empty.db", "");
    let text = desk.file("text.db", &"no database\n".repeat(1000));
    let [other, rollback] = ["other.db", "rollback.db"].map(|name| desk.folder().join(name).display().to_string());
    let store = |path: &str, sql: &'static str| {
        let url = format!("sqlite://{path}?mode=rwc");
        async move {
            let connection = sea_orm::Database::connect(url).await.unwrap();
            connection.execute_unprepared(sql).await.unwrap();
            connection.close().await.unwrap();
        }
    };
    store(&other, "PRAGMA journal_mode = WAL; CREATE TABLE theirs (a)").await;
    desk.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
    fs::copy(desk.folder().join("orders.db"), &rollback).unwrap();
    store(&rollback, "PRAGMA journal_mode = DELETE").await;
    let all = || fs::read_dir(desk.folder()).unwrap().map(|file| file.unwrap().file_name()).collect::<BTreeSet<_>>();
    for (file, state, found) in [
        (&empty, "error", "is empty"),
        (&text, "error", "is no SQLite database"),
        (&other, "error", "has no tables of this service"),
        (&rollback, "warning", "has a rollback journal instead of WAL"),
    ] {
        let before = (fs::read(file).unwrap(), all());
        let examined = examine_with(&desk, &["--database-url", &format!("sqlite://{file}")], |_| {});
        examined.finds("database", state, found, "");
        assert_eq!((examined.said("disk").0, examined.said("migrations").0), ("ok".to_owned(), "skipped".to_owned()));
        assert!(before == (fs::read(file).unwrap(), all()), "{file}");
    }
}

#[tokio::test]
async fn files_with_secrets_that_others_may_read_are_named() {
    let desk = installation().await;
    let file = desk.file("jwt-secret", SECRET);
    let config = desk.file("orders.toml", &format!("[webhooks]\nsecret_keys = [\"{SECRET}\"]\n"));
    let with = |flags: &[&str]| {
        let flags = [flags, &["--config", &config]].concat();
        examine_with(&desk, &flags, |command| {
            command.env("SALES_ORDER_AUTH__JWT_SECRET_FILE", &file);
        })
    };
    for path in [&file, &config] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(with(&[]).said("secret_files").0, "ok");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    with(&[]).finds("secret_files", "ok", "has mode 640: its group has access", "");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for (path, key) in [(&file, "auth.jwt_secret_file"), (&config, "webhooks.secret_keys")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        let examined = with(&[]);
        examined.finds("secret_files", "warning", &format!("{path} ({key}) has mode 644"), "chmod o=");
        assert_eq!(examined.code, Some(0), "a warning is no failure");
        assert_eq!(with(&["--strict"]).code, Some(1), "unless it is asked for");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    only_on!(Sqlite);
    let database = desk.folder().join("orders.db");
    fs::set_permissions(&database, fs::Permissions::from_mode(0o644)).unwrap();
    examine(&desk).finds("database_file", "warning", "has mode 644", "chmod o=");
}

#[tokio::test]
async fn secrets_that_are_short_or_can_be_guessed_are_named_and_not_shown() {
    let desk = installation().await;
    let short = examine_with(&desk, &[], |command| {
        command.env("SALES_ORDER_AUTH__JWT_SECRET", SHORT);
    });
    short.finds("configuration", "error", "auth.jwt_secret must be at least 32 bytes", "correct it");
    let weak = examine_with(&desk, &[], |command| {
        command
            .env("SALES_ORDER_AUTH__JWT_SECRET", WEAK)
            .env("SALES_ORDER_WEBHOOKS__SECRET_KEYS", format!("[\"{WEAK}\"]"));
    });
    weak.finds("secrets", "warning", "auth.jwt_secret can be guessed", "openssl rand");
    assert!(weak.said("secrets").1.contains("webhooks.secret_keys can be guessed"));
    let exposed = examine_with(&desk, &[], |command| {
        command.env("SALES_ORDER_AUTH__JWT_SECRET", WEAK).env("SALES_ORDER_HTTP__LISTEN", "0.0.0.0:8080");
    });
    exposed.finds("configuration", "error", "http.listen is 0.0.0.0:8080", "correct it");
    exposed.finds("sealing_key", "warning", "webhooks are off", "webhooks.secret_keys_file");
}

#[tokio::test]
async fn proxies_and_a_provider_of_identities_that_is_away_are_named() {
    let desk = installation().await;
    let proxied = examine_with(&desk, &[], |command| {
        command.env("SALES_ORDER_HTTP__PUBLIC_URL", "https://orders.example.com");
    });
    proxied.finds("trusted_proxies", "warning", "none is trusted", "http.trusted_proxies");
    let staff = "[http]\npublic_url = \"http://127.0.0.1:8080\"\n[oidc]\nissuer = \"http://127.0.0.1:1/staff\"\n\
                 client_id = \"orders\"\nallowed_networks = [\"127.0.0.0/8\"]\n[oidc.groups]\nsales = [\"orders:read\"]\n";
    let staff = desk.file("staff.toml", staff);
    let away = examine_with(&desk, &["--config", &staff], |_| {});
    away.finds("identity_provider", "error", "says nothing of itself that can be read", "oidc.issuer");
}

#[tokio::test]
async fn keys_that_end_and_clients_that_cannot_order_are_named() {
    let desk = installation().await;
    let in_ten_days = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_hours(240);
    desk.execute(&format!("UPDATE client_public_keys SET expires_at = {}", in_ten_days.as_micros())).await;
    let soon = examine(&desk);
    soon.finds("client_keys", "warning", "of partner-1 expires on", "client key add");
    assert_eq!(soon.said("client_credentials").0, "ok");
    // The next key is there already.
    desk.openssl("genrsa -out next.pem 2048");
    desk.openssl("rsa -in next.pem -pubout -out next-public.pem");
    desk.run(&["client", "key", "add", "--client-id", "partner-1", "--public-key", "next-public.pem"]).succeeds();
    assert_eq!(examine(&desk).said("client_keys").0, "ok");
    desk.execute("UPDATE client_public_keys SET expires_at = 1").await;
    let over = examine(&desk);
    over.finds("client_keys", "warning", "of partner-1 expired on 1970-01-01", "client key add");
    over.finds("client_credentials", "warning", "partner-1 may create orders and has no key", "client key add");
    desk.execute("UPDATE client_secrets SET expires_at = 1").await;
    examine(&desk).finds("client_credentials", "warning", "partner-1 has no secret", "client rotate-secret");
    desk.run(&["client", "disable", "--client-id", "partner-1"]).succeeds();
    assert_eq!(examine(&desk).wrong(), Vec::<&str>::new(), "who is gone is nobody's concern");
}

#[tokio::test]
async fn migrations_that_are_missing_or_of_a_newer_version_are_told_apart() {
    let desk = installation().await;
    desk.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_later', 0)").await;
    examine(&desk).finds("migrations", "warning", "up to m29991231_000001_later", "update this instance");
    desk.execute("DELETE FROM seaql_migrations WHERE version LIKE 'm2999%'").await;
    desk.run(&["migrate", "down", "--yes"]).succeeds();
    let pending = examine(&desk);
    pending.finds("migrations", "error", "pending: 1", "migrate up");
    assert_eq!(pending.said("database_writable").0, "skipped");
}

#[tokio::test]
async fn a_database_that_stores_no_order_is_told_from_one_that_is_away() {
    let desk = installation().await;
    let held = desk.database.hold_orders().await;
    let busy = examine_with(&desk, &["--timeout", "20s"], |_| {});
    assert_eq!(busy.said("database_writable").0, "error", "{}", busy.report);
    assert_eq!((busy.said("database").0, busy.said("client_keys").0), ("ok".to_owned(), "ok".to_owned()));
    held.close().await.unwrap();
    if on_postgres().is_some() {
        let name = desk.database.url.rsplit_once('/').unwrap().1;
        desk.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
        examine(&desk).finds("database_writable", "error", "it is read-only", "RESET default_transaction_read_only");
    }
    let away = if on_postgres().is_some() {
        examine_with(&desk, &["--database-url", "postgres://nobody@127.0.0.1:1/orders"], |_| {})
    } else {
        let text = desk.file("text.db", &"no database\n".repeat(1000));
        examine_with(&desk, &["--database-url", &format!("sqlite://{text}")], |_| {})
    };
    away.finds("database", "error", "", "correct database.url");
    assert_eq!(away.said("client_keys").0, "skipped");
    assert_eq!(away.said("secret_files").0, "ok", "what needs no database is looked at all the same");
}

#[tokio::test]
async fn a_damaged_page_is_found_by_a_deep_look() {
    only_on!(Sqlite);
    let desk = installation().await;
    desk.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let root = "SELECT (rootpage - 1) * page_size FROM sqlite_master, pragma_page_size WHERE name = 'event_consumers'";
    let page = usize::try_from(desk.database.db_number(root).await).unwrap();
    let file = desk.folder().join("orders.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[page..page + 512].fill(0xff);
    fs::write(&file, bytes).unwrap();
    assert_eq!(examine(&desk).said("integrity").0, "skipped", "it takes long");
    examine_with(&desk, &["--deep"], |_| {}).finds("integrity", "error", "", "restore a backup");
}

#[tokio::test]
async fn webhooks_that_do_not_arrive_and_keys_that_cannot_be_opened_are_named() {
    let desk = installation().await;
    desk.run(&["webhook", "save", "partner-1", "erp", "--url", "https://erp.example.com/hooks"]).succeeds();
    desk.run(&["webhook", "keys", "rotate", "ed25519"]).succeeds();
    let idle = examine(&desk);
    assert_eq!(
        (idle.said("webhooks").0, idle.said("signing_keys").1),
        ("ok".to_owned(), "keys: 1; they and the secrets of endpoints can be opened".to_owned())
    );
    desk.execute("UPDATE webhook_endpoints SET state = 'ACTIVE', position = position - 20000").await;
    examine(&desk).finds("webhooks", "warning", "furthest behind: 20000 events", "an instance runs");
    desk.execute("UPDATE webhook_endpoints SET position = position + 20000, failing_since = 1").await;
    let parked = "INSERT INTO webhook_parked (endpoint_id, position, order_id, state, attempts, updated_at)
        SELECT id, 1, 1, 'EXHAUSTED', 9, 1 FROM webhook_endpoints";
    desk.execute(parked).await;
    let failing = examine(&desk);
    failing.finds("webhooks", "warning", "failing: 1", "webhook replay");
    assert!(failing.said("webhooks").1.contains("given up: 1"), "{}", failing.report);
    let with_another_key = examine_with(&desk, &[], |command| {
        command.env("SALES_ORDER_WEBHOOKS__SECRET_KEYS", format!("[\"{SECRET}\"]"));
    });
    let sealed = "sealed with keys that this configuration does not have";
    with_another_key.finds("signing_keys", "error", sealed, "webhooks.secret_keys");
    // An endpoint that is paused, or of a client that is gone, is told nothing.
    desk.execute("DELETE FROM webhook_parked").await;
    desk.execute("UPDATE webhook_endpoints SET state = 'PAUSED'").await;
    examine(&desk).finds("webhooks", "ok", "active: 0, failing: 0", "");
    desk.execute("UPDATE webhook_endpoints SET state = 'ACTIVE'").await;
    examine(&desk).finds("webhooks", "warning", "active: 1, failing: 1", "webhook replay");
    desk.run(&["client", "disable", "--client-id", "partner-1"]).succeeds();
    examine(&desk).finds("webhooks", "ok", "active: 0, failing: 0", "");
}

#[tokio::test]
async fn a_secret_of_an_endpoint_that_cannot_be_opened_is_named_until_it_ends() {
    let desk = installation().await;
    desk.run(&["webhook", "save", "partner-1", "erp", "--url", "https://erp.example.com/hooks"]).succeeds();
    desk.execute("UPDATE webhook_secrets SET sealed_by = 'lost'").await;
    examine(&desk).finds("signing_keys", "error", "does not have: lost", "webhooks.secret_keys");
    desk.execute("UPDATE webhook_secrets SET expires_at = 1").await;
    assert_eq!(examine(&desk).said("signing_keys").0, "ok");
}

#[tokio::test]
async fn a_sequence_that_runs_out_of_numbers_is_named() {
    only_on!(Postgres);
    let desk = installation().await;
    desk.execute("SELECT setval('sales_order_events_position_seq', 95)").await;
    desk.execute("ALTER SEQUENCE sales_order_events_position_seq MAXVALUE 100").await;
    examine(&desk).finds(
        "database_writable",
        "warning",
        "sales_order_events_position_seq is at 95 of 100",
        "NO MAXVALUE",
    );
    desk.execute("SELECT setval('sales_order_events_position_seq', 100)").await;
    examine(&desk).finds("database_writable", "error", "is at 100 of 100", "NO MAXVALUE");
}

#[tokio::test]
async fn an_address_with_a_password_is_refused_and_not_shown_and_no_time_is_no_limit() {
    let desk = Desk::new().await;
    let refused = examine_with(&desk, &[], |command| {
        command.env("SALES_ORDER_HTTP__PUBLIC_URL", format!("https://me:{SECRET}@orders.example.com"));
    });
    refused.finds("configuration", "error", "an address with a user", "correct it");
    let never = desk.run(&["doctor", "--timeout", "0s"]);
    assert!(never.code == Some(2) && never.stderr.contains("give a longer time"), "{never:?}");
}
