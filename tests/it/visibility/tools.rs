//! What a tool that moves orders sees of those that it may not read.

use sales_order_api::domain::permission::Permission;
use serde_json::{Value, json};

use super::{ACKNOWLEDGEMENTS, INTERNAL, NUMBER, UPDATE, acknowledge, log_in, move_to};
use crate::support::{TestApp, order};

const OPEN: &str = "id orderNumber status nextStatuses version createdAt updatedAt __typename";

#[tokio::test]
async fn a_tool_that_may_only_move_orders_reads_of_them_what_it_needs_for_that_and_its_own_work() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let (erp, wms) = (app.operator().await, log_in(&app, "wms-001", &[Permission::OrdersManage]).await);
    let history = format!("events {{ kind actor note system }} {ACKNOWLEDGEMENTS}");
    let moved = move_to(&erp, "CONFIRMED", &format!("{OPEN} {history}")).await.data()["updateSalesOrderStatus"].take();
    assert_eq!((&moved["status"], &moved["version"]), (&json!("CONFIRMED"), &json!(2)));
    assert_eq!(moved["nextStatuses"], json!(["SHIPPED", "CANCELLED"]));
    assert_eq!(
        moved["events"],
        json!([{"kind": "CREATED", "actor": null, "note": null, "system": null},
               {"kind": "STATUS_CHANGED", "actor": "erp-001", "note": INTERNAL[0], "system": null}])
    );
    let fields = format!("{OPEN} {history}");
    let known = acknowledge(&wms, INTERNAL[3], INTERNAL[4], &fields).await.data()["acknowledgeSalesOrder"].take();
    assert_eq!(known["events"][1], json!({"kind": "STATUS_CHANGED", "actor": null, "note": null, "system": null}));
    assert_eq!(known["events"][2]["system"], INTERNAL[3]);
    assert_eq!(known["acknowledgements"][0]["externalNumber"], INTERNAL[4]);
    // Another tool learns that the system has it, and nothing of the number there.
    let refused = acknowledge(&erp, INTERNAL[3], "other", "version").await;
    refused.expect_error("CONFLICT");
    assert!(!refused.text.contains(INTERNAL[4]), "{}", refused.text);
    let refused = acknowledge(&wms, INTERNAL[3], "other", "version").await;
    assert_eq!(refused.expect_error("CONFLICT")["extensions"]["externalNumber"], INTERNAL[4]);
}

#[tokio::test]
async fn a_tool_that_selects_more_than_it_may_read_changes_nothing_and_is_told_what_to_leave_out() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let erp = app.operator().await;
    for (fields, named) in [
        ("orderNumber customerCode", vec!["customerCode"]),
        ("version total: totalAmount note", vec!["note", "totalAmount"]),
        ("... on SalesOrder { address } products { productCode }", vec!["address", "products"]),
        ("receipt { signature }", vec!["receipt"]),
        (
            "clientId siteCode salesName currency totalQuantity",
            vec!["clientId", "currency", "salesName", "siteCode", "totalQuantity"],
        ),
        ("events { kind salesOrder { status events { salesOrder { customerCode } } } }", vec!["customerCode"]),
    ] {
        for refused in [move_to(&erp, "CONFIRMED", fields).await, acknowledge(&erp, "sap", "1", fields).await] {
            let error = refused.expect_error("INSUFFICIENT_SCOPE");
            assert_eq!(error["extensions"]["fields"], json!(named), "{fields}");
            assert_eq!(error["extensions"]["scope"], "orders:read");
            assert!(error["message"].as_str().unwrap().starts_with("Nothing was changed"), "{error}");
            let data = refused.json()["data"].take();
            assert!(data.as_object().unwrap().values().all(Value::is_null), "{}", refused.text);
            assert!(!refused.text.contains("CUST-001") && !refused.text.contains("Sudirman"), "{}", refused.text);
        }
    }
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_events").await, 1);
    // By a fragment of its own, too.
    let document = format!("{} fragment F on SalesOrder {{ address }}", UPDATE.replace("FIELDS", "...F"));
    let input = json!({"input": {"orderNumber": NUMBER, "status": "CONFIRMED"}});
    erp.graphql(&document, input).await.expect_error("INSUFFICIENT_SCOPE");
    // What is skipped is not asked for.
    move_to(&erp, "CONFIRMED", "version customerCode @skip(if: true)").await.data();
    // An order that is not there is no more readable than one that is.
    let missing = json!({"input": {"orderNumber": "SO-0000000009", "status": "SHIPPED"}});
    erp.graphql(&UPDATE.replace("FIELDS", "address"), missing.clone()).await.expect_error("INSUFFICIENT_SCOPE");
    erp.graphql(&UPDATE.replace("FIELDS", "version"), missing).await.expect_error("NOT_FOUND");
}

#[tokio::test]
async fn a_tool_reads_the_whole_order_where_it_may() {
    let app = TestApp::new().await;
    let whole = "version customerCode products { productCode } events { note salesOrder { address } }";
    // It sent the order itself.
    let sender = log_in(&app, "sender", &[Permission::OrdersCreate, Permission::OrdersManage]).await;
    sender.create(&order()).await.expect(201);
    let moved = move_to(&sender, "CONFIRMED", whole).await.data()["updateSalesOrderStatus"].take();
    assert_eq!((&moved["customerCode"], &moved["events"][1]["note"]), (&json!("CUST-001"), &json!(INTERNAL[0])));
    // Or it reads every order.
    let reader = log_in(&app, "reader", &[Permission::OrdersRead, Permission::OrdersManage]).await;
    let moved = move_to(&reader, "SHIPPED", whole).await.data()["updateSalesOrderStatus"].take();
    assert_eq!((&moved["customerCode"], &moved["events"][2]["note"]), (&json!("CUST-001"), &json!(INTERNAL[0])));
    assert_eq!(acknowledge(&reader, "sap", "1", whole).await.data()["acknowledgeSalesOrder"]["version"], 3);
}
