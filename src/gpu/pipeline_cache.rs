//! Pipelines that were compiled once, kept in a file for the next process.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::device::GpuDevice;
use crate::error::{Error, Result};
use crate::files::write_atomically;

/// What a kept file begins with.
const MAGIC: &str = "asma pipelines 1";

/// The driver's cache of pipelines, and the file that it is kept in.
#[derive(Clone, Debug)]
pub(super) struct PipelineCache {
    cache: wgpu::PipelineCache,
    file: PathBuf,
    /// What the file holds.
    kept: Arc<Mutex<Vec<u8>>>,
}

impl PipelineCache {
    pub(super) fn cache(&self) -> &wgpu::PipelineCache {
        &self.cache
    }
}

impl GpuDevice {
    /// Compiles with the help of what [`GpuDevice::keep_pipelines`] left in `file`. One that is missing is none; one that
    /// is damaged, or of another adapter or driver, is left out with a warning in the log. A device that was opened
    /// without the feature `PIPELINE_CACHE` stays as it is.
    pub fn with_pipelines_kept_in(mut self, file: &Path) -> Self {
        if !self.device().features().contains(wgpu::Features::PIPELINE_CACHE) {
            return self;
        }
        let kept = read(file, &self.describe()).unwrap_or_else(|problem| {
            log::warn!("pipelines are compiled anew: {} {problem}", file.display());
            Vec::new()
        });
        // SAFETY: these are bytes that such a cache gave out under the same adapter and driver, and a checksum says that
        // they are all there as they were.
        let cache = self.catch("opening the cache of pipelines", || unsafe {
            self.device()
                .create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                    label: Some("asma"),
                    data: (!kept.is_empty()).then_some(&kept),
                    fallback: true,
                })
        });
        match cache {
            Ok(cache) => {
                self.set_pipeline_cache(PipelineCache {
                    cache,
                    file: file.to_path_buf(),
                    kept: Arc::new(Mutex::new(kept)),
                });
            }
            Err(error) => log::warn!("pipelines are not kept: {error}"),
        }
        self
    }

    /// Writes what was compiled since into the file of [`GpuDevice::with_pipelines_kept_in`], if there is one and it would
    /// hold anything else.
    ///
    /// # Errors
    /// If it, or the folder that it stands in, cannot be written.
    pub fn keep_pipelines(&self) -> Result<()> {
        let Some(PipelineCache { cache, file, kept }) = self.pipeline_cache() else {
            return Ok(());
        };
        let Some(bytes) = cache.get_data() else {
            return Ok(());
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if *kept == bytes {
            return Ok(());
        }
        let head = head(&self.describe(), &bytes);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error.to_string()))?;
        }
        write_atomically(file, |writer| {
            writer.write_all(head.as_bytes())?;
            writer.write_all(&bytes)
        })?;
        *kept = bytes;
        Ok(())
    }
}

/// What stands before the bytes of a cache.
fn head(device: &str, bytes: &[u8]) -> String {
    format!("{MAGIC}\n{device}\n{:08x}\n", crc32fast::hash(bytes))
}

/// The bytes that a file holds for this device, none if there is no file.
fn read(file: &Path, device: &str) -> std::result::Result<Vec<u8>, String> {
    let mut whole = match std::fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|error| format!("cannot be read: {error}"))?,
    };
    let ends: Vec<usize> = (0..whole.len())
        .filter(|&at| whole[at] == b'\n')
        .take(3)
        .collect();
    let &[_, _, end] = &ends[..] else {
        return Err("holds no pipelines".into());
    };
    let bytes = whole.split_off(end + 1);
    match whole == head(device, &bytes).as_bytes() {
        true => Ok(bytes),
        false => Err("is damaged, or of another adapter or driver".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_bytes_of_the_same_device_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pipelines");
        let bytes = b"compiled\nfor this one".to_vec();
        let whole = [head("a GPU (driver 1)", &bytes).into_bytes(), bytes.clone()].concat();
        let read_after = |contents: &[u8]| {
            std::fs::write(&file, contents).expect("a file");
            read(&file, "a GPU (driver 1)")
        };
        assert_eq!(read_after(&whole), Ok(bytes));
        for length in 0..whole.len() {
            assert!(read_after(&whole[..length]).is_err(), "{length} bytes");
        }
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert!(read_after(&changed).is_err(), "byte {place} changed");
        }
        std::fs::write(&file, &whole).expect("a file");
        assert!(read(&file, "a GPU (driver 2)").is_err());
        assert_eq!(read(&folder.path().join("none"), "a GPU"), Ok(Vec::new()));
    }
}
