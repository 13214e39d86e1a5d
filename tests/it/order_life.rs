//! Whoever tries an order's life out by hand copies lines from the documentation: each of them runs.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Database, Process};

/// The lines of a Markdown file that are meant for a shell.
fn lines_for_a_shell(file: &str) -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    // What curl prints ends with no line break.
    blocks.map(|block| format!("{block}echo\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_life_of_an_order_runs_and_brings_it_where_it_says() {
    let database = Database::new().await;
    let folder = database.folder.path();
    let service = Process::serve(folder, &database.url, |_| {});
    let program = Path::new(env!("CARGO_BIN_EXE_sales-order-api"));
    let script = format!("set -eu\nPATH=\"$PROGRAMS:$PATH\"\n{}", lines_for_a_shell("docs/order-life.md"));
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder)
        .env("PROGRAMS", program.parent().unwrap())
        .env("BASE_URL", &service.base)
        .env("SALES_ORDER_DATABASE__URL", &database.url)
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(!out.contains("\"errors\"") && !out.contains("\"code\""), "{out}");
    let answers: Vec<Value> = serde_json::Deserializer::from_str(&out).into_iter().map(Result::unwrap).collect();
    let told = |operation: &str| -> Vec<String> {
        let told = answers.iter().filter_map(|answer| answer["data"][operation]["status"].as_str());
        told.map(str::to_owned).collect()
    };
    assert_eq!(told("confirmSalesOrderLines"), ["CONFIRMED", "CONFIRMED"]);
    assert_eq!(told("recordShipment"), ["SHIPPED", "SHIPPED"]);
    assert_eq!(told("recordDelivery"), ["DELIVERED", "DELIVERED"]);
    assert_eq!(told("updateSalesOrderStatus"), ["CANCELLED"]);
    // The list that goes on from the cursor has the order as it is at the end.
    let changed = answers.iter().rfind(|answer| answer["next_cursor"].is_string()).unwrap();
    let order = &changed["data"][0];
    assert_eq!((&order["status"], &order["partner_reference"]), (&"DELIVERED".into(), &"PO-1".into()), "{order}");
    assert_eq!(order["shipments"].as_array().unwrap().len(), 2);
    assert_eq!(order["products"][0]["answer"]["shipped_quantity"], 5);
    drop(service);
}
