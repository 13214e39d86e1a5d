//! The payload of `connection_init`: where clients put their token. `Authorization` is what the documentation says; the
//! other shapes are those that tutorials of Apollo, urql, Hasura and their like show. Beside a token in one place, the
//! others hold what the client means for somebody else, such as a CSRF token.

use serde_json::{Map, Value};

use super::protocol::{Close, invalid};

/// The shapes that are read, for refusals.
pub const SHAPES: &str = "{Authorization}, {headers: {Authorization}}, {authToken} or {token}";

/// The value of `Authorization` that the payload carries, if it carries any.
pub fn authorization(payload: Option<Value>) -> Result<Option<String>, Close> {
    let members = match payload {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(invalid("the payload must be an object")),
    };
    if let Some(found) = only(named_authorization(&members))? {
        return Ok(Some(found));
    }
    let nested = members.iter().filter(|(name, _)| name.eq_ignore_ascii_case("headers"));
    let nested = nested.filter_map(|(_, value)| value.as_object());
    if let Some(found) = only(nested.flat_map(named_authorization))? {
        return Ok(Some(found));
    }
    only(["authToken", "token"].into_iter().filter_map(|name| Some((name, members.get(name)?))))
}

/// The one token that these members hold, if they hold any.
fn only<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>) -> Result<Option<String>, Close> {
    let mut found: Option<String> = None;
    for (name, value) in members {
        let text = match value {
            // A client that has no token yet.
            Value::Null => continue,
            Value::String(text) if text.trim().is_empty() => continue,
            Value::String(text) => text,
            _ => return Err(invalid(&format!("{name} must be a string"))),
        };
        let text = if name.eq_ignore_ascii_case("authorization") { text.clone() } else { with_scheme(text) };
        if found.as_ref().is_some_and(|found| *found != text) {
            return Err(invalid(&format!("two tokens that differ; send one, as {SHAPES}")));
        }
        found = Some(text);
    }
    Ok(found)
}

fn named_authorization(members: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    members
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .map(|(name, value)| (name.as_str(), value))
}

/// A member named after the token holds it with or without its scheme.
fn with_scheme(token: &str) -> String {
    if token.contains(' ') { token.to_owned() } else { format!("Bearer {token}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(payload: Value) -> Result<Option<String>, String> {
        authorization(Some(payload)).map_err(|Close(code, reason)| format!("{code} {reason}"))
    }

    #[test]
    fn the_token_is_read_from_each_shape_that_clients_send() {
        for payload in [
            json!({"Authorization": "Bearer abc"}),
            json!({"authorization": "Bearer abc"}),
            json!({"AUTHORIZATION": "Bearer abc", "apiKey": 1}),
            json!({"headers": {"Authorization": "Bearer abc"}}),
            json!({"headers": {"authorization": "Bearer abc", "x-tenant": "a"}}),
            json!({"authToken": "abc"}),
            json!({"authToken": "Bearer abc"}),
            json!({"token": "abc"}),
            json!({"token": "Bearer abc", "Authorization": "Bearer abc"}),
            json!({"Authorization": null, "token": "abc"}),
            json!({"Authorization": "", "token": "abc"}),
            json!({"authToken": " ", "token": "abc"}),
            // What is beside it is meant for somebody else.
            json!({"Authorization": "Bearer abc", "token": "csrf", "authToken": 1, "headers": {"authorization": "xyz"}}),
            json!({"authorization": "Bearer abc", "token": {"value": "csrf"}}),
            json!({"headers": {"Authorization": "Bearer abc"}, "token": ["csrf"]}),
        ] {
            assert_eq!(read(payload.clone()), Ok(Some("Bearer abc".to_owned())), "{payload}");
        }
        for payload in [
            json!(null),
            json!({}),
            json!({"headers": {}}),
            json!({"headers": null}),
            json!({"token": null}),
            json!({"token": ""}),
            json!({"Authorization": "", "authToken": "", "headers": {"Authorization": ""}}),
        ] {
            assert_eq!(read(payload.clone()), Ok(None), "{payload}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_the_shapes_are_named() {
        for payload in [
            json!(1),
            json!("Bearer abc"),
            json!(["abc"]),
            json!({"token": 1}),
            json!({"headers": {"authorization": {}}}),
            json!({"Authorization": 1, "token": "abc"}),
            json!({"Authorization": "Bearer abc", "authorization": "Bearer xyz"}),
        ] {
            assert!(read(payload.clone()).unwrap_err().starts_with("4400 Invalid message: "), "{payload}");
        }
        let refused = read(json!({"authToken": "abc", "token": "xyz"})).unwrap_err();
        assert!(refused.contains(SHAPES), "{refused}");
    }
}
