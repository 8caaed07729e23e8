//! The epochs of a training run as CSV, one row an epoch.

use std::io;
use std::path::Path;

use crate::error::Result;
use crate::files::write_atomically;
use crate::statistics::EpochRow;

/// Writes the rows under the names of [`EpochRow`]'s fields, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_history(path: impl AsRef<Path>, rows: &[EpochRow]) -> Result<()> {
    write_atomically(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        for row in rows {
            writer.serialize(row).map_err(io::Error::other)?;
        }
        writer.flush()
    })
}
