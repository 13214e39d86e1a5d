//! Gives each operation the bodies and parameters of the prepared document that it is called after.

use utoipa::Modify;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, ContentBuilder, OpenApi, Ref, RefOr, Required, Schema};

use super::schemas::{Schemas, description};
use super::{headers, problems};
use crate::domain::client::ClientId;
use crate::domain::own_name::OwnName;
use crate::graphql::{Content as Holds, Member, Needs, PreparedOperation};
use crate::rest::events::MAX_WAIT;
use crate::rest::export::{
    COLUMNS, CURSOR, DEFAULT_ORDER, FORM, FormParameter, LINE_AMOUNT, ORDER_BY, PARAMETERS, ZONE,
};
use crate::rest::operations::{SALES_ORDER_EVENT_FEED_WITH_ORDERS, operations};
use crate::rest::parameters;
use crate::rest::request_log::{self, CLIENT_ID, CURSOR as CURSOR_OF_PAGE, LIMIT};
use crate::wire::event_stream::EVENT_STREAM;

pub struct Bodies;

impl Modify for Bodies {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        problems::add_schemas(components);
        let prepared = operations();
        for path in openapi.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post, &mut path.put, &mut path.delete].into_iter().flatten() {
                let behind = prepared.iter().find(|behind| operation.operation_id.as_deref() == Some(behind.name()));
                if let Some(behind) = behind {
                    describe(operation, behind, &mut Schemas(components));
                }
            }
        }
        openapi.info.description.get_or_insert_default().push_str(&problems::tables());
    }
}

fn describe(operation: &mut Operation, behind: &PreparedOperation, schemas: &mut Schemas<'_>) {
    operation.security = Some(behind.needs().next().map(security).unwrap_or_default());
    let parameters = operation.parameters.get_or_insert_default();
    parameters.extend(behind.needs().flat_map(headers::of).map(RefOr::T));
    if ["salesOrder", "salesOrdersByReference"].contains(&behind.name()) {
        parameters.push(headers::IF_NONE_MATCH.free().into());
    }
    if ["cancelSalesOrder", "changeSalesOrder"].contains(&behind.name()) {
        parameters.push(headers::REQUEST_KEY.bounded(Required::False).into());
    }
    let variables = behind.variables();
    for parameter in parameters {
        if let RefOr::T(parameter) = parameter
            && let Some(variable) = variables.iter().find(|variable| variable.name == parameter.name)
        {
            parameter.schema = Some(schemas.member(variable));
            if parameter.name == "name" {
                parameter.schema = Some(own_name());
            }
        }
    }
    if let Some(input) = variables.iter().find(|variable| variable.name == "input") {
        let body = RequestBodyBuilder::new().content("application/json", content(schemas.body(input)));
        operation.request_body = Some(body.required(Some(Required::True)).build().into());
    }
    let answer = behind.answer();
    let answers = match behind.name() {
        "createSalesOrder" => {
            vec![("application/json", content(with_optional(schemas, answer, &["replayed", "warnings"])))]
        }
        "createSalesOrders" => vec![("application/json", content(outcomes(schemas, answer)))],
        "validateSalesOrder" => {
            let optional = ["replayed", "order_number", "warnings"];
            vec![("application/json", content(with_optional(schemas, answer, &optional)))]
        }
        "salesOrder" => {
            let envelope = ("SalesOrderEnvelope", "The answer to a read order.", "The order as it is now.");
            vec![("application/json", content(enveloped(schemas, answer, envelope)))]
        }
        "salesOrdersByReference" => {
            let about = "The answer to orders that were read by their reference.";
            let envelope = ("SalesOrdersEnvelope", about, "The orders as they are now, the newest first.");
            vec![("application/json", content(enveloped(schemas, answer, envelope)))]
        }
        "eventConsumers" => {
            let about = "The answer to a list of consumers.";
            let envelope = ("EventConsumersEnvelope", about, "Your consumers, by name.");
            vec![("application/json", content(enveloped(schemas, answer, envelope)))]
        }
        "saveEventConsumer" => {
            let envelope = ("EventConsumerEnvelope", "The answer to a saved consumer.", "The consumer as it is now.");
            vec![("application/json", content(enveloped(schemas, answer, envelope)))]
        }
        // There is nothing to be said of what is gone.
        "deleteEventConsumer" | "deleteWebhookEndpoint" => Vec::new(),
        "saveWebhookEndpoint" => {
            vec![("application/json", content(with_optional(schemas, answer, &["secret"])))]
        }
        "webhookAttempts" | "salesOrderChanges" => {
            let parameters = parameters::of(behind);
            let parameters = parameters.iter().map(|member| of_query(&member.name, member, schemas));
            operation.parameters.get_or_insert_default().extend(parameters);
            vec![("application/json", content(schemas.body(&answer)))]
        }
        "requestLog" | "exportRequestLog" => of_log(operation, behind, schemas),
        "exportSalesOrders" => {
            let parameters =
                PARAMETERS.iter().map(|it| of_query(&it.name, &it.member, schemas)).chain(FORM.iter().map(of_form));
            operation.parameters.get_or_insert_default().extend(parameters);
            vec![("text/csv", content(csv())), ("application/jsonl", content(jsonl()))]
        }
        "salesOrderEventFeed" => {
            let input = parameters::of(behind);
            let input = input.iter().map(|member| of_query(&member.name, member, schemas));
            let all = input.chain(of_feed()).chain([headers::LAST_EVENT_ID.free().into()]);
            operation.parameters.get_or_insert_default().extend(all);
            vec![("application/json", content(feed(schemas))), (EVENT_STREAM, content(stream()))]
        }
        // What a check finds hangs together; examples of its members do not.
        "signatureCheck" => {
            let body = RequestBodyBuilder::new().content("application/json", content(anything()));
            operation.request_body = Some(body.description(Some("The order as it would be sent.")).build().into());
            vec![("application/json", content(schemas.value(&answer)))]
        }
        name => match envelope_of_webhooks(name) {
            Some(envelope) => vec![("application/json", content(enveloped(schemas, answer, envelope)))],
            None => vec![("application/json", content(schemas.body(&answer)))],
        },
    };
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
        {
            response.content.extend(answers.iter().map(|(kind, content)| ((*kind).to_owned(), content.clone().into())));
        }
    }
}

/// What an answer about endpoints of webhooks is wrapped in: name, description, and the description of `data`.
fn envelope_of_webhooks(operation: &str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match operation {
        "webhookEndpoints" => {
            ("WebhookEndpointsEnvelope", "The answer to a list of endpoints of webhooks.", "Your endpoints, by name.")
        }
        "webhookEndpoint" | "pauseWebhookEndpoint" | "resumeWebhookEndpoint" => {
            ("WebhookEndpointEnvelope", "The answer about an endpoint of webhooks.", "The endpoint as it is now.")
        }
        "replayWebhookEvents" => {
            ("WebhookReplayEnvelope", "The answer to events that are to be sent again.", "What is sent again.")
        }
        _ => return None,
    })
}

/// What a request must carry, each a way to be let through; none where the operation is open or its input proves who calls.
fn security(needs: Needs) -> Vec<SecurityRequirement> {
    let token = || SecurityRequirement::new("JWT-auth", [""; 0]);
    let signed = || headers::SIGNATURE.iter().fold(token(), |all, header| all.add(header.name, [""; 0]));
    match needs {
        Needs::Nothing | Needs::ClientSecret | Needs::InputToken => Vec::new(),
        Needs::Token | Needs::Scope(_) | Needs::SignatureReport => vec![token()],
        Needs::Signature(_) | Needs::BoundSignature(_) | Needs::SignatureUnless(_) => vec![signed()],
    }
}

fn content(schema: RefOr<Schema>) -> Content {
    ContentBuilder::new().schema(Some(schema)).build()
}

/// An answer of which REST leaves out members where they say nothing new. The example is of one without them.
fn with_optional(schemas: &mut Schemas<'_>, answer: Member, names: &[&str]) -> RefOr<Schema> {
    let mut answer = answer;
    let optional: Vec<_> = match &mut answer.shape.holds {
        Holds::Members(members) => members.extract_if(.., |member| names.contains(&member.name.as_str())).collect(),
        _ => Vec::new(),
    };
    let body = schemas.body(&answer);
    for member in optional {
        let schema = schemas.member(&member);
        schemas.add_optional(&answer, &member.name, schema);
    }
    body
}

/// What became of many orders: of each what an order alone would be answered with.
fn outcomes(schemas: &mut Schemas<'_>, answer: Member) -> RefOr<Schema> {
    let mut answer = answer;
    let Holds::Members(members) = &mut answer.shape.holds else { return schemas.body(&answer) };
    for outcome in members {
        if let Holds::Members(parts) = &mut outcome.shape.holds {
            let optional: Vec<_> = parts.extract_if(.., |part| part.name != "status").collect();
            let row = Member { is_list: false, ..outcome.clone() };
            schemas.value(&row);
            for part in optional {
                let schema = match part.name.as_str() {
                    "problem" => Ref::from_schema_name("Problem").into(),
                    _ => schemas.member(&Member { is_nullable: false, ..part.clone() }),
                };
                schemas.add_optional(&row, &part.name, schema);
            }
        }
    }
    schemas.body(&answer)
}

/// A page of the feed. Its events have their orders only where that is asked for.
fn feed(schemas: &mut Schemas<'_>) -> RefOr<Schema> {
    let mut answer = SALES_ORDER_EVENT_FEED_WITH_ORDERS.answer();
    let Holds::Members(members) = &mut answer.shape.holds else { return schemas.body(&answer) };
    let mut orders = Vec::new();
    for events in members {
        if let Holds::Members(parts) = &mut events.shape.holds {
            let order: Vec<_> = parts.extract_if(.., |part| part.name == "order").collect();
            orders.extend(order.into_iter().map(|order| (events.clone(), order)));
        }
    }
    let body = schemas.body(&answer);
    for (event, order) in orders {
        let schema = schemas.member(&Member { is_nullable: false, ..order });
        schemas.add_optional(&event, "order", schema);
    }
    body
}

fn stream() -> RefOr<Schema> {
    let text = "Server-sent events without end (WHATWG HTML): `id` is the cursor of an event, `data` the event as the schema \
                `SalesOrderEvent` describes it. A line that begins with a colon means nothing.";
    ObjectBuilder::new().schema_type(Type::String).description(Some(text)).into()
}

/// The parameters of the log of requests, and what it answers with: a page or a stream, or a file, which has no pages.
fn of_log(
    operation: &mut Operation,
    behind: &PreparedOperation,
    schemas: &mut Schemas<'_>,
) -> Vec<(&'static str, Content)> {
    let is_file = behind.name() == "exportRequestLog";
    let of_pages = |member: &&Member| [LIMIT, CURSOR_OF_PAGE].contains(&member.name.as_str());
    let parameters = parameters::of(behind);
    let parameters = parameters.iter().filter(|member| !is_file || !of_pages(member));
    let parameters: Vec<_> = parameters.map(|member| of_query(&member.name, member, schemas)).collect();
    operation.parameters.get_or_insert_default().extend(parameters.into_iter().chain([of_client()]));
    if is_file {
        return vec![
            ("text/csv", content(text(&csv_of_entries()))),
            ("application/jsonl", content(text(ENTRY_A_LINE))),
        ];
    }
    vec![("application/json", content(schemas.body(&behind.answer()))), (EVENT_STREAM, content(entries()))]
}

fn of_client() -> RefOr<Parameter> {
    let about = "Client id of who sent them; yours when absent, or with scope `clients:read` everybody's. Another client needs that scope.";
    query(CLIENT_ID, about, ObjectBuilder::new().schema_type(Type::String).pattern(Some(ClientId::PATTERN)))
}

const ENTRY_A_LINE: &str =
    "JSON Lines: on each line an entry as the schema `RequestLogEntry` describes it. Read it line by line.";

fn entries() -> RefOr<Schema> {
    text(
        "Server-sent events without end (WHATWG HTML): `data` is an entry as the schema `RequestLogEntry` describes it. A line that \
          begins with a colon means nothing.",
    )
}

fn csv_of_entries() -> String {
    let columns = request_log::COLUMNS.map(|column| format!("`{column}`")).join(", ");
    format!(
        "A row for each entry, below a row of these headings, which the schema `RequestLogEntry` describes: {columns}"
    )
}

/// What has no end, or is a file, is no value of JSON.
fn text(about: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).description(Some(about)).into()
}

fn own_name() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(OwnName::PATTERN)).into()
}

/// The parameters of the feed that are of its form.
fn of_feed() -> [RefOr<Parameter>; 3] {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(MAX_WAIT));
    let boolean = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(false.into()));
    [
        query("consumer", "Name of a consumer of yours, whose cursor is taken for `after`.", own_name()),
        query(
            "wait",
            "Seconds to wait where there is no event behind the cursor: the answer comes with the next one.",
            seconds.default(Some(0.into())),
        ),
        query("orders", "`true` gives each event its `order`, as it is now.", boolean),
    ]
}

fn query(name: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> RefOr<Parameter> {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).required(Required::False);
    parameter.description(Some(about)).schema(Some(schema)).build().into()
}

/// What is found stands in `data`; what is not is a 404.
fn enveloped(schemas: &mut Schemas<'_>, answer: Member, (name, about, data): (&str, &str, &str)) -> RefOr<Schema> {
    let data = schemas.member(&Member { is_nullable: false, description: data.to_owned(), ..answer });
    let envelope = ObjectBuilder::new().schema_type(Type::Object).description(Some(about));
    schemas.0.schemas.insert(name.to_owned(), envelope.property("data", data).required("data").into());
    Ref::from_schema_name(name).into()
}

fn anything() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

fn csv() -> RefOr<Schema> {
    let columns = COLUMNS.all().map(|column| {
        let once = if column.is_total() { " In the first row of an order only." } else { "" };
        (column.name.as_str(), format!("{}{once}", description(&column.member)))
    });
    let columns = columns.chain([LINE_AMOUNT, ZONE, CURSOR].map(|(name, meaning)| (name, meaning.to_owned())));
    let head = "A row for each line of an order, below a row of these headings:\n\n| column | meaning |\n|---|---|\n";
    let text = columns.fold(head.to_owned(), |text, (name, meaning)| text + &format!("| `{name}` | {meaning} |\n"));
    ObjectBuilder::new().schema_type(Type::String).description(Some(text)).into()
}

/// What has no end is no value of JSON; a whole file is described as the text that it is.
fn jsonl() -> RefOr<Schema> {
    let text = "JSON Lines: on each line an order as the schema `SalesOrder` describes it. Read it line by line.";
    ObjectBuilder::new().schema_type(Type::String).description(Some(text)).into()
}

fn of_query(name: &str, member: &Member, schemas: &mut Schemas<'_>) -> RefOr<Parameter> {
    let schema = match &member.shape.holds {
        Holds::Enum(values) if name == ORDER_BY => {
            let names = values.iter().map(|(name, _)| name.as_str());
            let sort = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
            sort.default(Some(DEFAULT_ORDER.into())).into()
        }
        _ => schemas.parameter(member),
    };
    let written = match member.shape.type_name.as_str() {
        _ if member.is_list => " Repeat it for more than one.",
        "DateTime" => " RFC 3339; + is written %2B.",
        _ => "",
    };
    query(name, &format!("{}{written}", member.description), schema)
}

fn of_form(FormParameter { name, description, values, default }: &FormParameter) -> RefOr<Parameter> {
    let names = (!values.is_empty()).then(|| values.iter().copied());
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(names).default(default.map(Into::into));
    query(name, description, schema)
}
