//! The file of a backup: under a temporary name until it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// For its owner only: orders hold addresses, and the database hashes of secrets.
const MODE: u32 = 0o600;

/// A file that is to be written. What is under the temporary name goes away with this value; a process that is killed leaves
/// it for the next one.
pub struct Target {
    path: PathBuf,
    may_replace: bool,
    partial: PathBuf,
    /// Open and locked for as long as it is written: two backups do not write the same one.
    file: File,
    /// The temporary name may be another process' then.
    is_renamed: bool,
}

impl Target {
    /// Takes the temporary name, beside the path so that it can be renamed. `in_use` are files that must not be replaced.
    pub fn open(path: &Path, may_replace: bool, in_use: &[PathBuf]) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        let path = resolve(path).with_context(cannot)?;
        let name = path.file_name().unwrap_or_default().display();
        let partial = path.with_file_name(format!(".{name}.partial"));
        if in_use.iter().any(|file| [&path, &partial].iter().any(|taken| are_same(file, taken))) {
            bail!("{} or {} is a file of the database itself; name another", path.display(), partial.display());
        }
        ensure_free(&path, may_replace)?;
        let file = lock(&partial).with_context(cannot)?;
        let target = Self { path, may_replace, partial, file, is_renamed: false };
        // From here on it is this process' own.
        target
            .file
            .set_len(0)
            .and_then(|()| target.file.set_permissions(fs::Permissions::from_mode(MODE)))
            .with_context(cannot)?;
        target.remove_journal();
        Ok(target)
    }

    /// Where the backup will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is written, an empty file first.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Waits until what was written is on the disk; gives its length.
    pub fn sync(&self) -> Result<u64> {
        let synced = self.file.sync_all().and_then(|()| self.file.metadata());
        Ok(synced.with_context(|| format!("cannot write {}", self.path.display()))?.len())
    }

    /// Renames it; gives its path.
    pub fn finish(mut self) -> Result<PathBuf> {
        ensure_free(&self.path, self.may_replace)?;
        let cannot = || format!("cannot write {}", self.path.display());
        fs::rename(&self.partial, &self.path).with_context(cannot)?;
        self.is_renamed = true;
        // Without this the old name may be there again after a power cut.
        let folder = File::open(self.path.parent().unwrap_or(Path::new("/"))).and_then(|folder| folder.sync_all());
        folder.with_context(|| format!("{} is whole, and a power cut may undo its name", self.path.display()))?;
        Ok(self.path.clone())
    }

    /// SQLite takes what a killed process left of it for a part of the next file.
    fn remove_journal(&self) {
        let _ = fs::remove_file(beside(&self.partial, "-journal"));
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.is_renamed {
            let _ = fs::remove_file(&self.partial);
            self.remove_journal();
        }
    }
}

/// Whether both lead to one file, which may be one that is not there yet.
fn are_same(one: &Path, other: &Path) -> bool {
    let inode = |path: &Path| fs::metadata(path).ok().map(|there| (there.dev(), there.ino()));
    inode(one).is_some_and(|found| inode(other) == Some(found)) || resolve(one).is_ok_and(|one| one == other)
}

/// The path without links, of a file that is there or not yet.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        there => return there,
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    Ok(fs::canonicalize(folder)?.join(name))
}

/// Fails where something is there that must not be replaced.
fn ensure_free(path: &Path, may_replace: bool) -> Result<()> {
    let shown = path.display();
    // What SQLite finds beside a database it takes for a part of it.
    for end in ["-wal", "-journal"] {
        if beside(path, end).exists() {
            bail!("{shown}{end} is there, of a database that is in use or was left so; name another file");
        }
    }
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot write {shown}")),
        Ok(there) if !there.is_file() => bail!("{shown} is there and no file; name another"),
        Ok(_) if may_replace => Ok(()),
        Ok(_) => bail!("{shown} is there; name another file, or add --force to replace it"),
    }
}

/// Opens the temporary file, made where it is not there, for this process alone.
fn lock(partial: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(partial)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => bail!("another backup is writing it"),
        Err(TryLockError::Error(error)) => return Err(error.into()),
        Ok(()) => {}
    }
    // Whoever had it before may have renamed it meanwhile: it is a backup then.
    let (opened, there) = (file.metadata()?, fs::symlink_metadata(partial));
    if there.is_ok_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())) {
        Ok(file)
    } else {
        bail!("another backup has just written it")
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
