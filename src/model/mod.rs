//! What a user brings: a network and what is known of it, read from whatever file it stands in.

mod families;

use std::collections::BTreeMap;
use std::path::Path;

pub use families::simple_unet::{Padding, SimpleUnet};

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::graph::Graph;

/// A network with its weights and what is known of it.
#[derive(Clone, Debug)]
pub struct Model {
    /// The network. Its output is the logits.
    pub graph: Graph,
    /// What it is, in a few words: the family with its widths, or the format.
    pub name: String,
    /// What was read, in one line: the name, what was taken off its tensors' names or left out, how it pads.
    pub description: String,
    /// Channels of the output: as many classes, or two if it is one.
    pub outputs: usize,
    /// What is likely a mistake or had to be assumed, in one line each.
    pub notes: Vec<String>,
    /// What weights of this network have to say beside their tensors, so that it is recognised for certain.
    pub metadata: BTreeMap<String, String>,
}

/// What the user says of a network that its file may not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelOptions {
    /// What 3×3 convolutions do at the border.
    pub padding: Option<Padding>,
}

impl Model {
    /// Reads a network from a file of any known format.
    ///
    /// # Errors
    /// If the file cannot be read, is of no known format, or holds no network that is known.
    pub fn open(path: impl AsRef<Path>, options: &ModelOptions) -> Result<Model> {
        families::read(&Checkpoint::open(path)?, options)
    }

    /// Recognises the network in a checkpoint from its metadata, tensor names and shapes, and builds it.
    ///
    /// # Errors
    /// If no known family has these tensors, or one is missing, surplus, misshapen or not finite.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Model> {
        families::read(checkpoint, &ModelOptions::default())
    }

    /// Recognises the network as [`Model::from_checkpoint`] does, with what `options` say where the file does not say
    /// it.
    ///
    /// # Errors
    /// Those of [`Model::from_checkpoint`], and if the file says otherwise.
    pub fn with_options(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<Model> {
        families::read(checkpoint, options)
    }

    /// How many classes it tells apart: one output channel stands for two.
    pub fn classes(&self) -> usize {
        self.outputs.max(2)
    }
}
