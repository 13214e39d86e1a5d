//! The OpenAPI 3.1 description of the published endpoints. What bodies hold comes from the prepared documents and the
//! schema; what is written here is what GraphQL does not know: paths, headers, statuses.

/// An endpoint, described by its comment.
macro_rules! endpoint {
    ($(#[$attribute:meta])+ $name:ident) => {
        $(#[$attribute])+
        #[expect(dead_code, reason = "describes an endpoint; the handler is in routes")]
        fn $name() {}
    };
}

mod bodies;
mod headers;
mod patterns;
mod problems;
mod refusals;
mod requests;
mod responses;
mod samples;
mod schemas;
mod settings;
mod webhooks;
mod words;

use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use bodies::Bodies;

use super::export::Format;
use crate::config::Config;

/// The document, as served under this configuration. The committed one is of the default configuration.
pub fn document(config: &Config) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(Description::openapi())?;
    responses::complete(&mut document);
    settings::fill_in(&mut document, config);
    // After the settings: programs have braces of their own.
    samples::show(&mut document);
    Ok(document)
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Sales Order API", version = "1.0", description = include_str!("openapi.md")),
    paths(
        login,
        refresh,
        signature_check,
        create_sales_order,
        create_sales_orders,
        validate_sales_order,
        cancel_sales_order,
        change_sales_order,
        sales_order,
        sales_orders_by_reference,
        sales_order_changes,
        sales_order_event_feed,
        event_consumers,
        save_event_consumer,
        delete_event_consumer,
        export_sales_orders,
        webhooks::webhook_endpoints,
        webhooks::webhook_endpoint,
        webhooks::save_webhook_endpoint,
        webhooks::delete_webhook_endpoint,
        webhooks::verify_webhook_endpoint,
        webhooks::test_webhook_endpoint,
        webhooks::rotate_webhook_secret,
        webhooks::pause_webhook_endpoint,
        webhooks::resume_webhook_endpoint,
        webhooks::replay_webhook_events,
        webhooks::webhook_attempts,
        requests::request_log,
        requests::export_request_log
    ),
    modifiers(&Security, &Bodies),
    tags(
        (name = "Authentication", description = "Bearer tokens: for a client's credentials, and for an older token."),
        (name = "Sales Orders", description = "Sending orders and reading them back."),
        (name = "Webhooks", description = "Being told of what happens to orders, at an address of yours."),
        (name = "Requests", description = "What you sent, what was answered, and why it failed."),
    )
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let jwt = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The token that login or refresh gave, valid for {token_lifetime}."));
        components.add_security_scheme("JWT-auth", SecurityScheme::Http(jwt.build()));
        for header in &headers::SIGNATURE {
            let key = ApiKeyValue::with_description(header.name, header.description);
            components.add_security_scheme(header.name, SecurityScheme::ApiKey(ApiKey::Header(key)));
        }
    }
}

endpoint! {
    /// Generate JWT token with client credentials
    ///
    /// A token is good for many requests: log in once, not for every order.
    #[utoipa::path(
        post, path = "/api/v1/auth/login", operation_id = "login", tag = "Authentication",
        responses(
            (status = 200, description = "A token, valid for {token_lifetime}"),
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
    /// `MISSING_HEADER`. The body may be anything, of any content type.
    #[utoipa::path(
        post, path = "/api/v1/signature/check", operation_id = "signatureCheck", tag = "Authentication",
        responses(
            (status = 200, description = "What the check found"),
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
        responses(
            (status = 201, description = "The order"),
        ),
    )]
    create_sales_order
}

endpoint! {
    /// Create many sales orders
    ///
    /// Up to 100 orders in one request, each with an `idempotency_key` of its own instead of the header. Each is taken as if it came
    /// alone: the answer is 207 and has for each order, in the sequence in which they were sent, its status and the order, or the
    /// problem that it would be refused with. Pointers are into the whole body, such as `/orders/3/products/0/quantity`.
    ///
    /// Sending the identical request again gives each order again and makes none anew. The signature must bind the body:
    /// `POST:/api/v1/sales-orders/batch:sha256(body):X-TIMESTAMP`. Each order counts as a request.
    #[utoipa::path(
        post, path = "/api/v1/sales-orders/batch", operation_id = "createSalesOrders", tag = "Sales Orders",
        responses(
            (status = 207, description = "What became of each order"),
        ),
    )]
    create_sales_orders
}

endpoint! {
    /// Validate a sales order without sending it
    ///
    /// Send what you would send to `/api/v1/sales-orders`: the same headers and the same body. It is checked to the end as if it
    /// were an order, and refused for the same reasons; the answer has the order as it would be stored, with its totals, and the
    /// warnings that it would get. Nothing is stored, and the `Idempotency-Key` stays free.
    ///
    /// With the key of an order that is there already the answer is what the order's would be: for the same order 200 with
    /// `"replayed": true` and its `order_number`, for another one 422 `IDEMPOTENCY_KEY_REUSED`.
    ///
    /// A signature that binds the body is of this path, so it can never make an order, and that of an order does not pass here. A
    /// validation counts as a request, like an order.
    #[utoipa::path(
        post, path = "/api/v1/sales-orders/validation", operation_id = "validateSalesOrder", tag = "Sales Orders",
        responses(
            (status = 200, description = "The order as it would be stored"),
        ),
    )]
    validate_sales_order
}

endpoint! {
    /// Read one of your sales orders
    ///
    /// The order as it is now. Other clients' orders are not found. To list orders, ask over GraphQL.
    #[utoipa::path(
        get, path = "/api/v1/sales-orders/{order_number}", operation_id = "salesOrder", tag = "Sales Orders",
        params(("order_number" = String, Path, description = "Order number", example = "SO-0000000042")),
        responses(
            (status = 200, description = "The order"),
        ),
    )]
    sales_order
}

endpoint! {
    /// Cancel one of your sales orders
    ///
    /// The whole order, or with `lines` quantities of its lines: `cancelled_quantity` is how much of a line is to be cancelled in all.
    /// While nothing of the order is confirmed, back-ordered or acknowledged it is done at once (200). Later it is a request that we
    /// answer (202): its `state` is `PENDING` until it is `ACCEPTED` or `REJECTED` with a reason, or `SUPERSEDED` because what it asks
    /// for has left. Read the order or the list of changes to learn which. An order has one pending request at a time; another one is
    /// 409 and names it, as is a cancellation of what has left.
    ///
    /// Sending the same request again changes nothing and gives the request as it is now: under its `Idempotency-Key`, or without one
    /// as long as it is pending or done. The signature must bind the body:
    /// `POST:/api/v1/sales-orders/{order_number}/cancellation:sha256(body):X-TIMESTAMP`.
    #[utoipa::path(
        post, path = "/api/v1/sales-orders/{order_number}/cancellation", operation_id = "cancelSalesOrder",
        tag = "Sales Orders",
        params(("order_number" = String, Path, description = "Order number", example = "SO-0000000042")),
        responses(
            (status = 200, description = "It is cancelled, or was answered before"),
            (status = 202, description = "The cancellation is pending"),
        ),
    )]
    cancel_sales_order
}

endpoint! {
    /// Change one of your sales orders
    ///
    /// The day and the address of what has not left, quantities (`changed_lines`), lines that are no longer wanted (`removed_lines`)
    /// and new ones (`added_lines`), all of it or nothing; what you leave out stays. `expected_version` is the `version` that you read:
    /// if the order has another one by now, the answer is 409 with the `current_version`. A quantity is how much of the line is ordered
    /// in all, and may not be less than what has left or is rejected or cancelled. A removed line stays in the order, cancelled; new
    /// lines get the numbers behind it, so a number never means another line.
    ///
    /// While nothing of the order is confirmed, back-ordered or acknowledged it is done at once (200). Later it is a request that we
    /// answer (202), as a cancellation is: `PENDING` until it is `ACCEPTED` or `REJECTED` with a reason, or `SUPERSEDED` because it can
    /// no longer be done. An order has one pending request at a time; another one is 409 and names it.
    ///
    /// Sending the same request again changes nothing and gives the request as it is now, with or without an `Idempotency-Key`. The
    /// signature must bind the body: `POST:/api/v1/sales-orders/{order_number}/change:sha256(body):X-TIMESTAMP`.
    #[utoipa::path(
        post, path = "/api/v1/sales-orders/{order_number}/change", operation_id = "changeSalesOrder",
        tag = "Sales Orders",
        params(("order_number" = String, Path, description = "Order number", example = "SO-0000000042")),
        responses(
            (status = 200, description = "It is changed, or was answered before"),
            (status = 202, description = "The change is pending"),
        ),
    )]
    change_sales_order
}

endpoint! {
    /// Read sales orders by your own reference
    ///
    /// Your orders with this `partner_reference`, exactly as you sent it, the newest first: up to 100, cancelled ones included,
    /// each with its status. It is a list, because you may send several orders with one reference, unless your reference policy is
    /// `refuse`. What a path may not hold is percent-encoded as UTF-8, such as `/` as `%2F`. A reference that is `.` or `..` cannot
    /// stand in a path.
    #[utoipa::path(
        get, path = "/api/v1/sales-orders/by-reference/{partner_reference}", operation_id = "salesOrdersByReference",
        tag = "Sales Orders",
        params((
            "partner_reference" = String,
            Path,
            description = "Number of the order in your system, percent-encoded",
            example = "4500012345",
        )),
        responses(
            (status = 200, description = "The orders"),
        ),
    )]
    sales_orders_by_reference
}

endpoint! {
    /// List sales orders by their last change
    ///
    /// Your orders, the one that changed longest ago first, up to `limit` of them. To learn what changes, ask from time to time with
    /// the `next_cursor` of the last answer: at once where `has_more` is true, else when you like. Keep the cursor, also of a page
    /// without orders: a page may be shorter than `limit`, and `has_more` alone tells the end.
    ///
    /// The list begins with the orders there are and goes on with each order that is new or whose status changed since. **No change is
    /// missed**, also of an order that is being stored while you read: a cursor never passes what cannot be read yet. An order may come
    /// again without a change: replace what you have of it, by `order_number`; a higher `version` is a change. Filters are of the order
    /// as it is now, so with `status` you do not see an order leave that status.
    #[utoipa::path(
        get, path = "/api/v1/sales-orders", operation_id = "salesOrderChanges", tag = "Sales Orders",
        responses(
            (status = 200, description = "A page of the orders"),
        ),
    )]
    sales_order_changes
}

endpoint! {
    /// Read what happened to sales orders
    ///
    /// Events of your orders, in pages: each new order, each change of its status, answers to its lines, shipments, deliveries and what
    /// became of what you asked for. With `orders:read`, events of all orders. Begin without `after`, keep `next_cursor`, also of a page
    /// without events, and ask on with it: at once where `has_more` is true, else when you like. A page may be shorter than `limit`.
    ///
    /// **No event is missed, and those of an order come in their own order**: `sequence` counts them from 1 without a gap. An event comes
    /// again when you ask again with an older cursor, so note the cursor when you are done with its page.
    ///
    /// **To learn of an event at once** ask with `wait`: the answer comes with the next event, or after so many seconds without one. Or
    /// send `Accept: text/event-stream` for a stream that does not end; one that breaks off goes on with the header `Last-Event-ID`, as
    /// browsers send it, and one without a cursor begins with what happens from now on. `limit` and `wait` are not for streams. Streams
    /// and waiting requests count together, so many for each client; another one is 429.
    #[utoipa::path(
        get, path = "/api/v1/events", operation_id = "salesOrderEventFeed", tag = "Sales Orders",
        responses(
            (status = 200, description = "A page of the events, or a stream of them"),
        ),
    )]
    sales_order_event_feed
}

endpoint! {
    /// List consumers of events
    ///
    /// Your programs that read events and let us keep how far they are, each with its cursor.
    #[utoipa::path(
        get, path = "/api/v1/events/consumers", operation_id = "eventConsumers", tag = "Sales Orders",
        responses(
            (status = 200, description = "The consumers"),
        ),
    )]
    event_consumers
}

endpoint! {
    /// Make a consumer of events, or say how far it is
    ///
    /// So a program needs no storage of its own: read with `GET /api/v1/events?consumer=NAME`, do what the page asks for, then send its
    /// `next_cursor` as `after`. What was read and not confirmed so comes again. A new consumer without `after` begins with the first
    /// event. A cursor before the one it has changes nothing, so that of two confirmations at once the later counts; to read events again,
    /// delete the consumer and make it anew. Up to 20 consumers.
    #[utoipa::path(
        put, path = "/api/v1/events/consumers/{name}", operation_id = "saveEventConsumer", tag = "Sales Orders",
        params(("name" = String, Path, description = "Name of the consumer: 1 to 64 letters, digits, dots, dashes or underscores", example = "warehouse")),
        responses(
            (status = 200, description = "The consumer as it is now"),
        ),
    )]
    save_event_consumer
}

endpoint! {
    /// Delete a consumer of events
    ///
    /// How far it was is forgotten. Events are not touched.
    #[utoipa::path(
        delete, path = "/api/v1/events/consumers/{name}", operation_id = "deleteEventConsumer", tag = "Sales Orders",
        params(("name" = String, Path, description = "Name of the consumer", example = "warehouse")),
        responses(
            (status = 204, description = "It is gone"),
        ),
    )]
    delete_event_consumer
}

endpoint! {
    /// Export sales orders
    ///
    /// `sales-orders.csv` has a row for each line of an order, `sales-orders.jsonl` an order on each line. Needs the scope
    /// `orders:read`. In both, what an order comes to stands once: whoever adds up `total_amount` counts no order twice.
    ///
    /// **Programs** read the JSON Lines, or the CSV with `for=program`: both are exact, every text to the letter, amounts as
    /// decimals with a point, times in UTC with microseconds. **People** open the CSV with `for=spreadsheet`. In the plain CSV an
    /// apostrophe stands in front of what a spreadsheet would run as a formula, so its texts are not always exact.
    ///
    /// An answer that breaks off is not whole. A client or proxy that speaks HTTP/1.0 cannot tell (nginx does by default): with
    /// `trailer=true` the file itself says that it is whole, and an export of one page has a `Content-Length`. One that was
    /// asked for with `cursors=true` goes on: drop what arrived of the last
    /// order, which may be cut, and send the same request with `after` = the cursor of the order before it. By `created_at` and
    /// `order_number` no order comes twice and none is left out, whatever changed in between; by `created_at` new ones come at the end. By
    /// `updated_at_asc` an order that changed in between comes once more, with a higher `version`, which replaces the first.
    ///
    /// **To load what changed** since the last time, ask for `updated_at_gte` = the `updated_at_lt` of the last time and
    /// `updated_at_lt` = five minutes ago: an order that is being stored becomes visible within that time. What changes
    /// meanwhile leaves this span and is in the next one.
    #[utoipa::path(
        get, path = "/api/v1/sales-orders.{format}", operation_id = "exportSalesOrders", tag = "Sales Orders",
        params(
            ("format" = inline(Format), Path, description = "csv (RFC 4180, for people) or jsonl (JSON Lines, for programs)"),
        ),
        responses(
            (status = 200, description = "The orders"),
        ),
    )]
    export_sales_orders
}
