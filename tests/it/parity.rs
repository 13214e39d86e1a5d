//! One core behind two wires: what REST refuses GraphQL refuses, for the same reason, and what one takes the other takes.

mod generated;
mod named;

use serde_json::{Value, json};

use crate::fields::selection;
use crate::support::{Answer, Partner, camel_case, respelled, snake_case};

/// A prepared document is run without the schema's validation of values, so that REST names all faults at once; a
/// client's own document goes through it. This one asks for everything REST shows, by GraphQL's names.
fn create() -> String {
    let order = selection();
    format!(
        "mutation($input: CreateSalesOrderInput!) {{
            createSalesOrder(input: $input) {{ message replayed salesOrder {{ {order} }} }} }}"
    )
}

/// What became of an order, in words that both wires share.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The order as shown, without its number.
    Taken(Value),
    Refused {
        code: String,
        /// The faulty fields with what is wrong with each, in REST's spelling and in no order; none where GraphQL's
        /// own types refused a value, since their refusal names one place at most.
        faults: Option<Vec<(String, String)>>,
    },
}

async fn over_rest(partner: &Partner<'_>, order: &Value) -> Outcome {
    let answer = partner.create_with_key(&fresh_key(), order).await;
    let mut body = answer.json();
    if answer.status == 201 {
        return Outcome::Taken(without_number(body["data"].take()));
    }
    answer.expect_problem(400, "VALIDATION_FAILED");
    Outcome::Refused { code: text(&body["code"]), faults: Some(faults(&body["errors"])) }
}

async fn over_graphql(partner: &Partner<'_>, order: &Value) -> Outcome {
    let body = json!({"query": create(), "variables": {"input": respelled(order, camel_case)}}).to_string();
    let signed = partner.sign();
    let key = fresh_key();
    let headers = [&signed.headers()[..], &[("idempotency-key", key.as_str())]].concat();
    let answer: Answer = partner.app.post_text("/graphql", &headers, body).await;
    let mut body = answer.expect(200);
    if body.get("errors").is_none() {
        let order = body["data"]["createSalesOrder"]["salesOrder"].take();
        return Outcome::Taken(without_number(respelled(&order, snake_case)));
    }
    let extensions = &body["errors"][0]["extensions"];
    let listed = extensions.get("errors").map(faults);
    let respell = |(pointer, fault): (String, String)| (snake_case(&pointer), fault);
    let faults = listed.map(|listed| {
        let mut listed: Vec<_> = listed.into_iter().map(respell).collect();
        listed.sort();
        listed
    });
    Outcome::Refused { code: text(&extensions["code"]), faults }
}

/// Sends the same order by the same partner over both wires, each time as a new one.
async fn assert_same_outcome(partner: &Partner<'_>, order: &Value) -> Outcome {
    let (rest, graphql) = (over_rest(partner, order).await, over_graphql(partner, order).await);
    match (&rest, &graphql) {
        (Outcome::Refused { code, faults: Some(faults) }, Outcome::Refused { code: same_code, faults: None }) => {
            assert_eq!(code, same_code, "{order}");
            assert!(!faults.is_empty(), "{order}");
        }
        // GraphQL takes it for a list of one line (GraphQL §3.11), in which other faults may be.
        (Outcome::Refused { code, .. }, Outcome::Refused { code: same_code, .. }) if order["products"].is_object() => {
            assert_eq!(code, same_code, "{order}");
        }
        _ => assert_eq!(rest, graphql, "{order}"),
    }
    graphql
}

fn fresh_key() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("key-{}", COUNTER.fetch_add(1, Ordering::SeqCst))
}

fn without_number(mut order: Value) -> Value {
    assert!(order.as_object_mut().unwrap().remove("order_number").is_some());
    order
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn faults(errors: &Value) -> Vec<(String, String)> {
    let listed = errors.as_array().unwrap().iter();
    let mut listed: Vec<_> = listed.map(|error| (text(&error["pointer"]), text(&error["code"]))).collect();
    listed.sort();
    listed
}
