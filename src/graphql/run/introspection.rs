//! What a question about the schema costs: the values that its answer has, by the types and fields of this schema.
//!
//! `fields { type { fields … } }` and its like never get here (`limits`), so a path goes through one list of a type's
//! parts at most, and the number of values is known without walking them.

use std::sync::LazyLock;

use async_graphql::Value;
use async_graphql::parser::types::{Field, Selection, SelectionSet};

use crate::compute;
use crate::graphql::roots::{DESCRIPTION, schema};

/// An introspected value is at hand and costs less than one that is read from the database: so many are a point.
const VALUES_A_POINT: usize = 2;

/// How often a type may wrap another: a list that is not null of items that are not null.
const MOST_WRAPPERS: usize = 3;

/// The points of the root fields that ask about the schema.
pub(super) fn cost(root: &SelectionSet) -> usize {
    let asked = fields(root).filter(|field| is_introspection(field));
    let values = asked.map(|field| Walk::default().values(&field.selection_set.node, 1)).sum::<usize>();
    values / VALUES_A_POINT
}

/// Whether an operation asks about the schema and about nothing else.
pub(super) fn is_all(root: &SelectionSet) -> bool {
    fields(root).all(|field| field.name.node.starts_with("__")) && fields(root).any(is_introspection)
}

/// Puts our description of the schema where async-graphql answers with that of its own type `__Schema`.
pub(super) fn describe(data: &mut Value, root: &SelectionSet) {
    let Value::Object(data) = data else { return };
    for schema in fields(root).filter(|field| field.name.node == "__schema") {
        let Some(Value::Object(members)) = data.get_mut(&schema.response_key().node) else { continue };
        for description in fields(&schema.selection_set.node).filter(|field| field.name.node == "description") {
            members.insert(description.response_key().node.clone(), Value::from(DESCRIPTION));
        }
    }
}

fn is_introspection(field: &Field) -> bool {
    matches!(field.name.node.as_str(), "__schema" | "__type")
}

fn fields(set: &SelectionSet) -> impl Iterator<Item = &Field> {
    set.items.iter().filter_map(|item| match &item.node {
        Selection::Field(field) => Some(&field.node),
        _ => None,
    })
}

/// Where a walk down a selection is.
#[derive(Clone, Copy, Default)]
struct Walk {
    /// Whether the objects are all types of the schema, and so have as many parts as types have on average.
    all_types: bool,
    /// Whether they are all fields of those.
    all_fields: bool,
    wrappers: usize,
}

impl Walk {
    /// How many values this selection of so many objects has.
    fn values(self, set: &SelectionSet, objects: usize) -> usize {
        let of_field = |field: &Field| {
            let (walk, each) = self.step(&field.name.node);
            let objects = objects.saturating_mul(each.parts).div_ceil(each.of);
            objects.saturating_add(walk.values(&field.selection_set.node, objects))
        };
        fields(set).map(of_field).fold(0, usize::saturating_add)
    }

    /// Where a field leads, and how many objects there are for each that has it.
    fn step(self, field: &str) -> (Self, Each) {
        let counts = &*COUNTS;
        let of_types = |parts: Parts| if self.all_types { parts.average } else { parts.most };
        match field {
            "types" => (Self { all_types: true, ..Self::default() }, counts.types),
            "directives" => (Self::default(), counts.directives),
            "fields" => (Self { all_fields: self.all_types, ..Self::default() }, of_types(counts.fields)),
            "inputFields" => (Self::default(), of_types(counts.input_fields)),
            "enumValues" => (Self::default(), of_types(counts.enum_values)),
            "interfaces" => (Self::default(), of_types(counts.interfaces)),
            "possibleTypes" => (Self::default(), of_types(counts.possible_types)),
            "args" => (Self::default(), if self.all_fields { counts.args.average } else { counts.args.most }),
            "ofType" if self.wrappers == MOST_WRAPPERS => (self, Each { parts: 0, of: 1 }),
            "ofType" => (Self { wrappers: self.wrappers + 1, ..Self::default() }, Each::ONE),
            _ => (Self::default(), Each::ONE),
        }
    }
}

/// So many parts of so many objects.
#[derive(Clone, Copy)]
struct Each {
    parts: usize,
    of: usize,
}

impl Each {
    const ONE: Self = Self { parts: 1, of: 1 };
}

/// How many parts of a kind an object has.
#[derive(Clone, Copy)]
struct Parts {
    average: Each,
    most: Each,
}

struct Counts {
    types: Each,
    directives: Each,
    fields: Parts,
    input_fields: Parts,
    enum_values: Parts,
    interfaces: Parts,
    possible_types: Parts,
    args: Parts,
}

/// This schema's own, counted once.
static COUNTS: LazyLock<Counts> = LazyLock::new(|| {
    let schema = schema().finish();
    let answer = compute::drive(schema.execute(
        "{ __schema { directives { args { name } }
             types { fields(includeDeprecated: true) { args { name } } inputFields { name }
               enumValues(includeDeprecated: true) { name } interfaces { name } possibleTypes { name } } } }",
    ));
    let schema = member(&answer.data, "__schema");
    let types = items(member(schema, "types"));
    let parts = |objects: &[&Value], name: &str| {
        let counts: Vec<_> = objects.iter().map(|object| items(member(object, name)).len()).collect();
        let most = counts.iter().copied().max().unwrap_or_default();
        let average = Each { parts: counts.iter().sum(), of: counts.len().max(1) };
        Parts { average, most: Each { parts: most, of: 1 } }
    };
    let directives = items(member(schema, "directives"));
    let fields: Vec<_> = types.iter().flat_map(|of| items(member(of, "fields"))).chain(directives.clone()).collect();
    Counts {
        types: Each { parts: types.len(), of: 1 },
        directives: Each { parts: directives.len(), of: 1 },
        fields: parts(&types, "fields"),
        input_fields: parts(&types, "inputFields"),
        enum_values: parts(&types, "enumValues"),
        interfaces: parts(&types, "interfaces"),
        possible_types: parts(&types, "possibleTypes"),
        args: parts(&fields, "args"),
    }
});

fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    match value {
        Value::Object(members) => members.get(name).unwrap_or(&Value::Null),
        _ => &Value::Null,
    }
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::List(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::graphql::run::prepared::chosen;

    fn leaves(value: &Value) -> usize {
        match value {
            Value::Object(members) => members.values().map(|value| 1 + leaves(value)).sum(),
            Value::List(items) => items.iter().map(leaves).sum(),
            _ => 0,
        }
    }

    #[test]
    fn a_question_about_the_schema_costs_at_least_what_its_answer_has() {
        let type_ref = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
        for document in [
            "{ __schema { queryType { name } types { name } } }".to_owned(),
            "{ __schema { types { fields { type { name } } } } }".to_owned(),
            format!(
                "{{ __schema {{ directives {{ args {{ name type {{ {type_ref} }} }} }} types {{ kind name
                fields {{ name args {{ name type {{ {type_ref} }} }} type {{ {type_ref} }} }}
                inputFields {{ name type {{ {type_ref} }} }} enumValues {{ name }} possibleTypes {{ name }} }} }} }}"
            ),
            format!("{{ __type(name: \"SalesOrder\") {{ name fields {{ name type {{ {type_ref} }} }} }} }}"),
        ] {
            let answer = compute::drive(schema().finish().execute(&*document));
            assert!(answer.errors.is_empty(), "{:?}", answer.errors);
            let parsed = parse_query(&document).unwrap();
            let cost = cost(&chosen(&parsed, None).unwrap().1.selection_set.node);
            let values = leaves(&answer.data);
            assert!(cost >= values / VALUES_A_POINT - 1, "{document}: {cost} points for {values} values");
            assert!(cost < 20_000, "{document}: {cost}");
        }
    }
}
