//! The operator copies the database while partners order, and comes back from the copy.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{Desk, keys};
use crate::event_feed::{FEED, Page};
use crate::support::{Database, Remote, Signed, command, order, until};

/// What `backup` left in a folder beside the installation, where backups belong.
struct Shelf {
    folder: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn names(&self) -> BTreeSet<String> {
        let files = fs::read_dir(self.folder.path()).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Puts a backup in the place of the database, as the documentation says. The service is stopped.
fn put_in_place(backup: &Path, desk: &Desk) {
    let file = desk.folder().join("orders.db");
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(file.with_file_name(format!("orders.db{end}")));
    }
    fs::copy(backup, file).unwrap();
}

/// An installation with so many sample orders.
async fn installation(orders: u32) -> Desk {
    let desk = Desk::new().await;
    desk.run(&["generate", "--orders", &orders.to_string()]).succeeds();
    desk
}

/// What a partner's program reads of the feed behind a cursor: the order of each event, and the last cursor.
async fn feed(reader: &Remote, after: Option<&str>) -> (Vec<String>, String) {
    let (mut orders, mut from) = (Vec::new(), after.map(|cursor| format!("?after={cursor}")).unwrap_or_default());
    loop {
        let page = Page::of(&reader.get(&format!("{FEED}{from}")).await);
        orders.extend(page.events.iter().map(|event| event["order_number"].as_str().unwrap().to_owned()));
        if !page.has_more {
            return (orders, page.cursor);
        }
        from = format!("?after={}", page.cursor);
    }
}

/// Sends orders until it is told to stop; gives key and number of each that was answered.
async fn send(partner: Remote, signed: Signed, name: String, stop: Arc<AtomicBool>) -> Vec<(String, String)> {
    let mut answered = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let key = format!("{name}-{}", answered.len());
        let answer = partner.create(&signed, Some(&key), &order()).await.unwrap().expect(201);
        answered.push((key, answer["data"]["order_number"].as_str().unwrap().to_owned()));
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_partners_order_has_every_order_answered_before_and_serves_them_after_it_was_adopted() {
    only_on!(Sqlite);
    let desk = Desk { database: Database::new().await };
    let secret = Remote::register(&desk.database, "partner").await;
    let shelf = Shelf::new();
    let service = desk.serve();
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let signed = partner.sign();
    let mut before = Vec::new();
    for n in 0..20 {
        let answer = partner.create(&signed, Some(&format!("before-{n}")), &order()).await.unwrap().expect(201);
        before.push(answer["data"]["order_number"].as_str().unwrap().to_owned());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let streams: Vec<_> = (0..4)
        .map(|n| tokio::spawn(send(partner.clone(), signed.clone(), format!("meanwhile-{n}"), Arc::clone(&stop))))
        .collect();
    until("an order of the meantime", async || desk.database.db_number("SELECT count(*) FROM sales_orders").await > 20)
        .await;
    let to = shelf.text("orders.db");
    let told = tokio::task::block_in_place(|| desk.run(&["backup", "--to", &to, "--json"])).json();
    stop.store(true, Ordering::Relaxed);
    let mut meanwhile = Vec::new();
    for stream in streams {
        meanwhile.extend(stream.await.unwrap());
    }
    let (seen, cursor) = feed(&partner, None).await;
    assert_eq!(seen.len(), before.len() + meanwhile.len());
    service.stop();

    assert_eq!(keys(&told), ["file", "bytes", "orders", "last_position", "pending_migrations", "contradictions"]);
    let backup = fs::canonicalize(shelf.path("orders.db")).unwrap();
    let metadata = fs::metadata(&backup).unwrap();
    assert_eq!(told["file"], backup.to_str().unwrap());
    assert_eq!((told["bytes"].as_u64().unwrap(), metadata.permissions().mode() & 0o777), (metadata.len(), 0o600));
    assert_eq!((&told["pending_migrations"], &told["contradictions"]), (&json!(0), &json!([])));
    assert_eq!(shelf.names(), names(&["orders.db"]), "nothing else is left");

    put_in_place(&backup, &desk);
    desk.run(&["restore", "adopt", "--margin", "100000"]).succeeds();
    let orders = desk.database.whole_orders(2).await;
    assert_eq!(told["orders"].as_i64(), Some(orders));
    assert_eq!(told["last_position"].as_i64(), Some(orders), "each has one event");
    let service = desk.serve();
    let partner = partner.at(&service.base);
    for number in &before {
        partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect(200);
    }
    // Who read more than the backup has goes on without a gap, and is told of what came after it and of nothing twice.
    let signed = partner.sign();
    let mut new = Vec::new();
    for (key, lost) in &meanwhile {
        let again = partner.create(&signed, Some(key), &order()).await.unwrap().expect(201);
        let number = again["data"]["order_number"].as_str().unwrap();
        if number != lost {
            assert!(!seen.iter().any(|seen| seen == number), "{number} is given twice");
            new.push(number.to_owned());
        }
    }
    assert_eq!(feed(&partner, Some(&cursor)).await.0, new);
    assert_eq!(desk.database.whole_orders(2).await, i64::try_from(before.len() + meanwhile.len()).unwrap());
}

#[tokio::test]
async fn a_backup_is_never_written_over_anything_without_being_asked_to_and_never_over_the_database() {
    only_on!(Sqlite);
    let desk = installation(10).await;
    let shelf = Shelf::new();
    let to = shelf.text("orders.db");
    fs::write(&to, "what was there").unwrap();
    let said = desk.run(&["backup", "--to", &to]).fails();
    assert!(said.contains("is there") && said.contains("--force"), "{said}");
    assert_eq!(fs::read_to_string(&to).unwrap(), "what was there");
    let said = desk.run(&["backup", "--to", &to, "--force"]).succeeds();
    assert!(said.contains("\norders: 10\nlast feed position: "), "{said}");
    assert_eq!(shelf.names(), names(&["orders.db"]));

    // A link leads to the database too.
    let link = shelf.path("link");
    std::os::unix::fs::symlink(desk.folder().join("orders.db"), &link).unwrap();
    // So does the name under which a backup is written.
    fs::hard_link(desk.folder().join("orders.db"), desk.folder().join(".copy.db.partial")).unwrap();
    for own in ["orders.db", "orders.db-wal", "orders-requests.db", "copy.db", link.to_str().unwrap()] {
        let said = desk.run(&["backup", "--to", own, "--force"]).fails();
        assert!(said.contains("of the database itself"), "{own}: {said}");
    }
    desk.run(&["totals", "check"]).succeeds();

    // What SQLite finds beside a database it takes for a part of it.
    fs::write(shelf.path("used.db-wal"), "").unwrap();
    for (name, cause) in [("used.db", "used.db-wal is there"), ("none/orders.db", "cannot write"), (".", "no file")] {
        let said = desk.run(&["backup", "--to", &shelf.text(name), "--force"]).fails();
        assert!(said.contains(cause), "{name}: {said}");
    }
    assert_eq!(shelf.names(), names(&["orders.db", "link", "used.db-wal"]));
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_what_was_there_and_the_next_one_takes_its_place() {
    only_on!(Sqlite);
    let desk = installation(2_000).await;
    let shelf = Shelf::new();
    let to = shelf.text("orders.db");
    // Somewhere in the middle: as soon as its temporary file is there, and once it has so many bytes.
    for bytes in [0, 1, 100_000] {
        fs::write(&to, "what was there").unwrap();
        let mut child = command(desk.folder())
            .args(["backup", "--force", "--to", &to, "--database-url", &desk.database.url])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let partial = shelf.path(".orders.db.partial");
        until("the temporary file", async || {
            let is_written = fs::metadata(&partial).is_ok_and(|file| file.len() >= bytes);
            is_written || child.try_wait().unwrap().is_some()
        })
        .await;
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        if !ended.success() {
            let there = fs::read(&to).unwrap();
            // It may be whole, and the process killed on its way to its end.
            assert!(there == b"what was there" || there.starts_with(b"SQLite format 3"), "{}", there.len());
            assert!(shelf.names().is_subset(&names(&[
                "orders.db",
                ".orders.db.partial",
                ".orders.db.partial-journal"
            ])));
        }
    }
    let told = desk.run(&["backup", "--to", &to, "--force", "--json"]).json();
    assert_eq!(told["orders"], 2_000);
    assert_eq!(shelf.names(), names(&["orders.db"]));
}

#[tokio::test]
async fn a_second_backup_to_the_same_file_is_refused_while_the_first_is_written() {
    only_on!(Sqlite);
    let desk = installation(10).await;
    let shelf = Shelf::new();
    let first = fs::File::create(shelf.path(".orders.db.partial")).unwrap();
    first.lock().unwrap();
    let said = desk.run(&["backup", "--to", &shelf.text("orders.db")]).fails();
    assert!(said.contains("another backup"), "{said}");
    drop(first);
    desk.run(&["backup", "--to", &shelf.text("orders.db")]).succeeds();
}

/// Spoils every page of a table or index but its first.
async fn damage(desk: &Desk, name: &str) {
    let file = desk.folder().join("orders.db");
    assert_eq!(desk.database.db_number("PRAGMA wal_checkpoint(TRUNCATE)").await, 0);
    let pages = format!("SELECT CAST(pageno AS text) FROM dbstat WHERE name = '{name}' AND pagetype = 'leaf'");
    let pages = desk.database.db_last_texts(&pages).await;
    let size = u64::try_from(desk.database.db_number("PRAGMA page_size").await).unwrap();
    let file = fs::OpenOptions::new().write(true).open(file).unwrap();
    for page in &pages {
        file.write_all_at(&[0xa5; 64], (page.parse::<u64>().unwrap() - 1) * size).unwrap();
    }
    assert!(!pages.is_empty(), "{name} has no leaf");
}

#[tokio::test]
async fn no_backup_is_made_of_a_damaged_database_which_is_named() {
    only_on!(Sqlite);
    let desk = installation(200).await;
    let shelf = Shelf::new();
    damage(&desk, "sales_order_lines").await;
    let said = desk.run(&["backup", "--to", &shelf.text("orders.db")]).fails();
    let file = desk.folder().join("orders.db").display().to_string();
    assert!(said.contains(&file) && said.contains("is damaged") && said.contains("restore a backup"), "{said}");
    assert_eq!(shelf.names(), names(&[]));
}

#[tokio::test]
async fn no_backup_is_made_of_a_database_whose_index_lacks_rows() {
    only_on!(Sqlite);
    let desk = installation(20).await;
    let shelf = Shelf::new();
    // From now on the index is believed to be of some rows only, and what is written is left out of it.
    let index = "SELECT sql FROM sqlite_schema WHERE name = 'ix_sales_order_lines_product_code'";
    let whole = desk.database.db_text(index).await.replace('\'', "''");
    let write = |sql: String| {
        format!(
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = '{sql}'
             WHERE name = 'ix_sales_order_lines_product_code'; PRAGMA writable_schema = RESET"
        )
    };
    desk.execute(&write(format!("{whole} WHERE product_code IS NULL"))).await;
    desk.execute("UPDATE sales_order_lines SET product_code = 'OTHER' WHERE order_id = 1").await;
    desk.execute(&write(whole)).await;
    let said = desk.run(&["backup", "--to", &shelf.text("orders.db")]).fails();
    assert!(said.contains("the copy is damaged") && said.contains("ix_sales_order_lines_product_code"), "{said}");
    assert_eq!(shelf.names(), names(&[]));
}

#[tokio::test]
async fn of_a_database_that_contradicts_itself_the_backup_is_true_and_the_exit_code_says_so() {
    only_on!(Sqlite);
    let desk = installation(20).await;
    let shelf = Shelf::new();
    desk.execute("UPDATE sales_order_totals SET orders = orders + 1").await;
    desk.execute("PRAGMA foreign_keys = OFF; DELETE FROM sales_orders WHERE id = 1").await;
    let ran = desk.run(&["backup", "--to", &shelf.text("orders.db"), "--json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let contradictions = told["contradictions"].as_array().unwrap();
    assert!(contradictions[0].as_str().unwrap().contains("sales_order_lines ("), "{told}");
    assert!(contradictions[1].as_str().unwrap().contains("totals rebuild"), "{told}");
    assert!(ran.stderr.starts_with("error: the database contradicts itself, and so does its backup: "), "{ran:?}");
    assert_eq!(shelf.names(), names(&["orders.db"]));
}

#[tokio::test]
async fn a_database_that_is_not_there_empty_or_of_a_newer_version_is_not_backed_up_and_nothing_is_made() {
    only_on!(Sqlite);
    let (desk, shelf) = (Desk::new().await, Shelf::new());
    let to = shelf.text("orders.db");
    let said = desk.run(&["backup", "--to", &to]).fails();
    assert!(said.contains("there is no file"), "{said}");
    assert_eq!(fs::read_dir(desk.folder()).unwrap().count(), 0, "none is made");
    desk.file("orders.db", "");
    desk.execute("CREATE TABLE other (n integer)").await;
    let said = desk.run(&["backup", "--to", &to]).fails();
    assert!(said.contains("has no tables of this service"), "{said}");

    let desk = installation(10).await;
    desk.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20990101_000001_later', 0)").await;
    let said = desk.run(&["backup", "--to", &to]).fails();
    assert!(said.contains("m20990101_000001_later") && said.contains("newer version"), "{said}");
    assert_eq!(shelf.names(), names(&[]));
}

/// Before an update, when a backup is needed most.
#[tokio::test]
async fn a_database_of_an_older_version_is_backed_up_as_it_is() {
    only_on!(Sqlite);
    let desk = installation(10).await;
    let shelf = Shelf::new();
    desk.run(&["migrate", "down", "--yes"]).succeeds();
    let applied = "SELECT count(*) FROM seaql_migrations";
    let left = desk.database.db_number(applied).await;
    let told = desk.run(&["backup", "--to", &shelf.text("orders.db"), "--json"]).json();
    assert_eq!((&told["pending_migrations"], &told["orders"]), (&json!(1), &json!(10)));
    assert_eq!(desk.database.db_number(applied).await, left, "it stays as it is");
}

#[tokio::test]
async fn on_postgresql_the_operator_is_told_what_to_use() {
    only_on!(Postgres);
    let (desk, shelf) = (Desk::new().await, Shelf::new());
    let said = desk.run(&["backup", "--to", &shelf.text("orders.dump")]).fails();
    assert!(said.contains("pg_dump -Fc") && said.contains("docs/operations.md"), "{said}");
    assert_eq!(shelf.names(), names(&[]));
}

/// The lines of the documentation that begin so, up to the end of their block.
fn documented(first: &str) -> String {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let at = text.find(&format!("```sh\n{first}")).unwrap_or_else(|| panic!("no lines begin with {first}")) + 6;
    text[at..].split("```").next().unwrap().to_owned()
}

/// Types lines of the documentation, with the programs of the server and of the service at hand.
async fn type_lines(lines: &str, shelf: &Shelf, database: &Database, restored: &Database) {
    let server = database.db_text("SELECT setting FROM pg_config WHERE name = 'BINDIR'").await;
    let service = Path::new(env!("CARGO_BIN_EXE_sales-order-api")).parent().unwrap().display().to_string();
    let here = command(shelf.folder.path());
    let path = here.get_envs().find_map(|(name, value)| (name == "PATH").then_some(value?.to_str()?)).unwrap();
    let output = Command::new("sh")
        .args(["-euc", lines])
        .current_dir(shelf.folder.path())
        .env_clear()
        .envs([("PATH", format!("{service}:{server}:{path}")), ("ORDERS", database.url.clone())])
        .env("RESTORED", &restored.url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{lines}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_dump_of_postgresql_restored_as_documented_has_orders_receipts_totals_and_positions() {
    only_on!(Postgres);
    let (desk, restored) = (Desk { database: Database::new().await }, Desk::new().await);
    let secret = Remote::register(&desk.database, "partner").await;
    let shelf = Shelf::new();
    let service = desk.serve();
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    for n in 0..10 {
        partner.create(&partner.sign(), Some(&format!("before-{n}")), &order()).await.unwrap().expect(201);
    }
    type_lines(&documented("pg_dump "), &shelf, &desk.database, &restored.database).await;
    let missing = partner.create(&partner.sign(), Some("lost"), &order()).await.unwrap().expect(201);
    let (seen, cursor) = feed(&partner, None).await;
    let last = desk.database.db_number("SELECT max(position) FROM sales_order_events").await;
    assert_eq!(seen.len(), 11);
    service.stop();

    type_lines(&documented("pg_restore "), &shelf, &desk.database, &restored.database).await;
    assert_eq!(restored.database.whole_orders(2).await, 10);
    restored.run(&["totals", "check"]).succeeds();
    // The token and the cursor are good for as long as before.
    fs::create_dir_all(restored.folder().join("data")).unwrap();
    fs::copy(desk.folder().join("data/jwt-secret"), restored.folder().join("data/jwt-secret")).unwrap();
    let service = restored.serve();
    let partner = partner.at(&service.base);
    let again = partner.create(&partner.sign(), Some("lost"), &order()).await.unwrap().expect(201);
    assert_ne!(again["data"]["order_number"], missing["data"]["order_number"]);
    assert_eq!(feed(&partner, Some(&cursor)).await.0, [again["data"]["order_number"].as_str().unwrap()]);
    let position = restored.database.db_number("SELECT max(position) FROM sales_order_events").await;
    assert!(position > last, "{position} was given to another event");
    assert_eq!(restored.database.whole_orders(2).await, 11);
}
