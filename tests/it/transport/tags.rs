//! Who has the newest already is told so, and sent nothing.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::support::{Answer, Partner, TestApp, order};

async fn ask(reader: &Partner<'_>, method: &str, path: &str, known: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("if-none-match", known);
    let request = request.header("authorization", reader.authorization()).body(Body::empty()).unwrap();
    reader.app.send(request).await
}

#[tokio::test]
async fn a_document_that_the_client_has_is_not_sent_again() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    for (path, caching) in [
        ("/schema.graphql", "no-cache"),
        ("/api/v1/openapi.json", "no-cache"),
        ("/api/v1/sales-orders/SO-0000000001", "no-store"),
    ] {
        let first = partner.get(path).await;
        let tag = first.header("etag").unwrap().to_owned();
        assert_eq!((first.status.as_u16(), first.header("cache-control")), (200, Some(caching)), "{path}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            for method in ["GET", "HEAD"] {
                let again = ask(&partner, method, path, &known).await;
                assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{method} {path} {known}");
                assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
                assert_eq!(again.header("cache-control"), Some(caching), "{path}");
            }
        }
        for unknown in ["\"other\"", "", "nonsense", &tag[1..]] {
            let again = ask(&partner, "GET", path, unknown).await;
            assert_eq!((again.status.as_u16(), &again.text), (200, &first.text), "{path} {unknown}");
        }
    }
}

#[tokio::test]
async fn an_order_has_another_tag_with_each_version_and_strangers_learn_nothing_of_it() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create(&order()).await.expect(201);
    let path = "/api/v1/sales-orders/SO-0000000001";
    let tag = partner.get(path).await.header("etag").unwrap().to_owned();
    assert!(tag.starts_with("\"1-"), "{tag}");
    let confirm =
        "mutation { updateSalesOrderStatus(input: {orderNumber: \"SO-0000000001\", status: CONFIRMED}) { version } }";
    operator.graphql(confirm, json!({})).await.data();
    let changed = ask(&partner, "GET", path, &tag).await;
    assert_eq!(changed.expect(200)["data"]["version"], 2);
    assert!(changed.header("etag").unwrap().starts_with("\"2-"));
    let stranger =
        app.partner_named("other", sales_order_api::domain::signature_policy::SignaturePolicy::default()).await;
    for known in ["*", changed.header("etag").unwrap()] {
        ask(&stranger, "GET", path, known).await.expect_problem(404, "NOT_FOUND");
    }
    let nobody = Request::get(path).header("if-none-match", "*").body(Body::empty()).unwrap();
    app.send(nobody).await.expect_problem(401, "UNAUTHENTICATED");
}
