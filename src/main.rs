//! The `sales-order-api` command.

use std::process::ExitCode;

use clap::Parser as _;
use sales_order_api::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
