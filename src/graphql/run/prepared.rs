//! Our own documents: parsed once, run by REST on the same schema.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, SelectionSet};
use async_graphql::{Name, Request, ServerError, Variables};

use super::normal::normalise;
use super::{escapes, lexical, selected};
use crate::auth::credentials::Credentials;
use crate::domain::permission::Permission;
use crate::error::{AppError, ErrorCode};
use crate::graphql::output::error;
use crate::graphql::roots::{self, Root};
use crate::service::{Caller, Needs};
use crate::telemetry;

/// Who has one of our own documents run.
#[derive(Clone)]
pub enum Sender {
    /// A client, by the credentials it sent.
    Client(Box<Credentials>),
    /// One who had another one run for the same request.
    Caller(Arc<Caller>),
    /// The operator at the command line, who has the database in hand and needs no token.
    Operator,
}

impl From<Credentials> for Sender {
    fn from(credentials: Credentials) -> Self {
        Self::Client(Box::new(credentials))
    }
}

/// A document of one operation with one root field.
pub struct PreparedOperation {
    text: String,
    /// In its normal form: fragments are replaced by what they select, so that the lists of `in_order` find plain fields.
    document: ExecutableDocument,
    root: &'static Root,
    /// The scope that it needs as a whole, beyond what its root field asks for.
    permission: Option<Permission>,
}

impl PreparedOperation {
    /// Parses a document of ours.
    ///
    /// # Panics
    /// When the document is faulty or has no root field; every one of them is a constant that the suite validates.
    #[must_use]
    pub fn new(text: String) -> Self {
        let normal = |document| normalise(&document, None, None).map_err(|error| error.to_string());
        let document = match parse_query(&text).map_err(|error| error.to_string()).and_then(normal) {
            Ok(document) => document,
            Err(error) => panic!("a prepared document is faulty: {error}"),
        };
        let Some(root) = root_of(&document) else { panic!("a prepared document has no root field of the table") };
        Self { text, document, root, permission: None }
    }

    /// The same for callers with a scope that its root field does not ask for.
    #[must_use]
    pub fn with_scope(self, permission: Permission) -> Self {
        Self { permission: Some(permission), ..self }
    }

    /// All that it needs of its caller.
    pub fn needs(&self) -> impl Iterator<Item = Needs> {
        [self.root.needs].into_iter().chain(self.permission.map(Needs::Scope))
    }

    /// The document as it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The operation's name.
    #[must_use]
    pub fn name(&self) -> &str {
        chosen(&self.document, None).and_then(|(name, _)| name).map_or("", Name::as_str)
    }

    pub(super) fn document(&self) -> &ExecutableDocument {
        &self.document
    }

    pub(super) fn is_mutation(&self) -> bool {
        chosen(&self.document, None).is_some_and(|(_, operation)| operation.ty == OperationType::Mutation)
    }

    /// What it selects.
    pub(super) fn selection_set(&self) -> Option<&SelectionSet> {
        chosen(&self.document, None).map(|(_, operation)| &operation.selection_set.node)
    }
}

fn root_of(document: &ExecutableDocument) -> Option<&'static Root> {
    let (_, operation) = chosen(document, None)?;
    roots::find(operation.ty, selected::name(&operation.selection_set.node.items.first()?.node))
}

/// The document of a request, parsed once and only if that is safe.
pub(super) fn parse(request: &mut Request) -> Result<&ExecutableDocument, ServerError> {
    lexical::check(&request.query).map_err(error::sourced)?;
    if let Cow::Owned(text) = escapes::resolve(&request.query)? {
        request.set_parsed_query(parse_query(text).map_err(|failure| error::syntax(failure.into()))?);
    }
    request.parsed_query().map_err(error::syntax)
}

/// The operation of a document that a request with this `operationName` runs, with its own name.
pub(super) fn chosen<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<(Option<&'d Name>, &'d OperationDefinition)> {
    let mut operations = document.operations.iter();
    let found = match name {
        Some(name) => operations.find(|(operation, _)| operation.is_some_and(|operation| operation.as_str() == name)),
        None => operations.next().filter(|_| operations.next().is_none()),
    };
    found.map(|(name, operation)| (name, &operation.node))
}

/// Refuses a request that does not say which operation of its document it means, or one that is not there.
pub(super) fn ensure_chosen(document: &ExecutableDocument, name: Option<&str>) -> Result<(), AppError> {
    if chosen(document, name).is_some() {
        return Ok(());
    }
    let mut names: Vec<_> = document.operations.iter().filter_map(|(name, _)| name).map(Name::as_str).collect();
    names.sort_unstable();
    names.truncate(10);
    let names = names.join(", ");
    let message = match name {
        None => format!("The document has several operations: name the one to run in operationName (of {names})"),
        Some(_) if names.is_empty() => {
            "The document's operation has no name: leave operationName out, or give it that name".to_owned()
        }
        Some(_) => format!("operationName names no operation of the document (which has {names})"),
    };
    Err(AppError::new(ErrorCode::GraphqlValidationFailed, message))
}

/// A name is the caller's text and may have a megabyte; a log line must not.
const MAX_NAME: usize = 100;

/// Tells the request's log line which operation of a document runs.
pub(super) fn note(document: &ExecutableDocument, name: Option<&str>) {
    let Some((name, operation)) = chosen(document, name) else { return };
    telemetry::note(|facts| {
        facts.operation_name = name.map(|name| name.chars().take(MAX_NAME).collect());
        facts.operation_type = Some(match operation.ty {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        });
    });
}

/// A request that runs the operation with this name (or the only one) of a document which was parsed before.
pub(super) fn request(document: &ExecutableDocument, name: Option<&str>, variables: Variables) -> Request {
    let mut request = Request::new("").variables(variables);
    request.operation_name = name.map(str::to_owned);
    request.set_parsed_query(document.clone());
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::output::in_order::plain_fields;

    #[test]
    fn what_a_fragment_of_ours_selects_stands_where_it_is_spread() {
        let text =
            "query q { salesOrder(orderNumber: \"1\") { ...f note } } fragment f on SalesOrder { n: orderNumber note }";
        let operation = PreparedOperation::new(text.to_owned());
        assert_eq!((operation.name(), operation.root.name, operation.text()), ("q", "salesOrder", text));
        let root = plain_fields(operation.selection_set().unwrap()).unwrap();
        let fields = plain_fields(&root[0].node.selection_set.node).unwrap();
        let keys: Vec<_> = fields.iter().map(|field| field.node.response_key().node.as_str()).collect();
        assert_eq!(keys, ["n", "note"]);
    }
}
