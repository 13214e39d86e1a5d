//! What goes into a document of ours and what comes out of it, as the schema describes it: REST says the same to its
//! callers, in its own words for types.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, Field, Selection, SelectionSet, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};

use super::prepared::{PreparedOperation, chosen};
use crate::domain::fields::{Naming, Rule};
use crate::graphql::inputs::rules_of;
use crate::graphql::roots::{definitions, type_name};

/// A type and what values of it hold.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Its name in the schema.
    pub type_name: String,
    /// The first paragraph of its description; what follows is for GraphQL's own callers.
    pub description: String,
    /// What values hold.
    pub holds: Content,
}

/// What values of a type hold.
#[derive(Debug, Clone)]
pub enum Content {
    /// A scalar.
    Scalar,
    /// One of these names, each with its description.
    Enum(Vec<(String, String)>),
    /// The members of an object.
    Members(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its response key; of an input the name that REST gives it.
    pub name: String,
    /// Where the schema has it, such as `SalesOrder.status` (a schema coordinate); empty where it is a variable.
    pub coordinate: String,
    /// Its description.
    pub description: String,
    /// Whether it may be null.
    pub is_nullable: bool,
    /// Whether it is a list.
    pub is_list: bool,
    /// Its type, of a list that of the items.
    pub shape: Shape,
    /// Of an input: what its reader checks.
    pub rule: Option<Rule>,
}

impl PreparedOperation {
    /// What it answers with: the value of its one root field.
    ///
    /// # Panics
    /// When the document does not fit the schema, which the suite makes sure of.
    #[must_use]
    pub fn answer(&self) -> Member {
        let schema = &*DEFINITIONS;
        let root = chosen(self.document(), None).map_or("", |(_, operation)| type_name(operation.ty));
        let members = self.selection_set().map(|set| schema.selected(root, set)).unwrap_or_default();
        match members.into_iter().next() {
            Some(member) => member,
            None => panic!("the document {} selects nothing", self.name()),
        }
    }

    /// What it takes: its variables.
    #[must_use]
    pub fn variables(&self) -> Vec<Member> {
        let schema = &*DEFINITIONS;
        let definitions = chosen(self.document(), None).map(|(_, operation)| &operation.variable_definitions);
        let variables = definitions.into_iter().flatten().map(|variable| {
            let (name, ty) = (variable.node.name.node.as_str(), &variable.node.var_type.node);
            let rules = rules_of(named(&ty.base));
            schema.member(name, "", ty, |shape| schema.input(shape, &rules))
        });
        variables.collect()
    }
}

/// Read once: whoever asks for the description first waits for every operation's.
static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(Definitions::read);

/// The types of the schema by their names.
struct Definitions(HashMap<String, TypeDefinition>);

impl Definitions {
    fn read() -> Self {
        let definitions = parse_schema(definitions()).map(|schema| schema.definitions).unwrap_or_default();
        let types = definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(Positioned { node: ty, .. }) => Some((ty.name.node.to_string(), ty)),
            _ => None,
        });
        Self(types.collect())
    }

    fn member(&self, name: &str, description: &str, ty: &Type, content: impl FnOnce(&str) -> Content) -> Member {
        let type_name = named(&ty.base);
        let about = self.0.get(type_name).and_then(|known| known.description.as_ref());
        let first_paragraph = about.and_then(|about| about.node.split("\n\n").next()).unwrap_or_default();
        let shape = Shape {
            type_name: type_name.to_owned(),
            description: one_line(first_paragraph),
            holds: content(type_name),
        };
        Member {
            name: name.to_owned(),
            coordinate: String::new(),
            description: one_line(description),
            is_nullable: ty.nullable,
            is_list: matches!(ty.base, BaseType::List(_)),
            shape,
            rule: None,
        }
    }

    /// What a set selects of an object, in its order.
    fn selected(&self, object: &str, set: &SelectionSet) -> Vec<Member> {
        let Some(TypeKind::Object(definition)) = self.0.get(object).map(|known| &known.kind) else {
            return Vec::new();
        };
        let fields = set.items.iter().filter_map(|item| match &item.node {
            Selection::Field(field) => Some(&field.node),
            _ => None,
        });
        let member = |field: &Field| {
            let known = definition.fields.iter().find(|known| known.node.name.node == field.name.node)?;
            let description = known.node.description.as_ref().map_or("", |text| &text.node);
            let below = &field.selection_set.node;
            let member = self.member(&field.response_key().node, description, &known.node.ty.node, |of| {
                if below.items.is_empty() { self.leaf(of) } else { Content::Members(self.selected(of, below)) }
            });
            Some(Member { coordinate: format!("{object}.{}", field.name.node), ..member })
        };
        fields.filter_map(member).collect()
    }

    /// What an input holds, each field with what its reader checks.
    fn input(&self, input: &str, rules: &[Rule]) -> Content {
        let Some(TypeKind::InputObject(definition)) = self.0.get(input).map(|known| &known.kind) else {
            return self.leaf(input);
        };
        let members = definition.fields.iter().filter_map(|Positioned { node: field, .. }| {
            let rule = rules.iter().find(|rule| Naming::CamelCase.spell(rule.name) == field.name.node.as_str())?;
            let description = field.description.as_ref().map_or("", |text| &text.node);
            let below = rule.fields();
            let member = self.member(rule.name, description, &field.ty.node, |of| self.input(of, below));
            Some(Member { coordinate: format!("{input}.{}", field.name.node), rule: Some(rule.clone()), ..member })
        });
        Content::Members(members.collect())
    }

    fn leaf(&self, name: &str) -> Content {
        match self.0.get(name).map(|known| &known.kind) {
            Some(TypeKind::Enum(known)) => {
                let value = |value: &Positioned<async_graphql::parser::types::EnumValueDefinition>| {
                    let description = value.node.description.as_ref().map_or("", |text| &text.node);
                    (value.node.value.node.to_string(), one_line(description))
                };
                Content::Enum(known.values.iter().map(value).collect())
            }
            _ => Content::Scalar,
        }
    }
}

/// The type that a list or a value is made of.
fn named(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(&of.base),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
