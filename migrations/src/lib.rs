//! The database schema, one file per change, each with its way up and its way down, on SQLite and PostgreSQL.
//!
//! A crate of its own so that a migration cannot import an entity and change its meaning later.
//! To add one: a new `mYYYYMMDD_NNNNNN_<verb>_<object>.rs`, a line in [`Migrator::migrations`], and nothing else:
//! the suite runs every migration up, down and up again on both databases.
//!
//! Whoever applies them calls [`reporting::take_down`] before and [`reporting::put_up`] afterwards: views hold on to the columns
//! that they read.
//!
//! Times are unix microseconds (UTC) and money is ten-thousandths of the currency unit, both `bigint`: exact, ordered
//! and summable in the same way on both databases. Dates are ISO 8601 text, which sorts by time.

use sea_orm_migration::{MigrationTrait, async_trait};
pub use sea_orm_migration::{MigratorTrait, SchemaManager, seaql_migrations};

mod m20261123_000001_create_clients;
mod m20261123_000002_create_sales_orders;
mod m20261123_000003_create_sales_order_events;
mod m20261124_000004_add_sales_order_figures;
mod m20261124_000005_index_sales_orders;
mod m20261124_000006_add_sales_order_search;
mod m20261124_000007_create_sales_order_acknowledgements;
mod m20261124_000008_create_sales_order_totals;
mod m20261125_000009_create_client_audit_log;
mod m20261125_000010_add_credential_use;
mod m20261128_000011_bind_signatures;
mod m20261128_000012_give_each_key_one_client;
mod m20261128_000013_create_sealing_keys;
mod m20261128_000014_keep_totals_of_every_change;
mod m20261128_000015_add_line_reference;
mod m20261128_000016_add_partner_reference;
mod m20261128_000017_add_requested_delivery_date;
mod m20261128_000018_create_reporting_views;
mod m20261128_000019_create_search_folding;
mod m20261128_000020_store_orders_side_by_side;
mod m20261129_000021_keep_totals_by_period;
mod m20261129_000022_add_reference_policy;
mod m20261129_000023_index_sales_orders_by_change;
mod m20261129_000024_add_expectation_policy;
mod m20261129_000026_add_line_answers;
mod m20261129_000027_create_sales_order_shipments;
mod m20261129_000028_create_sales_order_requests;
mod m20261129_000029_change_sales_orders;
mod m20261129_000030_create_event_consumers;
mod m20261129_000031_create_webhooks;
mod m20261129_000032_create_api_requests;
mod m20261129_000033_create_person_sessions;
mod m20261130_000034_create_saved_views;
mod m20261130_000035_create_instances;
mod m20261130_000036_erase_search_texts;
mod m20261130_000037_create_event_horizon;
mod m20261130_000038_archive_sales_orders;
mod partitions;
pub mod reporting;
mod totals;

/// Indexes that PostgreSQL builds while their tables are in use, after the migrations: of which kind each is, its name, and what it
/// is of. SQLite's are in the migrations.
pub const ONLINE_INDEXES: [(&str, &str, &str); 4] = [
    m20261128_000017_add_requested_delivery_date::INDEX,
    m20261129_000022_add_reference_policy::BY_REFERENCE,
    m20261129_000022_add_reference_policy::UNIQUE_REFERENCE,
    m20261129_000023_index_sales_orders_by_change::INDEX,
];

pub use m20261129_000032_create_api_requests::sqlite as sqlite_request_log;
pub use m20261130_000038_archive_sales_orders::ARCHIVED;

/// What ends, on PostgreSQL, the time in which instances of the version before may run.
pub const FINISH: &str = m20261128_000020_store_orders_side_by_side::FINISH;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_create_clients::Migration),
            Box::new(m20261123_000002_create_sales_orders::Migration),
            Box::new(m20261123_000003_create_sales_order_events::Migration),
            Box::new(m20261124_000004_add_sales_order_figures::Migration),
            Box::new(m20261124_000005_index_sales_orders::Migration),
            Box::new(m20261124_000006_add_sales_order_search::Migration),
            Box::new(m20261124_000007_create_sales_order_acknowledgements::Migration),
            Box::new(m20261124_000008_create_sales_order_totals::Migration),
            Box::new(m20261125_000009_create_client_audit_log::Migration),
            Box::new(m20261125_000010_add_credential_use::Migration),
            Box::new(m20261128_000011_bind_signatures::Migration),
            Box::new(m20261128_000012_give_each_key_one_client::Migration),
            Box::new(m20261128_000013_create_sealing_keys::Migration),
            Box::new(m20261128_000014_keep_totals_of_every_change::Migration),
            Box::new(m20261128_000015_add_line_reference::Migration),
            Box::new(m20261128_000016_add_partner_reference::Migration),
            Box::new(m20261128_000017_add_requested_delivery_date::Migration),
            Box::new(m20261128_000018_create_reporting_views::Migration),
            Box::new(m20261128_000019_create_search_folding::Migration),
            Box::new(m20261128_000020_store_orders_side_by_side::Migration),
            Box::new(m20261129_000021_keep_totals_by_period::Migration),
            Box::new(m20261129_000022_add_reference_policy::Migration),
            Box::new(m20261129_000023_index_sales_orders_by_change::Migration),
            Box::new(m20261129_000024_add_expectation_policy::Migration),
            Box::new(m20261129_000026_add_line_answers::Migration),
            Box::new(m20261129_000027_create_sales_order_shipments::Migration),
            Box::new(m20261129_000028_create_sales_order_requests::Migration),
            Box::new(m20261129_000029_change_sales_orders::Migration),
            Box::new(m20261129_000030_create_event_consumers::Migration),
            Box::new(m20261129_000031_create_webhooks::Migration),
            Box::new(m20261129_000032_create_api_requests::Migration),
            Box::new(m20261129_000033_create_person_sessions::Migration),
            Box::new(m20261130_000034_create_saved_views::Migration),
            Box::new(m20261130_000035_create_instances::Migration),
            Box::new(m20261130_000036_erase_search_texts::Migration),
            Box::new(m20261130_000037_create_event_horizon::Migration),
            Box::new(m20261130_000038_archive_sales_orders::Migration),
        ]
    }
}
