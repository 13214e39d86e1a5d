//! A run is ended before it is done; the next one does what is left.

use super::super::Desk;
use super::{ENDED, archive, archives, refuse_deletes, samples};

const STORED: &str = "SELECT count(*) FROM sales_orders";
const ARCHIVED: &str = "SELECT count(*) FROM archived_sales_orders";

/// Each order is in the database or in the archive, and none in both or twice.
async fn none_is_lost(desk: &Desk, all: i64) {
    assert_eq!(desk.database.db_number(STORED).await + desk.database.db_number(ARCHIVED).await, all);
    let mut lines = 0;
    for file in archives(desk) {
        lines += std::fs::read_to_string(file).unwrap().lines().count();
    }
    assert_eq!(i64::try_from(lines).unwrap(), desk.database.db_number(ARCHIVED).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_whose_removal_broke_off_are_removed_by_the_next_run_from_the_same_file() {
    let desk = samples("400").await;
    let ended = desk.database.db_number(ENDED).await;
    let later = "SELECT id FROM sales_orders WHERE status IN ('DELIVERED', 'CANCELLED') ORDER BY id LIMIT 1 OFFSET 120";
    refuse_deletes(&desk, Some(desk.database.db_number(later).await)).await;
    archive(&desk, &[]).await.fails();
    assert_eq!(desk.database.db_number(ARCHIVED).await, 100, "one batch had left");
    assert_eq!(desk.database.db_number(STORED).await, 300);
    desk.run(&["totals", "check"]).succeeds();
    refuse_deletes(&desk, None).await;
    let files = archives(&desk);
    let done = archive(&desk, &["--json"]).await.json();
    assert_eq!(done["orders"], ended - 100);
    assert_eq!(archives(&desk), files, "no order is in two files");
    assert_eq!(desk.database.db_number(STORED).await, 400 - ended);
    none_is_lost(&desk, 400).await;
    assert!(desk.run(&["archive", "list", "--json"]).json()[0]["removed_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_file_that_the_database_does_not_know_yet_is_used_by_the_next_run() {
    let desk = samples("60").await;
    let ended = desk.database.db_number(ENDED).await;
    refuse_deletes(&desk, Some(0)).await;
    archive(&desk, &[]).await.fails();
    refuse_deletes(&desk, None).await;
    // As if it had been ended between the two.
    desk.execute("DELETE FROM sales_order_archives").await;
    let files = archives(&desk);
    assert_eq!(archive(&desk, &["--json"]).await.json()["orders"], ended);
    assert_eq!(archives(&desk), files);
    none_is_lost(&desk, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_database_is_left_alone() {
    let (desk, other) = (samples("60").await, Desk::new().await);
    archive(&desk, &[]).await.succeeds();
    other.run(&["migrate", "up"]).succeeds();
    let folder = desk.folder().join("archive");
    let ran = other.run(&["archive", "orders", "--before", "2024-01-01", "--to", folder.to_str().unwrap()]);
    ran.succeeds();
    assert!(ran.stderr.contains("none of its orders is in this database"), "{ran:?}");
    assert_eq!(other.run(&["archive", "list", "--json"]).json().as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ended_run_left_half_written_is_deleted_and_a_lost_file_is_named() {
    let desk = samples("60").await;
    refuse_deletes(&desk, Some(0)).await;
    archive(&desk, &[]).await.fails();
    refuse_deletes(&desk, None).await;
    let half = desk.folder().join("archive/.archive-abc123.partial");
    std::fs::write(&half, "{\"order_number\":").unwrap();
    let file = archives(&desk).remove(0);
    std::fs::rename(&file, desk.folder().join("elsewhere.jsonl")).unwrap();
    let ran = archive(&desk, &[]).await;
    ran.succeeds();
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(ran.stderr.contains(name) && ran.stderr.contains("is not here"), "{ran:?}");
    assert!(!half.exists());
    assert_eq!(desk.database.db_number(ENDED).await, 0);
    none_is_lost(&desk, 60).await;
}
