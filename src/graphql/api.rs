//! Runs documents: clients' own, held to the limits, and ours, which REST runs.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Name, ServerError, ValidationMode, Value, Variables};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::known::{Key, Known, KnownDocuments};
use super::prepared::{self, PreparedOperation, chosen};
use super::validation::ValidateOnly;
use super::written::{self, Lists, TakesText};
use super::{ApiSchema, Limits, Request, Response, arrange, error, faults, guard, loaders, nulls, schema, values};
use crate::auth::credentials::Credentials;
use crate::domain::fields::Naming;
use crate::domain::permission::Permission;
use crate::error::{AppError, ErrorCode};
use crate::service::{Caller, Principal, Services};
use crate::telemetry;

/// The executable schema. Cloning shares it.
#[derive(Clone)]
pub struct Api {
    services: Arc<Services>,
    limits: Limits,
    /// Validates clients' documents, and runs nothing.
    validator: ApiSchema,
    /// Runs documents that are known to be valid: clients' by the validator, our own because the suite validates them
    /// against the schema. What is left to check is the input of ours, and that is the resolvers' business.
    executor: ApiSchema,
    known: KnownDocuments,
}

/// A client's request whose document was read.
struct Read {
    key: Key,
    text: usize,
    document: Arc<ExecutableDocument>,
    /// What it costs, when it was found valid before.
    complexity: Option<Value>,
    operation_name: Option<String>,
    variables: Variables,
    caller: Caller,
}

/// What is needed to complete a response.
struct Valid {
    document: Arc<ExecutableDocument>,
    operation_name: Option<String>,
    complexity: Value,
    max_complexity: usize,
}

impl Api {
    /// The schema over these services.
    #[must_use]
    pub fn new(services: Arc<Services>, limits: Limits) -> Self {
        let mut validator =
            schema().extension(ValidateOnly { max_complexity: limits.complexity }).limit_complexity(limits.complexity);
        let mut executor = schema().data(Arc::clone(&services)).validation_mode(ValidationMode::Fast);
        if !limits.introspection {
            validator = validator.disable_introspection().disable_suggestions();
            executor = executor.disable_introspection();
        }
        let (validator, executor) = (validator.finish(), executor.finish());
        Self { services, limits, validator, executor, known: KnownDocuments::new() }
    }

    /// Who sends these credentials, for a connection that wants to know before any operation.
    pub async fn authenticate(&self, credentials: Credentials) -> Result<Principal, AppError> {
        self.caller(credentials).principal().await
    }

    /// Runs a client's query or mutation. Whatever fails is in the response, each error with `extensions.code`.
    pub async fn execute(&self, request: Request, credentials: Credentials, lists: Lists) -> Response {
        let read = match self.read(request, credentials) {
            Ok(read) if read.is_subscription() => return error::refusal(no_stream()),
            Ok(read) => read,
            Err(error) => return error::classify(Response::from_errors(vec![error])),
        };
        match self.validate(read).await {
            Ok((valid, request)) => {
                let request = match lists {
                    Lists::MayBeText if valid.may_hold_text() => request.data(TakesText),
                    _ => request,
                };
                valid.complete(self.executor.execute(request).await)
            }
            Err(refusal) => refusal,
        }
    }

    /// Runs a client's subscription: a response for each of its events.
    pub fn subscribe(&self, request: Request, credentials: Credentials) -> BoxStream<'static, Response> {
        let api = self.clone();
        let responses = async move {
            let valid = match api.read(request, credentials) {
                Ok(read) => api.validate(read).await,
                Err(error) => Err(error::classify(Response::from_errors(vec![error]))),
            };
            match valid {
                Ok((valid, request)) => {
                    let responses = api.executor.execute_stream(request);
                    responses.map(move |response| valid.complete(response)).boxed()
                }
                Err(refusal) => stream::once(async { refusal }).boxed(),
            }
        };
        stream::once(responses).flatten().boxed()
    }

    /// Runs one of our own documents and gives the value of its one root field. Its variables are read only for a caller
    /// who may use that field: who may not learns that, and costs next to nothing.
    pub async fn execute_prepared(
        &self,
        operation: &PreparedOperation,
        credentials: Credentials,
        variables: impl FnOnce(&Credentials) -> Result<serde_json::Value, AppError> + Send,
    ) -> Result<serde_json::Value, AppError> {
        prepared::note(operation.document(), None);
        let caller = self.caller(credentials);
        guard::check(operation.root_field(), &caller).await?;
        let variables = variables(&caller.credentials)?;
        self.run_prepared(operation, variables, caller).await
    }

    /// The same for a caller who needs a scope for the document as a whole, beyond what its fields ask for.
    pub async fn execute_prepared_for(
        &self,
        permission: Permission,
        operation: &PreparedOperation,
        credentials: Credentials,
        variables: Result<serde_json::Value, AppError>,
    ) -> Result<serde_json::Value, AppError> {
        prepared::note(operation.document(), None);
        let caller = self.caller(credentials);
        caller.permitted_principal(permission).await?;
        self.run_prepared(operation, variables?, caller).await
    }

    /// The same for the operator, who has the database in hand and needs no token.
    pub async fn execute_prepared_as_operator(
        &self,
        operation: &PreparedOperation,
        variables: serde_json::Value,
    ) -> Result<serde_json::Value, AppError> {
        self.run_prepared(operation, variables, Caller::operator(Arc::clone(&self.services.sessions))).await
    }

    async fn run_prepared(
        &self,
        operation: &PreparedOperation,
        variables: serde_json::Value,
        caller: Caller,
    ) -> Result<serde_json::Value, AppError> {
        let request = prepared::request(operation.document(), None, values::variables(variables));
        let request = self.equip(request, caller, Naming::SnakeCase);
        let mut response = error::classify(self.executor.execute(request).await);
        if let Some(failure) = response.errors.first() {
            return Err(error::into_app_error(failure));
        }
        arrange::arrange(&mut response.data, operation.document(), None);
        let root = match response.data {
            Value::Object(members) => members.into_values().next().unwrap_or_default(),
            other => other,
        };
        Ok(values::to_json(root))
    }

    /// Reads a request's document, before async-graphql's own checks, which walk a fragment as often as it is spread.
    fn read(&self, mut request: Request, credentials: Credentials) -> Result<Read, ServerError> {
        let key = KnownDocuments::key(&request);
        let (document, complexity) = match self.known.find(&key) {
            Some(Known { document, complexity }) => (document, Some(complexity)),
            None => {
                let document = prepared::parse(&mut request)?.clone();
                (Arc::new(document), None)
            }
        };
        let Request { query, operation_name, mut variables, .. } = request;
        prepared::note(&document, operation_name.as_deref());
        if complexity.is_none() {
            self.limits.check(&document).map_err(error::sourced)?;
            prepared::ensure_chosen(&document, operation_name.as_deref()).map_err(error::sourced)?;
        }
        // Before anything runs: a neighbour in the same document must not be done when the order is refused.
        if let Err(refusal) = credentials.ensure_signable()
            && prepared::has_root(&document, operation_name.as_deref(), guard::is_signed)
        {
            return Err(error::sourced(refusal));
        }
        faults::null_missing_variables(&document, operation_name.as_deref(), &mut variables);
        let caller = self.caller(credentials);
        Ok(Read { key, text: query.len(), document, complexity, operation_name, variables, caller })
    }

    /// A request that is valid and may run, or else the response that says what is wrong with it.
    async fn validate(&self, read: Read) -> Result<(Valid, Request), Response> {
        let Read { key, text, document, complexity, operation_name, variables, caller } = read;
        let name = operation_name.as_deref();
        let complexity = match complexity {
            Some(complexity) => complexity,
            None => {
                let request = prepared::request(&document, name, variables.clone());
                let validated = self.validator.execute(request).await;
                if !validated.errors.is_empty() {
                    let response = faults::complete(validated, &document, name, &variables, &caller).await;
                    return Err(error::classify(response));
                }
                // A mutation comes but once, and may have a secret in its text.
                if chosen(&document, name).is_some_and(|(_, operation)| operation.ty != OperationType::Mutation) {
                    let known = Known { document: Arc::clone(&document), complexity: validated.data.clone() };
                    self.known.remember(key, text, known);
                }
                validated.data
            }
        };
        telemetry::note(|facts| facts.complexity = points(&complexity));
        let request = prepared::request(&document, name, variables);
        let request = self.equip(request, caller, Naming::CamelCase);
        let max_complexity = self.limits.complexity;
        Ok((Valid { document, operation_name, complexity, max_complexity }, request))
    }

    fn caller(&self, credentials: Credentials) -> Caller {
        Caller::new(Arc::clone(&self.services.sessions), credentials)
    }

    fn equip(&self, request: Request, caller: Caller, naming: Naming) -> Request {
        request.data(caller).data(naming).data(loaders::Loaders::new(&self.services))
    }
}

impl Read {
    fn is_subscription(&self) -> bool {
        let chosen = chosen(&self.document, self.operation_name.as_deref());
        chosen.is_some_and(|(_, operation)| operation.ty == OperationType::Subscription)
    }
}

impl Valid {
    fn may_hold_text(&self) -> bool {
        chosen(&self.document, self.operation_name.as_deref())
            .is_some_and(|(_, operation)| written::may_hold_text(&operation.selection_set.node))
    }

    /// Names what failed, puts the members in the document's order, and says what the request costs, so that who writes a
    /// query sees how near it is to the limit before it meets it.
    fn complete(&self, mut response: Response) -> Response {
        let name = self.operation_name.as_deref();
        nulls::complete(&mut response, &self.document, name);
        arrange::arrange(&mut response.data, &self.document, name);
        let cost = [("complexity", self.complexity.clone()), ("maxComplexity", self.max_complexity.into())];
        let cost = cost.into_iter().map(|(name, points)| (Name::new(name), points)).collect();
        error::classify(response).extension("cost", Value::Object(cost))
    }
}

fn points(complexity: &Value) -> Option<usize> {
    match complexity {
        Value::Number(points) => usize::try_from(points.as_u64()?).ok(),
        _ => None,
    }
}

fn no_stream() -> AppError {
    let message = "A subscription needs a connection that stays: open /graphql/ws with the protocol \
                   graphql-transport-ws, or send it with Accept: text/event-stream";
    AppError::new(ErrorCode::GraphqlValidationFailed, message)
}
