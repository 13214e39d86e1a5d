//! Views of the list of orders: who sees them, and who may change them.

use std::collections::BTreeSet;

use super::caller::{Principal, lacks};
use crate::clock::Clock;
use crate::domain::audit::{Action, Actor, Detail, NewAuditEntry};
use crate::domain::client::ClientId;
use crate::domain::permission::{Permission, Scope};
use crate::domain::saved_view::{DefaultInput, MAX_SHARED, MAX_VIEWS, SavedView, ViewInput, ViewToDelete};
use crate::error::{AppError, ErrorCode};
use crate::store::{Store, ViewKey, ViewOutcome, ViewToSave};

/// A view as somebody sees it.
#[derive(Debug, Clone)]
pub struct SeenView {
    /// The view.
    pub view: SavedView,
    /// The name of its owner.
    pub owner_name: String,
    /// Whether it is the caller's own.
    pub is_mine: bool,
}

/// Views of the list of orders.
pub struct SavedViews {
    store: Store,
    clock: Clock,
}

impl SavedViews {
    /// The views of this store.
    #[must_use]
    pub const fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The caller's views, and those that others share with it, by name.
    pub async fn list(&self, principal: &Principal) -> Result<Vec<SeenView>, AppError> {
        let found = self.store.list_saved_views(principal.client_id(), principal.scope() == Scope::All).await?;
        self.seen(principal, found).await
    }

    /// Saves a view, or makes it.
    pub async fn save(&self, principal: &Principal, actor: Actor, input: ViewInput) -> Result<SeenView, AppError> {
        let key = meant(principal, input.owner, input.name)?;
        input.filter.ensure_readable(&principal.scope())?;
        let at = self.clock.now();
        let new = ViewToSave {
            new_name: input.new_name,
            is_shared: input.is_shared,
            content: input.content,
            expected_version: input.expected_version,
            may_share: ensure_sees_shared(principal).is_ok(),
            at,
        };
        let by = principal.client_id().clone();
        let tell = move |before: Option<&SavedView>, after: &SavedView| {
            let before = before?;
            concerns_others(before, &by).then(|| NewAuditEntry {
                detail: [named(&before.name), changes(before, after)].concat(),
                ..entry(actor, Action::ViewUpdated, before, at)
            })
        };
        let (what, next) = (said(&key), new.new_name.clone());
        let outcome = self.store.save_view(key, new, tell).await?;
        self.done(principal, outcome, &what, next.as_deref()).await
    }

    /// Deletes a view.
    pub async fn delete(&self, principal: &Principal, actor: Actor, input: ViewToDelete) -> Result<(), AppError> {
        let key = meant(principal, input.owner, input.name)?;
        let (by, at, what) = (principal.client_id().clone(), self.clock.now(), said(&key));
        let tell = move |view: &SavedView| {
            concerns_others(view, &by).then(|| NewAuditEntry {
                detail: [named(&view.name), ended_default(view)].concat(),
                ..entry(actor, Action::ViewDeleted, view, at)
            })
        };
        let outcome = self.store.delete_view(key, input.expected_version, tell).await?;
        self.done(principal, outcome, &what, None).await.map(drop)
    }

    /// Lets lists begin with a view, or with none any more: the caller's list, or for those who manage clients the lists of a scope's
    /// holders.
    pub async fn set_default(
        &self,
        principal: &Principal,
        actor: Actor,
        input: DefaultInput,
    ) -> Result<Option<SeenView>, AppError> {
        let (by, at) = (principal.client_id().clone(), self.clock.now());
        if input.scope.is_some() {
            ensure_sees_shared(principal)?;
            principal.ensure(Permission::ClientsManage)?;
        }
        let told = move |view: &ViewKey| {
            let scope = input.scope?;
            let detail = [named(&view.name), vec![("default_for".to_owned(), scope.to_string())]].concat();
            let client_id = view.owner.clone();
            Some(NewAuditEntry { actor, action: Action::DefaultViewSet, client_id, detail, at })
        };
        let Some(name) = input.name else {
            let tell = move |view: &SavedView| {
                let entry = told(&ViewKey::of(view))?;
                Some(NewAuditEntry { action: Action::DefaultViewEnded, ..entry })
            };
            self.store.forget_default_view(by, input.scope, tell).await?;
            return Ok(None);
        };
        let owner = input.owner.unwrap_or_else(|| by.clone());
        if input.scope.is_none() && owner != by {
            let message = "Only a view of the caller's own can be its default; save it under a name of your own first";
            return Err(AppError::new(ErrorCode::Conflict, message));
        }
        let key = ViewKey { owner, name, only_shared: input.scope.is_some() };
        let (what, entry) = (said(&key), told(&key));
        let outcome = self.store.set_default_view(key, input.scope, entry).await?;
        self.done(principal, outcome, &what, None).await.map(Some)
    }

    async fn done(
        &self,
        principal: &Principal,
        outcome: ViewOutcome,
        what: &str,
        next: Option<&str>,
    ) -> Result<SeenView, AppError> {
        let conflict = |message: String| AppError::new(ErrorCode::Conflict, message);
        Err(match outcome {
            ViewOutcome::Done(view) => {
                let seen = self.seen(principal, vec![*view]).await?.pop();
                return seen.ok_or_else(|| AppError::internal("a view that was written is not there"));
            }
            ViewOutcome::Missing => not_found(what),
            ViewOutcome::Stale(version) => {
                conflict(format!("{what} is at version {version} by now; read it again, or choose another name"))
                    .detail("current_version", version)
            }
            ViewOutcome::NameTaken => {
                let next = next.unwrap_or_default();
                conflict(format!("There is a view \"{next}\" already; choose another name, or delete that one"))
            }
            ViewOutcome::TooMany => {
                conflict(format!("A client may have {MAX_VIEWS} views; delete one that is not used, then save another"))
            }
            ViewOutcome::TooManyShared => conflict(format!(
                "At most {MAX_SHARED} views are shared at a time; do not share this one, or ask somebody with the scopes clients:manage \
                 and orders:read to delete one that is not used"
            )),
            ViewOutcome::MayNotShare => lacks(Permission::OrdersRead),
            ViewOutcome::IsDefaultFor(scope) => conflict(format!(
                "{what} is the default of the scope {scope} already; end that first, or save a copy under another name"
            )),
        })
    }

    async fn seen(&self, principal: &Principal, views: Vec<SavedView>) -> Result<Vec<SeenView>, AppError> {
        let owners: BTreeSet<_> = views.iter().map(|view| view.owner.as_str()).collect();
        let names = self.store.list_client_names(owners).await?;
        let mut seen: Vec<_> = views
            .into_iter()
            .map(|view| {
                let owner_name = names.get(view.owner.as_str()).cloned().unwrap_or_default();
                SeenView { is_mine: view.owner == *principal.client_id(), owner_name, view }
            })
            .collect();
        // Not the database's order, which differs from one to another.
        seen.sort_by_cached_key(|SeenView { view, .. }| (view.name.to_lowercase(), view.owner.to_string()));
        Ok(seen)
    }
}

/// Which view is meant. One of somebody else's is for those who manage clients, and only where it is shared.
fn meant(principal: &Principal, owner: Option<ClientId>, name: String) -> Result<ViewKey, AppError> {
    let owner = owner.unwrap_or_else(|| principal.client_id().clone());
    let only_shared = owner != *principal.client_id();
    if only_shared {
        ensure_sees_shared(principal)?;
        principal.ensure(Permission::ClientsManage)?;
    }
    Ok(ViewKey { owner, name, only_shared })
}

/// Shared views tell what those look for who read every order.
fn ensure_sees_shared(principal: &Principal) -> Result<(), AppError> {
    if principal.scope() == Scope::All { Ok(()) } else { Err(lacks(Permission::OrdersRead)) }
}

/// Whether a change of a view is somebody else's business than its owner's: another one makes it, or the lists of many begin with it.
fn concerns_others(view: &SavedView, by: &ClientId) -> bool {
    view.owner != *by || view.default_for.is_some()
}

fn entry(actor: Actor, action: Action, view: &SavedView, at: chrono::DateTime<chrono::Utc>) -> NewAuditEntry {
    NewAuditEntry { actor, action, client_id: view.owner.clone(), detail: named(&view.name), at }
}

fn named(view: &str) -> Detail {
    vec![("view".to_owned(), view.to_owned())]
}

/// Whose lists no longer begin with a view that others do not see any more.
fn ended_default(view: &SavedView) -> Detail {
    view.default_for.iter().map(|scope| ("no_longer_default_for".to_owned(), scope.to_string())).collect()
}

/// What is another in a view than before, as the log records it. Filters may hold names of people, and the log keeps everything.
fn changes(before: &SavedView, after: &SavedView) -> Detail {
    let mut changes = Detail::new();
    if before.name != after.name {
        changes.push(("name".to_owned(), after.name.clone()));
    }
    if before.is_shared != after.is_shared {
        changes.push(("is_shared".to_owned(), after.is_shared.to_string()));
        changes.extend(if after.is_shared { Detail::new() } else { ended_default(before) });
    }
    if before.content != after.content {
        changes.push(("content".to_owned(), "changed".to_owned()));
    }
    changes
}

/// A view as refusals name it.
fn said(key: &ViewKey) -> String {
    if key.only_shared {
        format!("The shared view \"{}\" of {}", key.name, key.owner)
    } else {
        format!("The view \"{}\"", key.name)
    }
}

fn not_found(what: &str) -> AppError {
    AppError::new(ErrorCode::NotFound, format!("{what} is not there"))
}
