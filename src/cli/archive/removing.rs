//! Orders leave the database when they are in a file that was read again from the disk and is complete.

use anyhow::{Context as _, Result, bail};

use super::folder::{Folder, Lines};
use super::verifying::verify;
use crate::app;
use crate::cli::output;
use crate::domain::archive::{ArchivedLine, Left, NewArchive, Tally};
use crate::service::Archiving;
use crate::service::archiving::REMOVED_AT_ONCE;

/// The files of the folder whose orders are still to be removed: an earlier run was ended before it was done.
pub async fn unfinished(archiving: &Archiving, folder: &Folder) -> Result<Vec<String>> {
    let known = archiving.archives().await?;
    let mut names = Vec::new();
    for name in folder.files()? {
        match known.iter().find(|archive| archive.name == name) {
            Some(archive) if archive.finished_at.is_some() => {}
            Some(_) => names.push(name),
            // It was ended before the database knew of it, or the file is another database's.
            None if has_any(archiving, folder, &name).await? => names.push(name),
            None => {
                output::remark(&format!("{}: none of its orders is in this database", folder.path(&name).display()));
            }
        }
    }
    for archive in known.iter().filter(|archive| archive.finished_at.is_none() && !names.contains(&archive.name)) {
        output::remark(&format!(
            "{} is not here: a run into another folder was ended before all orders of it were removed; what is left of them goes \
             into a further file",
            archive.name
        ));
    }
    Ok(names)
}

/// Whether some order of a file is in the database, by its number and the key that it was stored under.
async fn has_any(archiving: &Archiving, folder: &Folder, name: &str) -> Result<bool> {
    let mut lines = Lines::of(&folder.path(name))?;
    loop {
        let batch = batch(&mut lines)?;
        if batch.is_empty() {
            return Ok(false);
        }
        let numbers: Vec<_> = batch.iter().map(|line| line.number).collect();
        let stored = archiving.intake_of(&numbers).await?;
        let is_same = |line: &ArchivedLine| {
            let same =
                |(key, digest): &(String, Vec<u8>)| *key == line.idempotency_key && *digest == line.request_digest;
            stored.get(&line.number).is_some_and(same)
        };
        if batch.iter().any(is_same) {
            return Ok(true);
        }
    }
}

/// Removes the orders of a file from the database.
pub async fn remove(archiving: &Archiving, folder: &Folder, name: &str) -> Result<Left> {
    let found = verify(&folder.path(name), false)?;
    if !found.problems.is_empty() {
        bail!(
            "{} is not what was written ({}); no order of it was removed. Move it away, and run this again",
            found.path.display(),
            found.problems.join("; ")
        );
    }
    let contents = &found.contents;
    let sha256 = hex::decode(&contents.file_sha256).ok().and_then(|bytes| bytes.try_into().ok());
    let file = NewArchive {
        name: name.to_owned(),
        sha256: sha256.context("the digest of the file cannot be read")?,
        orders: i64::try_from(contents.orders)?,
        first: contents.first_order_number.parse()?,
        last: contents.last_order_number.parse()?,
    };
    let archive = archiving.note(file).await?;
    let (mut left, mut lines, by) = (Left::default(), Lines::of(&found.path)?, app::operator());
    loop {
        let batch = batch(&mut lines)?;
        if batch.is_empty() {
            break;
        }
        left.add(archiving.remove(&archive, batch, &by).await?);
    }
    archiving.finish(&archive).await?;
    Ok(left)
}

/// The next orders of a file, as many as leave the database together; none at its end.
fn batch(lines: &mut Lines) -> Result<Vec<ArchivedLine>> {
    let mut batch = Vec::new();
    for raw in lines.take(REMOVED_AT_ONCE) {
        batch.extend(Tally::default().add(&raw.context("cannot read the archive")?));
    }
    Ok(batch)
}
