//! What a filter takes and what it refuses.

use serde_json::json;

use super::*;

fn faults(value: &Value) -> Vec<(String, &'static str)> {
    let errors = OrderFilter::read_argument(value, Naming::CamelCase).unwrap_err();
    errors.into_iter().map(|error| (error.pointer, error.code.as_str())).collect()
}

#[test]
fn a_filter_that_says_nothing_means_every_order() {
    for nothing in [json!(null), json!({}), json!({"status": {}, "createdAt": {}, "search": "  ", "siteCode": null})] {
        assert_eq!(OrderFilter::read_argument(&nothing, Naming::CamelCase), Ok(OrderFilter::default()), "{nothing}");
    }
}

#[test]
fn every_faulty_field_of_a_filter_is_named_at_once() {
    let faulty = json!({
        "status": {"in": ["RECEIVED", "LOST"]}, "customerCode": {"eq": 7, "like": "C"}, "clientId": "versuni",
        "createdAt": {"gte": "yesterday", "lte": "2026-11-23T00:00:00Z"}, "search": "a b c d e f g h i j k",
        "productCode": {"in": vec!["P"; 101]}, "color": "red",
    });
    assert_eq!(
        faults(&faulty),
        [
            ("/where/status", "status"),
            ("/where/customerCode/eq", "type"),
            ("/where/customerCode/like", "unknown"),
            ("/where/productCode/in", "length"),
            ("/where/clientId", "type"),
            ("/where/createdAt/gte", "format"),
            ("/where/createdAt/lte", "unknown"),
            ("/where/search", "length"),
            ("/where/color", "unknown"),
        ]
        .map(|(pointer, code)| (pointer.to_owned(), code))
    );
}

#[test]
fn equality_and_a_list_must_both_hold() {
    let read = |value| OrderFilter::read_argument(&value, Naming::SnakeCase).unwrap().texts.customer_code.any_of;
    assert_eq!(read(json!({"customer_code": {"eq": "A", "in": ["A", "B"]}})), Some(vec!["A".to_owned()]));
    assert_eq!(read(json!({"customer_code": {"eq": "C", "in": ["A", "B"]}})), Some(Vec::new()));
    assert_eq!(read(json!({"customer_code": {"in": []}})), Some(Vec::new()), "no value, no order");
}

#[test]
fn a_word_may_name_an_order() {
    for word in ["so-0000000042", "so-42", "42"] {
        assert_eq!(named_order(word), Some(OrderNumber::from_id(42)), "{word}");
    }
    for word in ["", "so-", "0", "4a", "-4", "99999999999999999999"] {
        assert_eq!(named_order(word), None, "{word}");
    }
}
