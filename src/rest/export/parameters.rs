//! The query parameters of an export: one for each way in which the filter of lists can ask for a field.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::trailer::TRAILER;
use crate::domain::fields::listed;
use crate::error::{AppError, FieldError, FieldErrorCode};
use crate::graphql::{Content, Member};
use crate::rest::operations::EXPORT_SALES_ORDERS;

/// What may narrow an export, given once or, where several values may be asked for, more often.
pub struct Parameter {
    /// `customer_code`, `customer_code_contains`, `created_at_gte`, …
    pub name: String,
    /// The field of the filter.
    field: String,
    /// What is asked of the field, if there are several ways: `in`, `contains`, `gte`, …
    operator: Option<String>,
    /// Its values and their description.
    pub member: Member,
}

/// How the orders are sorted.
pub const ORDER_BY: &str = "order_by";

/// How they are sorted when nothing is said.
pub const DEFAULT_ORDER: &str = "created_at_asc";

pub static PARAMETERS: LazyLock<Vec<Parameter>> = LazyLock::new(|| {
    let mut variables = EXPORT_SALES_ORDERS.variables();
    let mut take = |name: &str| {
        let at = variables.iter().position(|variable| variable.name == name)?;
        Some(variables.swap_remove(at))
    };
    let filter = take("where").map(|filter| filter.shape.holds);
    let fields = if let Some(Content::Members(fields)) = filter { fields } else { Vec::new() };
    let mut parameters: Vec<_> = fields.into_iter().flat_map(of_field).collect();
    if let Some(mut sort) = take(ORDER_BY) {
        sort.description.clone_from(&sort.shape.description);
        if let Content::Enum(values) = &mut sort.shape.holds {
            for (name, _) in values {
                name.make_ascii_lowercase();
            }
        }
        parameters.push(Parameter { name: ORDER_BY.to_owned(), field: String::new(), operator: None, member: sort });
    }
    parameters
});

fn of_field(field: Member) -> Vec<Parameter> {
    let Content::Members(operators) = field.shape.holds else {
        return vec![Parameter { name: field.name.clone(), field: field.name.clone(), operator: None, member: field }];
    };
    // A list of one says what `eq` says.
    let operators = operators.into_iter().filter(|operator| operator.name != "eq");
    let parameter = |operator: Member| Parameter {
        name: if operator.name == "in" { field.name.clone() } else { format!("{}_{}", field.name, operator.name) },
        field: field.name.clone(),
        operator: Some(operator.name.clone()),
        member: Member { description: format!("{} {}", field.description, operator.description), ..operator },
    };
    operators.map(parameter).collect()
}

/// The names that may be sorted by.
fn sorts() -> Vec<&'static str> {
    match PARAMETERS.last().map(|parameter| &parameter.member.shape.holds) {
        Some(Content::Enum(values)) => values.iter().map(|(name, _)| name.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// The document's variables from pairs of a parameter's name and a value.
pub fn variables(pairs: &[(String, String)]) -> Result<Value, AppError> {
    let mut values: BTreeMap<&str, (&Parameter, Vec<&str>)> = BTreeMap::new();
    let mut faults = Vec::new();
    let fault = |name: &str, code, message| FieldError { pointer: format!("/{name}"), code, message };
    for (name, value) in pairs {
        if let Some(parameter) = PARAMETERS.iter().find(|parameter| parameter.name == *name) {
            values.entry(name).or_insert((parameter, Vec::new())).1.push(value);
        } else {
            let shown: String = name.chars().take(100).collect();
            let known: Vec<_> = PARAMETERS.iter().map(|parameter| parameter.name.as_str()).chain([TRAILER]).collect();
            let message = format!("is not a known parameter; the parameters are {}", known.join(", "));
            faults.push(fault(&shown, FieldErrorCode::Unknown, message));
        }
    }
    let mut filter: Map<String, Value> = Map::new();
    let mut order_by = DEFAULT_ORDER;
    for (name, (Parameter { field, operator, member, .. }, given)) in values {
        let value = match given[..] {
            _ if member.is_list => json!(given),
            [value] if name == ORDER_BY && !sorts().contains(&value) => {
                let message = format!("must be one of {}", sorts().join(", "));
                faults.push(fault(name, FieldErrorCode::Unknown, message));
                continue;
            }
            [value] if name == ORDER_BY => {
                order_by = value;
                continue;
            }
            [value] => json!(value),
            _ => {
                faults.push(fault(name, FieldErrorCode::Conflict, "must be given once".to_owned()));
                continue;
            }
        };
        match operator {
            Some(operator) => filter.entry(field).or_insert_with(|| json!({}))[operator] = value,
            None => drop(filter.insert(field.clone(), value)),
        }
    }
    if faults.is_empty() {
        Ok(json!({"where": filter, "order_by": order_by.to_ascii_uppercase(), "after": null}))
    } else {
        Err(AppError::invalid(listed(faults, String::new())))
    }
}

/// Names faults of the filter by the parameters they came in: `/where/created_at/gte` as `/created_at_gte`.
pub fn in_parameters(error: AppError) -> AppError {
    if error.errors.is_empty() {
        return error;
    }
    let renamed = error.errors.iter().map(|fault| {
        let Some(path) = fault.pointer.strip_prefix("/where/") else { return fault.clone() };
        let path = path.replace('/', "_");
        FieldError { pointer: format!("/{}", path.strip_suffix("_in").unwrap_or(&path)), ..fault.clone() }
    });
    AppError::invalid(renamed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_that_are_published_stay() {
        let names: Vec<_> = PARAMETERS.iter().map(|parameter| parameter.name.as_str()).collect();
        let known = "order_number,status,customer_code,customer_code_contains,site_code,site_code_contains,sales_name,\
                     sales_name_contains,product_code,product_code_contains,client_id,created_at_gte,created_at_lt,\
                     search,not_acknowledged_by,order_by";
        for known in known.split(',') {
            assert!(names.contains(&known), "{known}");
        }
        assert_eq!(sorts().len(), 6);
    }
    #[test]
    fn of_thousands_of_unknown_parameters_a_thousand_are_listed_and_the_rest_is_counted() {
        let unknown: Vec<_> = (0..3_000).map(|n| (format!("p{n}"), String::new())).collect();
        let refused = variables(&unknown).unwrap_err();
        assert_eq!(refused.errors.len(), 1_001);
        assert_eq!(refused.errors[1_000].message, "2000 more faults are not listed");
    }
}
