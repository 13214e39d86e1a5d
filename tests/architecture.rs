//! The fences between the parts of the house, as `src/lib.rs` draws them. Each test first proves that its fence would
//! catch a trespasser: a fence that lets everybody through looks the same as one that nobody crosses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, and says where")]

#[path = "architecture/habits.rs"]
mod habits;
#[path = "architecture/prose.rs"]
mod prose;
#[path = "architecture/source.rs"]
mod source;

use source::Source;

/// Who may not mention what.
struct Fence {
    inside: fn(&str) -> bool,
    forbidden: fn(&str) -> bool,
}

impl Fence {
    fn trespasses(&self, source: &Source) -> Vec<String> {
        if !(self.inside)(&source.path) {
            return Vec::new();
        }
        let paths = source.paths();
        paths.iter().filter(|path| (self.forbidden)(path)).map(|path| format!("{} uses {path}", source.path)).collect()
    }

    /// Fails unless the fence stops each of these samples and nothing in the house crosses it.
    #[track_caller]
    fn holds(&self, path: &str, samples: &[&str]) {
        for sample in samples {
            assert!(
                !self.trespasses(&Source::parse(path, sample)).is_empty(),
                "nothing would stop {sample:?} in {path}"
            );
        }
        let found: Vec<_> = Source::all(&["src"]).iter().flat_map(|source| self.trespasses(source)).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// Whether a path is one of these, or in one of these.
fn is_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
}

const DATABASE: [&str; 5] = ["sea_orm", "sea_orm_migration", "sea_query", "sqlx", "migrations"];
const HTTP: [&str; 4] = ["axum", "hyper", "hyper_util", "async_graphql_axum"];

#[test]
fn the_domain_uses_nothing_of_ours_but_the_error() {
    let fence = Fence {
        inside: |file| file.starts_with("src/domain/"),
        forbidden: |path| path.starts_with("crate::") && !is_in(path, &["crate::domain", "crate::error"]),
    };
    fence.holds(
        "src/domain/order.rs",
        &[
            "use crate::store::Store;",
            "use crate::{domain, service};",
            "use super::super::clock::Clock;",
            "fn now() { crate::clock::Clock::system(); }",
            "mod tests { use super::super::super::auth::token; }",
        ],
    );
}

#[test]
fn the_domain_is_synchronous_and_knows_no_framework() {
    let fence = Fence {
        inside: |file| file.starts_with("src/domain/"),
        forbidden: |path| is_in(path, &DATABASE) || is_in(path, &HTTP) || is_in(path, &["async_graphql", "tokio"]),
    };
    fence.holds("src/domain/order.rs", &["use sea_orm::Value;", "#[derive(async_graphql::Enum)] enum A { B }"]);

    let waits = |source: &Source| source.words().contains("async") || source.words().contains("await");
    assert!(waits(&Source::parse("src/domain/order.rs", "async fn find() {}")));
    for source in Source::all(&["src/domain"]) {
        assert!(!waits(&source), "{} waits for something", source.path);
    }
}

#[test]
fn the_store_knows_nothing_above_it() {
    let fence = Fence {
        inside: |file| file.starts_with("src/store/"),
        forbidden: |path| {
            is_in(path, &["crate::graphql", "crate::http", "crate::rest", "crate::service", "crate::cli", "crate::app"])
        },
    };
    fence.holds("src/store/orders/mod.rs", &["use crate::service::Caller;", "use super::super::{graphql::Api};"]);
}

#[test]
fn use_cases_know_neither_graphql_nor_http() {
    let fence = Fence {
        inside: |file| file.starts_with("src/service/"),
        forbidden: |path| is_in(path, &["crate::graphql", "crate::http", "crate::rest", "crate::wire", "crate::cli"]),
    };
    fence.holds("src/service/intake.rs", &["use crate::wire::problem::Problem;"]);
}

#[test]
fn the_verification_of_tokens_and_signatures_knows_neither_http_nor_a_database() {
    let fence = Fence {
        inside: |file| file.starts_with("src/auth/"),
        forbidden: |path| {
            is_in(path, &["crate::graphql", "crate::http", "crate::rest", "crate::service", "crate::store"])
        },
    };
    fence.holds("src/auth/token.rs", &["use crate::store::Store;", "use crate::{service::Sessions, error};"]);
}

#[test]
fn what_both_wires_share_knows_neither_of_them() {
    let fence = Fence {
        inside: |file| file.starts_with("src/wire/"),
        forbidden: |path| {
            is_in(
                path,
                &["crate::cli", "crate::graphql", "crate::http", "crate::rest", "crate::service", "crate::store"],
            )
        },
    };
    fence.holds("src/wire/problem.rs", &["use crate::rest::openapi;", "use crate::{app, store::Store};"]);
}

#[test]
fn the_wires_and_the_commands_reach_the_database_through_use_cases_only() {
    let fence = Fence {
        inside: |file| ["src/http/", "src/rest/", "src/cli/"].iter().any(|folder| file.starts_with(folder)),
        forbidden: |path| is_in(path, &["crate::store"]),
    };
    fence.holds("src/http/health.rs", &["use crate::store::StoreError;"]);
    fence.holds("src/cli/key.rs", &["use crate::{app, store::Store};", "fn a() { crate::store::b() }"]);
}

#[test]
fn rest_reaches_the_rules_through_graphql_only() {
    let fence = Fence {
        inside: |file| file.starts_with("src/rest/"),
        forbidden: |path| is_in(path, &["crate::service", "crate::store"]),
    };
    fence.holds("src/rest/routes.rs", &["use crate::{app, store::Store};", "fn a() { crate::service::b() }"]);
}

#[test]
fn graphql_reaches_the_database_through_use_cases_only_and_knows_no_http() {
    let fence = Fence {
        inside: |file| file.starts_with("src/graphql/"),
        forbidden: |path| is_in(path, &["crate::store", "crate::http", "crate::rest", "crate::wire"]),
    };
    fence.holds("src/graphql/roots/query.rs", &["use crate::store::Store;", "use super::super::super::http;"]);
}

/// The rooms of the schema. Each uses those before it.
const ROOMS: [&str; 6] = ["cost", "output", "types", "inputs", "roots", "run"];

#[test]
fn each_room_of_the_schema_uses_only_those_before_it() {
    let room_of = |name: &str| ROOMS.iter().position(|room| *room == name.trim_end_matches(".rs"));
    let floor = |source: &Source| room_of(source.path.strip_prefix("src/graphql/")?.split('/').next()?);
    let trespasses = |source: &Source| -> Vec<String> {
        let Some(floor) = floor(source) else { return Vec::new() };
        let is_above = |path: &str| match path.strip_prefix("crate::graphql") {
            Some("") => true,
            // A name that the schema shows outside is no room, and might come from any.
            Some(inner) if inner.starts_with("::") => {
                inner[2..].split("::").next().and_then(room_of).is_none_or(|room| room > floor)
            }
            _ => false,
        };
        let paths = source.paths();
        paths.iter().filter(|path| is_above(path)).map(|path| format!("{} uses {path}", source.path)).collect()
    };
    for (path, sample) in [
        ("src/graphql/cost/budget.rs", "use crate::graphql::output::error;"),
        ("src/graphql/types/client.rs", "use super::super::roots::find;"),
        ("src/graphql/inputs.rs", "fn a() { crate::graphql::run::b() }"),
        ("src/graphql/roots/query.rs", "use crate::graphql::{inputs, run::Api};"),
        ("src/graphql/roots/query.rs", "use crate::graphql::Api;"),
        ("src/graphql/output/error.rs", "use crate::graphql;"),
    ] {
        assert!(!trespasses(&Source::parse(path, sample)).is_empty(), "nothing would stop {sample:?} in {path}");
    }
    assert!(
        trespasses(&Source::parse("src/graphql/run/api.rs", "use super::read; use crate::graphql::roots;")).is_empty()
    );

    let sources = Source::all(&["src/graphql"]);
    for source in &sources {
        assert!(floor(source).is_some() || source.path == "src/graphql/mod.rs", "{} is in no room", source.path);
        assert_eq!(trespasses(source), Vec::<String>::new());
    }
}

#[test]
fn only_the_store_and_the_migrations_speak_to_the_database() {
    let fence = Fence { inside: |file| !file.starts_with("src/store/"), forbidden: |path| is_in(path, &DATABASE) };
    fence.holds("src/service/orders.rs", &["use sea_orm as database;", "use ::sea_orm::EntityTrait;", "use sqlx;"]);
}

#[test]
fn only_the_wires_speak_http() {
    let fence = Fence {
        inside: |file| !["src/http/", "src/rest/", "src/wire/"].iter().any(|folder| file.starts_with(folder)),
        forbidden: |path| is_in(path, &HTTP),
    };
    fence.holds("src/service/sessions.rs", &["use axum::http::StatusCode;", "fn a() -> hyper::Result<()> { b }"]);
}

#[test]
fn requests_to_others_are_sent_from_one_place_that_knows_nothing_of_orders() {
    let fence = Fence {
        // The tour and the health check ask the service itself.
        inside: |file| !file.starts_with("src/outgoing/") && !["src/cli/demo.rs", "src/cli/health.rs"].contains(&file),
        forbidden: |path| is_in(path, &["reqwest", "hickory_resolver", "rustls"]),
    };
    fence.holds(
        "src/service/webhooks.rs",
        &["use reqwest::Client;", "use ::rustls::ClientConfig;", "fn a() -> reqwest::Result<()> { b }"],
    );
    let fence = Fence {
        inside: |file| file.starts_with("src/outgoing/"),
        forbidden: |path| {
            path.starts_with("crate::") && !is_in(path, &["crate::config", "crate::domain", "crate::outgoing"])
        },
    };
    fence.holds("src/outgoing/sender.rs", &["use crate::store::Store;", "use crate::{outgoing, service};"]);
}

#[test]
fn only_the_schema_and_its_transport_speak_graphql() {
    let fence = Fence {
        inside: |file| !file.starts_with("src/graphql/") && file != "src/http/graphql.rs",
        forbidden: |path| is_in(path, &["async_graphql", "async_graphql_axum"]),
    };
    fence.holds("src/rest/routes.rs", &["use async_graphql::Request;", "fn a(_: Vec<async_graphql::Value>) {}"]);
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let fence =
        Fence { inside: |file| !file.starts_with("src/config/"), forbidden: |path| is_in(path, &["std::env", "env"]) };
    fence.holds("src/app.rs", &["use std::env;", "use std::{env, fs};", "fn a() { std::env::args(); }"]);
}

#[test]
fn only_auth_handles_tokens_and_rsa() {
    let fence = Fence {
        inside: |file| !file.starts_with("src/auth/"),
        forbidden: |path| is_in(path, &["jsonwebtoken", "rsa"]),
    };
    fence.holds("src/service/sessions.rs", &["use jsonwebtoken::decode;", "use {rsa::RsaPublicKey};"]);
}

#[test]
fn what_a_provider_of_identities_says_is_believed_in_one_place() {
    let fence = Fence {
        inside: |file| file != "src/service/people/provider.rs",
        forbidden: |path| is_in(path, &["openidconnect", "oauth2"]),
    };
    fence.holds("src/http/people.rs", &["use openidconnect::IdToken;", "fn a(_: oauth2::Scope) {}"]);
}
