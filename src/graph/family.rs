//! Which family of networks a checkpoint holds.

use std::collections::BTreeSet;
use std::fmt;

use super::graph::Graph;
use super::simple_unet::{FAMILY, FAMILY_KEY, FIRST_TENSOR, Padding, SimpleUnet};
use crate::checkpoint::{Checkpoint, Selection};
use crate::error::{Error, Result};

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
    /// What was read, in one line: the family, what was taken off its tensors' names or left out, and how it pads.
    pub description: String,
    /// Whether the padding was neither in the file nor said, and is taken to be [`Padding::Valid`].
    pub padding_assumed: bool,
}

impl Model {
    /// Recognises the network in a checkpoint from its metadata, tensor names and shapes, and builds it.
    ///
    /// # Errors
    /// If no known family has these tensors, or one is missing, surplus, misshapen or not finite.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Model> {
        Model::with_padding(checkpoint, None)
    }

    /// Recognises the network as [`Model::from_checkpoint`] does; its 3×3 convolutions pad as `padding` says where the
    /// file does not say it.
    ///
    /// # Errors
    /// Those of [`Model::from_checkpoint`], and if the file says another padding.
    pub fn with_padding(checkpoint: &Checkpoint, padding: Option<Padding>) -> Result<Model> {
        let (family, selection) = recognise(checkpoint, padding)?;
        let graph = match &family {
            Family::SimpleUnet(unet) => unet.load(&selection.tensors)?,
        };
        let said = SimpleUnet::padding_of(checkpoint)?;
        let mut description = vec![format!("{family}, {} parameters", graph.parameter_count())];
        let stored: BTreeSet<String> = selection
            .tensors
            .entries()
            .map(|entry| entry.dtype.to_string())
            .collect();
        let stored = stored.into_iter().collect::<Vec<_>>().join(" and ");
        description.push(format!("stored as {stored}"));
        description.extend(Some(selection.describe()).filter(|text| !text.is_empty()));
        description.extend(match (said, padding) {
            (Some(_), _) => None,
            (None, Some(_)) => Some("padding as --padding says".to_string()),
            (None, None) => Some("padding assumed".to_string()),
        });
        description.push("pixels given as 0 to 1".into());
        Ok(Model {
            family,
            graph,
            description: description.join(", "),
            padding_assumed: said.is_none() && padding.is_none(),
        })
    }
}

impl Family {
    /// Recognises a checkpoint's family without reading its weights.
    ///
    /// # Errors
    /// If no known family has tensors of these names.
    pub fn recognise(checkpoint: &Checkpoint) -> Result<Family> {
        Ok(recognise(checkpoint, None)?.0)
    }
}

/// The family, and its tensors under their own names.
fn recognise(checkpoint: &Checkpoint, padding: Option<Padding>) -> Result<(Family, Selection)> {
    if let Some(family) = checkpoint.metadata().get(FAMILY_KEY)
        && family != FAMILY
    {
        return Err(checkpoint.error(format!(
            "its metadata names the family `{family}`, which this version does not know; want `{FAMILY}`"
        )));
    }
    let prefixes = checkpoint.prefixes_of(FIRST_TENSOR);
    let prefix = match &prefixes[..] {
        [] => return Err(unknown(checkpoint)),
        // Under its own names, whatever copies stand beside it.
        [first, ..] if first.is_empty() => first,
        [only] => only,
        [first, second, ..] => {
            return Err(checkpoint.error(format!(
                "holds a network several times, under `{first}`, `{second}`{}; save the one that is meant alone",
                if prefixes.len() > 2 { ", …" } else { "" }
            )));
        }
    };
    let all = checkpoint.select(prefix, |_| true);
    let Some(unet) = SimpleUnet::recognise(&all.tensors)? else {
        return Err(unknown(checkpoint));
    };
    let unet = match (SimpleUnet::padding_of(checkpoint)?, padding) {
        (Some(said), Some(asked)) if said != asked => {
            return Err(checkpoint.error(format!(
                "says that its convolutions pad `{said}`, so --padding {asked} is another network; leave --padding out"
            )));
        }
        (None, Some(padding)) => SimpleUnet { padding, ..unet },
        _ => unet,
    };
    let names: BTreeSet<String> = unet.tensors().into_iter().map(|(name, _)| name).collect();
    let selection = checkpoint.select(prefix, |name| names.contains(name));
    if let Some(stranger) = selection.strangers.first() {
        return Err(checkpoint.error(format!(
            "its network's tensors stand behind the prefix `{prefix}`, and {} beside them do not, such as `{stranger}`; \
             save the network's alone",
            selection.strangers.len()
        )));
    }
    Ok((Family::SimpleUnet(unet), selection))
}

fn unknown(checkpoint: &Checkpoint) -> Error {
    let names: Vec<&str> = checkpoint.names().take(4).collect();
    let found = match names.is_empty() {
        true => "found none".to_string(),
        false => format!("found {}, …", names.join(", ")),
    };
    checkpoint.error(format!(
        "no known network has these tensors ({found}); want a SimpleUnet with tensors `{FIRST_TENSOR}` to \
         `conv_final.bias`, all of them behind one prefix or none"
    ))
}
