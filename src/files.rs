//! Writing files whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a file through `write`. The bytes go to a temporary file in the same folder, which takes the
/// place of `path` only once everything is on disk: whatever goes wrong, `path` holds either what it held
/// before or all of the new content.
///
/// # Errors
/// If the folder does not exist or cannot be written to, the disk is full, or `write` fails.
pub fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(Error::file(
            path,
            "cannot be written: it is a folder; name a file",
        ));
    }
    if !folder.is_dir() {
        return Err(Error::file(
            path,
            format!(
                "cannot be written: there is no folder {}; create it or choose another",
                folder.display()
            ),
        ));
    }
    write_beside(path, folder, write).map_err(|cause| {
        let advice = match cause.kind() {
            io::ErrorKind::PermissionDenied => "; allow writing there or choose another folder",
            io::ErrorKind::StorageFull => "; free some space or choose another disk",
            _ => "",
        };
        Error::file(path, format!("cannot be written: {cause}{advice}"))
    })
}

fn write_beside(
    path: &Path,
    folder: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; this one becomes an ordinary file, so it gets what the
    // user's umask leaves of read and write for all.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let (file, temporary) = builder.prefix(".asma-").tempfile_in(folder)?.into_parts();
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    drop(writer);
    temporary.persist(path).map_err(|failure| failure.error)
}
