//! The sender of one request: asked once, however many fields want to know.

use std::sync::{Arc, OnceLock};

use chrono::DateTime;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

use super::directory::KnownClient;
use super::needs::Needs;
use super::sessions::{Sessions, ensure_active};
use crate::auth::credentials::{Credentials, SignatureHeaders};
use crate::auth::hint::Hint;
use crate::auth::rejection::SignatureRefusal;
use crate::auth::signature::{SignatureForm, SignedRequest, VerifiedSignature};
use crate::compute;
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::expectation_policy::ExpectationPolicy;
use crate::domain::permission::{Permission, Scope};
use crate::domain::reference_policy::ReferencePolicy;
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::{AppError, ErrorCode};
use crate::telemetry;

/// A client that proved who it is.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The client and its keys.
    pub known: Arc<KnownClient>,
    /// What it may do: its token's scopes as far as the client still has them.
    pub permissions: Vec<Permission>,
}

impl Principal {
    /// The operator, who has the database in hand and may read all of it.
    pub(super) fn operator() -> Self {
        let permissions = vec![Permission::OrdersRead, Permission::ClientsRead];
        let client = Client {
            client_id: ClientId::operator(),
            kind: ClientKind::Machine,
            name: "The command line".to_owned(),
            permissions: permissions.clone(),
            signature_policy: SignaturePolicy::default(),
            reference_policy: ReferencePolicy::default(),
            expectation_policy: ExpectationPolicy::default(),
            session_generation: 0,
            created_at: DateTime::UNIX_EPOCH,
            disabled_at: None,
            signature_reuses: 0,
            signature_reused_at: None,
        };
        Self { known: Arc::new(KnownClient { client, keys: Vec::new() }), permissions }
    }

    /// The client's id.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.known.client.client_id
    }

    /// The orders that it may read.
    #[must_use]
    pub fn scope(&self) -> Scope {
        if self.permissions.contains(&Permission::OrdersRead) {
            Scope::All
        } else {
            Scope::Client(self.client_id().clone())
        }
    }

    /// Refuses a client that does not have the scope.
    pub fn ensure(&self, permission: Permission) -> Result<(), AppError> {
        if self.permissions.contains(&permission) {
            return Ok(());
        }
        Err(lacks(permission))
    }
}

/// The refusal of a client that does not have a scope.
#[must_use]
pub fn lacks(permission: Permission) -> AppError {
    let message = format!("This needs the scope {permission}, which this client does not have");
    AppError::new(ErrorCode::InsufficientScope, message).detail("scope", permission.as_str())
}

/// One request's sender, known only as far as somebody asked.
pub struct Caller {
    sessions: Arc<Sessions>,
    /// The credentials of the request.
    pub credentials: Credentials,
    bearer: OnceCell<Result<Principal, AppError>>,
    signature: OnceCell<Result<Arc<VerifiedSignature>, SignatureRefusal>>,
    /// The principal that was let through, and the needs that it met.
    admitted: OnceLock<(Principal, Needs)>,
}

impl Caller {
    /// A sender nobody asked about yet.
    #[must_use]
    pub fn new(sessions: Arc<Sessions>, credentials: Credentials) -> Self {
        Self { sessions, credentials, bearer: OnceCell::new(), signature: OnceCell::new(), admitted: OnceLock::new() }
    }

    /// The operator at the command line, who may read every order.
    #[must_use]
    pub fn operator(sessions: Arc<Sessions>) -> Self {
        let bearer = OnceCell::new_with(Some(Ok(Principal::operator())));
        Self { bearer, ..Self::new(sessions, Credentials::default()) }
    }

    /// The service itself, reading what this client may read.
    #[must_use]
    pub fn deputy(sessions: Arc<Sessions>, of: Principal) -> Self {
        Self { bearer: OnceCell::new_with(Some(Ok(of))), ..Self::new(sessions, Credentials::default()) }
    }

    /// An active client with a valid bearer token.
    pub async fn principal(&self) -> Result<Principal, AppError> {
        let principal = self.bearer().await?;
        ensure_active(&principal.known.client)?;
        Ok(principal)
    }

    /// Lets the caller through to an operation, or says what is missing. Nothing else decides who may do what.
    ///
    /// The order of the checks is part of the contract (`tests/it/signatures.rs` holds it): token, headers, client id,
    /// disabled, timestamp and signature, scope.
    pub async fn admit(&self, needs: Needs) -> Result<(), AppError> {
        let principal = match needs {
            Needs::Nothing | Needs::ClientSecret | Needs::InputToken => return Ok(()),
            Needs::Token | Needs::Scope(_) | Needs::SignatureReport => self.principal().await?,
            Needs::SignatureUnless(scope) if self.bearer().await?.ensure(scope).is_ok() => self.principal().await?,
            Needs::Signature(_) | Needs::BoundSignature(_) | Needs::SignatureUnless(_) => {
                let principal = self.bearer().await?;
                let policy = needs.signature_policy(principal.known.client.signature_policy);
                let signature = self.signature_under(policy).await?;
                // It was checked once, for what was asked first.
                if policy.binds_body() && signature.form == SignatureForm::Documented {
                    return Err(AppError::internal(
                        "a signature was asked for two operations that need different ones",
                    ));
                }
                self.sessions.note_true_signature(principal.client_id());
                principal
            }
        };
        needs.ensure_scope(&principal)?;
        // Of several operations in one request the first says who calls; the others found the same client.
        self.admitted.get_or_init(|| (principal, needs));
        Ok(())
    }

    /// The client that [`Caller::admit`] let through.
    pub fn admitted(&self) -> Result<&Principal, AppError> {
        self.admission().map(|(principal, _)| principal)
    }

    fn admission(&self) -> Result<&(Principal, Needs), AppError> {
        self.admitted.get().ok_or_else(|| AppError::internal("an operation ran for a caller that no gate let through"))
    }

    /// The signature of this request, checked once, whatever the caller may do.
    pub async fn checked_signature(&self) -> Result<Arc<VerifiedSignature>, SignatureRefusal> {
        let policy = self.bearer().await?.known.client.signature_policy;
        self.signature_under(policy).await
    }

    async fn signature_under(&self, policy: SignaturePolicy) -> Result<Arc<VerifiedSignature>, SignatureRefusal> {
        let principal = self.bearer().await?;
        let (lane, bytes) = (self.credentials.lane(), self.credentials.body.len());
        let verify = || compute::on(lane, bytes, || self.verify(&principal, policy).map(Arc::new));
        self.signature.get_or_init(verify).await.clone()
    }

    /// The signature that [`Caller::admit`] found true.
    pub fn verified_signature(&self) -> Result<Arc<VerifiedSignature>, AppError> {
        let unverified = || AppError::internal("the signature was used before it was verified");
        Ok(self.signature.get().cloned().ok_or_else(unverified)??)
    }

    /// Takes further requests from the quota of the client that was let through, for what it asks in one.
    pub fn count_further_requests(&self, requests: usize) -> Result<(), AppError> {
        self.sessions.admit_further_requests(self.admitted()?, requests)
    }

    /// The session of a caller that was let through, to be looked at again for as long as its operation goes on.
    pub fn live_session(&self) -> Result<LiveSession, AppError> {
        let (_, needs) = self.admission()?;
        let token = self.credentials.bearer_token()?.to_owned();
        Ok(LiveSession { sessions: Arc::clone(&self.sessions), token: token.into(), needs: *needs })
    }

    async fn bearer(&self) -> Result<Principal, AppError> {
        let look_up = || async {
            let found = self.sessions.authenticate(self.credentials.bearer_token()?).await;
            let principal = found.map_err(|refused| {
                self.note_former_session();
                self.sessions.refuse_token(&self.credentials, refused)
            })?;
            telemetry::note(|facts| facts.principal = Some(principal.client_id().to_string()));
            self.sessions.admit_request(&principal)?;
            Ok(principal)
        };
        self.bearer.get_or_init(look_up).await.clone()
    }

    /// Notes whose token was refused that has expired or was revoked: its client will ask why.
    fn note_former_session(&self) {
        let token = self.credentials.bearer_token().ok();
        let client = token.and_then(|token| self.sessions.client_of_former(token));
        telemetry::note(|facts| facts.exchange.session_client = client);
    }

    fn verify(&self, principal: &Principal, policy: SignaturePolicy) -> Result<VerifiedSignature, SignatureRefusal> {
        telemetry::note(|facts| facts.exchange.is_signed = true);
        self.credentials.ensure_signable()?;
        let headers = self.credentials.signature_headers(policy)?;
        if headers.client_id != principal.client_id().as_str() {
            let hint = Hint::ClientIdMismatch;
            return Err(AppError::new(ErrorCode::ClientIdMismatch, hint.explanation())
                .hint(hint.as_str())
                .detail("x_client_id", headers.client_id)
                .detail("token_client_id", principal.client_id().as_str())
                .into());
        }
        ensure_active(&principal.known.client)?;
        let Credentials { path, other_paths, body, .. } = &self.credentials;
        let method = signed_method(&self.credentials.method);
        // One that cannot be used is refused later, as it is where it need not be signed.
        let idempotency_key = self.credentials.idempotency_key().ok().flatten();
        let SignatureHeaders { client_id, timestamp, signature } = headers;
        let request =
            SignedRequest { client_id, timestamp, signature, method, path, other_paths, body, idempotency_key };
        let began = telemetry::begin_part();
        let verified = self.sessions.verify_signature(&principal.known, policy, &request);
        telemetry::end_part("verify the signature", began, None);
        let verified = verified?;
        telemetry::note(|facts| {
            facts.exchange.signature_form = Some(verified.form.as_str());
            facts.exchange.key_fingerprint = Some(verified.fingerprint.clone());
        });
        Ok(verified)
    }
}

/// The method that is signed: GraphQL comes by POST alone, so what is checked by GET is checked as if it were sent so.
fn signed_method(method: &str) -> &str {
    if matches!(method, "PUT" | "DELETE") { method } else { "POST" }
}

/// A session of a caller that stays: what was true when it came may have ended since.
pub struct LiveSession {
    sessions: Arc<Sessions>,
    token: SecretString,
    /// The needs of its operation.
    needs: Needs,
}

impl LiveSession {
    /// An active client whose token is still valid, and which still has the scope that its operation needs.
    pub async fn principal(&self) -> Result<Principal, AppError> {
        let principal = self.sessions.authenticate(self.token.expose_secret()).await?;
        ensure_active(&principal.known.client)?;
        self.needs.ensure_scope(&principal)?;
        Ok(principal)
    }
}
