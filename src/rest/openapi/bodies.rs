//! Gives each operation the bodies and parameters of the prepared document that it is called after.

use utoipa::Modify;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, ContentBuilder, OpenApi, Ref, RefOr, Required, Schema};

use super::problems;
use super::schemas::{Schemas, description};
use crate::graphql::{Content as Holds, Member, Needs, PreparedOperation};
use crate::rest::export::{COLUMNS, DEFAULT_ORDER, ORDER_BY, PARAMETERS, Parameter, TRAILER, TRAILER_MEANING};
use crate::rest::operations::operations;

pub struct Bodies;

impl Modify for Bodies {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        problems::add_schemas(components);
        let prepared = operations();
        for path in openapi.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
                let behind = prepared.iter().find(|behind| operation.operation_id.as_deref() == Some(behind.name()));
                if let Some(behind) = behind {
                    describe(operation, behind, &mut Schemas(components));
                }
                problems::add_responses(operation);
            }
        }
        openapi.info.description.get_or_insert_default().push_str(&problems::tables());
    }
}

fn describe(operation: &mut Operation, behind: &PreparedOperation, schemas: &mut Schemas<'_>) {
    operation.security = Some(behind.needs().next().map(security).unwrap_or_default());
    let variables = behind.variables();
    if let Some(input) = variables.iter().find(|variable| variable.name == "input") {
        let body = RequestBodyBuilder::new().content("application/json", content(schemas.body(input)));
        operation.request_body = Some(body.required(Some(Required::True)).build().into());
    }
    let answer = behind.answer();
    let answers = match behind.name() {
        "createSalesOrder" => vec![("application/json", content(with_optional(schemas, answer, "replayed")))],
        "salesOrder" => vec![("application/json", content(enveloped(schemas, answer)))],
        "exportSalesOrders" => {
            operation
                .parameters
                .get_or_insert_default()
                .extend(PARAMETERS.iter().map(|parameter| of_query(parameter, schemas)).chain([trailer()]));
            vec![
                ("text/csv", content(csv())),
                ("application/jsonl", content(Ref::from_schema_name("SalesOrder").into())),
            ]
        }
        // What a check finds hangs together; examples of its members do not.
        "signatureCheck" => vec![("application/json", content(schemas.value(&answer)))],
        _ => vec![("application/json", content(schemas.body(&answer)))],
    };
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
        {
            response.content.extend(answers.iter().map(|(kind, content)| ((*kind).to_owned(), content.clone().into())));
        }
    }
}

/// What a request must carry, each a way to be let through; none where the operation is open or its input proves who calls.
fn security(needs: Needs) -> Vec<SecurityRequirement> {
    let token = || SecurityRequirement::new("JWT-auth", [""; 0]);
    let signed = || {
        let headers = ["X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE"];
        headers.into_iter().fold(token(), |all, header| all.add(header, [""; 0]))
    };
    match needs {
        Needs::Nothing | Needs::ClientSecret | Needs::InputToken => Vec::new(),
        Needs::Token | Needs::Scope(_) => vec![token()],
        Needs::SignatureReport => vec![signed(), token()],
        Needs::Signature(_) => vec![signed()],
    }
}

fn content(schema: RefOr<Schema>) -> Content {
    ContentBuilder::new().schema(Some(schema)).build()
}

/// An answer of which REST leaves out one member where it says nothing new. The example is of one without it.
fn with_optional(schemas: &mut Schemas<'_>, answer: Member, name: &str) -> RefOr<Schema> {
    let mut answer = answer;
    let optional = match &mut answer.shape.holds {
        Holds::Members(members) => members.extract_if(.., |member| member.name == name).next(),
        _ => None,
    };
    let body = schemas.body(&answer);
    if let Some(member) = optional {
        let schema = schemas.member(&member);
        schemas.add_optional(&answer, name, schema);
    }
    body
}

/// What is found stands in `data`; what is not is a 404.
fn enveloped(schemas: &mut Schemas<'_>, answer: Member) -> RefOr<Schema> {
    let description = "The order as it is now.".to_owned();
    let data = schemas.member(&Member { is_nullable: false, description, ..answer });
    let envelope = ObjectBuilder::new().schema_type(Type::Object).description(Some("The answer to a read order."));
    let name = "SalesOrderResponse";
    schemas.0.schemas.insert(name.to_owned(), envelope.property("data", data).required("data").into());
    Ref::from_schema_name(name).into()
}

fn csv() -> RefOr<Schema> {
    let columns = COLUMNS.all().map(|column| format!("| `{}` | {} |\n", column.name, description(&column.member)));
    let head = "A row for each line of an order, below a row of these headings:\n\n| column | meaning |\n|---|---|\n";
    let text = columns.fold(head.to_owned(), |text, column| text + &column);
    ObjectBuilder::new().schema_type(Type::String).description(Some(text)).into()
}

fn trailer() -> RefOr<utoipa::openapi::path::Parameter> {
    let schema = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(false.into())).build();
    let parameter = ParameterBuilder::new().name(TRAILER).parameter_in(ParameterIn::Query).required(Required::False);
    parameter.description(Some(TRAILER_MEANING)).schema(Some(schema)).build().into()
}

fn of_query(parameter: &Parameter, schemas: &mut Schemas<'_>) -> RefOr<utoipa::openapi::path::Parameter> {
    let Parameter { name, member, .. } = parameter;
    let schema = match &member.shape.holds {
        Holds::Enum(values) if name == ORDER_BY => {
            let names = values.iter().map(|(name, _)| name.as_str());
            let sort = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
            sort.default(Some(DEFAULT_ORDER.into())).into()
        }
        _ => schemas.member(&Member { is_nullable: false, description: String::new(), ..member.clone() }),
    };
    let written = match member.shape.type_name.as_str() {
        _ if member.is_list => " Repeat it for more than one.",
        "DateTime" => " RFC 3339; + is written %2B.",
        _ => "",
    };
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).required(Required::False);
    parameter.description(Some(format!("{}{written}", member.description))).schema(Some(schema)).build().into()
}
