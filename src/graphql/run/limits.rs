//! What one request may ask for, checked on the parsed document before anything else looks at it.
//!
//! Every measure is taken with fragments spread out, but each fragment is measured once, so that a document of nested
//! fragments cannot cost more to measure than to send (`a_fragment_bomb_is_refused_at_once`).

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Field, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use super::selected;
use crate::error::{AppError, ErrorCode};
use crate::graphql::cost::Limits;
use crate::graphql::roots;

/// How deep selections may nest, fragments spread out; bounds the recursion of everything that walks a document. It is
/// async-graphql's own limit, which would refuse the rest with a worse message.
const MAX_NESTING: usize = 32;

impl Limits {
    /// Refuses an operation in its normal form that has too many root fields.
    pub(super) fn check_roots(&self, root: &SelectionSet) -> Result<(), AppError> {
        let asks_database = |item: &&Positioned<Selection>| !selected::name(&item.node).starts_with("__");
        within("root fields", root.items.iter().filter(asks_database).count(), self.root_fields)
            .map_err(|message| AppError::new(ErrorCode::LimitExceeded, message))
    }

    /// Refuses a document that asks for too much; gives how many selections it has, fragments spread out.
    pub(super) fn check(&self, document: &ExecutableDocument) -> Result<usize, AppError> {
        let asked = self.measure(document).map_err(|message| AppError::new(ErrorCode::LimitExceeded, message))?;
        if asked.introspects && !self.introspection {
            // async-graphql would answer null, as if there were no schema.
            let message = "Introspection is switched off here; /schema.graphql holds the schema";
            return Err(AppError::new(ErrorCode::GraphqlValidationFailed, message));
        }
        Ok(asked.selections)
    }

    fn measure(&self, document: &ExecutableDocument) -> Result<Measure, String> {
        let mut ruler = Ruler { document, fragments: HashMap::new() };
        let mut total = Measure::default();
        for (_, operation) in document.operations.iter() {
            let operation = &operation.node;
            let mut measure = ruler.selections(&operation.selection_set.node, 0);
            let of_variables = operation.variable_definitions.iter().map(|variable| variable.node.directives.len());
            let directives = operation.directives.len() + of_variables.sum::<usize>();
            measure.directives = measure.directives.saturating_add(directives);
            if operation.ty == OperationType::Mutation {
                within("mutations", measure.root_fields, self.mutations)?;
                within("logins", measure.root_logins, self.logins)?;
            }
            total = total.beside(measure);
        }
        // A fragment nobody spreads is refused later, but by walking it first.
        for name in document.fragments.keys() {
            if !ruler.fragments.contains_key(name) {
                total = total.beside(ruler.fragment(name, 0));
            }
        }
        // The height as well: a fragment that was measured before is not walked again where it stands deeper.
        if total.is_endless || total.height > MAX_NESTING {
            return Err(format!("Fields and fragments must nest at most {MAX_NESTING} deep, and never in a circle"));
        }
        within("levels of fields", total.depth, self.depth)?;
        within("fields, fragments spread out,", total.selections, self.complexity)?;
        within("aliases", total.aliases, self.aliases)?;
        within("directives", total.directives, self.directives)?;
        if total.introspection_is_circular {
            return Err("An introspection query must not go through fields more than once".to_owned());
        }
        Ok(total)
    }
}

pub(super) fn within(what: &str, asked: usize, allowed: usize) -> Result<(), String> {
    if asked <= allowed {
        return Ok(());
    }
    Err(format!("The request has {asked} {what} where {allowed} are allowed; make it smaller or split it"))
}

/// What a set of selections comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Measure {
    depth: usize,
    /// How deep selections nest, fragments included.
    height: usize,
    /// Fields, and fragments too: nested ones without a single field are work all the same.
    selections: usize,
    aliases: usize,
    directives: usize,
    root_fields: usize,
    root_logins: usize,
    /// The most lists of types or fields on one path down: two already make a circle.
    introspection_lists: usize,
    introspection_is_circular: bool,
    introspects: bool,
    /// Nested beyond [`MAX_NESTING`], as a fragment that spreads itself is.
    is_endless: bool,
}

impl Measure {
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            height: self.height.max(other.height),
            selections: self.selections.saturating_add(other.selections),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            root_logins: self.root_logins.saturating_add(other.root_logins),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
            introspection_is_circular: self.introspection_is_circular || other.introspection_is_circular,
            introspects: self.introspects || other.introspects,
            is_endless: self.is_endless || other.is_endless,
        }
    }

    /// The same behind a fragment's name or type condition.
    fn inside_fragment(self, directives: usize) -> Self {
        Self {
            height: self.height.saturating_add(1),
            selections: self.selections.saturating_add(1),
            directives: self.directives.saturating_add(directives),
            ..self
        }
    }
}

struct Ruler<'d> {
    document: &'d ExecutableDocument,
    /// `None` while a fragment is being measured: meeting it then means that it spreads itself.
    fragments: HashMap<&'d Name, Option<Measure>>,
}

impl<'d> Ruler<'d> {
    fn selections(&mut self, set: &'d SelectionSet, nesting: usize) -> Measure {
        if nesting > MAX_NESTING {
            return Measure { is_endless: true, ..Measure::default() };
        }
        set.items.iter().map(|item| self.selection(&item.node, nesting)).fold(Measure::default(), Measure::beside)
    }

    fn selection(&mut self, selection: &'d Selection, nesting: usize) -> Measure {
        match selection {
            Selection::Field(field) => self.field(&field.node, nesting),
            Selection::InlineFragment(inline) => {
                let inline = &inline.node;
                self.selections(&inline.selection_set.node, nesting + 1).inside_fragment(inline.directives.len())
            }
            Selection::FragmentSpread(spread) => {
                let spread = &spread.node;
                self.fragment(&spread.fragment_name.node, nesting).inside_fragment(spread.directives.len())
            }
        }
    }

    fn field(&mut self, field: &'d Field, nesting: usize) -> Measure {
        let is_leaf = field.selection_set.node.items.is_empty();
        let inner = if is_leaf { Measure::default() } else { self.selections(&field.selection_set.node, nesting + 1) };
        let name = field.name.node.as_str();
        let is_introspection = matches!(name, "__schema" | "__type");
        let is_list = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
        Measure {
            depth: if is_introspection { 1 } else { inner.depth.saturating_add(1) },
            height: if is_leaf { 0 } else { inner.height.saturating_add(1) },
            selections: inner.selections.saturating_add(1),
            aliases: inner.aliases.saturating_add(usize::from(field.alias.is_some())),
            directives: inner.directives.saturating_add(field.directives.len()),
            root_fields: 1,
            root_logins: usize::from(roots::takes_secret(name)),
            introspection_lists: inner.introspection_lists.saturating_add(usize::from(is_list)),
            introspection_is_circular: inner.introspection_is_circular
                || (is_introspection && inner.introspection_lists > 1),
            introspects: inner.introspects || is_introspection,
            is_endless: inner.is_endless,
        }
    }

    fn fragment(&mut self, name: &'d Name, nesting: usize) -> Measure {
        if let Some(known) = self.fragments.get(name) {
            return known.unwrap_or(Measure { is_endless: true, ..Measure::default() });
        }
        // An unknown fragment is refused later, by name.
        let Some(fragment) = self.document.fragments.get(name) else { return Measure::default() };
        self.fragments.insert(name, None);
        let mut measure = self.selections(&fragment.node.selection_set.node, nesting + 1);
        measure.directives = measure.directives.saturating_add(fragment.node.directives.len());
        self.fragments.insert(name, Some(measure));
        measure
    }
}
