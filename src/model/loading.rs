//! Which file is read how.

use std::path::Path;

use super::{Found, ModelOptions, families};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::file_kind::FileKind;
use crate::files::map;

/// A format: how it is told, and what reads it.
struct Loader {
    reads: fn(&FileKind) -> bool,
    open: fn(&Path, &ModelOptions) -> Result<Found>,
}

const LOADERS: [Loader; 1] = [Loader {
    reads: |kind| matches!(kind, FileKind::Safetensors),
    open: |path, options| of_checkpoint(&Checkpoint::open(path)?, options),
}];

/// Reads a network from a file of any known format.
pub(super) fn open(path: &Path, options: &ModelOptions) -> Result<Found> {
    let kind = match map(path) {
        Ok(bytes) => FileKind::recognise(&bytes),
        Err(problem) => return Err(Error::file(path, problem)),
    };
    let loader = kind
        .as_ref()
        .and_then(|kind| LOADERS.iter().find(|loader| (loader.reads)(kind)));
    match loader {
        Some(loader) => (loader.open)(path, options),
        // It is the one format that refuses all others by their names.
        None => of_checkpoint(&Checkpoint::open(path)?, options),
    }
}

/// The network of a checkpoint, by its tensors' names.
pub(super) fn of_checkpoint(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<Found> {
    families::read(checkpoint, options)
}
