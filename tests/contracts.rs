//! What others build on is committed, and it is what the code says: the GraphQL schema, the OpenAPI description, and
//! the commands that documentation tells people to type.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, and says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use sales_order_api::cli::Cli;
use sales_order_api::config::{self, Overrides};
use sales_order_api::domain::line_answer::AnswerReason;
use sales_order_api::domain::order::OrderStatus;
use sales_order_api::domain::order_life::PICTURE;
use sales_order_api::domain::order_request::{CancellationReason, RefusalReason, RequestState};
use sales_order_api::{graphql, rest};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn committed(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}; run `make contracts`"))
}

fn openapi() -> Value {
    let defaults = config::load_from(&[], [], &Overrides::default()).unwrap().config;
    rest::openapi::document(&defaults).unwrap()
}

/// The names of the prepared documents, in no order.
fn operation_names() -> BTreeSet<String> {
    rest::operations().iter().map(|operation| operation.name().to_owned()).collect()
}

#[test]
fn the_committed_graphql_schema_is_the_one_that_is_served() {
    let current = format!("{}\n", graphql::sdl().trim_end());
    assert!(committed("schema.graphql") == current, "schema.graphql is out of date; run `make contracts`");
}

#[test]
fn the_committed_openapi_document_is_the_one_that_is_served() {
    let current = format!("{}\n", serde_json::to_string_pretty(&openapi()).unwrap());
    assert!(committed("docs/openapi.json") == current, "docs/openapi.json is out of date; run `make contracts`");
}

#[test]
fn the_committed_picture_of_an_orders_life_is_that_of_the_rules() {
    assert!(committed("docs/order-life.svg") == *PICTURE, "docs/order-life.svg is out of date; run `make contracts`");
}

/// The tables of the mapping by the first cells of their heads, each with the names in the first cells of its rows.
fn mapped() -> BTreeMap<String, BTreeSet<String>> {
    let text = committed("docs/mapping.md");
    let mut tables = BTreeMap::<_, BTreeSet<_>>::new();
    let mut head = None;
    for line in text.lines() {
        let cell = line.strip_prefix("| ").and_then(|row| row.split(" | ").next());
        match (&head, cell) {
            (None, Some(cell)) => head = Some(cell.to_owned()),
            (Some(head), Some(cell)) => {
                tables.entry(head.clone()).or_default().extend(cell.split('`').skip(1).step_by(2).map(str::to_owned));
            }
            (Some(_), None) if !line.starts_with("|---") => head = None,
            _ => {}
        }
    }
    tables
}

#[test]
fn everything_that_an_order_may_say_has_its_place_in_the_mapping_to_other_documents() {
    let (document, tables) = (openapi(), mapped());
    let mapped: BTreeSet<_> = tables.values().flatten().collect();
    let schemas = [
        "CreateSalesOrderInput",
        "ProductDto",
        "SalesOrderLineAnswer",
        "SalesOrderShipment",
        "SalesOrderShipmentLine",
        "CancelSalesOrderInput",
        "ChangeSalesOrderInput",
    ];
    let fields = schemas.iter().flat_map(|schema| {
        let properties = document["components"]["schemas"][schema]["properties"].as_object();
        properties.unwrap_or_else(|| panic!("{schema}")).keys().cloned()
    });
    let missing: Vec<_> = fields.filter(|name| !mapped.contains(name)).collect();
    assert_eq!(missing, [""; 0], "docs/mapping.md has no row for them; a cell that has no counterpart holds –");
}

#[test]
fn every_status_reason_state_and_event_has_its_row_in_the_table_of_its_kind() {
    let (document, tables) = (openapi(), mapped());
    let kinds = &document["components"]["schemas"]["SalesOrderEventKind"]["enum"];
    let kinds = kinds.as_array().unwrap().iter().map(|kind| kind.as_str().unwrap());
    for (head, names) in [
        ("`status`", OrderStatus::ALL.iter().map(|status| status.as_str()).collect::<BTreeSet<_>>()),
        ("`reason`", AnswerReason::ALL.iter().map(|reason| reason.as_str()).collect()),
        ("`reason` of a request", CancellationReason::ALL.iter().map(|reason| reason.as_str()).collect()),
        ("`state`", RequestState::ALL.iter().map(|state| state.as_str()).collect()),
        ("`answer_reason`", RefusalReason::ALL.iter().map(|reason| reason.as_str()).collect()),
        ("`kind`", kinds.collect()),
    ] {
        assert_eq!(tables[head].iter().map(String::as_str).collect::<BTreeSet<_>>(), names, "docs/mapping.md, {head}");
    }
}

#[test]
fn the_openapi_document_is_of_version_3_1() {
    let version = openapi()["openapi"].as_str().unwrap().to_owned();
    assert!(version.starts_with("3.1."), "{version}");
}

#[test]
fn every_rest_operation_is_called_as_its_graphql_operation_and_none_is_undocumented() {
    let document = openapi();
    let methods = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let documented: Vec<_> = methods.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect();
    // Behind one endpoint: with the orders, and as a stream. What is sent without being asked for. And what only the command line asks.
    let further = [
        "salesOrderEventFeedWithOrders",
        "salesOrderEvents",
        "salesOrderEventsWithOrders",
        "requestErrors",
        "requestLogEntries",
        "webhookEvents",
        "webhookEventsWithOrders",
        "exportWholeOrders",
    ];
    let mut names = operation_names();
    names.retain(|name| !further.contains(&name.as_str()));
    assert_eq!(documented.iter().cloned().collect::<BTreeSet<_>>(), names);
    assert_eq!(documented.len(), names.len(), "an operation id is used twice: {documented:?}");
}

#[test]
fn every_name_of_the_published_contract_is_in_the_openapi_document() {
    let document = openapi();
    for (schema, names) in [
        ("LoginInput", &["client_id", "client_secret"][..]),
        ("RefreshInput", &["token"]),
        ("AuthToken", &["token", "expired_at"]),
        ("CreateSalesOrderInput", &["customer_code", "site_code", "sales_name", "address", "products"]),
        ("ProductDto", &["product_code", "quantity"]),
        ("CreateSalesOrderPayload", &["message", "data"]),
    ] {
        let schema = &document["components"]["schemas"][schema];
        for name in names {
            assert!(schema["properties"][name].is_object(), "{name} is not in {schema:#}");
            let required = schema["required"].as_array().unwrap();
            assert!(required.contains(&Value::from(*name)), "{name} is not required in {schema:#}");
        }
    }
    for path in ["/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/sales-orders"] {
        assert!(document["paths"][path]["post"].is_object(), "{path}");
    }
    for scheme in ["JWT-auth", "X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE"] {
        let asked = &document["paths"]["/api/v1/sales-orders"]["post"]["security"][0];
        assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
        assert!(asked[scheme].is_array(), "{scheme} is not asked for");
    }
}

/// What generators put behind the name of an operation to name types of their own.
const OF_GENERATORS: [&str; 12] = [
    "Request",
    "Requests",
    "Response",
    "Responses",
    "Data",
    "Error",
    "Errors",
    "Params",
    "Body",
    "Headers",
    "Result",
    "Args",
];

#[test]
fn no_schema_has_a_name_that_generators_of_clients_give() {
    let document = openapi();
    let operations: Vec<_> = operation_names().iter().map(|name| name.to_lowercase()).collect();
    for schema in document["components"]["schemas"].as_object().unwrap().keys() {
        let name = schema.to_lowercase();
        for ending in OF_GENERATORS {
            let of = name.strip_suffix(&ending.to_lowercase());
            assert!(!of.is_some_and(|of| operations.iter().any(|known| known == of)), "{schema}");
        }
        // Whatever the operation: these are what most of them make.
        assert!(!schema.ends_with("Request") && !schema.ends_with("Response"), "{schema}");
    }
}

#[test]
fn generated_clients_need_nothing_that_stands_beside_the_document() {
    let document = openapi();
    assert_eq!(document["servers"][0]["url"], "/");
    for (path, operation) in operations(&document) {
        assert!(operation["security"].is_array(), "{path} does not say whether it needs a token");
        assert!(operation["description"].is_string(), "{path}");
        // A status that an answer may have is there with its schema; each says what its headers are.
        for status in ["400", "405", "429", "500", "503"] {
            assert!(
                operation["responses"][status]["content"]["application/problem+json"].is_object(),
                "{path} {status}"
            );
        }
        // What is signed is read as a whole, also where it says nothing.
        let is_signed = operation["security"][0]["X-SIGNATURE"].is_array();
        let takes_body = operation["requestBody"].is_object() || is_signed;
        for status in ["408", "413", "415"] {
            assert_eq!(operation["responses"][status].is_object(), takes_body, "{path} {status}");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            for header in ["X-Request-Id", "RateLimit", "RateLimit-Policy"] {
                assert!(response["headers"][header].is_object(), "{path} {status} {header}");
            }
        }
    }
    for public in ["/api/v1/auth/login", "/api/v1/auth/refresh"] {
        assert_eq!(document["paths"][public]["post"]["security"], Value::Array(Vec::new()), "{public}");
    }
    let create = &document["paths"]["/api/v1/sales-orders"]["post"];
    assert_eq!(create["responses"]["201"]["links"]["salesOrder"]["operationId"], "salesOrder");
    // Receivers of webhooks, in a folder below, call no operation.
    let clients: BTreeSet<_> = fs::read_dir(root().join("tests/clients"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let shown = operations(&document).filter_map(|(_, operation)| {
        let samples = operation["x-codeSamples"].as_array()?;
        let sources = samples.iter().map(|sample| sample["source"].as_str().unwrap().to_owned());
        Some((operation["operationId"].as_str().unwrap(), sources.collect::<BTreeSet<_>>()))
    });
    let shown: BTreeMap<_, _> = shown.collect();
    let names = ["cancelSalesOrder", "createSalesOrder", "salesOrderChanges", "validateSalesOrder"];
    let expected = names.map(|name| (name, clients.clone()));
    assert_eq!(shown, expected.into(), "the clients that the suite runs are those that the document shows");
}

#[test]
fn no_amount_of_money_is_offered_as_a_floating_point_number() {
    let text = openapi().to_string();
    assert!(!text.contains("\"double\"") && !text.contains("\"float\""));
}

/// The operations of the document, each with its path.
fn operations(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| methods.as_object().unwrap().values().map(move |operation| (path, operation)))
}

#[test]
fn every_member_that_the_code_adds_to_a_problem_is_described() {
    let document = openapi();
    let members = document["components"]["schemas"]["Problem"]["properties"].as_object().unwrap();
    // Of operations that only GraphQL has.
    let elsewhere = [
        "argument",
        "client_id",
        "external_number",
        "fields",
        "fingerprint",
        "pending_migrations",
        "requests",
        "updated_at",
        "variable",
    ];
    let mut seen = 0;
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        for added in text.split(".detail(\"").skip(1) {
            let name = added.split('"').next().unwrap();
            let is_known = members.contains_key(name) || elsewhere.contains(&name);
            assert!(is_known, "{}: {name} is not described in src/rest/openapi/problems.rs", file.display());
            seen += 1;
        }
        let invented = text.split(".hint(\"").nth(1);
        assert_eq!(invented, None, "{}: a hint is not of the list in src/auth/hint.rs", file.display());
    }
    assert!(seen > 10);
}

fn sources() -> Vec<PathBuf> {
    documents().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs")).collect()
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

/// The commands of our program in a text: in backticks, or as lines of a shell session.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let typed = text.lines().map(|line| line.trim_start().trim_start_matches("$ "));
    let ours = quoted.chain(typed).filter_map(|line| {
        let (program, rest) = line.split_once("sales-order-api ")?;
        (program.is_empty() || program.ends_with('/')).then_some(rest)
    });
    // What comes after the command: a comment, a pipe, a further command.
    let own = ours.map(|rest| rest.split(" #").next().unwrap_or(rest).split(['|', '>', ';', '&', '\\', '"']).next());
    own.map(|own| own.unwrap_or_default().split_whitespace().collect()).collect()
}

/// What of a command the program does not know: a subcommand or a flag.
fn unknown_part<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    let mut command = Cli::command();
    command.build();
    let mut command = &command;
    for argument in arguments {
        if let Some(flag) = argument.strip_prefix("--") {
            let flag = flag.split('=').next().unwrap_or(flag);
            if !command.get_arguments().any(|known| known.get_long() == Some(flag)) {
                return Some(argument);
            }
        } else if let Some(subcommand) = command.find_subcommand(argument) {
            command = subcommand;
        } else if command.has_subcommands() && !argument.starts_with(['<', '[', '…', '.']) {
            return Some(argument);
        }
    }
    None
}

/// Everything people read that may tell them to type a command.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = ["src", "config", "docs"].map(|folder| root().join(folder)).to_vec();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if ["rs", "toml", "md"].iter().any(|kind| path.extension().is_some_and(|own| own == *kind)) {
                found.push(path);
            }
        }
    }
    found.extend(Some(root().join("README.md")).filter(|readme| readme.exists()));
    found
}

#[test]
fn every_command_that_people_are_told_to_type_exists() {
    let sample = "Type `sales-order-api migrate up --json`:\n$ sales-order-api client creat --client-id a # new\n\
                  ./target/release/sales-order-api serve --port 80 | tee log";
    let unknown: Vec<_> = commands(sample).iter().map(|command| unknown_part(command)).collect();
    assert_eq!(unknown, [None, Some("creat"), Some("--port")]);

    let mut seen = 0;
    for file in documents() {
        for command in commands(&fs::read_to_string(&file).unwrap()) {
            let unknown = unknown_part(&command);
            assert_eq!(unknown, None, "{} tells people to type {command:?}", file.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "no command was found anywhere, not even those that error messages name");
}

#[test]
fn every_make_target_that_people_are_told_to_use_exists() {
    let makefile = committed("Makefile");
    let is_target = |name: &str| makefile.lines().any(|line| line.starts_with(&format!("{name}:")));
    assert!(is_target("contracts") && !is_target("contract"));
    for file in documents() {
        let text = fs::read_to_string(&file).unwrap();
        let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let typed = text.lines().map(|line| line.trim_start().trim_start_matches("$ "));
        // In code a line that begins with "make" is a sentence that was broken there.
        let typed = typed.filter(|_| file.extension().is_some_and(|kind| kind == "md"));
        for told in quoted.chain(typed) {
            let Some(target) = told.strip_prefix("make ").and_then(|rest| rest.split_whitespace().next()) else {
                continue;
            };
            assert!(is_target(target), "{} names `make {target}`", file.display());
        }
    }
}
