//! The files of this machine: who may read them, and how much room there is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Found, Report};
use crate::cli::disk::{ALMOST_NONE, LITTLE, free_beside};
use crate::config::Loaded;

/// All that others on the machine may do with a file.
const OTHERS: u32 = 0o077;

pub(super) fn look(report: &mut Report, loaded: &Loaded) {
    let mut open = Vec::new();
    let mut there = 0;
    let named = loaded.config.secret_files().into_iter().map(|(key, path)| (key.to_owned(), path.to_owned()));
    for (key, path) in named.chain(loaded.files_with_secrets()) {
        let Some(mode) = mode(&path) else { continue };
        there += 1;
        if mode & OTHERS != 0 {
            open.push(format!("{} ({key}) has mode {mode:03o}: others on this machine may read it", path.display()));
        }
    }
    open.dedup();
    report.note(
        "secret_files",
        Found::wrong(&open, "chmod 600 each of them", format!("files for their owner alone: {there}")),
    );
}

/// Of a file that holds orders and hashes of secrets.
pub(super) fn database_file(path: &Path) -> Found {
    match mode(path) {
        Some(mode) if mode & OTHERS != 0 => Found::warning(
            format!("{} has mode {mode:03o}: others on this machine may read it", path.display()),
            format!("chmod 600 {0} {0}-wal {0}-shm", path.display()),
        ),
        _ => Found::ok(path.display().to_string()),
    }
}

/// The mode of a file, links followed; none where there is none.
fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|there| there.permissions().mode() & 0o777)
}

/// The room on the file system of a file.
pub(super) fn free_space(path: &Path) -> Found {
    let free = match free_beside(path) {
        Ok(free) => free,
        Err(error) => return Found::warning(format!("cannot be read: {error}"), "look at it with df"),
    };
    let found = format!("{} MiB free where {} is", free >> 20, path.display());
    let remedy = "make room, or move the database to a larger disk with the service stopped";
    match free {
        ..ALMOST_NONE => Found::error(found, remedy),
        ALMOST_NONE..LITTLE => Found::warning(found, remedy),
        _ => Found::ok(found),
    }
}
