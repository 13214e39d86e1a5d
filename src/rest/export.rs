//! Exports: every order that is meant, page after page of one prepared document, so that an export of a million orders
//! takes the memory of a hundred.

mod columns;
mod parameters;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

pub(super) use columns::COLUMNS;
use parameters::in_parameters;
pub use parameters::variables;
pub(super) use parameters::{DEFAULT_ORDER, ORDER_BY, PARAMETERS, Parameter};

use super::operations::EXPORT_SALES_ORDERS;
use super::spreadsheet::cell;
use crate::app::AppState;
use crate::auth::credentials::Credentials;
use crate::domain::permission::Permission;
use crate::error::{AppError, ErrorCode};
use crate::graphql::Api;
use crate::wire::problem::Problem;
use crate::wire::request::credentials;

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Format {
    /// One row for each line of an order (RFC 4180), for people and their spreadsheets
    Csv,
    /// One order a line (JSON Lines), shaped as REST shows it, for programs
    Jsonl,
}

/// Who asks for an export.
#[derive(Clone)]
pub enum Reader {
    /// A client, by the credentials it sent.
    Client(Box<Credentials>),
    /// The operator at the command line.
    Operator,
}

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
    let reader = Reader::Client(Box::new(credentials(parts, Arc::default())));
    let unreadable = || AppError::new(ErrorCode::MalformedBody, "The query string cannot be read");
    let variables = query.map_err(|_| unreadable()).and_then(|Query(pairs)| variables(&pairs));
    let chunks = export(state.api().clone(), reader, format, variables).await?;
    // A failure in the middle breaks the answer off: an export that ends well is whole.
    let body = Body::from_stream(chunks.take_until(state.stopping()));
    let (content_type, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8; header=present", "sales-orders.csv"),
        Format::Jsonl => ("application/jsonl; charset=utf-8", "sales-orders.jsonl"),
    };
    let headers =
        [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((headers, body).into_response())
}

/// The export in pieces. The first page is read before this returns, so what is refused is refused as a whole.
pub async fn export(
    api: Api,
    reader: Reader,
    format: Format,
    variables: Result<Value, AppError>,
) -> Result<impl Stream<Item = Result<Vec<u8>, AppError>> + Send + use<>, AppError> {
    let first = read_page(&api, &reader, variables.clone()).await?;
    let variables = variables?;
    let pages = stream::try_unfold(Some((first, variables)), move |state| {
        let (api, reader) = (api.clone(), reader.clone());
        async move {
            let Some((mut page, mut variables)) = state else { return Ok(None) };
            let orders = page["orders"].take();
            let next = if page["page"]["has_next"] == true {
                variables["after"] = page["page"]["end_cursor"].take();
                Some((read_page(&api, &reader, Ok(variables.clone())).await?, variables))
            } else {
                None
            };
            Ok(Some((orders, next)))
        }
    });
    let rows = pages.and_then(move |orders| async move { write(format, orders.as_array().map_or(&[], Vec::as_slice)) });
    Ok(stream::iter((format == Format::Csv).then(heading)).chain(rows))
}

async fn read_page(api: &Api, reader: &Reader, variables: Result<Value, AppError>) -> Result<Value, AppError> {
    let operation = &*EXPORT_SALES_ORDERS;
    let page = match reader {
        Reader::Client(credentials) => {
            api.execute_prepared_for(Permission::OrdersRead, operation, (**credentials).clone(), variables).await
        }
        Reader::Operator => api.execute_prepared_as_operator(operation, variables?).await,
    };
    page.map_err(in_parameters)
}

fn heading() -> Result<Vec<u8>, AppError> {
    csv(|writer| writer.write_record(COLUMNS.all().map(|column| &column.name)))
}

fn write(format: Format, orders: &[Value]) -> Result<Vec<u8>, AppError> {
    match format {
        Format::Jsonl => Ok(orders.iter().flat_map(|order| format!("{order}\n").into_bytes()).collect()),
        Format::Csv => csv(|writer| {
            for row in orders.iter().flat_map(|order| COLUMNS.rows(order)) {
                for value in row {
                    writer.write_field(cell(value).as_bytes())?;
                }
                writer.write_record(None::<&[u8]>)?;
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
