//! The GraphQL documents behind the endpoints, each with the fragments it uses.

use std::sync::LazyLock;

use crate::domain::permission::Permission;
use crate::graphql::PreparedOperation;

macro_rules! operations {
    ($( $name:ident = $($file:literal)+ $(for $scope:ident)?; )+) => {
        $( pub(super) static $name: LazyLock<PreparedOperation> = LazyLock::new(|| {
            PreparedOperation::new(concat!($(include_str!(concat!("operations/", $file))),+))
                $(.with_scope(Permission::$scope))?
        }); )+

        /// All of them. The suite runs each through the schema's full validation.
        #[must_use]
        pub fn operations() -> Vec<&'static PreparedOperation> {
            vec![$(&$name),+]
        }
    };
}

operations! {
    LOGIN = "login.graphql";
    REFRESH = "refresh.graphql";
    SIGNATURE_CHECK = "signatureCheck.graphql";
    CREATE_SALES_ORDER = "createSalesOrder.graphql" "order.fragment.graphql" "line.fragment.graphql" "warning.fragment.graphql";
    CREATE_SALES_ORDERS = "createSalesOrders.graphql" "order.fragment.graphql" "line.fragment.graphql" "warning.fragment.graphql";
    CANCEL_SALES_ORDER = "cancelSalesOrder.graphql" "order.fragment.graphql" "line.fragment.graphql";
    CHANGE_SALES_ORDER = "changeSalesOrder.graphql" "order.fragment.graphql" "line.fragment.graphql";
    VALIDATE_SALES_ORDER = "validateSalesOrder.graphql" "line.fragment.graphql" "warning.fragment.graphql";
    SALES_ORDER = "salesOrder.graphql" "order.fragment.graphql" "line.fragment.graphql";
    SALES_ORDERS_BY_REFERENCE = "salesOrdersByReference.graphql" "order.fragment.graphql" "line.fragment.graphql";
    SALES_ORDER_CHANGES = "salesOrderChanges.graphql" "order.fragment.graphql" "line.fragment.graphql";
    EXPORT_SALES_ORDERS = "exportSalesOrders.graphql" "order.fragment.graphql" "line.fragment.graphql" for OrdersRead;
}
