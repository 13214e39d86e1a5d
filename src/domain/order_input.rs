//! How a partner's JSON becomes an order that can be taken: the one home of its rules.

use iso_currency::Currency;
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fields::{Fields, Naming, Text};
use super::money::Money;
use super::order_filter::fold;
use crate::error::{FieldError, FieldErrorCode};

/// A valid order, not yet stored. Its serialised form is what [`NewOrder::digest`] hashes, so the order and the names
/// of these fields may not change while idempotency keys are alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrder {
    /// Customer code.
    pub customer_code: String,
    /// Site code.
    pub site_code: String,
    /// Sales person.
    pub sales_name: String,
    /// Delivery address.
    pub address: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Free text.
    pub note: Option<String>,
    /// The lines, in the partner's order.
    pub products: Vec<NewOrderLine>,
}

/// A valid line, not yet stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrderLine {
    /// Product code.
    pub product_code: String,
    /// How many.
    pub quantity: i32,
    /// Product name.
    pub product_name: Option<String>,
    /// Of what unit.
    pub unit: Option<String>,
    /// Price of one.
    #[serde(serialize_with = "as_text")]
    pub unit_price: Option<Money>,
    /// Free text.
    pub note: Option<String>,
}

// serde passes the field by reference, `Option` and all.
#[expect(clippy::ref_option, reason = "the signature serde asks for")]
fn as_text<S: Serializer>(money: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    money.map(|money| money.to_string()).serialize(serializer)
}

impl NewOrder {
    /// Reads an order, noting every faulty field: missing, unknown, wrongly typed and out of range together.
    pub fn read(value: &Value, naming: Naming, default_currency: &str) -> Result<Self, Vec<FieldError>> {
        Self::read_fields(Fields::new(value, naming), default_currency)
    }

    /// Reads its fields, or describes them.
    pub fn read_fields(mut fields: Fields<'_>, default_currency: &str) -> Result<Self, Vec<FieldError>> {
        let customer_code = fields.text("customer_code", Text::line(64));
        let site_code = fields.text("site_code", Text::line(64));
        let sales_name = fields.text("sales_name", Text::line(128));
        let address = fields.text("address", Text::lines(1000));
        let currency = fields.optional_text("currency", Text::line(3));
        let note = fields.optional_text("note", Text::lines(1000));
        let products = fields.list("products", &(1..=500), NewOrderLine::read);

        let currency = currency.unwrap_or_else(|| default_currency.to_owned());
        if Currency::from_code(&currency).is_none() {
            let message = "must be an ISO 4217 code in capitals, such as IDR".to_owned();
            fields.refuse::<()>("currency", FieldErrorCode::Currency, message);
        }
        if products.as_deref().map(priced_amount) == Some(Err(TotalTooLarge)) {
            let message = "make a total amount over 9999999999999.9999; split the order".to_owned();
            fields.refuse::<()>("products", FieldErrorCode::Range, message);
        }
        fields.finish()?;
        let (Some(customer_code), Some(site_code), Some(sales_name), Some(address), Some(products)) =
            (customer_code, site_code, sales_name, address, products)
        else {
            return Err(Vec::new());
        };
        Ok(Self { customer_code, site_code, sales_name, address, currency, note, products })
    }

    /// Identifies the order's content: equal orders have equal digests, however their JSON was written.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"sales-order-1\n");
        // Writing plain strings and integers into memory cannot fail.
        hasher.update(serde_json::to_vec(self).unwrap_or_default());
        hasher.finalize().into()
    }

    /// Sum of the lines' quantities.
    #[must_use]
    pub fn total_quantity(&self) -> i64 {
        self.products.iter().map(|line| i64::from(line.quantity)).sum()
    }

    /// How many lines have no price.
    #[must_use]
    pub fn unpriced_lines(&self) -> usize {
        self.products.iter().filter(|line| line.unit_price.is_none()).count()
    }

    /// Sum of the priced lines' amounts.
    #[must_use]
    pub fn priced_amount(&self) -> Money {
        // An order whose sum is out of range was not read.
        priced_amount(&self.products).unwrap_or(Money::MAX_TOTAL)
    }

    /// Sum of the lines' amounts; `None` when a line has no price.
    #[must_use]
    pub fn total_amount(&self) -> Option<Money> {
        (self.unpriced_lines() == 0).then(|| self.priced_amount())
    }

    /// What a search looks through, each kind of text behind a mark of its own, so that it can be searched alone. No
    /// text holds such a mark: control characters are refused.
    #[must_use]
    pub fn search_text(&self) -> String {
        let joined = |text: fn(&NewOrderLine) -> Option<&str>| {
            self.products.iter().filter_map(text).collect::<Vec<_>>().join("\u{1f}")
        };
        let codes = joined(|line| Some(&line.product_code));
        let names = joined(|line| line.product_name.as_deref());
        let Self { customer_code, site_code, sales_name, address, .. } = self;
        fold(&format!("\u{1}{customer_code}\u{2}{site_code}\u{3}{sales_name}\u{4}{codes}\u{5}{names}\u{6}{address}"))
    }
}

impl NewOrderLine {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let product_code = fields.text("product_code", Text::line(64));
        let quantity = fields.integer("quantity", &(1..=1_000_000));
        let product_name = fields.optional_text("product_name", Text::line(256));
        let unit = fields.optional_text("unit", Text::line(16));
        let unit_price = fields.optional_money("unit_price");
        let note = fields.optional_text("note", Text::lines(500));
        Some(Self { product_code: product_code?, quantity: quantity?, product_name, unit, unit_price, note })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct TotalTooLarge;

/// 500 lines of a million pieces at the largest price leave the range of an `i64`, so every step is checked.
fn priced_amount(lines: &[NewOrderLine]) -> Result<Money, TotalTooLarge> {
    let mut total = 0_i64;
    for line in lines {
        total = line
            .unit_price
            .map_or(0, Money::ten_thousandths)
            .checked_mul(i64::from(line.quantity))
            .and_then(|amount| total.checked_add(amount))
            .filter(|total| *total <= Money::MAX_TOTAL.ten_thousandths())
            .ok_or(TotalTooLarge)?;
    }
    Ok(Money::from_ten_thousandths(total))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order() -> Value {
        json!({"customer_code": "CUST-001", "site_code": "SITE-001", "sales_name": "John Doe",
               "address": "Jl. Sudirman No. 1, Jakarta", "products": [{"product_code": "P-1", "quantity": 2}]})
    }

    fn read(value: &Value) -> Result<NewOrder, Vec<(String, &'static str)>> {
        NewOrder::read(value, Naming::SnakeCase, "IDR")
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
                ("/note", "too_long"),
                ("/products/0/quantity", "type"),
                ("/products/1/product_code", "required"),
                ("/products/1/quantity", "range"),
                ("/products/1/unit_price", "range"),
                ("/products/1/colour", "unknown"),
                ("/products/2", "type"),
                ("/currency", "currency"),
                ("/custmer_note", "unknown"),
            ]
            .map(|(pointer, code)| (pointer.to_owned(), code))
        );
    }

    #[test]
    fn the_caller_reads_its_own_spelling_of_a_field() {
        let errors = NewOrder::read(&json!({"customer_code": "C"}), Naming::CamelCase, "IDR").unwrap_err();
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
        order["products"]
            .as_array_mut()
            .unwrap()
            .push(json!({"product_code": "X", "product_name": "Fön", "quantity": 1}));
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
}
