//! Where a job's network, image and masks come from: files, or what is in memory already.

use std::borrow::Cow;
use std::path::Path;

use super::listener::{Listener, tell};
use crate::data::{Input, InputOptions, Mask, file_of};
use crate::error::Result;
use crate::graph::Graph;
use crate::labels::LabelMap;
use crate::model::{Model, ModelOptions};
use crate::tensor::Tensor;

/// Where the network comes from.
#[derive(Clone, Copy, Debug)]
pub enum ModelSource<'a> {
    /// From a file of any known format.
    File {
        /// The file.
        path: &'a Path,
        /// What it may not say of itself.
        options: &'a ModelOptions,
    },
    /// It was read before.
    Loaded {
        /// What it is called.
        name: &'a str,
        /// It.
        model: &'a Model,
    },
}

impl<'a> ModelSource<'a> {
    /// The network. What was read is said of a file alone.
    ///
    /// # Errors
    /// Those of [`Model::open`].
    pub fn open(self, listener: &mut dyn Listener) -> Result<Cow<'a, Model>> {
        match self {
            ModelSource::Loaded { model, .. } => Ok(Cow::Borrowed(model)),
            ModelSource::File { path, options } => {
                let model = Model::open(path, options)?;
                let line = format!("model: {}: {}", path.display(), model.description());
                tell(listener, &[line], &model.notes);
                Ok(Cow::Owned(model))
            }
        }
    }

    /// The file, or what it is called.
    pub fn name(self) -> String {
        match self {
            ModelSource::File { path, .. } => path.display().to_string(),
            ModelSource::Loaded { name, .. } => name.into(),
        }
    }

    /// The file that it stands in, if it comes from one.
    pub fn file(self) -> Option<&'a Path> {
        match self {
            ModelSource::File { path, .. } => Some(path),
            ModelSource::Loaded { .. } => None,
        }
    }
}

/// Where an image comes from.
#[derive(Clone, Copy, Debug)]
pub enum ImageSource<'a> {
    /// From a file, or from a tensor in one, see [`TensorAddress`](crate::data::TensorAddress).
    File(&'a Path),
    /// From the content of an image file.
    Bytes {
        /// What the file is called.
        name: &'a str,
        /// All that stands in it.
        bytes: &'a [u8],
    },
    /// It is in memory, and prepared as one from a file is.
    Memory {
        /// What it is called.
        name: &'a str,
        /// It: 1×C×H×W in \[0, 1\], with as many channels as the network takes.
        image: &'a Tensor,
    },
}

impl<'a> ImageSource<'a> {
    /// The image, prepared for the network.
    ///
    /// # Errors
    /// Those of [`InputOptions::read`] and [`InputOptions::prepare`].
    pub fn read(self, options: &InputOptions, graph: &Graph, listener: &mut dyn Listener) -> Result<Input> {
        let input = match self {
            ImageSource::File(path) => options.read(path, graph)?,
            ImageSource::Bytes { name, bytes } => options.read_bytes(name, bytes, graph)?,
            ImageSource::Memory { name, image } => options.prepare(name, image, graph)?,
        };
        tell(listener, &input.description, &input.notes);
        Ok(input)
    }

    /// The file, or what it is called.
    pub fn name(self) -> String {
        match self {
            ImageSource::File(path) => path.display().to_string(),
            ImageSource::Bytes { name, .. } | ImageSource::Memory { name, .. } => name.into(),
        }
    }

    /// The file that it stands in, if it comes from one.
    pub fn file(self) -> Option<&'a Path> {
        match self {
            ImageSource::File(path) => Some(file_of(path)),
            ImageSource::Bytes { .. } | ImageSource::Memory { .. } => None,
        }
    }
}

/// Where a mask comes from.
#[derive(Clone, Copy, Debug)]
pub enum MaskSource<'a> {
    /// From a file, or from a tensor in one, see [`TensorAddress`](crate::data::TensorAddress).
    File(&'a Path),
    /// It is in memory, of the size that the image has before it is prepared, and prepared as the image is; a target may
    /// have the size of the network's output already.
    Memory {
        /// What it is called.
        name: &'a str,
        /// The class of each pixel.
        labels: &'a LabelMap,
    },
}

impl<'a> MaskSource<'a> {
    /// The pixels of `input` that may change: 1 where they may, else 0.
    ///
    /// # Errors
    /// Those of [`InputOptions::read_region`] and [`InputOptions::prepare_region`].
    pub fn read_region(
        self,
        options: &InputOptions,
        input: &Input,
        listener: &mut dyn Listener,
    ) -> Result<LabelMap> {
        let region = match self {
            MaskSource::File(path) => options.read_region(path, input)?,
            MaskSource::Memory { name, labels } => options.prepare_region(name, labels, input)?,
        };
        Ok(told("region", region, listener))
    }

    /// The labels of `input` that the network is to leave: as a target's, but all of them may be background.
    ///
    /// # Errors
    /// Those of [`InputOptions::read_label`] and [`InputOptions::prepare_label`].
    pub fn read_label(
        self,
        options: &InputOptions,
        input: &Input,
        listener: &mut dyn Listener,
    ) -> Result<LabelMap> {
        let label = match self {
            MaskSource::File(path) => options.read_label(path, input)?,
            MaskSource::Memory { name, labels } => options.prepare_label(name, labels, input)?,
        };
        Ok(told("label", label, listener))
    }

    /// The labels that the network shall predict for `input`.
    ///
    /// # Errors
    /// Those of [`InputOptions::read_target`] and [`InputOptions::prepare_target`].
    pub fn read_target(
        self,
        options: &InputOptions,
        input: &Input,
        listener: &mut dyn Listener,
    ) -> Result<LabelMap> {
        let target = match self {
            MaskSource::File(path) => options.read_target(path, input)?,
            MaskSource::Memory { name, labels } => options.prepare_target(name, labels, input)?,
        };
        Ok(told("target", target, listener))
    }

    /// The file, or what it is called.
    pub fn name(self) -> String {
        match self {
            MaskSource::File(path) => path.display().to_string(),
            MaskSource::Memory { name, .. } => name.into(),
        }
    }

    /// The file that it stands in, if it comes from one.
    pub fn file(self) -> Option<&'a Path> {
        match self {
            MaskSource::File(path) => Some(file_of(path)),
            MaskSource::Memory { .. } => None,
        }
    }
}

/// The labels of a mask, of which is said how it was read.
fn told(role: &str, mask: Mask, listener: &mut dyn Listener) -> LabelMap {
    tell(listener, &[format!("{role}: {}", mask.description)], &[]);
    mask.labels
}
