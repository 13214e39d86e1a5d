//! What is sent, and what must come back.

use std::cell::{OnceCell, RefCell};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sales_order_api::auth::private_key::PrivateKey;
use sales_order_api::auth::string_to_sign::documented_string;
use sales_order_api::clock::Clock;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::client::{Answer, post};
use crate::session::Session;

/// A price with a fraction, of which an even number is a whole amount.
const UNIT_PRICE: &str = "125000.5";
const TWO_PIECES: u64 = 250_001;

pub const PAGE: &str = include_str!("../page.graphql");

/// What each connection sends again and again.
pub trait Scenario {
    /// The request with this number on this connection.
    fn request(&self, connection: u32, number: u32) -> Result<Vec<u8>>;

    /// Fails when its answer is another than it must be.
    fn check(&self, answer: &Answer<'_>, connection: u32, number: u32) -> Result<()>;
}

/// The headers of a signed request, made once a second: signing costs far more than sending.
struct Signer {
    key: PrivateKey,
    signed: RefCell<(i64, String)>,
}

impl Signer {
    fn new(private_key: &str) -> Result<Self> {
        Ok(Self { key: PrivateKey::from_pem(private_key)?, signed: RefCell::default() })
    }

    fn sign(&self, client_id: &str) -> Result<(String, String)> {
        let now = Clock::system().now().timestamp();
        let mut signed = self.signed.borrow_mut();
        if signed.0 != now {
            let text = documented_string(client_id, &now.to_string());
            *signed = (now, STANDARD.encode(self.key.sign(text.as_bytes())?));
        }
        Ok((now.to_string(), signed.1.clone()))
    }
}

/// Partners that send signed orders.
pub struct Orders {
    session: Session,
    signer: Signer,
    lines: u64,
    /// Keeps the keys of one run apart from those of the runs before.
    run: String,
}

impl Orders {
    pub fn new(session: Session, private_key: &str, lines: u64) -> Result<Self> {
        let run = Clock::system().now().timestamp_micros().to_string();
        Ok(Self { session, signer: Signer::new(private_key)?, lines, run })
    }

    fn signed(&self, token: &str, key: &str, body: &str, signature: Option<&str>) -> Result<Vec<u8>> {
        let (timestamp, signed) = self.signer.sign(&self.session.client_id)?;
        let headers = [
            ("authorization", token),
            ("x-client-id", &self.session.client_id),
            ("x-timestamp", &timestamp),
            ("x-signature", signature.unwrap_or(&signed)),
            ("idempotency-key", key),
        ];
        Ok(post(self.session.address, "/api/v1/sales-orders", &headers, body))
    }

    fn order(&self, customer: &str) -> String {
        order(customer, self.lines).to_string()
    }
}

/// An order as a partner sends it.
pub fn order(customer: &str, lines: u64) -> Value {
    let products: Vec<_> = (1..=lines)
        .map(|n| json!({"product_code": format!("P-{n}"), "quantity": 2 * n, "unit_price": UNIT_PRICE}))
        .collect();
    json!({"customer_code": customer, "site_code": "SITE-001", "sales_name": "John Doe",
           "address": "Jl. Sudirman No. 1, Jakarta", "products": products})
}

/// Another customer for each order.
pub fn customer(connection: u32, number: u32) -> String {
    format!("C-{connection}-{number}")
}

impl Scenario for Orders {
    fn request(&self, connection: u32, number: u32) -> Result<Vec<u8>> {
        let customer = customer(connection, number);
        let key = format!("{}-{customer}", self.run);
        self.signed(&self.session.authorization, &key, &self.order(&customer), None)
    }

    fn check(&self, answer: &Answer<'_>, connection: u32, number: u32) -> Result<()> {
        #[derive(Deserialize)]
        struct Created {
            data: Order,
        }
        #[derive(Deserialize)]
        struct Order {
            customer_code: String,
            total_amount: String,
            products: Vec<IgnoredAny>,
        }
        answer.expect(201)?;
        let head = String::from_utf8_lossy(answer.head);
        ensure!(!head.contains("idempotent-replayed"), "a new order was called a replay");
        let Created { data } = serde_json::from_slice(answer.body).context("the answer cannot be read")?;
        let total = (1..=self.lines).sum::<u64>() * TWO_PIECES;
        ensure!(data.customer_code == customer(connection, number), "the answer is about another order");
        ensure!(data.products.len() as u64 == self.lines, "lines are missing");
        ensure!(data.total_amount == total.to_string(), "the total is wrong");
        Ok(())
    }
}

/// Strangers whose token is not ours: a letter of its signature is another.
pub struct BadTokens(pub Orders);

impl Scenario for BadTokens {
    fn request(&self, connection: u32, number: u32) -> Result<Vec<u8>> {
        let mut token = self.0.session.authorization.clone();
        // Not the last one: part of what it says is ignored in base64.
        let place = token.len() - 10;
        let other = if token.as_bytes()[place] == b'A' { "B" } else { "A" };
        token.replace_range(place..=place, other);
        let customer = customer(connection, number);
        self.0.signed(&token, &customer, &self.0.order(&customer), None)
    }

    fn check(&self, answer: &Answer<'_>, _: u32, _: u32) -> Result<()> {
        answer.expect(401)?;
        ensure!(String::from_utf8_lossy(answer.body).contains("\"UNAUTHENTICATED\""), "another code");
        Ok(())
    }
}

/// A client whose signatures are each wrong, and each another.
pub struct BadSignatures(pub Orders);

impl Scenario for BadSignatures {
    fn request(&self, connection: u32, number: u32) -> Result<Vec<u8>> {
        let mut bytes = [0x5A; 256];
        bytes[100..104].copy_from_slice(&connection.to_be_bytes());
        bytes[104..108].copy_from_slice(&number.to_be_bytes());
        let customer = customer(connection, number);
        let order = self.0.order(&customer);
        self.0.signed(&self.0.session.authorization, &customer, &order, Some(&STANDARD.encode(bytes)))
    }

    fn check(&self, answer: &Answer<'_>, _: u32, _: u32) -> Result<()> {
        answer.expect(401)?;
        ensure!(String::from_utf8_lossy(answer.body).contains("\"INVALID_SIGNATURE\""), "another code");
        Ok(())
    }
}

/// A dashboard that reads the newest orders, which do not change meanwhile: the first answer is read, and every other is
/// the same text.
pub struct Pages {
    request: Vec<u8>,
    first: OnceCell<Vec<u8>>,
}

impl Pages {
    pub fn new(session: &Session) -> Self {
        let headers = [("authorization", session.authorization.as_str())];
        let request = post(session.address, "/graphql", &headers, &json!({"query": PAGE}).to_string());
        Self { request, first: OnceCell::new() }
    }
}

impl Scenario for Pages {
    fn request(&self, _: u32, _: u32) -> Result<Vec<u8>> {
        Ok(self.request.clone())
    }

    fn check(&self, answer: &Answer<'_>, _: u32, _: u32) -> Result<()> {
        answer.expect(200)?;
        if let Some(first) = self.first.get() {
            ensure!(first == answer.body, "the page is another than before");
            return Ok(());
        }
        let page: Value = serde_json::from_slice(answer.body).context("the answer cannot be read")?;
        ensure!(page.get("errors").is_none(), "{page}");
        let nodes = page["data"]["salesOrders"]["nodes"].as_array().context("there is no page")?;
        ensure!(nodes.len() == 50, "the page has {} orders", nodes.len());
        for order in nodes {
            let lines = order["products"].as_array().context("an order without lines")?;
            let quantity: i64 = lines.iter().filter_map(|line| line["quantity"].as_i64()).sum();
            ensure!(!lines.is_empty() && order["totalQuantity"] == quantity, "lines are missing: {order}");
        }
        let _ = self.first.set(answer.body.to_vec());
        Ok(())
    }
}
