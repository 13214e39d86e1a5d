//! The JSON shapes of the published endpoints, described for OpenAPI. What is really sent and taken comes from the
//! prepared documents and from `domain`; `tests/it/contract_shapes.rs` holds the two together.

use serde::Deserialize;
use utoipa::ToSchema;

/// A client's credentials.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a shape")]
pub struct LoginRequest {
    /// Client ID
    #[schema(example = "versuni-client-001")]
    client_id: String,
    /// Client Secret
    #[schema(example = "secret-key-123")]
    client_secret: String,
}

/// A token to carry on with.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a shape")]
pub struct RefreshRequest {
    /// JWT Token; it may have expired.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...")]
    token: String,
}

/// A bearer token.
#[derive(ToSchema)]
#[schema(example = json!({"token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...", "expired_at": 1_704_067_200}))]
#[expect(dead_code, reason = "describes a shape")]
pub struct TokenResponse {
    /// Send it as `Authorization: Bearer <token>`.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...")]
    token: String,
    /// When it ends, in unix seconds.
    #[schema(example = 1_704_067_200)]
    expired_at: i64,
}

/// An order to be taken. Texts are trimmed; unknown fields are refused by name.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "customer_code": "CUST-001", "site_code": "SITE-001", "sales_name": "John Doe",
    "address": "Jl. Sudirman No. 1, Jakarta",
    "products": [
        {"product_code": "HD9650", "product_name": "Airfryer XXL", "quantity": 2, "unit": "PCS", "unit_price": "125000"},
    ],
}))]
#[expect(dead_code, reason = "describes a shape")]
pub struct CreateSalesOrderRequest {
    /// Customer code
    #[schema(min_length = 1, max_length = 64, example = "CUST-001")]
    customer_code: String,
    /// Site code
    #[schema(min_length = 1, max_length = 64, example = "SITE-001")]
    site_code: String,
    /// Sales person name
    #[schema(min_length = 1, max_length = 128, example = "John Doe")]
    sales_name: String,
    /// Delivery address; line breaks are allowed.
    #[schema(min_length = 1, max_length = 1000, example = "Jl. Sudirman No. 1, Jakarta")]
    address: String,
    /// ISO 4217 code in capitals; IDR when absent.
    #[schema(min_length = 3, max_length = 3, example = "IDR")]
    currency: Option<String>,
    /// Free text
    #[schema(max_length = 1000)]
    note: Option<String>,
    /// List of products
    #[schema(min_items = 1, max_items = 500)]
    products: Vec<ProductDto>,
}

/// One line of an order to be taken.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a shape")]
pub struct ProductDto {
    /// Product code
    #[schema(min_length = 1, max_length = 64, example = "HD-9650")]
    product_code: String,
    /// How many
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    quantity: i32,
    /// Product name
    #[schema(max_length = 256, example = "Airfryer XXL")]
    product_name: Option<String>,
    /// Unit
    #[schema(max_length = 16, example = "PCS")]
    unit: Option<String>,
    /// Price of one: a number or a decimal string, from 0 to 9999999999.9999, with at most 4 decimals.
    unit_price: Option<Price>,
    /// Free text
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// An exact amount of money.
#[derive(ToSchema, Deserialize)]
#[schema(example = "125000")]
#[expect(dead_code, reason = "describes a shape")]
#[serde(untagged)]
pub enum Price {
    /// As a decimal string.
    Text(String),
    /// As a number.
    Number(f64),
}

/// The answer to a created order.
#[derive(ToSchema)]
#[schema(example = json!({
    "message": "Sales order created successfully",
    "data": {
        "order_number": "SO-0000000042", "status": "RECEIVED", "version": 1, "client_id": "versuni-client-001",
        "customer_code": "CUST-001", "site_code": "SITE-001", "sales_name": "John Doe",
        "address": "Jl. Sudirman No. 1, Jakarta", "note": null, "currency": "IDR",
        "products": [
            {"line_no": 1, "product_code": "HD9650", "product_name": "Airfryer XXL", "quantity": 2, "unit": "PCS",
             "unit_price": "125000", "note": null},
        ],
        "total_quantity": 2, "total_amount": "250000",
        "created_at": "2026-11-23T13:37:16.123456Z", "updated_at": "2026-11-23T13:37:16.123456Z",
    },
}))]
#[expect(dead_code, reason = "describes a shape")]
pub struct CreateSalesOrderResponse {
    /// One sentence for people.
    #[schema(example = "Sales order created successfully")]
    message: String,
    /// The order as it is now.
    data: SalesOrder,
}

/// The answer to a read order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
pub struct SalesOrderResponse {
    /// The order as it is now.
    data: SalesOrder,
}

/// A sales order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
pub struct SalesOrder {
    /// Its public number.
    #[schema(example = "SO-0000000042")]
    order_number: String,
    /// Where it stands: RECEIVED, CONFIRMED, SHIPPED, DELIVERED or CANCELLED.
    #[schema(example = "RECEIVED")]
    status: String,
    /// Counts its changes, from 1.
    #[schema(example = 1)]
    version: i32,
    /// Who sent it.
    #[schema(example = "versuni-client-001")]
    client_id: String,
    /// Customer code
    customer_code: String,
    /// Site code
    site_code: String,
    /// Sales person name
    sales_name: String,
    /// Delivery address
    address: String,
    /// Free text
    #[schema(required)]
    note: Option<String>,
    /// ISO 4217 code
    currency: String,
    /// Its lines, in the sender's order.
    products: Vec<SalesOrderLine>,
    /// Sum of the lines' quantities.
    total_quantity: i64,
    /// Sum of the lines' amounts, an exact decimal; null when a line has no price.
    #[schema(required, example = "250000")]
    total_amount: Option<String>,
    /// RFC 3339, UTC, with microseconds.
    #[schema(format = "date-time")]
    created_at: String,
    /// RFC 3339, UTC, with microseconds.
    #[schema(format = "date-time")]
    updated_at: String,
}

/// One line of a sales order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
pub struct SalesOrderLine {
    /// Its place in the order, from 1.
    line_no: i32,
    /// Product code
    product_code: String,
    /// Product name
    #[schema(required)]
    product_name: Option<String>,
    /// How many
    quantity: i32,
    /// Unit
    #[schema(required)]
    unit: Option<String>,
    /// Price of one, an exact decimal.
    #[schema(required, example = "125000")]
    unit_price: Option<String>,
    /// Free text
    #[schema(required)]
    note: Option<String>,
}

/// A failure (RFC 9457). A failed signature check adds `hint`, `string_to_sign`, `server_time`, `skew_seconds` and
/// `keys_tried`; a used key or signature adds `order_number`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
pub struct Problem {
    /// Where the code is documented.
    #[schema(example = "/docs#VALIDATION_FAILED")]
    r#type: String,
    /// The code in words.
    title: String,
    /// The HTTP status again.
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// The path of the request.
    instance: String,
    /// One of the table of errors.
    #[schema(example = "VALIDATION_FAILED")]
    code: String,
    /// The same sentence as `detail`.
    message: String,
    /// Quote it when you ask us about this request.
    request_id: String,
    /// Every faulty field.
    errors: Option<Vec<FieldProblem>>,
}

/// One faulty field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) into the body.
    #[schema(example = "/products/0/quantity")]
    pointer: String,
    /// For programs.
    #[schema(example = "range")]
    code: String,
    /// For people.
    message: String,
}
