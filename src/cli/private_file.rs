//! Files that only their owner may read: orders hold addresses.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

/// A file that is written under a temporary name in the same folder and renamed when it is whole, mode 0600: after a
/// failure the path still holds what it held before. Other things than files, such as `/dev/stdout` or a pipe, are written
/// to directly.
pub enum PrivateFile {
    /// Not renamed yet.
    Beside {
        /// The temporary file; deleted with this value.
        file: NamedTempFile,
        /// The path that it is renamed to.
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
        let target = match Target::of(path).with_context(cannot)? {
            Target::File(target) => target,
            Target::Folder => bail!("cannot write {}: it is a folder; name a file in it", path.display()),
            Target::Stream => {
                // Appending, for what a shell redirected may hold something already.
                let stream = OpenOptions::new().append(true).open(path);
                return Ok(Self::Stream(Box::new(stream.with_context(cannot)?)));
            }
        };
        let folder = target.parent().unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(".export-").suffix(".partial").tempfile_in(folder);
        Ok(Self::Beside { file: file.with_context(cannot)?, target })
    }

    /// Renames the file to its path.
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

/// What a path leads to.
enum Target {
    /// A file, there or not yet; with its path, links followed.
    File(PathBuf),
    /// A folder.
    Folder,
    /// A device, a pipe, or a file that a process has open. A shell's redirection appears as such an open file, which must
    /// not be replaced by another one.
    Stream,
}

/// As many links as Linux follows.
const LINKS: usize = 40;

/// Where the system shows what processes have open as if it were files.
const OPEN_FILES: [&str; 2] = ["/proc", "/dev/fd"];

impl Target {
    /// Follows the symbolic links of a path: they stay, and what they name is written.
    fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let Some(name) = path.file_name() else { break };
            let folder = fs::canonicalize(match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            })?;
            if OPEN_FILES.iter().any(|open| folder.starts_with(open)) {
                return Ok(Self::Stream);
            }
            path = folder.join(name);
            match fs::read_link(&path) {
                Ok(target) => path = folder.join(target),
                Err(_) => break,
            }
        }
        match fs::metadata(&path) {
            Ok(there) if there.is_dir() => Ok(Self::Folder),
            Ok(there) if there.is_file() => Ok(Self::File(path)),
            Ok(_) => Ok(Self::Stream),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::File(path)),
            Err(error) => Err(error),
        }
    }
}
