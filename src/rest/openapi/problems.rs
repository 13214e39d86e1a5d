//! How failures are described: the schema of a problem, the answers every operation may give, the tables of codes.

use std::fmt::Write as _;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{Components, ContentBuilder, Object, Ref, RefOr, ResponseBuilder};

use crate::auth::hint::Hint;
use crate::error::{ErrorCode, FieldErrorCode};

/// Adds the schemas of a problem and of a faulty field.
pub fn add_schemas(components: &mut Components) {
    let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    let field = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("One faulty field."))
        .property("pointer", text("JSON pointer (RFC 6901) into the body.").examples(["/products/0/quantity"]))
        .property(
            "code",
            text("What is wrong, for programs: one of the table of field errors.")
                .enum_values(Some(FieldErrorCode::ALL.iter().map(|code| code.as_str())))
                .examples([FieldErrorCode::Range.as_str()]),
        )
        .property("message", text("What is wrong and what would be right, for people."))
        .required("pointer")
        .required("code")
        .required("message");
    let status = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .description(Some("The HTTP status again."))
        .minimum(Some(400))
        .maximum(Some(599));
    let errors = ArrayBuilder::new()
        .items(Ref::from_schema_name("FieldProblem"))
        .description(Some("Every faulty field; absent where no field is at fault."));
    let code = text("One of the table of errors.")
        .enum_values(Some(ErrorCode::ALL.iter().map(|code| code.as_str())))
        .examples([ErrorCode::ValidationFailed.as_str()]);
    let problem = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(
            "A failure (RFC 9457). A failed signature check adds `hint`, `string_to_sign`, `server_time`, `skew_seconds` and\n\
             `keys_tried`; a used key or signature adds `order_number`.",
        ))
        .property("type", text("Where the code is documented.").examples(["/docs#VALIDATION_FAILED"]))
        .property("title", text("The code in words."))
        .property("status", status)
        .property("detail", text("What is wrong and what to do."))
        .property("instance", text("The path of the request."))
        .property("code", code)
        .property("message", text("The same sentence as `detail`."))
        .property("request_id", text("Quote it when you ask us about this request."))
        .property("errors", errors);
    let always = ["type", "title", "status", "detail", "instance", "code", "message", "request_id"];
    let problem = always.into_iter().fold(problem, ObjectBuilder::required);
    components.schemas.insert("FieldProblem".to_owned(), field.into());
    components.schemas.insert("Problem".to_owned(), problem.into());
}

/// Adds what every operation may answer, and says of each failure that it is a problem.
pub fn add_responses(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let unavailable = "Not possible right now; send the same request again after Retry-After";
    responses.insert("503".to_owned(), ResponseBuilder::new().description(unavailable).build().into());
    responses.insert("429".to_owned(), too_many_requests().into());
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && !status.starts_with('2')
        {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            response.content.insert("application/problem+json".to_owned(), problem.into());
        }
    }
}

fn too_many_requests() -> utoipa::openapi::Response {
    let header = |kind: Type, text: &str| {
        HeaderBuilder::new().schema(Some(Object::with_type(kind))).description(Some(text)).build()
    };
    ResponseBuilder::new()
        .description("Too many requests, or too many attempts to log in; wait for Retry-After")
        .header("Retry-After", header(Type::Integer, "Seconds until the same request may be sent again"))
        .header("RateLimit-Policy", header(Type::String, "The limit, such as \"requests\";q=600000;w=60"))
        .header("RateLimit", header(Type::String, "What is left of it, such as \"requests\";r=0;t=60"))
        .build()
}

/// The tables of codes, in Markdown.
pub fn tables() -> String {
    let mut text = "\n# Errors\n\nEvery failure is `application/problem+json` (RFC 9457) with a `code` of this table; \
                    `errors` names each faulty field, all of them at once.\n\n\
                    | status | code | meaning |\n|---|---|---|\n"
        .to_owned();
    // Writing to a string does not fail.
    for code in ErrorCode::ALL {
        let _ = writeln!(text, "| {} | `{code}` | {} |", code.status(), code.meaning());
    }
    text.push_str(
        "\n## Field Errors\n\nWhat is wrong with a field, in `errors[].code`; `errors[].message` says it in words.\n\n\
         | code | meaning |\n|---|---|\n",
    );
    for code in FieldErrorCode::ALL {
        let _ = writeln!(text, "| `{code}` | {} |", code.meaning());
    }
    text.push_str(
        "\n## Hints\n\nWhat is probably wrong with a timestamp or a signature that was refused, in `hint`.\n\n\
         | hint | meaning |\n|---|---|\n",
    );
    for hint in Hint::ALL {
        let _ = writeln!(text, "| `{hint}` | {} |", hint.explanation());
    }
    text
}
