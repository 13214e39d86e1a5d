//! Files that only their owner may read: orders hold addresses.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

/// A file that is written beside its place and gets there whole, mode 0600, or not at all: a failure on the way leaves what
/// was there before. What is no file, such as `/dev/stdout` or a pipe, is written to as it is.
pub enum PrivateFile {
    /// Not yet in its place.
    Beside {
        /// What is written; gone with this value.
        file: NamedTempFile,
        /// Its place.
        target: PathBuf,
    },
    /// Something else than a file.
    Stream(Box<dyn Write>),
}

impl PrivateFile {
    /// The standard output.
    pub fn stdout() -> Self {
        Self::Stream(Box::new(io::stdout().lock()))
    }

    /// Begins to write a file at this path.
    pub fn create(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        if is_stream(path).with_context(cannot)? {
            // Appending, for what a shell redirected may hold something already.
            let stream = OpenOptions::new().append(true).open(path);
            return Ok(Self::Stream(Box::new(stream.with_context(cannot)?)));
        }
        if path.is_dir() {
            bail!("cannot write {}: it is a folder; name a file in it", path.display());
        }
        let target = resolved(path);
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new().prefix(".export-").suffix(".partial").tempfile_in(folder);
        Ok(Self::Beside { file: file.with_context(cannot)?, target })
    }

    /// Puts the file in its place.
    pub fn finish(self) -> Result<()> {
        match self {
            Self::Beside { file, target } => {
                let shown = target.display().to_string();
                file.as_file().sync_all().with_context(|| format!("cannot write {shown}"))?;
                file.persist(target).map(drop).with_context(|| format!("cannot write {shown}"))
            }
            Self::Stream(_) => Ok(()),
        }
    }
}

impl Write for PrivateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Beside { file, .. } => file.write(bytes),
            Self::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside { file, .. } => file.flush(),
            Self::Stream(stream) => stream.flush(),
        }
    }
}

/// Whether a path names a device, a pipe or what this process has open. A shell's redirection shows through the last as the
/// file behind it, which must not be put another file in its place.
fn is_stream(path: &Path) -> io::Result<bool> {
    let opened = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    match fs::metadata(path) {
        Ok(there) => Ok(opened || !(there.is_file() || there.is_dir())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where a symbolic link leads: it stays, and what it names is written.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(target) = fs::canonicalize(path) {
        return target;
    }
    match fs::read_link(path) {
        Ok(target) => path.parent().unwrap_or(Path::new("")).join(target),
        Err(_) => path.to_owned(),
    }
}
