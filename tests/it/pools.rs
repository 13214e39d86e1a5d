//! The operator reads at `/metrics` how many connections to the database each kind of work has.

use sales_order_api::store::{DatabaseOptions, Store};
use sea_orm::ConnectionTrait as _;

use crate::support::{Answer, TestApp, keep_metrics, metric, on_postgres, options, order, until};

/// The most, the idle and the used connections of a pool.
fn pool(metrics: &Answer, name: &str) -> [f64; 3] {
    let of = |state: &str| metric(metrics, &format!("database_connections{{pool=\"{name}\",state=\"{state}\"}}"));
    [metric(metrics, &format!("database_connections_max{{pool=\"{name}\"}}")), of("idle"), of("used")]
}

fn is(pool: [f64; 3], expected: [u32; 3]) -> bool {
    pool.iter().zip(expected).all(|(is, expected)| (is - f64::from(expected)).abs() < 0.5)
}

#[tokio::test]
async fn an_operator_sees_which_pool_has_a_connection_in_use_and_how_many_each_may_have() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    keep_metrics();
    // An order that waits holds its connection.
    let held = app.database.hold_orders().await;
    let waiting = async {
        let (writer, most) = if on_postgres().is_some() { ("core", 3) } else { ("write", 1) };
        let mut metrics = app.get("/metrics").await;
        until("a connection is in use", async || {
            metrics = app.get("/metrics").await;
            let [max, idle, used] = pool(&metrics, writer);
            // What was put back is tested first, and counts as used until then.
            is([max, used, 0.0], [most, 1, 0]) && (most > 1 || idle == 0.0)
        })
        .await;
        assert!(is(pool(&metrics, "reports"), [2, 1, 0]), "{}", metrics.text);
        assert!(is(pool(&metrics, "read"), [3, 1, 0]), "{}", metrics.text);
        if on_postgres().is_some() {
            let open: f64 =
                ["core", "read", "reports"].map(|name| pool(&metrics, name)).iter().map(|p| p[1] + p[2]).sum();
            let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
            // Those of the one who holds the orders are not the service's.
            until("as many sessions of the server", async || {
                let sessions = u32::try_from(app.database.db_number(sessions).await).unwrap();
                (open + 1.0 - f64::from(sessions)).abs() < 0.5
            })
            .await;
        }
        held.execute_unprepared("ROLLBACK").await.unwrap();
        held.close().await.unwrap();
    };
    let order = order();
    let (answer, ()) = tokio::join!(partner.create(&order), waiting);
    answer.expect(201);
    until("every connection is idle", async || {
        let metrics = app.get("/metrics").await;
        let pools: &[_] = if on_postgres().is_some() { &["core"] } else { &["core", "write"] };
        pools.iter().all(|name| pool(&metrics, name)[2] == 0.0)
    })
    .await;
}

#[tokio::test]
async fn where_all_work_shares_one_pool_an_operator_sees_it_once() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    keep_metrics();
    let store = Store::connect(&DatabaseOptions { max_connections: 4, ..options(&app.database.url) }).await.unwrap();
    let router = TestApp::router_on(&store, &app.clock, |_| {});
    let app = TestApp { router, ..app };
    assert!(is(pool(&app.get("/metrics").await, "all"), [4, 1, 0]));
    store.close().await;
    assert!(is(pool(&app.get("/metrics").await, "all"), [4, 0, 0]));
}
