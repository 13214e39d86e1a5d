//! Endpoints of webhooks.

endpoint! {
    /// List your webhook endpoints
    ///
    /// Each with its state and with how far it is.
    #[utoipa::path(
        get, path = "/api/v1/webhook-endpoints", operation_id = "webhookEndpoints", tag = "Webhooks",
        responses(
            (status = 200, description = "The endpoints"),
        ),
    )]
    webhook_endpoints
}

endpoint! {
    /// Read a webhook endpoint
    ///
    /// `cursor` is how far it is: everything up to it was taken, or is counted in `parked`. The same cursor reads on in `/api/v1/events`.
    #[utoipa::path(
        get, path = "/api/v1/webhook-endpoints/{name}", operation_id = "webhookEndpoint", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 200, description = "The endpoint"),
        ),
    )]
    webhook_endpoint
}

endpoint! {
    /// Make a webhook endpoint or change it
    ///
    /// Events of your orders are sent to its `url` by POST, as Standard Webhooks 1.0.0 defines it. A new endpoint is `PENDING` until it is
    /// verified, and so is one that gets another `url`. The answer to a new one (201) has its `secret`, which is shown once; keep it, or
    /// rotate it later. What you leave out has its default, so send all settings each time. Up to 20 endpoints.
    ///
    /// The signature must bind the body: `PUT:/api/v1/webhook-endpoints/{name}:sha256(body):X-TIMESTAMP`.
    #[utoipa::path(
        put, path = "/api/v1/webhook-endpoints/{name}", operation_id = "saveWebhookEndpoint", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 201, description = "The new endpoint, and its secret"),
            (status = 200, description = "The endpoint as it is now"),
        ),
    )]
    save_webhook_endpoint
}

endpoint! {
    /// Delete a webhook endpoint
    ///
    /// Its secrets and what it did not take are forgotten. Signed: `DELETE:/api/v1/webhook-endpoints/{name}:sha256(body):X-TIMESTAMP`, with the
    /// SHA-256 of an empty body.
    #[utoipa::path(
        delete, path = "/api/v1/webhook-endpoints/{name}", operation_id = "deleteWebhookEndpoint", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 204, description = "It is gone"),
        ),
    )]
    delete_webhook_endpoint
}

endpoint! {
    /// Verify a webhook endpoint
    ///
    /// Sends it a signed `endpoint.verification` with `data.challenge`, and waits for its answer, for {webhook_timeout} at most. An answer of 200 to 299
    /// that holds the challenge, alone or as the member `challenge` of a JSON object, verifies it, and events are sent from then on. The
    /// answer here is 200 either way: `data` has what became of it. Takes no body.
    #[utoipa::path(
        post, path = "/api/v1/webhook-endpoints/{name}/verification", operation_id = "verifyWebhookEndpoint", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 200, description = "What became of it"),
        ),
    )]
    verify_webhook_endpoint
}

endpoint! {
    /// Test a webhook endpoint
    ///
    /// Sends it a signed `endpoint.test`, whatever its state, and waits for its answer, for {webhook_timeout} at most. Where it answers with a redirect,
    /// `location` is where that leads: redirects are not followed, so make that your `url`. Takes no body.
    #[utoipa::path(
        post, path = "/api/v1/webhook-endpoints/{name}/test", operation_id = "testWebhookEndpoint", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 200, description = "What became of it"),
        ),
    )]
    test_webhook_endpoint
}

endpoint! {
    /// Rotate the secret of a webhook endpoint
    ///
    /// The answer has the new secret, which is shown once. For `overlap_hours` (24 when absent, 168 at most) each webhook has a signature by
    /// both, so a receiver that knows either takes it.
    #[utoipa::path(
        post, path = "/api/v1/webhook-endpoints/{name}/secret", operation_id = "rotateWebhookSecret", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 200, description = "The new secret"),
        ),
    )]
    rotate_webhook_secret
}

endpoint! {
    /// Pause a webhook endpoint
    ///
    /// Nothing is sent to it until it is resumed; then it goes on where it was. Takes no body.
    #[utoipa::path(
        post, path = "/api/v1/webhook-endpoints/{name}/pause", operation_id = "pauseWebhookEndpoint", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 200, description = "The endpoint as it is now"),
        ),
    )]
    pause_webhook_endpoint
}

endpoint! {
    /// Resume a webhook endpoint
    ///
    /// One that was paused, that answered 410 and is `DISABLED`, or that rests until `rest_until`. It goes on where it was. Takes no body.
    #[utoipa::path(
        post, path = "/api/v1/webhook-endpoints/{name}/resume", operation_id = "resumeWebhookEndpoint", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 200, description = "The endpoint as it is now"),
        ),
    )]
    resume_webhook_endpoint
}

endpoint! {
    /// Send events to a webhook endpoint again
    ///
    /// One event by its cursor, all of an order, or a range by time or by cursors, of those that it was sent before. They are sent one after
    /// the other and behind everything else, each with the `webhook-id` that it had, so that a receiver which keeps the ids it has seen
    /// takes none twice. An event that was given up (`EXHAUSTED`) is done with when a replay of it is taken.
    #[utoipa::path(
        post, path = "/api/v1/webhook-endpoints/{name}/replay", operation_id = "replayWebhookEvents", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 202, description = "They are sent again"),
        ),
    )]
    replay_webhook_events
}

endpoint! {
    /// List attempts at a webhook endpoint
    ///
    /// The newest first, kept for {webhook_log_retention}: when each was, how long it took, its status and outcome, the beginning of an answer that refused it,
    /// and when the event is sent again.
    #[utoipa::path(
        get, path = "/api/v1/webhook-endpoints/{name}/attempts", operation_id = "webhookAttempts", tag = "Webhooks",
        params(("name" = String, Path, description = "Name of the endpoint", example = "erp")),
        responses(
            (status = 200, description = "A page of the attempts"),
        ),
    )]
    webhook_attempts
}
