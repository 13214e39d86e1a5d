use async_graphql::{Enum, Object};

use crate::domain::{client, permission::Permission, signature_policy};
use crate::graphql::scalars::DateTime;

pub struct Client {
    pub client: client::Client,
    pub permissions: Vec<Permission>,
}

/// Which signatures a client may send.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "signature_policy::SignaturePolicy")]
pub enum SignaturePolicy {
    /// `client_id|timestamp`, as published, or the body-bound form.
    Documented,
    /// Only the form that signs method, path, body and timestamp.
    BodyBound,
}

/// A partner, a dashboard or an operator's tool that may log in.
#[Object]
impl Client {
    /// Client id.
    async fn client_id(&self) -> &str {
        self.client.client_id.as_str()
    }

    /// Name for people.
    async fn name(&self) -> &str {
        &self.client.name
    }

    /// What the caller's token allows, such as `orders:create`.
    async fn scopes(&self) -> Vec<&'static str> {
        self.permissions.iter().map(|permission| permission.as_str()).collect()
    }

    /// Which signatures it may send.
    async fn signature_policy(&self) -> SignaturePolicy {
        self.client.signature_policy.into()
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.client.created_at)
    }
}
