//! What does not run here. It would count as passed, so it is written down, and `make test` lists it at its end.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use sea_orm::DbBackend;

use super::on_postgres;

/// The database of this run.
fn here() -> DbBackend {
    if on_postgres().is_some() { DbBackend::Postgres } else { DbBackend::Sqlite }
}

/// Writes down that this thread's test, or a part of it, does not run here.
pub fn leave_out(why: &str) {
    let database = format!("{:?}", here()).to_lowercase();
    let file = format!("{}/left-out-{database}", env!("CARGO_TARGET_TMPDIR"));
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    // One write a line: tests run side by side.
    file.write_all(format!("{why}\t{test}\n").as_bytes()).unwrap();
}

/// Where a program is that the suite installs if it can; none, and a word about it, where it is missing.
pub fn installed(program: &str) -> Option<String> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let found = folders.map(|folder| format!("{folder}/{program}")).into_iter().find(|path| Path::new(path).exists());
    or_left_out(found, program)
}

/// What the suite needs and brings along if it can; a word about it where it is missing.
pub fn or_left_out<T>(found: Option<T>, what: &str) -> Option<T> {
    if found.is_none() {
        #[expect(clippy::disallowed_methods, reason = "CI says that nothing may be left out")]
        let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!is_ci, "{what} is missing, and CI=true");
        leave_out(&format!("there is no {what}"));
    }
    found
}

/// Whether this thread's test asks about another database than that of this run.
pub fn is_of_other(database: DbBackend) -> bool {
    let is_other = database != here();
    if is_other {
        leave_out(if database == DbBackend::Sqlite {
            "of what only SQLite does"
        } else {
            "of what only PostgreSQL does"
        });
    }
    is_other
}

/// Ends a test of what only this database does where the run is on the other one.
macro_rules! only_on {
    ($database:ident) => {
        if $crate::support::is_of_other(sea_orm::DbBackend::$database) {
            return;
        }
    };
}

/// Ends a test of what no database changes where the run is not the first one.
macro_rules! once {
    () => {
        if $crate::support::on_postgres().is_some() {
            return $crate::support::leave_out("of what is the same on every database: it ran on SQLite");
        }
    };
}
