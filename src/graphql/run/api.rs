//! Runs documents: clients' own, held to the limits, and ours, which REST runs.

use std::pin::pin;
use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Request, Response, ValidationMode, Value, Variables};
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::checker::Checker;
use super::known::{Known, KnownDocuments};
use super::persisted::PersistedDocuments;
use super::prepared::{PreparedOperation, Sender};
use super::read::Read;
use super::valid::{Valid, count_signed, may_read_replica, operation};
use super::{arrange, coercion, faults, prepared, weight};
use crate::auth::credentials::Credentials;
use crate::compute::{self, BYTES_A_REQUEST, Lane};
use crate::domain::fields::Naming;
use crate::error::{AppError, ErrorCode};
use crate::graphql::cost::Limits;
use crate::graphql::cost::budget::{Budget, Meter};
use crate::graphql::output::shared::{Answers, Shared, TellsMany};
use crate::graphql::output::written::{TakesText, to_text};
use crate::graphql::output::{error, values};
use crate::graphql::roots::{self, ApiSchema, Misfit, finish, schema};
use crate::graphql::types::loaders;
use crate::graphql::types::preload::ShortPages;
use crate::service::events::{begin, carried};
use crate::service::rate_limit::network;
use crate::service::turns::Turn;
use crate::service::{Caller, Principal, Services};
use crate::telemetry;

/// The executable schema. Cloning shares it.
#[derive(Clone)]
pub struct Api {
    services: Arc<Services>,
    limits: Limits,
    checker: Checker,
    /// Runs documents that are known to be valid: clients' by the validator, our own because the suite validates them
    /// against the schema. What is left to check is the input of ours, and that is the resolvers' business.
    executor: ApiSchema,
    /// The same for clients', each value of whose answers is taken from the budget.
    metered: ApiSchema,
    known: KnownDocuments,
    persisted: PersistedDocuments,
    answers: Answers,
}

/// What costs so many points takes about as long as to answer a request.
const POINTS_A_REQUEST: usize = 100;

impl Api {
    /// The schema over these services. Fails when somebody forgot to say what a root field needs.
    pub fn new(services: Arc<Services>, limits: Limits) -> Result<Self, Misfit> {
        roots::check()?;
        let executor = || schema().data(Arc::clone(&services)).validation_mode(ValidationMode::Fast);
        let (executor, metered) =
            (finish(executor(), limits), finish(executor().extension(Meter).extension(TellsMany), limits));
        let checker = Checker::new(limits);
        let (known, persisted, answers) = (KnownDocuments::new(), PersistedDocuments::new(), Answers::new());
        Ok(Self { services, limits, checker, executor, metered, known, persisted, answers })
    }

    /// Who sends these credentials, for a connection that wants to know before any operation.
    pub async fn authenticate(&self, credentials: Credentials) -> Result<Principal, AppError> {
        self.caller(credentials).principal().await
    }

    /// Reads a client's request, before async-graphql's own checks, which walk a fragment as often as it is spread. Gives
    /// the refusal of one that is no document, asks for too much or does not say what to run.
    pub async fn read(&self, mut request: Request, lane: Lane) -> Result<Read, Response> {
        let registration = self.persisted.resolve(&mut request).map_err(error::refusal)?;
        let key = KnownDocuments::key(&request);
        if let Some(known) = self.known.find(&key) {
            let document = Arc::clone(&known.document);
            return Ok(Read::new(key, request, 0, document, Some(known)).registering(registration));
        }
        let read = compute::on(lane, request.query.len(), || {
            let document = prepared::parse(&mut request)?.clone();
            let selections = self.limits.check(&document).map_err(error::sourced)?;
            prepared::ensure_chosen(&document, request.operation_name.as_deref()).map_err(error::sourced)?;
            Ok((document, selections))
        });
        match read.await {
            Ok((document, selections)) => {
                Ok(Read::new(key, request, selections, Arc::new(document), None).registering(registration))
            }
            Err(error) => Err(error::classify(Response::from_errors(vec![error]))),
        }
    }

    /// Runs a client's query or mutation. Whatever fails is in the response, each error with `extensions.code`. Parts of
    /// the response may be text already: [`crate::graphql::to_json`] writes it. The turn of a query is to be held until its answer
    /// is sent, or a caller who reads nothing could have any number of them waiting.
    pub async fn execute(&self, read: Read, credentials: Credentials) -> (Response, Option<Turn>) {
        if read.is_subscription() {
            return (error::refusal(no_stream()), None);
        }
        let (lane, caller) = (credentials.lane(), self.caller(credentials));
        let turn = if read.is_mutation() { Ok(None) } else { self.turn(&caller).await.map(Some) };
        let turn = match turn {
            Ok(turn) => turn,
            Err(refusal) => return (error::refusal(refusal), None),
        };
        let response = match self.validate(read, caller).await {
            Ok((valid, request)) if valid.is_introspection() => self.introspect(&valid, request, lane).await,
            Ok((valid, request)) => valid.complete(self.metered.execute(request.data(TakesText)).await),
            Err(refusal) => refusal,
        };
        (response, turn)
    }

    /// Waits until the caller may run a query: by its client, or else by its address.
    async fn turn(&self, caller: &Caller) -> Result<Turn, AppError> {
        match caller.principal().await {
            Ok(principal) => self.services.queries.turn(principal.client_id()).await,
            // What such a caller may not have it learns from the gate; what is everybody's it gets.
            Err(_) => self.services.anonymous_queries.turn(&network(caller.credentials.address)).await,
        }
    }

    /// Begins a client's subscription: a response for each of its events, up to its end or to why it breaks off. Gives the
    /// refusal of one that does not begin.
    pub async fn subscribe(
        &self,
        read: Read,
        credentials: Credentials,
    ) -> Result<BoxStream<'static, Result<Response, AppError>>, Response> {
        let seed = read.shared_by;
        let validating = async { Ok(self.validate(read, self.caller(credentials)).await) };
        let validated = self.services.patience.limit(Box::pin(validating)).await;
        let (valid, request) = validated.map_err(error::refusal)??;
        let Some(seed) = seed else {
            let responses = self.metered.execute_stream(request).map(move |response| valid.complete(response));
            return Ok(error::until_interrupted(responses).boxed());
        };
        let valid = Arc::new(valid);
        let completing = Arc::clone(&valid);
        let shared = Shared::new(seed, self.answers.clone(), move |response| completing.complete(response));
        let responses = self.metered.execute_stream(request.data(shared)).map(move |response| {
            if Shared::is_told(&response) { valid.with_cost(response) } else { valid.complete(response) }
        });
        Ok(driven(error::until_interrupted(error::until_lost(responses))))
    }

    /// Answers a question about the schema, which waits for nothing, from memory if somebody asked it before.
    async fn introspect(&self, valid: &Valid, request: Request, lane: Lane) -> Response {
        if let Some(answer) = &valid.known.answer {
            return valid.with_cost(Response::new(answer.clone()));
        }
        // A point is some fifty bytes of answer.
        compute::on(lane, valid.known.complexity * 50, || {
            let mut response = valid.complete(compute::drive(self.executor.execute(request)));
            if let (Value::Object(members), true) = (&mut response.data, response.errors.is_empty()) {
                members.values_mut().for_each(|answer| *answer = to_text(answer));
                let known = Known { answer: Some(response.data.clone()), ..valid.known.clone() };
                self.known.remember(valid.key, known);
            }
            response
        })
        .await
    }

    /// Runs one of our own documents and gives the value of its one root field. Its variables are read only for a caller
    /// who may use it: who may not learns that, and costs next to nothing. The gate of the schema asks once more, of what
    /// was found out here.
    pub async fn execute_prepared(
        &self,
        operation: &PreparedOperation,
        sender: impl Into<Sender> + Send,
        variables: impl FnOnce(&Credentials) -> Result<serde_json::Value, AppError> + Send,
    ) -> Result<serde_json::Value, AppError> {
        prepared::note(operation.document(), None);
        let caller = self.caller_of(sender.into());
        admit(&caller, operation).await?;
        let (lane, bytes) = (caller.credentials.lane(), caller.credentials.body.len());
        let variables = compute::on(lane, bytes, || variables(&caller.credentials).map(values::variables)).await?;
        let _turn = if operation.is_mutation() { None } else { Some(self.turn(&caller).await?) };
        let request = prepared::request(operation.document(), None, variables);
        let budget = Budget::of_priced(self.limits, 0);
        let request = self.equip(request, caller, (operation.document(), Naming::SnakeCase), budget).data(ShortPages);
        answer_of(operation, self.executor.execute(request).await)
    }

    /// Begins one of our own subscriptions: the value of its one root field for each of its events, up to why it breaks off. Fails where
    /// it does not begin.
    pub async fn subscribe_prepared(
        &self,
        operation: &'static PreparedOperation,
        sender: impl Into<Sender> + Send,
        variables: serde_json::Value,
    ) -> Result<BoxStream<'static, Result<serde_json::Value, AppError>>, AppError> {
        prepared::note(operation.document(), None);
        let caller = self.caller_of(sender.into());
        admit(&caller, operation).await?;
        let request = prepared::request(operation.document(), None, values::variables(variables));
        let budget = Budget::of_priced(self.limits, 0);
        let request = self.equip(request, caller, (operation.document(), Naming::SnakeCase), budget);
        let responses = error::until_interrupted(self.executor.execute_stream(request));
        let mut events = responses.map(|response| answer_of(operation, response?)).boxed().fuse();
        match begin(events.next()).await {
            Some(Err(refusal)) => Err(refusal),
            first => Ok(stream::iter(first).chain(events).boxed()),
        }
    }

    /// An operation that is valid and may run, with the request that runs it, or else the response that says what is
    /// wrong with it.
    async fn validate(&self, read: Read, caller: Arc<Caller>) -> Result<(Valid, Request), Response> {
        let Read { key, text, selections, document, known, operation_name, variables, registration, .. } = read;
        let name = operation_name.as_deref();
        weight::check(&document, name, &variables, text).map_err(error::refusal)?;
        let (known, variables) = match known {
            Some(known) => {
                let coerced = operation(&known.document).map(|operation| coercion::variables(operation, variables));
                let coerced = coerced.unwrap_or_else(|| Ok(Variables::default()));
                (known, coerced.map_err(|refused| error::classify(Response::from_errors(refused)))?)
            }
            None => {
                let credentials = &caller.credentials;
                // A selection takes as long as some twenty bytes of text.
                let work = (selections * 20).max(text);
                self.services.sessions.charge(credentials, work / BYTES_A_REQUEST).map_err(error::refusal)?;
                let check = || self.checker.check(&document, name, &variables, text);
                match compute::on(credentials.lane(), work, check).await {
                    Ok((known, coerced)) => {
                        // A mutation comes but once, and may have a secret in its text.
                        if !known.is_mutation() {
                            self.known.remember(key, known.clone());
                        }
                        (known, coerced)
                    }
                    Err(refused) => {
                        let refused = faults::complete(refused, &document, name, &variables, &caller).await;
                        return Err(error::classify(Response::from_errors(refused)));
                    }
                }
            }
        };
        if known.answer.is_none() {
            let work = known.complexity / POINTS_A_REQUEST;
            self.services.sessions.charge(&caller.credentials, work).map_err(error::refusal)?;
        }
        Self::ensure_one_order(&known, &caller).map_err(error::refusal)?;
        // A subscription refused for now is to be told apart from one that ended, also where there is a status.
        if known.is_subscription() {
            caller.principal().await.map_err(error::refusal)?;
        }
        // Strangers fill no cache, and a text may hold what proves who sends it.
        if let Some(registration) = registration.filter(|_| !known.authenticates())
            && caller.principal().await.is_ok()
        {
            self.persisted.keep(registration);
        }
        telemetry::note(|facts| facts.complexity = Some(known.complexity));
        let request = prepared::request(&known.document, name, variables);
        let budget = if known.is_mutation() {
            Budget::of_priced(self.limits, known.complexity)
        } else {
            Budget::new(self.limits, known.complexity)
        };
        let request = self.equip(request, caller, (&known.document, Naming::CamelCase), Arc::clone(&budget));
        Ok((Valid { known, budget, limits: self.limits, key }, request))
    }

    /// One signature, and one key, are for one order. Asked before anything runs: a neighbour in the same document must not
    /// be done when the order is refused.
    fn ensure_one_order(known: &Known, caller: &Caller) -> Result<(), AppError> {
        match operation(&known.document).map_or(0, count_signed) {
            0 => Ok(()),
            1 => caller.credentials.ensure_signable(),
            orders => {
                let message = format!(
                    "The document has {orders} signed fields where one is allowed, and nothing was done; send each order in \
                     a request of its own, with its own signature and Idempotency-Key, or all of them by one createSalesOrders"
                );
                Err(AppError::new(ErrorCode::OneOrderPerRequest, message))
            }
        }
    }

    /// Who may run this operation, for an endpoint that runs several and counts as one request.
    pub async fn admitted(&self, operation: &PreparedOperation, credentials: Credentials) -> Result<Sender, AppError> {
        let caller = self.caller(credentials);
        admit(&caller, operation).await?;
        Ok(Sender::Caller(caller))
    }

    fn caller(&self, credentials: Credentials) -> Arc<Caller> {
        Arc::new(Caller::new(Arc::clone(&self.services.sessions), credentials))
    }

    fn caller_of(&self, sender: Sender) -> Arc<Caller> {
        match sender {
            Sender::Client(credentials) => self.caller(*credentials),
            Sender::Caller(caller) => caller,
            Sender::Operator => Arc::new(Caller::operator(Arc::clone(&self.services.sessions))),
        }
    }

    fn equip(
        &self,
        request: Request,
        caller: Arc<Caller>,
        (document, naming): (&ExecutableDocument, Naming),
        budget: Arc<Budget>,
    ) -> Request {
        let orders = &self.services.orders;
        let orders = if operation(document).is_some_and(may_read_replica) { orders.anywhere() } else { orders.clone() };
        let loaders = loaders::Loaders::new(&self.services, &orders, &budget);
        request.data(caller).data(naming).data(loaders).data(orders).data(budget)
    }
}

/// A stream that goes on to its next item though nobody takes it: others wait for what it makes
/// (`a_dashboard_that_reads_nothing_keeps_no_other_from_its_batches`).
fn driven<T: Send + 'static>(
    stream: impl Stream<Item = Result<T, AppError>> + Send + 'static,
) -> BoxStream<'static, Result<T, AppError>> {
    let begun = async {
        let (sender, receiver) = mpsc::channel(1);
        let mut driving = JoinSet::new();
        // Not before somebody asks for the first item, who may wait for the beginning alone.
        driving.spawn(telemetry::in_request(carried(async move {
            let mut stream = pin!(stream);
            while let Some(item) = stream.next().await {
                if sender.send(item).await.is_err() {
                    return;
                }
            }
        })));
        // Whoever lets go of the stream ends it.
        stream::unfold((receiver, driving), |(mut receiver, mut driving)| async {
            if let Some(item) = receiver.recv().await {
                return Some((item, (receiver, driving)));
            }
            // A task that panicked has not come to the end: who follows comes again with its cursor.
            let broken = driving.join_next().await.and_then(Result::err);
            broken.map(|error| (Err(AppError::internal(error)), (receiver, driving)))
        })
    };
    stream::once(begun).flatten().boxed()
}

/// Lets the caller through to a document of ours, or says what is missing.
async fn admit(caller: &Caller, operation: &PreparedOperation) -> Result<(), AppError> {
    for needs in operation.needs() {
        caller.admit(needs).await?;
    }
    Ok(())
}

/// The value of the one root field of a document of ours.
fn answer_of(operation: &PreparedOperation, response: Response) -> Result<serde_json::Value, AppError> {
    let mut response = error::classify(response);
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

fn no_stream() -> AppError {
    let message = "A subscription needs a connection that stays: open /graphql/ws with the protocol \
                   graphql-transport-ws, or send it with Accept: text/event-stream";
    AppError::new(ErrorCode::GraphqlValidationFailed, message)
}
