//! The parameters of a GraphQL request (GraphQL over HTTP §5.1), as a body, a query string or a message on a WebSocket brings
//! them.

use serde_json::Value;

use crate::error::{AppError, ErrorCode};
use crate::graphql::{self, Request};

/// A batch with more requests than this is answered by one refusal.
const MOST_ANSWERS: usize = 100;

/// What names a document instead of holding it: Relay's `doc_id`, and what others call it.
const DOCUMENT_IDS: [&str; 6] = ["documentId", "document_id", "doc_id", "docId", "queryId", "id"];

/// Reads the parameters of a request.
pub fn read_parameters(value: Value) -> Result<Request, AppError> {
    let refuse = |message: &'static str| Err(AppError::new(ErrorCode::MalformedBody, message));
    let mut parameters = match value {
        Value::Object(parameters) => parameters,
        Value::Array(requests) => return Err(refuse_batch(&requests)),
        _ => return refuse("Send one JSON object with the member query"),
    };
    let extensions = match parameters.remove("extensions") {
        // Old tools send an empty text for a member that is absent.
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() => None,
        Some(Value::Object(extensions)) => Some(extensions),
        Some(_) => return refuse("The member extensions must be an object"),
    };
    let persisted = extensions
        .and_then(|mut extensions| extensions.remove(graphql::PERSISTED_QUERY))
        .filter(|named| !named.is_null());
    let mut request = match parameters.remove("query") {
        Some(Value::String(query)) => Request::new(query),
        None | Some(Value::Null) if persisted.is_some() => Request::new(""),
        None | Some(Value::Null) => return Err(refuse_without_document(parameters.keys().map(String::as_str))),
        Some(_) => return refuse("The member query is required and must be a string holding a GraphQL document"),
    };
    if let Some(persisted) = persisted {
        graphql::name_persisted_query(&mut request, persisted);
    }
    match parameters.remove("operationName") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) => request.operation_name = (!name.is_empty()).then_some(name),
        Some(_) => return refuse("The member operationName must be a string"),
    }
    match parameters.remove("variables") {
        None | Some(Value::Null) => Ok(request),
        Some(Value::String(text)) if text.is_empty() => Ok(request),
        Some(variables @ Value::Object(_)) => {
            request.variables = graphql::variables(variables);
            Ok(request)
        }
        Some(_) => refuse("The member variables must be an object"),
    }
}

/// Each request of a batch would have a signature, a budget and a turn of its own, which one HTTP request has but once.
fn refuse_batch(requests: &[Value]) -> AppError {
    let is_request = |request: &Value| request.as_object().is_some_and(|members| !members.is_empty());
    let requests = if requests.iter().all(is_request) { requests.len() } else { 0 };
    let message = "Batches are not taken, and nothing was done; send each request by itself, as one JSON object (in Apollo \
                   Client: HttpLink instead of BatchHttpLink)";
    AppError::new(ErrorCode::BatchNotSupported, message).detail("requests", requests)
}

fn refuse_without_document<'n>(mut names: impl Iterator<Item = &'n str>) -> AppError {
    let id = names.find_map(|name| DOCUMENT_IDS.into_iter().find(|known| *known == name));
    match id {
        Some(id) => {
            let message = format!(
                "The member {id} names a document, and none are registered here; send the document itself as query, or its \
                 SHA-256 as extensions.persistedQuery (automatic persisted queries)"
            );
            AppError::new(ErrorCode::DocumentIdNotSupported, message)
        }
        None => {
            let message = "The member query is required and must be a string holding a GraphQL document";
            AppError::new(ErrorCode::MalformedBody, message)
        }
    }
}

/// How many answers a refusal has: a client that sends a batch expects a list with an answer to each of its requests.
pub fn answers(refusal: &AppError) -> Option<usize> {
    let requests = refusal.details.get("requests").filter(|_| refusal.code == ErrorCode::BatchNotSupported)?;
    let requests = usize::try_from(requests.as_u64()?).ok()?;
    (1..=MOST_ANSWERS).contains(&requests).then_some(requests)
}
