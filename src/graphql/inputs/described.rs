//! Tells in each input's description which bounds its reader checks.

use std::collections::BTreeSet;

use async_graphql::registry::{MetaType, Registry};

use crate::domain::fields::{Holds, Naming, Rule};

/// Adds the bounds to the descriptions of an input's fields, once.
pub fn tell_bounds(registry: &mut Registry, input: &str, rules: &[Rule]) {
    // The values of an enumeration are its bounds.
    let is_enum = |(_, known): (&String, &MetaType)| matches!(known, MetaType::Enum { .. });
    let enums: BTreeSet<_> =
        registry.types.iter().filter(|known| is_enum(*known)).map(|(name, _)| name.clone()).collect();
    let mut below = Vec::new();
    if let Some(MetaType::InputObject { input_fields, .. }) = registry.types.get_mut(input) {
        for rule in rules {
            let Some(field) = input_fields.get_mut(Naming::CamelCase.spell(rule.name).as_ref()) else { continue };
            let of = field.ty.trim_matches(['[', ']', '!']).to_owned();
            let bounds = rule.bounds().filter(|_| !enums.contains(&of));
            if let (Some(bounds), Some(text)) = (bounds, &mut field.description)
                && !text.ends_with(&bounds)
            {
                *text = format!("{text} {bounds}");
            }
            if let Holds::List(_, rules) = &rule.holds {
                below.push((of, rules));
            }
        }
    }
    for (input, rules) in below {
        tell_bounds(registry, &input, rules);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use async_graphql::parser::types::{InputObjectType, TypeKind, TypeSystemDefinition};

    use super::super::readers::{ALL, rules_of};
    use super::*;
    use crate::graphql::output::committed_types;

    fn compare(inputs: &BTreeMap<String, InputObjectType>, name: &str, rules: &[Rule], seen: &mut BTreeSet<String>) {
        seen.insert(name.to_owned());
        let shown: BTreeMap<_, _> =
            inputs[name].fields.iter().map(|field| (field.node.name.node.to_string(), &field.node.ty.node)).collect();
        let read: Vec<_> = rules.iter().map(|rule| Naming::CamelCase.spell(rule.name).into_owned()).collect();
        assert_eq!(
            shown.keys().collect::<Vec<_>>(),
            BTreeSet::from_iter(&read).into_iter().collect::<Vec<_>>(),
            "{name}"
        );
        for (rule, field) in rules.iter().zip(read) {
            let ty = shown[&field];
            assert_eq!(rule.is_required, !ty.nullable, "{name}.{field}");
            if !rule.fields().is_empty() {
                compare(inputs, ty.to_string().trim_matches(['[', ']', '!']), rule.fields(), seen);
            }
        }
    }

    #[test]
    fn an_input_shows_the_fields_that_its_reader_reads() {
        let definitions = committed_types().definitions;
        let inputs: BTreeMap<_, _> = definitions
            .into_iter()
            .filter_map(|definition| {
                let TypeSystemDefinition::Type(definition) = definition else { return None };
                let TypeKind::InputObject(input) = definition.node.kind else { return None };
                Some((definition.node.name.node.to_string(), input))
            })
            .collect();
        let mut seen = BTreeSet::new();
        for name in ALL {
            compare(&inputs, name, &rules_of(name), &mut seen);
        }
        assert_eq!(seen.iter().collect::<Vec<_>>(), inputs.keys().collect::<Vec<_>>(), "an input has no reader here");
    }
}
