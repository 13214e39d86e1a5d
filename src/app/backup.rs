//! The database that is backed up, and what a backup of it has in it.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use secrecy::ExposeSecret as _;

use crate::config::Config;
use crate::store::{self, Copied, Original, StoreError};

/// Opens the configured database to copy it; only a SQLite database is copied by this service.
pub async fn original(config: &Config) -> Result<Original> {
    if !config.database.is_sqlite() {
        bail!(
            "this makes backups of SQLite; back PostgreSQL up with pg_dump -Fc, or with base backups and its log \
             (docs/operations.md, Backups)"
        );
    }
    let cannot = "cannot open the database (database.url)";
    let original = Original::open(config.database.url.expose_secret()).await.context(cannot)?;
    original.ensure_known().await.map_err(|error| of_original(error, &original)).context("there is no backup")?;
    Ok(original)
}

/// Copies the database into a file that is empty.
pub async fn copy(original: &Original, target: &Path) -> Result<()> {
    let text = target.to_str().with_context(|| format!("{} is no UTF-8, which SQLite needs", target.display()))?;
    match original.copy_to(text).await {
        Err(error) if !error.is_damage() => Err(error).with_context(|| format!("cannot write {}", target.display())),
        copied => copied.map_err(|error| of_original(error, original)),
    }
}

/// Reads all of a copy.
pub async fn read_copy(original: &Original, copy: &Path) -> Result<Copied> {
    store::read_copy(copy).await.with_context(|| {
        let from = original.path().display();
        format!("there is no backup, for the copy is damaged, by {from} or by the disk of {}", copy.display())
    })
}

/// That the database is damaged is told of it, and not of the copy.
fn of_original(error: StoreError, original: &Original) -> anyhow::Error {
    if error.is_damage() {
        let named = original.path().display();
        let remedy = "stop the service, keep the files, and restore a backup";
        return anyhow!(error).context(format!("the database {named} is damaged; {remedy}"));
    }
    error.into()
}
