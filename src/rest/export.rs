//! Exports: every order that is meant, page after page of one prepared document, so that an export of a million orders
//! takes the memory of a hundred.

mod columns;
mod form;
mod parameters;
mod rows;
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
use form::Cells;
pub use form::{AFTER, CURSORS, FOR, SEPARATOR, TIME_ZONE, TRAILER};
pub(super) use form::{FORM, FormParameter};
use parameters::in_parameters;
pub(super) use parameters::{DEFAULT_ORDER, ORDER_BY, PARAMETERS};
pub use parameters::{Request, request};
pub(super) use rows::{CURSOR, LINE_AMOUNT, TIME_ZONE as ZONE};
use trailer::Count;

use super::operations::EXPORT_SALES_ORDERS;
use crate::app::AppState;
use crate::error::{AppError, ErrorCode};
use crate::graphql::{Api, Sender};
use crate::telemetry::{self, Wire};
use crate::wire::problem::Problem;
use crate::wire::query::Pairs;
use crate::wire::request::credentials;
use crate::wire::unbuffered::UNBUFFERED;

pub(super) const CSV: &str = "text/csv; charset=utf-8; header=present";

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
    let request = pairs.and_then(|pairs| request(format, &pairs));
    let is_exact = request.as_ref().is_ok_and(|request| matches!(request.form.cells, Cells::Exact));
    let page_limit = state.config().http.request_timeout;
    let Export { is_small, chunks } = export(state.api().clone(), sender, request, page_limit).await?;
    // Nobody is told why but the operator.
    let noted = chunks.inspect_err(|error| telemetry::note_failure(Wire::Rest, error));
    let body = if is_small {
        // At once, and so with its length.
        Body::from(noted.try_concat().await?)
    } else {
        Body::from_stream(broken_off_by(state.stopping(), noted))
    };
    let (content_type, name) = match format {
        // By the name whoever finds the file knows that a spreadsheet would run its texts.
        Format::Csv if is_exact => (CSV, "sales-orders-for-programs.csv"),
        Format::Csv => (CSV, "sales-orders.csv"),
        Format::Jsonl => ("application/jsonl; charset=utf-8", "sales-orders.jsonl"),
    };
    let headers =
        [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((headers, [UNBUFFERED], body).into_response())
}

/// The pieces until the service stops. That is a failure like any other in the middle, which breaks the answer off: an
/// export that ends well is whole.
pub(super) fn broken_off_by<S>(stop: impl Future<Output = ()> + Send, chunks: S) -> impl Stream<Item = S::Item>
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
    request: Result<Request, AppError>,
    page_limit: Duration,
) -> Result<Export<impl Stream<Item = Result<Vec<u8>, AppError>> + Send + use<>>, AppError> {
    // Who may not export learns that before what is wrong with its parameters.
    let variables = request.as_ref().map(|request| request.variables.clone()).map_err(Clone::clone);
    let first = read_page(&api, &sender, variables, page_limit).await?;
    let Request { form, variables } = request?;
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
            let end = (next.is_none() && form.trailer).then_some(count);
            Ok(Some(((orders, end), next)))
        }
    });
    let rows = pages.and_then(move |(mut orders, end)| async move {
        let mut rows = form.orders(orders.as_array_mut().map_or(&mut [], Vec::as_mut_slice))?;
        if let Some(count) = end {
            rows.extend(form.last_line(count)?);
        }
        Ok(rows)
    });
    Ok(Export { is_small, chunks: stream::iter(form.heading().transpose()).chain(rows) })
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
