//! Exports: every order that is meant, page after page of one prepared document, so that an export of a million orders
//! takes the memory of a hundred.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::request::credentials;
use super::spreadsheet::cell;
use crate::app::AppState;
use crate::domain::permission::Permission;
use crate::error::{AppError, ErrorCode, FieldError};
use crate::graphql::{Api, PreparedOperation, Sender};
use crate::telemetry::{self, Wire};

static EXPORT_SALES_ORDERS: LazyLock<PreparedOperation> = LazyLock::new(|| {
    let document = include_str!("operations/exportSalesOrders.graphql");
    PreparedOperation::new(document).with_scope(Permission::OrdersRead)
});

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Format {
    /// One row for each line of an order (RFC 4180), for people and their spreadsheets
    Csv,
    /// One order a line (JSON Lines), shaped as REST shows it, for programs
    Jsonl,
}

/// What may narrow an export: each name once or, where several values are asked for, more often.
pub const PARAMETERS: [&str; 16] = [
    "order_number",
    "status",
    "customer_code",
    "customer_code_contains",
    "site_code",
    "site_code_contains",
    "sales_name",
    "sales_name_contains",
    "product_code",
    "product_code_contains",
    "client_id",
    "created_at_gte",
    "created_at_lt",
    "search",
    "not_acknowledged_by",
    "order_by",
];

pub(super) async fn export_csv(
    state: State<AppState>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    parts: Parts,
) -> Result<Response, Problem> {
    respond(&state, Format::Csv, query, &parts).await
}

pub(super) async fn export_jsonl(
    state: State<AppState>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    parts: Parts,
) -> Result<Response, Problem> {
    respond(&state, Format::Jsonl, query, &parts).await
}

async fn respond(
    state: &AppState,
    format: Format,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    parts: &Parts,
) -> Result<Response, Problem> {
    let sender = Sender::from(credentials(parts, Arc::default()));
    let unreadable = || AppError::new(ErrorCode::MalformedBody, "The query string cannot be read");
    let variables = query.map_err(|_| unreadable()).and_then(|Query(pairs)| variables(&pairs));
    let page_limit = state.config().http.request_timeout;
    let chunks = export(state.api().clone(), sender, format, variables, page_limit).await?;
    // Nobody is told why but the operator.
    let noted = chunks.inspect_err(|error| telemetry::note_failure(Wire::Rest, error));
    let body = Body::from_stream(broken_off_by(state.stopping(), noted));
    let (content_type, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8; header=present", "sales-orders.csv"),
        Format::Jsonl => ("application/jsonl; charset=utf-8", "sales-orders.jsonl"),
    };
    let headers =
        [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((headers, body).into_response())
}

/// The pieces until the service stops. That is a failure like any other in the middle, which breaks the answer off: an
/// export that ends well is whole.
fn broken_off_by<S>(stop: impl Future<Output = ()> + Send, chunks: S) -> impl Stream<Item = S::Item>
where
    S: Stream<Item = Result<Vec<u8>, AppError>> + Send,
{
    stream::unfold(Some((Box::pin(stop), Box::pin(chunks))), |state| async {
        let (mut stop, mut chunks) = state?;
        tokio::select! {
            biased;
            () = &mut stop => {
                let message = "The service stops; send the same request again";
                Some((Err(AppError::new(ErrorCode::Stopping, message)), None))
            }
            chunk = chunks.next() => Some((chunk?, Some((stop, chunks)))),
        }
    })
}

/// The export in pieces. The first page is read before this returns, so what is refused is refused as a whole. Each page may
/// take as long as a request: of those after the first no request's time is the end.
pub async fn export(
    api: Api,
    sender: Sender,
    format: Format,
    variables: Result<Value, AppError>,
    page_limit: Duration,
) -> Result<impl Stream<Item = Result<Vec<u8>, AppError>> + Send + use<>, AppError> {
    let first = read_page(&api, &sender, variables.clone(), page_limit).await?;
    let variables = variables?;
    let pages = stream::try_unfold(Some((first, variables)), move |state| {
        let (api, sender) = (api.clone(), sender.clone());
        async move {
            let Some((mut page, mut variables)) = state else { return Ok(None) };
            let orders = page["orders"].take();
            let next = if page["page"]["has_next"] == true {
                variables["after"] = page["page"]["end_cursor"].take();
                Some((read_page(&api, &sender, Ok(variables.clone()), page_limit).await?, variables))
            } else {
                None
            };
            Ok(Some((orders, next)))
        }
    });
    let rows = pages.and_then(move |orders| async move { write(format, orders.as_array().map_or(&[], Vec::as_slice)) });
    Ok(stream::iter((format == Format::Csv).then(heading)).chain(rows))
}

async fn read_page(
    api: &Api,
    sender: &Sender,
    variables: Result<Value, AppError>,
    limit: Duration,
) -> Result<Value, AppError> {
    let page = api.execute_prepared(&EXPORT_SALES_ORDERS, sender.clone(), |_| variables);
    tokio::time::timeout(limit, page).await.unwrap_or_else(|_| Err(too_slow(limit))).map_err(in_parameters)
}

fn too_slow(limit: Duration) -> AppError {
    let limit = humantime::format_duration(limit);
    let message = format!("A page of the export was not there within {limit} (http.request_timeout); try again later");
    AppError::new(ErrorCode::DatabaseUnavailable, message).caused_by("no answer in time")
}

/// The document's variables from pairs of a name of [`PARAMETERS`] and a value.
pub fn variables(pairs: &[(String, String)]) -> Result<Value, AppError> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut faults = Vec::new();
    let fault = |name: &str, code, message| FieldError { pointer: format!("/{name}"), code, message };
    for (name, value) in pairs {
        if PARAMETERS.contains(&name.as_str()) {
            values.entry(name).or_default().push(value);
        } else {
            let shown: String = name.chars().take(100).collect();
            let message = format!("is not a known parameter; the parameters are {}", PARAMETERS.join(", "));
            faults.push(fault(&shown, "unknown", message));
        }
    }
    let mut filter: Map<String, Value> = Map::new();
    let mut set = |field: &str, operator: &str, value: Value| {
        filter.entry(field).or_insert_with(|| json!({}))[operator] = value;
    };
    let mut order_by = json!("CREATED_AT_ASC");
    let mut plain = Map::new();
    for (name, given) in values {
        let is_list = !name.contains("_contains") && !name.starts_with("created_at");
        let is_list = is_list && !["search", "not_acknowledged_by", "order_by"].contains(&name);
        if is_list {
            set(name, "in", json!(given));
            continue;
        }
        let [value] = given[..] else {
            faults.push(fault(name, "conflict", "must be given once".to_owned()));
            continue;
        };
        match (name, name.strip_suffix("_contains")) {
            (_, Some(field)) => set(field, "contains", json!(value)),
            ("created_at_gte", _) => set("created_at", "gte", json!(value)),
            ("created_at_lt", _) => set("created_at", "lt", json!(value)),
            ("order_by", _) if SORTS.contains(&value) => order_by = json!(value.to_ascii_uppercase()),
            ("order_by", _) => faults.push(fault(name, "unknown", format!("must be one of {}", SORTS.join(", ")))),
            _ => drop(plain.insert(name.to_owned(), json!(value))),
        }
    }
    filter.extend(plain);
    if faults.is_empty() {
        Ok(json!({"where": filter, "order_by": order_by, "after": null}))
    } else {
        Err(AppError::invalid(faults))
    }
}

const SORTS: [&str; 6] =
    ["created_at_asc", "created_at_desc", "updated_at_asc", "updated_at_desc", "order_number_asc", "order_number_desc"];

/// Names faults of the filter by the parameters they came in: `/where/created_at/gte` as `/created_at_gte`.
fn in_parameters(error: AppError) -> AppError {
    if error.errors.is_empty() {
        return error;
    }
    let renamed = error.errors.iter().map(|fault| {
        let Some(path) = fault.pointer.strip_prefix("/where/") else { return fault.clone() };
        let path = path.replace('/', "_");
        FieldError { pointer: format!("/{}", path.strip_suffix("_in").unwrap_or(&path)), ..fault.clone() }
    });
    AppError::invalid(renamed.collect())
}

/// Of the order, then of its line.
const COLUMNS: [&str; 21] = [
    "order_number",
    "status",
    "version",
    "client_id",
    "customer_code",
    "site_code",
    "sales_name",
    "address",
    "note",
    "currency",
    "total_quantity",
    "total_amount",
    "created_at",
    "updated_at",
    "line_no",
    "product_code",
    "product_name",
    "quantity",
    "unit",
    "unit_price",
    "line_note",
];
const ORDER_COLUMNS: usize = 14;

fn heading() -> Result<Vec<u8>, AppError> {
    csv(|writer| writer.write_record(COLUMNS))
}

fn write(format: Format, orders: &[Value]) -> Result<Vec<u8>, AppError> {
    match format {
        Format::Jsonl => Ok(orders.iter().flat_map(|order| format!("{order}\n").into_bytes()).collect()),
        Format::Csv => csv(|writer| {
            for order in orders {
                for line in order["products"].as_array().into_iter().flatten() {
                    let of_order = COLUMNS[..ORDER_COLUMNS].iter().map(|name| cell(&order[*name]));
                    let of_line = COLUMNS[ORDER_COLUMNS..].iter().map(|name| match *name {
                        "line_note" => cell(&line["note"]),
                        name => cell(&line[name]),
                    });
                    for cell in of_order.chain(of_line) {
                        writer.write_field(cell.as_bytes())?;
                    }
                    writer.write_record(None::<&[u8]>)?;
                }
            }
            Ok(())
        }),
    }
}

fn csv(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Result<Vec<u8>, AppError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    write(&mut writer).map_err(AppError::internal)?;
    writer.into_inner().map_err(|error| AppError::internal(error.into_error()))
}
