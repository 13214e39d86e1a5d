//! How pages of orders are written: what `written` needs to know of an edge. What it needs to know of an order and of a line
//! stands beside their resolvers.

use async_graphql::parser::types::Field;

use super::connection::SalesOrderEdge;
use super::sales_order::SalesOrder;
use crate::graphql::output::written::{Plain, Plan, Step, fallible};

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

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::{FieldDefinition, TypeKind, TypeSystemDefinition};

    use super::*;
    use crate::domain::line_answer::LineAnswer;
    use crate::domain::order;
    use crate::domain::shipment::{Shipment, ShipmentLine};
    use crate::graphql::output::committed_types;

    fn is_written<T: Plain>(selection: &str) -> bool {
        let document = parse_query(selection).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        Plan::<T>::of(&operation.node.selection_set.node).is_some()
    }

    /// Fields of a type that have no selection of their own.
    fn leaves(name: &str) -> Vec<String> {
        let document = committed_types();
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(it) => Some(it.node),
            _ => None,
        });
        let types: Vec<_> = types.collect();
        let is_leaf = |field: &FieldDefinition| {
            let named = field.ty.node.to_string().replace(['[', ']', '!'], "");
            let composite = types.iter().find(|it| it.name.node == named).map(|it| &it.kind);
            !matches!(composite, Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_)))
        };
        let found = types.iter().find(|it| it.name.node == name).map(|it| &it.kind);
        let Some(TypeKind::Object(object)) = found else { panic!("{name} is no object") };
        let leaves = object.fields.iter().filter(|field| is_leaf(&field.node));
        leaves.map(|field| field.node.name.node.to_string()).collect()
    }

    /// One that is not makes a page that selects it slower, and nothing else would tell.
    #[test]
    fn every_field_of_an_order_and_of_a_line_is_written() {
        fn assert_written<T: Plain>(others: &[&str]) {
            let leaves = leaves(T::TYPE_NAME);
            assert!(others.iter().all(|other| leaves.iter().any(|leaf| leaf == other)), "{leaves:?}");
            for leaf in leaves {
                assert_eq!(
                    is_written::<T>(&format!("{{ {leaf} }}")),
                    !others.contains(&leaf.as_str()),
                    "{}.{leaf} needs a line in `Plain::step` beside its resolver",
                    T::TYPE_NAME
                );
            }
        }
        // Rarely on a page.
        assert_written::<SalesOrder>(&["nextStatuses"]);
        assert_written::<order::SalesOrderLine>(&[]);
        assert_written::<LineAnswer>(&[]);
        assert_written::<Shipment>(&[]);
        assert_written::<ShipmentLine>(&[]);
        assert_written::<SalesOrderEdge>(&[]);
        let export = "{ products { answer { reason } } shipments { carrier lines { quantity } } }";
        assert!(is_written::<SalesOrder>(export), "as REST reads pages");
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
