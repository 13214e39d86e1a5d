//! Sample orders, and exports at the command line.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use super::Desk;
use crate::fields::never_set;
use crate::support::{Process, command};

fn sample(desk: &Desk, arguments: &[&str]) -> super::Ran {
    desk.run(&[&["generate", "--orders", "300", "--days", "30"], arguments].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_fills_an_empty_database_with_orders_that_add_up() {
    let desk = Desk::new().await;
    let ran = sample(&desk, &["--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["orders"], 300);
    for (what, sql, expected) in [
        ("orders", "SELECT count(*) FROM sales_orders", 300),
        (
            "orders whose figures are not their lines'",
            "SELECT count(*) FROM sales_orders o WHERE
                 line_count <> (SELECT count(*) FROM sales_order_lines WHERE order_id = o.id)
              OR total_quantity <> (SELECT sum(quantity) FROM sales_order_lines WHERE order_id = o.id)
              OR priced_amount <> (SELECT coalesce(sum(quantity * unit_price), 0) FROM sales_order_lines WHERE order_id = o.id)
              OR unpriced_lines <> (SELECT count(*) FROM sales_order_lines WHERE order_id = o.id AND unit_price IS NULL)",
            0,
        ),
        (
            "orders whose history is not their status",
            "SELECT count(*) FROM sales_orders o WHERE version <>
                 (SELECT count(*) FROM sales_order_events WHERE order_id = o.id AND kind <> 'ACKNOWLEDGED')",
            0,
        ),
    ] {
        assert_eq!(desk.database.db_number(sql).await, expected, "{what}");
    }
    desk.database.true_totals().await;
    let exported = desk.run(&["export", "--format", "jsonl"]).stdout;
    let exported: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(never_set(&exported), Vec::<String>::new(), "a dashboard is tried out with every field");
    let of_time =
        "SELECT count(*) FROM sales_orders a JOIN sales_orders b ON b.id = a.id + 1 WHERE b.created_at < a.created_at";
    assert_eq!(desk.database.db_number(of_time).await, 0, "numbers rise with the times");
    // The same orders again would be doubles; others may join them, for none of them is real.
    let again = sample(&desk, &[]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("give another --seed"), "{}", again.stderr);
    assert_eq!(sample(&desk, &["--seed", "2"]).code, Some(0));
    assert_eq!(desk.database.db_number("SELECT count(*) FROM sales_orders").await, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn sample_orders_do_not_mix_with_real_ones_unless_the_operator_insists() {
    let desk = Desk::new().await;
    assert_eq!(sample(&desk, &[]).code, Some(0));
    desk.database.db_execute("UPDATE sales_orders SET idempotency_key = 'key:real' WHERE id = 7").await.unwrap();
    let refused = sample(&desk, &["--seed", "2"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(sample(&desk, &["--seed", "2", "--force"]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_exports_to_a_file_what_the_service_serves() {
    let desk = Desk::new().await;
    assert_eq!(sample(&desk, &[]).code, Some(0));
    let file = desk.folder().join("orders.jsonl");
    let file = file.to_str().unwrap();
    let ran = desk.run(&["export", "--format", "jsonl", "--filter", "status=DELIVERED", "--output", file]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    let text = std::fs::read_to_string(file).unwrap();
    let delivered = "SELECT count(*) FROM sales_orders WHERE status = 'DELIVERED'";
    assert_eq!(i64::try_from(text.lines().count()).unwrap(), desk.database.db_number(delivered).await);
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["status"] == "DELIVERED"));

    let csv = desk.run(&["export"]);
    let lines = "SELECT count(*) FROM sales_order_lines";
    let rows = csv::Reader::from_reader(csv.stdout.as_bytes()).records().count();
    assert_eq!(i64::try_from(rows).unwrap(), desk.database.db_number(lines).await);
    let service: Process = desk.serve();
    let made = desk.run(&["client", "create", "--client-id", "board", "--name", "B", "--scope", "orders:read"]);
    let board = crate::support::Remote::log_in(&service.base, "board", &made.stdout.trim().to_owned().into()).await;
    assert_eq!(board.get("/api/v1/sales-orders.csv").await.text, csv.stdout);

    let faulty = desk.run(&["export", "--filter", "colour=red", "--output", file]);
    assert_eq!(faulty.code, Some(1));
    assert!(faulty.stderr.contains("colour") && faulty.stderr.contains("customer_code"), "{}", faulty.stderr);
    assert_eq!(std::fs::read_to_string(file).unwrap(), text, "what is refused leaves the file as it was");
    assert_eq!(desk.run(&["export", "--filter", "colour"]).code, Some(2));
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_is_for_its_owner_only_whatever_was_there_before() {
    let desk = Desk::new().await;
    assert_eq!(sample(&desk, &[]).code, Some(0));
    let folder = desk.folder().join("exports");
    std::fs::create_dir(&folder).unwrap();
    let expected = desk.run(&["export"]).stdout;
    let export = |file: &Path| desk.run(&["export", "--output", file.to_str().unwrap()]);

    let new = folder.join("new.csv");
    assert_eq!(export(&new).succeeds(), "");
    let old = folder.join("old.csv");
    std::fs::write(&old, "an older export").unwrap();
    std::fs::set_permissions(&old, Permissions::from_mode(0o644)).unwrap();
    export(&old).succeeds();
    // A link stays one, and what it names is written; also where that is not there yet.
    for (link, target) in [("to-old.csv", "old.csv"), ("to-none.csv", "none.csv")] {
        std::os::unix::fs::symlink(target, folder.join(link)).unwrap();
        export(&folder.join(link)).succeeds();
        assert!(std::fs::symlink_metadata(folder.join(link)).unwrap().is_symlink());
    }
    for file in ["new.csv", "old.csv", "none.csv"].map(|file| folder.join(file)) {
        assert_eq!((mode(&file), std::fs::read_to_string(&file).unwrap()), (0o600, expected.clone()), "{file:?}");
    }
    assert_eq!(files(&folder), ["new.csv", "none.csv", "old.csv", "to-none.csv", "to-old.csv"]);

    // What is no file is written to as it is.
    assert_eq!(export(Path::new("/dev/stdout")).succeeds(), expected);
    export(Path::new("/dev/null")).succeeds();
    let said = export(&folder).fails();
    assert!(said.contains("is a folder"), "{said}");
    let said = export(&folder.join("missing/orders.csv")).fails();
    assert!(said.starts_with("cannot write ") && said.contains("missing/orders.csv"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_fails_on_the_way_leaves_what_was_there_and_nothing_else() {
    let desk = Desk::new().await;
    assert_eq!(sample(&desk, &[]).code, Some(0));
    // The second page has an order that cannot be read.
    desk.database.db_execute("UPDATE sales_orders SET created_at = 9000000000000000000 WHERE id = 150").await.unwrap();
    let folder = desk.folder().join("exports");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("orders.csv");
    let export = ["export", "--filter", "order_by=order_number_asc", "--output", file.to_str().unwrap()];
    for before in [None, Some("an older export")] {
        if let Some(before) = before {
            std::fs::write(&file, before).unwrap();
        }
        assert_eq!(desk.run(&export).code, Some(1));
        assert_eq!(files(&folder).len(), usize::from(before.is_some()), "{:?}", files(&folder));
        assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), before);
    }
}

/// Exports with this as the standard output.
fn export_into(desk: &Desk, file: &Path, stdout: File) {
    let output = file.to_str().unwrap();
    let arguments = ["--database-url", &desk.database.url, "export", "--output", output];
    let done = command(desk.folder()).args(arguments).stdout(stdout).status().unwrap();
    assert!(done.success(), "{output}: {done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shell_opened_or_a_pipe_is_written_to_as_it_is_by_whatever_path_it_is_named() {
    let desk = Desk::new().await;
    assert_eq!(sample(&desk, &[]).code, Some(0));
    let expected = desk.run(&["export"]).stdout;
    let link = desk.folder().join("to-stdout");
    std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
    for path in [Path::new("/dev/stdout"), Path::new("/dev/fd/1"), &link] {
        let kept = desk.folder().join("kept.csv");
        std::fs::write(&kept, "before\n").unwrap();
        std::fs::set_permissions(&kept, Permissions::from_mode(0o640)).unwrap();
        export_into(&desk, path, File::options().append(true).open(&kept).unwrap());
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), format!("before\n{expected}"), "{path:?}");
        assert_eq!(mode(&kept), 0o640, "{path:?}");
    }
    let pipe = desk.folder().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reading = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    desk.run(&["export", "--output", pipe.to_str().unwrap()]).succeeds();
    assert_eq!(reading.join().unwrap(), expected);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_in_the_memory_below_dev_is_for_its_owner_only_as_anywhere() {
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
    let desk = Desk::new().await;
    assert_eq!(sample(&desk, &[]).code, Some(0));
    let file = memory.path().join("orders.csv");
    for before in [None, Some("an older export")] {
        if let Some(before) = before {
            std::fs::write(&file, before).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        }
        desk.run(&["export", "--output", file.to_str().unwrap()]).succeeds();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), desk.run(&["export"]).stdout);
    }
}
