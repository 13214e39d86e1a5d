//! What partners and operators read of requests afterwards, and what nobody may.

mod following;
mod keeping;
mod secrecy;

use std::time::Duration;

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{PARTNER_KEY, Partner, TestApp, order};

/// Somebody of the staff who manages partners.
async fn staff(app: &TestApp) -> Partner<'_> {
    let scopes = [Permission::ClientsRead];
    let secret = app.client("staff-001", &scopes, SignaturePolicy::Documented, Vec::new()).await;
    Partner::log_in(app, "staff-001", secret, &PARTNER_KEY).await
}

/// What the log has for this reader, the newest first, after everything that was answered was written.
async fn read(reader: &Partner<'_>, query: &str) -> Vec<Value> {
    reader.app.state.request_log().flush().await.unwrap();
    let page = reader.get(&format!("/api/v1/requests?limit=200&{query}")).await.expect(200);
    page["data"].as_array().unwrap().clone()
}

/// One member of each entry.
fn each(entries: &[Value], member: &str) -> Vec<Value> {
    entries.iter().map(|entry| entry[member].clone()).collect()
}

fn referenced(reference: &str) -> Value {
    let mut order = order();
    order["partner_reference"] = json!(reference);
    order
}

#[tokio::test]
async fn a_partner_finds_what_it_sent_and_what_was_answered() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let order = referenced("PO-1");
    let created = partner.create_with_key("key-1", &order).await;
    let number = created.expect(201)["data"]["order_number"].clone();
    partner.create_with_key("key-1", &order).await.expect(201);
    let entries = read(&partner, "order_number=SO-0000000001").await;
    assert_eq!(each(&entries, "replayed"), [true, false]);
    let entry = &entries[1];
    assert_eq!(entry["request_id"].as_str(), created.header("x-request-id"));
    assert_eq!(
        (&entry["order_number"], &entry["partner_reference"], &entry["idempotency_key"]),
        (&number, &json!("PO-1"), &json!("key-1"))
    );
    assert_eq!(
        (&entry["method"], &entry["route"], &entry["status"]),
        (&json!("POST"), &json!("/api/v1/sales-orders"), &json!(201))
    );
    assert_eq!((&entry["client_id"], &entry["is_proven"]), (&json!("versuni-client-001"), &json!(true)));
    assert_eq!(entry["body_bytes"], order.to_string().len());
    assert_eq!(entry["signature_form"], "documented");
    assert!(entry["key_fingerprint"].as_str().unwrap().starts_with("SHA256:"), "{entry}");
    assert!(entry["body"].is_null() && entry["code"].is_null() && entry["explanation"].is_null(), "{entry}");
}

#[tokio::test]
async fn a_partner_learns_of_a_request_that_failed_what_was_wrong_and_what_to_do() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut wrong = referenced("PO-2");
    wrong["products"][1]["quantity"] = json!(0);
    let refused = partner.create(&wrong).await;
    refused.expect(400);
    let id = refused.header("x-request-id").unwrap();
    let entries = read(&partner, &format!("request_id={id}")).await;
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry["code"], "VALIDATION_FAILED");
    assert!(entry["explanation"].as_str().unwrap().contains("errors"), "{entry}");
    assert_eq!(
        entry["errors"],
        json!([{"pointer": "/products/1/quantity", "code": "range", "message": "must be from 1 to 1000000"}])
    );
    let body = entry["body"].as_str().unwrap();
    assert!(body.contains(r#""quantity":0"#) && body.contains(r#""product_code":"HR2223""#), "{body}");
    assert!(body.contains(r#""sales_name":"<8 characters>""#), "{body}");
    // The reference is found though no order was read.
    assert_eq!(read(&partner, "partner_reference=PO-2").await, entries);
    // A wrong signature says why, in the words of the answer.
    let stale = crate::support::Signed { timestamp: "1".to_owned(), ..partner.sign() };
    let refused = partner.send_order(&stale, &order()).await;
    let hint = refused.expect(401)["hint"].clone();
    let entries = read(&partner, "code=INVALID_TIMESTAMP").await;
    assert_eq!(each(&entries, "hint"), [hint]);
    assert!(entries[0]["explanation"].as_str().unwrap().contains("NTP"), "{entries:?}");
}

#[tokio::test]
async fn a_partner_sees_its_own_requests_and_staff_sees_all() {
    let app = TestApp::new().await;
    let (partner, staff) = (app.partner().await, staff(&app).await);
    let other = app.partner_named("other-001", SignaturePolicy::Documented).await;
    for sender in [&partner, &other] {
        sender.create(&order()).await.expect(201);
    }
    for (reader, id) in [(&partner, "versuni-client-001"), (&other, "other-001")] {
        let entries = read(reader, "").await;
        assert!(entries.len() >= 2 && entries.iter().all(|entry| entry["client_id"] == id), "{entries:?}");
        assert_eq!(
            read(reader, "order_number=SO-0000000001").await.len(),
            usize::from(reader.client_id == partner.client_id)
        );
    }
    let clients = |entries: Vec<Value>| {
        let mut clients: Vec<_> =
            entries.iter().filter_map(|entry| entry["client_id"].as_str().map(str::to_owned)).collect();
        clients.sort();
        clients.dedup();
        clients
    };
    assert_eq!(clients(read(&staff, "").await), ["other-001", "staff-001", "versuni-client-001"]);
    assert_eq!(clients(read(&staff, "client_id=other-001").await), ["other-001"]);
    partner.get("/api/v1/requests?client_id=other-001").await.expect_problem(403, "INSUFFICIENT_SCOPE");
    partner.get("/api/v1/requests?client_id=versuni-client-001").await.expect(200);
}

#[tokio::test]
async fn entries_are_found_by_status_outcome_code_and_time_and_pages_have_each_once() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for n in 0..5 {
        app.clock.advance(Duration::from_mins(1));
        partner.create(&referenced(&format!("PO-{n}"))).await.expect(201);
        partner.get("/api/v1/sales-orders/SO-0000000099").await.expect(404);
    }
    let count = async |query: &str| read(&partner, query).await.len();
    assert_eq!(count("status=404").await, 5);
    assert_eq!(count("status=201").await, 5);
    assert_eq!(count("code=NOT_FOUND&outcome=FAILED").await, 5);
    assert_eq!(count("code=NOT_FOUND&outcome=SUCCEEDED").await, 0);
    assert_eq!(count("order_number=SO-0000000003").await, 1);
    assert_eq!(count("partner_reference=PO-3&status=201").await, 1);
    let time = |minutes: u64| {
        let at = app.clock.now() - Duration::from_mins(minutes);
        at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
    };
    assert_eq!(count(&format!("status=404&since={}", time(1))).await, 2, "from the time on");
    assert_eq!(count(&format!("status=404&until={}", time(1))).await, 3, "before the time");
    assert_eq!(count(&format!("status=404&since={}&until={}", time(3), time(1))).await, 2);
    // Entries of one time have an order too.
    let whole = read(&partner, "outcome=FAILED").await;
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = partner.get(&format!("/api/v1/requests?outcome=FAILED&limit=2{cursor}")).await.expect(200);
        paged.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, whole);
}

#[tokio::test]
async fn failures_are_put_into_groups_of_one_cause() {
    let app = TestApp::new().await;
    let (partner, staff) = (app.partner().await, staff(&app).await);
    let other = app.partner_named("other-001", SignaturePolicy::Documented).await;
    for sender in [&partner, &partner, &other] {
        sender.get("/api/v1/sales-orders/SO-0000000099").await.expect(404);
    }
    let last = other.create(&json!({})).await;
    last.expect(400);
    app.state.request_log().flush().await.unwrap();
    let ask = async |reader: &Partner<'_>, input: &str| {
        let fields = "code route status count clients lastRequestId explanation";
        let answer = reader.graphql(&format!("{{ requestErrors(input: {input}) {{ {fields} }} }}"), json!({})).await;
        answer.data()["requestErrors"].as_array().unwrap().clone()
    };
    let groups = ask(&staff, "{}").await;
    assert_eq!(each(&groups, "code"), ["NOT_FOUND", "VALIDATION_FAILED"]);
    assert_eq!((&groups[0]["count"], &groups[0]["clients"]), (&json!(3), &json!(2)));
    assert_eq!(groups[0]["route"], "/api/v1/sales-orders/{order_number}");
    assert_eq!(groups[1]["lastRequestId"].as_str(), last.header("x-request-id"));
    assert!(groups[1]["explanation"].as_str().unwrap().contains("fields"), "{groups:?}");
    let own = ask(&partner, "{}").await;
    assert_eq!((own.len(), &own[0]["count"]), (1, &json!(2)));
    assert_eq!(ask(&staff, r#"{until: "2020-01-01T00:00:00Z"}"#).await.len(), 0);
}

#[tokio::test]
async fn a_group_of_failures_leads_to_exactly_its_requests() {
    let app = TestApp::new().await;
    let (partner, staff) = (app.partner().await, staff(&app).await);
    for timestamp in ["1", "1", "1795441036000", "soon"] {
        let timestamp = timestamp.to_owned();
        partner.send_order(&crate::support::Signed { timestamp, ..partner.sign() }, &order()).await.expect(401);
    }
    partner.create(&order()).await.expect(201);
    partner.create(&json!({})).await.expect(400);
    partner.validate_with_key("key", &json!({})).await.expect(400);
    for number in ["SO-0000000098", "SO-0000000099"] {
        partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect(404);
    }
    app.state.request_log().flush().await.unwrap();
    let fields = "code hint route status count";
    let groups = staff.graphql(&format!("{{ requestErrors(input: {{}}) {{ {fields} }} }}"), json!({})).await.data();
    let groups = groups["requestErrors"].as_array().unwrap().clone();
    assert_eq!(groups.len(), 6, "{groups:?}");
    for group in groups {
        let part = |name: &str| group[name].as_str().unwrap_or("none").replace('{', "%7B").replace('}', "%7D");
        let [code, hint, route] = ["code", "hint", "route"].map(part);
        let found = read(&staff, &format!("code={code}&hint={hint}&route={route}&status={}", group["status"])).await;
        assert_eq!(json!(found.len()), group["count"], "{group}");
        for member in ["code", "hint", "route", "status"] {
            assert!(each(&found, member).iter().all(|value| *value == group[member]), "{group}");
        }
    }
    // What has a code or a hint is not among what has none.
    for query in ["code=INVALID_TIMESTAMP&hint=none", "code=none&status=404", "code=none&outcome=FAILED"] {
        assert!(read(&staff, query).await.is_empty(), "{query}");
    }
    // Over GraphQL they are the same.
    let input = json!({"hint": "none", "code": "none", "route": "/api/v1/sales-orders", "outcome": "SUCCEEDED"});
    let document = "query ($input: RequestLogInput!) { requestLog(input: $input) { nodes { status } } }";
    let found = staff.graphql(document, json!({"input": input})).await.data();
    assert_eq!(found["requestLog"]["nodes"], json!([{"status": 201}]));
}

#[tokio::test]
async fn what_is_wrong_with_the_parameters_is_named_all_at_once() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let query = "limit=0&status=99&outcome=MAYBE&code=NO_CODE&since=yesterday&order_number=7&colour=red&cursor=x";
    let refused = partner.get(&format!("/api/v1/requests?{query}")).await.expect_problem(400, "VALIDATION_FAILED");
    let pointers = each(refused["errors"].as_array().unwrap(), "pointer");
    for name in ["limit", "status", "outcome", "code", "since", "order_number", "colour"] {
        assert!(pointers.contains(&json!(format!("/{name}"))), "{name}: {pointers:?}");
    }
    let cursor = partner.get("/api/v1/requests?cursor=x").await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(cursor["errors"][0]["code"], "cursor");
    let hint = partner.get("/api/v1/requests?hint=clock").await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!((&hint["errors"][0]["pointer"], &hint["errors"][0]["code"]), (&json!("/hint"), &json!("value")));
    let reversed = "since=2026-11-28T00:00:00Z&until=2026-11-27T00:00:00Z";
    partner.get(&format!("/api/v1/requests?{reversed}")).await.expect_problem(400, "VALIDATION_FAILED");
    app.get("/api/v1/requests").await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn files_have_what_the_pages_have() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut formula = order();
    formula["note"] = json!(7);
    partner.create_with_key("=1+1", &formula).await.expect(400);
    for _ in 0..210 {
        partner.get("/api/v1/sales-orders/SO-0000000099").await.expect(404);
    }
    let entries = read(&partner, "outcome=FAILED").await;
    let lines = partner.get("/api/v1/requests.jsonl?outcome=FAILED").await;
    assert_eq!(lines.header("content-disposition"), Some("attachment; filename=\"requests.jsonl\""));
    let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[..200]), (211, &entries[..]));
    let csv = partner.get("/api/v1/requests.csv?outcome=FAILED").await.text;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let headings = rows.headers().unwrap().clone();
    let at = |name: &str| headings.iter().position(|heading| heading == name).unwrap();
    let (id, key, errors) = (at("request_id"), at("idempotency_key"), at("errors"));
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 211);
    assert_eq!(rows[0][id], *lines[0]["request_id"].as_str().unwrap());
    assert_eq!((&rows[210][key], &rows[210][errors]), ("'=1+1", "/note must be a string, not a number"));
    partner.get("/api/v1/requests.csv?limit=3").await.expect_problem(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn each_order_of_many_in_one_request_has_an_entry_of_its_own() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let row = |key: &str, quantity: i64| {
        let mut order = referenced(&format!("PO-{key}"));
        order["products"][0]["quantity"] = json!(quantity);
        order["idempotency_key"] = json!(key);
        order
    };
    let body = json!({"orders": [row("a", 1), row("b", 0), row("a", 1)]}).to_string();
    let path = "/api/v1/sales-orders/batch";
    let signed = partner.sign_body(path, body.as_bytes());
    let answer = app.post_text(path, &signed.headers(), body).await;
    answer.expect(207);
    let id = answer.header("x-request-id").unwrap();
    let mut entries = read(&partner, &format!("request_id={id}")).await;
    entries.reverse();
    assert_eq!(each(&entries, "row"), [Value::Null, json!(1), json!(2), json!(3)]);
    assert_eq!(each(&entries, "status"), [207, 201, 400, 201]);
    assert_eq!(each(&entries, "replayed"), [false, false, false, true]);
    assert_eq!(entries[2]["errors"][0]["pointer"], "/orders/1/products/0/quantity");
    let found = read(&partner, "partner_reference=PO-a").await;
    assert_eq!(each(&found, "order_number"), ["SO-0000000001", "SO-0000000001"]);
}

#[tokio::test]
async fn signed_graphql_operations_are_logged_and_others_are_not() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let create = "mutation buy($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) { salesOrder { orderNumber } } }";
    let input = json!({"customerCode": "C", "siteCode": "S", "salesName": "N", "address": "A",
        "partnerReference": "PO-9", "products": [{"productCode": "P", "quantity": 1}]});
    partner.graphql("query look { viewer { clientId } }", json!({})).await.data();
    partner.graphql(create, json!({"input": input})).await.expect_error("MISSING_HEADER");
    partner.signed_graphql(create, json!({"input": input})).await.data();
    let entries = read(&partner, "").await;
    let of_graphql: Vec<_> = entries.into_iter().filter(|entry| entry["route"] == "/graphql").collect();
    assert_eq!(each(&of_graphql, "operation"), ["buy", "buy"]);
    assert_eq!(each(&of_graphql, "code"), [Value::Null, json!("MISSING_HEADER")]);
    assert_eq!(of_graphql[0]["order_number"], "SO-0000000001");
    // It is a failure, though GraphQL answers it with 200.
    let failed = read(&partner, "code=MISSING_HEADER&outcome=FAILED").await;
    assert_eq!(each(&failed, "status"), [200]);
    // One whose token is refused before its signature is looked at is logged too.
    app.clock.advance(Duration::from_hours(13));
    partner.signed_graphql(create, json!({"input": input})).await.expect_error("UNAUTHENTICATED");
    assert_eq!(each(&read(&partner.log_in_again().await, "code=UNAUTHENTICATED").await, "route"), ["/graphql"]);
}
