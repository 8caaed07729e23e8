//! Which family of networks a checkpoint holds.

use std::fmt;

use super::graph::Graph;
use super::simple_unet::{FAMILY, FAMILY_KEY, SimpleUnet};
use crate::checkpoint::Checkpoint;
use crate::error::Result;

/// A member of a known family.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// The ASMA authors' network.
    SimpleUnet(SimpleUnet),
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Family::SimpleUnet(unet) => unet.fmt(f),
        }
    }
}

/// A network with its weights and what family it is of.
#[derive(Clone, Debug)]
pub struct Model {
    /// What was recognised.
    pub family: Family,
    /// The network.
    pub graph: Graph,
}

impl Model {
    /// Recognises the network in a checkpoint from its metadata, tensor names and shapes, and builds it.
    ///
    /// # Errors
    /// If no known family has these tensors, or one is missing, surplus, misshapen or not finite.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Model> {
        let family = Family::recognise(checkpoint)?;
        let graph = match &family {
            Family::SimpleUnet(unet) => unet.load(checkpoint)?,
        };
        Ok(Model { family, graph })
    }
}

impl Family {
    /// Recognises a checkpoint's family without reading its weights.
    ///
    /// # Errors
    /// If no known family has tensors of these names.
    pub fn recognise(checkpoint: &Checkpoint) -> Result<Family> {
        if let Some(family) = checkpoint.metadata().get(FAMILY_KEY)
            && family != FAMILY
        {
            return Err(checkpoint.error(format!(
                "its metadata names the family `{family}`, which this version does not know; want `{FAMILY}`"
            )));
        }
        if let Some(unet) = SimpleUnet::recognise(checkpoint)? {
            return Ok(Family::SimpleUnet(unet));
        }
        let mut names: Vec<&str> = checkpoint.names().take(4).collect();
        if names.is_empty() {
            names.push("none");
        }
        Err(checkpoint.error(format!(
            "no known network has these tensors (found {}, …); want a SimpleUnet with tensors `conv1_block.0.weight` to `conv_final.bias`",
            names.join(", ")
        )))
    }
}
