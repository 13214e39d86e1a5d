//! How `domain` reads each input: every faulty field is named at once, for both wires (`tests/it/parity.rs`).

use std::time::Duration;

use async_graphql::{Context, InputType, Result};
use serde_json::Value as Json;

use super::{
    AcknowledgeSalesOrderInput, AddClientKeyInput, ClientInput, CreateClientInput, CreateSalesOrderInput,
    ExplainSignatureInput, LoginInput, Raw, RefreshInput, RevokeClientKeyInput, RotateClientSecretInput,
    SalesOrderFilter, UpdateClientInput, UpdateSalesOrderStatusInput,
};
use crate::domain::acknowledgement::AcknowledgementInput;
use crate::domain::client::ClientId;
use crate::domain::client_input::{
    ClientChange, ClientToCreate, KeyToAdd, read_client, read_revocation, read_rotation,
};
use crate::domain::fields::Naming;
use crate::domain::order_filter::OrderFilter;
use crate::domain::order_input::NewOrder;
use crate::domain::session_input;
use crate::domain::signature_input::SignatureInput;
use crate::domain::status_change::StatusChange;
use crate::error::{AppError, FieldError};

/// An input type that `domain` reads.
pub trait Input: InputType {
    /// What it says.
    type Read;

    /// Reads a value, or names every faulty field of it.
    fn read(json: &Json, naming: Naming) -> std::result::Result<Self::Read, Vec<FieldError>>;
}

impl<T: Input> Raw<T> {
    /// What the value says, in the spelling of the wire it came by.
    pub fn read(&self, ctx: &Context<'_>) -> Result<T::Read> {
        Ok(T::read(self.json(), *ctx.data()?).map_err(AppError::invalid)?)
    }
}

macro_rules! read_by {
    ($( $input:ident: $read:ty = $reader:expr; )+) => {
        $(
            impl Input for $input {
                type Read = $read;

                fn read(json: &Json, naming: Naming) -> std::result::Result<$read, Vec<FieldError>> {
                    $reader(json, naming)
                }
            }
        )+
    };
}

read_by! {
    LoginInput: session_input::LoginInput = session_input::LoginInput::read;
    RefreshInput: session_input::RefreshInput = session_input::RefreshInput::read;
    ExplainSignatureInput: SignatureInput = SignatureInput::read;
    // The use case reads it, which knows the default currency; that makes no fault.
    CreateSalesOrderInput: () = |json, naming| NewOrder::read(json, naming, "IDR").map(drop);
    UpdateSalesOrderStatusInput: StatusChange = StatusChange::read;
    AcknowledgeSalesOrderInput: AcknowledgementInput = AcknowledgementInput::read;
    SalesOrderFilter: OrderFilter = OrderFilter::read;
    CreateClientInput: ClientToCreate = ClientToCreate::read;
    UpdateClientInput: (ClientId, ClientChange) = ClientChange::read;
    ClientInput: ClientId = read_client;
    RotateClientSecretInput: (ClientId, Duration) = read_rotation;
    AddClientKeyInput: (ClientId, KeyToAdd) = KeyToAdd::read;
    RevokeClientKeyInput: (ClientId, String) = read_revocation;
}
