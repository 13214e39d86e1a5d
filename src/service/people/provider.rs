//! The provider of identities: what it says of itself, where people sign in, and who it says they are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use moka::{future, sync};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::http::header::CONTENT_TYPE;
use openidconnect::http::{HeaderValue, Method, StatusCode};
use openidconnect::{
    AdditionalClaims, AuthType, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdToken, IdTokenClaims, IdTokenFields,
    IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::warn;

use super::attempts::Attempt;
use super::failure::SignInFailure;
use crate::clock::random_bytes;
use crate::domain::person::Identity;
use crate::outgoing::{Outgoing, Question, Unanswered};
use crate::telemetry;

/// How long what the provider says of itself and of its keys counts.
const METADATA_LIFETIME: Duration = Duration::from_mins(10);

/// A key that is not known has them read anew, and so often at most.
const KEYS_PAUSE: Duration = Duration::from_mins(1);

/// The longest answer that is read: no provider describes itself at such length.
const LONGEST_ANSWER: usize = 512 * 1024;

/// So many groups of a person are read, and so much of the name of each: more is no reason to hold a session.
const MOST_GROUPS: usize = 1_000;

/// What signs ID tokens. Never the secret that the provider shares with us: with it anybody who has it could make one.
const SIGNED_BY: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];

/// What the operator says of the provider.
pub struct ProviderRules {
    /// Its URL.
    pub issuer: String,
    /// What the service is called there.
    pub client_id: String,
    /// The secret that it gave.
    pub client_secret: Option<SecretString>,
    /// The scopes that are asked for.
    pub scopes: Vec<String>,
    /// The claim with the groups.
    pub groups_claim: String,
    /// Where it sends people back to with a code.
    pub redirect_uri: String,
    /// Where it sends people back to who signed out.
    pub signed_out_uri: String,
    /// The longest that a person waits for all that is asked of the provider in one step: less than a request may take.
    pub patience: Duration,
}

/// The provider.
pub(super) struct Provider {
    outgoing: Outgoing,
    rules: ProviderRules,
    metadata: future::Cache<(), Arc<ProviderMetadataWithLogout>>,
    reread: sync::Cache<(), ()>,
}

/// The claims that have no name in the standard, among them the groups.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OtherClaims(HashMap<String, Value>);

impl AdditionalClaims for OtherClaims {}

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Token = IdToken<OtherClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;
type OurClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Provider {
    pub(super) fn new(outgoing: Outgoing, rules: ProviderRules) -> Self {
        let metadata = future::Cache::builder().max_capacity(1).time_to_live(METADATA_LIFETIME).build();
        Self {
            outgoing,
            rules,
            metadata,
            reread: sync::Cache::builder().max_capacity(1).time_to_live(KEYS_PAUSE).build(),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, SignInFailure>>) -> Result<T, SignInFailure> {
        tokio::time::timeout(self.rules.patience, work).await.unwrap_or_else(|_| {
            warn!("the provider of identities takes too long");
            Err(SignInFailure::Away)
        })
    }

    /// The provider's name for itself.
    pub(super) fn issuer(&self) -> &str {
        &self.rules.issuer
    }

    /// Begins a sign-in: where the browser goes.
    pub(super) async fn begin(&self, return_to: &str, now: DateTime<Utc>) -> Result<(String, Attempt), SignInFailure> {
        let metadata = self.in_time(self.metadata()).await?;
        let client = self.client(&metadata)?;
        let random = || URL_SAFE_NO_PAD.encode(random_bytes::<32>());
        let (state, nonce, verifier) = (random(), random(), random());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let (sent_state, sent_nonce) = (state.clone(), nonce.clone());
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let scopes = self.rules.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
        let request = client
            .authorize_url(flow, move || CsrfToken::new(sent_state), move || Nonce::new(sent_nonce))
            .add_scopes(scopes)
            .set_pkce_challenge(challenge);
        let (url, _, _) = request.url();
        let is_safe = url.scheme() == "https" || self.rules.issuer.starts_with("http://") && url.scheme() == "http";
        if !is_safe {
            return Err(untrusted("the address at which people are to sign in is none"));
        }
        Ok((url.into(), Attempt::new(state, nonce, verifier, return_to.to_owned(), now)))
    }

    /// Who the provider says has signed in.
    pub(super) async fn finish(
        &self,
        code: &str,
        attempt: &Attempt,
        now: DateTime<Utc>,
    ) -> Result<Identity, SignInFailure> {
        self.in_time(async {
            let mut metadata = self.metadata().await?;
            let token = self.redeem(&metadata, code, &attempt.verifier).await?;
            let nonce = Nonce::new(attempt.nonce.clone());
            if self.does_not_know_the_key(&metadata, &token)? {
                if self.reread.entry(()).or_insert(()).is_fresh() {
                    self.metadata.invalidate(&()).await;
                }
                metadata = self.metadata().await?;
            }
            let client = self.client(&metadata)?;
            let verifier = client.id_token_verifier().set_allowed_algs(SIGNED_BY).set_time_fn(move || now);
            let claims = token.claims(&verifier, &nonce).map_err(untrusted)?;
            self.identity(claims)
        })
        .await
    }

    /// Where a browser signs out there too, if that is possible. Nobody is kept waiting for it, so only what is known counts.
    pub(super) async fn sign_out_url(&self) -> Option<String> {
        let metadata = self.metadata.get(&()).await?;
        let endpoint = metadata.additional_metadata().end_session_endpoint.clone()?;
        let back = PostLogoutRedirectUrl::new(self.rules.signed_out_uri.clone()).ok()?;
        let request = LogoutRequest::from(endpoint).set_client_id(ClientId::new(self.rules.client_id.clone()));
        let url = request.set_post_logout_redirect_uri(back).http_get_url();
        matches!(url.scheme(), "https" | "http").then(|| url.into())
    }

    /// What the provider says of itself. All who ask meanwhile wait for one answer.
    async fn metadata(&self) -> Result<Arc<ProviderMetadataWithLogout>, SignInFailure> {
        let (issuer, outgoing, known) = (self.rules.issuer.clone(), self.outgoing.clone(), self.metadata.clone());
        let load = async move { discover(outgoing, issuer).await.map(Arc::new) };
        // In a task of its own: an answer that comes after the patience of who asked is there for the next one.
        let loading = tokio::spawn(async move { known.try_get_with((), load).await });
        let loaded = loading.await.unwrap_or_else(|error| Err(Arc::new(error.to_string())));
        loaded.map_err(|error: Arc<String>| {
            warn!(error = %error, "the provider of identities says nothing of itself that can be read: nobody can sign in");
            SignInFailure::Away
        })
    }

    fn client(&self, metadata: &ProviderMetadataWithLogout) -> Result<OurClient, SignInFailure> {
        let secret = self.rules.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let id = ClientId::new(self.rules.client_id.clone());
        let back = RedirectUrl::new(self.rules.redirect_uri.clone()).map_err(untrusted)?;
        let client = OurClient::from_provider_metadata(metadata.clone(), id, secret).set_redirect_uri(back);
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes_body_alone =
            methods.is_some_and(|methods| !methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        Ok(if takes_body_alone { client.set_auth_type(AuthType::RequestBody) } else { client })
    }

    /// Gives the code for an ID token, which nobody has believed yet.
    async fn redeem(
        &self,
        metadata: &ProviderMetadataWithLogout,
        code: &str,
        verifier: &str,
    ) -> Result<Token, SignInFailure> {
        let client = self.client(metadata)?;
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(untrusted)?;
        let http = |request| ask(self.outgoing.clone(), request);
        let verifier = PkceCodeVerifier::new(verifier.to_owned());
        let answer = request.set_pkce_verifier(verifier).request_async(&http).await.map_err(|error| match error {
            RequestTokenError::Request(error) => {
                warn!(error = telemetry::causes(&error), "the provider of identities does not take a code");
                SignInFailure::Away
            }
            // The words are the provider's, and the operator's to read.
            RequestTokenError::ServerResponse(refusal) => {
                warn!(error = ?refusal.error(), words = ?refusal.error_description(), "the provider of identities refuses a code");
                SignInFailure::Untrusted
            }
            other => untrusted(other),
        })?;
        answer.id_token().cloned().ok_or_else(|| untrusted("there is no ID token in the answer"))
    }

    /// Whether the key of a token is none of those that were read: the provider may have got a new one since.
    fn does_not_know_the_key(
        &self,
        metadata: &ProviderMetadataWithLogout,
        token: &Token,
    ) -> Result<bool, SignInFailure> {
        let client = self.client(metadata)?;
        Ok(token.signing_key(&client.id_token_verifier()).is_err())
    }

    fn identity(&self, claims: &Claims) -> Result<Identity, SignInFailure> {
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.len() > 255 {
            return Err(untrusted("the subject is none"));
        }
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned());
        let user_name = claims.preferred_username().map(|name| name.as_str().to_owned());
        let mail = || claims.email().map(|mail| mail.as_str().to_owned());
        Ok(Identity {
            issuer: self.rules.issuer.clone(),
            subject: subject.to_owned(),
            user_name: user_name.or_else(mail),
            name,
            groups: groups(claims.additional_claims().0.get(&self.rules.groups_claim)),
        })
    }
}

/// The groups of a claim: a list of texts, or one text.
fn groups(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(group)) => vec![group.clone()],
        Some(Value::Array(groups)) => {
            groups.iter().filter_map(Value::as_str).take(MOST_GROUPS).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// Refuses what the provider said; the operator reads why.
fn untrusted(why: impl std::fmt::Display) -> SignInFailure {
    warn!(error = %why, "what the provider of identities says is not to be believed");
    SignInFailure::Untrusted
}

/// Asks the provider by the way on which all requests to others go.
/// What a provider says of itself and of its keys, or why that cannot be read.
pub async fn discover(outgoing: Outgoing, issuer: String) -> Result<ProviderMetadataWithLogout, String> {
    let issuer = IssuerUrl::new(issuer).map_err(|error| telemetry::causes(&error))?;
    let http = |request| ask(outgoing.clone(), request);
    ProviderMetadataWithLogout::discover_async(issuer, &http).await.map_err(|error| telemetry::causes(&error))
}

async fn ask(outgoing: Outgoing, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
    let (parts, body) = request.into_parts();
    let url = parts.uri.to_string();
    let headers: Vec<_> =
        parts.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let is_post = parts.method == Method::POST;
    let reply = outgoing.ask(Question { url: &url, is_post, headers: &headers, body, longest: LONGEST_ANSWER }).await?;
    let mut response = HttpResponse::new(reply.body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    if let Some(media) = reply.media.and_then(|media| HeaderValue::try_from(media).ok()) {
        response.headers_mut().insert(CONTENT_TYPE, media);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::groups;

    #[test]
    fn groups_are_a_list_of_texts_or_one_text_and_anything_else_is_none() {
        assert_eq!(groups(Some(&json!(["/sales", "b4d1"]))), ["/sales", "b4d1"]);
        assert_eq!(groups(Some(&json!("sales"))), ["sales"]);
        assert_eq!(groups(Some(&json!(["sales", 7, null, {"a": 1}]))), ["sales"]);
        for none in [json!(null), json!({"sales": true}), json!(7), json!([])] {
            assert_eq!(groups(Some(&none)), Vec::<String>::new());
        }
        assert_eq!(groups(None), Vec::<String>::new());
    }
}
