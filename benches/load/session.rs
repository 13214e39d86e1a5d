//! Who sends: a client that logged in.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::client::{Connection, post};

#[derive(Clone)]
pub struct Session {
    pub address: SocketAddr,
    pub client_id: String,
    pub authorization: String,
}

impl Session {
    pub async fn log_in(base: &str, client_id: &str, client_secret: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        let host = base.strip_prefix("http://").context("--base begins with http://")?.trim_end_matches('/');
        let address = tokio::net::lookup_host(host).await?.next().context("no such host")?;
        ensure!(address.ip().is_loopback(), "{address} is not on this machine; load is for a service of one's own");
        let credentials = json!({"client_id": client_id, "client_secret": client_secret}).to_string();
        let mut connection = Connection::open(address).await?;
        let answer = connection.exchange(&post(address, "/api/v1/auth/login", &[], &credentials)).await?;
        answer.expect(200).context("the login was refused")?;
        let Token { token } = serde_json::from_slice(answer.body)?;
        Ok(Self { address, client_id: client_id.to_owned(), authorization: format!("Bearer {token}") })
    }
}
