//! Which file is read how.

#[cfg(feature = "files")]
use std::path::Path;

use super::{Found, ModelOptions, families, stored};
use crate::checkpoint::Checkpoint;
#[cfg(feature = "files")]
use crate::error::Error;
use crate::error::Result;
#[cfg(feature = "files")]
use crate::file_kind::FileKind;
#[cfg(feature = "files")]
use crate::files::map;
#[cfg(feature = "importers")]
use crate::onnx::{self, ImportOptions, Imported};

#[cfg(feature = "files")]
/// A format: how it is told, and what reads it.
struct Loader {
    reads: fn(&FileKind) -> bool,
    open: fn(&Path, &ModelOptions) -> Result<Found>,
}

#[cfg(feature = "files")]
const LOADERS: &[Loader] = &[
    Loader {
        reads: |kind| matches!(kind, FileKind::Safetensors),
        open: |path, options| of_checkpoint(&Checkpoint::open(path)?, options),
    },
    #[cfg(feature = "importers")]
    Loader {
        reads: |kind| matches!(kind, FileKind::PyTorch | FileKind::Pickle),
        open: |path, options| families::read(&Checkpoint::open_pytorch(path)?, options),
    },
    #[cfg(feature = "importers")]
    Loader {
        reads: |kind| matches!(kind, FileKind::Onnx),
        open: open_onnx,
    },
];

/// Reads a network from a file of any known format.
#[cfg(feature = "files")]
pub(super) fn open(path: &Path, options: &ModelOptions) -> Result<Found> {
    let kind = match map(path) {
        Ok(bytes) => FileKind::recognise(&bytes),
        Err(problem) => return Err(Error::file(path, problem)),
    };
    let loader = kind
        .as_ref()
        .and_then(|kind| LOADERS.iter().find(|loader| (loader.reads)(kind)));
    if options.output.is_some() && !matches!(kind, Some(FileKind::Onnx)) {
        return Err(Error::file(
            path,
            "is no ONNX file, of which alone outputs have names; leave `output` out",
        ));
    }
    match loader {
        Some(loader) => (loader.open)(path, options),
        // It is the one format that refuses all others by their names.
        None => of_checkpoint(&Checkpoint::open(path)?, options),
    }
}

/// The network of a checkpoint: its graph if it holds one, or else a family's.
pub(super) fn of_checkpoint(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<Found> {
    let Some(stored) = stored::read(checkpoint)? else {
        return families::read(checkpoint, options);
    };
    if options.padding.is_some() {
        return Err(
            checkpoint.error("holds its whole network, so `padding` says nothing of it; leave it out")
        );
    }
    Ok(Found {
        graph: stored.graph,
        published: stored.published,
        name: stored.name,
        remarks: vec![format!("converted from: {}", stored.read_as)],
        notes: Vec::new(),
        preprocessing: stored.preprocessing,
        family: Default::default(),
    })
}

#[cfg(feature = "importers")]
fn open_onnx(path: &Path, options: &ModelOptions) -> Result<Found> {
    let imported = onnx::open(path, &import_options(options));
    found(imported).map_err(|problem| Error::file(path, problem))
}

/// The network in the bytes of an ONNX file.
#[cfg(feature = "importers")]
pub(super) fn of_onnx(description: &str, bytes: &[u8], options: &ModelOptions) -> Result<Found> {
    let imported = onnx::read(bytes, &import_options(options));
    found(imported).map_err(|problem| Error::file(description, problem))
}

#[cfg(feature = "importers")]
fn import_options(options: &ModelOptions) -> ImportOptions<'_> {
    ImportOptions {
        output: options.output.as_deref(),
    }
}

#[cfg(feature = "importers")]
fn found(imported: Result<Imported, String>) -> Result<Found, String> {
    let imported = imported?;
    Ok(Found {
        graph: imported.graph,
        published: imported.published,
        name: imported.name,
        remarks: imported.remarks,
        notes: Vec::new(),
        preprocessing: Default::default(),
        family: Default::default(),
    })
}
