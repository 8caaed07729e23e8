//! A driver's cache of compiled pipelines, and the file that it is kept in.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// One that was made of the bytes that `file` holds.
    pub(super) fn new(cache: wgpu::PipelineCache, file: &Path, kept: Vec<u8>) -> Self {
        PipelineCache {
            cache,
            file: file.to_path_buf(),
            kept: Arc::new(Mutex::new(kept)),
        }
    }

    pub(super) fn cache(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    /// Writes what it holds into its file, as of this device, if the file would hold anything else.
    pub(super) fn keep(&self, device: &str) -> Result<()> {
        let Some(bytes) = self.cache.get_data() else {
            return Ok(());
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if *kept == bytes {
            return Ok(());
        }
        let head = head(device, &bytes);
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error.to_string()))?;
        }
        write_atomically(&self.file, |writer| {
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
pub(super) fn read(file: &Path, device: &str) -> std::result::Result<Vec<u8>, String> {
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
