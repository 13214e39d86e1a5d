//! Between JSON and GraphQL values.

use async_graphql::{Name, Value, Variables};

/// A JSON value as a GraphQL one, numbers to the last digit.
///
/// Not `Value::from_json`: that goes through serde, where serde_json's `arbitrary_precision` passes a number as an object
/// with one marker member, and async-graphql would make an object of it
/// (`a_price_with_any_spelling_of_a_number_is_taken_exactly`).
pub fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Boolean(value),
        serde_json::Value::Number(value) => Value::Number(value),
        serde_json::Value::String(value) => Value::String(value),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (Name::new(name), from_json(value))).collect())
        }
    }
}

/// A GraphQL value as JSON, numbers to the last digit.
pub fn to_json(value: Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Binary(_) => serde_json::Value::Null,
        Value::Boolean(value) => serde_json::Value::Bool(value),
        Value::Number(value) => serde_json::Value::Number(value),
        Value::String(value) => serde_json::Value::String(value),
        Value::Enum(name) => serde_json::Value::String(name.to_string()),
        Value::List(items) => items.into_iter().map(to_json).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name.to_string(), to_json(value))).collect(),
    }
}

/// Variables from a JSON object; anything else holds none.
#[must_use]
pub fn variables(json: serde_json::Value) -> Variables {
    Variables::from_value(from_json(json))
}
