use async_graphql::{Enum, Object};

use super::sales_order_sort::SalesOrderSort;
use crate::domain::saved_view;
use crate::graphql::output::scalars::DateTime;
use crate::service::saved_views::SeenView;

/// A column of a list of orders. The order number is always in it.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "saved_view::ListColumn")]
pub enum SalesOrderColumn {
    /// Status.
    Status,
    /// Time at which the order was received.
    CreatedAt,
    /// Time of the order's last change.
    UpdatedAt,
    /// Client id of the order's sender.
    ClientId,
    /// Customer code.
    CustomerCode,
    /// Site code.
    SiteCode,
    /// Sales person's name.
    SalesName,
    /// Number of the order in the sender's system.
    PartnerReference,
    /// Day on which the sender asks for delivery.
    RequestedDeliveryDate,
    /// Quantity of all lines.
    TotalQuantity,
    /// Amount of all lines.
    TotalAmount,
}

/// A view of the list of orders that somebody keeps under a name.
pub struct SavedView(pub SeenView);

/// A view of the list of orders that somebody keeps under a name.
#[Object]
impl SavedView {
    /// Name of the view, among those of its owner, such as `Open in Jakarta`.
    async fn name(&self) -> &str {
        &self.0.view.name
    }

    /// Client id of its owner.
    async fn client_id(&self) -> &str {
        self.0.view.owner.as_str()
    }

    /// Name of its owner.
    async fn owner_name(&self) -> &str {
        &self.0.owner_name
    }

    /// Whether it is the caller's own.
    async fn is_mine(&self) -> bool {
        self.0.is_mine
    }

    /// Whether others with scope `orders:read` see it.
    async fn is_shared(&self) -> bool {
        self.0.view.is_shared
    }

    /// Whether the caller's list begins with it.
    async fn is_default(&self) -> bool {
        self.0.is_mine && self.0.view.is_default
    }

    /// Scope whose holders' lists begin with it, such as `orders:read`; null where there is none.
    async fn default_for(&self) -> Option<&'static str> {
        self.0.view.default_for.map(crate::domain::permission::Permission::as_str)
    }

    /// Filter as JSON: a value for the argument `where` of `salesOrders`; null for every order.
    #[graphql(name = "where")]
    async fn filter(&self) -> Option<String> {
        self.0.view.content.as_ref()?.filter.as_ref().map(ToString::to_string)
    }

    /// Sort order; null for the list's own.
    async fn order_by(&self) -> Option<SalesOrderSort> {
        self.0.view.content.as_ref()?.order_by.map(SalesOrderSort::from)
    }

    /// Columns; null for the list's own.
    async fn columns(&self) -> Option<Vec<SalesOrderColumn>> {
        let columns = &self.0.view.content.as_ref()?.columns;
        (!columns.is_empty()).then(|| columns.iter().copied().map(SalesOrderColumn::from).collect())
    }

    /// Why the view cannot be used, as a sentence; null where it can.
    async fn problem(&self) -> Option<&'static str> {
        self.0.view.content.is_none().then_some(
            "This view was saved by another version of the service, which knows other filters or columns; save it anew or delete it.",
        )
    }

    /// How often it was saved.
    async fn version(&self) -> i32 {
        self.0.view.version
    }

    /// Time at which it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.view.created_at)
    }

    /// Time at which it was last saved.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.view.updated_at)
    }
}
