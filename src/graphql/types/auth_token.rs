use async_graphql::SimpleObject;
use secrecy::ExposeSecret as _;

use crate::auth::token::IssuedToken;
use crate::graphql::output::scalars::UnixTime;

/// A bearer token.
#[derive(SimpleObject)]
pub struct AuthToken {
    /// A JWT, such as `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...`. Send it as `Authorization: Bearer <token>`.
    token: String,
    /// Time at which the token expires, in unix seconds, such as `1704067200`.
    expired_at: UnixTime,
}

impl From<IssuedToken> for AuthToken {
    fn from(issued: IssuedToken) -> Self {
        Self { token: issued.token.expose_secret().to_owned(), expired_at: UnixTime(issued.expires_at) }
    }
}
