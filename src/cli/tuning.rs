//! Tables of the fastest variants, kept for each device in the user's cache folder.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use asma::files::write_atomically;
use asma::gpu::{GpuDevice, Tuning, VariantChoice};
use asma::{Error, Result};

use super::cache::{FOLDER, cache_file};
use super::console::say;
use super::outputs::OutputFolder;

/// Another version may have other variants under the same names.
fn path_of(gpu: &GpuDevice) -> Option<PathBuf> {
    cache_file("tuning", gpu, "json")
}

fn read(path: &Path, gpu: &GpuDevice) -> Result<Option<Tuning>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file(path, format!("cannot be read: {error}"))),
    };
    let tuning: Tuning = serde_json::from_str(&text).map_err(|error| {
        Error::file(
            path,
            format!("is no table that `asma bench --tune` wrote: {error}; delete it"),
        )
    })?;
    if tuning.device != gpu.describe() {
        return Err(Error::file(
            path,
            format!(
                "was measured on `{}`, and this is `{}`; delete it",
                tuning.device,
                gpu.describe()
            ),
        ));
    }
    Ok(Some(tuning))
}

/// What was measured on this device, if anything was; a table that cannot be used is named and left alone.
pub fn variants_for(gpu: &GpuDevice) -> VariantChoice {
    let kept = path_of(gpu).map_or(Ok(None), |path| read(&path, gpu));
    match kept {
        Ok(Some(tuning)) => VariantChoice::Tuned(tuning),
        Ok(None) => VariantChoice::Auto,
        Err(error) => {
            say(format_args!("note: {error}"));
            VariantChoice::Auto
        }
    }
}

/// Where what is measured on a device is going to be kept, found out before anything is measured.
pub struct Keeper {
    /// Held, so that two that measure at once do not lose each other's numbers.
    folder: OutputFolder,
    name: OsString,
    kept: Option<Tuning>,
}

impl Keeper {
    /// # Errors
    /// If there is no folder to keep anything in, it cannot be written to, or what stands there cannot be added to.
    pub fn new(gpu: &GpuDevice) -> Result<Keeper> {
        let none = || {
            Error::Usage(format!(
                "there is no cache folder to keep the table in; set {FOLDER} to one"
            ))
        };
        let path = path_of(gpu).ok_or_else(none)?;
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(none());
        };
        Ok(Keeper {
            folder: OutputFolder::open_named(folder, FOLDER)?,
            name: name.to_os_string(),
            kept: read(&path, gpu)?,
        })
    }

    /// Adds to what is kept for the device, and returns where.
    pub fn keep(self, measured: Tuning) -> Result<PathBuf> {
        let path = self.folder.path().join(&self.name);
        let mut tuning = self.kept.unwrap_or_default();
        tuning.merge(measured);
        let json = serde_json::to_string_pretty(&tuning)
            .map_err(|error| Error::Usage(format!("the table cannot be written as JSON: {error}")))?;
        write_atomically(&path, |file| file.write_all(json.as_bytes()))?;
        Ok(path)
    }
}
