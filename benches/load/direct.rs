//! What a service is compared with on SQLite: the same rows, stored one order a transaction by the same code, without HTTP,
//! tokens and signatures.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, ensure};
use sales_order_api::app;
use sales_order_api::auth::signature::{SignatureForm, documented_string};
use sales_order_api::clock::Clock;
use sales_order_api::config::{self, Overrides};
use sales_order_api::domain::fields::Naming;
use sales_order_api::domain::order_input::NewOrder;
use sales_order_api::store::{Created, NewReceipt, OrderToInsert, Store};

use crate::scenario::order;

/// Stores orders for a client that is there.
pub struct Direct {
    store: Store,
    client_id: String,
    lines: u64,
    run: String,
}

impl Direct {
    pub async fn open(database_url: &str, client_id: &str, lines: u64) -> Result<Self> {
        let environment = BTreeMap::from([("SALES_ORDER_DATABASE__URL".to_owned(), database_url.to_owned())]);
        let config = config::load_from(&[], environment, &Overrides::default())?.config;
        let run = Clock::system().now().timestamp_micros().to_string();
        Ok(Self { store: app::open(&config).await?, client_id: client_id.to_owned(), lines, run })
    }

    /// Stores one order in a transaction of its own.
    pub async fn store(&self, customer: &str) -> Result<()> {
        let now = Clock::system().now();
        let input = order(customer, self.lines);
        let Ok(order) = NewOrder::read(&input, Naming::SnakeCase, "IDR") else { anyhow::bail!("a faulty order") };
        let new = OrderToInsert {
            client_id: self.client_id.parse()?,
            idempotency_key: format!("key:{}-{customer}", self.run),
            digest: order.digest(),
            order,
            receipt: NewReceipt {
                signature_form: SignatureForm::Documented,
                string_to_sign: documented_string(&self.client_id, &now.timestamp().to_string()),
                signature: vec![0xAB; 256],
                key_fingerprint: "SHA256:0000000000000000000000000000000000000000000".to_owned(),
                body_sha256: [0xAB; 32],
            },
            key_use_is_due: false,
            now,
        };
        let created = self.store.insert_orders(Arc::new([new])).await?;
        ensure!(matches!(created.as_slice(), [Created::New { .. }]), "the order was not stored");
        Ok(())
    }
}
