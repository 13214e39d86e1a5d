//! Who may do what: a case for every row of the schema's table of root fields, and nobody forgets to write one.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, TypeDefinition, TypeKind, TypeSystemDefinition};
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::graphql::{MUTATIONS, QUERIES, Root, SUBSCRIPTIONS, definitions};
use sales_order_api::service::Needs;
use serde_json::{Value, json};

use crate::support::{Answer, Partner, TestApp, key_of, order};

/// A root field, a document that asks for it, and what a caller gets who has what the field needs; `ok` is an answer without
/// errors. What a field needs is said by its row in the schema's table and shown in `schema.graphql`.
struct Case {
    field: &'static str,
    document: &'static str,
    granted: &'static str,
}

const NO_TOKEN: &str = "UNAUTHENTICATED";
const NO_SCOPE: &str = "INSUFFICIENT_SCOPE";
const DISABLED: &str = "CLIENT_DISABLED";
const FAULTY: &str = "VALIDATION_FAILED";

const CASES: [Case; 64] = [
    Case { field: "Query.viewer", document: "{ viewer { clientId } }", granted: "ok" },
    Case { field: "Query.signatureCheck", document: "{ signatureCheck { valid } }", granted: "ok" },
    // Open to all; this key is none.
    Case {
        field: "Query.explainSignature",
        document: "{ explainSignature(input: {clientId: \"a\", timestamp: \"1\", signature: \"b\", publicKey: \"c\"}) \
                   { valid } }",
        granted: FAULTY,
    },
    Case {
        field: "Query.salesOrder",
        document: "{ salesOrder(orderNumber: \"SO-0000000001\") { orderNumber } }",
        granted: "ok",
    },
    Case {
        field: "Query.salesOrdersByReference",
        document: "{ salesOrdersByReference(partnerReference: \"PO-1\") { orderNumber } }",
        granted: "ok",
    },
    Case { field: "Query.salesOrders", document: "{ salesOrders { totalCount } }", granted: "ok" },
    Case { field: "Query.salesOrderChanges", document: "{ salesOrderChanges(input: {}) { hasMore } }", granted: "ok" },
    Case { field: "Query.salesOrderSummary", document: "{ salesOrderSummary { totals { orders } } }", granted: "ok" },
    Case { field: "Query.salesOrderEvents", document: "{ salesOrderEvents { nodes { cursor } } }", granted: "ok" },
    Case {
        field: "Query.salesOrderEventFeed",
        document: "{ salesOrderEventFeed(input: {}) { hasMore } }",
        granted: "ok",
    },
    Case { field: "Query.eventConsumers", document: "{ eventConsumers { name } }", granted: "ok" },
    Case { field: "Query.savedViews", document: "{ savedViews { name } }", granted: "ok" },
    Case { field: "Query.serviceInstances", document: "{ serviceInstances { name } }", granted: "ok" },
    Case { field: "Query.webhookEndpoints", document: "{ webhookEndpoints { name } }", granted: "ok" },
    Case {
        field: "Query.webhookEndpoint",
        document: "{ webhookEndpoint(name: \"none\") { name } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Query.webhookAttempts",
        document: "{ webhookAttempts(name: \"none\", input: {}) { nextCursor } }",
        granted: "NOT_FOUND",
    },
    Case { field: "Query.requestLog", document: "{ requestLog(input: {}) { nextCursor } }", granted: "ok" },
    Case { field: "Query.requestErrors", document: "{ requestErrors(input: {}) { code } }", granted: "ok" },
    Case { field: "Query.node", document: "{ node(id: \"none\") { id } }", granted: "ok" },
    Case { field: "Query.nodes", document: "{ nodes(ids: [\"none\"]) { id } }", granted: "ok" },
    Case {
        field: "Query.client",
        document: "{ client(clientId: \"dashboard-001\") { keys { status } secrets { createdAt } } }",
        granted: "ok",
    },
    Case { field: "Query.clients", document: "{ clients { nodes { clientId } } }", granted: "ok" },
    Case { field: "Query.clientAuditLog", document: "{ clientAuditLog { nodes { action } } }", granted: "ok" },
    // Whoever may follow is told that this is no cursor, which ends the stream.
    Case {
        field: "Subscription.salesOrderEvents",
        document: "subscription { salesOrderEvents(after: \"none\") { cursor } }",
        granted: FAULTY,
    },
    Case {
        field: "Subscription.salesOrderEventBatches",
        document: "subscription { salesOrderEventBatches(after: \"none\") { nextCursor } }",
        granted: FAULTY,
    },
    // The same for a time that cannot be read.
    Case {
        field: "Subscription.requestLog",
        document: "subscription { requestLog(where: {since: \"2026-11-28T00:00:00Z\", until: \"2026-11-27T00:00:00Z\"}) { at } }",
        granted: FAULTY,
    },
    // Whoever logs in or refreshes has no token yet; these are refused for what they send instead.
    Case {
        field: "Mutation.login",
        document: "mutation { login(input: {clientId: \"nobody\", clientSecret: \"none\"}) { token } }",
        granted: "INVALID_CREDENTIALS",
    },
    Case {
        field: "Mutation.refresh",
        document: "mutation { refresh(input: {token: \"none\"}) { token } }",
        granted: NO_TOKEN,
    },
    Case {
        field: "Mutation.createSalesOrder",
        document: "mutation($order: CreateSalesOrderInput!) { createSalesOrder(input: $order) { replayed } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.createSalesOrders",
        document: "mutation { createSalesOrders(input: {orders: []}) { orders { status } } }",
        granted: FAULTY,
    },
    Case {
        field: "Mutation.validateSalesOrder",
        document: "mutation($order: CreateSalesOrderInput!) { validateSalesOrder(input: $order) { replayed } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.updateSalesOrderStatus",
        document: "mutation { updateSalesOrderStatus(input: {orderNumber: \"SO-0000000001\", status: RECEIVED}) \
                   { version } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.confirmSalesOrderLines",
        document: "mutation { confirmSalesOrderLines(input: {orderNumber: \"SO-0000000001\", \
                   lines: [{lineNo: 1, confirmedQuantity: 2}]}) { version } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.recordShipment",
        document: "mutation { recordShipment(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\", \
                   lines: [{lineNo: 1, quantity: 1}]}) { version } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.recordDelivery",
        document: "mutation { recordDelivery(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\"}) \
                   { version } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.cancelSalesOrder",
        document: "mutation { cancelSalesOrder(orderNumber: \"SO-0000000009\", input: {reason: OTHER}) { replayed } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.changeSalesOrder",
        document: "mutation { changeSalesOrder(orderNumber: \"SO-0000000009\", input: {expectedVersion: 1, address: \"A\"}) \
                   { replayed } }",
        granted: "NOT_FOUND",
    },
    // It is received, and so it is not closed.
    Case {
        field: "Mutation.eraseSalesOrder",
        document: "mutation { eraseSalesOrder(input: {orderNumber: \"SO-0000000001\"}) { version } }",
        granted: "CONFLICT",
    },
    Case {
        field: "Mutation.eraseCustomer",
        document: "mutation { eraseCustomer(input: {clientId: \"versuni-client-001\", customerCode: \"CUST-009\"}) \
                   { erasedCount } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.saveEventConsumer",
        document: "mutation { saveEventConsumer(name: \"erp\", input: {}) { name } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.deleteEventConsumer",
        document: "mutation { deleteEventConsumer(name: \"none\") }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.saveView",
        document: "mutation { saveView(input: {name: \"mine\"}) { name } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.deleteView",
        document: "mutation { deleteView(input: {name: \"none\"}) }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.setDefaultView",
        document: "mutation { setDefaultView(input: {name: \"none\"}) { name } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.answerSalesOrderRequest",
        document: "mutation { answerSalesOrderRequest(input: {orderNumber: \"SO-0000000001\", \
                   requestNumber: \"RQ-0000000001\", decision: ACCEPT}) { version } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.acknowledgeSalesOrder",
        document: "mutation { acknowledgeSalesOrder(input: {orderNumber: \"SO-0000000001\", system: \"erp\"}) \
                   { version } }",
        granted: "ok",
    },
    // One after the other on the client that the first of them makes.
    Case {
        field: "Mutation.saveWebhookEndpoint",
        document: "mutation { saveWebhookEndpoint(name: \"a\", input: {url: \"ftp://a\"}) { secret } }",
        granted: FAULTY,
    },
    Case {
        field: "Mutation.deleteWebhookEndpoint",
        document: "mutation { deleteWebhookEndpoint(name: \"none\") }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.verifyWebhookEndpoint",
        document: "mutation { verifyWebhookEndpoint(name: \"none\") { location } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.testWebhookEndpoint",
        document: "mutation { testWebhookEndpoint(name: \"none\") { location } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.rotateWebhookSecret",
        document: "mutation { rotateWebhookSecret(name: \"none\", input: {}) { secret } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.pauseWebhookEndpoint",
        document: "mutation { pauseWebhookEndpoint(name: \"none\") { name } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.resumeWebhookEndpoint",
        document: "mutation { resumeWebhookEndpoint(name: \"none\") { name } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.replayWebhookEvents",
        document: "mutation { replayWebhookEvents(name: \"none\", input: {orderNumber: \"SO-0000000001\"}) { createdAt } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.createClient",
        document: "mutation { createClient(input: {clientId: \"a\", name: \"A\", scopes: [\"orders:read\"]}) { clientSecret } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.updateClient",
        document: "mutation { updateClient(input: {clientId: \"a\", name: \"A\"}) { name } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.disableClient",
        document: "mutation { disableClient(input: {clientId: \"a\"}) { name } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.enableClient",
        document: "mutation { enableClient(input: {clientId: \"a\"}) { name } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.revokeClientSessions",
        document: "mutation { revokeClientSessions(input: {clientId: \"a\"}) { name } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.endClientSession",
        document: "mutation { endClientSession(input: {clientId: \"a\", session: \"b\"}) { name } }",
        granted: "NOT_FOUND",
    },
    Case {
        field: "Mutation.endOldClientSecrets",
        document: "mutation { endOldClientSecrets(input: {clientId: \"a\"}) { name } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.rotateClientSecret",
        document: "mutation { rotateClientSecret(input: {clientId: \"a\"}) { clientSecret } }",
        granted: "ok",
    },
    Case {
        field: "Mutation.addClientKey",
        document: "mutation { addClientKey(input: {clientId: \"a\", publicKey: \"b\"}) { fingerprint } }",
        granted: FAULTY,
    },
    Case {
        field: "Mutation.revokeClientKey",
        document: "mutation { revokeClientKey(input: {clientId: \"a\", fingerprint: \"b\"}) { name } }",
        granted: "NOT_FOUND",
    },
];

/// What somebody gets from a root field, by what the field needs: without a token, disabled, or with these scopes.
fn expected(needs: Needs, caller: Option<(&[Permission], bool)>, granted: &'static str) -> &'static str {
    match (needs, caller) {
        (Needs::Nothing | Needs::ClientSecret | Needs::InputToken, _) => granted,
        (_, None) => NO_TOKEN,
        (_, Some((_, true))) => DISABLED,
        (_, Some((scopes, false))) if needs.permission().is_some_and(|needed| !scopes.contains(&needed)) => NO_SCOPE,
        _ => granted,
    }
}

/// The table of root fields, each under its name in the schema.
fn table() -> impl Iterator<Item = (String, &'static Root)> {
    let roots = [("Query", QUERIES), ("Mutation", MUTATIONS), ("Subscription", SUBSCRIPTIONS)];
    roots
        .into_iter()
        .flat_map(|(root_type, rows)| rows.iter().map(move |row| (format!("{root_type}.{}", row.name), row)))
}

fn type_definitions() -> Vec<TypeDefinition> {
    let document = parse_schema(definitions()).unwrap();
    let definitions = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    definitions.collect()
}

fn fields(definition: &TypeDefinition) -> Vec<&FieldDefinition> {
    match &definition.kind {
        TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn each_caller_gets_from_each_root_field_what_its_row_says() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let log_in = async |client_id: &'static str, permission| {
        let secret = app
            .client(
                client_id,
                &[permission],
                SignaturePolicy::Documented,
                vec![key_of(client_id).public_key().to_pem()],
            )
            .await;
        Partner::log_in(&app, client_id, secret, key_of(client_id)).await
    };
    let mut callers = vec![(partner, Permission::OrdersCreate, false)];
    for (client_id, permission) in [
        ("dashboard-001", Permission::OrdersRead),
        ("erp-001", Permission::OrdersManage),
        ("reader-of-clients", Permission::ClientsRead),
        ("manager-of-clients", Permission::ClientsManage),
    ] {
        callers.push((log_in(client_id, permission).await, permission, false));
    }
    for (client_id, permission) in
        [("former-partner", Permission::OrdersCreate), ("former-erp", Permission::OrdersManage)]
    {
        callers.push((log_in(client_id, permission).await, permission, true));
        app.clients.disable_client(&client_id.parse().unwrap()).await.unwrap();
    }

    let mut left: Vec<&str> = CASES.iter().map(|case| case.field).collect();
    for (field, row) in table() {
        let case = CASES.iter().find(|case| case.field == field).unwrap_or_else(|| panic!("{field} has no case"));
        left.retain(|left| *left != field);
        let answer = ask(&app, None, case.document).await;
        assert_eq!(outcome(&answer), expected(row.needs, None, case.granted), "{field} for nobody: {}", answer.text);
        for (caller, permission, is_disabled) in &callers {
            let answer = ask(&app, Some(caller), case.document).await;
            let expected = expected(row.needs, Some((&[*permission], *is_disabled)), case.granted);
            assert_eq!(outcome(&answer), expected, "{field} for {}: {}", caller.client_id, answer.text);
        }
    }
    assert_eq!(left, Vec::<&str>::new(), "these are no root fields");
}

async fn ask(app: &TestApp, caller: Option<&Partner<'_>>, document: &str) -> Answer {
    let variables = if document.contains("$order") { json!({"order": graphql_order()}) } else { json!({}) };
    match caller {
        _ if document.starts_with("subscription") => {
            app.subscribe(caller.map(Partner::authorization), document, variables).await
        }
        None => app.graphql(document, variables).await,
        // In a form that every operation takes.
        Some(caller) => {
            let body = json!({"query": document, "variables": variables}).to_string();
            let signed = caller.sign_body("/graphql", body.as_bytes());
            app.post_text("/graphql", &signed.headers(), body).await
        }
    }
}

fn outcome(answer: &Answer) -> String {
    // Of a stream the first event.
    let first = answer.text.lines().find_map(|line| line.strip_prefix("data: "));
    let body = first.map_or_else(|| answer.json(), |data| serde_json::from_str(data).unwrap());
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or("ok").to_owned()
}

fn graphql_order() -> Value {
    json!({"customerCode": "C", "siteCode": "S", "salesName": "N", "address": "A",
           "products": [{"productCode": "P", "quantity": 1}]})
}

#[test]
fn a_developer_finds_a_description_on_everything_in_the_schema() {
    let mut bare = Vec::new();
    for definition in type_definitions() {
        let name = definition.name.node.to_string();
        let mut check = |what: String, described: bool| {
            if !described {
                bare.push(what);
            }
        };
        // async-graphql's connections take no description of their own; their fields have theirs.
        check(name.clone(), definition.description.is_some() || name.ends_with("Connection"));
        for field in fields(&definition) {
            check(format!("{name}.{}", field.name.node), field.description.is_some());
            for argument in &field.arguments {
                let argument = &argument.node;
                check(format!("{name}.{}({})", field.name.node, argument.name.node), argument.description.is_some());
            }
        }
        match &definition.kind {
            TypeKind::InputObject(input) => input.fields.iter().for_each(|field| {
                check(format!("{name}.{}", field.node.name.node), field.node.description.is_some());
            }),
            TypeKind::Enum(values) => values.values.iter().for_each(|value| {
                check(format!("{name}.{}", value.node.value.node), value.node.description.is_some());
            }),
            _ => {}
        }
    }
    assert_eq!(bare, Vec::<String>::new(), "these need a doc comment");
}
