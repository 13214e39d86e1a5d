//! Views of the list of orders that people keep.

mod defaults;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, PaginatorTrait,
    QueryFilter, QuerySelect,
};

use super::audit;
use super::clients::parse_client_id;
use super::connect::{Store, instant, micros};
use super::entity::clients;
use super::entity::saved_views::{ActiveModel, Column, Entity, Model};
use super::error::{StoreError, StoreResult};
use super::locks;
use crate::domain::audit::NewAuditEntry;
use crate::domain::client::ClientId;
use crate::domain::saved_view::{MAX_SHARED, MAX_VIEWS, SavedView, ViewContent};

/// The key of a view.
#[derive(Debug, Clone)]
pub struct ViewKey {
    /// Its owner.
    pub owner: ClientId,
    /// Its name.
    pub name: String,
    /// Whether it is meant only where it is shared, as by everybody but its owner.
    pub only_shared: bool,
}

impl ViewKey {
    /// The key of this view.
    #[must_use]
    pub fn of(view: &SavedView) -> Self {
        Self { owner: view.owner.clone(), name: view.name.clone(), only_shared: false }
    }
}

/// What becomes of a view.
#[derive(Debug, Clone)]
pub struct ViewToSave {
    /// Its next name.
    pub new_name: Option<String>,
    /// Whether others see it; as before, and at first not, where nothing is said.
    pub is_shared: Option<bool>,
    /// What it shows.
    pub content: ViewContent,
    /// The version that the caller read; 0 where there must be none.
    pub expected_version: Option<i32>,
    /// Whether the caller may say what others see.
    pub may_share: bool,
    /// The time.
    pub at: DateTime<Utc>,
}

/// What became of a view.
#[derive(Debug)]
pub enum ViewOutcome {
    /// It is so now.
    Done(Box<SavedView>),
    /// It is not there.
    Missing,
    /// It has this version by now.
    Stale(i32),
    /// Another one has its next name.
    NameTaken,
    /// Its owner has so many already.
    TooMany,
    /// So many are shared already.
    TooManyShared,
    /// The caller may not say what others see.
    MayNotShare,
    /// The lists of another scope's holders begin with it.
    IsDefaultFor(String),
}

impl Store {
    /// The client's views, and those that are shared if it may see them.
    pub async fn list_saved_views(&self, client: &ClientId, with_shared: bool) -> StoreResult<Vec<SavedView>> {
        let mut seen = Condition::any().add(Column::ClientId.eq(client.as_str()));
        if with_shared {
            seen = seen.add(Column::IsShared.eq(true));
        }
        Entity::find().filter(seen).all(&self.read).await?.into_iter().map(SavedView::try_from).collect()
    }

    /// The names of clients, by their ids.
    pub async fn list_client_names(&self, ids: BTreeSet<&str>) -> StoreResult<HashMap<String, String>> {
        let named = clients::Entity::find().select_only().columns([clients::Column::ClientId, clients::Column::Name]);
        let named = named.filter(clients::Column::ClientId.is_in(ids)).into_tuple();
        Ok(named.all(&self.read).await?.into_iter().collect())
    }

    /// Saves a view, or makes it. To save the same again changes nothing. `tell` gives the entry that tells of the change.
    pub async fn save_view<F>(&self, key: ViewKey, new: ViewToSave, tell: F) -> StoreResult<ViewOutcome>
    where
        F: FnOnce(Option<&SavedView>, &SavedView) -> Option<NewAuditEntry> + Send + 'static,
    {
        self.transaction(move |tx| {
            Box::pin(async move {
                lock_owner(tx, &key.owner).await?;
                let Some(known) = find(tx, &key).await? else { return insert(tx, key, new).await };
                let before = SavedView::try_from(known.clone())?;
                let name = new.new_name.unwrap_or_else(|| known.name.clone());
                let is_shared = new.is_shared.unwrap_or(known.is_shared);
                let content = new.content.stored();
                // Also where an older version was read: whoever lost the answer sends the same again.
                if (&name, is_shared, &content) == (&known.name, known.is_shared, &known.content) {
                    return Ok(ViewOutcome::Done(Box::new(before)));
                }
                if new.expected_version.is_some_and(|expected| expected != known.version) {
                    return Ok(ViewOutcome::Stale(known.version));
                }
                if is_shared && !new.may_share {
                    return Ok(ViewOutcome::MayNotShare);
                }
                if is_shared || known.is_shared {
                    lock_shared(tx).await?;
                }
                let next = ViewKey { name: name.clone(), ..key.clone() };
                if name != known.name && Entity::find_by_id(id(&next)).one(tx).await?.is_some() {
                    return Ok(ViewOutcome::NameTaken);
                }
                if is_shared && !known.is_shared && has_many_shared(tx).await? {
                    return Ok(ViewOutcome::TooManyShared);
                }
                let mut update = Entity::update_many().filter(of(&key));
                if !is_shared {
                    // What others do not see is nobody else's default.
                    update = update.col_expr(Column::DefaultFor, Expr::value(None::<String>));
                }
                update
                    .col_expr(Column::Name, Expr::value(name))
                    .col_expr(Column::IsShared, Expr::value(is_shared))
                    .col_expr(Column::Content, Expr::value(content))
                    .col_expr(Column::Version, Expr::value(known.version + 1))
                    .col_expr(Column::UpdatedAt, Expr::value(micros(new.at)))
                    .exec(tx)
                    .await?;
                let Some(saved) = Entity::find_by_id(id(&next)).one(tx).await? else {
                    return Ok(ViewOutcome::Missing);
                };
                let saved = SavedView::try_from(saved)?;
                note(tx, tell(Some(&before), &saved)).await?;
                Ok(ViewOutcome::Done(Box::new(saved)))
            })
        })
        .await
    }

    /// Deletes a view.
    pub async fn delete_view<F>(&self, key: ViewKey, expected_version: Option<i32>, tell: F) -> StoreResult<ViewOutcome>
    where
        F: FnOnce(&SavedView) -> Option<NewAuditEntry> + Send + 'static,
    {
        self.transaction(move |tx| {
            Box::pin(async move {
                lock_owner(tx, &key.owner).await?;
                let Some(known) = find(tx, &key).await? else { return Ok(ViewOutcome::Missing) };
                if expected_version.is_some_and(|expected| expected != known.version) {
                    return Ok(ViewOutcome::Stale(known.version));
                }
                let known = SavedView::try_from(known)?;
                Entity::delete_by_id(id(&key)).exec(tx).await?;
                note(tx, tell(&known)).await?;
                Ok(ViewOutcome::Done(Box::new(known)))
            })
        })
        .await
    }
}

async fn insert(tx: &DatabaseTransaction, key: ViewKey, new: ViewToSave) -> StoreResult<ViewOutcome> {
    let is_to_be_there = key.only_shared || new.new_name.is_some() || new.expected_version.is_some_and(|it| it > 0);
    if is_to_be_there {
        return Ok(ViewOutcome::Missing);
    }
    if Entity::find().filter(Column::ClientId.eq(key.owner.as_str())).count(tx).await? >= MAX_VIEWS {
        return Ok(ViewOutcome::TooMany);
    }
    let is_shared = new.is_shared.unwrap_or(false);
    if is_shared {
        if !new.may_share {
            return Ok(ViewOutcome::MayNotShare);
        }
        lock_shared(tx).await?;
        if has_many_shared(tx).await? {
            return Ok(ViewOutcome::TooManyShared);
        }
    }
    let at = micros(new.at);
    let row = ActiveModel {
        client_id: Set(key.owner.to_string()),
        name: Set(key.name),
        is_shared: Set(is_shared),
        content: Set(new.content.stored()),
        default_of: Set(None),
        default_for: Set(None),
        version: Set(1),
        created_at: Set(at),
        updated_at: Set(at),
    };
    Ok(ViewOutcome::Done(Box::new(row.insert(tx).await?.try_into()?)))
}

async fn has_many_shared(tx: &DatabaseTransaction) -> StoreResult<bool> {
    Ok(Entity::find().filter(Column::IsShared.eq(true)).count(tx).await? >= MAX_SHARED)
}

fn id(key: &ViewKey) -> (String, String) {
    (key.owner.to_string(), key.name.clone())
}

fn of(key: &ViewKey) -> Condition {
    Condition::all().add(Column::ClientId.eq(key.owner.as_str())).add(Column::Name.eq(&key.name))
}

async fn find(tx: &DatabaseTransaction, key: &ViewKey) -> StoreResult<Option<Model>> {
    Ok(Entity::find_by_id(id(key)).one(tx).await?.filter(|row| row.is_shared || !key.only_shared))
}

async fn note(tx: &DatabaseTransaction, entry: Option<NewAuditEntry>) -> StoreResult<()> {
    match entry {
        Some(entry) => audit::append(tx, entry).await,
        None => Ok(()),
    }
}

/// Lets nobody else change this client's views until the transaction ends: of two instances that count, or that make a default, at
/// once each would miss what the other does. It comes before [`lock_shared`].
async fn lock_owner(tx: &DatabaseTransaction, owner: &ClientId) -> StoreResult<()> {
    locks::hold(tx, VIEWS_LOCK, owner.as_str()).await
}

/// The same for what is shared, whoever shares it.
async fn lock_shared(tx: &DatabaseTransaction) -> StoreResult<()> {
    locks::hold(tx, SHARED_LOCK, "").await
}

/// It spells "view" in ASCII.
const VIEWS_LOCK: i32 = 0x7669_6577;

/// It spells "vies" in ASCII.
const SHARED_LOCK: i32 = 0x7669_6573;

impl TryFrom<Model> for SavedView {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            owner: parse_client_id(&row.client_id)?,
            content: ViewContent::restored(&row.content),
            name: row.name,
            is_shared: row.is_shared,
            is_default: row.default_of.is_some(),
            default_for: row.default_for.and_then(|scope| scope.parse().ok()),
            version: row.version,
            created_at: instant(row.created_at)?,
            updated_at: instant(row.updated_at)?,
        })
    }
}
