//! What a service is compared with on SQLite: the same rows, one order a transaction, without HTTP, tokens and signatures,
//! either as anybody would store them, a statement a table, or by the service's own statement.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, ensure};
use sales_order_api::app;
use sales_order_api::auth::signature::{SignatureForm, documented_string};
use sales_order_api::clock::Clock;
use sales_order_api::config::{self, Overrides};
use sales_order_api::domain::fields::{Fields, Naming};
use sales_order_api::domain::money::Money;
use sales_order_api::domain::order_input::NewOrder;
use sales_order_api::store::{Created, NewReceipt, OrderToInsert, Store};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait as _, Value,
};

use crate::scenario::order;

/// Stores orders for a client that is there.
pub struct Direct {
    store: Store,
    /// One connection, as the service writes through one. `synchronous` is FULL, SQLite's own default.
    plain: Option<DatabaseConnection>,
    client_id: String,
    lines: u64,
    run: String,
}

impl Direct {
    pub async fn open(database_url: &str, client_id: &str, lines: u64, plainly: bool) -> Result<Self> {
        let environment = BTreeMap::from([("SALES_ORDER_DATABASE__URL".to_owned(), database_url.to_owned())]);
        let config = config::load_from(&[], environment, &Overrides::default())?.config;
        let run = Clock::system().now().timestamp_micros().to_string();
        let mut connect = ConnectOptions::new(database_url);
        connect.max_connections(1).test_before_acquire(false).sqlx_logging(false);
        let plain = if plainly { Some(Database::connect(connect).await?) } else { None };
        Ok(Self { store: app::open(&config).await?, plain, client_id: client_id.to_owned(), lines, run })
    }

    /// Stores one order in a transaction of its own.
    pub async fn store(&self, customer: &str) -> Result<()> {
        let new = self.order(customer)?;
        if let Some(plain) = &self.plain {
            return insert(plain, &new).await;
        }
        let created = self.store.insert_orders(Arc::new([new])).await?;
        ensure!(matches!(created.as_slice(), [Created::New { .. }]), "the order was not stored");
        Ok(())
    }

    fn order(&self, customer: &str) -> Result<OrderToInsert> {
        let now = Clock::system().now();
        let input = order(customer, self.lines);
        let Ok(order) = NewOrder::read(Fields::new(&input, Naming::SnakeCase), "IDR") else {
            anyhow::bail!("a faulty order")
        };
        Ok(OrderToInsert {
            client_id: self.client_id.parse()?,
            idempotency_key: format!("key:{}-{customer}", self.run),
            digest: order.digest(),
            signed_text_digest: None,
            reference_is_unique: false,
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
        })
    }
}

/// A statement a table, between BEGIN and COMMIT.
async fn insert(database: &DatabaseConnection, new: &OrderToInsert) -> Result<()> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = database.begin_with_options(options).await?;
    let OrderToInsert { client_id, idempotency_key, digest, order, receipt, now, .. } = new;
    let now = now.timestamp_micros();
    let statement = |table: &str, columns: &str, rows: usize, values: Vec<Value>| {
        let row = vec!["?"; values.len() / rows].join(", ");
        let sql = format!("INSERT INTO {table} ({columns}) VALUES {}", vec![format!("({row})"); rows].join(", "));
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
    };
    let amount = |money: Option<Money>| Value::from(money.map(Money::ten_thousandths));
    let values = vec![
        client_id.as_str().into(),
        idempotency_key.as_str().into(),
        digest.to_vec().into(),
        order.content().customer_code.as_str().into(),
        order.content().site_code.as_str().into(),
        order.content().sales_name.as_str().into(),
        order.content().address.as_str().into(),
        order.content().currency.as_str().into(),
        "RECEIVED".into(),
        1.into(),
        order.total_quantity().into(),
        amount(order.total_amount()),
        now.into(),
        now.into(),
        i64::try_from(order.products().len())?.into(),
        amount(Some(order.priced_amount())),
        order.search_text().into(),
    ];
    let columns = "client_id, idempotency_key, request_digest, customer_code, site_code, sales_name, address, currency, \
                   status, version, total_quantity, total_amount, created_at, updated_at, line_count, priced_amount, search_text";
    let id = tx.execute_raw(statement("sales_orders", columns, 1, values)).await?.last_insert_id();
    let id = Value::from(i64::try_from(id)?);
    let values = order.products().iter().zip(1_i32..).flat_map(|(line, line_no)| {
        let code = line.product_code.as_str().into();
        [id.clone(), line_no.into(), code, line.quantity.into(), amount(line.unit_price)]
    });
    let columns = "order_id, line_no, product_code, quantity, unit_price";
    tx.execute_raw(statement("sales_order_lines", columns, order.products().len(), values.collect())).await?;
    let values = vec![
        id.clone(),
        "documented".into(),
        receipt.string_to_sign.as_str().into(),
        receipt.signature.clone().into(),
        receipt.key_fingerprint.as_str().into(),
        receipt.body_sha256.to_vec().into(),
    ];
    let columns = "order_id, signature_form, string_to_sign, signature, key_fingerprint, body_sha256";
    tx.execute_raw(statement("sales_order_receipts", columns, 1, values)).await?;
    let values = vec![id, 1.into(), "CREATED".into(), client_id.as_str().into(), "{}".into(), now.into()];
    let columns = "order_id, sequence, kind, actor, payload, created_at";
    tx.execute_raw(statement("sales_order_events", columns, 1, values)).await?;
    Ok(tx.commit().await?)
}
