//! Schemas of bodies and parameters, from what the prepared documents take and answer with.

use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat,
    SchemaType, Type,
};
use utoipa::openapi::{Components, Ref, RefOr, Schema};

use super::{patterns, words};
use crate::domain::fields::{Holds, currency_codes};
use crate::domain::money::Money;
use crate::domain::order::OrderNumber;
use crate::graphql::{Content, Member, Shape};

/// The schemas that have names, noted as they are met.
pub struct Schemas<'c>(pub &'c mut Components);

impl Schemas<'_> {
    /// The schema of a whole body, with an example.
    pub fn body(&mut self, member: &Member) -> RefOr<Schema> {
        let reference = self.value(member);
        if let Some(RefOr::T(Schema::Object(schema))) = self.0.schemas.get_mut(&published(&member.shape)) {
            schema.examples = vec![example_of(&member.shape)];
        }
        reference
    }

    /// Adds a member to a body that need not be there.
    pub fn add_optional(&mut self, body: &Member, name: &str, schema: RefOr<Schema>) {
        if let Some(RefOr::T(Schema::Object(object))) = self.0.schemas.get_mut(&published(&body.shape)) {
            object.properties.insert(name.to_owned(), schema);
        }
    }

    /// The schema of the value of a parameter, whose description is told beside it.
    pub fn parameter(&mut self, member: &Member) -> RefOr<Schema> {
        let mut schema = self.member(&Member { is_nullable: false, description: String::new(), ..member.clone() });
        if let (RefOr::T(Schema::Object(object)), Some(example)) = (&mut schema, example(member)) {
            object.examples = vec![example];
        }
        schema
    }

    /// The schema of a member.
    pub fn member(&mut self, member: &Member) -> RefOr<Schema> {
        if !member.is_list {
            return self.nullable(member, &description(member));
        }
        let item = Member { is_list: false, is_nullable: false, description: String::new(), ..member.clone() };
        let list = ArrayBuilder::new().items(self.nullable(&item, ""));
        let list = match member.description.as_str() {
            "" => list,
            text => list.description(Some(text)),
        };
        let list = match member.rule.as_ref().map(|rule| &rule.holds) {
            Some(Holds::List(length, _)) => list.min_items(Some(*length.start())).max_items(Some(*length.end())),
            Some(Holds::Texts(_, most) | Holds::Verbatims(_, most)) => list.max_items(Some(*most)),
            _ => list,
        };
        if member.is_nullable { list.schema_type(or_null(Type::Array)).into() } else { list.into() }
    }

    fn nullable(&mut self, member: &Member, description: &str) -> RefOr<Schema> {
        let value = match words::of(member) {
            Some(words) => self.named(words.name, || words.schema()),
            None => match member.rule.as_ref().map(|rule| &rule.holds) {
                Some(Holds::Currency) => self.named("Currency", currency),
                Some(Holds::Date) => return date_or_blank(member, description).into(),
                _ => self.value(member),
            },
        };
        let RefOr::Ref(mut named) = value else { return scalar(member).into() };
        description.clone_into(&mut named.description);
        if !member.is_nullable {
            return named.into();
        }
        OneOfBuilder::new().item(named).item(ObjectBuilder::new().schema_type(Type::Null)).into()
    }

    /// The schema of a value, without what is said of the member that holds it.
    pub fn value(&mut self, member: &Member) -> RefOr<Schema> {
        let (name, shape) = (published(&member.shape), &member.shape);
        if let Some(Holds::Money(max)) = member.rule.as_ref().map(|rule| &rule.holds) {
            let name = if *max == Money::MAX_UNIT_PRICE { "Price" } else { "Amount" };
            return self.named(name, || amount(&shape.description, *max));
        }
        let named = match &shape.holds {
            Content::Scalar => return scalar(member).into(),
            Content::Enum(values) => choice(&shape.description, values),
            Content::Members(members) => self.object(&shape.description, members),
        };
        self.named(&name, || named)
    }

    fn named(&mut self, name: &str, schema: impl FnOnce() -> RefOr<Schema>) -> RefOr<Schema> {
        self.0.schemas.entry(name.to_owned()).or_insert_with(schema);
        Ref::from_schema_name(name).into()
    }

    /// Answers have all of their members, inputs only those that must be given.
    fn object(&mut self, description: &str, members: &[Member]) -> RefOr<Schema> {
        let mut object = ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
        for member in members {
            object = object.property(&member.name, self.member(member));
            if member.rule.as_ref().is_none_or(|rule| rule.is_required) {
                object = object.required(&member.name);
            }
        }
        if members.iter().any(|member| member.rule.is_some()) {
            object = object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        }
        object.into()
    }
}

/// The name under which the REST API publishes a type. Generators make names of their own that end in `Request`, `Response`,
/// `Data`, `Error`, `Params` or `Body`, so none of these ends so.
fn published(shape: &Shape) -> String {
    let name = shape.type_name.as_str();
    match name {
        "ProductInput" => "ProductDto".to_owned(),
        _ => name.to_owned(),
    }
}

fn or_null(kind: Type) -> SchemaType {
    SchemaType::Array(vec![kind, Type::Null])
}

fn json_type(shape: &Shape) -> (Type, Option<KnownFormat>) {
    match shape.type_name.as_str() {
        "Boolean" => (Type::Boolean, None),
        "Int" => (Type::Integer, Some(KnownFormat::Int32)),
        "Float" => (Type::Number, None),
        "Long" | "UnixTime" => (Type::Integer, Some(KnownFormat::Int64)),
        "Date" => (Type::String, Some(KnownFormat::Date)),
        "DateTime" => (Type::String, Some(KnownFormat::DateTime)),
        _ => (Type::String, None),
    }
}

fn scalar(member: &Member) -> ObjectBuilder {
    let (kind, format) = json_type(&member.shape);
    let schema = ObjectBuilder::new()
        .format(format.map(SchemaFormat::KnownFormat))
        .schema_type(if member.is_nullable { or_null(kind) } else { kind.into() })
        .examples(example(member));
    let schema = match description(member) {
        none if none.is_empty() => schema,
        text => schema.description(Some(text)),
    };
    let Some(rule) = &member.rule else {
        let is_number = member.shape.type_name == "String" && member.name == "order_number";
        return schema.pattern(is_number.then_some(OrderNumber::PATTERN));
    };
    let at_least_one = rule.is_required.then_some(1);
    match &rule.holds {
        Holds::Text(text) => schema
            .min_length(at_least_one)
            .max_length(Some(text.max))
            .pattern(Some(patterns::of_text(*text, rule.is_required))),
        Holds::Words(text, most) => schema.max_length(Some(text.max)).pattern(Some(patterns::of_words(*text, *most))),
        Holds::Verbatim(max) => schema.min_length(at_least_one).max_length(Some(*max)),
        Holds::Texts(text, _) => schema.max_length(Some(text.max)).pattern(Some(patterns::of_text(*text, false))),
        Holds::Verbatims(max, _) => schema.max_length(Some(*max)),
        Holds::Integer(range) => schema.minimum(Some(*range.start())).maximum(Some(*range.end())),
        _ => schema,
    }
}

/// What a member is, and how its type is written where that is a form of our own.
pub fn description(member: &Member) -> String {
    let Member { description, shape, .. } = member;
    match shape.holds {
        Content::Scalar if member.rule.is_none() && shape.description.contains(SUCH_AS) => {
            format!("{description} {}", shape.description).trim_start().to_owned()
        }
        _ => description.clone(),
    }
}

fn choice(description: &str, values: &[(String, String)]) -> RefOr<Schema> {
    let each = values.iter().map(|(name, description)| format!("\n- `{name}`: {description}"));
    let description = format!("{description}\n{}", each.collect::<String>());
    let names = values.iter().map(|(name, _)| name.as_str());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).description(Some(description)).into()
}

/// A day, or a blank text, which is none.
fn date_or_blank(member: &Member, description: &str) -> AnyOfBuilder {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let day = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
    // Not one of them alone: to readers that check no formats a blank text is both.
    let choices = AnyOfBuilder::new().item(day).item(text().enum_values(Some([""])));
    let choices = if member.is_nullable { choices.item(ObjectBuilder::new().schema_type(Type::Null)) } else { choices };
    let choices = choices.examples(example(member));
    if description.is_empty() { choices } else { choices.description(Some(description)) }
}

fn currency() -> RefOr<Schema> {
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(currency_codes()));
    code.description(Some("The code of a currency (ISO 4217).")).into()
}

fn amount(description: &str, max: Money) -> RefOr<Schema> {
    let form = |kind: Type| ObjectBuilder::new().schema_type(kind);
    OneOfBuilder::new()
        .item(
            form(Type::String)
                .pattern(Some(max.pattern()))
                .description(Some("As a decimal string: exact everywhere.")),
        )
        .item(
            form(Type::Number)
                .minimum(Some(0))
                .maximum(largest(max).map(utoipa::Number::Float))
                // No `multipleOf`: validators that divide floats take 19.99 for no multiple of 0.0001.
                .description(Some(
                    "As a number of at most 4 decimals. A program whose numbers are floats writes fractions as a string.",
                )),
        )
        .description(Some(description))
        .examples(in_text(description))
        .into()
}

/// The largest number of a JSON document, which is a float, that is no larger than the amount: the nearest one may be.
fn largest(max: Money) -> Option<f64> {
    let nearest: f64 = max.to_string().parse().ok()?;
    let is_in_range = Money::parse_number(&nearest.to_string(), max).is_ok();
    Some(if is_in_range { nearest } else { nearest.next_down() })
}

/// Behind it a description gives an example.
const SUCH_AS: &str = "such as `";

fn in_text(description: &str) -> Option<&str> {
    let (_, example) = description.split_once(SUCH_AS)?;
    example.split_once('`').map(|(example, _)| example.trim_matches('"'))
}

/// The example of a list that is empty as a rule.
const NOTHING: &str = "[]";

/// What a description gives as an example.
fn example(member: &Member) -> Option<Value> {
    let text = in_text(&member.description).or_else(|| in_text(&member.shape.description))?;
    match json_type(&member.shape).0 {
        Type::String => Some(text.into()),
        _ => serde_json::from_str(text).ok(),
    }
}

/// An object with an example for each member, in the order of the document; of an input what must be given, and what has an
/// example.
fn example_of(shape: &Shape) -> Value {
    let members = match &shape.holds {
        Content::Enum(values) => return values.first().map_or(Value::Null, |(name, _)| name.as_str().into()),
        Content::Members(members) => members,
        Content::Scalar => {
            return match json_type(shape).0 {
                Type::Boolean => true.into(),
                Type::Integer | Type::Number => 1.into(),
                _ => Value::Null,
            };
        }
    };
    let value = |member: &Member| {
        let one = match (example(member), member.is_nullable) {
            (Some(example), _) => example,
            // A list that may be left out may not be empty.
            (None, true) if member.is_list && member.rule.is_some() => example_of(&member.shape),
            (None, true) => Value::Null,
            (None, false) => example_of(&member.shape),
        };
        match (member.is_list, one) {
            (false, one) => one,
            (true, Value::Null) => json!([]),
            (true, Value::String(text)) if text == NOTHING => json!([]),
            (true, one) => json!([one]),
        }
    };
    let members = members.iter().map(|member| (member.name.clone(), value(member), member.rule.is_some()));
    let shown = members.filter(|(_, value, is_input)| !(*is_input && value.is_null()));
    shown.map(|(name, value, _)| (name, value)).collect::<Map<_, _>>().into()
}
