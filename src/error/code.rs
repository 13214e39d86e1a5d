//! The closed catalogue of codes.
//!
//! To add a code: add a variant to the `catalogue!` list; the documentation table, the REST status and the GraphQL
//! `extensions.code` follow from it, and `tests/it/errors.rs` asks for a way to reach it.

use std::fmt;

macro_rules! catalogue {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:literal, $title:literal; )+) => {
        /// Every way a request can fail, as partners and dashboards see it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode { $( $(#[doc = $doc])+ $variant, )+ }

        impl ErrorCode {
            /// The whole catalogue, in the order of its HTTP statuses.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),+];

            /// The name on the wire: `code` in a REST problem, `extensions.code` in a GraphQL error.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name),+ }
            }

            /// The HTTP status REST answers with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(ErrorCode::$variant => $status),+ }
            }

            /// The short, fixed summary of the code (RFC 9457 `title`).
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(ErrorCode::$variant => $title),+ }
            }

            /// What the code means and what to do about it, for the documented table.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(ErrorCode::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

catalogue! {
    /// The body is not the JSON object the endpoint takes: repair the syntax and send it again.
    MalformedBody = "MALFORMED_BODY", 400, "Malformed body";
    /// One or more fields are missing, unknown or out of range: `errors` names each of them.
    ValidationFailed = "VALIDATION_FAILED", 400, "Invalid input";
    /// A required header is absent or empty: the message names all that are missing.
    MissingHeader = "MISSING_HEADER", 400, "Missing header";
    /// A header is there but cannot be used (sent twice, or not in its format).
    InvalidHeader = "INVALID_HEADER", 400, "Invalid header";
    /// A signed operation came over WebSocket, where a signature cannot cover it: send it by POST to `/graphql` or to the REST
    /// endpoint.
    SignedOverWebsocket = "SIGNED_OVER_WEBSOCKET", 400, "Signed operation over WebSocket";
    /// The GraphQL document has a syntax error.
    GraphqlParseFailed = "GRAPHQL_PARSE_FAILED", 400, "GraphQL syntax error";
    /// The GraphQL document does not fit the schema.
    GraphqlValidationFailed = "GRAPHQL_VALIDATION_FAILED", 400, "GraphQL document refused";
    /// The GraphQL request asks for more than a request may: make it smaller or split it.
    LimitExceeded = "LIMIT_EXCEEDED", 400, "Request too costly";
    /// The GraphQL document makes more than one signed order, and nothing was done: send each order in a request of its own, with
    /// its own signature and `Idempotency-Key`.
    OneOrderPerRequest = "ONE_ORDER_PER_REQUEST", 400, "One order per request";
    /// The document with this hash is not known (automatic persisted queries): send it with its hash. Clients do so by themselves.
    PersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND", 400, "Persisted query not found";
    /// `extensions.persistedQuery` is not `{"version": 1, "sha256Hash": "<64 hexadecimal digits>"}`: send whole documents.
    PersistedQueryNotSupported = "PERSISTED_QUERY_NOT_SUPPORTED", 400, "Persisted query not supported";
    /// The request names its document by an id (`doc_id`, `documentId`, `id`), and none are registered here: send the document as
    /// `query`.
    DocumentIdNotSupported = "DOCUMENT_ID_NOT_SUPPORTED", 400, "Document id not supported";
    /// The body is a list of GraphQL requests, and nothing was done: send each request by itself.
    BatchNotSupported = "BATCH_NOT_SUPPORTED", 400, "Batch not supported";
    /// The bearer token is missing, damaged, expired or revoked: log in or refresh.
    Unauthenticated = "UNAUTHENTICATED", 401, "Not authenticated";
    /// The client id or the client secret is wrong.
    InvalidCredentials = "INVALID_CREDENTIALS", 401, "Wrong credentials";
    /// `X-CLIENT-ID` is not the client of the bearer token.
    ClientIdMismatch = "CLIENT_ID_MISMATCH", 401, "Client id mismatch";
    /// `X-TIMESTAMP` cannot be read or is too far from the server's time: `hint` says which.
    InvalidTimestamp = "INVALID_TIMESTAMP", 401, "Timestamp refused";
    /// `X-SIGNATURE` is not a valid signature of this request: `hint` says why.
    InvalidSignature = "INVALID_SIGNATURE", 401, "Signature refused";
    /// The client is disabled: contact the operator.
    ClientDisabled = "CLIENT_DISABLED", 403, "Client disabled";
    /// The client lacks the scope the operation asks for.
    InsufficientScope = "INSUFFICIENT_SCOPE", 403, "Not allowed";
    /// A page of this origin may not open a WebSocket here: the operator names the origins that may.
    OriginRefused = "ORIGIN_REFUSED", 403, "Origin refused";
    /// There is nothing here that the caller may see.
    NotFound = "NOT_FOUND", 404, "Not found";
    /// The path exists but not with this method: `Allow` lists the methods it has.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "Method not allowed";
    /// The body did not arrive in time: nothing was done, send it again.
    RequestTimeout = "REQUEST_TIMEOUT", 408, "Request not received in time";
    /// What is there now does not allow it, such as an order that changed since the version the caller expected: the message
    /// says what; read again and decide anew.
    Conflict = "CONFLICT", 409, "Conflict";
    /// The order may not go to that status from where it is: `next_statuses` names where it may go.
    IllegalTransition = "ILLEGAL_TRANSITION", 409, "Illegal transition";
    /// Another of your orders, which is not cancelled, has this `partner_reference`, and you asked that such an order be refused:
    /// `order_number` names the other order. Nothing was stored, and the `Idempotency-Key` may be used again.
    DuplicatePartnerReference = "DUPLICATE_PARTNER_REFERENCE", 409, "Duplicate partner reference";
    /// Events after this cursor have expired, because nobody had asked the service to keep them (`events.retention`), or their orders
    /// are archived: read the orders that changed since then, and begin the feed without the cursor. A registered consumer keeps its
    /// events until it has read them.
    CursorExpired = "CURSOR_EXPIRED", 410, "Cursor expired";
    /// The order was taken and is archived since: `order_number` names it. It is not kept here any more, and a request that is sent again
    /// makes no second one. Ask the operator for what it was.
    OrderArchived = "ORDER_ARCHIVED", 410, "Order archived";
    /// The body is larger than the service accepts.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413, "Body too large";
    /// The body must be sent as `application/json` in UTF-8, and not compressed.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported media type";
    /// The `Idempotency-Key` was used for a different order: send a new key.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 422, "Idempotency key reused";
    /// The signature made another order already: take a new timestamp, sign again, and send that. `order_number` names the first
    /// order.
    SignatureReused = "SIGNATURE_REUSED", 422, "Signature reused";
    /// Too many requests: wait for the seconds in `Retry-After`.
    RateLimited = "RATE_LIMITED", 429, "Too many requests";
    /// Something failed on our side: quote `request_id` to the operator.
    InternalError = "INTERNAL_ERROR", 500, "Internal error";
    /// The body came in a transfer coding that is not known here: send it chunked, or with `Content-Length`.
    TransferCodingUnknown = "TRANSFER_CODING_UNKNOWN", 501, "Transfer coding unknown";
    /// The operator has set no key with which secrets of webhooks could be kept: ask for one (`webhooks.secret_keys`).
    WebhooksOff = "WEBHOOKS_OFF", 501, "Webhooks are off";
    /// The database cannot be reached or is busy: send the same request again after `Retry-After`.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE", 503, "Database unavailable";
    /// There is more to do than can be done in time, and the request was given up: send it again after `Retry-After`.
    Overloaded = "OVERLOADED", 503, "Overloaded";
    /// This instance's clock differs from its database's, so it is not ready, and cannot tell whether `X-TIMESTAMP` is fresh: send
    /// the same request again after `Retry-After`.
    ClockSkew = "CLOCK_SKEW", 503, "Clock skew";
    /// This instance is about to stop (`/health/ready` alone says so): send requests to another one.
    Stopping = "STOPPING", 503, "Stopping";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
