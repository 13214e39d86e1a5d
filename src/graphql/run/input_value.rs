//! Values that are sent, whether as variables or written into a document: one view of both, which async-graphql keeps in two
//! types.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, Type};
use async_graphql::{Name, Number, Value as Constant};
use async_graphql_value::Value as Literal;

use crate::graphql::roots::catalog::{self, InputKind};

/// What a value is.
pub(super) enum View<'v, V> {
    /// A variable, whose value and type are checked elsewhere.
    Variable,
    Null,
    Boolean,
    Number(&'v Number),
    Text(&'v str),
    /// A name, as a document writes the value of an enumeration.
    Name(&'v Name),
    List(&'v [V]),
    Object(&'v IndexMap<Name, V>),
}

impl<V> View<'_, V> {
    /// What it is, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Variable => "a variable",
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Name(_) => "a name",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The values that a value holds.
pub(super) enum Parts<'v, V> {
    List(&'v mut Vec<V>),
    Object(&'v mut IndexMap<Name, V>),
    /// A value that stands for itself.
    Leaf,
    /// Null, or a variable.
    Nothing,
}

/// A value that is sent.
pub(super) trait InputValue: Sized + Clone {
    /// Whether it stands in a document, where enumerations are names and `2.0` is no `Int`.
    const IS_LITERAL: bool;

    fn view(&self) -> View<'_, Self>;
    fn parts(&mut self) -> Parts<'_, Self>;
    fn list(item: Self) -> Self;
}

macro_rules! input_value {
    ($value:ident, literal: $is_literal:literal $(, variable: $variable:ident)?) => {
        impl InputValue for $value {
            const IS_LITERAL: bool = $is_literal;

            fn view(&self) -> View<'_, Self> {
                match self {
                    Self::Null | Self::Binary(_) => View::Null,
                    Self::Boolean(_) => View::Boolean,
                    Self::Number(number) => View::Number(number),
                    Self::String(text) => View::Text(text),
                    Self::Enum(name) => View::Name(name),
                    Self::List(items) => View::List(items),
                    Self::Object(members) => View::Object(members),
                    $( Self::$variable(_) => View::Variable, )?
                }
            }

            fn parts(&mut self) -> Parts<'_, Self> {
                match self {
                    Self::Null | Self::Binary(_) => Parts::Nothing,
                    $( Self::$variable(_) => Parts::Nothing, )?
                    Self::List(items) => Parts::List(items),
                    Self::Object(members) => Parts::Object(members),
                    Self::Boolean(_) | Self::Number(_) | Self::String(_) | Self::Enum(_) => Parts::Leaf,
                }
            }

            fn list(item: Self) -> Self {
                Self::List(vec![item])
            }
        }
    };
}

input_value!(Constant, literal: false);
input_value!(Literal, literal: true, variable: Variable);

/// Makes a list of each single value where a list is expected (GraphQL §3.11). What does not fit its type stays as it is.
pub(super) fn make_lists<V: InputValue>(value: &mut V, ty: &Type) {
    match (&ty.base, value.parts()) {
        (_, Parts::Nothing) | (BaseType::Named(_), Parts::Leaf | Parts::List(_)) => {}
        (BaseType::List(of), Parts::List(items)) => items.iter_mut().for_each(|item| make_lists(item, of)),
        // What can be no item of the list is refused as it is, as over REST.
        (BaseType::List(of), Parts::Leaf) if holds_objects(of) => {}
        (BaseType::List(of), Parts::Leaf | Parts::Object(_)) => {
            make_lists(value, of);
            *value = V::list(value.clone());
        }
        (BaseType::Named(name), Parts::Object(members)) => {
            let Some(InputKind::Object(fields)) = catalog::input(name) else { return };
            for field in fields {
                if let Some(value) = members.get_mut(&field.name.node) {
                    make_lists(value, &field.ty.node);
                }
            }
        }
    }
}

fn holds_objects(ty: &Type) -> bool {
    matches!(catalog::input(catalog::named(&ty.base)), Some(InputKind::Object(_)))
}
