//! The OpenAPI 3.1 description of the published endpoints, generated from this code.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

mod shapes;

use shapes::{
    CreateSalesOrderRequest, CreateSalesOrderResponse, LoginRequest, Problem, RefreshRequest, SalesOrderResponse,
    TokenResponse,
};

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
            (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
            (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
            (status = 429, description = "Too many attempts; see Retry-After", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Not possible right now; send the same request again after Retry-After", body = Problem, content_type = "application/problem+json"),
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
            (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
            (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Not possible right now; send the same request again after Retry-After", body = Problem, content_type = "application/problem+json"),
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
            (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
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
