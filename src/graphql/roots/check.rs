//! Whether the table of root fields fits the schema.

use async_graphql::Name;
use thiserror::Error;

use super::catalog;
use super::table::{KINDS, Root, rows, type_name};

/// The table and the schema do not name the same root fields.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the table of root fields does not fit the schema: {}; mend it in src/graphql/roots/table.rs", .0.join(", "))]
pub struct Misfit(Vec<String>);

/// Compares the table with the schema: nobody may use a root field of which nobody said what it needs.
pub fn check() -> Result<(), Misfit> {
    let misfits = KINDS.into_iter().flat_map(|kind| {
        let fields = catalog::find(type_name(kind)).map(|root| root.fields.keys());
        let fields: Vec<_> = fields.into_iter().flatten().map(Name::as_str).collect();
        compare(type_name(kind), &fields, rows(kind))
    });
    let misfits: Vec<_> = misfits.collect();
    if misfits.is_empty() { Ok(()) } else { Err(Misfit(misfits)) }
}

fn compare(root_type: &str, fields: &[&str], rows: &[Root]) -> Vec<String> {
    let mut misfits = Vec::new();
    for field in fields {
        match rows.iter().filter(|row| row.name == *field).count() {
            0 => misfits.push(format!("{root_type}.{field} has no row")),
            1 => {}
            n => misfits.push(format!("{root_type}.{field} has {n} rows")),
        }
    }
    let superfluous = rows.iter().filter(|row| !fields.contains(&row.name));
    misfits.extend(superfluous.map(|row| format!("{root_type}.{} has a row but is no field", row.name)));
    misfits.sort();
    misfits
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

    use super::*;
    use crate::graphql::roots::schema::definitions;
    use crate::graphql::roots::table::find;
    use crate::service::Needs;

    #[test]
    fn the_service_does_not_start_with_a_root_field_without_a_row_or_a_row_without_a_field() {
        assert_eq!(check(), Ok(()));
        let row = |name| Root::new(name, Needs::Token);
        assert_eq!(compare("Query", &["viewer", "node"], &[row("viewer"), row("node")]), Vec::<String>::new());
        assert_eq!(compare("Query", &["viewer", "node"], &[row("viewer")]), ["Query.node has no row"]);
        assert_eq!(
            compare("Query", &["viewer"], &[row("viewer"), row("nod")]),
            ["Query.nod has a row but is no field"]
        );
        assert_eq!(compare("Query", &["viewer"], &[row("viewer"), row("viewer")]), ["Query.viewer has 2 rows"]);
        assert_eq!(
            Misfit(vec!["Query.node has no row".to_owned()]).to_string(),
            "the table of root fields does not fit the schema: Query.node has no row; mend it in \
             src/graphql/roots/table.rs"
        );
    }

    #[test]
    fn each_row_reads_the_input_that_the_schema_shows() {
        for definition in parse_schema(definitions()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let TypeKind::Object(object) = &definition.node.kind else { continue };
            let name = definition.node.name.node.as_str();
            let Some(kind) = KINDS.into_iter().find(|kind| type_name(*kind) == name) else { continue };
            for field in &object.fields {
                let shown = field
                    .node
                    .arguments
                    .iter()
                    .find(|argument| ["input", "where"].contains(&argument.node.name.node.as_str()));
                let shown = shown.map(|shown| {
                    (shown.node.name.node.to_string(), shown.node.ty.node.to_string().trim_end_matches('!').to_owned())
                });
                let read = find(kind, &field.node.name.node).unwrap().input;
                let read = read.map(|input| (input.name.to_owned(), (input.type_name)().into_owned()));
                assert_eq!(read, shown, "{name}.{}", field.node.name.node);
            }
        }
    }
}
