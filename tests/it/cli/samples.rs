//! Sample orders, and exports at the command line.

use serde_json::Value;

use super::Desk;
use crate::support::Process;

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
