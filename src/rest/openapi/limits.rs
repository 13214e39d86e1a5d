//! What every operation may answer when its caller asks too often.

use utoipa::Modify;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Object, OpenApi, Ref, ResponseBuilder, schema::Type};

pub struct RateLimits;

impl Modify for RateLimits {
    fn modify(&self, openapi: &mut OpenApi) {
        for path in openapi.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
                describe(operation);
            }
        }
    }
}

fn describe(operation: &mut Operation) {
    let header = |kind: Type, text: &str| {
        HeaderBuilder::new().schema(Some(Object::with_type(kind))).description(Some(text)).build()
    };
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let refused = ResponseBuilder::new()
        .description("Too many requests, or too many attempts to log in; wait for Retry-After")
        .content("application/problem+json", problem)
        .header("Retry-After", header(Type::Integer, "Seconds until the same request may be sent again"))
        .header("RateLimit-Policy", header(Type::String, "The limit, such as \"requests\";q=600000;w=60"))
        .header("RateLimit", header(Type::String, "What is left of it, such as \"requests\";r=0;t=60"))
        .build();
    operation.responses.responses.insert("429".to_owned(), refused.into());
}
