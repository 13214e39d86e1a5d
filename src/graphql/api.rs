//! Runs documents: clients' own, held to the limits, and ours, which REST runs.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{ServerError, ValidationMode, Variables};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::prepared::{self, PreparedOperation, chosen};
use super::{ApiSchema, Limits, Request, Response, arrange, error, faults, inputs, loaders, observe, schema, values};
use crate::auth::credentials::Credentials;
use crate::domain::fields::Naming;
use crate::domain::permission::Permission;
use crate::error::{AppError, ErrorCode};
use crate::service::{Caller, Principal, Services};

/// The executable schema. Cloning shares it.
#[derive(Clone)]
pub struct Api {
    services: Arc<Services>,
    limits: Limits,
    /// Runs clients' documents: fully validated, and held to the limits.
    public: ApiSchema,
    /// Runs our own documents, which the suite validates against the schema: what is left to check at run time is the
    /// input, and that is the resolvers' business, after the guards.
    prepared: ApiSchema,
}

/// A client's request whose document was read and may run.
struct Checked {
    document: ExecutableDocument,
    operation_name: Option<String>,
    variables: Variables,
    /// The same sender once more, for a failure that comes before any field.
    caller: Caller,
}

impl Api {
    /// The schema over these services.
    #[must_use]
    pub fn new(services: Arc<Services>, limits: Limits) -> Self {
        let mut public = schema(limits.complexity).data(Arc::clone(&services)).limit_complexity(limits.complexity);
        if !limits.introspection {
            public = public.disable_introspection().disable_suggestions();
        }
        let prepared = schema(limits.complexity).data(Arc::clone(&services)).validation_mode(ValidationMode::Fast);
        Self { services, limits, public: public.finish(), prepared: prepared.finish() }
    }

    /// Who sends these credentials, for a connection that wants to know before any operation.
    pub async fn authenticate(&self, credentials: Credentials) -> Result<Principal, AppError> {
        Caller::new(Arc::clone(&self.services.sessions), credentials).principal().await
    }

    /// Runs a client's query or mutation. Whatever fails is in the response, each error with `extensions.code`.
    pub async fn execute(&self, mut request: Request, credentials: Credentials) -> Response {
        let checked = match self.check(&mut request, &credentials) {
            Ok(checked) if checked.is_subscription() => return error::refusal(no_stream()),
            Ok(checked) => checked,
            Err(error) => return error::classify(Response::from_errors(vec![error])),
        };
        checked.finish(self.public.execute(self.equip_public(request, credentials)).await).await
    }

    /// Runs a client's subscription: a response for each of its events.
    pub fn subscribe(&self, mut request: Request, credentials: Credentials) -> BoxStream<'static, Response> {
        let checked = match self.check(&mut request, &credentials) {
            Ok(checked) => Arc::new(checked),
            Err(error) => {
                let response = error::classify(Response::from_errors(vec![error]));
                return stream::once(async { response }).boxed();
            }
        };
        let responses = self.public.execute_stream(self.equip_public(request, credentials));
        let finish = move |response| {
            let checked = Arc::clone(&checked);
            async move { checked.finish(response).await }
        };
        responses.then(finish).boxed()
    }

    /// Runs one of our own documents and gives the value of its one root field. Variables that could not be read are
    /// passed on as the failure they are: the resolver reports it, after the guards.
    pub async fn execute_prepared(
        &self,
        operation: &PreparedOperation,
        variables: Result<serde_json::Value, AppError>,
        credentials: Credentials,
    ) -> Result<serde_json::Value, AppError> {
        self.run_prepared(operation, variables, Caller::new(Arc::clone(&self.services.sessions), credentials)).await
    }

    /// The same for a caller who needs a scope for the document as a whole, beyond what its fields ask for.
    pub async fn execute_prepared_for(
        &self,
        permission: Permission,
        operation: &PreparedOperation,
        variables: Result<serde_json::Value, AppError>,
        credentials: Credentials,
    ) -> Result<serde_json::Value, AppError> {
        let caller = Caller::new(Arc::clone(&self.services.sessions), credentials);
        caller.permitted_principal(permission).await?;
        self.run_prepared(operation, Ok(variables?), caller).await
    }

    /// The same for the operator, who has the database in hand and needs no token.
    pub async fn execute_prepared_as_operator(
        &self,
        operation: &PreparedOperation,
        variables: serde_json::Value,
    ) -> Result<serde_json::Value, AppError> {
        self.run_prepared(operation, Ok(variables), Caller::operator(Arc::clone(&self.services.sessions))).await
    }

    async fn run_prepared(
        &self,
        operation: &PreparedOperation,
        variables: Result<serde_json::Value, AppError>,
        caller: Caller,
    ) -> Result<serde_json::Value, AppError> {
        observe::note_operation(operation.document(), None);
        let mut request = self.equip(operation.request(), caller, Naming::SnakeCase);
        match variables {
            Ok(variables) => request.variables = values::variables(variables),
            Err(failure) => {
                // The resolver is reached only when its input is there; it reports the failure and reads nothing.
                request.variables = values::variables(serde_json::json!({"input": null}));
                request = request.data(inputs::Unreadable(failure));
            }
        }
        let mut response = error::classify(self.prepared.execute(request).await);
        operation.arrange(&mut response.data);
        match response.errors.into_iter().next() {
            None => Ok(prepared::root_value(&response.data)),
            Some(failure) => Err(error::into_app_error(&failure)),
        }
    }

    /// Reads a request's document, before async-graphql's own checks, which walk a fragment as often as it is spread.
    fn check(&self, request: &mut Request, credentials: &Credentials) -> Result<Checked, ServerError> {
        let operation_name = request.operation_name.clone();
        let document = prepared::parse(request)?.clone();
        observe::note_operation(&document, operation_name.as_deref());
        self.limits.check(&document).map_err(error::sourced)?;
        faults::null_missing_variables(&document, operation_name.as_deref(), &mut request.variables);
        let caller = Caller::new(Arc::clone(&self.services.sessions), credentials.clone());
        Ok(Checked { document, operation_name, variables: request.variables.clone(), caller })
    }

    fn equip_public(&self, request: Request, credentials: Credentials) -> Request {
        let caller = Caller::new(Arc::clone(&self.services.sessions), credentials);
        self.equip(request, caller, Naming::CamelCase)
    }

    fn equip(&self, request: Request, caller: Caller, naming: Naming) -> Request {
        request.data(caller).data(naming).data(loaders::Loaders::new(&self.services))
    }
}

impl Checked {
    fn is_subscription(&self) -> bool {
        let chosen = chosen(&self.document, self.operation_name.as_deref());
        chosen.is_some_and(|(_, operation)| operation.ty == OperationType::Subscription)
    }

    /// Names what failed and puts the members in the document's order.
    async fn finish(&self, response: Response) -> Response {
        let chosen = self.operation_name.as_deref();
        let completed = faults::complete(response, &self.document, chosen, &self.variables, &self.caller);
        let mut response = error::classify(completed.await);
        arrange::arrange(&mut response.data, &self.document, chosen);
        response
    }
}

fn no_stream() -> AppError {
    let message = "A subscription needs a connection that stays: open /graphql/ws with the protocol \
                   graphql-transport-ws, or send it with Accept: text/event-stream";
    AppError::new(ErrorCode::GraphqlValidationFailed, message)
}
