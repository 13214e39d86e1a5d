//! Every root field: what it needs of its caller, and how its input is read.

use std::borrow::Cow;

use async_graphql::parser::types::OperationType;
use serde_json::Value as Json;

use crate::domain::fields::Naming;
use crate::domain::permission::Permission::{ClientsManage, ClientsRead, OrdersCreate, OrdersErase, OrdersManage};
use crate::error::FieldError;
use crate::graphql::inputs::{
    AcknowledgeSalesOrderInput, AddClientKeyInput, AnswerSalesOrderRequestInput, CancelSalesOrderInput,
    ChangeSalesOrderInput, ClientInput, ConfirmSalesOrderLinesInput, CreateClientInput, CreateSalesOrderInput,
    CreateSalesOrdersInput, DeleteViewInput, EndClientSessionInput, EraseCustomerInput, EraseSalesOrderInput,
    ExplainSignatureInput, Input, LoginInput, RecordDeliveryInput, RecordShipmentInput, RefreshInput,
    ReplayWebhookEventsInput, RequestErrorsInput, RequestLogFilter, RequestLogInput, RevokeClientKeyInput,
    RotateClientSecretInput, RotateWebhookSecretInput, SalesOrderChangesInput, SalesOrderEventFeedInput,
    SalesOrderFilter, SaveEventConsumerInput, SaveViewInput, SaveWebhookEndpointInput, SetDefaultViewInput,
    UpdateClientInput, UpdateSalesOrderStatusInput, WebhookAttemptsInput,
};
use crate::service::Needs::{
    self, BoundSignature, ClientSecret, InputToken, Nothing, Scope, Signature, SignatureReport, SignatureUnless, Token,
};

/// What can be read.
pub const QUERIES: &[Root] = &[
    Root::new("viewer", Token).on_replica(),
    Root::new("signatureCheck", SignatureReport),
    Root::new("explainSignature", Nothing).reading::<ExplainSignatureInput>("input"),
    Root::new("salesOrder", Token).on_replica(),
    Root::new("salesOrdersByReference", Token),
    Root::new("salesOrders", Token).reading::<SalesOrderFilter>("where").on_replica(),
    Root::new("salesOrderChanges", Token).reading::<SalesOrderChangesInput>("input"),
    Root::new("salesOrderSummary", Token).reading::<SalesOrderFilter>("where").on_replica(),
    Root::new("salesOrderEvents", Token).reading::<SalesOrderFilter>("where"),
    Root::new("salesOrderEventFeed", Token).reading::<SalesOrderEventFeedInput>("input"),
    Root::new("eventConsumers", Token),
    Root::new("savedViews", Token).on_replica(),
    Root::new("webhookEndpoints", Token),
    Root::new("webhookEndpoint", Token),
    Root::new("webhookAttempts", Token).reading::<WebhookAttemptsInput>("input"),
    Root::new("requestLog", Token).reading::<RequestLogInput>("input"),
    Root::new("requestErrors", Token).reading::<RequestErrorsInput>("input"),
    Root::new("node", Token),
    Root::new("nodes", Token),
    Root::new("client", Scope(ClientsRead)),
    Root::new("clients", Scope(ClientsRead)),
    Root::new("clientAuditLog", Scope(ClientsRead)),
    Root::new("serviceInstances", Scope(ClientsRead)),
];

/// What can be changed.
pub const MUTATIONS: &[Root] = &[
    Root::new("login", ClientSecret).reading::<LoginInput>("input"),
    Root::new("refresh", InputToken).reading::<RefreshInput>("input"),
    Root::new("createSalesOrder", Signature(OrdersCreate)).reading::<CreateSalesOrderInput>("input"),
    Root::new("createSalesOrders", BoundSignature(OrdersCreate)).reading::<CreateSalesOrdersInput>("input"),
    Root::new("validateSalesOrder", Signature(OrdersCreate)).reading::<CreateSalesOrderInput>("input"),
    Root::new("updateSalesOrderStatus", Scope(OrdersManage)).reading::<UpdateSalesOrderStatusInput>("input"),
    Root::new("confirmSalesOrderLines", Scope(OrdersManage)).reading::<ConfirmSalesOrderLinesInput>("input"),
    Root::new("recordShipment", Scope(OrdersManage)).reading::<RecordShipmentInput>("input"),
    Root::new("recordDelivery", Scope(OrdersManage)).reading::<RecordDeliveryInput>("input"),
    Root::new("cancelSalesOrder", BoundSignature(OrdersCreate)).reading::<CancelSalesOrderInput>("input"),
    Root::new("changeSalesOrder", BoundSignature(OrdersCreate)).reading::<ChangeSalesOrderInput>("input"),
    Root::new("answerSalesOrderRequest", Scope(OrdersManage)).reading::<AnswerSalesOrderRequestInput>("input"),
    Root::new("acknowledgeSalesOrder", Scope(OrdersManage)).reading::<AcknowledgeSalesOrderInput>("input"),
    Root::new("eraseSalesOrder", Scope(OrdersErase)).reading::<EraseSalesOrderInput>("input"),
    Root::new("eraseCustomer", Scope(OrdersErase)).reading::<EraseCustomerInput>("input"),
    Root::new("saveEventConsumer", Token).reading::<SaveEventConsumerInput>("input"),
    Root::new("deleteEventConsumer", Token),
    Root::new("saveView", Token).reading::<SaveViewInput>("input"),
    Root::new("deleteView", Token).reading::<DeleteViewInput>("input"),
    Root::new("setDefaultView", Token).reading::<SetDefaultViewInput>("input"),
    Root::new("saveWebhookEndpoint", SignatureUnless(ClientsManage)).reading::<SaveWebhookEndpointInput>("input"),
    Root::new("deleteWebhookEndpoint", SignatureUnless(ClientsManage)),
    Root::new("verifyWebhookEndpoint", SignatureUnless(ClientsManage)),
    Root::new("testWebhookEndpoint", SignatureUnless(ClientsManage)),
    Root::new("rotateWebhookSecret", SignatureUnless(ClientsManage)).reading::<RotateWebhookSecretInput>("input"),
    Root::new("pauseWebhookEndpoint", SignatureUnless(ClientsManage)),
    Root::new("resumeWebhookEndpoint", SignatureUnless(ClientsManage)),
    Root::new("replayWebhookEvents", SignatureUnless(ClientsManage)).reading::<ReplayWebhookEventsInput>("input"),
    Root::new("createClient", Scope(ClientsManage)).reading::<CreateClientInput>("input"),
    Root::new("updateClient", Scope(ClientsManage)).reading::<UpdateClientInput>("input"),
    Root::new("disableClient", Scope(ClientsManage)).reading::<ClientInput>("input"),
    Root::new("enableClient", Scope(ClientsManage)).reading::<ClientInput>("input"),
    Root::new("revokeClientSessions", Scope(ClientsManage)).reading::<ClientInput>("input"),
    Root::new("endClientSession", Scope(ClientsManage)).reading::<EndClientSessionInput>("input"),
    Root::new("rotateClientSecret", Scope(ClientsManage)).reading::<RotateClientSecretInput>("input"),
    Root::new("endOldClientSecrets", Scope(ClientsManage)).reading::<ClientInput>("input"),
    Root::new("addClientKey", Scope(ClientsManage)).reading::<AddClientKeyInput>("input"),
    Root::new("revokeClientKey", Scope(ClientsManage)).reading::<RevokeClientKeyInput>("input"),
];

/// What can be followed.
pub const SUBSCRIPTIONS: &[Root] = &[
    Root::new("salesOrderEvents", Token).reading::<SalesOrderFilter>("where"),
    Root::new("salesOrderEventBatches", Token).reading::<SalesOrderFilter>("where"),
    Root::new("requestLog", Token).reading::<RequestLogFilter>("where"),
];

/// The root types.
pub(super) const KINDS: [OperationType; 3] =
    [OperationType::Query, OperationType::Mutation, OperationType::Subscription];

/// The rows of a root type.
pub(super) const fn rows(kind: OperationType) -> &'static [Root] {
    match kind {
        OperationType::Query => QUERIES,
        OperationType::Mutation => MUTATIONS,
        OperationType::Subscription => SUBSCRIPTIONS,
    }
}

/// The row of a root field.
pub fn find(kind: OperationType, name: &str) -> Option<&'static Root> {
    rows(kind).iter().find(|root| root.name == name)
}

/// The mutations that prove by their input who calls.
pub fn authenticating() -> impl Iterator<Item = &'static Root> {
    MUTATIONS.iter().filter(|root| root.needs.authenticates())
}

/// Whether a mutation with this name takes a client secret.
pub fn takes_secret(name: &str) -> bool {
    MUTATIONS.iter().any(|root| root.needs == ClientSecret && root.name == name)
}

/// The name of a root type.
pub const fn type_name(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// One root field.
#[derive(Clone, Copy)]
pub struct Root {
    /// Its name in the schema.
    pub name: &'static str,
    /// What it needs of its caller.
    pub needs: Needs,
    /// The argument that `domain` reads, if it has one.
    pub input: Option<Argument>,
    /// Whether a request that asks for nothing else may read orders from a replica. What tells of orders that were found at the
    /// primary, as events do, may tell of one that the replica lacks.
    pub on_replica: bool,
}

/// An argument that `domain` reads.
#[derive(Clone, Copy)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// The input type that the schema shows.
    pub type_name: fn() -> Cow<'static, str>,
    /// Every faulty field of a value, the same ones that the resolver would name.
    pub faults: fn(&Json, Naming) -> Result<(), Vec<FieldError>>,
}

impl Root {
    pub(super) const fn new(name: &'static str, needs: Needs) -> Self {
        Self { name, needs, input: None, on_replica: false }
    }

    const fn reading<I: Input>(self, argument: &'static str) -> Self {
        let faults = |json: &Json, naming| I::read(json, naming).map(drop);
        Self { input: Some(Argument { name: argument, type_name: I::type_name, faults }), ..self }
    }

    const fn on_replica(self) -> Self {
        Self { on_replica: true, ..self }
    }

    /// The last sentence of its description in the schema.
    pub(super) fn sentence(&self) -> String {
        match self.needs {
            Nothing | ClientSecret | InputToken => "Needs no bearer token.".to_owned(),
            Token | SignatureReport => "Needs a bearer token.".to_owned(),
            Scope(scope) => format!("Needs scope `{scope}`."),
            SignatureUnless(scope) => {
                format!("Needs scope `{scope}`, or the headers X-CLIENT-ID, X-TIMESTAMP and X-SIGNATURE.")
            }
            Signature(scope) | BoundSignature(scope) => {
                format!("Needs scope `{scope}` and the headers X-CLIENT-ID, X-TIMESTAMP and X-SIGNATURE.")
            }
        }
    }
}
