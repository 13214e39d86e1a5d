//! Whoever tries an order's life out by hand copies lines from the documentation: each of them runs.

use std::collections::BTreeSet;
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
    assert_eq!(told("confirmSalesOrderLines"), ["CONFIRMED", "CONFIRMED", "CONFIRMED"]);
    assert_eq!(told("recordShipment"), ["SHIPPED", "SHIPPED"]);
    assert_eq!(told("recordDelivery"), ["DELIVERED", "DELIVERED"]);
    assert_eq!(told("updateSalesOrderStatus"), ["CANCELLED"]);
    assert_eq!(told("answerSalesOrderRequest"), ["CONFIRMED", "CANCELLED"]);
    // What the partner asked for while nothing was promised was done at once; later it waited.
    let asked = answers.iter().filter(|answer| answer["request"].is_object()).map(|answer| &answer["request"]["state"]);
    assert_eq!(asked.collect::<Vec<_>>(), ["ACCEPTED", "ACCEPTED"]);
    let waiting = answers.iter().find_map(|answer| answer["data"]["salesOrders"]["nodes"][0]["requests"].as_array());
    assert_eq!(waiting.unwrap().last().unwrap()["state"], "PENDING");
    let cancelled = answers.iter().rfind(|answer| answer["data"]["requests"][3].is_object()).unwrap();
    let states = cancelled["data"]["requests"].as_array().unwrap().iter().map(|request| &request["state"]);
    assert_eq!(states.collect::<Vec<_>>(), ["ACCEPTED", "ACCEPTED", "REJECTED", "ACCEPTED"]);
    assert_eq!(cancelled["data"]["status"], "CANCELLED");
    // All the events, and then the one that the partner waited for.
    let pages: Vec<_> = answers.iter().filter(|answer| answer["data"][0]["sequence"].is_u64()).collect();
    let kinds = |page: &Value| -> BTreeSet<String> {
        let kinds = page["data"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap().to_owned());
        kinds.collect()
    };
    let [all, _] = pages[..] else { panic!("{pages:?}") };
    let asked_and_answered = ["REQUEST_RECEIVED", "REQUEST_ANSWERED", "ORDER_CHANGED"].map(str::to_owned);
    assert!(kinds(all).is_superset(&asked_and_answered.into()), "{all}");
    // The list that goes on from the cursor has the order as it was then.
    let is_list = |answer: &&Value| answer["next_cursor"].is_string() && answer["data"][0]["shipments"].is_array();
    let changed = answers.iter().rfind(is_list).unwrap();
    let order = &changed["data"][0];
    assert_eq!((&order["status"], &order["partner_reference"]), (&"DELIVERED".into(), &"PO-1".into()), "{order}");
    assert_eq!(order["shipments"].as_array().unwrap().len(), 2);
    assert_eq!(order["products"][0]["answer"]["shipped_quantity"], 5);
    drop(service);
}
