//! What the operator is told of a database that cannot keep orders, before any order comes.

use std::fmt::Write as _;
use std::fs;

use sales_order_api::domain::permission::Permission;
use sales_order_api::store::{Store, Uses, examine};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{address, list_clients, said, serve};
use crate::support::{Database, PATIENCE, Process, Remote, options, order, until};

#[tokio::test]
async fn a_database_that_cannot_hold_every_letter_is_refused() {
    only_on!(Postgres);
    let database = Database::empty().await;
    let name = database.url.rsplit_once('/').unwrap().1;
    let latin = format!("{name}_latin");
    let create = format!("CREATE DATABASE {latin} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    database.db_execute(&create).await.unwrap();
    let url = database.url.replace(name, &latin);
    let said = list_clients(&database.folder, &url, "10m");
    assert!(said.contains("in LATIN1") && said.contains("ENCODING 'UTF8'"), "{said}");
    database.db_execute(&format!("DROP DATABASE {latin} WITH (FORCE)")).await.unwrap();
}

#[tokio::test]
async fn the_extension_for_searching_may_be_in_any_schema() {
    only_on!(Postgres);
    let database = Database::empty().await;
    let elsewhere = "CREATE SCHEMA \"Else where\"; CREATE EXTENSION pg_trgm SCHEMA \"Else where\"";
    database.db_execute(elsewhere).await.unwrap();
    let store = database.connect().await;
    store.migrate_up().await.unwrap();
    store.close().await;
    let index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_sales_orders_search_text'";
    assert!(database.db_text(index).await.contains("\"Else where\".gin_trgm_ops"));
}

#[tokio::test]
async fn a_missing_grant_is_named_before_the_service_listens() {
    only_on!(Postgres);
    let database = Database::new().await;
    let name = database.url.rsplit_once('/').unwrap().1.to_owned();
    let role = format!("{name}_app");
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'right'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         REVOKE INSERT ON sales_order_lines FROM {role}; REVOKE DELETE ON client_addresses FROM {role};
         REVOKE ALL ON FUNCTION tend_api_requests FROM PUBLIC"
    );
    database.db_execute(&grants).await.unwrap();
    let url = address(&role, "right", &name);
    let refused = said(&mut serve(&database.folder, &url, "0"));
    let counter = "SELECT ON SEQUENCE public.sales_order_events_position_seq";
    let [entries, attempts] =
        ["api_requests", "webhook_attempts"].map(|table| format!("USAGE ON SEQUENCE public.{table}_id_seq"));
    let calls = "EXECUTE ON FUNCTION tend_api_requests(bigint,bigint)";
    let numbers = format!("{counter}, {entries}, {attempts}");
    let lacks = format!("lacks DELETE ON client_addresses, {calls}, INSERT ON sales_order_lines, {numbers};");
    assert!(refused.contains(&lacks), "{refused}");
    assert!(refused.contains(&format!("GRANT DELETE ON client_addresses TO {role}")), "{refused}");
    // With what is named there is enough, for those who follow with a cursor too.
    for lack in ["DELETE ON client_addresses", calls, "INSERT ON sales_order_lines", counter, &entries, &attempts] {
        database.db_execute(&format!("GRANT {lack} TO {role}")).await.unwrap();
    }
    let store = Store::connect(&options(&url)).await.unwrap();
    store.check_grants(Uses::default()).await.unwrap();
    // Where people sign in, their sessions are written too.
    database.db_execute(&format!("REVOKE INSERT ON person_sessions FROM {role}")).await.unwrap();
    store.check_grants(Uses::default()).await.unwrap();
    let lacks = format!("{:?}", store.check_grants(Uses { people: true, ..Uses::default() }).await.unwrap_err());
    assert!(lacks.contains("lacks INSERT ON person_sessions;"), "{lacks}");
    assert_eq!(store.find_last_given_position().await.unwrap().get(), 0);
    store.close().await;
    database.db_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_documented_rights_and_no_more_partners_order_and_operators_move_orders() {
    only_on!(Postgres);
    let database = Database::new().await;
    let name = database.url.rsplit_once('/').unwrap().1.to_owned();
    let role = format!("{name}_least");
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let table = text.split("serving needs no more than:").nth(1).unwrap().split("Managing clients").next().unwrap();
    let mut grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'right'; GRANT USAGE ON SCHEMA public TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
         GRANT SELECT ON SEQUENCE sales_order_events_position_seq TO {role};
         DO $$ BEGIN
           -- Since PostgreSQL 17 with one argument more.
           EXECUTE (SELECT string_agg(format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure), ';')
             FROM pg_proc WHERE proname = 'pg_logical_emit_message');
         END $$;"
    );
    for right in ["INSERT", "UPDATE", "DELETE"] {
        let row = table.lines().find(|line| line.starts_with(&format!("| {right} |"))).unwrap();
        let tables: Vec<_> = row.split('`').skip(1).step_by(2).collect();
        write!(grants, "GRANT {right} ON {} TO {role};", tables.join(", ")).unwrap();
    }
    database.db_execute(&grants).await.unwrap();
    every_use_is_served(&database, &address(&role, "right", &name)).await;
    database.db_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

/// Partners order, cancel and change, and operators move orders, by a service that reaches the database at `url`.
pub(super) async fn every_use_is_served(database: &Database, url: &str) {
    let secret = Remote::register(database, "partner").await;
    let tool = Remote::register_with(database, "tool", vec![Permission::OrdersManage]).await;
    let service = Process::serve(database.folder.path(), url, |_| {});
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let tool = Remote::log_in(&service.base, "tool", &tool).await;
    partner.create(&partner.sign(), None, &order()).await.unwrap().expect(201);
    // Nor is it needed to measure a commit, which begins with the first order.
    let signed = partner.sign();
    for n in 0..20 {
        partner.create(&signed, Some(&n.to_string()), &order()).await.unwrap().expect(201);
    }
    let bearer = format!("Bearer {}", tool.token);
    let path = "/api/v1/sales-orders/SO-0000000001/cancellation";
    let cancellation = json!({"reason": "OTHER", "lines": [{"line_no": 1, "cancelled_quantity": 1}]});
    for document in [
        "mutation { updateSalesOrderStatus(input: {orderNumber: \"SO-0000000001\", status: CONFIRMED}) { version } }",
        "mutation { saveEventConsumer(name: \"erp\", input: {}) { name } }",
        "mutation { deleteEventConsumer(name: \"erp\") }",
        "mutation { saveView(input: {name: \"mine\"}) { name } }",
        "mutation { setDefaultView(input: {name: \"mine\"}) { name } }",
        "mutation { deleteView(input: {name: \"mine\"}) }",
        "mutation { acknowledgeSalesOrder(input: {orderNumber: \"SO-0000000001\", system: \"erp\", externalNumber: \"4\"}) { version } }",
        "mutation { confirmSalesOrderLines(input: {orderNumber: \"SO-0000000001\", lines: [{lineNo: 1, confirmedQuantity: 1}]}) { version } }",
        "mutation { answerSalesOrderRequest(input: {orderNumber: \"SO-0000000001\", requestNumber: \"RQ-0000000001\", decision: ACCEPT}) { version } }",
        "mutation { recordShipment(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\", lines: [{lineNo: 1, quantity: 1}]}) { version } }",
        "mutation { recordDelivery(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\"}) { version } }",
    ] {
        let body = json!({"query": document});
        let answer = tool.post("/graphql", &[("authorization", &bearer)], &body).await.unwrap().expect(200);
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        if document.contains("acknowledgeSalesOrder") {
            let signed = partner.sign_body(path, cancellation.to_string().as_bytes());
            partner.post(path, &signed.headers(), &cancellation).await.unwrap().expect(202);
        }
    }
    let path = "/api/v1/sales-orders/SO-0000000002/change";
    let change = json!({"expected_version": 1, "address": "A", "removed_lines": [{"line_no": 1}],
                        "added_lines": [{"product_code": "P", "quantity": 1}]});
    let signed = partner.sign_body(path, change.to_string().as_bytes());
    partner.post(path, &signed.headers(), &change).await.unwrap().expect(200);
    database.true_totals().await;
    let log = service.stop();
    assert!(!log.contains("permission denied"), "{log}");
    // What an instance does when nobody asks.
    let store = Store::connect(&options(url)).await.unwrap();
    store.delete_signed_texts(chrono::DateTime::UNIX_EPOCH, 10).await.unwrap();
    store.close().await;
}

/// A connection like that of a standby, which only has to be there. None at a server that asks for more than a password in the
/// clear.
async fn standby(url: &str) -> Option<TcpStream> {
    let (login, place) = url.trim_start_matches("postgres://").rsplit_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let mut wire = TcpStream::connect(place.split('/').next().unwrap()).await.unwrap();
    let parameters = format!("user\0{user}\0replication\0true\0\0");
    wire.write_u32(u32::try_from(parameters.len()).unwrap() + 8).await.unwrap();
    wire.write_u32(3 << 16).await.unwrap();
    wire.write_all(parameters.as_bytes()).await.unwrap();
    loop {
        let (kind, length) = (wire.read_u8().await.unwrap(), wire.read_u32().await.unwrap());
        let mut body = vec![0; length as usize - 4];
        wire.read_exact(&mut body).await.unwrap();
        match kind {
            b'R' if body == [0, 0, 0, 3] => {
                let answer = format!("{password}\0");
                wire.write_u8(b'p').await.unwrap();
                wire.write_u32(u32::try_from(answer.len()).unwrap() + 4).await.unwrap();
                wire.write_all(answer.as_bytes()).await.unwrap();
            }
            b'R' if body != [0, 0, 0, 0] => return None,
            b'E' => panic!("{}", String::from_utf8_lossy(&body)),
            b'Z' => return Some(wire),
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_operator_is_warned_of_standbys_that_no_order_waits_for_whether_they_are_there_or_expected() {
    only_on!(Postgres);
    let database = Database::new().await;
    let warned = async || {
        let warnings = examine(&database.url, PATIENCE).await.unwrap().warnings;
        warnings.iter().any(|warning| warning.contains("waits for none of them"))
    };
    assert!(!warned().await);
    if let Some(standby) = standby(&database.url).await {
        assert!(warned().await, "of one that is there");
        drop(standby);
        until("the standby is gone", async || !warned().await).await;
    }
    let expecting = database.db_connect().await;
    let slot = "SELECT pg_create_physical_replication_slot('sales_order_it_standby', false, true)";
    expecting.execute_unprepared(slot).await.unwrap();
    assert!(warned().await, "of one that may come back");
    expecting.close().await.unwrap();
    until("the place of the standby is gone", async || !warned().await).await;
}

#[tokio::test]
async fn a_limit_of_connections_is_the_cause_whichever_of_them_it_keeps_out() {
    only_on!(Postgres);
    let database = Database::new().await;
    let name = database.url.rsplit_once('/').unwrap().1.to_owned();
    let role = format!("{name}_role");
    database.db_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'right'")).await.unwrap();
    let url = address(&role, "right", &name);
    for (of, whose) in [("ROLE", &role), ("DATABASE", &name)] {
        // With two there is none for the third pool.
        for most in [0, 1, 2] {
            database.db_execute(&format!("ALTER {of} {whose} CONNECTION LIMIT {most}")).await.unwrap();
            let mut serve = serve(&database.folder, &url, "0");
            let said = said(serve.env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", "1s"));
            let cause = format!("(too many connections for {} \"{whose}\")", of.to_lowercase());
            assert!(said.contains("too many clients at ") && said.contains(&cause), "{of} {most}: {said}");
            assert!(said.contains("raise max_connections or the CONNECTION LIMIT there"), "{said}");
        }
        database.db_execute(&format!("ALTER {of} {whose} CONNECTION LIMIT -1")).await.unwrap();
    }
    database.db_execute(&format!("DROP ROLE {role}")).await.unwrap();
}
