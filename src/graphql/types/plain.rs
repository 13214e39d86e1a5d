//! How pages of orders are written: what `written` needs to know of each field.

use async_graphql::parser::types::Field;

use super::connection::SalesOrderEdge;
use super::node::order_id;
use super::sales_order::SalesOrder;
use crate::domain::order;
use crate::graphql::output::scalars::DateTime;
use crate::graphql::output::written::{Plain, Plan, Step, fallible, optional_text, text, value};

impl Plain for SalesOrderEdge {
    const TYPE_NAME: &'static str = "SalesOrderEdge";

    fn step(field: &Field) -> Option<Step<Self>> {
        match field.name.node.as_str() {
            "node" => {
                let plan = Plan::<SalesOrder>::of(&field.selection_set.node)?;
                Some(Box::new(move |edge, out| plan.write(&edge.node, out)))
            }
            "cursor" => Some(fallible(|edge| edge.cursor.seal(edge.node.reader.sealing.known()?).ok())),
            _ => None,
        }
    }
}

impl Plain for SalesOrder {
    const TYPE_NAME: &'static str = "SalesOrder";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "id" => fallible(|it| order_id(it.order.number, it.reader.sealing.known()?).ok()),
            "orderNumber" => value(|it| it.order.number.to_string()),
            "status" => text(|it| it.order.status.as_str()),
            "version" => value(|it| it.order.version),
            "clientId" => text(|it| it.order.client_id.as_str()),
            "customerCode" => text(|it| &it.order.customer_code),
            "siteCode" => text(|it| &it.order.site_code),
            "salesName" => text(|it| &it.order.sales_name),
            "address" => text(|it| &it.order.address),
            "note" => optional_text(|it| it.order.note.as_deref()),
            "currency" => text(|it| &it.order.currency),
            "products" => {
                let plan = Plan::<order::SalesOrderLine>::of(&field.selection_set.node)?;
                Box::new(move |it, out| plan.write_list(it.lines.as_ref()?, out))
            }
            "totalQuantity" => value(|it| it.order.total_quantity),
            "totalAmount" => value(|it| it.order.total_amount.map(|amount| amount.to_string())),
            "createdAt" => value(|it| DateTime(it.order.created_at).to_string()),
            "updatedAt" => value(|it| DateTime(it.order.updated_at).to_string()),
            _ => return None,
        })
    }
}

impl Plain for order::SalesOrderLine {
    const TYPE_NAME: &'static str = "SalesOrderLine";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "lineNo" => value(|it| it.line_no),
            "productCode" => text(|it| &it.product_code),
            "productName" => optional_text(|it| it.product_name.as_deref()),
            "quantity" => value(|it| it.quantity),
            "unit" => optional_text(|it| it.unit.as_deref()),
            "unitPrice" => value(|it| it.unit_price.map(|price| price.to_string())),
            "note" => optional_text(|it| it.note.as_deref()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn is_written<T: Plain>(selection: &str) -> bool {
        let document = parse_query(selection).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        Plan::<T>::of(&operation.node.selection_set.node).is_some()
    }

    #[test]
    fn a_page_as_dashboards_read_it_is_written() {
        assert!(is_written::<SalesOrderEdge>(
            "{ cursor node { __typename orderNumber total: totalAmount products { productCode quantity } } }"
        ));
    }

    #[test]
    fn what_may_fail_or_must_be_looked_for_is_not_written() {
        for selection in [
            "{ orderNumber receipt { signature } }",
            "{ ...F } fragment F on SalesOrder { orderNumber }",
            "{ orderNumber @include(if: true) }",
            "{ products { lineNo ... on SalesOrderLine { unit } } }",
            "{ orderNumber orderNumber }",
        ] {
            assert!(!is_written::<SalesOrder>(selection), "{selection}");
        }
    }
}
