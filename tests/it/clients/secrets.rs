//! A client's secrets are rotated, and nobody who uses one is cut off.

use std::time::Duration;

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{manager, refused, run};
use crate::support::{PARTNER_KEY, Partner, TestApp, until};

#[tokio::test]
async fn a_third_secret_takes_the_place_of_one_nobody_used_and_of_no_other() {
    let app = TestApp::new().await;
    let manager = manager(&app).await;
    let id = "a".parse().unwrap();
    let first = app.client("a", &[Permission::OrdersRead], SignaturePolicy::Documented, Vec::new()).await;
    let input = json!({"clientId": "a", "graceSeconds": 86_400});
    let rotate = async || {
        let made = run(&manager, "rotateClientSecret", "RotateClientSecretInput", input.clone(), "clientSecret").await;
        SecretString::from(made["clientSecret"].as_str().unwrap())
    };
    let log_in = async |secret: &SecretString| {
        let body = json!({"client_id": "a", "client_secret": secret.expose_secret()});
        app.post("/api/v1/auth/login", &body).await.status.as_u16()
    };
    let until_used = async |secrets: usize| {
        until("the use of a secret is noted", async || {
            let shown = app.clients.show_client(&id).await.unwrap().secrets;
            shown.iter().filter(|secret| secret.last_used_at.is_some()).count() == secrets
        })
        .await;
    };
    assert_eq!(log_in(&first).await, 200);
    until_used(1).await;
    // The second one got lost on its way: nobody ever used it.
    let lost = rotate().await;
    let second = rotate().await;
    assert_eq!((log_in(&first).await, log_in(&lost).await, log_in(&second).await), (200, 401, 200));
    until_used(2).await;
    // Now both are used, and both were promised to work.
    let error = refused(&manager, "rotateClientSecret", "RotateClientSecretInput", input.clone(), "CONFLICT").await;
    assert!(error["message"].as_str().unwrap().contains("works until 2026-11-24T13:37:16"), "{error}");
    assert_eq!((log_in(&first).await, log_in(&second).await), (200, 200));
    // Whoever must, can: without grace all of them end.
    let rotated = app.clients.rotate_secret(&id, Duration::ZERO).await.unwrap();
    assert_eq!((log_in(&first).await, log_in(&second).await, log_in(&rotated.secret).await), (401, 401, 200));
}

#[tokio::test]
async fn rotations_at_once_leave_the_secret_in_use_alone() {
    let app = TestApp::new().await;
    let id = "a".parse().unwrap();
    let first = app.client("a", &[Permission::OrdersRead], SignaturePolicy::Documented, Vec::new()).await;
    Partner::log_in(&app, "a", first.clone(), &PARTNER_KEY).await;
    until("its use is noted", async || app.clients.show_client(&id).await.unwrap().secrets[0].last_used_at.is_some())
        .await;
    let rotations = (0..8).map(|_| app.clients.rotate_secret(&id, Duration::from_hours(1)));
    let made: Vec<_> = futures_util::future::join_all(rotations).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.len(), 8);
    assert_eq!(app.clients.show_client(&id).await.unwrap().secrets.len(), 2);
    Partner::log_in(&app, "a", first, &PARTNER_KEY).await;
}
