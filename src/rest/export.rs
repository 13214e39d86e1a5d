//! Exports: every order that is meant, page after page of one prepared document, so that an export of a million orders
//! takes the memory of a hundred.

mod columns;
mod parameters;
mod trailer;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

pub(super) use columns::COLUMNS;
pub(super) use parameters::{DEFAULT_ORDER, ORDER_BY, PARAMETERS, Parameter};
use parameters::{in_parameters, variables};
use trailer::Count;
pub(super) use trailer::{MEANING as TRAILER_MEANING, TRAILER};

use super::operations::EXPORT_SALES_ORDERS;
use super::spreadsheet::cell;
use crate::app::AppState;
use crate::error::{AppError, ErrorCode};
use crate::graphql::{Api, Sender};
use crate::telemetry::{self, Wire};
use crate::wire::problem::Problem;
use crate::wire::query::Pairs;
use crate::wire::request::credentials;
use crate::wire::unbuffered::UNBUFFERED;

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Format {
    /// One row for each line of an order (RFC 4180), for people and their spreadsheets
    Csv,
    /// One order a line (JSON Lines), shaped as REST shows it, for programs
    Jsonl,
}

pub(super) async fn export_csv(state: State<AppState>, Pairs(pairs): Pairs, parts: Parts) -> Result<Response, Problem> {
    respond(&state, Format::Csv, pairs, &parts).await
}

pub(super) async fn export_jsonl(
    state: State<AppState>,
    Pairs(pairs): Pairs,
    parts: Parts,
) -> Result<Response, Problem> {
    respond(&state, Format::Jsonl, pairs, &parts).await
}

async fn respond(
    state: &AppState,
    format: Format,
    pairs: Result<Vec<(String, String)>, AppError>,
    parts: &Parts,
) -> Result<Response, Problem> {
    let sender = Sender::from(credentials(parts, Arc::default()));
    let asked = pairs.and_then(Asked::read);
    let page_limit = state.config().http.request_timeout;
    let Export { is_small, chunks } = export(state.api().clone(), sender, format, asked, page_limit).await?;
    // Nobody is told why but the operator.
    let noted = chunks.inspect_err(|error| telemetry::note_failure(Wire::Rest, error));
    let body = if is_small {
        // At once, and so with its length.
        Body::from(noted.try_concat().await?)
    } else {
        Body::from_stream(broken_off_by(state.stopping(), noted))
    };
    let (content_type, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8; header=present", "sales-orders.csv"),
        Format::Jsonl => ("application/jsonl; charset=utf-8", "sales-orders.jsonl"),
    };
    let headers =
        [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((headers, [UNBUFFERED], body).into_response())
}

/// What an export is asked for.
pub struct Asked {
    /// Which orders.
    variables: Value,
    has_trailer: bool,
}

impl Asked {
    /// By query parameters; all faulty ones are named.
    pub fn read(pairs: Vec<(String, String)>) -> Result<Self, AppError> {
        let (has_trailer, pairs) = trailer::asked_for(pairs);
        match (variables(&pairs), has_trailer) {
            (Ok(variables), Ok(has_trailer)) => Ok(Self { variables, has_trailer }),
            (Err(error), Ok(_)) => Err(error),
            (variables, Err(fault)) => {
                let faults = variables.err().map(|error| error.errors.clone()).unwrap_or_default();
                Err(AppError::invalid(faults.into_iter().chain([fault]).collect()))
            }
        }
    }
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

/// An export in pieces.
pub struct Export<S> {
    /// Whether all of it is here already: it is one page.
    pub is_small: bool,
    /// The pieces.
    pub chunks: S,
}

/// Begins an export. The first page is read before this returns, so what is refused is refused as a whole. Each page may
/// take as long as a request: of those after the first no request's time is the end.
pub async fn export(
    api: Api,
    sender: Sender,
    format: Format,
    asked: Result<Asked, AppError>,
    page_limit: Duration,
) -> Result<Export<impl Stream<Item = Result<Vec<u8>, AppError>> + Send + use<>>, AppError> {
    // Who may not export learns that before what is wrong with its parameters.
    let variables = asked.as_ref().map(|asked| asked.variables.clone()).map_err(Clone::clone);
    let first = read_page(&api, &sender, variables, page_limit).await?;
    let Asked { variables, has_trailer } = asked?;
    let is_small = first["page"]["has_next"] != true;
    let pages = stream::try_unfold(Some((first, variables, Count::default())), move |state| {
        let (api, sender) = (api.clone(), sender.clone());
        async move {
            let Some((mut page, mut variables, mut count)) = state else { return Ok(None) };
            let orders = page["orders"].take();
            count.add(orders.as_array().map_or(&[], Vec::as_slice));
            let next = if page["page"]["has_next"] == true {
                variables["after"] = page["page"]["end_cursor"].take();
                Some((read_page(&api, &sender, Ok(variables.clone()), page_limit).await?, variables, count))
            } else {
                None
            };
            let end = (next.is_none() && has_trailer).then_some(count);
            Ok(Some(((orders, end), next)))
        }
    });
    let rows = pages.and_then(move |(orders, end)| async move {
        let mut rows = write(format, orders.as_array().map_or(&[], Vec::as_slice))?;
        if let Some(count) = end {
            rows.extend(count.write(format)?);
        }
        Ok(rows)
    });
    Ok(Export { is_small, chunks: stream::iter((format == Format::Csv).then(heading)).chain(rows) })
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
