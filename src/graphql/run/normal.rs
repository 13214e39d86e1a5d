//! The normal form of an operation: fragments resolved, `@skip` and `@include` applied, and fields of one response key
//! merged into one (GraphQL §6.3.2, CollectFields). What a request costs, who may send it and what runs is read from this
//! form, so a field that a document names a thousand times costs, and runs, once.
//!
//! async-graphql runs a field as often as a document names it and merges the answers
//! (`a_secret_that_is_rotated_twice_under_one_name_is_rotated_once`).

use std::collections::HashSet;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment, InputValueDefinition,
    OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, Value, Variables};

use super::prepared;
use super::selected::{OBJECT_TYPE, name};
use super::settled::settled;
use crate::error::{AppError, ErrorCode};
use crate::graphql::roots::{self, catalog};

/// The normal form of the operation with this name (or the only one), as a document of that operation alone.
///
/// Takes a valid document, with its variables coerced; without them its arguments stay as they are written. Fails where two
/// fields of one response key differ, or an argument that may not be null comes to null.
pub(super) fn normalise(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: Option<&Variables>,
) -> Result<ExecutableDocument, AppError> {
    let Some((name, operation)) = prepared::chosen(document, operation_name) else {
        return Err(AppError::internal("an operation was normalised before it was chosen"));
    };
    let form = NormalForm { document, variables };
    let root = Name::new(roots::type_name(operation.ty));
    let selection_set = form.selection_set(&[&operation.selection_set.node], Some(&root))?;
    ensure_one_stream(operation.ty, &selection_set)?;
    let operation = OperationDefinition {
        ty: operation.ty,
        variable_definitions: operation.variable_definitions.clone(),
        directives: Vec::new(),
        selection_set: Positioned::new(selection_set, operation.selection_set.pos),
    };
    let operation = Positioned::new(operation, Pos::default());
    let operations = match name {
        Some(name) => DocumentOperations::Multiple([(name.clone(), operation)].into()),
        None => DocumentOperations::Single(operation),
    };
    Ok(ExecutableDocument { operations, fragments: [].into() })
}

/// GraphQL §5.2.3.1: fragments count.
fn ensure_one_stream(operation: OperationType, root: &SelectionSet) -> Result<(), AppError> {
    match &root.items[..] {
        _ if operation != OperationType::Subscription => Ok(()),
        [only] if !name(&only.node).starts_with("__") => Ok(()),
        _ => Err(invalid("A subscription selects exactly one field, which is not of introspection".to_owned())),
    }
}

struct NormalForm<'d> {
    document: &'d ExecutableDocument,
    variables: Option<&'d Variables>,
}

/// The fields under one response key: the first of them, and what is selected below any of them.
struct Merged<'d> {
    field: &'d Positioned<Field>,
    below: Vec<&'d SelectionSet>,
}

impl<'d> NormalForm<'d> {
    /// What these sets select of a type together. An interface's is told for each of its object types.
    fn selection_set(&self, sets: &[&'d SelectionSet], on: Option<&Name>) -> Result<SelectionSet, AppError> {
        let possible = on.and_then(|on| catalog::find(on)).map_or(&[][..], |on| &on.possible);
        if possible.is_empty() {
            return self.of_object(sets, on);
        }
        let of_each = possible.iter().map(|object| {
            let condition = TypeCondition { on: Positioned::new(object.clone(), Pos::default()) };
            let mut selected = self.fields(sets, Some(object))?;
            selected.items.push(object_type());
            let fragment = InlineFragment {
                type_condition: Some(Positioned::new(condition, Pos::default())),
                directives: Vec::new(),
                selection_set: Positioned::new(selected, Pos::default()),
            };
            let fragment = Selection::InlineFragment(Positioned::new(fragment, Pos::default()));
            Ok(Positioned::new(fragment, Pos::default()))
        });
        Ok(SelectionSet { items: of_each.collect::<Result<_, AppError>>()? })
    }

    fn of_object(&self, sets: &[&'d SelectionSet], object: Option<&Name>) -> Result<SelectionSet, AppError> {
        let mut selected = self.fields(sets, object)?;
        if selected.items.is_empty() {
            selected.items.push(object_type());
        }
        Ok(selected)
    }

    fn fields(&self, sets: &[&'d SelectionSet], object: Option<&Name>) -> Result<SelectionSet, AppError> {
        let (mut members, mut visited) = (IndexMap::new(), HashSet::new());
        for set in sets {
            self.collect(set, object, &mut visited, &mut members)?;
        }
        let fields = object.and_then(|object| catalog::find(object)).map(|object| &object.fields);
        let items = members
            .into_values()
            .map(|member| {
                let name = &member.field.node.name.node;
                let ty = fields.and_then(|fields| fields.get(name));
                self.field(&member, ty, catalog::arguments(object, name))
            })
            .collect::<Result<Vec<_>, AppError>>()?;
        Ok(SelectionSet { items })
    }

    fn field(
        &self,
        Merged { field, below }: &Merged<'d>,
        ty: Option<&Type>,
        definitions: &[InputValueDefinition],
    ) -> Result<Positioned<Selection>, AppError> {
        let Field { alias, name, arguments, selection_set, .. } = &field.node;
        let selected = if below.is_empty() {
            SelectionSet::default()
        } else {
            self.selection_set(below, ty.map(|ty| catalog::named(&ty.base)))?
        };
        let merged = Field {
            alias: alias.clone(),
            name: name.clone(),
            arguments: match self.variables {
                Some(variables) => settled(arguments, definitions, variables)?,
                None => arguments.clone(),
            },
            directives: Vec::new(),
            selection_set: Positioned::new(selected, selection_set.pos),
        };
        Ok(Positioned::new(Selection::Field(Positioned::new(merged, field.pos)), field.pos))
    }

    /// The fields that a set selects of an object, in their order; each named fragment is looked into once.
    fn collect(
        &self,
        set: &'d SelectionSet,
        object: Option<&Name>,
        visited: &mut HashSet<&'d Name>,
        members: &mut IndexMap<&'d Name, Merged<'d>>,
    ) -> Result<(), AppError> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    if self.is_included(&field.node.directives)? {
                        merge(field, members)?;
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    if self.is_included(&fragment.node.directives)? && applies(condition, object) {
                        self.collect(&fragment.node.selection_set.node, object, visited, members)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if !self.is_included(&spread.node.directives)? || !visited.insert(name) {
                        continue;
                    }
                    let Some(fragment) = self.document.fragments.get(name) else { continue };
                    if applies(Some(&fragment.node.type_condition.node.on.node), object) {
                        self.collect(&fragment.node.selection_set.node, object, visited, members)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn is_included(&self, directives: &[Positioned<Directive>]) -> Result<bool, AppError> {
        for Positioned { node: directive, .. } in directives {
            let is_wanted = match directive.name.node.as_str() {
                "skip" => !self.condition(directive)?,
                "include" => self.condition(directive)?,
                _ => true,
            };
            if !is_wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn condition(&self, directive: &Directive) -> Result<bool, AppError> {
        let argument = directive.get_argument("if").map(|argument| argument.node.clone());
        let value = argument.and_then(|argument| {
            argument.into_const_with(|name| self.variables.and_then(|all| all.get(&name)).cloned().ok_or(())).ok()
        });
        match value {
            Some(Value::Boolean(condition)) => Ok(condition),
            _ => {
                let message = format!("The argument \"if\" of @{} must be true or false", directive.name.node);
                Err(AppError::new(ErrorCode::ValidationFailed, message))
            }
        }
    }
}

/// Whether a fragment with this type condition applies to an object of this type; of a type that is not known, any does,
/// for the document is valid.
fn applies(condition: Option<&Name>, object: Option<&Name>) -> bool {
    let (Some(condition), Some(object)) = (condition, object) else { return true };
    let is_abstract = catalog::find(condition).is_some_and(|condition| condition.possible.contains(object));
    condition == object || is_abstract
}

fn merge<'d>(field: &'d Positioned<Field>, members: &mut IndexMap<&'d Name, Merged<'d>>) -> Result<(), AppError> {
    let key = &field.node.response_key().node;
    let merged = members.entry(key).or_insert_with(|| Merged { field, below: Vec::new() });
    let (first, other) = (&merged.field.node, &field.node);
    if first.name.node != other.name.node {
        let (first, other) = (&first.name.node, &other.name.node);
        let message = format!("\"{key}\" names two fields, \"{first}\" and \"{other}\"; give one of them an alias");
        return Err(invalid(message));
    }
    let is_same = |(name, value): &(Positioned<Name>, Positioned<_>)| {
        other.get_argument(&name.node).is_some_and(|other| other.node == value.node)
    };
    if first.arguments.len() != other.arguments.len() || !first.arguments.iter().all(is_same) {
        let message = format!("\"{key}\" names one field with different arguments; give one of them an alias");
        return Err(invalid(message));
    }
    if !other.selection_set.node.items.is_empty() {
        merged.below.push(&other.selection_set.node);
    }
    Ok(())
}

fn object_type() -> Positioned<Selection> {
    let field = Field {
        alias: Some(Positioned::new(Name::new(OBJECT_TYPE), Pos::default())),
        name: Positioned::new(Name::new("__typename"), Pos::default()),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet::default(), Pos::default()),
    };
    Positioned::new(Selection::Field(Positioned::new(field, Pos::default())), Pos::default())
}

fn invalid(message: String) -> AppError {
    AppError::new(ErrorCode::GraphqlValidationFailed, message)
}
