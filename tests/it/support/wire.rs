use serde_json::{Map, Value, json};

use super::{Answer, TestApp, snake_case};

/// One of the two ways to send an order; a test that runs on both shows that they agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Rest,
    GraphQl,
}

const CREATE: &str = "mutation($input: CreateSalesOrderInput!) {
    createSalesOrder(input: $input) { replayed salesOrder { orderNumber } } }";

impl Wire {
    pub const BOTH: [Self; 2] = [Self::Rest, Self::GraphQl];

    /// Where orders are sent, which is also the path that the body-bound form signs.
    pub fn path(self) -> &'static str {
        match self {
            Self::Rest => "/api/v1/sales-orders",
            Self::GraphQl => "/graphql",
        }
    }

    /// A request body with a small order for this customer.
    pub fn order(self, customer_code: &str) -> Value {
        match self {
            Self::Rest => json!({
                "customer_code": customer_code, "site_code": "SITE-001", "sales_name": "John Doe",
                "address": "Jl. Sudirman No. 1,  Jakarta",
                "products": [{"product_code": "HD9650", "quantity": 2}],
            }),
            Self::GraphQl => json!({
                "query": CREATE,
                "variables": {"input": {
                    "customerCode": customer_code, "siteCode": "SITE-001", "salesName": "John Doe",
                    "address": "Jl. Sudirman No. 1,  Jakarta",
                    "products": [{"productCode": "HD9650", "quantity": 2}],
                }},
            }),
        }
    }

    pub async fn send(self, app: &TestApp, headers: &[(&str, &str)], body: impl Into<String>) -> Answer {
        app.post_text(self.path(), headers, body.into()).await
    }

    /// The answer to an order that was taken just now, and not before.
    #[track_caller]
    pub fn expect_created(self, answer: &Answer) {
        match self {
            Self::Rest => {
                answer.expect(201);
                assert_eq!(answer.header("idempotent-replayed"), None, "{}", answer.text);
            }
            Self::GraphQl => assert_eq!(answer.data()["createSalesOrder"]["replayed"], false, "{}", answer.text),
        }
    }

    /// What a refusal tells besides its sentence, named alike on both wires.
    #[track_caller]
    pub fn expect_refused(self, answer: &Answer, status: u16, code: &str) -> Map<String, Value> {
        let told = match self {
            Self::Rest => answer.expect_problem(status, code),
            Self::GraphQl => {
                assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
                answer.expect_error(code)["extensions"].take()
            }
        };
        let standard = ["type", "title", "status", "detail", "instance", "code", "message", "request_id"];
        let Value::Object(members) = told else { panic!("no object: {}", answer.text) };
        members
            .into_iter()
            .map(|(name, value)| (snake_case(&name), value))
            .filter(|(name, _)| !standard.contains(&name.as_str()))
            .collect()
    }
}
