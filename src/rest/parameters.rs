//! Query parameters as the input of a root field, and its faults in the words of parameters.

use serde_json::{Map, Value, json};

use crate::error::{AppError, FieldError, FieldErrorCode};
use crate::graphql::{Content, Member, PreparedOperation};

/// The name of the variable that the parameters become.
pub const VARIABLE: &str = "parameters";

/// The members of the input that the parameters become.
pub fn of(operation: &PreparedOperation) -> Vec<Member> {
    match operation.variables().into_iter().find(|variable| variable.name == VARIABLE).map(|it| it.shape.holds) {
        Some(Content::Members(members)) => members,
        _ => Vec::new(),
    }
}

/// The input, unknown parameters included: the reader names all that is wrong at once. What is given several times becomes a list, as
/// does what is one anyway.
pub fn values(pairs: &[(String, String)], numbers: &[&str], list: Option<&str>) -> Map<String, Value> {
    let mut values: Map<String, Value> = Map::new();
    for (name, text) in pairs {
        let value = match text.parse::<i64>() {
            Ok(value) if numbers.contains(&name.as_str()) => json!(value),
            _ => json!(text),
        };
        match values.get_mut(name) {
            Some(Value::Array(all)) => all.push(value),
            Some(first) => *first = json!([first.take(), value]),
            None if Some(name.as_str()) == list => drop(values.insert(name.clone(), json!([value]))),
            None => drop(values.insert(name.clone(), value)),
        }
    }
    values
}

/// The faults of an input, told as those of these parameters.
pub fn in_parameters(error: AppError, known: &[&str]) -> AppError {
    if error.errors.is_empty() {
        return error;
    }
    let reworded = error.errors.iter().map(|fault| {
        let (code, message) = match fault.code {
            FieldErrorCode::Unknown => {
                (fault.code, format!("is not a known parameter; the parameters are {}", known.join(", ")))
            }
            // No single parameter is a list but one that is given more than once.
            FieldErrorCode::Type if fault.message.ends_with("not a list") => {
                (FieldErrorCode::Conflict, "must be given once".to_owned())
            }
            code => (code, fault.message.clone()),
        };
        FieldError { pointer: fault.pointer.clone(), code, message }
    });
    AppError::invalid(reworded.collect())
}
