//! The arguments of fields once their variables are known.

use async_graphql::parser::types::InputValueDefinition;
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as Literal;

use super::input_value::make_lists;
use crate::error::{AppError, ErrorCode, FieldError, FieldErrorCode};

type Argument = (Positioned<Name>, Positioned<Literal>);

/// The arguments of a field as its resolver gets them (GraphQL §6.4.1): without those whose variable was left out, which
/// leaves each its default, and with a list for each single value that stands for one.
pub(super) fn settled(
    arguments: &[Argument],
    definitions: &[InputValueDefinition],
    variables: &Variables,
) -> Result<Vec<Argument>, AppError> {
    let mut settled = Vec::with_capacity(arguments.len());
    for (name, Positioned { node: value, pos }) in arguments {
        let ty = definitions.iter().find(|known| known.name.node == name.node).map(|known| &known.ty.node);
        if let (Literal::Variable(variable), Some(ty)) = (value, ty)
            && variables.get(variable) == Some(&Value::Null)
            && !ty.nullable
        {
            let message = format!("The variable ${variable} must not be null where it is the argument {}", name.node);
            let fault = FieldError {
                pointer: format!("/variables/{variable}"),
                code: FieldErrorCode::Required,
                message: "must not be null".to_owned(),
            };
            let refusal = AppError::new(ErrorCode::ValidationFailed, message).with_errors(vec![fault]);
            return Err(refusal.detail("variable", variable.as_str()));
        }
        if let Some(mut value) = given(value, variables) {
            if let Some(ty) = ty {
                make_lists(&mut value, ty);
            }
            settled.push((name.clone(), Positioned::new(value, *pos)));
        }
    }
    Ok(settled)
}

/// A value without the fields whose variables were left out; nothing when it is such a variable itself. In a list it is null.
fn given(value: &Literal, variables: &Variables) -> Option<Literal> {
    Some(match value {
        Literal::Variable(name) if !variables.contains_key(name) => return None,
        Literal::List(items) => {
            Literal::List(items.iter().map(|item| given(item, variables).unwrap_or(Literal::Null)).collect())
        }
        Literal::Object(members) => {
            let given = members.iter().filter_map(|(name, value)| Some((name.clone(), given(value, variables)?)));
            Literal::Object(given.collect())
        }
        other => other.clone(),
    })
}
