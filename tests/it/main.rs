//! What the service promises, told by those who use it: partners, dashboards, developers, operators.
//!
//! Every test runs the real router on a database of its own: SQLite, or PostgreSQL when `TEST_DATABASE_URL` names a
//! server. To add one: a sentence in the file of its subject, with the actors of [`support`].
#![expect(clippy::unwrap_used, reason = "what cannot go on here is a failed test")]

// First: its macros are known from here on.
#[macro_use]
mod support;

mod amounts;
mod archiving;
mod body_memory;
mod browsers;
mod bulk;
mod cancellations;
mod changes;
mod changing;
mod cli;
mod clients;
mod clock_skew;
mod coercion;
mod connections;
mod contract_shapes;
mod crash;
mod database;
mod demo;
mod deploy;
mod errors;
mod event_feed;
mod events;
mod exactly_once;
mod expectations;
mod exports;
mod fairness;
mod feed;
mod fields;
mod filters;
mod fuzz;
mod health;
mod instances;
mod intake;
mod languages;
mod lifecycle;
mod limits;
mod lines;
mod log_readers;
mod logs;
mod metrics;
mod numbers;
mod online_indexes;
mod order_life;
mod orders;
mod outages;
mod pages;
mod parity;
mod people;
mod permissions;
mod personal_data;
mod pooler;
mod pools;
mod proxies;
mod rate_limit;
mod receipts;
mod references;
mod refusals;
mod replica;
mod reporting;
mod reports;
mod request_log;
mod restored;
mod rotation;
mod saved_views;
mod sealing;
mod searches;
mod sessions;
mod shipments;
mod signals;
mod signature_check;
mod signatures;
mod sqlite_files;
mod standstill;
mod start;
mod statements;
mod stock_clients;
mod subscriptions;
mod summaries;
mod supervised;
mod totals;
mod traces;
mod transport;
mod validation;
mod visibility;
mod watching;
mod web;
mod webhook_signatures;
mod webhooks;
