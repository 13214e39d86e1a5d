//! Input types: what the schema promises, and how a resolver gets the value the client really sent.

mod clients;
mod costs;
mod described;
mod erasure;
mod filter;
mod readers;
mod request_log;
mod views;
mod webhooks;

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::registry::Registry;
use async_graphql::{InputObject, InputType, InputValueResult, Value};

pub use clients::{
    AddClientKeyInput, ClientInput, CreateClientInput, EndClientSessionInput, RevokeClientKeyInput,
    RotateClientSecretInput, UpdateClientInput,
};
pub use costs::{changes_cost, feed_cost, log_cost, new_order_cost, new_orders_cost, search_cost};
pub use erasure::{EraseCustomerInput, EraseSalesOrderInput};
pub use filter::{SalesOrderChangesInput, SalesOrderEventFeedInput, SalesOrderFilter, both, read_filter};
pub use readers::{Input, rules_of};
pub use request_log::{RequestErrorsInput, RequestLogFilter, RequestLogInput};
pub use views::{DeleteViewInput, SaveViewInput, SetDefaultViewInput};
pub use webhooks::{
    ReplayWebhookEventsInput, RotateWebhookSecretInput, SaveWebhookEndpointInput, WebhookAttemptsInput,
};

use crate::graphql::output::scalars::{Date, DateTime, Decimal};
use crate::graphql::output::values;
use crate::graphql::types::{
    OrderStatus, SalesOrderCancellationReason, SalesOrderLineReason, SalesOrderRefusalReason,
    SalesOrderRequestDecision, SignaturePolicy,
};

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

/// The acknowledgement of an order by a receiving system.
#[derive(InputObject)]
pub struct AcknowledgeSalesOrderInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
    /// Name of the receiving system, such as `erp`.
    pub system: String,
    /// Number of the order in that system, such as `4500012345`.
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

/// A signature, with everything that is needed to check it. Never send a private key.
#[derive(InputObject)]
pub struct ExplainSignatureInput {
    /// Value of the header X-CLIENT-ID, such as `versuni-client-001`.
    pub client_id: String,
    /// Value of the header X-TIMESTAMP, such as `1795441036`.
    pub timestamp: String,
    /// Value of the header X-SIGNATURE, in base64.
    pub signature: String,
    /// Public key (X.509 SubjectPublicKeyInfo, PEM).
    pub public_key: String,
    /// Request body, for the forms that sign it.
    pub body: Option<String>,
    /// HTTP method of the request; `POST` when absent.
    pub method: Option<String>,
    /// Path of the request; `/api/v1/sales-orders` when absent.
    pub path: Option<String>,
    /// Value of the header Idempotency-Key, for the form that signs it.
    pub idempotency_key: Option<String>,
    /// Which forms of signature are accepted; DOCUMENTED when absent.
    pub signature_policy: Option<SignaturePolicy>,
}

/// The token of a session to be continued.
#[derive(InputObject)]
pub struct RefreshInput {
    /// A token of this service, such as `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...`; it may have expired.
    pub token: String,
}

/// A new sales order. Texts are trimmed; unknown fields are refused.
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
    /// Number of the order in the sender's system, such as `4500012345`. It need not be unique.
    pub partner_reference: Option<String>,
    /// Day on which the sender asks for delivery, such as `2026-12-24`.
    pub requested_delivery_date: Option<Date>,
    /// What the order comes to by the sender's own figures, such as `250000`: the sum of unit price times quantity, where a line
    /// without a price counts 0. If it comes to something else, the client's expectation policy says what happens. Not stored.
    pub expected_total: Option<Decimal>,
    /// Lines of the order.
    pub products: Vec<ProductInput>,
}

/// Many new sales orders. Each is taken by itself, whatever becomes of the others.
#[derive(InputObject)]
pub struct CreateSalesOrdersInput {
    /// The orders.
    pub orders: Vec<SalesOrderInput>,
}

/// One of many new sales orders. Texts are trimmed; unknown fields are refused.
#[derive(InputObject)]
pub struct SalesOrderInput {
    /// Name of the order, the same for every retry, such as `po-4711`: visible ASCII characters without spaces.
    pub idempotency_key: String,
    #[graphql(flatten)]
    pub order: CreateSalesOrderInput,
}

/// How far a program is that reads the feed of events.
#[derive(InputObject)]
pub struct SaveEventConsumerInput {
    /// Cursor of the event, or of the page, up to which everything is done; absent, a new consumer begins with the first event that is kept.
    pub after: Option<String>,
}

/// A change of the status of an order.
#[derive(InputObject)]
pub struct UpdateSalesOrderStatusInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
    /// New status, one of the order's `nextStatuses`.
    pub status: OrderStatus,
    /// Version of the order that the caller read. When the order has another version by now, nothing is changed and the
    /// answer is CONFLICT.
    pub expected_version: Option<i32>,
    /// Internal reason for the change. Shown in the order's history to clients with scope `orders:read`.
    pub note: Option<String>,
    /// Reason for the change that the order's sender may read. Shown in the order's history to everybody who may read the
    /// order.
    pub partner_note: Option<String>,
}

/// Answers to lines of an order.
#[derive(InputObject)]
pub struct ConfirmSalesOrderLinesInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
    /// Version of the order that the caller read. When the order has another version by now, nothing is changed and the
    /// answer is CONFLICT.
    pub expected_version: Option<i32>,
    /// Lines that are answered. The others stay as they are.
    pub lines: Vec<SalesOrderLineAnswerInput>,
}

/// The answer to a line. It takes the place of the one before: what is not given of it is 0 or null, and what is left of the
/// quantity that was ordered is open.
#[derive(InputObject)]
pub struct SalesOrderLineAnswerInput {
    /// Number of the line in the order, from 1.
    pub line_no: i32,
    /// Quantity that will be supplied, with what has left already.
    pub confirmed_quantity: i32,
    /// Quantity that will be supplied later; `0` when absent.
    pub back_ordered_quantity: Option<i32>,
    /// Quantity that will not be supplied; `0` when absent.
    pub rejected_quantity: Option<i32>,
    /// Day on which the confirmed and back-ordered quantity is promised to arrive, such as `2026-12-24`.
    pub promised_on: Option<Date>,
    /// Reason why the line is not confirmed as it was ordered.
    pub reason: Option<SalesOrderLineReason>,
}

/// A shipment of an order.
#[derive(InputObject)]
pub struct RecordShipmentInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
    /// Number of the shipment, such as `SHP-4711`; the order may have no other one with it.
    pub shipment_number: String,
    /// Carrier, such as `JNE`.
    pub carrier: Option<String>,
    /// Tracking number at the carrier, such as `JNE0012345678`.
    pub tracking_number: Option<String>,
    /// Time at which the shipment left; the time of the request when absent.
    pub shipped_at: Option<DateTime>,
    /// Lines of the order that are in the shipment.
    pub lines: Vec<ShipmentLineInput>,
}

/// What a shipment holds of a line of its order.
#[derive(InputObject)]
pub struct ShipmentLineInput {
    /// Number of the line in the order, from 1.
    pub line_no: i32,
    /// Quantity of the line in the shipment, such as `2`; at most what is confirmed and has not left yet.
    pub quantity: i32,
}

/// The arrival of a shipment.
#[derive(InputObject)]
pub struct RecordDeliveryInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
    /// Number of the shipment, such as `SHP-4711`.
    pub shipment_number: String,
    /// Time at which the shipment arrived; the time of the request when absent.
    pub delivered_at: Option<DateTime>,
}

/// A cancellation of an order, or of quantities of its lines.
#[derive(InputObject)]
pub struct CancelSalesOrderInput {
    /// Reason why it is to be cancelled.
    pub reason: SalesOrderCancellationReason,
    /// Note for those who answer, such as `Customer closed the shop`.
    pub note: Option<String>,
    /// Lines that are to be cancelled; the whole order when absent.
    pub lines: Option<Vec<CancelSalesOrderLineInput>>,
}

/// How much of a line is to be cancelled.
#[derive(InputObject)]
pub struct CancelSalesOrderLineInput {
    /// Number of the line in the order, from 1.
    pub line_no: i32,
    /// Quantity of the line that is to be cancelled in all, with what is cancelled already, such as `1`. So a request that is sent
    /// again cancels no more.
    pub cancelled_quantity: i32,
}

/// A change of an order that was sent. What it does not name stays as it is.
#[derive(InputObject)]
pub struct ChangeSalesOrderInput {
    /// Version of the order that the caller read. When the order has another version by now, nothing is changed and the answer is
    /// CONFLICT.
    pub expected_version: i32,
    /// Reason why it is to be changed; `OTHER` when absent.
    pub reason: Option<SalesOrderCancellationReason>,
    /// Note for those who answer, such as `The customer has moved`.
    pub note: Option<String>,
    /// Another day on which delivery is asked for, such as `2026-12-24`.
    pub requested_delivery_date: Option<Date>,
    /// Another delivery address of what has not left, such as `Jl. Thamrin No. 5, Jakarta`.
    pub address: Option<String>,
    /// Lines of which another quantity is ordered.
    pub changed_lines: Option<Vec<ChangeSalesOrderLineInput>>,
    /// Lines that are no longer wanted. They stay in the order with their numbers, cancelled.
    pub removed_lines: Option<Vec<RemoveSalesOrderLineInput>>,
    /// New lines. They get the numbers behind those there are.
    pub added_lines: Option<Vec<SalesOrderLineInput>>,
}

/// The new quantity of a line.
#[derive(InputObject)]
pub struct ChangeSalesOrderLineInput {
    /// Number of the line in the order, from 1.
    pub line_no: i32,
    /// Quantity of the line that is ordered in all, such as `5`: more or less than before, and at least what has left of it or is
    /// rejected or cancelled.
    pub quantity: i32,
}

/// A line that is no longer wanted.
#[derive(InputObject)]
pub struct RemoveSalesOrderLineInput {
    /// Number of the line in the order, from 1, such as `2`. Nothing of it may have left.
    pub line_no: i32,
}

/// The answer to a request of an order's sender.
#[derive(InputObject)]
pub struct AnswerSalesOrderRequestInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
    /// Number of the request, such as `RQ-0000000007`.
    pub request_number: String,
    /// Answer.
    pub decision: SalesOrderRequestDecision,
    /// Reason why it is rejected; required for REJECT, and of no other answer.
    pub reason: Option<SalesOrderRefusalReason>,
    /// Note for the order's sender.
    pub note: Option<String>,
    /// Version of the order that the caller read. When the order has another version by now, nothing is changed and the
    /// answer is CONFLICT.
    pub expected_version: Option<i32>,
}

/// A line of a new sales order.
#[derive(InputObject)]
pub struct ProductInput {
    #[graphql(flatten)]
    pub line: SalesOrderLineInput,
    /// What the line comes to by the sender's own figures, such as `250000`: unit price times quantity, or 0 without a price. If
    /// it comes to something else, the client's expectation policy says what happens. Not stored.
    pub expected_line_amount: Option<Decimal>,
}

/// A line that is added to a sales order.
#[derive(InputObject)]
pub struct SalesOrderLineInput {
    /// Product code, such as `HD9650`.
    pub product_code: String,
    /// Quantity in `unit`, such as `2`.
    pub quantity: i32,
    /// Product name, such as `Airfryer XXL`.
    pub product_name: Option<String>,
    /// Unit of the quantity, such as `PCS`.
    pub unit: Option<String>,
    /// Price of one unit in the order's currency, such as `125000`.
    pub unit_price: Option<Decimal>,
    /// Free text.
    pub note: Option<String>,
    /// Reference of the line in the sender's system, such as `10` or `PO-4711-10`.
    pub reference: Option<String>,
}
