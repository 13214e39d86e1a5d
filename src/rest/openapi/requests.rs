//! The log of requests.

use crate::rest::export::Format;

endpoint! {
    /// Read the log of your requests
    ///
    /// What you sent to `/api/v1` and what was answered, the newest first: with the status, the error code, the `hint` and an `explanation` of
    /// each failure, the order that was made, and of what failed the faulty fields and the body. Ask for one request by the `request_id`
    /// that its answer had. An entry is there about a second after its answer and is kept for {request_log_retention}. With the scope
    /// `clients:read`, requests of all clients.
    ///
    /// No entry has a token, a secret or a signature. Of a body only what says what is ordered is shown; names, addresses and everything
    /// else are counted, such as `<12 characters>`. An entry with `is_proven` false only claims to be yours, such as a login with a wrong
    /// secret: it has neither texts nor where it came from.
    ///
    /// With `Accept: text/event-stream` it is a stream of new entries that does not end; `limit` and `cursor` are not for streams. A
    /// client may have four of them.
    #[utoipa::path(
        get, path = "/api/v1/requests", operation_id = "requestLog", tag = "Requests",
        responses(
            (status = 200, description = "A page of the log, or a stream of new entries"),
        ),
    )]
    request_log
}

endpoint! {
    /// Export the log of your requests
    ///
    /// Every entry that the filters mean: `requests.csv` has a row for each, `requests.jsonl` a JSON object on each line, with the members
    /// that `/api/v1/requests` shows.
    #[utoipa::path(
        get, path = "/api/v1/requests.{format}", operation_id = "exportRequestLog", tag = "Requests",
        params(
            ("format" = inline(Format), Path, description = "csv (RFC 4180, for people) or jsonl (JSON Lines, for programs)"),
        ),
        responses(
            (status = 200, description = "The entries"),
        ),
    )]
    export_request_log
}
