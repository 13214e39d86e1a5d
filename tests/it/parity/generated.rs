//! Orders that nobody would think of, sound and broken, over both wires.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use super::{Outcome, assert_same_outcome};
use crate::support::TestApp;

/// A value of a field: mostly sound, sometimes at the edge, sometimes nonsense, sometimes absent.
fn field(sound: BoxedStrategy<Value>, edges: Vec<Value>) -> BoxedStrategy<Option<Value>> {
    let edge = proptest::sample::select(edges);
    prop_oneof![80 => sound.prop_map(Some), 4 => edge.prop_map(Some), 1 => nonsense().prop_map(Some), 1 => Just(None)]
        .boxed()
}

fn nonsense() -> BoxedStrategy<Value> {
    proptest::sample::select(vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1.5),
        json!("text"),
        json!([]),
        json!(["a"]),
        json!({}),
        json!({"a": [null]}),
    ])
    .boxed()
}

fn line_of_text(max: usize) -> BoxedStrategy<Option<Value>> {
    field(
        "[ -~éß漢😀]{1,24}".prop_filter("not blank", |text| !text.trim().is_empty()).prop_map(Value::from).boxed(),
        vec![
            json!(""),
            json!("   "),
            json!("a\nb"),
            json!("a\tb"),
            json!("\u{0}"),
            json!("\u{7f}"),
            json!("\u{a0}"),
            json!("x".repeat(max)),
            json!("x".repeat(max + 1)),
            json!("é".repeat(max)),
            json!(format!(" {} ", "x".repeat(max))),
        ],
    )
}

fn quantity() -> BoxedStrategy<Option<Value>> {
    let edges = ["0", "1", "1000000", "1000001", "-1", "1.0", "2e0", "2147483648", "99999999999999999999"];
    let edges = edges.iter().map(|text| serde_json::from_str(text).unwrap()).chain([json!("2")]).collect();
    field((1..=1_000_000_i64).prop_map(Value::from).boxed(), edges)
}

fn price() -> BoxedStrategy<Option<Value>> {
    let sound = prop_oneof![
        (0..=9_999_999_i64, 0..=9999_u16).prop_map(|(whole, rest)| json!(format!("{whole}.{rest:04}"))),
        (0..=9_999_999_i64, 0..=9999_u16)
            .prop_map(|(whole, rest)| serde_json::from_str(&format!("{whole}.{rest:04}")).unwrap()),
        (0..=9_999_999_i64).prop_map(Value::from),
    ];
    let numbers = ["-1", "-0", "-0.0", "1e2", "1E-4", "1e-5", "1e400", "0.00001", "9999999999.9999", "10000000000"];
    let texts = ["", " ", "1,5", "+1", ".5", "5.", "NaN", "-1", "1e2", "9999999999.9999", "10000000000", " 1.5 ", "٣"];
    let numbers = numbers.iter().map(|text| serde_json::from_str(text).unwrap());
    field(sound.boxed(), numbers.chain(texts.iter().map(|text| json!(text))).collect())
}

fn object(fields: Vec<(&'static str, BoxedStrategy<Option<Value>>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    let unknown = prop_oneof![30 => Just(None), 1 => proptest::sample::select(vec!["colour", "qty", "customer", "x/y"]).prop_map(Some)];
    (values, unknown)
        .prop_map(move |(values, unknown)| {
            let present = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
            let mut object: Map<_, _> = present.collect();
            object.extend(unknown.map(|name| (name.to_owned(), json!(1))));
            Value::Object(object)
        })
        .boxed()
}

fn product() -> BoxedStrategy<Value> {
    object(vec![
        ("product_code", line_of_text(64)),
        ("quantity", quantity()),
        ("product_name", line_of_text(256)),
        ("unit", line_of_text(16)),
        ("unit_price", price()),
        ("note", line_of_text(500)),
        ("reference", line_of_text(35)),
    ])
}

fn date() -> BoxedStrategy<Option<Value>> {
    let sound = proptest::sample::select(vec!["2026-12-24", "2028-02-29", "1999-01-01", " 2026-12-24 ", ""]);
    let odd = ["2026-02-30", "2026-1-5", "24.12.2026", "2026-12-24T00:00:00Z", "20261224", "+12026-12-24", "tomorrow"];
    let odd = odd.iter().map(|text| json!(text)).chain([json!(20_261_224), json!(["2026-12-24"])]).collect();
    field(sound.prop_map(Value::from).boxed(), odd)
}

fn order() -> BoxedStrategy<Value> {
    let few = proptest::collection::vec(product(), 1..4).prop_map(Value::from).boxed();
    let many = |count| json!(vec![json!({"product_code": "P", "quantity": 1}); count]);
    let currency = proptest::sample::select(vec!["IDR", "USD", "EUR", "JPY"]).prop_map(Value::from).boxed();
    let odd = ["idr", "XXX", "ZZZ", "ID", "IDRR", " EUR", "", "€", "\u{0}"].iter().map(|text| json!(text)).collect();
    object(vec![
        ("customer_code", line_of_text(64)),
        ("site_code", line_of_text(64)),
        ("sales_name", line_of_text(128)),
        ("address", line_of_text(1000)),
        ("currency", field(currency, odd)),
        ("note", line_of_text(1000)),
        ("partner_reference", line_of_text(70)),
        ("requested_delivery_date", date()),
        ("products", field(few, vec![json!([]), json!([null]), many(1), many(500), many(501)])),
    ])
}

/// Enough that sound orders and every kind of fault come up many times; the answers to 128 orders take seconds.
const CASES: u32 = 128;

#[test]
fn any_order_has_the_same_outcome_on_both_wires() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(TestApp::new());
    let partner = runtime.block_on(app.partner());
    let (taken, refused) = (Cell::new(0), Cell::new(0));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    // The same orders in every run: what fails, fails because of a change.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&order(), |order| {
        let count = match runtime.block_on(assert_same_outcome(&partner, &order)) {
            Outcome::Taken(_) => &taken,
            Outcome::Refused { .. } => &refused,
        };
        count.set(count.get() + 1);
        Ok(())
    });
    outcome.unwrap();
    assert!(taken.get() >= 20 && refused.get() >= 20, "{taken:?}, {refused:?}: the orders show too little");
    runtime.block_on(app.store.close());
}
