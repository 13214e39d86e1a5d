//! How the orders of one request are read: each by itself, so that a faulty one takes no other with it.

use super::fields::Fields;
use super::order_input::NewOrder;
use crate::error::{FieldError, FieldErrorCode};

/// The most orders of one request.
pub const MAX_ORDERS: usize = 100;

/// The longest an idempotency key may be.
const MAX_KEY: usize = 255;

/// Whether a text can be the idempotency key of an order: 1 to 255 visible ASCII characters.
#[must_use]
pub fn is_idempotency_key(text: &str) -> bool {
    (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An order with the key that makes it this one.
#[derive(Debug)]
pub struct BulkRow {
    /// Its idempotency key.
    pub idempotency_key: String,
    /// The order.
    pub order: NewOrder,
}

/// What cannot be taken as an order.
#[derive(Debug)]
pub struct FaultyRow {
    /// Its idempotency key, if that can be one: by it the sender knows which of its orders this is.
    pub idempotency_key: Option<String>,
    /// All that is wrong with it.
    pub errors: Vec<FieldError>,
}

/// An order, or what cannot be taken as one.
pub type Row = Result<BulkRow, FaultyRow>;

/// Reads the orders of one request, or describes them. Fails when there is no list of orders to begin with.
pub fn read(mut fields: Fields<'_>, default_currency: &str) -> Result<Vec<Row>, Vec<FieldError>> {
    let rows = fields.rows("orders", &(1..=MAX_ORDERS), |fields| read_row(fields, default_currency));
    fields.finish()?;
    rows.ok_or_else(Vec::new)
}

/// Reads them where one that is faulty makes all of them so.
pub fn read_all(fields: Fields<'_>, default_currency: &str) -> Result<(), Vec<FieldError>> {
    let faults: Vec<_> =
        read(fields, default_currency)?.into_iter().filter_map(Result::err).flat_map(|row| row.errors).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn read_row(mut fields: Fields<'_>, default_currency: &str) -> Row {
    let told = fields.verbatim("idempotency_key", MAX_KEY);
    let key = told.clone().filter(|key| is_idempotency_key(key));
    if told.is_some() && key.is_none() {
        let message = format!("must be 1 to {MAX_KEY} visible ASCII characters, without spaces");
        fields.refuse::<()>("idempotency_key", FieldErrorCode::Format, message);
    }
    match (NewOrder::read(fields, default_currency), key) {
        (Ok(order), Some(idempotency_key)) => Ok(BulkRow { idempotency_key, order }),
        (read, idempotency_key) => Err(FaultyRow { idempotency_key, errors: read.err().unwrap_or_default() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::fields::Naming;

    #[test]
    fn each_order_is_read_by_itself_and_its_faults_name_where_it_stands() {
        let order = |key: &str, quantity: i32| {
            json!({"idempotency_key": key, "customer_code": "C", "site_code": "S", "sales_name": "N", "address": "A",
                   "products": [{"product_code": "P", "quantity": quantity}]})
        };
        let mut keyless = order("", 1);
        keyless.as_object_mut().unwrap().remove("idempotency_key");
        let input = json!({"orders": [order("1", 1), order("a b", 0), 5, keyless, order("2", 2)]});
        let rows = read(Fields::new(&input, Naming::SnakeCase), "IDR").unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| match row {
                Ok(row) => vec![row.idempotency_key.as_str()],
                Err(row) => row.errors.iter().map(|fault| fault.pointer.as_str()).collect(),
            })
            .collect();
        assert_eq!(
            told,
            [
                vec!["1"],
                vec!["/orders/1/idempotency_key", "/orders/1/products/0/quantity"],
                vec!["/orders/2"],
                vec!["/orders/3/idempotency_key"],
                vec!["2"],
            ]
        );
        let faults = read_all(Fields::new(&input, Naming::SnakeCase), "IDR").unwrap_err();
        assert_eq!(faults.len(), 4);
    }

    #[test]
    fn what_is_no_list_of_orders_is_refused_as_a_whole() {
        let many = vec![json!({}); MAX_ORDERS + 1];
        for (input, pointer, code) in [
            (json!({}), "/orders", FieldErrorCode::Required),
            (json!({"orders": {}}), "/orders", FieldErrorCode::Type),
            (json!({"orders": []}), "/orders", FieldErrorCode::Length),
            (json!({"orders": many}), "/orders", FieldErrorCode::Length),
            (json!({"orders": [{}], "more": 1}), "/more", FieldErrorCode::Unknown),
            (json!([]), "", FieldErrorCode::Type),
        ] {
            let faults = read(Fields::new(&input, Naming::SnakeCase), "IDR").unwrap_err();
            let told: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
            assert_eq!(told, [(pointer, code)], "{input}");
        }
    }
}
