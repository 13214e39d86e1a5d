//! An auditor finds out what was done to a file.

use serde_json::Value;

use super::super::Desk;
use super::{archive, archives, samples};

/// A desk with one archive; its path, and its lines with their line feeds.
async fn archived() -> (Desk, String, Vec<String>) {
    let desk = samples("60").await;
    archive(&desk, &[]).await.succeeds();
    let path = archives(&desk)[0].to_str().unwrap().to_owned();
    let lines: Vec<_> = std::fs::read_to_string(&path).unwrap().split_inclusive('\n').map(str::to_owned).collect();
    assert!(lines.len() > 5);
    (desk, path, lines)
}

/// What is said of the file with these lines.
fn said(desk: &Desk, path: &str, lines: &[String]) -> Vec<String> {
    std::fs::write(path, lines.concat()).unwrap();
    let ran = desk.run(&["archive", "verify", path, "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found[0]["complete"], false);
    found[0]["problems"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_a_missing_an_added_and_a_moved_line_are_found() {
    let (desk, path, lines) = archived().await;
    let has = |problems: &[String], what: &str| {
        assert!(problems.iter().any(|problem| problem.contains(what)), "{what}: {problems:?}");
    };
    let mut changed = lines.clone();
    changed[2] = changed[2].replacen("\"quantity\":", "\"quantity\": ", 1);
    has(&said(&desk, &path, &changed), "SHA-256 of the lines");
    let mut missing = lines.clone();
    missing.remove(2);
    has(&said(&desk, &path, &missing), &format!("orders: {}, and the manifest says {}", lines.len() - 1, lines.len()));
    let mut last_missing = lines.clone();
    last_missing.pop();
    has(&said(&desk, &path, &last_missing), "last order number");
    let mut added = lines.clone();
    added.insert(3, lines[0].clone());
    has(&said(&desk, &path, &added), "line 4: SO-");
    let mut moved = lines.clone();
    moved.swap(1, 2);
    has(&said(&desk, &path, &moved), "stands behind");
    let mut cut = lines.clone();
    let half = cut[4].len() / 2;
    cut[4].truncate(half);
    has(&said(&desk, &path, &cut), "it is no order");
    std::fs::write(&path, lines.concat()).unwrap();
    desk.run(&["archive", "verify", &path]).succeeds();
    std::fs::remove_file(path.replace(".jsonl", ".manifest.json")).unwrap();
    assert!(desk.run(&["archive", "verify", &path]).fails().contains("no manifest"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_changed_before_its_orders_were_removed_removes_none() {
    let desk = samples("60").await;
    super::refuse_deletes(&desk, Some(0)).await;
    archive(&desk, &[]).await.fails();
    super::refuse_deletes(&desk, None).await;
    let path = archives(&desk).remove(0);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"version\":", "\"version\": ", 1)).unwrap();
    let said = archive(&desk, &[]).await.fails();
    assert!(said.contains("is not what was written") && said.contains("no order of it was removed"), "{said}");
    assert_eq!(desk.database.db_number("SELECT count(*) FROM sales_orders").await, 60);
    // Once it is out of the way, its orders go into another file.
    std::fs::remove_file(&path).unwrap();
    let ended = desk.database.db_number(super::ENDED).await;
    let done = archive(&desk, &["--json"]).await.json();
    assert_eq!(done["orders"], ended);
}
