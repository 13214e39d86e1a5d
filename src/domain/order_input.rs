//! How a partner's JSON becomes an order that can be taken: the one home of its rules.

use chrono::NaiveDate;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::expectations::{self, Mismatch};
use super::fields::{Fields, Text, is_blank};
use super::folding::fold;
use super::money::Money;
use crate::error::{FieldError, FieldErrorCode};

/// What a partner reference may be.
pub(super) const PARTNER_REFERENCE: Text = Text::line(70);

/// What an address may be.
pub(super) const ADDRESS: Text = Text::lines(1000);

/// How many lines an order may have.
pub const MAX_LINES: usize = 500;

/// A text as the partner reference that it would be stored as; `None` where no order can have it.
#[must_use]
pub fn as_partner_reference(text: &str) -> Option<&str> {
    let text = text.trim();
    let fits = text.chars().count() <= PARTNER_REFERENCE.max && !text.chars().any(char::is_control);
    (fits && !is_blank(text)).then_some(text)
}

/// What a sender writes into an order besides its lines.
///
/// The serialised form of this and of [`LineContent`] is what [`NewOrder::digest`] hashes. So that a request which is
/// repeated after an update of the service is still known again, the names and the sequence of the fields stay as they
/// are, and a new field comes last, is optional, and has `#[serde(skip_serializing_if = "Option::is_none")]`: an order
/// without it keeps its digest (`the_digest_of_an_order_is_the_same_in_every_version`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderContent {
    /// Customer code.
    pub customer_code: String,
    /// Site code.
    pub site_code: String,
    /// Sales person.
    pub sales_name: String,
    /// Delivery address; may have several lines.
    pub address: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Free text.
    pub note: Option<String>,
    /// Number of the order in the sender's system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_reference: Option<String>,
    /// Day on which the sender asks for delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_delivery_date: Option<NaiveDate>,
}

/// What a sender writes into a line of an order. A new field: see [`OrderContent`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineContent {
    /// Product code.
    pub product_code: String,
    /// The quantity.
    pub quantity: i32,
    /// Product name.
    pub product_name: Option<String>,
    /// The unit of the quantity.
    pub unit: Option<String>,
    /// Price of one, in the order's currency.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub unit_price: Option<Money>,
    /// Free text.
    pub note: Option<String>,
    /// The line's reference in the sender's system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A valid order, not yet stored. It can only be read ([`NewOrder::read`]) or made of one that was taken ([`NewOrder::amended`]), so an
/// invalid one cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrder {
    #[serde(flatten)]
    content: OrderContent,
    products: Vec<LineContent>,
    #[serde(skip)]
    mismatches: Vec<Mismatch>,
}

// serde passes the field by reference, `Option` and all.
#[expect(clippy::ref_option, reason = "the signature serde asks for")]
fn as_text<S: Serializer>(money: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    money.map(|money| money.to_string()).serialize(serializer)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| Money::parse(&text, Money::MAX_UNIT_PRICE).map_err(D::Error::custom)).transpose()
}

impl NewOrder {
    /// Reads an order, noting every faulty field: missing, unknown, wrongly typed and out of range together; or describes it.
    pub fn read(mut fields: Fields<'_>, default_currency: &str) -> Result<Self, Vec<FieldError>> {
        let customer_code = fields.text("customer_code", Text::line(64));
        let site_code = fields.text("site_code", Text::line(64));
        let sales_name = fields.text("sales_name", Text::line(128));
        let address = fields.text("address", ADDRESS);
        let currency = fields.optional_currency("currency");
        let note = fields.optional_text("note", Text::lines(1000));
        let partner_reference = fields.optional_text("partner_reference", PARTNER_REFERENCE);
        let requested_delivery_date = fields.optional_date("requested_delivery_date");
        let expected_total = fields.optional_money("expected_total", Money::MAX_TOTAL);
        let lines = fields.list("products", &(1..=MAX_LINES), |fields| {
            let line = LineContent::read(fields);
            let expected = fields.optional_money("expected_line_amount", Money::MAX_TOTAL);
            Some((line?, expected))
        });

        let (products, expected_lines): (Option<Vec<_>>, Vec<_>) = match lines {
            Some(lines) => {
                let (products, expected) = lines.into_iter().unzip();
                (Some(products), expected)
            }
            None => (None, Vec::new()),
        };
        let currency = currency.map_or(default_currency, |currency| currency.code()).to_owned();
        let total = products.as_deref().map(priced_amount);
        if total == Some(Err(TotalTooLarge)) {
            let message = TOTAL_TOO_LARGE.to_owned();
            fields.refuse::<()>("products", FieldErrorCode::Range, message);
        }
        fields.finish()?;
        let (Some(customer_code), Some(site_code), Some(sales_name), Some(address), Some(products), Some(Ok(total))) =
            (customer_code, site_code, sales_name, address, products, total)
        else {
            return Err(Vec::new());
        };
        let content = OrderContent {
            customer_code,
            site_code,
            sales_name,
            address,
            currency,
            note,
            partner_reference,
            requested_delivery_date,
        };
        let mismatches = expectations::compare(expected_total, total, expected_lines, &products);
        Ok(Self { content, products, mismatches })
    }

    /// What a change of valid parts makes of an order that was taken; none where that comes to an amount out of range.
    pub(super) fn amended(content: OrderContent, products: Vec<LineContent>) -> Option<Self> {
        priced_amount(&products).is_ok().then(|| Self { content, products, mismatches: Vec::new() })
    }

    /// The order's fields without its lines.
    #[must_use]
    pub const fn content(&self) -> &OrderContent {
        &self.content
    }

    /// Its lines, in the sender's order.
    #[must_use]
    pub fn products(&self) -> &[LineContent] {
        &self.products
    }

    /// Where the order does not come to what its sender expects.
    #[must_use]
    pub fn mismatches(&self) -> &[Mismatch] {
        &self.mismatches
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
    pub fn unpriced_lines(&self) -> i32 {
        count(self.products.iter().filter(|line| line.unit_price.is_none()))
    }

    /// How many lines it has.
    #[must_use]
    pub fn line_count(&self) -> i32 {
        count(self.products.iter())
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
        let joined = |text: fn(&LineContent) -> Option<&str>| {
            self.products.iter().filter_map(text).collect::<Vec<_>>().join("\u{1f}")
        };
        let codes = joined(|line| Some(&line.product_code));
        let names = joined(|line| line.product_name.as_deref());
        let OrderContent { customer_code, site_code, sales_name, address, partner_reference, .. } = &self.content;
        let reference =
            partner_reference.as_ref().map(|reference| format!("\u{7}{reference}\u{8}")).unwrap_or_default();
        fold(&format!(
            "\u{1}{customer_code}\u{2}{site_code}\u{3}{sales_name}\u{4}{codes}\u{5}{names}\u{6}{address}{reference}"
        ))
    }
}

impl LineContent {
    /// Reads a line.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let product_code = fields.text("product_code", Text::line(64));
        let quantity = fields.integer("quantity", &(1..=1_000_000));
        let product_name = fields.optional_text("product_name", Text::line(256));
        let unit = fields.optional_text("unit", Text::line(16));
        let unit_price = fields.optional_money("unit_price", Money::MAX_UNIT_PRICE);
        let note = fields.optional_text("note", Text::lines(500));
        let reference = fields.optional_text("reference", Text::line(35));
        let (product_code, quantity) = (product_code?, quantity?);
        Some(Self { product_code, quantity, product_name, unit, unit_price, note, reference })
    }
}

/// An order has at most 500 lines.
fn count<'a>(lines: impl Iterator<Item = &'a LineContent>) -> i32 {
    i32::try_from(lines.count()).unwrap_or(i32::MAX)
}

/// What is wrong with lines that come to an amount out of range.
pub(super) const TOTAL_TOO_LARGE: &str = "make a total amount over 9999999999999.9999; split the order";

#[derive(Debug, PartialEq, Eq)]
struct TotalTooLarge;

/// 500 lines of a million pieces at the largest price leave the range of an `i64`, so every step is checked.
fn priced_amount(lines: &[LineContent]) -> Result<Money, TotalTooLarge> {
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
#[path = "order_input_tests.rs"]
mod tests;
