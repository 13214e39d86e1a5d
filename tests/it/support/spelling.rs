//! Names of fields as one wire spells them, spelled as the other one does.

use serde_json::{Map, Value};

/// The same value with each field's name spelled anew.
pub fn respelled(value: &Value, spell: fn(&str) -> String) -> Value {
    match value {
        Value::Object(object) => {
            let members = object.iter().map(|(name, value)| (spell(name), respelled(value, spell)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| respelled(item, spell)).collect(),
        other => other.clone(),
    }
}

pub fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |spelled, part| {
        let (head, tail) = part.split_at(part.len().min(1));
        spelled + &head.to_uppercase() + tail
    })
}

pub fn snake_case(name: &str) -> String {
    let mut spelled = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            spelled.push('_');
        }
        spelled.push(c.to_ascii_lowercase());
    }
    spelled
}
