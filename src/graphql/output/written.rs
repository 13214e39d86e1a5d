//! Lists that are written as JSON while they are resolved.
//!
//! A page of orders is two thousand values. As async-graphql resolves them each becomes a future, then a node of a tree,
//! then text; where nothing can fail and all is at hand, they become text at once. The text stands in the tree of the
//! answer as [`Value::Binary`], which nothing else gives, and [`to_json`] copies it into the JSON.
//!
//! To add a field: a line in its type's [`Plain::step`], beside its resolver. A field that is not there makes the list take
//! the long way (`every_field_of_an_order_and_of_a_line_is_written`);
//! `a_page_is_the_same_text_whichever_way_it_is_made` compares the two.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{ContainerType, ContextSelectionSet, OutputType, Positioned, Response, ServerResult, Value};
use serde::Serialize;

use super::error::is_request_error;
use super::in_order::{ListInOrder, plain_fields};
use crate::graphql::cost::budget::Budget;

/// In a request's data: lists may be text.
pub struct TakesText;

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

    /// Writes an object or null.
    pub fn write_optional(&self, object: Option<&T>, out: &mut Vec<u8>) -> Option<()> {
        match object {
            Some(object) => self.write(object, out),
            None => write(&(), out),
        }
    }

    /// Writes a list of objects.
    pub fn write_list<'t>(&self, objects: impl IntoIterator<Item = &'t T>, out: &mut Vec<u8>) -> Option<()> {
        out.push(b'[');
        for (index, object) in objects.into_iter().enumerate() {
            self.write_item(index, object, out)?;
        }
        out.push(b']');
        Some(())
    }

    fn write_item(&self, index: usize, object: &T, out: &mut Vec<u8>) -> Option<()> {
        if index > 0 {
            out.push(b',');
        }
        self.write(object, out)
    }
}

/// A list that is written if all that is selected is plain, and otherwise a [`ListInOrder`].
pub struct WrittenList<'t, T>(pub Vec<&'t T>);

/// The bytes of text that are written between two yields to other tasks.
const BYTES_A_TURN: usize = 64 * 1024;

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
            let text = self.write(ctx, &plan).await.map_err(|error| error.into_server_error(field.pos))?;
            if let Some(text) = text {
                return Ok(Value::Binary(text.into()));
            }
        }
        ListInOrder(self.0.clone()).resolve(ctx, field).await
    }
}

impl<T: Plain> WrittenList<'_, T> {
    /// The list as text, or nothing when something of it is not at hand. Its bytes are taken as they are written.
    async fn write(&self, ctx: &ContextSelectionSet<'_>, plan: &Plan<T>) -> async_graphql::Result<Option<Vec<u8>>> {
        let budget = ctx.data::<Arc<Budget>>()?;
        let mut text = Vec::with_capacity(self.0.len() * BYTES_PER_OBJECT);
        let mut taken = 0;
        text.push(b'[');
        for (index, object) in self.0.iter().enumerate() {
            if plan.write_item(index, object, &mut text).is_none() {
                return Ok(None);
            }
            if text.len() - taken >= BYTES_A_TURN {
                budget.bytes(text.len() - taken)?;
                taken = text.len();
                tokio::task::yield_now().await;
            }
        }
        text.push(b']');
        budget.bytes(text.len() - taken)?;
        Ok(Some(text))
    }
}

/// Whether parts of a response are text already.
pub fn holds_text(response: &Response) -> bool {
    text_bytes(&response.data) > 0
}

/// How many bytes of a value are text already.
pub fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Binary(text) => text.len(),
        Value::Object(members) => members.values().map(text_bytes).sum(),
        Value::List(items) => items.iter().map(text_bytes).sum(),
        _ => 0,
    }
}

/// A response as JSON, with the parts that are text already copied into it. Where nothing ran it has no `data`, not even null
/// (GraphQL §7.1.2).
pub fn to_json(response: &Response) -> String {
    let mut out = Vec::with_capacity(BYTES_PER_OBJECT);
    let is_refusal = is_request_error(response);
    let mut member = |name: &str, write: &mut dyn FnMut(&mut Vec<u8>)| {
        out.push(if out.is_empty() { b'{' } else { b',' });
        out.extend_from_slice(format!("\"{name}\":").as_bytes());
        write(&mut out);
    };
    if !is_refusal {
        member("data", &mut |out| write_value(&response.data, out));
        if !response.extensions.is_empty() {
            member("extensions", &mut |out| {
                let _ = write(&response.extensions, out);
            });
        }
    }
    if !response.errors.is_empty() {
        member("errors", &mut |out| {
            let _ = write(&response.errors, out);
        });
    }
    out.push(b'}');
    // Every part of it was written as JSON, which is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

/// A value of an answer as text, which is copied into each answer that has it instead of being written again.
pub fn to_text(value: &Value) -> Value {
    let mut text = Vec::new();
    write_value(value, &mut text);
    Value::Binary(text.into())
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
