//! Orders leave in files: CSV for people, JSON Lines for programs.

mod broken_off;
mod resumed;
mod spreadsheets;
mod trailer;

use serde_json::{Value, json};

use crate::filters::{matching, stock};
use crate::support::{Partner, TestApp, on_postgres, order};

async fn fetch(client: &Partner<'_>, path: &str) -> (u16, String) {
    let answer = client.get(path).await;
    (answer.status.as_u16(), answer.text)
}

fn rows(csv: &str) -> Vec<csv::StringRecord> {
    csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes()).records().map(Result::unwrap).collect()
}

#[tokio::test]
async fn json_lines_hold_the_orders_as_rest_shows_them() {
    let app = TestApp::new().await;
    stock(&app).await;
    let dashboard = app.dashboard().await;
    let answer = dashboard.get("/api/v1/sales-orders.jsonl").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/jsonl; charset=utf-8"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"sales-orders.jsonl\""));
    let orders: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(orders.len(), 24);
    for order in &orders {
        let path = format!("/api/v1/sales-orders/{}", order["order_number"].as_str().unwrap());
        assert_eq!(dashboard.get(&path).await.expect(200)["data"], *order);
    }
}

#[tokio::test]
async fn a_spreadsheet_has_a_row_for_each_line_and_runs_no_formula() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut odd = order();
    odd["sales_name"] = json!("=HYPERLINK(\"http://evil\",\"x\")");
    odd["address"] = json!("Jl. \"Merdeka\", 1\nJakarta");
    partner.create(&odd).await.expect(201);
    let answer = app.dashboard().await.get("/api/v1/sales-orders.csv").await;
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert!(answer.text.contains("\r\n"));
    let rows = rows(&answer.text);
    assert_eq!(rows.len(), 3, "a heading and two lines");
    let column = |name: &str| rows[0].iter().position(|heading| heading == name).unwrap();
    for (row, (line, code)) in rows[1..].iter().zip([("1", "HD9650"), ("2", "HR2223")]) {
        assert_eq!(&row[column("order_number")], "SO-0000000001");
        assert_eq!(&row[column("sales_name")], "'=HYPERLINK(\"http://evil\",\"x\")");
        assert_eq!(&row[column("address")], "Jl. \"Merdeka\", 1\nJakarta");
        assert_eq!((&row[column("line_no")], &row[column("product_code")]), (line, code));
    }
    assert_eq!((&rows[2][column("unit_price")], &rows[2][column("unit")]), ("0.5", ""));
}

#[tokio::test]
async fn an_export_takes_the_filters_of_the_list() {
    let app = TestApp::new().await;
    stock(&app).await;
    let dashboard = app.dashboard().await;
    for (query, filter) in [
        ("status=RECEIVED&status=SHIPPED", json!({"status": {"in": ["RECEIVED", "SHIPPED"]}})),
        (
            "customer_code=CUST-001&site_code_contains=site",
            json!({"customerCode": {"eq": "CUST-001"}, "siteCode": {"contains": "site"}}),
        ),
        ("search=airfryer%20doe", json!({"search": "airfryer doe"})),
        (
            "not_acknowledged_by=erp&product_code=HD9650",
            json!({"notAcknowledgedBy": "erp", "productCode": {"eq": "HD9650"}}),
        ),
        (
            "created_at_gte=2026-11-23T20:40:00%2B07:00&created_at_lt=2026-11-23T13:45:00Z",
            json!({"createdAt": {"gte": "2026-11-23T13:40:00Z", "lt": "2026-11-23T13:45:00Z"}}),
        ),
        (
            "updated_at_gte=2026-11-23T20:40:00%2B07:00&updated_at_lt=2026-11-23T13:45:00Z",
            json!({"updatedAt": {"gte": "2026-11-23T13:40:00Z", "lt": "2026-11-23T13:45:00Z"}}),
        ),
    ] {
        let (status, text) =
            fetch(&dashboard, &format!("/api/v1/sales-orders.jsonl?order_by=order_number_asc&{query}")).await;
        assert_eq!(status, 200, "{text}");
        let numbers: Vec<_> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["order_number"].clone()).collect();
        let listed: Vec<_> =
            matching(&dashboard, &filter).await.into_iter().map(|order| order["orderNumber"].clone()).collect();
        assert!(!listed.is_empty(), "{query} proves nothing");
        assert_eq!(numbers, listed, "{query}");
    }
}

/// However a client writes an instant, and although a `+` in a query string means a blank.
#[tokio::test]
async fn a_time_is_read_as_it_was_meant() {
    let app = TestApp::new().await;
    stock(&app).await;
    let dashboard = app.dashboard().await;
    let after = async |time: &str| {
        let (status, text) = fetch(&dashboard, &format!("/api/v1/sales-orders.jsonl?created_at_gte={time}")).await;
        assert_eq!(status, 200, "{time}: {text}");
        text
    };
    let meant = after("2026-11-23T13:40:00Z").await;
    assert!((1..24).contains(&meant.lines().count()), "it proves nothing");
    for time in [
        "2026-11-23T20:40:00%2B07:00",
        "2026-11-23T20:40:00+07:00",
        "2026-11-23T20:40:00+0700",
        "2026-11-23T20:40:00%2B0700",
        "2026-11-23T20:40:00+07",
        "2026-11-23%2020:40:00%20%2B07:00",
        "2026-11-23+20:40:00+07:00",
        "2026-11-23T20:40+07:00",
        "2026-11-23T10:10:00-0330",
        "2026-11-23T13:40:00,000Z",
    ] {
        assert_eq!(after(time).await, meant, "{time}");
    }
    for unclear in ["2026-11-23T20:40:00", "2026-11-23+20:40:00", "2026-11-23"] {
        let answer = dashboard.get(&format!("/api/v1/sales-orders.jsonl?created_at_gte={unclear}")).await;
        let problem = answer.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/created_at_gte", "{unclear}");
    }
    // As GraphQL reads it, by POST and by GET.
    let count = "query($at: DateTime!) { salesOrders(where: {createdAt: {gte: $at}}) { totalCount } }";
    let counted = dashboard.graphql(count, json!({"at": "2026-11-23T20:40:00+0700"})).await.data();
    assert_eq!(counted["salesOrders"]["totalCount"], meant.lines().count());
    let query =
        "query=%7BsalesOrders(where:%7BcreatedAt:%7Bgte:%222026-11-23T20:40:00+07:00%22%7D%7D)%7BtotalCount%7D%7D";
    assert_eq!(dashboard.get(&format!("/graphql?{query}")).await.data(), counted);
}

#[tokio::test]
async fn an_export_of_many_pages_is_whole() {
    let app = TestApp::new().await;
    stock_pages(&app).await;
    let (_, text) = fetch(&app.dashboard().await, "/api/v1/sales-orders.jsonl?order_by=created_at_desc").await;
    let numbers: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["order_number"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<_> = (1..=205).rev().map(|n| format!("SO-{n:010}")).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn an_export_is_refused_as_a_whole_and_each_faulty_parameter_named() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let faulty = "/api/v1/sales-orders.csv?colour=red&search=a&search=b&order_by=price";
    // Who may not export learns that first.
    app.get(faulty).await.expect_problem(401, "UNAUTHENTICATED");
    partner.get(faulty).await.expect_problem(403, "INSUFFICIENT_SCOPE");
    let dashboard = app.dashboard().await;
    let problem = dashboard.get(faulty).await.expect_problem(400, "VALIDATION_FAILED");
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/colour", "/order_by", "/search"]);
    let faulty = "/api/v1/sales-orders.jsonl?created_at_gte=today&status=LOST&customer_code_contains=%00";
    let problem = dashboard.get(faulty).await.expect_problem(400, "VALIDATION_FAILED");
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/status", "/customer_code_contains", "/created_at_gte"]);
    // Which clock is meant, nobody knows.
    let local = dashboard.get("/api/v1/sales-orders.csv?created_at_gte=2026-11-23T00:00:00").await;
    let message = local.expect_problem(400, "VALIDATION_FAILED")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("such as 2026-11-22T17:00:00Z"), "{message}");
    let request = axum::http::Request::post("/api/v1/sales-orders.csv").body(axum::body::Body::empty()).unwrap();
    app.send(request).await.expect_problem(405, "METHOD_NOT_ALLOWED");
}

/// A spreadsheet that expects other separators cuts a text of ours, and each piece may be a formula.
#[tokio::test]
async fn no_text_of_an_order_becomes_a_formula_wherever_a_spreadsheet_cuts_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut odd = order();
    odd["customer_code"] = json!("C;=1+1");
    odd["site_code"] = json!("\u{feff}=1+1");
    odd["sales_name"] = json!("\u{ff1d}1+1");
    odd["address"] = json!("Jl. Sudirman\n@SUM(A1);\u{200b}+2, =3");
    odd["note"] = json!("a|-1+1");
    odd["products"][0]["product_name"] = json!("\u{200d}\u{ff20}x");
    odd["products"][0]["note"] = json!("1;2;3");
    partner.create(&odd).await.expect(201);
    let dashboard = app.dashboard().await;
    let csv = dashboard.get("/api/v1/sales-orders.csv").await.text;
    let rows = rows(&csv);
    let column = |name: &str| rows[0].iter().position(|heading| heading == name).unwrap();
    for (name, expected) in [
        ("customer_code", "C;'=1+1"),
        ("site_code", "'\u{feff}=1+1"),
        ("sales_name", "'\u{ff1d}1+1"),
        ("address", "Jl. Sudirman\n'@SUM(A1);'\u{200b}+2, =3"),
        ("note", "a|'-1+1"),
        ("product_name", "'\u{200d}\u{ff20}x"),
        ("line_note", "1;2;3"),
        ("unit_price", "125000"),
        ("total_amount", "250000.5"),
    ] {
        assert_eq!(&rows[1][column(name)], expected, "{name}");
    }
    // However the file is cut, no piece begins as a formula.
    for piece in csv.split([';', '\t', '|', '\n', '\r']) {
        let visible =
            piece.trim_start_matches(|c: char| c == '"' || c.is_whitespace() || "\u{200b}\u{200d}\u{feff}".contains(c));
        assert!(!visible.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff20}']), "{piece:?}");
    }
    // Programs read every text to the letter.
    let line: Value = serde_json::from_str(&dashboard.get("/api/v1/sales-orders.jsonl").await.text).unwrap();
    for name in ["customer_code", "site_code", "sales_name", "address", "note"] {
        assert_eq!(line[name], odd[name], "{name}");
    }
}

#[tokio::test]
async fn a_format_that_does_not_exist_is_a_404_that_the_description_knows() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    for path in [
        "/api/v1/sales-orders.0",
        "/api/v1/sales-orders.csv.0",
        "/api/v1/sales-orders.CSV",
        "/api/v1/sales-orders.xlsx",
        "/api/v1/sales-orders.",
        "/api/v1/sales-orders.%00",
    ] {
        for client in [None, Some(&dashboard)] {
            let answer = match client {
                Some(client) => client.get(path).await,
                None => app.get(path).await,
            };
            answer.expect_problem(404, "NOT_FOUND");
        }
        let head = axum::http::Request::head(path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(app.send(head).await.status, 404, "{path}");
    }
    let document = app.get("/api/v1/openapi.json").await.expect(200);
    let export = &document["paths"]["/api/v1/sales-orders.{format}"]["get"];
    assert!(export["responses"]["404"]["content"]["application/problem+json"].is_object(), "{export:#}");
    let format =
        export["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == "format").unwrap();
    assert_eq!(format["schema"]["enum"], json!(["csv", "jsonl"]));
}

async fn stock_pages(app: &TestApp) {
    let partner = app.partner().await;
    for n in 0..205 {
        partner.create_with_key(&n.to_string(), &order()).await.expect(201);
    }
}

/// So many copies of the first order, a second apart, past the service.
pub async fn copies(app: &TestApp, count: usize) {
    let columns = "client_id, request_digest, customer_code, site_code, sales_name, address, currency, status, version,
                   total_quantity, search_text";
    let copies = format!(
        "INSERT INTO sales_orders ({columns}, idempotency_key, created_at, updated_at)
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {count})
         SELECT {columns}, 'key:copy-' || x, created_at + CAST(x AS bigint) * 1000000, updated_at + CAST(x AS bigint) * 1000000
         FROM n CROSS JOIN (SELECT * FROM sales_orders ORDER BY id LIMIT 1) first"
    );
    app.database.db_execute(&copies).await.unwrap();
    if on_postgres().is_some() {
        app.database.db_execute("ANALYZE sales_orders").await.unwrap();
    }
}

/// How the database would go about a statement.
async fn plan(app: &TestApp, sql: &str) -> String {
    if on_postgres().is_none() {
        // Its plan has more columns than one.
        return app.database.db_last_texts(&format!("EXPLAIN QUERY PLAN {sql}")).await.join("; ");
    }
    app.database.db_last_texts(&format!("EXPLAIN {sql}")).await.join("; ")
}
