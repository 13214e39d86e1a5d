//! The folder of archives: a file in it that has its name is complete.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

use crate::domain::archive::Manifest;

/// What a file is called until it is complete.
const PARTIAL: (&str, &str) = (".archive-", ".partial");
/// The ends of names.
const MANIFEST: &str = ".manifest.json";

/// The folder of archives.
pub struct Folder(PathBuf);

impl Folder {
    /// Opens the folder, and makes it where it is not there. What an ended run left half-written is deleted: it holds addresses.
    pub fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write to {}", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(cannot)?;
        for entry in fs::read_dir(path).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Whoever writes one holds its lock.
            if name.starts_with(PARTIAL.0)
                && name.ends_with(PARTIAL.1)
                && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
            {
                fs::remove_file(entry.path()).with_context(cannot)?;
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// Where a file is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names of the files that have a manifest, sorted.
    pub fn files(&self) -> Result<Vec<String>> {
        let cannot = || format!("cannot read {}", self.0.display());
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0).with_context(cannot)? {
            let name = entry.with_context(cannot)?.file_name();
            let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(MANIFEST)) else { continue };
            let name = format!("{stem}.jsonl");
            if self.path(&name).is_file() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// A file without a name.
    pub fn begin(&self) -> Result<NamedTempFile> {
        let (prefix, suffix) = PARTIAL;
        let file = tempfile::Builder::new().prefix(prefix).suffix(suffix).tempfile_in(&self.0);
        let cannot = || format!("cannot write to {}", self.0.display());
        let file = file.with_context(cannot)?;
        file.as_file().lock().with_context(cannot)?;
        Ok(file)
    }

    /// Gives a file its name beside its manifest, which comes first: a file that has its name has its manifest too. Both are on the disk
    /// then.
    pub fn finish(&self, file: NamedTempFile, manifest: &Manifest) -> Result<()> {
        let mut beside = self.begin()?;
        serde_json::to_writer_pretty(&mut beside, manifest)?;
        beside.write_all(b"\n")?;
        for (file, name) in [(beside, Manifest::name_of(&manifest.file)), (file, manifest.file.clone())] {
            let path = self.path(&name);
            let cannot = || format!("cannot write {}", path.display());
            file.as_file().sync_all().with_context(cannot)?;
            file.persist(&path).with_context(cannot)?;
            // The new name, too, must outlive a power cut.
            File::open(&self.0).and_then(|folder| folder.sync_all()).with_context(cannot)?;
        }
        Ok(())
    }
}

/// The manifest of a file.
pub fn read_manifest(file: &Path) -> Result<Manifest> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let path = file.with_file_name(Manifest::name_of(&name));
    let cannot = || format!("cannot read the manifest {}", path.display());
    let text = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!(
                "{} has no manifest beside it ({}): it cannot be told whether it is complete",
                file.display(),
                path.display()
            )
        }
        text => text.with_context(cannot)?,
    };
    serde_json::from_slice(&text).with_context(cannot)
}

/// The lines of a file, each with its line feed, as they are.
pub struct Lines(BufReader<File>);

impl Lines {
    /// Begins with the first one.
    pub fn of(file: &Path) -> Result<Self> {
        let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Self(BufReader::new(opened)))
    }
}

impl Iterator for Lines {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        match self.0.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(line)),
            Err(error) => Some(Err(error)),
        }
    }
}
