//! `restore`.

use anyhow::Result;
use serde_json::json;

use super::{Common, output};
use crate::app;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Leave out the order numbers, feed positions and numbers of requests that the lost changes may have been given
    Adopt {
        /// How many: more than orders and events may have been lost
        #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
        margin: u32,
    },
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    let Command::Adopt { margin } = command;
    let store = app::open(&common.load(None)?.config).await?;
    let adopted = store.adopt_restored(margin).await?;
    let (order, position) = (adopted.next_order.to_string(), adopted.next_position.get());
    let request = adopted.next_request.to_string();
    if common.json {
        let next = json!({"next_order_number": order, "next_position": position, "next_request_number": request});
        return output::json(&next);
    }
    output::text(&format!(
        "next order number: {order}\nnext feed position: {position}\nnext number of a request: {request}"
    ))
}
