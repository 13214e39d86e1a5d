//! The OpenAPI 3.1 description of the published endpoints, generated from this code.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

mod limits;
mod shapes;
mod signature_shapes;

use limits::RateLimits;
use shapes::{
    CreateSalesOrderRequest, CreateSalesOrderResponse, LoginRequest, Problem, RefreshRequest, SalesOrder,
    SalesOrderResponse, TokenResponse,
};
use signature_shapes::SignatureCheck;

use super::export::Format;
use crate::auth::hint::Hint;
use crate::error::ErrorCode;

/// The document, as served and as committed.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Sales Order API", version = "1.0", description = include_str!("openapi.md")),
    paths(login, refresh, signature_check, create_sales_order, sales_order, export_sales_orders),
    modifiers(&Security, &ErrorTable, &RateLimits),
    tags(
        (name = "Authentication", description = "Bearer tokens: for a client's credentials, and for an older token."),
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
            header("X-SIGNATURE", "Base64 of SHA256withRSA(private key, client_id + \"|\" + X-TIMESTAMP), or of a text that binds the body."),
        );
    }
}

struct ErrorTable;

impl Modify for ErrorTable {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let codes =
            ErrorCode::ALL.iter().map(|code| format!("| {} | `{code}` | {} |\n", code.status(), code.meaning()));
        let hints = Hint::ALL.iter().map(|hint| format!("| `{hint}` | {} |\n", hint.explanation()));
        let mut text =
            "\n# Errors\n\nEvery failure is `application/problem+json` (RFC 9457) with a `code` of this table; \
                        `errors` names each faulty field, all of them at once.\n\n\
                        | status | code | meaning |\n|---|---|---|\n"
                .to_owned();
        text.extend(codes);
        text.push_str(
            "\n## Hints\n\nWhat is probably wrong with a timestamp or a signature that was refused, in `hint`.\n\n\
             | hint | meaning |\n|---|---|\n",
        );
        text.extend(hints);
        openapi.info.description.get_or_insert_default().push_str(&text);
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
    /// Check a signature without sending an order
    ///
    /// Send what you would send to `/api/v1/sales-orders`: the same headers and, for the form that binds it, the same body.
    /// It is checked as if it had been sent there, and nothing is made. The answer is 200 for a wrong signature too: it
    /// says at which step the check stopped and why. Only the token must be there: of `X-CLIENT-ID`, `X-TIMESTAMP` and
    /// `X-SIGNATURE` those that are missing are named in the answer, which is 200 with `valid` false and the code
    /// `MISSING_HEADER`.
    #[utoipa::path(
        post, path = "/api/v1/signature/check", operation_id = "signatureCheck", tag = "Authentication",
        responses(
            (status = 200, description = "What the check found", body = SignatureCheck),
            (status = 401, description = "No valid bearer token", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "The client is disabled", body = Problem, content_type = "application/problem+json"),
            (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Not possible right now; send the same request again after Retry-After", body = Problem, content_type = "application/problem+json"),
        ),
        security(
            ("JWT-auth" = [], "X-CLIENT-ID" = [], "X-TIMESTAMP" = [], "X-SIGNATURE" = []),
            ("JWT-auth" = []),
        )
    )]
    signature_check
}

endpoint! {
    /// Create a new sales order
    ///
    /// Sending the identical request again gives the same order again, marked `Idempotent-Replayed: true`. With an
    /// `Idempotency-Key` the key alone decides, so a retry may be signed anew. Always send one: without it two equal orders within
    /// one second are one order, and a retry with a new timestamp is a second one.
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
            (status = 422, description = "The Idempotency-Key, or the signature over the body, was used for another order", body = Problem, content_type = "application/problem+json"),
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
            (status = 503, description = "Not possible right now; send the same request again after Retry-After", body = Problem, content_type = "application/problem+json"),
        ),
        security(("JWT-auth" = []))
    )]
    sales_order
}

endpoint! {
    /// Export sales orders
    ///
    /// `sales-orders.csv` has a row for each line of an order, `sales-orders.jsonl` an order on each line. Needs the scope
    /// `orders:read`. An answer that breaks off is not whole: fetch it again. In the CSV an apostrophe stands in front of what a
    /// spreadsheet would run as a formula; the JSON Lines hold every text to the letter.
    #[utoipa::path(
        get, path = "/api/v1/sales-orders.{format}", operation_id = "exportSalesOrders", tag = "Sales Orders",
        params(
            ("format" = inline(Format), Path, description = "csv (RFC 4180, for people) or jsonl (JSON Lines, for programs)"),
            ("order_number" = Option<Vec<String>>, Query, description = "One of these order numbers; repeat it for more than one"),
            ("status" = Option<Vec<String>>, Query, description = "One of these statuses"),
            ("customer_code" = Option<Vec<String>>, Query, description = "One of these customers"),
            ("customer_code_contains" = Option<String>, Query, description = "A part of the customer code, in any case"),
            ("site_code" = Option<Vec<String>>, Query, description = "One of these sites"),
            ("site_code_contains" = Option<String>, Query, description = "A part of the site code, in any case"),
            ("sales_name" = Option<Vec<String>>, Query, description = "One of these sales persons"),
            ("sales_name_contains" = Option<String>, Query, description = "A part of the sales person's name, in any case"),
            ("product_code" = Option<Vec<String>>, Query, description = "With a line of one of these products"),
            ("product_code_contains" = Option<String>, Query, description = "With a line whose product code has this part, in any case"),
            ("client_id" = Option<Vec<String>>, Query, description = "From one of these clients"),
            ("created_at_gte" = Option<String>, Query, description = "Taken at this instant or later (RFC 3339; + is written %2B)"),
            ("created_at_lt" = Option<String>, Query, description = "Taken before this instant"),
            ("search" = Option<String>, Query, description = "Words that must all occur in the order's texts"),
            ("not_acknowledged_by" = Option<String>, Query, description = "A receiving system that has not acknowledged the order"),
            ("order_by" = Option<String>, Query, description = "created_at_asc (default), created_at_desc, updated_at_asc, updated_at_desc, order_number_asc or order_number_desc"),
        ),
        responses(
            (status = 200, description = "The orders", content(
                (String = "text/csv"),
                (SalesOrder = "application/jsonl"),
            )),
            (status = 400, description = "Invalid parameter; `errors` names each", body = Problem, content_type = "application/problem+json"),
            (status = 401, description = "No valid bearer token", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "The client is disabled or lacks the scope", body = Problem, content_type = "application/problem+json"),
            (status = 404, description = "There is no such format", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Not possible right now; send the same request again after Retry-After", body = Problem, content_type = "application/problem+json"),
        ),
        security(("JWT-auth" = []))
    )]
    export_sales_orders
}
