//! The operator brings a database up to date, looks at it, and takes a change back.

use serde_json::{Value, json};

use super::{Desk, keys};

fn applied(desk: &Desk) -> Vec<bool> {
    let states = desk.run(&["migrate", "status", "--json"]).json();
    states.as_array().unwrap().iter().map(|state| state["applied"].as_bool().unwrap()).collect()
}

#[tokio::test]
async fn migrations_are_applied_shown_and_taken_back() {
    let desk = Desk::new().await;
    let before = desk.run(&["migrate", "status", "--json"]).json();
    assert_eq!(keys(&before[0]), ["name", "applied"]);
    let count = before.as_array().unwrap().len();
    assert_eq!(applied(&desk), vec![false; count], "looking changes nothing");
    assert!(desk.run(&["migrate", "finish"]).fails().contains("sales-order-api migrate up"));

    let said = desk.run(&["migrate", "up"]).succeeds();
    assert_eq!(said.lines().count(), count, "{said}");
    assert!(said.starts_with("applied: m"), "{said}");
    assert_eq!(applied(&desk), vec![true; count]);
    assert_eq!(desk.run(&["migrate", "up"]).succeeds(), "nothing to do\n");
    assert_eq!(desk.run(&["migrate", "up", "--json"]).json(), json!({"applied": []}));

    // A new database has no instance of the version before.
    assert_eq!(desk.run(&["migrate", "finish"]).succeeds(), "nothing to do\n");
    assert_eq!(desk.run(&["migrate", "finish", "--json"]).json(), json!({"finished": true}));

    let table = desk.run(&["migrate", "status"]).succeeds();
    assert!(table.starts_with("MIGRATION ") && !table.contains("pending"), "{table}");
    let names: Vec<Value> = before.as_array().unwrap().iter().map(|state| state["name"].clone()).collect();
    let down = desk.run(&["migrate", "down", "--yes", "--json"]).json();
    assert_eq!(down, json!({"taken_back": [names[count - 1]]}));
    assert_eq!(applied(&desk), [vec![true; count - 1], vec![false]].concat());
    assert!(desk.run(&["migrate", "status"]).succeeds().contains("pending"));
    let rest = (count - 1).to_string();
    desk.run(&["migrate", "down", "--steps", &rest, "--yes"]).succeeds();
    assert_eq!(applied(&desk), vec![false; count]);
    assert_eq!(desk.run(&["migrate", "down", "--yes"]).succeeds(), "nothing to do\n");
}

#[tokio::test]
async fn data_is_not_thrown_away_by_a_slip() {
    let desk = Desk::new().await;
    desk.partner();
    let said = desk.run(&["migrate", "down"]).fails();
    assert!(said.contains("--yes"), "{said}");
    assert!(applied(&desk).iter().all(|applied| *applied));
    assert_eq!(desk.run(&["client", "list", "--json"]).json().as_array().unwrap().len(), 1);
}
