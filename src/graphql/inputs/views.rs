//! Inputs of those who keep views of the list of orders.

use async_graphql::InputObject;

use super::filter::SalesOrderFilter;
use crate::graphql::types::{SalesOrderColumn, SalesOrderSort};

/// A view of the list of orders, as it is from now on.
#[derive(InputObject)]
pub struct SaveViewInput {
    /// Name of the view, such as `Open in Jakarta`.
    pub name: String,
    /// Client id of its owner; the caller when absent. Another client's is to be there and shared, and needs scopes `clients:manage`
    /// and `orders:read`.
    pub client_id: Option<String>,
    /// Its next name.
    pub new_name: Option<String>,
    /// Whether others with scope `orders:read` see it, and needs that scope; when absent it stays as it is, and a new one is not shared.
    pub is_shared: Option<bool>,
    /// Filter; every order when absent. With sort order and columns at most 4096 bytes.
    #[graphql(name = "where")]
    pub filter: Option<SalesOrderFilter>,
    /// Sort order; the list's own when absent.
    pub order_by: Option<SalesOrderSort>,
    /// Columns; the list's own when absent or empty.
    pub columns: Option<Vec<SalesOrderColumn>>,
    /// Version of the view that the caller read, 0 for one that is to be new. When the view has another version by now, nothing is
    /// changed and the answer is CONFLICT.
    pub expected_version: Option<i32>,
}

/// A view that is to be deleted.
#[derive(InputObject)]
pub struct DeleteViewInput {
    /// Name of the view.
    pub name: String,
    /// Client id of its owner; the caller when absent. Another client's needs scopes `clients:manage` and
    /// `orders:read`.
    pub client_id: Option<String>,
    /// Version of the view that the caller read. When the view has another version by now, nothing is changed and the answer is
    /// CONFLICT.
    pub expected_version: Option<i32>,
}

/// The view that lists begin with.
#[derive(InputObject)]
pub struct SetDefaultViewInput {
    /// Name of the view; when absent, lists begin with none any more.
    pub name: Option<String>,
    /// Client id of its owner; the caller when absent.
    pub client_id: Option<String>,
    /// Scope whose holders' lists begin with it, such as `orders:read`; the caller's own list when absent. Needs scopes `clients:manage`
    /// and `orders:read`, and a shared view.
    pub scope: Option<String>,
}
