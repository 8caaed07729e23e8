//! Writing files whole or not at all, and removing what earlier runs left.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Error, Result};

/// What the names of temporary files begin with.
const PREFIX: &str = ".asma-";

/// Maps a regular file read-only. An error is what is wrong with it, in one line behind its name.
pub(crate) fn map(path: &Path) -> std::result::Result<Mmap, String> {
    // Asked before opening, because to open a pipe waits for someone to write into it.
    let kind = path
        .metadata()
        .map_err(|error| format!("cannot be read: {error}"))?;
    if kind.is_dir() {
        return Err("is a directory; give the file in it".to_string());
    }
    if !kind.is_file() {
        return Err("is not a regular file; give the file itself".to_string());
    }
    if kind.len() == 0 {
        return Err("is empty; a file with a network is wanted".to_string());
    }
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    // SAFETY: the map is read-only and used as bytes alone, of which every value is valid, and this tool replaces
    // files by renaming, which leaves a mapped one as it was. Another program that writes into the file or cuts it
    // short meanwhile cannot be kept out; `Checkpoint::open` tells its callers so.
    unsafe { Mmap::map(&file) }.map_err(|error| format!("cannot be mapped: {error}"))
}

/// Writes a file through `write`. The bytes go to a temporary file in the same folder, which takes the
/// place of `path` only once everything is on disk: whatever goes wrong, `path` holds either what it held
/// before or all of the new content. A link stays, and what it leads to is replaced.
///
/// # Errors
/// If the folder does not exist or cannot be written to, a device or a pipe stands there, the disk is full, or `write` fails.
pub fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let linked = path.is_symlink().then(|| path.canonicalize());
    let path = match &linked {
        Some(Ok(there)) => there,
        _ => path,
    };
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
    // To take its place would remove it from the system.
    if path.exists() && !path.is_file() {
        return Err(Error::file(
            path,
            "cannot be written: it is a device or a pipe; name a file",
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
    let (file, temporary) = builder.prefix(PREFIX).tempfile_in(folder)?.into_parts();
    // Tells `remove_leftovers` that somebody is still at it. Where there are no locks it does without.
    let _ = file.try_lock();
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    drop(writer);
    temporary.persist(path).map_err(|failure| failure.error)
}

/// Removes the files of these names that an earlier run left in a folder, in this order, so that none of them stands beside
/// new ones.
///
/// # Errors
/// If one cannot be removed.
pub fn remove_earlier(folder: impl AsRef<Path>, names: &[&str]) -> Result<()> {
    for name in names {
        let file = folder.as_ref().join(name);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && !file.is_dir() => {
                return Err(Error::file(
                    &file,
                    format!("is of an earlier run and cannot be removed: {error}; name another folder"),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes the temporary files that killed processes left in a folder, and none that is still being written. `kept` are
/// names that begin like those of temporary files and are none. What cannot be removed stays: it is in nobody's way.
pub fn remove_leftovers(folder: impl AsRef<Path>, kept: &[&str]) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let temporary = name
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX) && !kept.contains(&name));
        // Only the entry itself: what a link leads to is somebody else's.
        if !temporary || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        let unused = File::open(&path)
            .is_ok_and(|file| !matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
        if unused {
            let _ = std::fs::remove_file(path);
        }
    }
}
