//! Lists that are written as JSON while they are resolved.
//!
//! A page of orders is two thousand values. As async-graphql resolves them each becomes a future, then a node of a tree,
//! then text; where nothing can fail and all is at hand, they become text at once. The text stands in the tree of the
//! answer as [`Value::Binary`], which nothing else gives, and [`to_json`] puts it in its place.
//!
//! To add a field: a line in its type's [`Plain::step`] (`types/plain.rs`). A field that is not there, a fragment or a directive only makes
//! the list take the long way; `a_page_is_the_same_text_whichever_way_it_is_made` compares the two.

use std::borrow::Cow;

use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{ContainerType, ContextSelectionSet, OutputType, Positioned, Response, ServerResult, Value};
use serde::Serialize;

use super::in_order::{ListInOrder, plain_fields};

/// What whoever runs a request does with its response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// Writes it with [`to_json`] where it [`holds_text`].
    MayBeText,
    /// Reads it.
    AreValues,
}

/// In a request's data: lists may be text.
pub(super) struct TakesText;

/// Whether nothing in these root fields is selected in two places: async-graphql merges two objects or two lists under one
/// name, but not two texts (`a_page_is_the_same_text_whichever_way_it_is_made`).
pub(super) fn may_hold_text(root: &SelectionSet) -> bool {
    plain_fields(root)
        .is_some_and(|fields| fields.iter().all(|field| plain_fields(&field.node.selection_set.node).is_some()))
}

/// Writes one value of an object; nothing when it is not at hand.
pub type Step<T> = Box<dyn Fn(&T, &mut Vec<u8>) -> Option<()> + Send + Sync>;

/// An object of which some fields are at hand and cannot fail.
pub trait Plain: Sized + 'static {
    /// Its name in the schema.
    const TYPE_NAME: &'static str;

    /// How a field is written, if it is such a field.
    fn step(field: &Field) -> Option<Step<Self>>;
}

/// Writes a text.
pub fn text<T: 'static>(get: fn(&T) -> &str) -> Step<T> {
    Box::new(move |object, out| write(get(object), out))
}

/// Writes a text or null.
pub fn optional_text<T: 'static>(get: fn(&T) -> Option<&str>) -> Step<T> {
    Box::new(move |object, out| write(&get(object), out))
}

/// Writes any other value.
pub fn value<T: 'static, V: Serialize + 'static>(get: fn(&T) -> V) -> Step<T> {
    Box::new(move |object, out| write(&get(object), out))
}

/// Writes a value that may fail to be made; the list then takes the long way, which says why.
pub fn fallible<T: 'static, V: Serialize + 'static>(get: fn(&T) -> Option<V>) -> Step<T> {
    Box::new(move |object, out| write(&get(object)?, out))
}

fn write<V: Serialize + ?Sized>(value: &V, out: &mut Vec<u8>) -> Option<()> {
    serde_json::to_writer(out, value).ok()
}

/// How objects are written for one selection.
pub struct Plan<T>(Vec<(String, Step<T>)>);

impl<T: Plain> Plan<T> {
    /// None when something else than plain fields is selected.
    pub fn of(set: &SelectionSet) -> Option<Self> {
        let members = plain_fields(set)?.into_iter().enumerate().map(|(index, field)| {
            let before = if index == 0 { '{' } else { ',' };
            let step = match field.node.name.node.as_str() {
                "__typename" => text(|_| T::TYPE_NAME),
                _ => T::step(&field.node)?,
            };
            Some((format!("{before}\"{}\":", field.node.response_key().node), step))
        });
        members.collect::<Option<_>>().map(Self)
    }

    /// Writes an object.
    pub fn write(&self, object: &T, out: &mut Vec<u8>) -> Option<()> {
        for (key, step) in &self.0 {
            out.extend_from_slice(key.as_bytes());
            step(object, out)?;
        }
        out.push(b'}');
        Some(())
    }

    /// Writes a list of objects.
    pub fn write_list<'t>(&self, objects: impl IntoIterator<Item = &'t T>, out: &mut Vec<u8>) -> Option<()> {
        out.push(b'[');
        for (index, object) in objects.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write(object, out)?;
        }
        out.push(b']');
        Some(())
    }
}

/// A list that is written if all that is selected is plain, and otherwise a [`ListInOrder`].
pub struct WrittenList<'t, T>(pub Vec<&'t T>);

/// What an order with its lines takes, more or less.
const BYTES_PER_OBJECT: usize = 1024;

impl<T: Plain + ContainerType> OutputType for WrittenList<'_, T> {
    fn type_name() -> Cow<'static, str> {
        ListInOrder::<&T>::type_name()
    }

    fn qualified_type_name() -> String {
        ListInOrder::<&T>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        ListInOrder::<&T>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        if ctx.data_opt::<TakesText>().is_some()
            && let Some(plan) = Plan::<T>::of(&ctx.item.node)
        {
            let mut text = Vec::with_capacity(self.0.len() * BYTES_PER_OBJECT);
            if plan.write_list(self.0.iter().copied(), &mut text).is_some() {
                return Ok(Value::Binary(text.into()));
            }
        }
        ListInOrder(self.0.clone()).resolve(ctx, field).await
    }
}

/// Whether lists of a response are text already.
pub fn holds_text(response: &Response) -> bool {
    fn is_within(value: &Value) -> bool {
        match value {
            Value::Binary(_) => true,
            Value::Object(members) => members.values().any(is_within),
            Value::List(items) => items.iter().any(is_within),
            _ => false,
        }
    }
    is_within(&response.data)
}

/// A response of which lists are text, as JSON.
pub fn to_json(response: &Response) -> Vec<u8> {
    let mut out = Vec::with_capacity(BYTES_PER_OBJECT);
    out.extend_from_slice(b"{\"data\":");
    write_value(&response.data, &mut out);
    for (name, is_there, value) in [
        ("extensions", !response.extensions.is_empty(), serde_json::to_vec(&response.extensions)),
        ("errors", !response.errors.is_empty(), serde_json::to_vec(&response.errors)),
    ] {
        if let (true, Ok(value)) = (is_there, value) {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            out.extend_from_slice(&value);
        }
    }
    out.push(b'}');
    out
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Binary(text) => out.extend_from_slice(text),
        Value::Object(members) => {
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(format!("\"{name}\":").as_bytes());
                write_value(value, out);
            }
            out.push(b'}');
        }
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, out);
            }
            out.push(b']');
        }
        other => drop(write(other, out)),
    }
}
