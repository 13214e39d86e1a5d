//! An operator moves old orders into files, and an auditor checks them.

mod broken_off;
mod damaged;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Desk, keys, send_order, token};
use crate::support::{on_postgres, order};

/// The files of the folder, sorted.
fn archives(desk: &Desk) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(desk.folder().join("archive")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "jsonl"))
        .collect();
    files.sort();
    files
}

/// What `archive orders` takes of orders that were changed before the last one was.
async fn archive(desk: &Desk, further: &[&str]) -> super::Ran {
    let before = before(desk).await;
    desk.run(&[&["archive", "orders", "--before", &before, "--to", "archive"], further].concat())
}

/// A time behind the last event of any order.
async fn before(desk: &Desk) -> String {
    let last = desk.database.db_number("SELECT coalesce(max(created_at), 0) FROM sales_order_events").await;
    chrono::DateTime::from_timestamp_micros(last + 1).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

async fn samples(orders: &str) -> Desk {
    let desk = Desk::new().await;
    desk.run(&["generate", "--orders", orders, "--days", "400"]).succeeds();
    desk
}

const ENDED: &str = "SELECT count(*) FROM sales_orders WHERE status IN ('DELIVERED', 'CANCELLED')";

/// Lets the database refuse to delete orders from this one on, or no longer.
async fn refuse_deletes(desk: &Desk, from: Option<i64>) {
    let statements = match (on_postgres().is_some(), from) {
        (true, Some(from)) => format!(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
             CREATE TRIGGER tr_broken BEFORE DELETE ON sales_orders FOR EACH ROW WHEN (old.id >= {from}) EXECUTE FUNCTION broken()"
        ),
        (false, Some(from)) => format!(
            "CREATE TRIGGER tr_broken BEFORE DELETE ON sales_orders WHEN old.id >= {from} BEGIN SELECT RAISE(ABORT, 'broken'); END"
        ),
        (true, None) => "DROP TRIGGER tr_broken ON sales_orders; DROP FUNCTION broken()".to_owned(),
        (false, None) => "DROP TRIGGER tr_broken".to_owned(),
    };
    desk.execute(&statements).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_moves_ended_orders_into_files_that_an_auditor_finds_whole() {
    let desk = samples("300").await;
    let (ended, all) = (desk.database.db_number(ENDED).await, 300);
    let before = before(&desk).await;
    let dry = desk.run(&["archive", "orders", "--before", &before, "--dry-run", "--json"]).json();
    assert_eq!((&dry["orders"], &dry["dry_run"], &dry["files"]), (&json!(ended), &json!(true), &json!([])));
    assert!(!desk.folder().join("archive").exists());

    let done = archive(&desk, &["--orders-per-file", "50", "--json"]).await.json();
    assert_eq!(done["orders"], ended);
    for name in ["first_order_number", "last_order_number", "created_from", "created_to"] {
        assert_eq!(done[name], dry[name], "{name}");
    }
    let files = archives(&desk);
    assert_eq!(i64::try_from(files.len()).unwrap(), (ended + 49) / 50);
    assert_eq!(desk.database.db_number("SELECT count(*) FROM sales_orders").await, all - ended);
    assert_eq!(desk.database.db_number(ENDED).await, 0);
    desk.run(&["totals", "check"]).succeeds();

    let names: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
    let found = desk.run(&[&["archive", "verify", "--json"], &names[..]].concat()).json();
    let orders: i64 = found.as_array().unwrap().iter().map(|it| it["orders"].as_i64().unwrap()).sum();
    assert_eq!(orders, ended);
    assert!(found.as_array().unwrap().iter().all(|it| it["complete"] == true), "{found}");
    let listed = desk.run(&["archive", "list", "--json"]).json();
    for (listed, found) in listed.as_array().unwrap().iter().zip(found.as_array().unwrap()) {
        assert_eq!(listed["file_sha256"], found["file_sha256"]);
        assert!(listed["removed_at"].is_string(), "{listed}");
    }
    let first = std::fs::read_to_string(&files[0]).unwrap();
    let line: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    let members = keys(&line);
    for name in ["order_number", "products", "shipments", "requests", "acknowledgements", "events", "receipt"] {
        assert!(members.contains(&name), "{name} is not in {members:?}");
    }
    assert!(members.ends_with(&["idempotency_key", "request_digest"]), "{members:?}");

    let again = archive(&desk, &["--json"]).await.json();
    assert_eq!((&again["orders"], &again["files"]), (&json!(0), &json!([])));
    assert_eq!(archives(&desk).len(), files.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_many_lines_leaves_with_all_others() {
    let desk = samples("60").await;
    desk.execute("UPDATE sales_orders SET line_count = 500").await;
    let ended = desk.database.db_number(ENDED).await;
    assert!(ended > 4, "more than a page of them");
    assert_eq!(archive(&desk, &["--json"]).await.json()["orders"], ended);
    assert_eq!(desk.database.db_number(ENDED).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_partner_signed_is_proven_by_the_file_alone_and_its_retry_makes_no_second_order() {
    let desk = Desk::new().await;
    desk.key_pair();
    let secret = desk.partner();
    let service = desk.serve();
    let partner = token(&service, "partner-1", &secret).await;
    let signed = desk.run(&["sign", "--private-key", "private.pem", "--json", "--client-id", "partner-1"]).json();
    let (status, answer) = send_order(&service, &partner, &signed, order().to_string()).await;
    assert_eq!(status, 201, "{answer}");
    desk.execute("UPDATE sales_orders SET status = 'CANCELLED'").await;
    let done = archive(&desk, &["--json"]).await.json();
    assert_eq!((&done["orders"], &done["first_order_number"]), (&json!(1), &json!("SO-0000000001")));

    let file = archives(&desk)[0].to_str().unwrap().to_owned();
    // The auditor has the two files and no database.
    let found = desk.run(&["archive", "verify", &file, "--json"]).json();
    assert_eq!((&found[0]["signatures"], &found[0]["signature_problems"]), (&json!(1), &json!([])));
    let by_manifest = file.replace(".jsonl", ".manifest.json");
    let said = desk.run(&["archive", "verify", &by_manifest]).succeeds();
    assert!(said.contains("complete and unchanged") && said.contains("signatures verified: 1"), "{said}");

    let (status, answer) = send_order(&service, &partner, &signed, order().to_string()).await;
    assert_eq!((status, &answer["code"]), (410, &json!("ORDER_ARCHIVED")), "{answer}");
    assert_eq!(answer["order_number"], "SO-0000000001");
    assert_eq!(desk.database.db_number("SELECT count(*) FROM sales_orders").await, 0);

    let customer = ["--client-id", "partner-1", "--customer-code", "CUST-001"];
    for command in ["export", "erase-customer"] {
        let said = desk.run(&[&["personal-data", command], &customer[..]].concat()).fails();
        assert!(said.contains("1 orders of partner-1 are archived in 1 files"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_told_which_reader_keeps_orders_from_being_archived() {
    let desk = samples("50").await;
    let consumer = "INSERT INTO event_consumers (client_id, name, position, created_at, updated_at)
                    SELECT client_id, 'warehouse', 0, 0, 0 FROM clients ORDER BY client_id LIMIT 1";
    desk.execute(consumer).await;
    let ended = desk.database.db_number(ENDED).await;
    let said = archive(&desk, &[]).await.succeeds();
    assert!(said.contains("orders archived: 0"), "{said}");
    assert!(said.contains(&format!("orders that stay: {ended}")) && said.contains("consumer warehouse of "), "{said}");
    assert!(archives(&desk).is_empty());
    desk.execute("UPDATE event_consumers SET position = 1000000").await;
    assert_eq!(archive(&desk, &["--json"]).await.json()["orders"], ended);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let desk = Desk::new().await;
    desk.run(&["archive", "orders", "--before", "2024-01-01"]).is_misused();
    desk.run(&["archive", "orders", "--before", "soon", "--to", "archive"]).is_misused();
    desk.run(&["archive", "verify"]).is_misused();
    let said = desk.run(&["archive", "orders", "--before", "9999-01-01", "--to", "archive"]).fails();
    assert!(said.contains("still to come"), "{said}");
    let said = desk.run(&["archive", "verify", "nothing.jsonl"]).fails();
    assert!(said.contains("no manifest"), "{said}");
}
