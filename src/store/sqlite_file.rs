//! The files of a SQLite database: what a URL names, how they are made, and whether they are still the ones that were
//! opened. A file that was removed, replaced or written over takes commits like any other, and they are gone at the next
//! start.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, SqliteConnection};
use sea_orm::{DbErr, RuntimeErr};
use tracing::{error, info};

use super::error::{StoreError, StoreResult, from_sqlx};

/// The file a URL names.
pub fn path(url: &str) -> StoreResult<PathBuf> {
    let refused = |problem: &str| StoreError::File(format!("the SQLite URL {problem}"));
    let (_, parameters) = url.split_once('?').unwrap_or((url, ""));
    let mut others = parameters.split('&').filter(|parameter| !parameter.is_empty() && *parameter != "mode=rwc");
    if let Some(parameter) = others.next() {
        let name = parameter.split('=').next().unwrap_or_default();
        let problem = format!(
            "has the parameter \"{name}\": only mode=rwc is taken, for the service writes to one file, which it makes \
             when it is not there; leave the parameter out"
        );
        return Err(refused(&problem));
    }
    let options: SqliteConnectOptions = url.parse().map_err(|error| refused(&format!("cannot be read ({error})")))?;
    let path = options.get_filename();
    let text = path.to_string_lossy();
    if url.contains(":memory:") || text == ":memory:" {
        return Err(refused("must name a file: a database in memory cannot be shared by connections"));
    }
    if text.is_empty() {
        return Err(refused("names no file; write it as sqlite://PATH"));
    }
    // SQLite would read these in a way of its own, and open another file than the one that is made.
    if text.starts_with("file:") || text.contains('\0') {
        return Err(refused("must name a plain path: not file:… and without %00"));
    }
    if text.ends_with('/') || path.is_dir() {
        return Err(refused(&format!("names the folder {text}; add the name of a file in it")));
    }
    Ok(path.to_owned())
}

/// What a file is that a URL names, found without changing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqliteState {
    /// There is none.
    Missing,
    /// A database of this service.
    Ours,
    /// A database of this service that keeps a rollback journal: opening it to write would switch that to a log.
    Rollback,
    /// Something else: why, as what is said of the file.
    Foreign(&'static str),
}

/// The first bytes of every SQLite database.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the header says which version of the format is needed to write: 2 where there is a log.
const WRITE_VERSION: usize = 18;

/// Looks at what is at `path`. A file that is another's is not even opened by SQLite, which would put files beside it, unless it has a
/// log: there the table that tells whose it is may be in the log alone.
pub async fn look(path: &Path) -> StoreResult<SqliteState> {
    let failed = |error: io::Error| DbErr::Custom(format!("cannot read {}: {error}", path.display()));
    let mut header = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(100).read_to_end(&mut header).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SqliteState::Missing),
        Err(error) => return Err(failed(error).into()),
    };
    if header.is_empty() {
        return Ok(SqliteState::Foreign("is empty"));
    }
    if !header.starts_with(MAGIC) {
        return Ok(SqliteState::Foreign("is no SQLite database"));
    }
    let has_log = with_suffix(path, "-wal").try_exists().map_err(failed)?;
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(!has_log);
    let mut connection = options.connect().await.map_err(from_sqlx)?;
    let question = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations')";
    let is_ours = sqlx::query_scalar::<_, bool>(question).fetch_one(&mut connection).await;
    connection.close().await.map_err(from_sqlx)?;
    if !is_ours.map_err(from_sqlx)? {
        return Ok(SqliteState::Foreign("has no tables of this service"));
    }
    Ok(if header.get(WRITE_VERSION) == Some(&2) { SqliteState::Ours } else { SqliteState::Rollback })
}

/// Makes the database file, readable by its owner only: it holds addresses and the hashes of secrets. SQLite gives the
/// files it adds the same mode. What is there already keeps its mode.
pub(super) fn make(path: &Path) -> StoreResult<()> {
    let failed = |error: io::Error| DbErr::Custom(format!("cannot make {}: {error}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(failed)?;
    Ok(())
}

/// Whether nothing is left of an earlier transaction. Where SQLite ends one by itself, as on a full disk, the driver goes on
/// counting it: further ones are savepoints within none, and one of those that fails stays open. What is written after it
/// would be answered and never committed (`what_is_written_after_a_transaction_that_sqlite_ended_is_kept`).
pub(super) fn is_usable(connection: &SqliteConnection) -> bool {
    !connection.is_in_transaction()
}

/// The files that are open, and which they were when they were opened.
#[derive(Debug, Clone)]
pub(super) struct OpenFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// With device and inode.
    files: Vec<(PathBuf, (u64, u64))>,
    log: PathBuf,
    /// Whether the loss was logged.
    is_told: AtomicBool,
    /// When was looked last whether what is stored can be found again.
    looked: Mutex<Option<Instant>>,
    /// The last order that was stored.
    last_order: Mutex<Option<Trace>>,
    /// How large the database file was at most since it was opened.
    bytes: AtomicU64,
    /// Whether it could not: the file is the same, and holds something else.
    is_written_over: AtomicBool,
}

/// What whoever opens the database finds of an order that was stored: the order, or else that its table gave out numbers since,
/// for it may have been deleted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    /// The order's id.
    pub order: i64,
    /// A table whose numbers rise with each order. Random ids do not, but the positions of events do.
    pub table: &'static str,
    /// The last number that it had given out when the order was stored.
    pub last: i64,
}

/// How often is looked whether what is stored can be found again. Each time costs a connection.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl OpenFiles {
    /// Notes which files are there now: the database, its log and the index of that, which stay the same while somebody
    /// has them open.
    pub(super) fn note(path: &Path) -> StoreResult<Self> {
        let beside = |suffix: &str| with_suffix(path, suffix);
        let log = beside("-wal");
        let files = [path.to_owned(), log.clone(), beside("-shm")].into_iter().map(|path| match identity(&path) {
            Ok(identity) => Ok((path, identity)),
            Err(error) => Err(DbErr::Custom(format!("cannot look at {}: {error}", path.display()))),
        });
        let files = files.collect::<Result<_, _>>()?;
        let bytes = AtomicU64::new(bytes_of(path));
        let [is_told, is_written_over] = [false, false].map(AtomicBool::new);
        Ok(Self(Arc::new(Inner {
            files,
            log,
            is_told,
            looked: Mutex::default(),
            last_order: Mutex::default(),
            bytes,
            is_written_over,
        })))
    }

    /// Fails while one of the files is not the one that was opened. What is committed then is seen by nobody who opens the
    /// database later. So is what is committed to one that became smaller, as when an older copy is written over it: some pages are
    /// then the copy's, some are missing, and what the log adds makes a mixture that nobody can read
    /// (`no_order_is_mixed_with_those_of_a_backup_that_was_copied_over_the_file`).
    pub(super) fn ensure_same(&self) -> StoreResult<()> {
        let Inner { files, is_told, is_written_over, .. } = &*self.0;
        if is_written_over.load(Ordering::Relaxed) {
            return Err(self.written_over());
        }
        let Some((path, _)) = files.iter().find(|(path, known)| identity(path).ok() != Some(*known)) else {
            if is_told.swap(false, Ordering::Relaxed) {
                info!("the files of the database are back; orders are taken again");
            }
            // What was seen before this look: another one may see the file grow between the two.
            let seen = self.0.bytes.load(Ordering::SeqCst);
            let bytes = bytes_of(self.database());
            if bytes < seen {
                return Err(self.lost("it became smaller"));
            }
            self.0.bytes.fetch_max(bytes, Ordering::SeqCst);
            return Ok(());
        };
        let problem = format!("the database file {} was replaced or removed while it was open", path.display());
        if !is_told.swap(true, Ordering::Relaxed) {
            error!("{problem}; no order is taken until that very file is back or the service is started again");
        }
        Err(StoreError::Unavailable(DbErr::Conn(RuntimeErr::Internal(problem))))
    }

    /// The same as [`OpenFiles::ensure_found`] for the last order that is known to be stored.
    pub(super) async fn ensure_last_found(&self) -> StoreResult<()> {
        let last = *self.last_order();
        match last {
            None => Ok(()),
            Some(order) => self.ensure_found(order).await,
        }
    }

    /// Fails where an order that was just stored cannot be found by whoever opens the database anew, as when a backup was copied
    /// over the file: the connections that are open go on with what they have in memory. Looks at most once a second.
    pub(super) async fn ensure_found(&self, order: Trace) -> StoreResult<()> {
        *self.last_order() = Some(order);
        {
            let mut looked = self.looked();
            if looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
                return Ok(());
            }
            *looked = Some(Instant::now());
        }
        let is_damaged = |error: &sqlx::Error| {
            let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
            // SQLITE_CORRUPT and SQLITE_NOTADB, whatever more is known.
            code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
        };
        match self.find(order).await {
            Ok(true) => Ok(()),
            Err(error) if !is_damaged(&error) => Err(from_sqlx(error)),
            Ok(false) | Err(_) => Err(self.lost("what was stored is not in it")),
        }
    }

    /// That the file is the same and holds something else.
    fn lost(&self, what: &str) -> StoreError {
        if !self.0.is_written_over.swap(true, Ordering::Relaxed) {
            error!(
                "the database file {} was written over while it was open: {what}; no order is taken until the service is started again",
                self.database().display()
            );
        }
        self.written_over()
    }

    async fn find(&self, Trace { order, table, last }: Trace) -> Result<bool, sqlx::Error> {
        let mut connection = SqliteConnectOptions::new().filename(self.database()).connect().await?;
        // Whoever deleted it meanwhile leaves its number.
        let found = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sales_orders WHERE id = ?1)
                 OR EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?2 AND seq >= ?3)",
        );
        let found = found.bind(order).bind(table).bind(last).fetch_one(&mut connection).await;
        connection.close().await?;
        found
    }

    fn written_over(&self) -> StoreError {
        let problem = format!("the database file {} was written over while it was open", self.database().display());
        StoreError::Unavailable(DbErr::Conn(RuntimeErr::Internal(problem)))
    }

    fn last_order(&self) -> MutexGuard<'_, Option<Trace>> {
        self.0.last_order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn looked(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How large the log is.
    pub(super) fn log_bytes(&self) -> u64 {
        bytes_of(&self.0.log)
    }

    /// The database file.
    pub(super) fn database(&self) -> &Path {
        self.0.files.first().map_or(Path::new(""), |(path, _)| path)
    }
}

/// A path whose name goes on so, as those of the files that SQLite puts beside a database do.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_one_file_however_it_is_written() {
        for (url, expected) in [
            ("sqlite://orders.db", "orders.db"),
            ("sqlite:orders.db", "orders.db"),
            ("sqlite:///var/lib/orders.db", "/var/lib/orders.db"),
            ("sqlite://data/my%20orders.db", "data/my orders.db"),
            ("sqlite://my orders.db", "my orders.db"),
            ("sqlite://a%3Fb%23c.db", "a?b#c.db"),
            ("sqlite://a#b.db", "a#b.db"),
            ("sqlite://%C3%BC.db?mode=rwc", "ü.db"),
            ("sqlite://orders.db?", "orders.db"),
        ] {
            assert_eq!(path(url).unwrap(), Path::new(expected), "{url}");
        }
    }

    #[test]
    fn a_url_that_names_no_file_of_its_own_is_refused_with_the_cause() {
        for (url, cause) in [
            ("sqlite:", "names no file"),
            ("sqlite://", "names no file"),
            ("sqlite://?mode=rwc", "names no file"),
            ("sqlite::memory:", "in memory"),
            ("sqlite://:memory:", "in memory"),
            ("sqlite://%3Amemory%3A", "in memory"),
            ("sqlite://a.db?mode=memory", "\"mode\""),
            ("sqlite://a.db?mode=ro", "\"mode\""),
            ("sqlite://a.db?mode=rwc&cache=shared", "\"cache\""),
            ("sqlite://a.db?immutable=1", "\"immutable\""),
            ("sqlite://a.db?jurnal_mode=wal", "\"jurnal_mode\""),
            ("sqlite://file:a.db", "plain path"),
            ("sqlite://a%00b.db", "plain path"),
            ("sqlite://%FF.db", "cannot be read"),
            ("sqlite:///", "folder"),
            ("sqlite://data/", "folder"),
            ("sqlite:///tmp", "folder /tmp"),
        ] {
            let refused = path(url).unwrap_err().to_string();
            assert!(refused.contains(cause), "{url}: {refused}");
        }
    }
}
