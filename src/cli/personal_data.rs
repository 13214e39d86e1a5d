//! `personal-data`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::private_file::PrivateFile;
use super::{Common, output};
use crate::app;
use crate::clock::Clock;
use crate::domain::client::ClientId;
use crate::domain::erasure::CustomerToErase;
use crate::domain::order::OrderNumber;
use crate::graphql::{Api, Sender};
use crate::rest::EXPORT_WHOLE_ORDERS;
use crate::service::{Archiving, Erasure};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Write all that is kept of a customer's orders: JSON Lines, an order a line with its history and its receipt
    Export {
        #[command(flatten)]
        customer: Customer,
        /// Where to, readable by its owner only; to the standard output when absent
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Erase sales name, address and notes of an order that is DELIVERED or CANCELLED; it cannot be undone
    EraseOrder {
        /// Order number, such as SO-0000000042
        order: String,
    },
    /// Erase sales name, address and notes of all orders of a customer that are DELIVERED or CANCELLED; it cannot be undone
    EraseCustomer(Customer),
}

/// A customer.
#[derive(Debug, clap::Args)]
pub struct Customer {
    /// The client that sends the customer's orders
    #[arg(long, value_name = "ID")]
    client_id: ClientId,
    /// The customer's code
    #[arg(long, value_name = "CODE")]
    customer_code: String,
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    let config = common.load(None)?.config;
    let (store, clock) = (app::open(&config).await?, Clock::system());
    let (client, by) = (ClientId::operator(), app::operator());
    let archiving = Archiving::new(store.clone(), clock.clone());
    match command {
        Command::Export { customer, output } => {
            let (archived, remark) = archived(&archiving, &customer.client_id).await?;
            export(&app::offline_api(&config, &store, &clock)?, &customer, (output.as_deref(), &remark)).await?;
            if archived > 0 {
                output::remark(&remark);
            }
            Ok(())
        }
        Command::EraseOrder { order } => {
            let order = Erasure::new(store, clock).erase_order((&client, &by), &order).await?;
            say(common, &format!("erased: {}", order.number), &json!({"order_number": order.number.to_string()}))
        }
        Command::EraseCustomer(Customer { client_id, customer_code }) => {
            let mut customer = CustomerToErase { client_id, customer_code, after: OrderNumber::NONE };
            let (erasure, mut looked_at, mut erased, mut open) = (Erasure::new(store, clock), 0, 0, Vec::new());
            loop {
                let outcome = erasure.erase_customer((&client, &by), &customer).await?;
                looked_at += outcome.looked_at;
                erased += outcome.erased;
                open.extend(outcome.open.iter().map(ToString::to_string));
                let Some(next) = outcome.next_after else { break };
                customer.after = next;
            }
            let (archived, remark) = archived(&archiving, &customer.client_id).await?;
            if looked_at == 0 {
                bail!(none(&customer.client_id, &customer.customer_code, &remark));
            }
            let left = match open.len() {
                0 => String::new(),
                _ => format!("\nleft as they are, for they may still need their address: {}", open.join(", ")),
            };
            if archived > 0 {
                output::remark(&remark);
            }
            let data = json!({"erased": erased, "open": open, "archived_of_client": archived});
            say(common, &format!("orders erased: {erased}{left}"), &data)
        }
    }
}

fn say(common: &Common, text: &str, data: &Value) -> Result<()> {
    if common.json { output::json(data) } else { output::text(text) }
}

/// How many orders of a client are archived, and what is to be done besides with these: nothing is kept of whose they are.
async fn archived(archiving: &Archiving, client_id: &ClientId) -> Result<(i64, String)> {
    let (orders, files) = archiving.count_of(client_id).await?;
    let remark = format!(
        "{orders} orders of {client_id} are archived in {files} files, which are not looked at: search them for the customer too \
         (`sales-order-api archive list` names them)"
    );
    Ok((orders, if orders > 0 { remark } else { String::new() }))
}

/// That there is no order of a customer, and what else there is.
fn none(client_id: &ClientId, customer_code: &str, remark: &str) -> String {
    let separator = if remark.is_empty() { "" } else { "; " };
    format!("{client_id} has no order of a customer {customer_code}{separator}{remark}")
}

/// Page after page, so that it takes the memory of one.
async fn export(api: &Api, customer: &Customer, (path, remark): (Option<&Path>, &str)) -> Result<()> {
    let Customer { client_id, customer_code } = customer;
    let wanted = json!({"client_id": {"eq": client_id.as_str()}, "customer_code": {"eq": customer_code}});
    let mut variables = json!({"where": wanted});
    let mut file = None;
    loop {
        let mut page = api.execute_prepared(&EXPORT_WHOLE_ORDERS, Sender::Operator, |_| Ok(variables.clone())).await?;
        let orders = page["orders"].take();
        let orders = orders.as_array().map_or(&[][..], Vec::as_slice);
        let file = match &mut file {
            None if orders.is_empty() => bail!(none(client_id, customer_code, remark)),
            // Not before the first page was read: what is refused leaves the file as it was.
            None => file.insert(path.map_or_else(|| Ok(PrivateFile::stdout()), PrivateFile::create)?),
            Some(file) => file,
        };
        for order in orders {
            match writeln!(file, "{order}") {
                // A reader that has read enough (`| head`) is no failure.
                Err(error) if output::is_read_enough(&error) => return Ok(()),
                written => written.context("cannot write the export")?,
            }
        }
        if page["page"]["has_next"] != true {
            break;
        }
        variables["after"] = page["page"]["end_cursor"].clone();
    }
    file.map_or(Ok(()), PrivateFile::finish)
}
