//! Runs documents: clients' own, held to the limits, and ours, which REST runs.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{ValidationMode, Value, Variables};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::budget::{self, Budget, Meter};
use super::known::{Known, KnownDocuments};
use super::preload::ShortPages;
use super::prepared::{self, PreparedOperation, chosen};
use super::read::Read;
use super::valid::{Valid, operation};
use super::validation::ValidateOnly;
use super::written::{TakesText, text_bytes, to_text};
use super::{ApiSchema, Limits, Request, Response};
use super::{arrange, error, faults, guard, introspection, loaders, normal, schema, values};
use crate::auth::credentials::Credentials;
use crate::compute;
use crate::domain::fields::Naming;
use crate::domain::permission::Permission;
use crate::error::{AppError, ErrorCode};
use crate::service::turns::Turn;
use crate::service::{Caller, Principal, Services};
use crate::telemetry;

/// The executable schema. Cloning shares it.
#[derive(Clone)]
pub struct Api {
    services: Arc<Services>,
    limits: Limits,
    /// Validates clients' documents, and runs nothing.
    validator: ApiSchema,
    /// Says what operations cost in their normal form, and runs nothing.
    pricer: ApiSchema,
    /// Runs documents that are known to be valid: clients' by the validator, our own because the suite validates them
    /// against the schema. What is left to check is the input of ours, and that is the resolvers' business.
    executor: ApiSchema,
    /// The same for clients', each value of whose answers is taken from the budget.
    metered: ApiSchema,
    known: KnownDocuments,
}

/// What costs so many points takes about as long as to answer a request.
const POINTS_A_REQUEST: usize = 100;

impl Api {
    /// The schema over these services.
    #[must_use]
    pub fn new(services: Arc<Services>, limits: Limits) -> Self {
        let price = ValidateOnly { max_complexity: limits.complexity };
        let validate = ValidateOnly { max_complexity: usize::MAX };
        let executor = || schema().data(Arc::clone(&services)).validation_mode(ValidationMode::Fast);
        let schemas = [
            schema().extension(validate),
            schema().extension(price).limit_complexity(limits.complexity).validation_mode(ValidationMode::Fast),
            executor(),
            executor().extension(Meter),
        ];
        let [validator, pricer, executor, metered] = schemas.map(|schema| match limits.introspection {
            true => schema.finish(),
            false => schema.disable_introspection().disable_suggestions().finish(),
        });
        Self { services, limits, validator, pricer, executor, metered, known: KnownDocuments::new() }
    }

    /// Who sends these credentials, for a connection that wants to know before any operation.
    pub async fn authenticate(&self, credentials: Credentials) -> Result<Principal, AppError> {
        self.caller(credentials).principal().await
    }

    /// Reads a client's request, before async-graphql's own checks, which walk a fragment as often as it is spread. Gives
    /// the refusal of one that is no document, asks for too much or does not say what to run.
    pub async fn read(&self, mut request: Request) -> Result<Read, Response> {
        let key = KnownDocuments::key(&request);
        if let Some(known) = self.known.find(&key) {
            let document = Arc::clone(&known.document);
            return Ok(Read::new(key, request, 0, document, Some(known)));
        }
        let read = compute::on(request.query.len(), || {
            let document = prepared::parse(&mut request)?.clone();
            let selections = self.limits.check(&document).map_err(error::sourced)?;
            prepared::ensure_chosen(&document, request.operation_name.as_deref()).map_err(error::sourced)?;
            Ok((document, selections))
        });
        match read.await {
            Ok((document, selections)) => Ok(Read::new(key, request, selections, Arc::new(document), None)),
            Err(error) => Err(error::classify(Response::from_errors(vec![error]))),
        }
    }

    /// Runs a client's query or mutation. Whatever fails is in the response, each error with `extensions.code`. Parts of
    /// the response may be text already: [`super::to_json`] writes it.
    pub async fn execute(&self, read: Read, credentials: Credentials) -> Response {
        if read.is_subscription() {
            return error::refusal(no_stream());
        }
        let caller = self.caller(credentials);
        let turn = if read.is_mutation() { Ok(None) } else { self.turn(&caller).await };
        let _turn = match turn {
            Ok(turn) => turn,
            Err(refusal) => return error::refusal(refusal),
        };
        match self.validate(read, caller).await {
            Ok((valid, request)) if valid.is_introspection() => self.introspect(&valid, request).await,
            Ok((valid, request)) => valid.complete(self.metered.execute(request.data(TakesText)).await),
            Err(refusal) => refusal,
        }
    }

    /// Waits until the caller may run a query. Who has no valid token learns it later, and has the budget of its address.
    async fn turn(&self, caller: &Caller) -> Result<Option<Turn>, AppError> {
        match caller.principal().await {
            Ok(principal) => self.services.queries.turn(principal.client_id()).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Runs a client's subscription: a response for each of its events.
    pub fn subscribe(&self, read: Read, credentials: Credentials) -> BoxStream<'static, Response> {
        let api = self.clone();
        let responses = async move {
            match api.validate(read, api.caller(credentials)).await {
                Ok((valid, request)) => {
                    let responses = api.metered.execute_stream(request);
                    responses.map(move |response| valid.complete(response)).boxed()
                }
                Err(refusal) => stream::once(async { refusal }).boxed(),
            }
        };
        stream::once(responses).flatten().boxed()
    }

    /// Answers a question about the schema, which waits for nothing, from memory if somebody asked it before.
    async fn introspect(&self, valid: &Valid, request: Request) -> Response {
        if let Some(answer) = &valid.known.answer {
            return valid.with_cost(Response::new(answer.clone()));
        }
        // A point is some fifty bytes of answer.
        compute::on(valid.known.complexity * 50, || {
            let mut response = valid.complete(compute::drive(self.executor.execute(request)));
            if let (Value::Object(members), true) = (&mut response.data, response.errors.is_empty()) {
                members.values_mut().for_each(|answer| *answer = to_text(answer));
                if let Some((key, text)) = valid.key {
                    let known = Known { answer: Some(response.data.clone()), ..valid.known.clone() };
                    self.known.remember(key, (text, text_bytes(&response.data)), known);
                }
            }
            response
        })
        .await
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
        let variables = compute::on(caller.credentials.body.len(), || variables(&caller.credentials)).await?;
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
        let _turn = if operation.is_mutation() { None } else { self.turn(&caller).await? };
        let request = prepared::request(operation.document(), None, values::variables(variables));
        let limits = Limits { complexity: usize::MAX, statements: usize::MAX, ..self.limits };
        let request = self.equip(request, caller, Naming::SnakeCase, Budget::new(limits, 0, false)).data(ShortPages);
        let mut response = error::classify(self.executor.execute(request).await);
        if let Some(failure) = response.errors.first() {
            return Err(error::into_app_error(failure));
        }
        if let Some(selected) = operation.selection_set() {
            arrange::arrange(&mut response.data, selected);
        }
        let root = match response.data {
            Value::Object(members) => members.into_values().next().unwrap_or_default(),
            other => other,
        };
        Ok(values::to_json(root))
    }

    /// An operation that is valid and may run, with the request that runs it, or else the response that says what is
    /// wrong with it.
    async fn validate(&self, read: Read, caller: Caller) -> Result<(Valid, Request), Response> {
        let Read { key, text, selections, document, known, operation_name, mut variables } = read;
        let name = operation_name.as_deref();
        faults::null_missing_variables(&document, name, &mut variables);
        let (known, key) = match known {
            Some(known) => (known, None),
            None => {
                // A selection takes as long as some twenty bytes of text.
                let known = compute::on(selections * 20, || self.normalise(&document, name, &variables)).await;
                let known = match known {
                    Ok(known) => known,
                    Err(refused) => {
                        return Err(error::classify(
                            faults::complete(refused, &document, name, &variables, &caller).await,
                        ));
                    }
                };
                let work = known.complexity / POINTS_A_REQUEST;
                self.services.sessions.charge(&caller.credentials, work).map_err(error::refusal)?;
                // A mutation comes but once, and may have a secret in its text.
                let is_mutation = chosen(&document, name).is_some_and(|(_, it)| it.ty == OperationType::Mutation);
                if !is_mutation {
                    self.known.remember(key, (text, 0), known.clone());
                }
                (known, Some((key, text)))
            }
        };
        // Before anything runs: a neighbour in the same document must not be done when the order is refused.
        if let Err(refusal) = caller.credentials.ensure_signable()
            && operation(&known.document).is_some_and(|it| normal::has_root(&it.selection_set.node, guard::is_signed))
        {
            return Err(error::refusal(refusal));
        }
        telemetry::note(|facts| facts.complexity = Some(known.complexity));
        let request = prepared::request(&known.document, name, variables);
        let is_stream = operation(&known.document).is_some_and(|it| it.ty == OperationType::Subscription);
        let budget = Budget::new(self.limits, known.complexity, is_stream);
        let request = self.equip(request, caller, Naming::CamelCase, Arc::clone(&budget));
        Ok((Valid { known, budget, limits: self.limits, key }, request))
    }

    /// The normal form of a valid document's operation, and what it costs.
    fn normalise(
        &self,
        document: &ExecutableDocument,
        name: Option<&str>,
        variables: &Variables,
    ) -> Result<Known, Response> {
        let validated = compute::drive(self.validator.execute(prepared::request(document, name, variables.clone())));
        if !validated.errors.is_empty() {
            return Err(validated);
        }
        let refuse = |failure| Response::from_errors(vec![error::sourced(failure)]);
        let document = normal::normalise(document, name, variables).map_err(refuse)?;
        let Some(root) = operation(&document).map(|operation| &operation.selection_set.node) else {
            return Err(refuse(AppError::internal("an operation lost itself in its normal form")));
        };
        self.limits.check_roots(root).map_err(refuse)?;
        let about_schema = introspection::cost(root);
        let priced = compute::drive(self.pricer.execute(prepared::request(&document, name, variables.clone())));
        if !priced.errors.is_empty() {
            return Err(priced);
        }
        let complexity = points(&priced.data).saturating_add(about_schema);
        if complexity > self.limits.complexity {
            return Err(refuse(budget::too_dear(self.limits.complexity)));
        }
        Ok(Known { document: Arc::new(document), complexity, answer: None })
    }

    fn caller(&self, credentials: Credentials) -> Caller {
        Caller::new(Arc::clone(&self.services.sessions), credentials)
    }

    fn equip(&self, request: Request, caller: Caller, naming: Naming, budget: Arc<Budget>) -> Request {
        request.data(caller).data(naming).data(loaders::Loaders::new(&self.services, &budget)).data(budget)
    }
}

fn points(complexity: &Value) -> usize {
    match complexity {
        Value::Number(points) => points.as_u64().and_then(|points| usize::try_from(points).ok()).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

fn no_stream() -> AppError {
    let message = "A subscription needs a connection that stays: open /graphql/ws with the protocol \
                   graphql-transport-ws, or send it with Accept: text/event-stream";
    AppError::new(ErrorCode::GraphqlValidationFailed, message)
}
