//! What a page of the feed reads.

use super::{FEED, Page, rest, take};
use crate::support::{TestApp, until};

/// A database that was just filled knows no figures of its tables, and would read all that the client ever sent for each page.
#[tokio::test]
async fn a_page_of_the_feed_reads_no_order_of_another_page() {
    only_on!(Postgres); // On SQLite its plan is looked at (`a_page_of_the_feed_looks_at_its_own_events_only`).
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.database.db_execute("ALTER TABLE sales_orders SET (autovacuum_enabled = off)").await.unwrap();
    app.database.db_execute("ALTER TABLE sales_order_events SET (autovacuum_enabled = off)").await.unwrap();
    for n in 0..60 {
        take(&partner, &format!("EARLIER-{n}")).await;
    }
    let (_, cursor) = rest(&partner, "limit=100", None).await;
    take(&partner, "NEWEST").await;
    let reads = "SELECT coalesce(sum(idx_tup_read), 0)::bigint + (SELECT seq_tup_read FROM pg_stat_user_tables
            WHERE relname = 'sales_orders') FROM pg_stat_user_indexes
        WHERE relname = 'sales_orders' AND indexrelname <> 'sales_orders_pkey'";
    let before = app.database.db_number(reads).await;
    let looks = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'sales_order_events_pkey'";
    let looked = app.database.db_number(looks).await;
    // What a session did stands in the figures some time later, with what it did before.
    until("twenty pages stand in the figures", async || {
        let page = Page::of(&partner.get(&format!("{FEED}?limit=100&after={cursor}")).await);
        assert_eq!(page.events.len(), 1);
        app.database.db_number(looks).await >= looked + 20
    })
    .await;
    let read = app.database.db_number(reads).await - before;
    assert!(read <= 5 * 60, "{read} orders were read that no event of the page is of");
}
