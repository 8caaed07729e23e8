//! The bytes behind a checkpoint: a mapped file or memory.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

/// Bytes that stay where they are for as long as this lives.
pub(super) enum Storage {
    /// A file, mapped read-only.
    Mapped(Mmap),
    /// Bytes in memory.
    Bytes(Cow<'static, [u8]>),
}

impl Storage {
    /// Maps the file at `path`. An error is what is wrong with it, in one line.
    pub(super) fn map(path: &Path) -> Result<Self, String> {
        // Asked before opening, because to open a pipe waits for someone to write into it.
        let kind = path
            .metadata()
            .map_err(|error| format!("cannot be read: {error}"))?;
        if kind.is_dir() {
            return Err("is a directory; give the safetensors file in it".to_string());
        }
        if !kind.is_file() {
            return Err("is not a regular file; give a safetensors file".to_string());
        }
        if kind.len() == 0 {
            return Err("is empty; a safetensors file is wanted".to_string());
        }
        let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
        // SAFETY: the map is read-only and used as bytes alone, of which every value is valid, and this
        // tool replaces files by renaming, which leaves a mapped one as it was. Another program that
        // writes into the file or cuts it short meanwhile cannot be kept out; `Checkpoint::open` tells
        // its callers so.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| format!("cannot be mapped: {error}"))?;
        Ok(Storage::Mapped(map))
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Storage::Mapped(map) => map,
            Storage::Bytes(bytes) => bytes,
        }
    }
}
