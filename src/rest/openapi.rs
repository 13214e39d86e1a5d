//! The OpenAPI 3.1 description of the published endpoints. What bodies hold comes from the prepared documents and the
//! schema; what is written here is what GraphQL does not know: paths, headers, statuses.

mod bodies;
mod problems;
mod schemas;
mod settings;

use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use bodies::Bodies;

use super::export::Format;
use crate::config::Config;

/// The document, as served under this configuration. The committed one is of the default configuration.
pub fn document(config: &Config) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(Description::openapi())?;
    settings::fill_in(&mut document, config);
    Ok(document)
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Sales Order API", version = "1.0", description = include_str!("openapi.md")),
    paths(login, refresh, signature_check, create_sales_order, sales_order, export_sales_orders),
    modifiers(&Security, &Bodies),
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
            .description(Some("The token that login or refresh gave, valid for {token_lifetime}."));
        components.add_security_scheme("JWT-auth", SecurityScheme::Http(jwt.build()));
        components.add_security_scheme("X-CLIENT-ID", header("X-CLIENT-ID", "The client id of the bearer token."));
        components.add_security_scheme(
            "X-TIMESTAMP",
            header(
                "X-TIMESTAMP",
                "Now, in unix seconds (not milliseconds) or ISO 8601 with an offset; {timestamp_tolerance} either way.",
            ),
        );
        components.add_security_scheme(
            "X-SIGNATURE",
            header("X-SIGNATURE", "Base64 of SHA256withRSA(private key, client_id + \"|\" + X-TIMESTAMP), or of a text that binds the body."),
        );
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
        responses(
            (status = 200, description = "A token, valid for {token_lifetime}"),
            (status = 400, description = "Malformed or invalid input"),
            (status = 401, description = "Wrong id or secret"),
            (status = 403, description = "The client is disabled"),
            (status = 413, description = "The body has more than {max_body_bytes} bytes"),
            (status = 415, description = "The body is not application/json"),
        )
    )]
    login
}

endpoint! {
    /// Refresh JWT token
    ///
    /// Works after the token's expiry too, up to {refresh_window}, and up to {session_lifetime} after the login.
    #[utoipa::path(
        post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "Authentication",
        responses(
            (status = 200, description = "A new token; the old one stays valid until its own expiry"),
            (status = 400, description = "Malformed or invalid input"),
            (status = 401, description = "The session cannot be carried on; log in again"),
            (status = 403, description = "The client is disabled"),
            (status = 413, description = "The body has more than {max_body_bytes} bytes"),
            (status = 415, description = "The body is not application/json"),
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
            (status = 200, description = "What the check found"),
            (status = 401, description = "No valid bearer token"),
            (status = 403, description = "The client is disabled"),
            (status = 413, description = "The body has more than {max_body_bytes} bytes"),
        ),
    )]
    signature_check
}

endpoint! {
    /// Create a new sales order
    ///
    /// Sending the identical request again gives the same order again, marked `Idempotent-Replayed: true` and, beside `message`,
    /// `"replayed": true`. With an
    /// `Idempotency-Key` the key alone decides, so a retry may be signed anew. Always send one: without it two equal orders within
    /// one second are one order, and a retry with a new timestamp is a second one.
    #[utoipa::path(
        post, path = "/api/v1/sales-orders", operation_id = "createSalesOrder", tag = "Sales Orders",
        params(("Idempotency-Key" = Option<String>, Header, description = "Your name for this order: 1 to 255 visible ASCII characters, the same for every retry", max_length = 255)),
        responses(
            (status = 201, description = "The order", headers(
                ("Location" = String, description = "The order's own path"),
                ("Idempotent-Replayed" = String, description = "true when the order was there already"),
            )),
            (status = 400, description = "Malformed or invalid input, or a missing header"),
            (status = 401, description = "Token, timestamp or signature refused; `hint` says why"),
            (status = 403, description = "The client is disabled or lacks the scope orders:create"),
            (status = 413, description = "The body has more than {max_body_bytes} bytes"),
            (status = 415, description = "The body is not application/json"),
            (status = 422, description = "The Idempotency-Key, or the signature over the body, was used for another order"),
        ),
    )]
    create_sales_order
}

endpoint! {
    /// Read one of your sales orders
    #[utoipa::path(
        get, path = "/api/v1/sales-orders/{order_number}", operation_id = "salesOrder", tag = "Sales Orders",
        params(("order_number" = String, Path, description = "Order number", example = "SO-0000000042")),
        responses(
            (status = 200, description = "The order"),
            (status = 401, description = "No valid bearer token"),
            (status = 403, description = "The client is disabled"),
            (status = 404, description = "There is no such order that you may read"),
        ),
    )]
    sales_order
}

endpoint! {
    /// Export sales orders
    ///
    /// `sales-orders.csv` has a row for each line of an order, `sales-orders.jsonl` an order on each line. Needs the scope
    /// `orders:read`. An answer that breaks off is not whole: fetch it again. A client or proxy that speaks HTTP/1.0 cannot tell
    /// (nginx does by default): with `trailer=true` the file itself says that it is whole. An export of up to 100 orders has a
    /// `Content-Length`. In the CSV an apostrophe stands in front of what a
    /// spreadsheet would run as a formula; the JSON Lines hold every text to the letter.
    #[utoipa::path(
        get, path = "/api/v1/sales-orders.{format}", operation_id = "exportSalesOrders", tag = "Sales Orders",
        params(
            ("format" = inline(Format), Path, description = "csv (RFC 4180, for people) or jsonl (JSON Lines, for programs)"),
        ),
        responses(
            (status = 200, description = "The orders"),
            (status = 400, description = "Invalid parameter; `errors` names each"),
            (status = 401, description = "No valid bearer token"),
            (status = 403, description = "The client is disabled or lacks the scope"),
            (status = 404, description = "There is no such format"),
        ),
    )]
    export_sales_orders
}
