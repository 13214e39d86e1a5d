//! The types of the schema as data, from the schema's own text: async-graphql shows its registry to nobody.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Pos, Positioned, Value};

/// A type that has fields, or stands for several that have.
#[derive(Default)]
pub struct CatalogType {
    /// The type of each of its fields.
    pub fields: HashMap<Name, Type>,
    /// The arguments of each of its fields that has some.
    pub arguments: HashMap<Name, Vec<InputValueDefinition>>,
    /// Of an interface: the object types that implement it.
    pub possible: Vec<Name>,
    /// Of an object: the interfaces it implements.
    pub implements: Vec<Name>,
}

/// What values of an input type hold.
pub enum InputKind {
    /// A scalar.
    Scalar,
    /// One of these names.
    Enum(HashSet<Name>),
    /// The fields of an input object.
    Object(Vec<InputValueDefinition>),
}

/// The type with this name; none for scalars, inputs and the types of introspection.
pub fn find(name: &str) -> Option<&'static CatalogType> {
    CATALOG.types.get(name)
}

/// The name of a root type, as long as the program runs.
pub fn root(name: &str) -> Option<&'static Name> {
    CATALOG.types.get_key_value(name).map(|(name, _)| name)
}

/// The type that a list or a value is made of.
pub fn named(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(&of.base),
    }
}

/// The input type with this name; none for a type that is no input.
pub fn input(name: &str) -> Option<&'static InputKind> {
    CATALOG.inputs.get(name)
}

/// The arguments of a field, those of introspection included, whose types are not in the catalog.
pub fn arguments(on: Option<&Name>, field: &str) -> &'static [InputValueDefinition] {
    let known = on.and_then(|on| find(on)).and_then(|on| on.arguments.get(field));
    match field {
        _ if known.is_some() => known.map_or(&[], Vec::as_slice),
        "__type" => &INTROSPECTION[..1],
        "fields" | "enumValues" | "inputFields" | "args" if on.is_none_or(|on| find(on).is_none()) => {
            &INTROSPECTION[1..]
        }
        _ => &[],
    }
}

/// The argument of `@skip` and `@include`.
pub fn condition() -> &'static InputValueDefinition {
    static CONDITION: LazyLock<InputValueDefinition> = LazyLock::new(|| argument("if", "Boolean!", None));
    &CONDITION
}

/// The arguments of introspection (GraphQL §4.2): that of `__type`, and that of the lists which may show what is deprecated.
static INTROSPECTION: LazyLock<[InputValueDefinition; 2]> = LazyLock::new(|| {
    let deprecated = Some(Value::Boolean(false));
    [argument("name", "String!", None), argument("includeDeprecated", "Boolean", deprecated)]
});

fn argument(name: &str, ty: &str, default: Option<Value>) -> InputValueDefinition {
    let at = |node| Positioned::new(node, Pos::default());
    // The text is a constant of this module.
    let ty = Type::new(ty).unwrap_or(Type { base: BaseType::Named(Name::new("Boolean")), nullable: true });
    InputValueDefinition {
        description: None,
        name: Positioned::new(Name::new(name), Pos::default()),
        ty: Positioned::new(ty, Pos::default()),
        default_value: default.map(at),
        directives: Vec::new(),
    }
}

#[derive(Default)]
struct Catalog {
    types: HashMap<Name, CatalogType>,
    inputs: HashMap<Name, InputKind>,
}

/// The scalars that every schema has, and none declares (GraphQL §3.5).
const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let definitions = parse_schema(super::schema::definitions()).map(|schema| schema.definitions).unwrap_or_default();
    let mut catalog = Catalog::default();
    catalog.inputs.extend(BUILT_IN.map(|name| (Name::new(name), InputKind::Scalar)));
    for definition in definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node;
        match definition.node.kind {
            TypeKind::Object(object) => {
                let implements: Vec<_> = object.implements.into_iter().map(|interface| interface.node).collect();
                for interface in &implements {
                    catalog.types.entry(interface.clone()).or_default().possible.push(name.clone());
                }
                let entry = catalog.types.entry(name).or_default();
                entry.implements = implements;
                entry.add(object.fields);
            }
            TypeKind::Interface(interface) => catalog.types.entry(name).or_default().add(interface.fields),
            TypeKind::Union(union) => {
                let members = union.members.into_iter().map(|member| member.node);
                catalog.types.entry(name).or_default().possible.extend(members);
            }
            TypeKind::Scalar => drop(catalog.inputs.insert(name, InputKind::Scalar)),
            TypeKind::Enum(of) => {
                let values = of.values.into_iter().map(|value| value.node.value.node).collect();
                catalog.inputs.insert(name, InputKind::Enum(values));
            }
            TypeKind::InputObject(of) => {
                let fields = of.fields.into_iter().map(|field| field.node).collect();
                catalog.inputs.insert(name, InputKind::Object(fields));
            }
        }
    }
    catalog
});

impl CatalogType {
    fn add(&mut self, definitions: Vec<Positioned<FieldDefinition>>) {
        for Positioned { node: field, .. } in definitions {
            let arguments: Vec<_> = field.arguments.into_iter().map(|argument| argument.node).collect();
            if !arguments.is_empty() {
                self.arguments.insert(field.name.node.clone(), arguments);
            }
            self.fields.insert(field.name.node, field.ty.node);
        }
    }
}

/// The names of all scalars.
#[cfg(test)]
pub fn scalars() -> impl Iterator<Item = &'static str> {
    let is_scalar = |(name, kind): (&'static Name, &InputKind)| matches!(kind, InputKind::Scalar).then_some(name);
    CATALOG.inputs.iter().filter_map(is_scalar).map(Name::as_str)
}
