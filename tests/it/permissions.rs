//! Who may do what: a row for every field of the schema's roots, and nobody forgets to write one.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, TypeDefinition, TypeKind, TypeSystemDefinition};
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::graphql::sdl;
use serde_json::{Value, json};

use crate::support::{Answer, Partner, TestApp, key_of, order};

/// What each kind of caller gets from a root field: no token, a partner, a dashboard, an operator's tool, a client
/// without any scope for orders, a disabled partner. `ok` is an answer without errors.
struct Row {
    field: &'static str,
    document: &'static str,
    answers: [&'static str; 6],
}

const NO_TOKEN: &str = "UNAUTHENTICATED";
const NO_SCOPE: &str = "INSUFFICIENT_SCOPE";
const DISABLED: &str = "CLIENT_DISABLED";
const FAULTY: &str = "VALIDATION_FAILED";

const MATRIX: [Row; 26] = [
    Row {
        field: "Query.viewer",
        document: "{ viewer { clientId } }",
        answers: [NO_TOKEN, "ok", "ok", "ok", "ok", DISABLED],
    },
    Row {
        field: "Query.signatureCheck",
        document: "{ signatureCheck { valid } }",
        answers: [NO_TOKEN, "ok", "ok", "ok", "ok", DISABLED],
    },
    // Open to all; this key is none.
    Row {
        field: "Query.explainSignature",
        document: "{ explainSignature(input: {clientId: \"a\", timestamp: \"1\", signature: \"b\", publicKey: \"c\"}) \
                   { valid } }",
        answers: [FAULTY; 6],
    },
    Row {
        field: "Query.salesOrder",
        document: "{ salesOrder(orderNumber: \"SO-0000000001\") { orderNumber } }",
        answers: [NO_TOKEN, "ok", "ok", "ok", "ok", DISABLED],
    },
    Row {
        field: "Query.salesOrders",
        document: "{ salesOrders { totalCount } }",
        answers: [NO_TOKEN, "ok", "ok", "ok", "ok", DISABLED],
    },
    Row {
        field: "Query.salesOrderSummary",
        document: "{ salesOrderSummary { totals { orders } } }",
        answers: [NO_TOKEN, "ok", "ok", "ok", "ok", DISABLED],
    },
    Row {
        field: "Query.salesOrderEvents",
        document: "{ salesOrderEvents { nodes { cursor } } }",
        answers: [NO_TOKEN, "ok", "ok", "ok", "ok", DISABLED],
    },
    Row {
        field: "Query.node",
        document: "{ node(id: \"none\") { id } }",
        answers: [NO_TOKEN, "ok", "ok", "ok", "ok", DISABLED],
    },
    Row {
        field: "Query.client",
        document: "{ client(clientId: \"dashboard-001\") { keys { status } secrets { createdAt } } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, "ok", DISABLED],
    },
    Row {
        field: "Query.clients",
        document: "{ clients { nodes { clientId } } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, "ok", DISABLED],
    },
    Row {
        field: "Query.clientAuditLog",
        document: "{ clientAuditLog { nodes { action } } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, "ok", DISABLED],
    },
    // Whoever may follow is told that this is no cursor, which ends the stream.
    Row {
        field: "Subscription.salesOrderEvents",
        document: "subscription { salesOrderEvents(after: \"none\") { cursor } }",
        answers: [NO_TOKEN, FAULTY, FAULTY, FAULTY, FAULTY, DISABLED],
    },
    // Whoever logs in or refreshes has no token yet; these are refused for what they send instead.
    Row {
        field: "Mutation.login",
        document: "mutation { login(input: {clientId: \"nobody\", clientSecret: \"none\"}) { token } }",
        answers: ["INVALID_CREDENTIALS"; 6],
    },
    Row {
        field: "Mutation.refresh",
        document: "mutation { refresh(input: {token: \"none\"}) { token } }",
        answers: [NO_TOKEN; 6],
    },
    Row {
        field: "Mutation.createSalesOrder",
        document: "mutation($order: CreateSalesOrderInput!) { createSalesOrder(input: $order) { replayed } }",
        answers: [NO_TOKEN, "ok", NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.updateSalesOrderStatus",
        document: "mutation { updateSalesOrderStatus(input: {orderNumber: \"SO-0000000001\", status: RECEIVED}) \
                   { version } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, "ok", NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.acknowledgeSalesOrder",
        document: "mutation { acknowledgeSalesOrder(input: {orderNumber: \"SO-0000000001\", system: \"erp\"}) \
                   { version } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, "ok", NO_SCOPE, DISABLED],
    },
    // Those who may are at work in `clients.rs`.
    Row {
        field: "Mutation.createClient",
        document: "mutation { createClient(input: {clientId: \"a\", name: \"A\", scopes: [\"orders:read\"]}) { clientSecret } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.updateClient",
        document: "mutation { updateClient(input: {clientId: \"a\", name: \"A\"}) { name } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.disableClient",
        document: "mutation { disableClient(input: {clientId: \"a\"}) { name } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.enableClient",
        document: "mutation { enableClient(input: {clientId: \"a\"}) { name } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.revokeClientSessions",
        document: "mutation { revokeClientSessions(input: {clientId: \"a\"}) { name } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.endOldClientSecrets",
        document: "mutation { endOldClientSecrets(input: {clientId: \"a\"}) { name } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.rotateClientSecret",
        document: "mutation { rotateClientSecret(input: {clientId: \"a\"}) { clientSecret } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.addClientKey",
        document: "mutation { addClientKey(input: {clientId: \"a\", publicKey: \"b\"}) { fingerprint } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
    Row {
        field: "Mutation.revokeClientKey",
        document: "mutation { revokeClientKey(input: {clientId: \"a\", fingerprint: \"b\"}) { name } }",
        answers: [NO_TOKEN, NO_SCOPE, NO_SCOPE, NO_SCOPE, NO_SCOPE, DISABLED],
    },
];

fn type_definitions() -> Vec<TypeDefinition> {
    let document = parse_schema(sdl()).unwrap();
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

#[test]
fn every_root_field_has_a_row_in_the_matrix() {
    let definitions = type_definitions();
    let roots = definitions.iter().filter(|d| ["Query", "Mutation", "Subscription"].contains(&d.name.node.as_str()));
    let mut in_schema: Vec<_> = roots
        .flat_map(|root| fields(root).into_iter().map(|field| format!("{}.{}", root.name.node, field.name.node)))
        .collect();
    let mut in_matrix: Vec<_> = MATRIX.iter().map(|row| row.field.to_owned()).collect();
    in_schema.sort();
    in_matrix.sort();
    assert_eq!(in_matrix, in_schema);
}

#[tokio::test]
async fn each_caller_gets_what_the_matrix_says() {
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
    let dashboard = log_in("dashboard-001", Permission::OrdersRead).await;
    let operator = log_in("erp-001", Permission::OrdersManage).await;
    let stranger = log_in("reader-of-clients", Permission::ClientsRead).await;
    let disabled = log_in("former-partner", Permission::OrdersCreate).await;
    app.clients.disable_client(&disabled.client_id.parse().unwrap()).await.unwrap();

    let callers = [None, Some(&partner), Some(&dashboard), Some(&operator), Some(&stranger), Some(&disabled)];
    for row in MATRIX {
        for (caller, expected) in callers.iter().zip(row.answers) {
            let variables = if row.document.contains("$order") { json!({"order": graphql_order()}) } else { json!({}) };
            let answer = match caller {
                _ if row.document.starts_with("subscription") => {
                    app.subscribe(caller.map(Partner::authorization), row.document, variables).await
                }
                None => app.graphql(row.document, variables).await,
                Some(caller) => caller.signed_graphql(row.document, variables).await,
            };
            let who = caller.map_or("nobody", |caller| caller.client_id.as_str());
            assert_eq!(outcome(&answer), expected, "{} for {who}: {}", row.field, answer.text);
        }
    }
}

fn outcome(answer: &Answer) -> String {
    // Of a stream the first event.
    let first = answer.text.lines().find_map(|line| line.strip_prefix("data: "));
    let body = first.map_or_else(|| answer.expect(200), |data| serde_json::from_str(data).unwrap());
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
