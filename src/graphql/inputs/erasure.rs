use async_graphql::InputObject;

/// An order in which what is personal is to be erased.
#[derive(InputObject)]
pub struct EraseSalesOrderInput {
    /// Order number, such as `SO-0000000042`.
    pub order_number: String,
}

/// A customer in whose orders what is personal is to be erased.
#[derive(InputObject)]
pub struct EraseCustomerInput {
    /// Client id of the client that sends its orders, such as `versuni-client-001`: another client's customer with the same code is
    /// another one.
    pub client_id: String,
    /// Customer code, such as `CUST-001`.
    pub customer_code: String,
    /// Order number: only orders behind it, such as the `nextAfter` of the answer before. From the first one when absent.
    pub after: Option<String>,
}
