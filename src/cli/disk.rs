//! Room on the disk.

use std::io;
use std::path::Path;

/// Below this an order may soon find no room.
pub const LITTLE: u64 = 1 << 30;
/// With less than this the next order may find none.
pub const ALMOST_NONE: u64 = 100 << 20;

/// How many bytes are free on the file system of a file, whose folder may be made later.
pub fn free_beside(path: &Path) -> io::Result<u64> {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}
