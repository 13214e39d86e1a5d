//! Orders that were moved into files: what partners, dashboards and operators are told of them, and that none comes twice.

mod kept;
mod racing;
mod retried;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sales_order_api::domain::archive::{ArchivedLine, Kept, Left, NewArchive};
use sales_order_api::domain::audit::{Actor, Via};
use sales_order_api::domain::order::OrderNumber;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::service::Archiving;
use sales_order_api::service::archiving::Examined;
use serde_json::{Value, json};

use crate::lines::{MOVE, NUMBER, move_to};
use crate::support::{Answer, PARTNER_KEY, Partner, Receiver, TestApp, order};
use crate::webhooks::{Sending, active, local, signed};

/// Whoever archives.
pub fn by() -> Actor {
    Actor { via: Via::Cli, name: "ops".to_owned(), host: "desk".to_owned() }
}

/// What the command does between its steps.
pub struct Archivist {
    pub archiving: Archiving,
    pub before: DateTime<Utc>,
}

impl Archivist {
    /// One who takes every order that has ended by now.
    pub fn of(app: &TestApp) -> Self {
        app.clock.advance(Duration::from_secs(1));
        let before = app.clock.now() + TimeDelta::seconds(1);
        Self { archiving: Archiving::new(app.store.clone(), app.clock.clock()), before }
    }

    /// The orders that the command looks at.
    pub async fn examine(&self) -> Vec<Examined> {
        let passed = self.archiving.passed().await.unwrap();
        self.archiving.next(self.before, OrderNumber::NONE, &passed).await.unwrap()
    }

    /// Those of them that may go, as their file has them.
    pub async fn lines(&self) -> Vec<ArchivedLine> {
        self.examine().await.iter().filter(|it| it.kept.is_none()).map(line).collect()
    }

    /// Removes the orders of a file of this name.
    pub async fn remove(&self, name: &str, lines: Vec<ArchivedLine>) -> Left {
        let numbers = lines.iter().map(|line| line.number);
        let file = NewArchive {
            name: name.to_owned(),
            sha256: [7; 32],
            orders: i64::try_from(lines.len()).unwrap(),
            first: numbers.clone().min().unwrap(),
            last: numbers.max().unwrap(),
        };
        let archive = self.archiving.note(file).await.unwrap();
        let left = self.archiving.remove(&archive, lines, &by()).await.unwrap();
        self.archiving.finish(&archive).await.unwrap();
        left
    }

    /// All of it.
    pub async fn archive(&self) -> Left {
        self.remove("orders-1.jsonl", self.lines().await).await
    }
}

/// What the file has of an order.
pub fn line(Examined { order, events, .. }: &Examined) -> ArchivedLine {
    ArchivedLine {
        number: order.number,
        client_id: order.client_id.to_string(),
        version: order.version,
        currency: order.content.currency.clone(),
        total_quantity: order.total_quantity,
        total_amount: order.total_amount,
        created_at: order.created_at,
        updated_at: order.updated_at,
        events: *events,
        idempotency_key: String::new(),
        request_digest: Vec::new(),
        receipt: None,
        request_receipts: Vec::new(),
    }
}

/// The operator cancels an order.
pub async fn cancel(operator: &Partner<'_>, number: &str) {
    let input = json!({"input": {"orderNumber": number, "status": "CANCELLED"}});
    operator.graphql(MOVE, input).await.data();
}

/// The first order, delivered, and archived.
pub async fn archived(app: &TestApp) -> (Partner<'_>, Archivist) {
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create_with_key("first", &order()).await.expect(201);
    for status in ["CONFIRMED", "SHIPPED", "DELIVERED"] {
        move_to(&operator, status).await;
    }
    let archivist = Archivist::of(app);
    assert_eq!(archivist.archive().await, Left { removed: 1, ..Left::default() });
    (partner, archivist)
}

async fn orders(app: &TestApp) -> i64 {
    app.database.db_number("SELECT count(*) FROM sales_orders").await
}

#[tokio::test]
async fn an_archived_order_leaves_lists_totals_and_the_feed_and_its_key_stays() {
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    app.clock.advance(Duration::from_secs(1));
    partner.create_with_key("second", &order()).await.expect(201);
    let dashboard = app.dashboard().await;
    let document = "{ salesOrders { totalCount nodes { orderNumber } } salesOrderSummary { totals { orders } }
                      salesOrderEvents { nodes { orderNumber } } }";
    let shown = dashboard.graphql(document, Value::Null).await.data();
    let second = json!({"orderNumber": "SO-0000000002"});
    assert_eq!(shown["salesOrders"], json!({"totalCount": 1, "nodes": [second]}));
    assert_eq!(shown["salesOrderSummary"]["totals"]["orders"], 1);
    assert_eq!(shown["salesOrderEvents"]["nodes"], json!([second]));
    assert_eq!(app.database.whole_orders(2).await, 1);
    let kept = "SELECT id || ' ' || client_id || ' ' || idempotency_key FROM archived_sales_orders";
    assert_eq!(app.database.db_text(kept).await, "1 versuni-client-001 key:first");
    let entry = "SELECT action || ' ' || via || ' ' || actor || ' ' || client_id || ' ' || detail FROM client_audit_log
                 WHERE action = 'ORDERS_ARCHIVED'";
    let told = format!(
        "ORDERS_ARCHIVED cli ops versuni-client-001 {{\"archive\":\"orders-1.jsonl\",\"sha256\":\"{}\",\"orders\":\"1\",\
         \"first_order_number\":\"{NUMBER}\",\"last_order_number\":\"{NUMBER}\"}}",
        "07".repeat(32)
    );
    assert_eq!(app.database.db_text(entry).await, told);
}

#[tokio::test]
async fn whoever_could_read_an_order_is_told_that_it_is_archived_and_nobody_else_is() {
    let app = TestApp::new().await;
    let (partner, _) = archived(&app).await;
    let dashboard = app.dashboard().await;
    let manages = [Permission::OrdersManage];
    let secret = app.client("erp-002", &manages, SignaturePolicy::Documented, Vec::new()).await;
    let operator = Partner::log_in(&app, "erp-002", secret, &PARTNER_KEY).await;
    let other = app.partner_named("another-client-001", SignaturePolicy::Documented).await;
    let path = format!("/api/v1/sales-orders/{NUMBER}");
    let document = format!("{{ salesOrder(orderNumber: \"{NUMBER}\") {{ status }} }}");

    let problem = partner.get(&path).await.expect_problem(410, "ORDER_ARCHIVED");
    assert_eq!((&problem["order_number"], problem.get("archive")), (&json!(NUMBER), None));
    assert!(problem["archived_at"].as_str().unwrap().starts_with("2026-11-23T"), "{problem}");
    let staff = dashboard.get(&path).await.expect_problem(410, "ORDER_ARCHIVED");
    assert_eq!(staff["archive"], "orders-1.jsonl");
    let error = partner.graphql(&document, Value::Null).await.expect_error("ORDER_ARCHIVED");
    assert_eq!(error["extensions"]["orderNumber"], NUMBER);
    assert_eq!(
        dashboard.graphql(&document, Value::Null).await.expect_error("ORDER_ARCHIVED")["extensions"]["archive"],
        "orders-1.jsonl"
    );

    other.get(&path).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(other.graphql(&document, Value::Null).await.data()["salesOrder"], Value::Null);
    partner.get("/api/v1/sales-orders/SO-0000000009").await.expect_problem(404, "NOT_FOUND");

    let input = json!({"input": {"orderNumber": NUMBER, "status": "CANCELLED"}});
    operator.graphql(MOVE, input).await.expect_error("ORDER_ARCHIVED");
}

#[tokio::test]
async fn a_file_of_a_name_that_is_known_is_the_same_file_or_is_refused() {
    let app = TestApp::new().await;
    let (_, archivist) = archived(&app).await;
    let file = |sha256| NewArchive {
        name: "orders-1.jsonl".to_owned(),
        sha256,
        orders: 1,
        first: OrderNumber::from_id(1),
        last: OrderNumber::from_id(1),
    };
    archivist.archiving.note(file([7; 32])).await.unwrap();
    assert!(archivist.archiving.note(file([8; 32])).await.is_err());
    let archives = archivist.archiving.archives().await.unwrap();
    assert!(archives.len() == 1 && archives[0].finished_at.is_some(), "{archives:?}");
}

#[tokio::test]
async fn while_somebody_archives_nobody_else_does() {
    let app = TestApp::new().await;
    let [one, other] = [Archivist::of(&app), Archivist::of(&app)];
    let turn = one.archiving.begin().await.unwrap();
    let refusal = other.archiving.begin().await.unwrap_err();
    assert!(refusal.message.contains("being archived by another command"), "{refusal}");
    drop(turn);
    crate::support::until("the turn", async || other.archiving.begin().await.is_ok()).await;
}

#[tokio::test]
async fn a_migration_that_would_forget_keys_is_not_taken_back() {
    let app = TestApp::new().await;
    archived(&app).await;
    let refusal = taken_back(&app).await;
    assert!(refusal.contains("idempotency keys would be forgotten"), "{refusal}");
}

/// Takes back what the archive came with, and tells why that is refused.
async fn taken_back(app: &TestApp) -> String {
    let migrations = app.store.migrations().await.unwrap();
    let later = migrations.iter().rev().take_while(|it| !it.name.ends_with("archive_sales_orders")).count();
    let refused = app.store.migrate_down(u32::try_from(later + 1).unwrap()).await.unwrap_err();
    format!("{refused:?}")
}

/// Kept of orders for this one reason.
fn only(why: Kept, count: u64) -> Left {
    Left { removed: 0, kept: [(why, count)].into() }
}

#[tokio::test]
async fn where_the_newest_events_left_with_their_orders_readers_go_on_from_the_end() {
    let app = TestApp::with(local).await;
    let (partner, _) = archived(&app).await;
    let next = |answer: &Answer| answer.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    let mut list = next(&partner.get("/api/v1/sales-orders").await);
    let mut feed = next(&partner.get("/api/v1/events").await);
    for _ in 0..2 {
        list = next(&partner.get(&format!("/api/v1/sales-orders?cursor={list}")).await);
        feed = next(&partner.get(&format!("/api/v1/events?after={feed}")).await);
    }
    signed(&partner, "PUT", "/erp", Some(&json!({"url": "http://127.0.0.1:8443/hooks"}))).await.expect(201);
    app.clock.advance(Duration::from_secs(1));
    partner.create_with_key("second", &order()).await.expect(201);
    let told = partner.get(&format!("/api/v1/events?after={feed}")).await.expect(200);
    assert_eq!(told["data"][0]["order_number"], "SO-0000000002");
    let told = partner.get(&format!("/api/v1/sales-orders?cursor={list}")).await.expect(200);
    assert_eq!(told["data"][0]["order_number"], "SO-0000000002");
}

#[tokio::test]
async fn an_order_that_was_acknowledged_since_the_date_stays() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create(&order()).await.expect(201);
    cancel(&operator, NUMBER).await;
    let mut archivist = Archivist::of(&app);
    archivist.before = app.clock.now();
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(archivist.lines().await.len(), 1);
    let input = json!({"input": {"orderNumber": NUMBER, "system": "erp"}});
    let acknowledge =
        "mutation($input: AcknowledgeSalesOrderInput!) { acknowledgeSalesOrder(input: $input) { version } }";
    operator.graphql(acknowledge, input).await.data();
    assert_eq!(archivist.lines().await.len(), 0);
}

#[tokio::test]
async fn an_order_that_stays_is_sent_again_whole_however_many_after_it_are_archived() {
    let app = TestApp::with(local).await;
    let (partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    partner.create_with_key("stays", &order()).await.expect(201);
    partner.create_with_key("leaves", &order()).await.expect(201);
    cancel(&operator, "SO-0000000002").await;
    active(&partner, "erp", &receiver, json!({})).await;
    assert_eq!(Archivist::of(&app).archive().await.removed, 1);
    let _sending = Sending::on(&app.state);
    signed(&partner, "POST", "/erp/replay", Some(&json!({"order_number": NUMBER}))).await.expect(202);
    let sent = receiver.events_after(1).await;
    assert_eq!((sent[0].order(), sent[0].sequence()), (NUMBER, 1));
}

#[tokio::test]
async fn the_version_before_gets_no_feed_back_of_which_events_are_gone() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    app.store.expire_events(app.clock.now() + TimeDelta::seconds(1)).await.unwrap();
    let refused = format!("{:?}", app.store.migrate_down(2).await.unwrap_err());
    assert!(refused.contains("keep this version, or restore a backup"), "{refused}");
}
