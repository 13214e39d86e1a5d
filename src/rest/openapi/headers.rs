//! The headers of requests. Those of a signed request stand among the security schemes, where proxies look for them, and
//! among the parameters, where generators of clients do.

use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::domain::client::ClientId;
use crate::graphql::Needs;

/// A header of a request.
pub struct Header {
    pub name: &'static str,
    pub description: &'static str,
    /// None where a tool that sends examples as they are would do harm.
    example: Option<&'static str>,
    /// What it must be like, and at most how long.
    pattern: &'static str,
    max: usize,
}

/// The headers of a signed request.
pub static SIGNATURE: [Header; 3] = [
    Header {
        name: "X-CLIENT-ID",
        description: "The client id of the bearer token.",
        example: Some("versuni-client-001"),
        pattern: ClientId::PATTERN,
        max: 64,
    },
    Header {
        name: "X-TIMESTAMP",
        description: "Now, in unix seconds (not milliseconds) or ISO 8601 with an offset; {timestamp_tolerance} either way.",
        example: Some("1795441036"),
        pattern: "^([0-9]{1,11}|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt].+)$",
        max: 40,
    },
    Header {
        name: "X-SIGNATURE",
        description: "Base64 of SHA256withRSA(private key, client_id + \"|\" + X-TIMESTAMP), or of a text that binds the body.",
        example: Some("kR1mEo1jNqV0"),
        pattern: "^[A-Za-z0-9+/_-]+={0,2}$",
        max: 2048,
    },
];

static IDEMPOTENCY_KEY: Header = Header {
    name: "Idempotency-Key",
    description: "Your name for this order: 1 to 255 visible ASCII characters, the same for every retry. Always send one.",
    example: None,
    pattern: "^[!-~]{1,255}$",
    max: 255,
};

/// The same for what is asked to be done with an order.
pub static REQUEST_KEY: Header = Header {
    name: "Idempotency-Key",
    description: "Your name for this request: 1 to 255 visible ASCII characters, the same for every retry.",
    example: None,
    pattern: "^[!-~]{1,255}$",
    max: 255,
};

/// Names what the caller has.
pub static IF_NONE_MATCH: Header = Header {
    name: "If-None-Match",
    description: "The `ETag` of what you have: if that is still the same, the answer is 304 without a body.",
    example: None,
    pattern: "",
    max: 0,
};

/// Where a stream goes on that broke off.
pub static LAST_EVENT_ID: Header = Header {
    name: "Last-Event-ID",
    description: "The `id` of the last event that came, where a stream goes on that broke off; before `after`.",
    example: None,
    pattern: "",
    max: 0,
};

/// The headers that a request is to carry, or may.
pub fn of(needs: Needs) -> Vec<Parameter> {
    match needs {
        Needs::Signature(_) => {
            let signed = SIGNATURE.iter().map(|header| header.bounded(Required::True));
            signed.chain([IDEMPOTENCY_KEY.bounded(Required::False)]).collect()
        }
        Needs::BoundSignature(_) | Needs::SignatureUnless(_) => {
            SIGNATURE.iter().map(|header| header.bounded(Required::True)).collect()
        }
        // What is wrong with one of them is told in the answer.
        Needs::SignatureReport => SIGNATURE.iter().chain([&IDEMPOTENCY_KEY]).map(Header::free).collect(),
        _ => Vec::new(),
    }
}

impl Header {
    pub fn bounded(&self, required: Required) -> Parameter {
        let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(self.max));
        self.with(required, schema.pattern(Some(self.pattern)))
    }

    pub fn free(&self) -> Parameter {
        self.with(Required::False, ObjectBuilder::new().schema_type(Type::String))
    }

    fn with(&self, required: Required, schema: ObjectBuilder) -> Parameter {
        let parameter = ParameterBuilder::new().name(self.name).parameter_in(ParameterIn::Header).required(required);
        let parameter = parameter.description(Some(self.description)).example(self.example.map(Into::into));
        parameter.schema(Some(schema)).build()
    }
}
