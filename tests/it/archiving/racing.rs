//! A retry comes at the very moment at which its order is archived.

use sea_orm::ConnectionTrait as _;

use super::{Archivist, cancel};
use crate::lines::NUMBER;
use crate::support::{TestApp, in_time, insert, order, to_insert, told, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_waits_for_the_removal_of_its_order_finds_it_archived_and_its_neighbours_are_stored() {
    only_on!(Postgres); // SQLite has one writer.
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create_with_key("first", &order()).await.expect(201);
    cancel(&operator, NUMBER).await;
    let lines = Archivist::of(&app).lines().await;
    // The removal has taken the order's row, and is held up before its end by a lock on the log that it writes to.
    let other = app.database.db_connect().await;
    other.execute_unprepared("BEGIN; LOCK TABLE client_audit_log IN EXCLUSIVE MODE").await.unwrap();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let (removed, retried) = in_time(
        "both",
        Box::pin(async {
            let archivist = Archivist::of(&app);
            let remove = archivist.remove("orders-1.jsonl", lines);
            let retry = async {
                until("the removal waits", async || app.database.db_number(waiting).await >= 1).await;
                let now = app.clock.now();
                let retry = insert(
                    &app.store,
                    vec![
                        to_insert(now, "key:before", &order()),
                        to_insert(now, "key:first", &order()),
                        to_insert(now, "key:zz", &order()),
                    ],
                );
                until("the retry waits", async || app.database.db_number(waiting).await >= 2).await;
                other.execute_unprepared("COMMIT").await.unwrap();
                retry.await.unwrap()
            };
            tokio::join!(remove, retry)
        }),
    )
    .await;
    assert_eq!(removed.removed, 1);
    let told = told(&retried);
    assert_eq!(told[1], (1, "archived"), "{told:?}");
    assert_eq!((told[0].1, told[2].1), ("new", "new"), "{told:?}");
    assert_eq!(app.database.whole_orders(2).await, 2);
    other.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_retries_beside_the_archiving_of_their_order_none_makes_a_second_one() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    for round in 1..=10 {
        let key = format!("round-{round}");
        let made = partner.create_with_key(&key, &order()).await.expect(201);
        let number = made["data"]["order_number"].as_str().unwrap().to_owned();
        cancel(&operator, &number).await;
        let archivist = Archivist::of(&app);
        let lines = archivist.lines().await;
        let retries: Vec<_> = (0..4)
            .map(|_| insert(&app.store, vec![to_insert(app.clock.now(), &format!("key:{key}"), &order())]))
            .collect();
        let left = archivist.remove(&format!("orders-{round}.jsonl"), lines).await;
        assert_eq!(left.removed, 1);
        for retry in retries {
            let told = told(&retry.await.unwrap());
            assert!(matches!(told[0].1, "again" | "archived"), "{told:?}");
            assert_eq!(format!("SO-{:010}", told[0].0), number);
        }
        assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 0);
    }
    assert_eq!(app.database.db_number("SELECT count(*) FROM archived_sales_orders").await, 10);
    app.database.true_totals().await;
}
