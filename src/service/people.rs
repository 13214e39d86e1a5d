//! People who sign in at a provider of identities with their browsers.
//!
//! What belongs here: a sign-in from its begin to a session, and what a session gives. What does not: cookies and pages
//! (`http::people`), what operators do with people (`service::clients`, for a person is a client), tokens (`service::sessions`).

mod attempts;
mod failure;
mod provider;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

use self::attempts::Attempts;
pub use self::failure::SignInFailure;
use self::provider::Provider;
pub use self::provider::{ProviderRules, discover};
use super::Sessions;
use super::clients::described;
use super::rate_limit::network;
use super::sessions::ensure_active;
use crate::auth::admission::Admission;
use crate::auth::secret;
use crate::auth::token::IssuedToken;
use crate::clock::{Clock, random_bytes};
use crate::domain::audit::{Action, Actor, Detail, NewAuditEntry, Via};
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::expectation_policy::ExpectationPolicy;
use crate::domain::permission::{self, Permission};
use crate::domain::person::{Identity, return_path};
use crate::domain::reference_policy::ReferencePolicy;
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::AppError;
use crate::outgoing::Outgoing;
use crate::store::{NewPersonSession, Store, StoreError};
use crate::telemetry;

/// What the operator says of people.
pub struct PeopleRules {
    /// What each group may do.
    pub groups: BTreeMap<String, Vec<Permission>>,
    /// How long a person stays signed in.
    pub session_lifetime: Duration,
}

/// People and their sessions.
pub struct People {
    store: Store,
    clock: Clock,
    sessions: Arc<Sessions>,
    provider: Provider,
    rules: PeopleRules,
}

/// The browser of a person.
pub struct Browser {
    /// Where it is.
    pub address: IpAddr,
    /// What it says of itself.
    pub user_agent: String,
}

/// With what the provider sends a browser back.
#[derive(Default)]
pub struct Callback {
    /// Whose answer it is.
    pub state: Option<String>,
    /// What an ID token is given for.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// Whose answer it says it is (RFC 9207).
    pub issuer: Option<String>,
}

/// A sign-in that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// What it keeps until it comes back.
    pub kept: Option<String>,
}

/// A browser that came back.
pub struct Returned {
    /// What it is to keep of other sign-ins.
    pub kept: Option<String>,
    /// What became of this one.
    pub outcome: Result<SignedIn, SignInFailure>,
}

/// Somebody who has signed in.
pub struct SignedIn {
    /// What the browser keeps from now on, as a secret.
    pub session: SecretString,
    /// Where in the dashboard it goes.
    pub return_to: String,
}

/// What a session is sealed for.
const SESSION: &str = "session";

/// The longest that a browser may say of itself.
const LONGEST_USER_AGENT: usize = 256;

/// So many groups are named to the person and in the log, and so much of each.
const GROUPS_SHOWN: usize = 20;
const LONGEST_GROUP: usize = 100;

impl People {
    /// People of this store, who sign in there.
    #[must_use]
    pub fn new(
        (store, clock): (Store, Clock),
        sessions: Arc<Sessions>,
        (outgoing, provider): (Outgoing, ProviderRules),
        rules: PeopleRules,
    ) -> Self {
        Self { store, clock, sessions, provider: Provider::new(outgoing, provider), rules }
    }

    /// Begins a sign-in that leads back to a place in the dashboard. `kept` is what the browser keeps of others under way.
    pub async fn begin(
        &self,
        address: IpAddr,
        return_to: Option<&str>,
        kept: Option<&str>,
    ) -> Result<Begun, SignInFailure> {
        self.sessions.admit_stranger(address)?;
        let now = self.clock.now();
        let (url, attempt) = self.provider.begin(return_path(return_to), now).await?;
        let mut attempts = Attempts::read(kept, &self.sessions, now);
        attempts.add(attempt);
        Ok(Begun { url, kept: attempts.sealed(&self.sessions)? })
    }

    /// Takes the provider's answer: once, and from the browser that began.
    pub async fn finish(&self, browser: Browser, callback: Callback, kept: Option<&str>) -> Result<Returned, AppError> {
        self.sessions.admit_stranger(browser.address)?;
        let now = self.clock.now();
        let mut attempts = Attempts::read(kept, &self.sessions, now);
        let attempt = callback.state.as_deref().and_then(|state| attempts.take(state));
        let kept = attempts.sealed(&self.sessions)?;
        let outcome = async {
            let attempt = attempt.ok_or(SignInFailure::Lost)?;
            if callback.issuer.is_some_and(|issuer| issuer != self.provider.issuer()) {
                return Err(SignInFailure::Untrusted);
            }
            let Some(code) = callback.code.filter(|_| callback.error.is_none()) else {
                info!(error = ?callback.error, "the provider of identities lets somebody not through");
                return Err(SignInFailure::Denied);
            };
            let identity = self.provider.finish(&code, &attempt, now).await?;
            let session = self.let_in(&identity, browser).await?;
            Ok(SignedIn { session, return_to: attempt.return_to })
        };
        Ok(Returned { kept, outcome: outcome.await })
    }

    /// Begins a session, if the person's groups allow it.
    async fn let_in(&self, identity: &Identity, browser: Browser) -> Result<SecretString, SignInFailure> {
        let permissions = identity.permissions(&self.rules.groups);
        if permissions.is_empty() {
            self.keep_out(identity, browser.address).await?;
            return Err(SignInFailure::NoGroup(shown(&identity.groups)));
        }
        let now = self.clock.now();
        let lifetime = TimeDelta::from_std(self.rules.session_lifetime).map_err(AppError::internal)?;
        let token = secret::generate();
        let session = NewPersonSession {
            token_hash: hash(token.expose_secret()),
            created_at: now,
            expires_at: now + lifetime,
            user_agent: browser.user_agent.chars().filter(|c| !c.is_control()).take(LONGEST_USER_AGENT).collect(),
            network: network(browser.address).to_string(),
        };
        let new_id = || identity.client_id().map_err(AppError::internal);
        let saved = match self.save(identity, new_id()?, &permissions, &session, browser.address).await {
            // Another sign-in made the same person meanwhile, or another client has this id.
            Err(StoreError::Duplicate(_)) => {
                let other_id =
                    identity.client_id_with(&hex::encode(random_bytes::<8>())).map_err(AppError::internal)?;
                self.save(identity, other_id, &permissions, &session, browser.address).await
            }
            saved => saved,
        };
        let client = saved.map_err(AppError::from)?.ok_or(SignInFailure::Disabled)?;
        telemetry::note(|facts| facts.exchange.session_client = Some(client.client_id.to_string()));
        info!(client_id = %client.client_id, scopes = permission::join(&client.permissions), "a person has signed in");
        Ok(self.sessions.seal(SESSION, token.expose_secret().as_bytes())?.into())
    }

    async fn save(
        &self,
        identity: &Identity,
        new_id: ClientId,
        permissions: &[Permission],
        session: &NewPersonSession,
        address: IpAddr,
    ) -> Result<Option<Client>, StoreError> {
        let (identity, permissions, now) = (identity.clone(), permissions.to_vec(), session.created_at);
        let key = (identity.issuer.clone(), identity.subject.clone());
        let change = move |known: Option<Client>| {
            let name = identity.display_name();
            let Some(mut client) = known else {
                let client = person(new_id, name, permissions, now);
                let entry = entry(Action::ClientCreated, &client.client_id, described(&client), address, now);
                return Some((client, Some(entry)));
            };
            if client.disabled_at.is_some() {
                return None;
            }
            let before = described(&client);
            (client.name, client.permissions) = (name, permissions);
            let changed: Detail = described(&client).into_iter().filter(|now| !before.contains(now)).collect();
            let told = !changed.is_empty();
            let entry = told.then(|| entry(Action::ClientUpdated, &client.client_id, changed, address, now));
            Some((client, entry))
        };
        self.store.save_person((&key.0, &key.1), Some(session.clone()), change).await
    }

    /// Takes from a person who is in no group any more what the groups gave, and ends the sessions that began with it.
    async fn keep_out(&self, identity: &Identity, address: IpAddr) -> Result<(), AppError> {
        warn!(
            subject = ?identity.subject,
            user_name = ?identity.user_name,
            groups = ?shown(&identity.groups),
            "somebody signed in who is in no group that may come in: map one of these groups in oidc.groups to let them in"
        );
        let now = self.clock.now();
        let change = move |known: Option<Client>| {
            let mut client = known.filter(|client| !client.permissions.is_empty())?;
            client.permissions.clear();
            client.session_generation += 1;
            let detail = vec![("scopes".to_owned(), String::new())];
            let entry = entry(Action::ClientUpdated, &client.client_id, detail, address, now);
            Some((client, Some(entry)))
        };
        self.store.save_person((&identity.issuer, &identity.subject), None, change).await?;
        Ok(())
    }

    /// The next token of the person whose browser keeps this session; `None` where it is over.
    pub async fn token(
        &self,
        kept: Option<&str>,
        address: IpAddr,
        admission: &Admission,
    ) -> Result<Option<(ClientId, IssuedToken)>, AppError> {
        let now = self.clock.now();
        let nobody = || admission.refusal().map_or(Ok(None), Err);
        let Some(kept) = self.opened(kept) else { return nobody() };
        let Some((session, client)) = self.store.find_person_session(&hash(&kept)).await? else {
            self.sessions.admit_stranger(address)?;
            return nobody();
        };
        telemetry::note(|facts| facts.exchange.session_client = Some(client.client_id.to_string()));
        ensure_active(&client)?;
        let is_over = session.expires_at <= now || session.generation != client.session_generation;
        if is_over || client.permissions.is_empty() {
            return nobody();
        }
        // Before anything is written: who asks without end waits.
        self.sessions.admit_person(&client.client_id)?;
        self.sessions.give_back(address, admission);
        match self.store.update_person_session_used(session.id, now).await {
            Ok(true) => {}
            Ok(false) => return nobody(),
            // Who can still read goes on though nothing can be written.
            Err(error) => warn!(error = telemetry::causes(&error), "the use of a person's session could not be noted"),
        }
        let token = self.sessions.issue_to_person(&client, &session, now)?;
        Ok(Some((client.client_id, token)))
    }

    /// What a browser keeps of a session, as it was given: what somebody made up costs no look into the database.
    fn opened(&self, kept: Option<&str>) -> Option<String> {
        let opened = self.sessions.open(SESSION, kept?)?;
        String::from_utf8(opened.expose_secret().to_vec()).ok()
    }

    /// Ends the session that this browser keeps. Gives where it can sign out at the provider too.
    pub async fn sign_out(&self, kept: Option<&str>) -> Result<Option<String>, AppError> {
        if let Some(kept) = self.opened(kept) {
            self.store.delete_person_session(&hash(&kept)).await?;
        }
        Ok(self.provider.sign_out_url().await)
    }
}

/// A person who signs in first.
fn person(client_id: ClientId, name: String, permissions: Vec<Permission>, now: DateTime<Utc>) -> Client {
    Client {
        client_id,
        kind: ClientKind::Person,
        name,
        permissions,
        signature_policy: SignaturePolicy::default(),
        reference_policy: ReferencePolicy::default(),
        expectation_policy: ExpectationPolicy::default(),
        session_generation: 0,
        created_at: now,
        disabled_at: None,
        signature_reuses: 0,
        signature_reused_at: None,
    }
}

/// What the log tells of a change that a sign-in makes: the person made it, by the groups that they brought.
fn entry(action: Action, client_id: &ClientId, detail: Detail, address: IpAddr, at: DateTime<Utc>) -> NewAuditEntry {
    let actor = Actor { via: Via::Api, name: client_id.to_string(), host: address.to_string() };
    NewAuditEntry { actor, action, client_id: client_id.clone(), detail, at }
}

/// What is stored of what a browser keeps, which is random enough for a plain hash.
fn hash(kept: &str) -> String {
    hex::encode(Sha256::digest(kept.as_bytes()))
}

/// The names of groups for people: as the provider writes them, and not without end.
fn shown(groups: &[String]) -> Vec<String> {
    let cut = |group: &String| group.chars().filter(|c| !c.is_control()).take(LONGEST_GROUP).collect();
    groups.iter().take(GROUPS_SHOWN).map(cut).collect()
}
