//! The schema: the one core behind both wires.
//!
//! What belongs here: types, guards, loaders, limits, and resolvers of under ten lines that call `service`.
//! What does not: rules, SQL, HTTP. To add a field: the resolver with its doc comment (it is the schema's description),
//! its guard, a row in `tests/it/permissions.rs`, then `make contracts`.

mod arrange;
mod brackets;
mod error;
mod faults;
mod guard;
mod inputs;
mod limits;
mod loaders;
mod mutation;
mod nulls;
mod observe;
mod prepared;
mod query;
mod scalars;
mod types;
mod values;

use std::sync::Arc;

use async_graphql::{EmptySubscription, Schema, SchemaBuilder, ValidationMode};

pub use async_graphql::{Request, Response};
pub use error::{into_app_error, is_request_error, refusal};
pub use limits::Limits;
pub use prepared::{PreparedOperation, is_mutation};
pub use values::variables;

use crate::auth::credentials::Credentials;
use crate::domain::fields::Naming;
use crate::error::AppError;
use crate::service::{Caller, Services};

type ApiSchema = Schema<query::Query, mutation::Mutation, EmptySubscription>;

/// The executable schema.
pub struct Api {
    services: Arc<Services>,
    limits: Limits,
    /// Runs clients' documents: fully validated, and held to the limits.
    public: ApiSchema,
    /// Runs our own documents, which the suite validates against the schema: what is left to check at run time is the
    /// input, and that is the resolvers' business, after the guards.
    prepared: ApiSchema,
}

impl Api {
    /// The schema over these services.
    #[must_use]
    pub fn new(services: Arc<Services>, limits: Limits) -> Self {
        let mut public = schema().data(Arc::clone(&services)).limit_complexity(limits.complexity);
        if !limits.introspection {
            public = public.disable_introspection().disable_suggestions();
        }
        let prepared = schema().data(Arc::clone(&services)).validation_mode(ValidationMode::Fast);
        Self { services, limits, public: public.finish(), prepared: prepared.finish() }
    }

    /// Runs a client's document. Whatever fails is in the response, each error with `extensions.code`.
    pub async fn execute(&self, mut request: Request, credentials: Credentials) -> Response {
        let chosen = request.operation_name.clone();
        // Before async-graphql's own checks, which walk a fragment as often as it is spread.
        let checked = prepared::parse(&mut request).and_then(|document| {
            observe::note_operation(document, chosen.as_deref());
            self.limits.check(document).map_err(error::sourced)
        });
        if let Err(error) = checked {
            return error::classify(Response::from_errors(vec![error]));
        }
        let (document, variables) = (request.parsed_query().cloned(), request.variables.clone());
        let response = self.public.execute(self.equip(request, credentials, Naming::CamelCase)).await;
        let Ok(document) = document else { return error::classify(response) };
        let chosen = chosen.as_deref();
        let mut response = error::classify(faults::complete(response, &document, chosen, &variables));
        arrange::arrange(&mut response.data, &document, chosen);
        response
    }

    /// Runs one of our own documents and gives the value of its one root field. Variables that could not be read are
    /// passed on as the failure they are: the resolver reports it, after the guards.
    pub async fn execute_prepared(
        &self,
        operation: &PreparedOperation,
        variables: Result<serde_json::Value, AppError>,
        credentials: Credentials,
    ) -> Result<serde_json::Value, AppError> {
        observe::note_operation(operation.document(), None);
        let mut request = self.equip(operation.request(), credentials, Naming::SnakeCase);
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

    fn equip(&self, request: Request, credentials: Credentials, naming: Naming) -> Request {
        let caller = Caller::new(Arc::clone(&self.services.sessions), credentials);
        request.data(caller).data(naming).data(loaders::lines(&self.services))
    }
}

/// The schema in the GraphQL schema definition language, as committed in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    schema().finish().sdl()
}

/// One definition for everybody: without data, so that it can be exported and tested alone.
fn schema() -> SchemaBuilder<query::Query, mutation::Mutation, EmptySubscription> {
    Schema::build(query::Query, mutation::Mutation, EmptySubscription)
        .extension(observe::Observe)
        .extension(nulls::Nulls)
}
