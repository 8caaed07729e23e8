//! Tables of the fastest variants, kept for each device in the user's cache folder.

use std::io::Write;
use std::path::{Path, PathBuf};

use asma::files::write_atomically;
use asma::gpu::{GpuDevice, Tuning, VariantChoice};
use asma::{Error, Result};

/// Names another folder than the user's cache.
const FOLDER: &str = "ASMA_CACHE_DIR";

/// The file for this device and driver.
fn path_of(gpu: &GpuDevice) -> Option<PathBuf> {
    let folder = match std::env::var_os(FOLDER) {
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir()?.join("asma"),
    };
    // Another version may have other variants under the same names.
    let name = format!(
        "tuning-{}-{}.json",
        env!("CARGO_PKG_VERSION"),
        file_name_of(&gpu.describe())
    );
    Some(folder.join(name))
}

/// Words of a description, as they can stand in a file's name.
pub fn file_name_of(description: &str) -> String {
    let words = description.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}

fn read(path: &Path) -> Result<Option<Tuning>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file(path, format!("cannot be read: {error}"))),
    };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|error| {
        Error::file(
            path,
            format!("is no table that `asma bench --tune` wrote: {error}; delete it"),
        )
    })
}

/// What was measured on this device, if anything was; a table that cannot be used is named and left alone.
pub fn variants_for(gpu: &GpuDevice) -> VariantChoice {
    let kept = path_of(gpu).map_or(Ok(None), |path| read(&path));
    match kept {
        Ok(Some(tuning)) => VariantChoice::Tuned(tuning),
        Ok(None) => VariantChoice::Auto,
        Err(error) => {
            eprintln!("note: {error}");
            VariantChoice::Auto
        }
    }
}

/// Refuses, before anything is measured, where what is kept for this device cannot be added to.
pub fn check(gpu: &GpuDevice) -> Result<()> {
    path_of(gpu).map_or(Ok(None), |path| read(&path)).map(drop)
}

/// Adds to what is kept for this device, and returns where.
pub fn keep(gpu: &GpuDevice, measured: Tuning) -> Result<PathBuf> {
    let path = path_of(gpu).ok_or_else(|| {
        Error::Usage(format!(
            "there is no cache folder to keep the table in; set {FOLDER} to one"
        ))
    })?;
    let mut tuning = read(&path)?.unwrap_or_default();
    tuning.merge(measured);
    let failed = |error: std::io::Error| Error::file(&path, format!("cannot be written: {error}"));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let json = serde_json::to_string_pretty(&tuning)
        .map_err(|error| Error::Usage(format!("the table cannot be written as JSON: {error}")))?;
    write_atomically(&path, |file| file.write_all(json.as_bytes()))?;
    Ok(path)
}
