//! `totals`.

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use super::{Common, output};
use crate::app;
use crate::service::{PERIOD_KEY, TotalFigures, WrongTotals};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the totals that are not what the orders come to; exit code 1 when there are any
    Check,
    /// Put wrong totals right; the service may go on taking orders
    Rebuild,
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    let store = app::open(&common.load(None)?.config).await?;
    match command {
        Command::Check => report(common, &store.find_wrong_totals().await?),
        Command::Rebuild => {
            let corrected = store.rebuild_totals().await?;
            if common.json {
                return output::json(&json!({"corrected": corrected}));
            }
            output::text(&format!("totals corrected: {corrected}"))
        }
    }
}

fn report(common: &Common, wrong: &[WrongTotals]) -> Result<()> {
    if common.json {
        output::json(&wrong.iter().map(row).collect())?;
    } else if wrong.is_empty() {
        output::text("the totals are what the orders come to")?;
    } else {
        let (of_periods, overall): (Vec<_>, Vec<_>) =
            wrong.iter().partition(|totals| totals.key.iter().any(|(name, _)| *name == PERIOD_KEY[1]));
        let headings = ["CLIENT", "CUSTOMER", "SITE", "SALES NAME", "STATUS", "CURRENCY", "EXPECTED", "FOUND"];
        table(headings, &overall)?;
        table(["SECONDS", "FROM", "CLIENT", "STATUS", "CURRENCY", "EXPECTED", "FOUND"], &of_periods)?;
    }
    match wrong.len() {
        0 => Ok(()),
        count => bail!("{count} of the totals differ from the orders; run `sales-order-api totals rebuild`"),
    }
}

/// Prints totals of one kind: their key, then both figures.
fn table<const N: usize>(headings: [&str; N], wrong: &[&WrongTotals]) -> Result<()> {
    let cells = |totals: &&WrongTotals| {
        let found = totals.found.as_ref().map_or_else(|| "no row".to_owned(), text);
        let mut cells = totals.key.iter().map(|(_, value)| value.clone()).chain([text(&totals.expected), found]);
        [(); N].map(|()| cells.next().unwrap_or_default())
    };
    if wrong.is_empty() { Ok(()) } else { output::table(headings, &wrong.iter().map(cells).collect::<Vec<_>>()) }
}

fn row(totals: &WrongTotals) -> Value {
    let key = totals.key.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
    let mut row: Map<_, _> = key.collect();
    row.insert("expected".to_owned(), figures(&totals.expected));
    row.insert("found".to_owned(), totals.found.as_ref().map_or(Value::Null, figures));
    row.into()
}

fn figures(figures: &TotalFigures) -> Value {
    let TotalFigures { orders, lines, quantity, unpriced_lines, amount } = figures;
    json!({
        "orders": orders,
        "lines": lines,
        "quantity": quantity,
        "unpriced_lines": unpriced_lines,
        "amount": amount.to_string(),
    })
}

fn text(figures: &TotalFigures) -> String {
    let TotalFigures { orders, lines, quantity, unpriced_lines, amount } = figures;
    format!("orders {orders}, lines {lines}, quantity {quantity}, unpriced {unpriced_lines}, amount {amount}")
}
