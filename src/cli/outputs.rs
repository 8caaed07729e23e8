//! The folder that results go to.

use std::path::{Path, PathBuf};

use asma::{Error, Result};

/// Makes the folder if it is missing and tries whether files can be written in it, before any work is done.
pub fn open_folder(path: &Path) -> Result<PathBuf> {
    let refused = |error: std::io::Error| {
        Error::file(
            path,
            format!("cannot be written to as an output folder: {error}; name another with --out"),
        )
    };
    std::fs::create_dir_all(path).map_err(refused)?;
    tempfile::NamedTempFile::new_in(path).map_err(refused)?;
    Ok(path.to_path_buf())
}
