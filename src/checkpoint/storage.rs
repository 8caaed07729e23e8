//! The bytes behind a checkpoint: a mapped file or memory.

#[cfg(feature = "files")]
use crate::files;
use std::borrow::Cow;

/// Bytes that stay where they are for as long as this lives.
pub(super) enum Storage {
    /// A file, mapped read-only.
    #[cfg(feature = "files")]
    Mapped(memmap2::Mmap),
    /// Bytes in memory.
    Bytes(Cow<'static, [u8]>),
}

impl Storage {
    /// Maps the file at `path`. An error is what is wrong with it, in one line.
    #[cfg(feature = "files")]
    pub(super) fn map(path: &std::path::Path) -> Result<Self, String> {
        files::map(path).map(Storage::Mapped)
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            #[cfg(feature = "files")]
            Storage::Mapped(map) => map,
            Storage::Bytes(bytes) => bytes,
        }
    }
}
