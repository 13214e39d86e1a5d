//! The files of this machine: who may read them, and how much room there is.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Found, Report};
use crate::cli::disk::{ALMOST_NONE, LITTLE, free_beside};
use crate::config::Loaded;

/// All that others on the machine may do with a file. Its group is who the operator made it: that is told, and no fault.
const OTHERS: u32 = 0o007;
const GROUP: u32 = 0o070;

/// Where Docker, Kubernetes and systemd put secrets for one service alone, with modes of their own.
const HANDED: [&str; 3] = ["/run/secrets", "/var/run/secrets", "/run/credentials"];

/// The log of SQLite is emptied beyond 64 MiB by a running service: four times as much, and something keeps it from that.
const LARGE_LOG: u64 = 256 << 20;

pub(super) fn look(report: &mut Report, loaded: &Loaded) {
    let (mut open, mut unknown, mut shared) = (Vec::new(), Vec::new(), Vec::new());
    let mut there = 0;
    let named = loaded.config.secret_files().into_iter().map(|(key, path)| (key.to_owned(), path.to_owned()));
    for (key, path) in named.chain(loaded.files_with_secrets()) {
        let (mode, named) = match mode(&path) {
            Ok(Some(mode)) => (mode, format!("{} ({key})", path.display())),
            Ok(None) => continue,
            Err(error) => {
                unknown.push(format!("{} ({key}) cannot be looked at: {error}", path.display()));
                continue;
            }
        };
        there += 1;
        match access(&path, mode) {
            Access::Others => open.push(format!("{named} has mode {mode:03o}: others on this machine have access")),
            Access::Group => shared.push(format!("{named} has mode {mode:03o}: its group has access")),
            Access::Owner => {}
        }
    }
    open.dedup();
    let found = if !unknown.is_empty() {
        Found::error(unknown.join("; "), "let the user of the service search the folder and read the file")
    } else if !open.is_empty() {
        Found::warning(open.join("; "), format!("{CLOSE} each of them"))
    } else if there == 0 {
        Found::ok("no secret is in a file")
    } else {
        shared.insert(0, format!("files with secrets: {there}, all closed to others"));
        Found::ok(shared.join("; "))
    };
    report.note("secret_files", found);
}

/// Whoever else owns the file may keep it: the service reads it by its group.
const CLOSE: &str = "`chmod o=`, after `chgrp` to the group of the service where another user owns it,";

#[derive(Debug, PartialEq, Eq)]
enum Access {
    Owner,
    Group,
    Others,
}

/// Who has access to a file with this mode.
fn access(path: &Path, mode: u32) -> Access {
    if HANDED.iter().any(|folder| path.starts_with(folder)) && mode & 0o222 == 0 {
        return Access::Owner;
    }
    match (mode & OTHERS, mode & GROUP) {
        (0, 0) => Access::Owner,
        (0, _) => Access::Group,
        _ => Access::Others,
    }
}

/// Of a file that holds orders and hashes of secrets.
pub(super) fn database_file(path: &Path) -> Found {
    let named = path.display();
    let mode = match mode(path) {
        Ok(Some(mode)) => mode,
        Ok(None) => return Found::skipped("there is no file yet"),
        Err(error) => {
            let remedy = "let the user of the service search the folder of the file";
            return Found::error(format!("{named} cannot be looked at: {error}"), remedy);
        }
    };
    let log = fs::metadata(format!("{named}-wal")).map_or(0, |log| log.len());
    if log >= LARGE_LOG {
        return Found::warning(
            format!("its log has {} MiB: somebody reads for long, or a service was killed", log >> 20),
            "end what reads the file for long; a running service empties the log within seconds then",
        );
    }
    match access(path, mode) {
        Access::Others => Found::warning(
            format!("{named} has mode {mode:03o}: others on this machine have access"),
            format!("chmod o= {named} {named}-wal {named}-shm"),
        ),
        Access::Group => Found::ok(format!("{named} has mode {mode:03o}: its group has access")),
        Access::Owner => Found::ok(named.to_string()),
    }
}

/// The mode of a file, links followed; none where there is none.
fn mode(path: &Path) -> io::Result<Option<u32>> {
    match fs::metadata(path) {
        Ok(there) => Ok(Some(there.permissions().mode() & 0o777)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_open_where_others_have_access_and_what_is_handed_to_the_service_alone_is_not() {
        for (path, mode, expected) in [
            ("/etc/orders/key", 0o600, Access::Owner),
            ("/etc/orders/key", 0o640, Access::Group),
            ("/etc/orders/key", 0o604, Access::Others),
            ("/etc/orders/key", 0o602, Access::Others),
            ("/etc/orders/key", 0o444, Access::Others),
            ("/run/secrets/key", 0o444, Access::Owner),
            ("/run/credentials/orders.service/key", 0o440, Access::Owner),
            ("/run/secrets/key", 0o666, Access::Others),
        ] {
            assert_eq!(access(path.as_ref(), mode), expected, "{path} {mode:o}");
        }
    }
}
