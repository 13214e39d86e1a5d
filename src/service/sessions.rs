//! Logging in, refreshing, and finding out who calls.

mod budgets;
mod people;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use secrecy::ExposeSecret as _;
use tokio::sync::{Semaphore, watch};

use super::buckets::REMEMBERED;
use super::caller::Principal;
use super::clock_skew::ClockSkew;
use super::directory::{ClientDirectory, KnownClient};
use super::fairness::Fairness;
use super::known_addresses::KnownAddresses;
use super::rate_limit::{RateLimit, network};
use crate::auth::credentials::Credentials;
use crate::auth::hint::Hint;
use crate::auth::rejection::SignatureRefusal;
use crate::auth::secret;
use crate::auth::signature::{self, SignedRequest, VerifiedSignature};
use crate::auth::token::{Claims, IssuedToken, Session, TokenKeys};
use crate::auth::verified::VerifiedSignatures;
use crate::clock::Clock;
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::permission;
use crate::domain::session_input::{LoginInput, RefreshInput};
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::{AppError, ErrorCode};
use crate::store::Store;
use crate::telemetry;

/// The lifetimes of tokens and sessions.
#[derive(Debug, Clone)]
pub struct SessionRules {
    /// The time for which a token is valid.
    pub token_lifetime: Duration,
    /// The time after its expiry for which a token may be refreshed.
    pub refresh_window: Duration,
    /// The time after the login for which a session may be refreshed.
    pub session_lifetime: Duration,
    /// How far a signed timestamp may be from our clock, both ways.
    pub timestamp_tolerance: Duration,
}

/// Enough for a second of a thousand clients, and little memory.
const REMEMBERED_SIGNATURES: u64 = 10_000;

/// Sessions of clients.
pub struct Sessions {
    store: Store,
    clock: Clock,
    clock_skew: Arc<ClockSkew>,
    directory: ClientDirectory,
    keys: watch::Sender<TokenKeys>,
    rules: SessionRules,
    rate_limit: RateLimit,
    fairness: Fairness,
    verified: VerifiedSignatures,
    hashing: Arc<Semaphore>,
    known_addresses: KnownAddresses,
    /// Sessions that were found ended, by client id and generation, which never comes back.
    ended: Cache<(String, i64), ()>,
}

impl Sessions {
    /// `hashing` password hashes run at once; further logins wait for their turn.
    #[must_use]
    pub fn new(
        store: Store,
        clock_skew: Arc<ClockSkew>,
        directory: ClientDirectory,
        keys: TokenKeys,
        rules: SessionRules,
        rate_limit: RateLimit,
        hashing: usize,
    ) -> Self {
        secret::prepare();
        let keys = watch::Sender::new(keys);
        Self {
            known_addresses: KnownAddresses::new(store.clone()),
            ended: Cache::builder().max_capacity(REMEMBERED as u64).time_to_idle(Duration::from_hours(1)).build(),
            store,
            fairness: Fairness::new(clock_skew.clock()),
            clock: clock_skew.clock().clone(),
            clock_skew,
            directory,
            keys,
            rules,
            rate_limit,
            verified: VerifiedSignatures::new(REMEMBERED_SIGNATURES),
            hashing: Arc::new(Semaphore::new(hashing)),
        }
    }

    /// Signs and accepts tokens with these keys from now on. `false` when they are the ones in force.
    pub fn replace_token_keys(&self, keys: TokenKeys) -> bool {
        self.keys.send_if_modified(|current| {
            let differs = !current.kids().eq(keys.kids());
            if differs {
                *current = keys;
            }
            differs
        })
    }

    /// The names of the keys of tokens in force, first that of the one that signs.
    #[must_use]
    pub fn key_names(&self) -> Vec<String> {
        self.keys.borrow().kids().map(str::to_owned).collect()
    }

    /// Opens a session. A wrong id and a wrong secret are one answer at one cost.
    pub async fn login(&self, input: LoginInput, origin: &Credentials) -> Result<IssuedToken, AppError> {
        let Credentials { address, ref admission, .. } = *origin;
        telemetry::note(|facts| facts.exchange.claimed_client = Some(input.client_id.clone()));
        let attempt = self.rate_limit.begin_login(&input.client_id, address, admission)?;
        let now = self.clock.now();
        // The same statements for every id, also for one that no client can have: a missing round trip would reveal it.
        let client_id = input.client_id.parse::<ClientId>();
        let asked = client_id.as_ref().map_or("", ClientId::as_str);
        if let Some(refusal) = attempt.refusal()
            && !self.known_addresses.holds(asked, network(address)).await?
        {
            return Err(refusal);
        }
        let client = self.store.find_client(asked).await?;
        let secrets = self.store.list_live_secrets(asked, now).await?;
        let is_known = self.store.has_address(asked, network(address)).await?;
        if is_known {
            self.rate_limit.give_back(address, admission);
        }
        let queued = attempt.admit(is_known).await?;
        let hashes = secrets.iter().map(|secret| secret.hash.clone()).collect::<Vec<_>>();
        let permit = Arc::clone(&self.hashing).acquire_owned().await.map_err(AppError::internal)?;
        let matched = tokio::task::spawn_blocking(move || {
            let matched = secret::find_match(&input.client_secret, &hashes);
            drop((permit, queued));
            matched
        })
        .await
        .map_err(AppError::internal)?;
        // A version from before people could sign in may have given one a secret.
        let client = client.filter(|client| client.kind == ClientKind::Machine);
        let (Some(client), Some(secret)) = (client, matched.and_then(|index| secrets.get(index))) else {
            attempt.failed();
            return Err(AppError::new(ErrorCode::InvalidCredentials, "The client id or the client secret is wrong"));
        };
        attempt.succeeded();
        telemetry::note(|facts| facts.exchange.session_client = Some(client.client_id.to_string()));
        ensure_active(&client)?;
        self.known_addresses.note(asked, network(address)).await;
        self.directory.note_secret_used(&client.client_id, secret.id, address, now);
        let session = Session {
            client_id: client.client_id.to_string(),
            auth_time: now.timestamp(),
            scope: permission::join(&client.permissions),
            secret_id: secret.id,
            session_generation: client.session_generation,
        };
        self.issue(&session, now)
    }

    /// Carries a session on, also after its token expired, within the bounds of [`SessionRules`].
    pub async fn refresh(&self, input: RefreshInput, origin: &Credentials) -> Result<IssuedToken, AppError> {
        let now = self.clock.now();
        let Credentials { address, ref admission, .. } = *origin;
        let over_budget = |refused: AppError| admission.refusal().unwrap_or(refused);
        let claims =
            self.keys.borrow().verify_ignoring_expiry(input.token.expose_secret(), now).map_err(over_budget)?;
        // Whose token it was, its signature tells.
        telemetry::note(|facts| facts.exchange.session_client = Some(claims.sub.clone()));
        if self.is_ended(&claims) {
            return Err(over_budget(revoked()));
        }
        self.rate_limit.admit_request(&claims.sub)?;
        let ended = |why: &'static str| Err(AppError::new(ErrorCode::Unauthenticated, why));
        if is_past(claims.exp, self.rules.refresh_window, now.timestamp()) {
            return ended("The token expired too long ago to be refreshed; log in again");
        }
        // At its very end nothing is left of it that a token could live for.
        if claims.auth_time.saturating_add(seconds(self.rules.session_lifetime)) <= now.timestamp() {
            return ended("The session is too old to be refreshed; log in again");
        }
        // Read afresh, not from the directory: a session that ends must not slip through the cache into a new token.
        let client_id: ClientId = claims.sub.parse().map_err(|_| revoked())?;
        let client = self.store.find_client(client_id.as_str()).await?.ok_or_else(revoked)?;
        self.ensure_current(&claims, &client)?;
        ensure_active(&client)?;
        if client.kind == ClientKind::Person {
            return ended(
                "The token of a person is not refreshed: the dashboard gets the next one from the session of the browser",
            );
        }
        let secrets = self.store.list_live_secrets(client_id.as_str(), now).await?;
        if !secrets.iter().any(|secret| secret.id == claims.secret_id) {
            return ended("The secret that began this session was rotated out; log in with the new one");
        }
        self.rate_limit.give_back(address, admission);
        // A session that goes on uses its secret: whoever means to end the secret must see that.
        self.directory.note_secret_used(&client_id, claims.secret_id, address, now);
        let session = Session {
            client_id: claims.sub,
            auth_time: claims.auth_time,
            scope: permission::join(&client.permissions),
            secret_id: claims.secret_id,
            session_generation: claims.session_generation,
        };
        self.issue(&session, now)
    }

    /// A token that lives as long as tokens do, and not beyond the end of its session.
    fn issue(&self, session: &Session, now: DateTime<Utc>) -> Result<IssuedToken, AppError> {
        let left = session.auth_time.saturating_add(seconds(self.rules.session_lifetime)) - now.timestamp();
        let left = Duration::from_secs(left.try_into().unwrap_or_default());
        self.keys.borrow().issue(session, now, self.rules.token_lifetime.min(left))
    }

    /// Who a bearer token names. Whether the client is disabled is the caller's next question.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, AppError> {
        let claims = self.keys.borrow().verify(token, self.clock.now())?;
        let client_id = claims.sub.parse().map_err(|_| revoked())?;
        let mut permissions = permission::split(&claims.scope);
        let mut known = self.directory.find(&client_id).await?.ok_or_else(revoked)?;
        // Who logged in a moment ago, also at another instance, may know more of itself than memory does: that its sessions ended
        // before this one, or that it may do more (`a_partner_that_logs_in_after_a_change_is_known_as_it_is_now_on_every_instance`).
        let of_later_session = claims.session_generation > known.client.session_generation;
        let may_more = || permissions.iter().any(|permission| !known.client.permissions.contains(permission));
        if of_later_session || may_more() && self.directory.is_token_news(&client_id, claims.iat).await {
            known = self.directory.find_again(&client_id).await?.ok_or_else(revoked)?;
        }
        self.ensure_current(&claims, &known.client)?;
        // A scope removed from the client is refused at once, one added to it comes with its next token.
        permissions.retain(|permission| known.client.permissions.contains(permission));
        Ok(Principal { known, permissions })
    }

    /// The client of a token that this service gave out, whether it is still valid or not.
    #[must_use]
    pub fn client_of_former(&self, token: &str) -> Option<String> {
        self.keys.borrow().verify_ignoring_expiry(token, self.clock.now()).ok().map(|claims| claims.sub)
    }

    fn is_ended(&self, claims: &Claims) -> bool {
        self.ended.contains_key(&(claims.sub.clone(), claims.session_generation))
    }

    fn ensure_current(&self, claims: &Claims, client: &Client) -> Result<(), AppError> {
        // Of a session that ended because its client was disabled, that it is disabled is the better answer for as long as it
        // is.
        let ended_by_disabling =
            client.disabled_at.is_some() && claims.session_generation + 1 == client.session_generation;
        if claims.session_generation == client.session_generation || ended_by_disabling {
            return Ok(());
        }
        // A token from the future was read before the client was: only an older one has ended.
        if claims.session_generation < client.session_generation {
            self.ended.insert((claims.sub.clone(), claims.session_generation), ());
        }
        Err(revoked())
    }

    /// How far a signed timestamp may be from our clock, both ways.
    #[must_use]
    pub const fn timestamp_tolerance(&self) -> Duration {
        self.rules.timestamp_tolerance
    }

    /// Verifies a request's signature with the client's keys.
    pub fn verify_signature(
        &self,
        known: &KnownClient,
        policy: SignaturePolicy,
        request: &SignedRequest<'_>,
    ) -> Result<VerifiedSignature, SignatureRefusal> {
        let (now, tolerance) = (self.clock.now(), self.rules.timestamp_tolerance);
        let verdict = signature::verify(request, &known.keys, policy, now, tolerance, &self.verified);
        if verdict.as_ref().is_err_and(|rejection| rejection.hint == Hint::ClockSkew) {
            self.clock_skew.ensure_can_judge()?;
        }
        Ok(verdict?)
    }
}

/// Refuses a disabled client.
pub fn ensure_active(client: &Client) -> Result<(), AppError> {
    match client.disabled_at {
        None => Ok(()),
        Some(_) => Err(AppError::new(ErrorCode::ClientDisabled, "This client is disabled; contact the operator")),
    }
}

fn revoked() -> AppError {
    AppError::new(ErrorCode::Unauthenticated, "The session was ended by the operator; log in again")
}

fn is_past(start: i64, span: Duration, now: i64) -> bool {
    now > start.saturating_add(seconds(span))
}

fn seconds(span: Duration) -> i64 {
    TimeDelta::from_std(span).map_or(i64::MAX, |span| span.num_seconds())
}
