//! Lists of objects, each item read field by field.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::rules::{Holds, describe};
use super::{Fields, kind};
use crate::error::FieldErrorCode;

impl<'a> Fields<'a> {
    /// A required list of objects, each read by `read`. Gives the items only when all of them are sound.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        length: &RangeInclusive<usize>,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.required(name, || Holds::List(length.clone(), describe(|mut fields| read(&mut fields))))?;
        self.list_of(name, value, length, read)
    }

    /// An optional list of objects, each read by `read`. Gives the items only when all of them are sound.
    pub fn optional_list<T>(
        &mut self,
        name: &'static str,
        length: &RangeInclusive<usize>,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value: &'a Value =
            self.optional(name, || Holds::List(length.clone(), describe(|mut fields| read(&mut fields))))?;
        self.list_of(name, value, length, read)
    }

    fn list_of<T>(
        &mut self,
        name: &'static str,
        value: &'a Value,
        length: &RangeInclusive<usize>,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let (items, base) = self.items(name, value, length)?;
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let mut fields = Fields::at(item, self.naming, format!("{base}/{index}"));
            let read = read(&mut fields);
            match (read, fields.finish()) {
                (Some(item), Ok(())) => out.push(item),
                (_, Err(errors)) => self.errors.extend(errors),
                // `None` without a fault cannot happen: every reader notes why it returns nothing.
                (None, Ok(())) => {}
            }
        }
        (out.len() == items.len()).then_some(out)
    }

    /// A required list of objects, each read by `read` to its end and by itself: faults of one are its own.
    pub fn rows<T>(
        &mut self,
        name: &'static str,
        length: &RangeInclusive<usize>,
        mut read: impl FnMut(Fields<'_>) -> T,
    ) -> Option<Vec<T>> {
        let value = self.required(name, || Holds::List(length.clone(), describe(&mut read)))?;
        let (items, base) = self.items(name, value, length)?;
        let at = |(index, item)| Fields::at(item, self.naming, format!("{base}/{index}"));
        Some(items.iter().enumerate().map(at).map(read).collect())
    }

    /// The items of a list of objects, and the pointer to it.
    fn items(
        &mut self,
        name: &'static str,
        value: &'a Value,
        length: &RangeInclusive<usize>,
    ) -> Option<(&'a [Value], String)> {
        let Value::Array(items) = value else {
            return self.refuse(name, FieldErrorCode::Type, format!("must be a list, not {}", kind(value)));
        };
        if !length.contains(&items.len()) {
            let message = format!("must hold {} to {} items, not {}", length.start(), length.end(), items.len());
            return self.refuse(name, FieldErrorCode::Length, message);
        }
        Some((items, self.pointer_to(&self.naming.spell(name))))
    }
}
