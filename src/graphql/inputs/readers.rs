//! Which reader of `domain` reads each input. It names every faulty field at once, for both wires
//! (`tests/it/parity.rs`), and says which bounds it checks.

use std::time::Duration;

use async_graphql::{Context, InputType, Result};
use serde_json::Value as Json;

use super::{
    AcknowledgeSalesOrderInput, AddClientKeyInput, AnswerSalesOrderRequestInput, CancelSalesOrderInput,
    ChangeSalesOrderInput, ClientInput, ConfirmSalesOrderLinesInput, CreateClientInput, CreateSalesOrderInput,
    CreateSalesOrdersInput, DeleteViewInput, EndClientSessionInput, EraseCustomerInput, EraseSalesOrderInput,
    ExplainSignatureInput, LoginInput, Raw, RecordDeliveryInput, RecordShipmentInput, RefreshInput,
    ReplayWebhookEventsInput, RequestErrorsInput, RequestLogFilter, RequestLogInput, RevokeClientKeyInput,
    RotateClientSecretInput, RotateWebhookSecretInput, SalesOrderChangesInput, SalesOrderEventFeedInput,
    SalesOrderFilter, SaveEventConsumerInput, SaveViewInput, SaveWebhookEndpointInput, SetDefaultViewInput,
    UpdateClientInput, UpdateSalesOrderStatusInput, WebhookAttemptsInput,
};
use crate::domain::acknowledgement::AcknowledgementInput;
use crate::domain::bulk_input;
use crate::domain::client::ClientId;
use crate::domain::client_input::{
    ClientChange, ClientToCreate, KeyToAdd, read_client, read_revocation, read_rotation, read_session,
};
use crate::domain::erasure::{self, CustomerToErase};
use crate::domain::event_consumer::read_progress;
use crate::domain::event_feed::FeedRequest;
use crate::domain::fields::{Fields, Naming, Rule, describe};
use crate::domain::line_answers::LineAnswersInput;
use crate::domain::order_change::OrderChange;
use crate::domain::order_changes::ChangesRequest;
use crate::domain::order_filter::OrderFilter;
use crate::domain::order_input::NewOrder;
use crate::domain::order_request::{RequestAnswerInput, RequestInput};
use crate::domain::request_log;
use crate::domain::saved_view::{DefaultInput, ViewInput, ViewToDelete};
use crate::domain::session_input;
use crate::domain::shipment::{DeliveryInput, ShipmentInput};
use crate::domain::signature_input::SignatureInput;
use crate::domain::status_change::StatusChange;
use crate::domain::webhook_input::{self, AttemptsInput, EndpointInput, ReplayInput};
use crate::error::{AppError, FieldError};

type Outcome<T> = std::result::Result<T, Vec<FieldError>>;

/// An input type that `domain` reads.
pub trait Input: InputType {
    /// What it says.
    type Read;

    /// Reads its fields, or describes them.
    fn read_fields(fields: Fields<'_>) -> Outcome<Self::Read>;

    /// Reads a value, or names every faulty field of it.
    fn read(json: &Json, naming: Naming) -> Outcome<Self::Read> {
        Self::read_fields(Fields::new(json, naming))
    }

    /// What its fields may hold.
    fn rules() -> Vec<Rule> {
        describe(Self::read_fields)
    }
}

impl<T: Input> Raw<T> {
    /// What the value says, in the spelling of the wire it came by.
    pub fn read(&self, ctx: &Context<'_>) -> Result<T::Read> {
        Ok(T::read(self.json(), *ctx.data()?).map_err(AppError::invalid)?)
    }
}

macro_rules! read_by {
    ($( $input:ident: $read:ty = $reader:expr $(, as an argument $whole:expr)?; )+) => {
        $(
            impl Input for $input {
                type Read = $read;

                fn read_fields(fields: Fields<'_>) -> Outcome<$read> {
                    $reader(fields)
                }

                $(
                    fn read(json: &Json, naming: Naming) -> Outcome<$read> {
                        $whole(json, naming)
                    }
                )?
            }
        )+

        /// What the fields of the input with this name may hold.
        pub fn rules_of(input: &str) -> Vec<Rule> {
            match input {
                $( stringify!($input) => $input::rules(), )+
                _ => Vec::new(),
            }
        }

        /// The inputs that resolvers take.
        #[cfg(test)]
        pub const ALL: &[&str] = &[$(stringify!($input)),+];
    };
}

read_by! {
    LoginInput: session_input::LoginInput = session_input::LoginInput::read;
    RefreshInput: session_input::RefreshInput = session_input::RefreshInput::read;
    ExplainSignatureInput: SignatureInput = SignatureInput::read;
    // The use case reads it, which knows the default currency; any that exists will do to name faults.
    CreateSalesOrderInput: () = |fields| NewOrder::read(fields, "IDR").map(drop);
    CreateSalesOrdersInput: () = |fields| bulk_input::read_all(fields, "IDR");
    UpdateSalesOrderStatusInput: StatusChange = StatusChange::read;
    ConfirmSalesOrderLinesInput: LineAnswersInput = LineAnswersInput::read;
    RecordShipmentInput: ShipmentInput = ShipmentInput::read;
    RecordDeliveryInput: DeliveryInput = DeliveryInput::read;
    CancelSalesOrderInput: RequestInput = RequestInput::read_cancellation;
    ChangeSalesOrderInput: RequestInput = OrderChange::read;
    AnswerSalesOrderRequestInput: RequestAnswerInput = RequestAnswerInput::read;
    AcknowledgeSalesOrderInput: AcknowledgementInput = AcknowledgementInput::read;
    EraseSalesOrderInput: String = erasure::read_order;
    EraseCustomerInput: CustomerToErase = CustomerToErase::read;
    SalesOrderFilter: OrderFilter = OrderFilter::read, as an argument OrderFilter::read_argument;
    SalesOrderChangesInput: ChangesRequest = ChangesRequest::read;
    SalesOrderEventFeedInput: FeedRequest = FeedRequest::read;
    SaveEventConsumerInput: () = read_progress;
    SaveWebhookEndpointInput: EndpointInput = EndpointInput::read;
    RotateWebhookSecretInput: Duration = webhook_input::read_rotation;
    ReplayWebhookEventsInput: ReplayInput = ReplayInput::read;
    WebhookAttemptsInput: AttemptsInput = AttemptsInput::read;
    RequestLogFilter: request_log::RequestLogFilter = request_log::RequestLogFilter::read;
    RequestLogInput: request_log::RequestLogInput = request_log::RequestLogInput::read;
    RequestErrorsInput: request_log::RequestErrorsInput = request_log::RequestErrorsInput::read;
    SaveViewInput: ViewInput = ViewInput::read, as an argument ViewInput::read_argument;
    DeleteViewInput: ViewToDelete = ViewToDelete::read;
    SetDefaultViewInput: DefaultInput = DefaultInput::read;
    CreateClientInput: ClientToCreate = ClientToCreate::read;
    UpdateClientInput: (ClientId, ClientChange) = ClientChange::read;
    ClientInput: ClientId = read_client;
    RotateClientSecretInput: (ClientId, Duration) = read_rotation;
    AddClientKeyInput: (ClientId, KeyToAdd) = KeyToAdd::read;
    RevokeClientKeyInput: (ClientId, String) = read_revocation;
    EndClientSessionInput: (ClientId, String) = read_session;
}
