//! A partner's own reference: what happens when two orders have one is the client's policy, and orders are found by it.

mod found;
mod racing;

use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::service::clients::ClientChange;
use serde_json::{Value, json};

use crate::support::{Answer, Partner, TestApp, camel_case, order, respelled};

const CREATE: &str = "mutation($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) {
    replayed salesOrder { orderNumber } warnings { code message pointer orderNumber } } }";

/// The sample order under a reference of the partner's.
fn referenced(reference: &str) -> Value {
    let mut order = order();
    order["partner_reference"] = json!(reference);
    order
}

/// The operator decides what happens to orders whose reference another one has.
async fn set_policy(app: &TestApp, client_id: &str, policy: ReferencePolicy) {
    let change = ClientChange { reference_policy: Some(policy), ..ClientChange::default() };
    app.clients.update_client(&client_id.parse().unwrap(), change).await.unwrap();
}

/// A partner whose orders are refused when another one has their reference.
async fn refusing(app: &TestApp) -> Partner<'_> {
    let partner = app.partner().await;
    set_policy(app, &partner.client_id, ReferencePolicy::Refuse).await;
    partner
}

/// The operator moves an order to another status.
async fn move_order(operator: &Partner<'_>, number: &str, status: &str) {
    let document =
        "mutation($input: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $input) { version } }";
    operator.graphql(document, json!({"input": {"orderNumber": number, "status": status}})).await.data();
}

/// Creates an order over GraphQL.
async fn create_over_graphql(partner: &Partner<'_>, order: &Value) -> Answer {
    partner.signed_graphql(CREATE, json!({"input": respelled(order, camel_case)})).await
}

fn number(answer: &Answer) -> String {
    answer.expect(201)["data"]["order_number"].as_str().unwrap().to_owned()
}

async fn orders(app: &TestApp) -> i64 {
    app.database.db_number("SELECT count(*) FROM sales_orders").await
}

#[tokio::test]
async fn a_second_order_with_one_reference_is_refused_by_the_number_of_the_first_and_consumes_no_key() {
    let app = TestApp::new().await;
    let partner = refusing(&app).await;
    let first = number(&partner.create_with_key("1", &referenced("PO-1")).await);
    let refused = partner.create_with_key("2", &referenced(" PO-1 ")).await;
    let problem = refused.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE");
    assert_eq!(problem["order_number"], first.as_str());
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains("partner reference") && message.contains(&first), "{message}");
    let error = create_over_graphql(&partner, &referenced("PO-1")).await.expect_error("DUPLICATE_PARTNER_REFERENCE");
    assert_eq!(error["extensions"]["orderNumber"], first.as_str());
    assert_eq!(orders(&app).await, 1);
    // Exactly this text; and the key of what was refused is free.
    partner.create_with_key("2", &referenced("po-1")).await.expect(201);
    partner.create_with_key("3", &order()).await.expect(201);
    partner.create_with_key("4", &order()).await.expect(201);
    app.database.whole_orders(2).await;
}

#[tokio::test]
async fn an_order_that_is_sent_again_is_answered_as_before_whatever_the_policy() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for (n, policy) in ReferencePolicy::ALL.into_iter().enumerate() {
        set_policy(&app, &partner.client_id, policy).await;
        let (key, sent) = (n.to_string(), referenced(&format!("PO-{n}")));
        let first = number(&partner.create_with_key(&key, &sent).await);
        for again in ReferencePolicy::ALL {
            set_policy(&app, &partner.client_id, again).await;
            let replayed = partner.create_with_key(&key, &sent).await;
            assert_eq!(number(&replayed), first, "{policy}, then {again}");
            assert_eq!(replayed.header("idempotent-replayed"), Some("true"), "{policy}, then {again}");
        }
        // Without a key the very request is the same again, and so is a text that binds the body.
        set_policy(&app, &partner.client_id, policy).await;
        let (signed, sent) = (partner.sign(), referenced(&format!("PO-{n}-signed")));
        let first = number(&partner.send_order(&signed, &sent).await);
        assert_eq!(number(&partner.send_order(&signed, &sent).await), first, "{policy}");
        let sent = referenced(&format!("PO-{n}-bound")).to_string();
        let bound = partner.sign_body("/api/v1/sales-orders", sent.as_bytes());
        let first = number(&app.post_text("/api/v1/sales-orders", &bound.headers(), sent.clone()).await);
        assert_eq!(number(&app.post_text("/api/v1/sales-orders", &bound.headers(), sent).await), first, "{policy}");
        set_policy(&app, &partner.client_id, policy).await;
    }
    // A key that was used for another order says so first.
    set_policy(&app, &partner.client_id, ReferencePolicy::Refuse).await;
    partner.create_with_key("0", &referenced("PO-1")).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(orders(&app).await, 9);
}

#[tokio::test]
async fn a_cancelled_order_lets_go_of_its_reference_and_no_other_status_does() {
    let app = TestApp::new().await;
    let (partner, operator) = (refusing(&app).await, app.operator().await);
    let first = number(&partner.create_with_key("1", &referenced("PO-1")).await);
    for status in ["CONFIRMED", "CANCELLED"] {
        partner.create_with_key("2", &referenced("PO-1")).await.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE");
        move_order(&operator, &first, status).await;
    }
    let second = number(&partner.create_with_key("2", &referenced("PO-1")).await);
    // The cancelled one is still what its own request is answered with, and takes nothing back.
    assert_eq!(number(&partner.create_with_key("1", &referenced("PO-1")).await), first);
    for status in ["CONFIRMED", "SHIPPED", "DELIVERED"] {
        move_order(&operator, &second, status).await;
        let refused = partner.create_with_key("3", &referenced("PO-1")).await;
        assert_eq!(refused.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE")["order_number"], second.as_str());
    }
}

#[tokio::test]
async fn to_refuse_from_now_on_needs_no_clean_up_and_counts_the_orders_from_before() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let first = number(&partner.create_with_key("1", &referenced("PO-1")).await);
    let second = number(&partner.create_with_key("2", &referenced("PO-1")).await);
    set_policy(&app, &partner.client_id, ReferencePolicy::Refuse).await;
    for other in [&second, &first] {
        let refused = partner.create_with_key("3", &referenced("PO-1")).await;
        let problem = refused.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE");
        assert_eq!(problem["order_number"], other.as_str(), "the newest is named");
        move_order(&operator, other, "CANCELLED").await;
    }
    let third = number(&partner.create_with_key("3", &referenced("PO-1")).await);
    // And back: what holds its reference is in nobody's way.
    set_policy(&app, &partner.client_id, ReferencePolicy::Accept).await;
    let fourth = partner.create_with_key("4", &referenced("PO-1")).await;
    assert_ne!(number(&fourth), third);
    assert_eq!(fourth.json().get("warnings"), None);
}

#[tokio::test]
async fn a_reference_is_one_clients_own() {
    let app = TestApp::new().await;
    let partner = refusing(&app).await;
    let other = app.partner_named("other", sales_order_api::domain::signature_policy::SignaturePolicy::default()).await;
    set_policy(&app, "other", ReferencePolicy::Refuse).await;
    partner.create(&referenced("PO-1")).await.expect(201);
    other.create(&referenced("PO-1")).await.expect(201);
    other.create_with_key("again", &referenced("PO-1")).await.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE");
}

#[tokio::test]
async fn a_partner_that_is_to_be_warned_is_told_of_the_other_order_each_time_and_of_nothing_else() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    set_policy(&app, &partner.client_id, ReferencePolicy::Warn).await;
    let first = partner.create_with_key("1", &referenced("PO-1")).await;
    let without = partner.create_with_key("without", &order()).await;
    for silent in [&first, &without] {
        let members: Vec<_> = silent.expect(201).as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, ["message", "data"], "the published answer");
    }
    let first = number(&first);
    let warning = |answer: &Answer| {
        let warnings = answer.expect(201)["warnings"].take();
        assert_eq!(warnings.as_array().unwrap().len(), 1, "{warnings}");
        warnings[0].clone()
    };
    // A retry is warned too: its sender may not have had the first answer.
    for is_replayed in [false, true] {
        let answer = partner.create_with_key("2", &referenced("PO-1")).await;
        let warned = warning(&answer);
        assert_eq!(answer.header("idempotent-replayed").is_some(), is_replayed);
        assert_eq!(
            (&warned["code"], &warned["pointer"]),
            (&json!("DUPLICATE_PARTNER_REFERENCE"), &json!("/partner_reference"))
        );
        assert_eq!(warned["order_number"], first.as_str());
        assert!(warned["message"].as_str().unwrap().contains(&first), "{warned}");
    }
    let payload = create_over_graphql(&partner, &referenced("PO-1")).await.data()["createSalesOrder"].take();
    assert_eq!(payload["warnings"][0]["pointer"], "/partnerReference");
    let second = number(&partner.create_with_key("2", &referenced("PO-1")).await);
    assert_eq!(payload["warnings"][0]["orderNumber"], second.as_str(), "the newest other one");
    let own = create_over_graphql(&partner, &referenced("PO-2")).await.data()["createSalesOrder"].take();
    assert_eq!(own["warnings"], json!([]));
    // A cancelled order is nothing to be warned of.
    move_order(&operator, own["salesOrder"]["orderNumber"].as_str().unwrap(), "CANCELLED").await;
    assert_eq!(partner.create_with_key("5", &referenced("PO-2")).await.expect(201).get("warnings"), None);
}

#[tokio::test]
async fn an_operators_word_is_shown_and_written_down() {
    let app = TestApp::new().await;
    let partner = refusing(&app).await;
    let shown = partner.graphql("{ viewer { referencePolicy } }", Value::Null).await.data();
    assert_eq!(shown["viewer"]["referencePolicy"], "REFUSE");
    let log = "SELECT detail FROM client_audit_log WHERE action = 'CLIENT_UPDATED' ORDER BY id";
    let written = app.database.db_last_texts(log).await;
    assert!(
        written.len() == 1 && written[0].contains("reference_policy") && written[0].contains("refuse"),
        "{written:?}"
    );
}
