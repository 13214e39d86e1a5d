//! What a dashboard waits for: each of its queries, again and again over one connection, every answer looked at.
//!
//! `cargo run --release --example dashboard -- --base http://127.0.0.1:8080 --client-id ID --client-secret SECRET
//! [--runs 40]`; `make bench-dashboard` does all of it, on both databases, at two sizes.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser as _;
use sales_order_api::clock::Clock;
use serde_json::{Value, json};

/// Runs a dashboard's queries and says how long they took.
#[derive(clap::Parser)]
struct Args {
    /// Base address of the service, on this machine
    #[arg(long)]
    base: String,
    #[arg(long)]
    client_id: String,
    #[arg(long)]
    client_secret: String,
    /// How often each query runs; once more before it counts
    #[arg(long, default_value_t = 40)]
    runs: usize,
}

const LINES: &str = "edges { cursor node { orderNumber status customerCode siteCode salesName createdAt totalQuantity
    totalAmount products { lineNo productCode productName quantity unitPrice } } } pageInfo { hasNextPage endCursor }";
const FIGURES: &str = "orders lines quantity customers unpricedLines amounts { currency amount }";

struct Board {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Board {
    async fn log_in(args: &Args) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let credentials = json!({"client_id": args.client_id, "client_secret": args.client_secret});
        let answer = http.post(format!("{}/api/v1/auth/login", args.base)).json(&credentials).send().await?;
        let body: Value = answer.json().await?;
        let token = body["token"].as_str().with_context(|| format!("no token: {body}"))?.to_owned();
        Ok(Self { http, base: args.base.clone(), token })
    }

    async fn ask(&self, query: &str, variables: &Value) -> Result<Value> {
        let body = json!({"query": query, "variables": variables});
        let request = self.http.post(format!("{}/graphql", self.base)).bearer_auth(&self.token).json(&body);
        let mut answer: Value = request.send().await?.json().await?;
        ensure!(answer.get("errors").is_none(), "{query}: {answer}");
        Ok(answer["data"].take())
    }

    /// The cursor behind so many of the newest orders, or behind the last one.
    async fn cursor_behind(&self, rows: usize) -> Result<Value> {
        let query =
            "query($after: String) { salesOrders(first: 100, after: $after) { pageInfo { endCursor hasNextPage } } }";
        let mut after = Value::Null;
        for _ in 0..rows / 100 {
            let page = self.ask(query, &json!({"after": after})).await?["salesOrders"]["pageInfo"].take();
            if page["hasNextPage"] == false {
                break;
            }
            after = page["endCursor"].clone();
        }
        Ok(after)
    }
}

/// A query with its variables, and what must be in its answer.
struct Query {
    name: &'static str,
    document: String,
    variables: Value,
    /// Where in the answer a list stands that must not be empty.
    list: &'static str,
}

async fn queries(board: &Board, now: DateTime<Utc>) -> Result<Vec<Query>> {
    let page = |arguments: &str| {
        format!(
            "query($after: String, $where: SalesOrderFilter) {{ salesOrders(first: 50, after: $after, where: $where{arguments}) {{ {LINES} }} }}"
        )
    };
    let summary = |arguments: &str| {
        format!(
            "query($where: SalesOrderFilter) {{ salesOrderSummary(where: $where, {arguments}) {{
             groups {{ keys {{ dimension value from to }} figures {{ {FIGURES} }} }} totals {{ {FIGURES} }} }} }}"
        )
    };
    let days = |days| json!({"createdAt": {"gte": (now - TimeDelta::days(days)).to_rfc3339(), "lt": now.to_rfc3339()}});
    let orders = |name, document, variables| Query { name, document, variables, list: "/salesOrders/edges" };
    let totals = |name, document, variables| Query { name, document, variables, list: "/salesOrderSummary/groups" };
    let deep = board.cursor_behind(49_950).await?;
    Ok(vec![
        orders("first page of 50 with lines", page(""), json!({})),
        orders("page 1,000 (or the last)", page(""), json!({"after": deep.clone()})),
        orders("page by last change", page(", orderBy: UPDATED_AT_DESC"), json!({})),
        orders("one customer", page(""), json!({"where": {"customerCode": {"eq": "CUST-00042"}}})),
        orders(
            "one status and site",
            page(""),
            json!({"where": {"status": {"eq": "DELIVERED"}, "siteCode": {"eq": "SITE-007"}}}),
        ),
        orders("search, selective", page(""), json!({"where": {"search": "cust-03142"}})),
        orders(
            "search, unselective, and status",
            page(""),
            json!({"where": {"search": "sudirman", "status": {"eq": "DELIVERED"}}}),
        ),
        orders("product", page(""), json!({"where": {"productCode": {"eq": "HD9650"}}})),
        orders("not acknowledged by another system", page(""), json!({"where": {"notAcknowledgedBy": "wms"}})),
        Query {
            name: "total count, up to 10,000",
            document: "{ salesOrders(first: 1) { edges { cursor } totalCount } }".to_owned(),
            variables: json!({}),
            list: "/salesOrders/edges",
        },
        totals("summary by day over 90 days", summary("groupBy: [DAY]"), json!({"where": days(90)})),
        totals("summary by status over 30 days", summary("groupBy: [STATUS]"), json!({"where": days(30)})),
        totals("summary by customer over everything", summary("groupBy: [CUSTOMER]"), json!({})),
        totals("summary by month over everything", summary("groupBy: [MONTH]"), json!({})),
        Query {
            name: "100 events with their orders",
            document: "{ salesOrderEvents(first: 100) { nodes { kind createdAt salesOrder { orderNumber status } } } }"
                .to_owned(),
            variables: json!({}),
            list: "/salesOrderEvents/nodes",
        },
    ])
}

async fn measure(board: &Board, query: &Query, runs: usize) -> Result<(Duration, Duration)> {
    let mut times = Vec::with_capacity(runs);
    for run in 0..=runs {
        let started = Instant::now();
        let answer = board.ask(&query.document, &query.variables).await?;
        let took = started.elapsed();
        let rows = answer.pointer(query.list).and_then(Value::as_array).map_or(0, Vec::len);
        ensure!(rows > 0, "{}: the answer is empty: {answer}", query.name);
        if run > 0 {
            times.push(took);
        }
    }
    times.sort_unstable();
    Ok((times[times.len() / 2], times[(times.len() * 99).div_ceil(100) - 1]))
}

async fn run(args: Args) -> Result<()> {
    let board = Board::log_in(&args).await?;
    let mut out = std::io::stdout().lock();
    for query in queries(&board, Clock::system().now()).await? {
        let (median, p99) = measure(&board, &query, args.runs).await?;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        writeln!(out, "{}\t{:.1}\t{:.1}", query.name, ms(median), ms(p99))?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
