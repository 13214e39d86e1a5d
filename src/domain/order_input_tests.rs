//! What is read, what is refused, and what the digest of an order is.

use serde_json::{Value, json};

use super::*;
use crate::domain::fields::Naming;

fn order() -> Value {
    json!({"customer_code": "CUST-001", "site_code": "SITE-001", "sales_name": "John Doe",
           "address": "Jl. Sudirman No. 1, Jakarta", "products": [{"product_code": "P-1", "quantity": 2}]})
}

fn read(value: &Value) -> Result<NewOrder, Vec<(String, &'static str)>> {
    NewOrder::read(Fields::new(value, Naming::SnakeCase), "IDR")
        .map_err(|errors| errors.into_iter().map(|e| (e.pointer, e.code.as_str())).collect())
}

#[test]
fn every_faulty_field_is_named_at_once() {
    let faulty = json!({"customer_code": " ", "sales_name": 7, "address": "x\u{0}", "currency": "idr",
        "custmer_note": "typo", "note": "n".repeat(1001),
        "products": [{"product_code": "P", "quantity": "2"}, {"quantity": 0, "unit_price": -1, "colour": "red"}, 5]});
    assert_eq!(
        read(&faulty).unwrap_err(),
        [
            ("/customer_code", "blank"),
            ("/site_code", "required"),
            ("/sales_name", "type"),
            ("/address", "control_character"),
            ("/currency", "currency"),
            ("/note", "too_long"),
            ("/products/0/quantity", "type"),
            ("/products/1/product_code", "required"),
            ("/products/1/quantity", "range"),
            ("/products/1/unit_price", "range"),
            ("/products/1/colour", "unknown"),
            ("/products/2", "type"),
            ("/custmer_note", "unknown"),
        ]
        .map(|(pointer, code)| (pointer.to_owned(), code))
    );
}

#[test]
fn the_caller_reads_its_own_spelling_of_a_field() {
    let errors = NewOrder::read(Fields::new(&json!({"customer_code": "C"}), Naming::CamelCase), "IDR").unwrap_err();
    let pointers: Vec<_> = errors.iter().map(|e| e.pointer.as_str()).collect();
    assert_eq!(pointers, ["/customerCode", "/siteCode", "/salesName", "/address", "/products", "/customer_code"]);
}

#[test]
fn spelling_and_spacing_do_not_change_the_digest_but_content_does() {
    let plain = read(&order()).unwrap();
    let mut spaced = order();
    spaced["customer_code"] = json!("  CUST-001 ");
    spaced["note"] = json!("   ");
    spaced["currency"] = json!("IDR");
    assert_eq!(plain.digest(), read(&spaced).unwrap().digest());
    spaced["products"][0]["quantity"] = json!(3);
    assert_ne!(plain.digest(), read(&spaced).unwrap().digest());
}

/// What an earlier version of the service stored must still be known when the request comes again. Never change these:
/// a new field is added as [`OrderContent`] says.
#[test]
fn the_digest_of_an_order_is_the_same_in_every_version() {
    let digest = |order: &Value| hex::encode(read(order).unwrap().digest());
    let least = "2e0dc4c032e06f9476b3a04b4f7885909e8a1d0c6ec3e197136838b293e2564f";
    assert_eq!(digest(&order()), least, "a field that is not there must not be hashed");
    let mut more = order();
    more["currency"] = json!("USD");
    more["note"] = json!("Ring");
    more["products"][0] = json!({"product_code": "P-1", "quantity": 2, "product_name": "Étagère", "unit": "PCS",
                                 "unit_price": 0.50, "note": "Blue"});
    assert_eq!(digest(&more), "94c259a328b6bb4e6d33231b61983353a2ce30385d725fdd356de639349478e8");
    more["partner_reference"] = json!("4500012345");
    more["requested_delivery_date"] = json!("2026-12-24");
    more["products"][0]["reference"] = json!("10");
    let with_all = "fb71af1acde54c2349d402fdf4ac0e7a7f2098e999da137554690587705167c9";
    assert_eq!(digest(&more), with_all);
    more["expected_total"] = json!("2");
    more["products"][0]["expected_line_amount"] = json!(2);
    assert_eq!(digest(&more), with_all, "what is expected of an order is no part of it");
}

#[test]
fn a_price_means_the_same_as_number_and_as_text() {
    let priced = |price: Value| {
        let mut order = order();
        order["products"][0]["unit_price"] = price;
        read(&order).unwrap()
    };
    assert_eq!(priced(json!("125000.50")).digest(), priced(json!(125_000.5)).digest());
    assert_eq!(priced(json!("0.1")).total_amount().unwrap().to_string(), "0.2");
}

#[test]
fn a_total_beyond_its_range_is_an_error_and_never_a_wrong_number() {
    let mut huge = order();
    let line = json!({"product_code": "P", "quantity": 1_000_000, "unit_price": "9999999999.9999"});
    huge["products"] = Value::Array(vec![line; 500]);
    assert_eq!(read(&huge).unwrap_err(), [("/products".to_owned(), "range")]);
    // Without a price on one line there is no total, but the priced lines are still summed in summaries.
    huge["products"][499]["unit_price"] = Value::Null;
    assert_eq!(read(&huge).unwrap_err(), [("/products".to_owned(), "range")]);
}

#[test]
fn a_search_looks_through_every_text_that_tells_orders_apart() {
    let mut order = order();
    order["products"].as_array_mut().unwrap().push(json!({"product_code": "X", "product_name": "Fön", "quantity": 1}));
    let text = "\u{1}cust-001\u{2}site-001\u{3}john doe\u{4}p-1\u{1f}x\u{5}fön\u{6}jl. sudirman no. 1, jakarta";
    assert_eq!(read(&order).unwrap().search_text(), text);
}

#[test]
fn an_order_without_lines_or_with_too_many_is_refused() {
    for count in [0, 501] {
        let mut order = order();
        order["products"] = Value::Array(vec![json!({"product_code": "P", "quantity": 1}); count]);
        assert_eq!(read(&order).unwrap_err(), [("/products".to_owned(), "length")]);
    }
}

#[test]
fn a_date_is_written_as_iso_8601_writes_days_of_four_digit_years() {
    let dated = |date: Value| {
        let mut order = order();
        order["requested_delivery_date"] = date;
        read(&order).map(|order| order.content().requested_delivery_date.map(|date| date.to_string()))
    };
    for (text, expected) in [("2026-12-24", Some("2026-12-24")), (" 2028-02-29 ", Some("2028-02-29")), (" ", None)] {
        assert_eq!(dated(json!(text)), Ok(expected.map(str::to_owned)), "{text}");
    }
    for text in
        ["2026-02-30", "2026-1-5", "+12026-12-24", "-0001-12-24", "20261224", "2026-12-24T00:00:00Z", "24.12.26"]
    {
        assert_eq!(dated(json!(text)), Err(vec![("/requested_delivery_date".to_owned(), "format")]), "{text}");
    }
    assert_eq!(dated(json!(20_261_224)), Err(vec![("/requested_delivery_date".to_owned(), "type")]));
}
