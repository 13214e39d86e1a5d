//! The types of the schema as data, from the schema's own text: async-graphql shows its registry to nobody.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use async_graphql::{Name, Positioned};

/// A type that has fields, or stands for several that have.
#[derive(Default)]
pub struct CatalogType {
    /// The type of each of its fields.
    pub fields: HashMap<Name, Type>,
    /// Of an interface: the object types that implement it.
    pub possible: Vec<Name>,
    /// Of an object: the interfaces it implements.
    pub implements: Vec<Name>,
}

/// The type with this name; none for scalars, inputs and the types of introspection.
pub fn find(name: &str) -> Option<&'static CatalogType> {
    TYPES.get(name)
}

static TYPES: LazyLock<HashMap<Name, CatalogType>> = LazyLock::new(|| {
    let definitions = parse_schema(super::schema::sdl()).map(|schema| schema.definitions).unwrap_or_default();
    let mut types: HashMap<Name, CatalogType> = HashMap::new();
    for definition in definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node;
        match definition.node.kind {
            TypeKind::Object(object) => {
                let implements: Vec<_> = object.implements.into_iter().map(|interface| interface.node).collect();
                for interface in &implements {
                    types.entry(interface.clone()).or_default().possible.push(name.clone());
                }
                let entry = types.entry(name).or_default();
                (entry.fields, entry.implements) = (fields(object.fields), implements);
            }
            TypeKind::Interface(interface) => types.entry(name).or_default().fields = fields(interface.fields),
            TypeKind::Union(union) => {
                let members = union.members.into_iter().map(|member| member.node);
                types.entry(name).or_default().possible.extend(members);
            }
            TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => {}
        }
    }
    types
});

fn fields(definitions: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, Type> {
    definitions.into_iter().map(|field| (field.node.name.node, field.node.ty.node)).collect()
}
