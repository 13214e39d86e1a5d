//! The `sales-order-api` command.

use std::process::ExitCode;

use clap::Parser as _;
use sales_order_api::cli::Cli;

/// A page takes a fifth less time than with the system's allocator (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
