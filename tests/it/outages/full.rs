//! The server has no connection left for the service: a limit of its role or of its database is reached.

use futures_util::future::join_all;
use sales_order_api::domain::permission::Permission;
use serde_json::{Value, json};

use crate::support::{Answer, Database, Process, Remote, order, until};

fn expect_come_again(answer: &Answer) {
    answer.expect_problem(503, "DATABASE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some(), "{}", answer.text);
}

/// Sends an order again and again until it is taken; every answer before must be one that asks for that.
async fn until_taken(partner: &Remote, key: String) -> Value {
    let mut taken = Value::Null;
    until("the order is taken", async || {
        let answer = partner.create(&partner.sign(), Some(&key), &order()).await.unwrap();
        if answer.status != 201 {
            expect_come_again(&answer);
            return false;
        }
        taken = answer.expect(201);
        true
    })
    .await;
    taken
}

/// Whether a page is read; else it must be told to come again.
async fn is_read(reader: &Remote) -> bool {
    let bearer = format!("Bearer {}", reader.token);
    let query = json!({"query": "{ salesOrders(first: 1) { nodes { orderNumber } } }"});
    let answer = reader.post("/graphql", &[("authorization", &bearer)], &query).await.unwrap();
    if answer.json()["data"]["salesOrders"]["nodes"].is_array() {
        return true;
    }
    let error = answer.expect_error("DATABASE_UNAVAILABLE");
    assert!(error["extensions"]["retryAfter"].is_number(), "{error}");
    false
}

/// A service with a role of its own, since no limit holds for a superuser.
struct Limited {
    database: Database,
    name: String,
    role: String,
    service: Process,
    partner: Remote,
    reader: Remote,
}

impl Limited {
    async fn begin() -> Self {
        let database = Database::new().await;
        let (place, name) = database.url.rsplit_once('/').unwrap();
        let (_, server) = place.rsplit_once('@').unwrap();
        let role = format!("{name}_role");
        let create = format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'right'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
             GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
        );
        database.db_execute(&create).await.unwrap();
        let secret = Remote::register(&database, "partner").await;
        let reader = Remote::register_with(&database, "reader", vec![Permission::OrdersRead]).await;
        let url = format!("postgres://{role}:right@{server}/{name}");
        let service = Process::serve(database.folder.path(), &url, |command| {
            command
                .env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", "2s")
                // What nobody uses stays open for longer than a test waits.
                .env("SALES_ORDER_DATABASE__IDLE_TIMEOUT", "24h");
        });
        let partner = Remote::log_in(&service.base, "partner", &secret).await;
        let reader = Remote::log_in(&service.base, "reader", &reader).await;
        let name = name.to_owned();
        Self { database, name, role, service, partner, reader }
    }

    /// So many connections of the role or to the database may there be; -1 sets no limit.
    async fn limit(&self, of: &str, most: i64) {
        let whose = self.whose(of);
        self.database.db_execute(&format!("ALTER {of} {whose} CONNECTION LIMIT {most}")).await.unwrap();
    }

    fn whose(&self, of: &str) -> &str {
        if of == "ROLE" { &self.role } else { &self.name }
    }

    /// How many of the service's connections there are that this is true of.
    async fn count(&self, is_meant: &str) -> i64 {
        // In this order: what is meant may be asked to end.
        let ours = format!("usename = '{}' AND datname = current_database()", self.role);
        let count = format!("SELECT count(*) FROM pg_stat_activity WHERE CASE WHEN {ours} THEN {is_meant} END");
        self.database.db_number(&count).await
    }

    async fn end(self) {
        self.service.stop();
        let role = self.role;
        self.database.db_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_limit_of_connections_that_is_reached_loses_no_order_and_keeps_nobody_waiting_for_ever() {
    only_on!(Postgres);
    let limited = Limited::begin().await;
    let Limited { service, partner, reader, .. } = &limited;
    let mut taken = Vec::new();
    for of in ["ROLE", "DATABASE"] {
        // So few that there is always more to do than connections.
        limited.limit(of, 3).await;
        let orders = join_all((0..16).map(|n| until_taken(partner, format!("{of}-{n}"))));
        let (orders, _) = tokio::join!(orders, join_all((0..16).map(|_| is_read(reader))));
        taken.extend(orders);
        // None at all.
        limited.limit(of, 0).await;
        limited.count("pg_terminate_backend(pid)").await;
        let key = format!("{of}-meanwhile");
        for _ in 0..2 {
            expect_come_again(&partner.create(&partner.sign(), Some(&key), &order()).await.unwrap());
            assert!(!is_read(reader).await);
        }
        until("the service is not ready", async || reader.get("/health/ready").await.status != 200).await;
        expect_come_again(&reader.get("/health/ready").await);
        let whose = format!("(too many connections for {} \\\"{}\\\")", of.to_lowercase(), limited.whose(of));
        let cause = format!("{whose}; raise max_connections or the CONNECTION LIMIT there");
        until("the cause is told", async || service.log().contains(&cause)).await;
        reader.get("/health/live").await.expect(200);
        // There is room again.
        limited.limit(of, -1).await;
        taken.push(until_taken(partner, key).await);
        until("the page is read", async || is_read(reader).await).await;
        until("the service is ready", async || reader.get("/health/ready").await.status == 200).await;
    }
    assert_eq!(limited.database.whole_orders(2).await, 34, "none is lost and none is there twice");
    let mut numbers: Vec<_> = taken.iter().map(|order| order["data"]["order_number"].to_string()).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 34);
    limited.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_get_the_connections_that_pages_and_reports_leave_idle_where_there_are_no_more() {
    only_on!(Postgres);
    let limited = Limited::begin().await;
    // Those of pages and reports are known by what they were last used for.
    let of_reads = "(query LIKE '%statement_timeout%' OR query LIKE 'SELECT \"sales_orders\"%')";
    // As many as an order needs with all that goes on beside it: listening, looking the client up, storing.
    let mut idle = 0;
    until("pages have four connections", async || {
        join_all((0..8).map(|_| is_read(&limited.reader))).await;
        idle = limited.count(of_reads).await;
        idle >= 4
    })
    .await;
    limited.limit("ROLE", idle).await;
    limited.count(&format!("NOT {of_reads} AND pg_terminate_backend(pid)")).await;
    until_taken(&limited.partner, "in-no-room".to_owned()).await;
    limited.end().await;
}
