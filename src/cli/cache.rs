//! The user's cache folder, and what files in it are called.

use std::path::PathBuf;

use asma::gpu::GpuDevice;

/// Names another folder than the user's cache.
pub const FOLDER: &str = "ASMA_CACHE_DIR";

/// The file of a kind that is kept for this device and driver by this version of asma.
pub fn cache_file(kind: &str, gpu: &GpuDevice, extension: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os(FOLDER) {
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir()?.join("asma"),
    };
    let (version, device) = (env!("CARGO_PKG_VERSION"), file_name_of(&gpu.describe()));
    Some(folder.join(format!("{kind}-{version}-{device}.{extension}")))
}

/// Words of a description, as they can stand in a file's name.
pub fn file_name_of(description: &str) -> String {
    let words = description.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}
