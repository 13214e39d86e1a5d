//! What is left in the database of an order that was archived.

use super::{PERSONAL, holders, live_through};
use crate::archiving::Archivist;
use crate::support::TestApp;

#[tokio::test]
async fn no_text_of_an_archived_order_is_left_in_any_table() {
    let app = TestApp::new().await;
    let _partner = live_through(&app).await;
    app.database.merged_totals().await;
    // What is no name, address or note of it, too; its key is what stays.
    let marked = |columns: &[&str]| {
        columns.iter().map(|column| format!("{column} = '{PERSONAL}'")).collect::<Vec<_>>().join(", ")
    };
    let updates = [
        format!("UPDATE sales_orders SET {}", marked(&["customer_code", "site_code", "partner_reference"])),
        format!("UPDATE sales_order_lines SET {}", marked(&["product_code", "product_name", "unit", "reference"])),
        format!("UPDATE sales_order_receipts SET {}", marked(&["string_to_sign", "key_fingerprint"])),
        format!(
            "INSERT INTO sales_order_acknowledgements (order_id, system, external_number, actor, created_at)
             VALUES (1, '{PERSONAL}', '{PERSONAL}', '{PERSONAL}', 0)"
        ),
    ];
    for sql in updates {
        app.database.db_execute(&sql).await.unwrap();
    }
    assert!(holders(&app).await.len() >= 8, "{:?}", holders(&app).await);
    assert_eq!(Archivist::of(&app).archive().await.removed, 1);
    assert_eq!(holders(&app).await, Vec::<String>::new());
    app.database.true_totals().await;
    if crate::support::on_postgres().is_none() {
        let indexed = "SELECT count(*) FROM sales_order_search_data WHERE instr(block, CAST('7z' AS blob)) > 0";
        assert_eq!(app.database.db_number(indexed).await, 0, "the index of searches has no piece of it");
    }
}
