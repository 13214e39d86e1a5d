//! The OpenAPI 3.1 description of the published endpoints, generated from this code.

use serde::Deserialize;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use crate::error::ErrorCode;

/// The document, as served and as committed.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Sales Order API", version = "1.0", description = include_str!("openapi.md")),
    paths(login, refresh, create_sales_order, sales_order),
    modifiers(&Security, &ErrorTable),
    tags(
        (name = "Authentication", description = "Bearer tokens."),
        (name = "Sales Orders", description = "Sending orders and reading them back."),
    )
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let header =
            |name: &str, text: &str| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, text)));
        let jwt = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The token that login or refresh gave, valid for 12 hours."));
        components.add_security_scheme("JWT-auth", SecurityScheme::Http(jwt.build()));
        components.add_security_scheme("X-CLIENT-ID", header("X-CLIENT-ID", "The client id of the bearer token."));
        components.add_security_scheme(
            "X-TIMESTAMP",
            header(
                "X-TIMESTAMP",
                "Now, in unix seconds (not milliseconds) or ISO 8601 with an offset; 300 s either way.",
            ),
        );
        components.add_security_scheme(
            "X-SIGNATURE",
            header("X-SIGNATURE", "Base64 of SHA256withRSA(private key, client_id + \"|\" + X-TIMESTAMP)."),
        );
    }
}

struct ErrorTable;

impl Modify for ErrorTable {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut table =
            "\n## Errors\n\nEvery failure is `application/problem+json` (RFC 9457) with a `code` of this table.\n\n\
                         | status | code | meaning |\n|---|---|---|\n"
                .to_owned();
        let row = |code: &ErrorCode| format!("| {} | `{code}` | {} |\n", code.status(), code.meaning());
        table.extend(ErrorCode::ALL.iter().map(row));
        openapi.info.description.get_or_insert_default().push_str(&table);
    }
}

/// A client's credentials.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a shape")]
struct LoginRequest {
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
struct RefreshRequest {
    /// JWT Token; it may have expired.
    token: String,
}

/// A bearer token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
struct TokenResponse {
    /// Send it as `Authorization: Bearer <token>`.
    token: String,
    /// When it ends, in unix seconds.
    #[schema(example = 1_704_067_200)]
    expired_at: i64,
}

/// An order to be taken. Texts are trimmed; unknown fields are refused by name.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a shape")]
struct CreateSalesOrderRequest {
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
struct ProductDto {
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
enum Price {
    /// As a decimal string.
    Text(String),
    /// As a number.
    Number(f64),
}

/// The answer to a created order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
struct CreateSalesOrderResponse {
    /// One sentence for people.
    #[schema(example = "Sales order created successfully")]
    message: String,
    /// The order as it is now.
    data: SalesOrder,
}

/// The answer to a read order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
struct SalesOrderResponse {
    /// The order as it is now.
    data: SalesOrder,
}

/// A sales order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
struct SalesOrder {
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
struct SalesOrderLine {
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
/// `keys_tried`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
struct Problem {
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
struct FieldProblem {
    /// JSON pointer (RFC 6901) into the body.
    #[schema(example = "/products/0/quantity")]
    pointer: String,
    /// For programs.
    #[schema(example = "range")]
    code: String,
    /// For people.
    message: String,
}

macro_rules! endpoint {
    ($(#[$attribute:meta])+ $name:ident) => {
        $(#[$attribute])+
        #[expect(dead_code, reason = "describes an endpoint; the handler is in routes")]
        fn $name() {}
    };
}

endpoint! {
    /// Generate JWT token with client credentials
    #[utoipa::path(
        post, path = "/api/v1/auth/login", operation_id = "login", tag = "Authentication",
        request_body = LoginRequest,
        responses(
            (status = 200, description = "A token, valid for 12 hours", body = TokenResponse),
            (status = 400, description = "Malformed or invalid input", body = Problem, content_type = "application/problem+json"),
            (status = 401, description = "Wrong id or secret", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "The client is disabled", body = Problem, content_type = "application/problem+json"),
            (status = 429, description = "Too many attempts; see Retry-After", body = Problem, content_type = "application/problem+json"),
        )
    )]
    login
}

endpoint! {
    /// Refresh JWT token
    ///
    /// Works after the token's expiry too, up to 7 days, and up to 30 days after the login.
    #[utoipa::path(
        post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "Authentication",
        request_body = RefreshRequest,
        responses(
            (status = 200, description = "A new token; the old one stays valid until its own expiry", body = TokenResponse),
            (status = 400, description = "Malformed or invalid input", body = Problem, content_type = "application/problem+json"),
            (status = 401, description = "The session cannot be carried on; log in again", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "The client is disabled", body = Problem, content_type = "application/problem+json"),
        )
    )]
    refresh
}

endpoint! {
    /// Create a new sales order
    ///
    /// Sending the identical request again gives the same order again, marked `Idempotent-Replayed: true`. With an
    /// `Idempotency-Key` the key alone decides, so a retry may be signed anew.
    #[utoipa::path(
        post, path = "/api/v1/sales-orders", operation_id = "createSalesOrder", tag = "Sales Orders",
        params(("Idempotency-Key" = Option<String>, Header, description = "Your name for this order: 1 to 255 visible ASCII characters, the same for every retry", max_length = 255)),
        request_body = CreateSalesOrderRequest,
        responses(
            (status = 201, description = "The order", body = CreateSalesOrderResponse, headers(
                ("Location" = String, description = "The order's own path"),
                ("Idempotent-Replayed" = String, description = "true when the order was there already"),
            )),
            (status = 400, description = "Malformed or invalid input, or a missing header", body = Problem, content_type = "application/problem+json"),
            (status = 401, description = "Token, timestamp or signature refused; `hint` says why", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "The client is disabled or lacks the scope orders:create", body = Problem, content_type = "application/problem+json"),
            (status = 413, description = "The body is over 1 MiB", body = Problem, content_type = "application/problem+json"),
            (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
            (status = 422, description = "The Idempotency-Key was used for another order", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Not possible right now; send the same request again after Retry-After", body = Problem, content_type = "application/problem+json"),
        ),
        security(("JWT-auth" = [], "X-CLIENT-ID" = [], "X-TIMESTAMP" = [], "X-SIGNATURE" = []))
    )]
    create_sales_order
}

endpoint! {
    /// Read one of your sales orders
    #[utoipa::path(
        get, path = "/api/v1/sales-orders/{order_number}", operation_id = "salesOrder", tag = "Sales Orders",
        params(("order_number" = String, Path, description = "Order number", example = "SO-0000000042")),
        responses(
            (status = 200, description = "The order", body = SalesOrderResponse),
            (status = 401, description = "No valid bearer token", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "The client is disabled", body = Problem, content_type = "application/problem+json"),
            (status = 404, description = "There is no such order among yours", body = Problem, content_type = "application/problem+json"),
        ),
        security(("JWT-auth" = []))
    )]
    sales_order
}
