//! How long a signed text is remembered.

use std::time::Duration;

use super::signed_text::{bound, expect_reused, send};
use super::{ORDERS, new_number};
use crate::support::{Process, TestApp, order, until};

#[tokio::test]
async fn a_text_is_remembered_for_as_long_as_it_is_fresh_and_then_forgotten() {
    let app = TestApp::new().await;
    let (partner, body) = (bound(&app).await, order().to_string());
    // Signed as far ahead as is allowed, so it is fresh for twice the tolerance.
    let timestamp = (app.clock.now() + Duration::from_mins(5)).timestamp().to_string();
    let hash = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&body)).into();
    let text = sales_order_api::auth::string_to_sign::body_bound_string("POST", ORDERS, &hash, &timestamp);
    let signed = partner.sign_text(&timestamp, &text);
    let first = new_number(&send(&app, &signed, Some("po-1"), &body).await);
    // What the service does once a minute, with its own measure of age.
    let forget = async || {
        let before = app.clock.now() - 2 * Duration::from_mins(5);
        app.store.delete_signed_texts(before, 10).await.unwrap()
    };
    app.clock.advance(Duration::from_secs(598));
    assert_eq!(forget().await, 0);
    expect_reused(&send(&app, &signed, Some("po-2"), &body).await, &first);
    app.clock.advance(Duration::from_secs(3));
    assert_eq!(forget().await, 1);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_signed_texts").await, 0);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn a_running_service_forgets_old_texts_by_itself_and_no_others() {
    let app = TestApp::new().await;
    let partner = bound(&app).await;
    let body = order().to_string();
    for key in ["po-1", "po-2"] {
        send(&app, &partner.sign_body(ORDERS, body.as_bytes()), Some(key), &body).await.expect(201);
        app.clock.advance(Duration::from_secs(1));
    }
    let texts = "SELECT count(*) FROM sales_order_signed_texts";
    assert_eq!(app.database.db_number(texts).await, 2);
    // The service that runs goes by the real clock: one is far too old for it, and the other from a time to come.
    for age in ["SET created_at = 0", "SET created_at = 4102444800000000 WHERE order_id = 2"] {
        app.database.db_execute(&format!("UPDATE sales_order_signed_texts {age}")).await.unwrap();
    }
    let service = Process::serve(app.database.folder.path(), &app.database.url, |_| {});
    until("the old text is forgotten", async || app.database.db_number(texts).await < 2).await;
    service.stop();
    assert_eq!(app.database.db_number("SELECT min(order_id) FROM sales_order_signed_texts").await, 2);
    assert_eq!(app.database.whole_orders(2).await, 2);
}
