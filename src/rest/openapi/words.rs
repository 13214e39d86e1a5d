//! Members that hold a word of a closed list which GraphQL shows as a plain string.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::auth::hint::Hint;
use crate::auth::string_to_sign::SignatureForm;
use crate::domain::request_log::NONE;
use crate::error::{ErrorCode, FieldErrorCode};
use crate::graphql::{Content, Member};

/// A closed list of words.
pub struct Words {
    /// The name under which it is published.
    pub name: &'static str,
    description: &'static str,
    all: fn() -> Vec<&'static str>,
}

/// Every list.
pub static ALL: [&Words; 6] = [&ERROR_CODE, &ERROR_CODE_FILTER, &FIELD_ERROR_CODE, &HINT, &HINT_FILTER, &FORM];

static ERROR_CODE: Words = Words {
    name: "ErrorCode",
    description: "What went wrong, for programs: one of the table of errors.",
    all: || ErrorCode::ALL.iter().map(|code| code.as_str()).collect(),
};
static ERROR_CODE_FILTER: Words = Words {
    name: "ErrorCodeFilter",
    description: "An error code, or `none` for requests without one.",
    all: || [NONE].into_iter().chain(ErrorCode::ALL.iter().map(|code| code.as_str())).collect(),
};
static FIELD_ERROR_CODE: Words = Words {
    name: "FieldErrorCode",
    description: "What is wrong with a field, for programs: one of the table of field errors.",
    all: || FieldErrorCode::ALL.iter().map(|code| code.as_str()).collect(),
};
static HINT: Words = Words {
    name: "Hint",
    description: "The likely mistake in a timestamp or a signature: one of the table of hints.",
    all: || Hint::ALL.iter().map(|hint| hint.as_str()).collect(),
};
static HINT_FILTER: Words = Words {
    name: "HintFilter",
    description: "A hint, or `none` for requests without one.",
    all: || [NONE].into_iter().chain(Hint::ALL.iter().map(|hint| hint.as_str())).collect(),
};
static FORM: Words = Words {
    name: "SignatureForm",
    description: "A form of signature: which text is signed.",
    all: || SignatureForm::ALL.iter().map(|form| form.as_str()).collect(),
};

impl Words {
    /// Its schema.
    pub fn schema(&self) -> RefOr<Schema> {
        let words = ObjectBuilder::new().schema_type(Type::String).description(Some(self.description));
        words.enum_values(Some((self.all)())).into()
    }
}

/// The list of a member, if its words are of one.
pub fn of(member: &Member) -> Option<&'static Words> {
    let is_text = matches!(member.shape.holds, Content::Scalar) && member.shape.type_name == "String";
    match member.coordinate.as_str() {
        "LoggedFault.code" => Some(&FIELD_ERROR_CODE),
        "RequestLogInput.code" => Some(&ERROR_CODE_FILTER),
        "RequestLogInput.hint" => Some(&HINT_FILTER),
        _ if !is_text || member.rule.is_some() => None,
        _ => match member.name.as_str() {
            "code" => Some(&ERROR_CODE),
            "hint" => Some(&HINT),
            "form" => Some(&FORM),
            _ => None,
        },
    }
}
