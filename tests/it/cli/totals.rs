//! The operator holds the totals against the orders, and puts them right.

use serde_json::json;

use super::Desk;

#[tokio::test]
async fn wrong_totals_are_listed_with_what_is_expected_and_found_and_put_right() {
    let desk = Desk::new().await;
    desk.run(&["generate", "--orders", "40"]).succeeds();
    assert_eq!(desk.run(&["totals", "check"]).succeeds(), "the totals are what the orders come to\n");
    assert_eq!(desk.run(&["totals", "check", "--json"]).json(), json!([]));
    assert_eq!(desk.run(&["totals", "rebuild", "--json"]).json(), json!({"corrected": 0}));

    let totals = desk.database.merged_totals().await;
    let key = "client_id || sales_name || status || customer_code || site_code || currency";
    let first = format!("{key} IN (SELECT min({key}) FROM {totals})");
    desk.execute(&format!("UPDATE {totals} SET orders = orders + 20, amount_low = amount_low + 1 WHERE {first}")).await;
    let checked = desk.run(&["totals", "check"]);
    let said = checked.fails_after_data();
    assert_eq!(said, "1 of the totals differ from the orders; run `sales-order-api totals rebuild`");
    assert!(checked.stdout.starts_with("CLIENT ") && checked.stdout.lines().count() == 2, "{checked:?}");

    let checked = desk.run(&["totals", "check", "--json"]);
    assert_eq!(checked.code, Some(1));
    let rows: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    let figures = |side: &str, name: &str| rows[0][side][name].as_i64().unwrap();
    assert_eq!(figures("found", "orders") - figures("expected", "orders"), 20);
    assert_eq!(figures("found", "quantity"), figures("expected", "quantity"));

    // A row that is missing is told from one of zeros.
    desk.execute(&format!("DELETE FROM {totals} WHERE {first}")).await;
    let checked = desk.run(&["totals", "check", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    assert!(rows[0]["found"].is_null(), "{checked:?}");

    assert_eq!(desk.run(&["totals", "rebuild"]).succeeds(), "totals corrected: 1\n");
    desk.run(&["totals", "check"]).succeeds();
    desk.database.true_totals().await;
}
