//! Input types: what the schema promises, and how a resolver gets the value the client really sent.

mod clients;
mod costs;
mod described;
mod filter;
mod readers;

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::registry::Registry;
use async_graphql::{InputObject, InputType, InputValueResult, Value};

pub use clients::{
    AddClientKeyInput, ClientInput, CreateClientInput, RevokeClientKeyInput, RotateClientSecretInput, UpdateClientInput,
};
pub use costs::{new_order_cost, search_cost};
pub use filter::{SalesOrderFilter, SalesOrderSort, both, read_filter};
pub use readers::{Input, rules_of};

use crate::graphql::output::scalars::{Date, Decimal};
use crate::graphql::output::values;
use crate::graphql::types::{OrderStatus, SignaturePolicy};

/// An input shown in the schema as `T` but handed to the resolver as it came.
///
/// Parsing into `T` would stop at the first fault and speak of GraphQL types; `domain` reads the value instead, names
/// every faulty field at once, and does so for both wires (`tests/it/parity.rs`).
pub struct Raw<T> {
    json: serde_json::Value,
    shown_as: PhantomData<fn() -> T>,
}

impl<T> Raw<T> {
    /// The value as sent, variables filled in.
    pub fn json(&self) -> &serde_json::Value {
        &self.json
    }
}

impl<T: Input> InputType for Raw<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = T::create_type_info(registry);
        described::tell_bounds(registry, &T::type_name(), &T::rules());
        name
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        Ok(Self { json: values::to_json(value.unwrap_or_default()), shown_as: PhantomData })
    }

    fn to_value(&self) -> Value {
        values::from_json(self.json.clone())
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }
}

/// A receiving system's word that it has an order.
#[derive(InputObject)]
pub struct AcknowledgeSalesOrderInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
    /// The receiving system's name, such as `erp`.
    pub system: String,
    /// The order's number in that system, such as `4500012345`.
    pub external_number: Option<String>,
}

/// A client's credentials.
#[derive(InputObject)]
pub struct LoginInput {
    /// Client id, such as `versuni-client-001`.
    pub client_id: String,
    /// Client secret, as shown once when the client was created, such as `secret-key-123`.
    pub client_secret: String,
}

/// A signature and all that it takes to check it. Never send a private key.
#[derive(InputObject)]
pub struct ExplainSignatureInput {
    /// X-CLIENT-ID as it would be sent.
    pub client_id: String,
    /// X-TIMESTAMP as it would be sent.
    pub timestamp: String,
    /// X-SIGNATURE as it would be sent.
    pub signature: String,
    /// The public key (x.509 SubjectPublicKeyInfo, PEM).
    pub public_key: String,
    /// The body as it would be sent, for the forms that bind it.
    pub body: Option<String>,
    /// The method it would be sent with; POST when absent.
    pub method: Option<String>,
    /// The path it would be sent to; /api/v1/sales-orders when absent.
    pub path: Option<String>,
    /// Idempotency-Key as it would be sent, for the form that binds it.
    pub idempotency_key: Option<String>,
    /// Which forms count; DOCUMENTED when absent.
    pub signature_policy: Option<SignaturePolicy>,
}

/// A token to carry on with.
#[derive(InputObject)]
pub struct RefreshInput {
    /// A token of this service, such as `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...`; it may have expired.
    pub token: String,
}

/// An order to be taken. Texts are trimmed; unknown fields are refused.
#[derive(InputObject)]
pub struct CreateSalesOrderInput {
    /// Customer code, such as `CUST-001`.
    pub customer_code: String,
    /// Site code, such as `SITE-001`.
    pub site_code: String,
    /// Sales person's name, such as `John Doe`.
    pub sales_name: String,
    /// Delivery address, such as `Jl. Sudirman No. 1, Jakarta`.
    pub address: String,
    /// ISO 4217 code in capitals, such as `IDR`; the service's default currency when absent.
    pub currency: Option<String>,
    /// Free text.
    pub note: Option<String>,
    /// The order's number at the sender, such as `4500012345`. It need not be unique.
    pub partner_reference: Option<String>,
    /// The day for which the sender asks, such as `2026-12-24`.
    pub requested_delivery_date: Option<Date>,
    /// The order's lines.
    pub products: Vec<ProductInput>,
}

/// A change of an order's status.
#[derive(InputObject)]
pub struct UpdateSalesOrderStatusInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
    /// Where the order should go; `nextStatuses` of the order says where it may.
    pub status: OrderStatus,
    /// The version the caller saw. When the order changed since, nothing happens and the answer is CONFLICT.
    pub expected_version: Option<i32>,
    /// Why, for us. Shown in the order's history to those with scope `orders:read`.
    pub note: Option<String>,
    /// Why, for the order's sender. Shown in the order's history to everybody who may read the order.
    pub partner_note: Option<String>,
}

/// One line of an order to be taken.
#[derive(InputObject)]
pub struct ProductInput {
    /// Product code, such as `HD9650`.
    pub product_code: String,
    /// How many, such as `2`.
    pub quantity: i32,
    /// Product name, such as `Airfryer XXL`.
    pub product_name: Option<String>,
    /// Unit, such as `PCS`.
    pub unit: Option<String>,
    /// Price of one, such as `125000`.
    pub unit_price: Option<Decimal>,
    /// Free text.
    pub note: Option<String>,
    /// What the sender calls the line, such as `10` or `PO-4711-10`.
    pub reference: Option<String>,
}
