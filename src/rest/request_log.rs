//! The log of requests: in pages, as a stream, and as files.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};

use super::events::accepts_stream;
use super::export::{CSV, broken_off_by};
use super::operations::{EXPORT_REQUEST_LOG, REQUEST_ERRORS, REQUEST_LOG, REQUEST_LOG_ENTRIES};
use super::parameters::{VARIABLE, in_parameters, of, values};
use super::spreadsheet;
use crate::app::AppState;
use crate::error::{AppError, FieldError, FieldErrorCode};
use crate::graphql::{Api, PreparedOperation, Sender};
use crate::telemetry::{self, Wire};
use crate::wire::event_stream::{self, Events};
use crate::wire::problem::Problem;
use crate::wire::query::Pairs;
use crate::wire::request::credentials;
use crate::wire::unbuffered::UNBUFFERED;

/// The parameter that names whose entries are meant.
pub const CLIENT_ID: &str = "client_id";
pub(super) const CURSOR: &str = "cursor";
pub(super) const LIMIT: &str = "limit";

/// The parameters that are numbers.
const NUMBERS: [&str; 2] = ["status", LIMIT];

/// How many entries of a file are read at once.
const AT_ONCE: usize = 200;

/// Names and values of query parameters.
type Parameters = Vec<(String, String)>;

/// A page, or a stream where one is asked for.
pub(super) async fn request_log(
    State(state): State<AppState>,
    Pairs(pairs): Pairs,
    parts: Parts,
) -> Result<Response, Problem> {
    let sender = state.api().admitted(&REQUEST_LOG, credentials(&parts, Arc::default())).await?;
    if accepts_stream(&parts.headers) {
        return Ok(follow(&state, sender, &pairs?).await?);
    }
    Ok(Json(page(state.api(), sender, &pairs?).await?).into_response())
}

/// A page of the log, in the words of the query parameters.
pub async fn page(api: &Api, sender: Sender, pairs: &[(String, String)]) -> Result<Value, AppError> {
    run(api, &REQUEST_LOG, sender, &variables(pairs)).await
}

/// Failures in groups of one cause, in the words of the same parameters.
pub async fn errors(api: &Api, sender: Sender, pairs: &[(String, String)]) -> Result<Value, AppError> {
    run(api, &REQUEST_ERRORS, sender, &variables(pairs)).await
}

async fn run(
    api: &Api,
    operation: &PreparedOperation,
    sender: Sender,
    variables: &Map<String, Value>,
) -> Result<Value, AppError> {
    let variables = Value::Object(variables.clone());
    api.execute_prepared(operation, sender, |_| Ok(variables)).await.map_err(|error| reworded(error, operation))
}

/// Whose entries are meant, and which.
fn variables(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut input = values(pairs, &NUMBERS, None);
    let client = input.shift_remove_entry(CLIENT_ID);
    client.into_iter().chain([(VARIABLE.to_owned(), Value::Object(input))]).collect()
}

/// Entries as they are written.
async fn follow(state: &AppState, sender: Sender, pairs: &[(String, String)]) -> Result<Response, AppError> {
    let operation = &REQUEST_LOG_ENTRIES;
    let entries = state.api().subscribe_prepared(operation, sender, Value::Object(variables(pairs))).await;
    let entries = entries.map_err(|error| reworded(error, operation))?;
    let events = entries.map_ok(|entry| Bytes::from(format!("data: {entry}\n\n")));
    Ok(event_stream::answer(state, Events { events: events.boxed(), end: "", wire: Wire::Rest }))
}

fn reworded(error: AppError, operation: &PreparedOperation) -> AppError {
    let known = of(operation);
    let known = known.iter().map(|parameter| parameter.name.as_str()).chain([CLIENT_ID]);
    in_parameters(error, &known.collect::<Vec<_>>())
}

pub(super) async fn request_log_csv(
    State(state): State<AppState>,
    Pairs(pairs): Pairs,
    parts: Parts,
) -> Result<Response, Problem> {
    let headers = [(CONTENT_TYPE, CSV), (CONTENT_DISPOSITION, "attachment; filename=\"requests.csv\"")];
    let (first, rest) = pages(&state, pairs, &parts).await?;
    let rows = stream::iter([Ok(first)]).chain(rest).map(|page| csv(page?.iter().map(cells)));
    Ok(answer(&state, headers, stream::iter([csv([heading()])]).chain(rows)))
}

pub(super) async fn request_log_jsonl(
    State(state): State<AppState>,
    Pairs(pairs): Pairs,
    parts: Parts,
) -> Result<Response, Problem> {
    let name = "attachment; filename=\"requests.jsonl\"";
    let headers = [(CONTENT_TYPE, "application/jsonl; charset=utf-8"), (CONTENT_DISPOSITION, name)];
    let (first, rest) = pages(&state, pairs, &parts).await?;
    let lines = |page: Vec<Value>| page.iter().flat_map(|entry| format!("{entry}\n").into_bytes()).collect();
    Ok(answer(&state, headers, stream::iter([Ok(first)]).chain(rest).map_ok(lines)))
}

/// All that is meant, page after page. The first one is read before this returns, so what is refused is refused as a whole.
async fn pages(
    state: &AppState,
    pairs: Result<Parameters, AppError>,
    parts: &Parts,
) -> Result<(Vec<Value>, impl Stream<Item = Result<Vec<Value>, AppError>> + Send + use<>), AppError> {
    let sender = state.api().admitted(&EXPORT_REQUEST_LOG, credentials(parts, Arc::default())).await?;
    let mut pairs = pairs?;
    let of_pages = |name: &str| [CURSOR, LIMIT].contains(&name);
    let faults = pairs.iter().filter(|(name, _)| of_pages(name)).map(|(name, _)| FieldError {
        pointer: format!("/{name}"),
        code: FieldErrorCode::Conflict,
        message: "is for pages: a file has every entry that is meant; leave it out".to_owned(),
    });
    let faults: Vec<_> = faults.collect();
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    pairs.push((LIMIT.to_owned(), AT_ONCE.to_string()));
    let (api, limit, variables) = (state.api().clone(), state.config().http.request_timeout, variables(&pairs));
    let (first, next) = part(&api, &sender, &variables, limit).await?;
    let rest = stream::try_unfold((variables, next), move |(mut variables, next)| {
        let (api, sender) = (api.clone(), sender.clone());
        async move {
            if next.is_null() {
                return Ok(None);
            }
            variables[VARIABLE][CURSOR] = next;
            let (entries, next) = part(&api, &sender, &variables, limit).await?;
            Ok(Some((entries, (variables, next))))
        }
    });
    Ok((first, rest))
}

/// A part of a file, and the cursor of the next one. It may take as long as a request.
async fn part(
    api: &Api,
    sender: &Sender,
    variables: &Map<String, Value>,
    limit: std::time::Duration,
) -> Result<(Vec<Value>, Value), AppError> {
    let page = tokio::time::timeout(limit, run(api, &EXPORT_REQUEST_LOG, sender.clone(), variables)).await;
    let mut page = page.unwrap_or_else(|_| Err(AppState::no_answer()))?;
    let next = page["next_cursor"].take();
    let Value::Array(entries) = page["data"].take() else { return Err(AppError::internal("a page is no list")) };
    Ok((entries, next))
}

fn answer(
    state: &AppState,
    headers: [(axum::http::HeaderName, &'static str); 2],
    chunks: impl Stream<Item = Result<Vec<u8>, AppError>> + Send + 'static,
) -> Response {
    // Nobody is told why it breaks off but the operator.
    let noted = chunks.inspect_err(|error| telemetry::note_failure(Wire::Rest, error));
    (headers, [UNBUFFERED], Body::from_stream(broken_off_by(state.stopping(), noted))).into_response()
}

/// The columns of the CSV: the members of an entry, in their order.
pub const COLUMNS: [&str; 25] = [
    "at",
    "request_id",
    "client_id",
    "is_proven",
    "row",
    "method",
    "route",
    "operation",
    "status",
    "code",
    "hint",
    "explanation",
    "duration_ms",
    "order_number",
    "partner_reference",
    "idempotency_key",
    "replayed",
    "body_bytes",
    "body_sha256",
    "signature_form",
    "key_fingerprint",
    "network",
    "user_agent",
    "body",
    "errors",
];

/// The headings of the CSV.
pub fn heading() -> Vec<String> {
    COLUMNS.map(str::to_owned).to_vec()
}

/// The cells of an entry, with an apostrophe in front of what a spreadsheet would run as a formula.
pub fn cells(entry: &Value) -> Vec<String> {
    let cell = |name: &str| match &entry[name] {
        Value::Null => String::new(),
        Value::String(text) => spreadsheet::guarded(text, None).into_owned(),
        Value::Array(errors) => {
            let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
            let faults = errors.iter().map(|fault| format!("{} {}", text(fault, "pointer"), text(fault, "message")));
            spreadsheet::guarded(&faults.collect::<Vec<_>>().join("; "), None).into_owned()
        }
        other => other.to_string(),
    };
    COLUMNS.map(cell).to_vec()
}

/// Rows of a CSV (RFC 4180).
pub fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> Result<Vec<u8>, AppError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    rows.into_iter().try_for_each(|row| writer.write_record(row)).map_err(AppError::internal)?;
    writer.into_inner().map_err(|error| AppError::internal(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_that_are_published_stay() {
        let names = |operation| of(operation).into_iter().map(|parameter| parameter.name).collect::<Vec<_>>();
        let filter = [
            "status",
            "outcome",
            "code",
            "hint",
            "route",
            "since",
            "until",
            "order_number",
            "partner_reference",
            "request_id",
        ];
        assert_eq!(names(&REQUEST_LOG_ENTRIES), filter);
        assert_eq!(names(&REQUEST_LOG), [&filter[..], &[LIMIT, CURSOR]].concat());
    }

    #[test]
    fn a_row_has_a_cell_for_each_member_of_an_entry() {
        let document = include_str!("operations/entry.fragment.graphql");
        let members = document.lines().skip(2).filter_map(|line| line.trim().split([':', ' ']).next());
        let members: Vec<_> = members.filter(|member| !matches!(*member, "" | "}")).collect();
        assert_eq!(members, COLUMNS);
    }
}
