//! How failures are described: the schema of a problem, and the tables of codes.

use std::fmt::Write as _;

use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, RefBuilder, SchemaFormat, Type};
use utoipa::openapi::{Components, Ref, RefOr, Schema};

use super::words;
use crate::auth::hint::Hint;
use crate::error::{ErrorCode, FieldErrorCode};

/// Adds the schemas of a problem and of a faulty field.
pub fn add_schemas(components: &mut Components) {
    for words in words::ALL {
        components.schemas.insert(words.name.to_owned(), words.schema());
    }
    let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    let word = |name: &str, description: &str| {
        RefBuilder::new().ref_location_from_schema_name(name).description(Some(description)).build()
    };
    let field = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("One faulty field."))
        .property(
            "pointer",
            text("JSON pointer (RFC 6901) into the body; of a parameter `/` and its name.")
                .examples(["/products/0/quantity"]),
        )
        .property("code", word("FieldErrorCode", "What is wrong, for programs."))
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
    let problem = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(
            "A failure (RFC 9457). Members that are not required are there where they have something to say.",
        ))
        .property(
            "type",
            text("Where the code is documented.").format(Some(reference())).examples(["/docs#VALIDATION_FAILED"]),
        )
        .property("title", text("The code in words."))
        .property("status", status)
        .property("detail", text("What is wrong and what to do."))
        .property("instance", text("The path of the request.").format(Some(reference())))
        .property("code", word("ErrorCode", "What went wrong, for programs."))
        .property("message", text("The same sentence as `detail`."))
        .property("request_id", text("Quote it when you ask us about this request."))
        .property("errors", errors)
        .property("hint", word("Hint", "The likely mistake in the timestamp or the signature."));
    let problem = DETAILS
        .iter()
        .fold(problem, |problem, (name, kind, description)| problem.property(*name, kind.schema(description)));
    let always = ["type", "title", "status", "detail", "instance", "code", "message", "request_id"];
    let problem = always.into_iter().fold(problem, ObjectBuilder::required);
    components.schemas.insert("FieldProblem".to_owned(), field.into());
    components.schemas.insert("Problem".to_owned(), problem.into());
}

fn reference() -> SchemaFormat {
    SchemaFormat::Custom("uri-reference".to_owned())
}

/// What a member of a problem holds.
enum Kind {
    Text,
    Texts,
    Time,
    Whole,
    Statuses,
}

/// The members that single codes add. The suite looks for each name that the code gives to `AppError::detail`.
static DETAILS: [(&str, Kind, &str); 25] = [
    ("string_to_sign", Kind::Text, "Of a refused signature: the text that is to be signed."),
    ("body_bound_string", Kind::Text, "Of a refused signature: the text of the form that binds the body."),
    (
        "body_and_key_bound_string",
        Kind::Text,
        "Of a refused signature: the text of the form that binds the body and the key.",
    ),
    ("signed_string", Kind::Text, "Of a refused signature: the text that was signed instead, where it was found out."),
    ("signed_with_key", Kind::Text, "Of a refused signature: the fingerprint of your key that made it."),
    ("keys_tried", Kind::Texts, "Of a refused signature: the fingerprints of your active keys that it was tried with."),
    ("server_time", Kind::Time, "Of a refused timestamp or signature: our time."),
    ("skew_seconds", Kind::Whole, "Of a refused timestamp or signature: your time minus ours."),
    ("expired_at", Kind::Whole, "Of an expired token: when it expired, in unix seconds."),
    ("headers", Kind::Texts, "The headers that are missing or cannot be used."),
    ("x_client_id", Kind::Text, "Of a client id that is not the token's: what `X-CLIENT-ID` holds."),
    ("token_client_id", Kind::Text, "Of a client id that is not the token's: the client of the token."),
    ("scope", Kind::Text, "The scope that the client lacks."),
    (
        "order_number",
        Kind::Text,
        "Of a used key, signature or reference: the order that has it. Of an archived order: its number.",
    ),
    (
        "request_number",
        Kind::Text,
        "Of a request of an order: the one that is pending, has the key or is answered already.",
    ),
    ("request_state", Kind::Text, "Of that request: its state."),
    ("current_status", Kind::Text, "Of an illegal transition: the status that the order has."),
    ("current_version", Kind::Whole, "Of a stale version: the version that the order or the view has."),
    ("next_statuses", Kind::Statuses, "Of an illegal transition: the statuses that the order may go to."),
    ("accept_encoding", Kind::Text, "Of a compressed body: how it may be coded."),
    ("limit_bytes", Kind::Whole, "Of a body that is too large: so many bytes it may have."),
    ("retry_after", Kind::Whole, "Of one order of many: after so many seconds it may be sent again as it is."),
    ("archived_at", Kind::Time, "Of an archived order: when it was archived."),
    ("archive", Kind::Text, "Of an archived order, for those who may read every order: the file that has it."),
    ("clock_skew_seconds", Kind::Whole, "The time of this instance minus that of its database."),
];

impl Kind {
    fn schema(&self, description: &str) -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        match self {
            Self::Text => text.description(Some(description)).into(),
            Self::Texts => ArrayBuilder::new().items(text).description(Some(description)).into(),
            Self::Time => {
                let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
                text.format(Some(format)).description(Some(description)).into()
            }
            Self::Whole => {
                let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
                let whole = ObjectBuilder::new().schema_type(Type::Integer).format(Some(format));
                whole.description(Some(description)).into()
            }
            Self::Statuses => {
                ArrayBuilder::new().items(Ref::from_schema_name("OrderStatus")).description(Some(description)).into()
            }
        }
    }
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
