//! The operator answers a person who asks what is kept of them, or wants it gone.

use serde_json::{Value, json};

use super::{Desk, keys};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_exports_all_that_is_kept_of_a_customer_and_erases_it() {
    let desk = Desk::new().await;
    desk.run(&["generate", "--orders", "300", "--days", "400"]).succeeds();
    let customer = "SELECT customer_code || ' ' || client_id FROM sales_orders
                    GROUP BY customer_code, client_id ORDER BY count(*) DESC LIMIT 1";
    let customer = desk.database.db_text(customer).await;
    let (code, client) = customer.split_once(' ').unwrap();
    let named = ["--client-id", client, "--customer-code", code];
    let count = async |condition: &str| {
        let of_customer = format!("customer_code = '{code}' AND client_id = '{client}'");
        let sql = format!("SELECT count(*) FROM sales_orders WHERE {of_customer} AND {condition}");
        desk.database.db_number(&sql).await
    };
    let all = count("true").await;
    desk.run(&[&["personal-data", "export", "--output", "customer.jsonl"], &named[..]].concat()).succeeds();
    let exported = std::fs::read_to_string(desk.folder().join("customer.jsonl")).unwrap();
    let orders: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(i64::try_from(orders.len()).unwrap(), all);
    for order in &orders {
        assert_eq!((&order["customer_code"], &order["client_id"]), (&json!(code), &json!(client)));
        assert!(
            ["address", "products", "requests", "acknowledgements", "events", "receipt"]
                .iter()
                .all(|name| keys(order).contains(name))
        );
        assert_eq!(order["events"][0]["kind"], "CREATED");
    }
    let open = count("status IN ('RECEIVED', 'CONFIRMED', 'SHIPPED')").await;
    let erased = desk.run(&[&["personal-data", "erase-customer", "--json"], &named[..]].concat()).json();
    assert_eq!(erased["erased"], all - open);
    assert_eq!(i64::try_from(erased["open"].as_array().unwrap().len()).unwrap(), open);
    assert_eq!(count("address = '' AND sales_name = ''").await, all - open);
    assert_eq!(count("address <> ''").await, open);
    desk.run(&["totals", "check"]).succeeds();
    for command in ["export", "erase-customer"] {
        let said = desk.run(&["personal-data", command, "--client-id", client, "--customer-code", "NOBODY"]).fails();
        assert!(said.contains("NOBODY"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_erases_one_order_and_is_told_of_one_under_way() {
    let desk = Desk::new().await;
    desk.run(&["generate", "--orders", "200", "--days", "90"]).succeeds();
    let number = async |statuses: &str| {
        let sql = format!("SELECT order_number FROM sales_orders WHERE status IN ({statuses}) ORDER BY id LIMIT 1");
        desk.database.db_text(&sql).await
    };
    let (closed, open) = (number("'DELIVERED', 'CANCELLED'").await, number("'RECEIVED', 'CONFIRMED', 'SHIPPED'").await);
    let said = desk.run(&["personal-data", "erase-order", &closed]).succeeds();
    assert_eq!(said, format!("erased: {closed}\n"));
    let said = desk.run(&["personal-data", "erase-order", &open]).fails();
    assert!(said.contains(&open) && said.contains("address"), "{said}");
    assert!(desk.run(&["personal-data", "erase-order", "SO-0000009999"]).fails().contains("no order"));
    desk.run(&["personal-data", "erase-customer", "--client-id", "partner-1"]).is_misused();
}
