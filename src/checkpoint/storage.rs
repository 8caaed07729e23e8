//! The bytes behind a checkpoint: a mapped file or memory.

use std::borrow::Cow;
use std::path::Path;

use memmap2::Mmap;

use crate::files;

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
        files::map(path).map(Storage::Mapped)
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Storage::Mapped(map) => map,
            Storage::Bytes(bytes) => bytes,
        }
    }
}
