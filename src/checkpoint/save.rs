//! Writing a file whole or not at all.

use std::io::{self, Write};
use std::path::Path;

/// Writes `parts` one behind the other into a new file beside `path` and renames it to `path` when it is
/// complete and on the disk. On failure nothing is left behind and an earlier file at `path` is as it was.
pub(super) fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // A temporary file is its owner's alone by default; this one becomes an ordinary file, for which the
    // process's umask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".saving-").tempfile_in(directory)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failure| failure.error)?;
    Ok(())
}
