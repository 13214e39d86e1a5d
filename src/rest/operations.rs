//! The GraphQL documents behind the endpoints, each with the fragments it uses.

use std::sync::LazyLock;

use crate::domain::permission::Permission;
use crate::graphql::PreparedOperation;

macro_rules! operations {
    ($( $name:ident = $file:literal $(for $scope:ident)?; )+) => {
        $( #[doc = concat!("The operation of `", $file, "`.")]
        pub static $name: LazyLock<PreparedOperation> = LazyLock::new(|| {
            PreparedOperation::new(with_fragments(include_str!(concat!("operations/", $file))))
                $(.with_scope(Permission::$scope))?
        }); )+

        /// All of them. The suite runs each through the schema's full validation.
        #[must_use]
        pub fn operations() -> Vec<&'static PreparedOperation> {
            vec![$(&$name),+]
        }
    };
}

operations! {
    LOGIN = "login.graphql";
    REFRESH = "refresh.graphql";
    SIGNATURE_CHECK = "signatureCheck.graphql";
    CREATE_SALES_ORDER = "createSalesOrder.graphql";
    CREATE_SALES_ORDERS = "createSalesOrders.graphql";
    CANCEL_SALES_ORDER = "cancelSalesOrder.graphql";
    CHANGE_SALES_ORDER = "changeSalesOrder.graphql";
    VALIDATE_SALES_ORDER = "validateSalesOrder.graphql";
    SALES_ORDER = "salesOrder.graphql";
    SALES_ORDERS_BY_REFERENCE = "salesOrdersByReference.graphql";
    SALES_ORDER_CHANGES = "salesOrderChanges.graphql";
    SALES_ORDER_EVENT_FEED = "salesOrderEventFeed.graphql";
    SALES_ORDER_EVENT_FEED_WITH_ORDERS = "salesOrderEventFeedWithOrders.graphql";
    SALES_ORDER_EVENTS = "salesOrderEvents.graphql";
    SALES_ORDER_EVENTS_WITH_ORDERS = "salesOrderEventsWithOrders.graphql";
    EVENT_CONSUMERS = "eventConsumers.graphql";
    SAVE_EVENT_CONSUMER = "saveEventConsumer.graphql";
    DELETE_EVENT_CONSUMER = "deleteEventConsumer.graphql";
    WEBHOOK_ENDPOINTS = "webhookEndpoints.graphql";
    WEBHOOK_ENDPOINT = "webhookEndpoint.graphql";
    WEBHOOK_ATTEMPTS = "webhookAttempts.graphql";
    SAVE_WEBHOOK_ENDPOINT = "saveWebhookEndpoint.graphql";
    DELETE_WEBHOOK_ENDPOINT = "deleteWebhookEndpoint.graphql";
    VERIFY_WEBHOOK_ENDPOINT = "verifyWebhookEndpoint.graphql";
    TEST_WEBHOOK_ENDPOINT = "testWebhookEndpoint.graphql";
    ROTATE_WEBHOOK_SECRET = "rotateWebhookSecret.graphql";
    PAUSE_WEBHOOK_ENDPOINT = "pauseWebhookEndpoint.graphql";
    RESUME_WEBHOOK_ENDPOINT = "resumeWebhookEndpoint.graphql";
    REPLAY_WEBHOOK_EVENTS = "replayWebhookEvents.graphql";
    WEBHOOK_EVENTS = "webhookEvents.graphql";
    WEBHOOK_EVENTS_WITH_ORDERS = "webhookEventsWithOrders.graphql";
    REQUEST_LOG = "requestLog.graphql";
    EXPORT_REQUEST_LOG = "exportRequestLog.graphql";
    REQUEST_ERRORS = "requestErrors.graphql";
    REQUEST_LOG_ENTRIES = "requestLogEntries.graphql";
    EXPORT_SALES_ORDERS = "exportSalesOrders.graphql" for OrdersRead;
    EXPORT_WHOLE_ORDERS = "exportWholeOrders.graphql" for OrdersRead;
}

/// What documents share, each under the spread that names it.
const FRAGMENTS: [(&str, &str); 12] = [
    ("...answer\n", include_str!("operations/answer.fragment.graphql")),
    ("...attempt\n", include_str!("operations/attempt.fragment.graphql")),
    ("...consumer\n", include_str!("operations/consumer.fragment.graphql")),
    ("...endpoint\n", include_str!("operations/endpoint.fragment.graphql")),
    ("...entry\n", include_str!("operations/entry.fragment.graphql")),
    ("...event\n", include_str!("operations/event.fragment.graphql")),
    ("...line\n", include_str!("operations/line.fragment.graphql")),
    ("...order\n", include_str!("operations/order.fragment.graphql")),
    ("...receipt\n", include_str!("operations/receipt.fragment.graphql")),
    ("...request\n", include_str!("operations/request.fragment.graphql")),
    ("...shipment\n", include_str!("operations/shipment.fragment.graphql")),
    ("...warning\n", include_str!("operations/warning.fragment.graphql")),
];

/// The document with the fragments that it and they use, each once.
fn with_fragments(document: &str) -> String {
    let mut whole = document.to_owned();
    let mut left = FRAGMENTS.to_vec();
    while let Some(used) = left.iter().position(|(spread, _)| whole.contains(spread)) {
        whole.push_str(left.swap_remove(used).1);
    }
    whole
}
