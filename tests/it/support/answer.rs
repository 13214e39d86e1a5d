use axum::body::to_bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Self { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text))
    }

    /// The body, once the status is as expected.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// The body of a problem with this status and code, whose standard members are as they must be.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text);
        assert_eq!(problem["code"], code, "{}", self.text);
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/docs#{code}"));
        assert_eq!(problem["detail"], problem["message"]);
        assert!(problem["title"].is_string() && problem["instance"].is_string(), "{}", self.text);
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem
    }

    /// The `data` of a GraphQL answer without errors.
    #[track_caller]
    pub fn data(&self) -> Value {
        let mut body = self.expect(200);
        assert!(body.get("errors").is_none(), "{}", self.text);
        body["data"].take()
    }

    /// The first error of a GraphQL answer, which must have this code.
    #[track_caller]
    pub fn expect_error(&self, code: &str) -> Value {
        let mut body = self.json();
        assert_eq!(body["errors"][0]["extensions"]["code"], code, "{}", self.text);
        body["errors"][0].take()
    }
}
