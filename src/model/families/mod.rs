//! Networks that are recognised by the names of their tensors. A family more is its file and a line in the list.

mod layers;
mod mateuszbuda;
mod milesial;
mod monai_basic_unet;
mod monai_unet;
mod nn_unet;
mod nn_unet_plans;
pub(super) mod simple_unet;
mod smp_unet;

use std::collections::BTreeSet;

use super::{Found, ModelOptions, Preprocessing};
use crate::checkpoint::{Checkpoint, EXPORT_LINES, Selection};
use crate::error::{Error, Result};
use crate::graph::NodeId;
use layers::Layers;
use simple_unet::{FAMILY, FAMILY_KEY, FIRST_TENSOR, SimpleUnet};

/// A family that has nothing to say but its tensors.
struct Family {
    name: &'static str,
    /// A tensor that every member has, by its own name.
    mark: &'static str,
    /// What names of tensors that a member may have and does not use contain.
    harmless: &'static [&'static str],
    build: for<'c> fn(&'c Checkpoint) -> Result<Built<'c>>,
}

const FAMILIES: [Family; 8] = [
    milesial::FAMILY,
    mateuszbuda::FAMILY,
    monai_basic_unet::FAMILY,
    monai_unet::FAMILY,
    monai_unet::PLAIN,
    smp_unet::FAMILY,
    nn_unet::PLAIN,
    nn_unet::RESIDUAL,
];

/// A member of a family, built.
struct Built<'c> {
    layers: Layers<'c>,
    logits: NodeId,
    /// What it gives where it was trained.
    published: NodeId,
    /// Which member it is.
    member: String,
    remarks: Vec<String>,
    notes: Vec<String>,
    preprocessing: Preprocessing,
}

impl<'c> Built<'c> {
    fn new(layers: Layers<'c>, logits: NodeId, member: String) -> Self {
        Built {
            layers,
            logits,
            published: logits,
            member,
            remarks: Vec::new(),
            notes: Vec::new(),
            preprocessing: Preprocessing::default(),
        }
    }
}

/// Recognises the network in a checkpoint, and builds it.
///
/// # Errors
/// If no known family has these tensors, or one is missing, surplus, misshapen or not finite.
pub(super) fn read(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<Found> {
    if let Some(family) = checkpoint.metadata().get(FAMILY_KEY)
        && family != FAMILY
    {
        return Err(checkpoint.error(format!(
            "its metadata names the family `{family}`, which this version does not know; want `{FAMILY}`"
        )));
    }
    if !checkpoint.prefixes_of(FIRST_TENSOR).is_empty() {
        return read_simple_unet(checkpoint, options);
    }
    let aliased = checkpoint.with_aliases();
    let family = FAMILIES
        .iter()
        .find(|family| !aliased.prefixes_of(family.mark).is_empty());
    let Some(family) = family else {
        return Err(unknown(checkpoint));
    };
    if let Some(padding) = options.padding {
        return Err(checkpoint.error(format!(
            "holds a {}, which says itself how it pads; leave `padding={padding}` out",
            family.name
        )));
    }
    let selection = aliased.select(&prefix(&aliased, family.mark)?, |name| !is_harmless(family, name));
    let built = (family.build)(&selection.tensors)?;
    let (harmless, surplus): (Vec<String>, Vec<String>) = built
        .layers
        .unused()
        .into_iter()
        .partition(|name| is_harmless(family, name));
    if let Some(name) = surplus.first() {
        return Err(checkpoint.error(format!(
            "has the tensor `{name}`{}, which is no part of a {}; it is another network: {EXPORT_LINES}",
            match surplus.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            },
            family.name
        )));
    }
    let mut remarks = vec![stored_as(&selection)];
    remarks.extend(Some(selection.describe()).filter(|text| !text.is_empty()));
    if !harmless.is_empty() {
        remarks.push(format!(
            "left out {} tensors that are not used, such as `{}`",
            harmless.len(),
            harmless[0]
        ));
    }
    if !selection.strangers.is_empty() {
        remarks.push(format!(
            "left out {} tensors beside the network, such as `{}`",
            selection.strangers.len(),
            selection.strangers[0]
        ));
    }
    remarks.extend(built.remarks);
    let mut graph = built.layers.graph;
    graph.set_output(built.logits)?;
    let channels = graph.input_channels();
    Ok(Found {
        name: format!("{}, {}, {channels} channels in", family.name, built.member),
        graph,
        published: built.published,
        remarks,
        notes: built.notes,
        preprocessing: built.preprocessing,
        family: Default::default(),
    })
}

/// Whether a tensor may be there without being used: counters of norms, and what the family names.
fn is_harmless(family: &Family, name: &str) -> bool {
    name.ends_with("num_batches_tracked") || family.harmless.iter().any(|part| name.contains(part))
}

fn stored_as(selection: &Selection) -> String {
    let stored: BTreeSet<String> = selection
        .tensors
        .entries()
        .map(|entry| entry.dtype.to_string())
        .collect();
    format!(
        "stored as {}",
        stored.into_iter().collect::<Vec<_>>().join(" and ")
    )
}

/// What stands before every name of the network's tensors.
fn prefix(checkpoint: &Checkpoint, mark: &str) -> Result<String> {
    let prefixes = checkpoint.prefixes_of(mark);
    match &prefixes[..] {
        [] => Err(unknown(checkpoint)),
        // Under its own names, whatever copies stand beside it.
        [first, rest @ ..] if first.is_empty() || rest.iter().all(|other| other.starts_with(first)) => {
            Ok(first.clone())
        }
        [first, second, ..] => Err(checkpoint.error(format!(
            "holds a network several times, under `{first}`, `{second}`{}; save the one that is meant alone",
            if prefixes.len() > 2 { ", …" } else { "" }
        ))),
        [only] => Ok(only.clone()),
    }
}

fn read_simple_unet(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<Found> {
    let (unet, selection) = recognise_simple_unet(checkpoint, options)?;
    let graph = unet.load(&selection.tensors)?;
    let said = SimpleUnet::padding_of(checkpoint)?;
    let mut remarks = vec![stored_as(&selection)];
    remarks.extend(Some(selection.describe()).filter(|text| !text.is_empty()));
    let mut notes = Vec::new();
    match (said, options.padding) {
        (Some(_), _) => {}
        (None, Some(_)) => remarks.push("padding as was said".into()),
        (None, None) => {
            remarks.push("padding assumed".into());
            notes.push(format!(
                "{} does not say how its 3×3 convolutions pad; `valid` is assumed, whose output is smaller than its \
                 input. Say `padding=same` if they were built with padding=1 in torch, or `padding=valid`",
                checkpoint.describe()
            ));
        }
    }
    Ok(Found {
        remarks,
        notes,
        ..unet.found(graph)
    })
}

/// The member of the family, and its tensors under their own names.
fn recognise_simple_unet(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<(SimpleUnet, Selection)> {
    let prefix = prefix(checkpoint, FIRST_TENSOR)?;
    let all = checkpoint.select(&prefix, |_| true);
    let Some(unet) = SimpleUnet::recognise(&all.tensors)? else {
        return Err(unknown(checkpoint));
    };
    let unet = match (SimpleUnet::padding_of(checkpoint)?, options.padding) {
        (Some(said), Some(asked)) if said != asked => {
            return Err(checkpoint.error(format!(
                "says that its convolutions pad `{said}`, so `padding={asked}` is another network; leave it out"
            )));
        }
        (None, Some(padding)) => SimpleUnet { padding, ..unet },
        _ => unet,
    };
    let names: BTreeSet<String> = unet.tensors().into_iter().map(|(name, _)| name).collect();
    let selection = checkpoint.select(&prefix, |name| names.contains(name));
    if let Some(stranger) = selection.strangers.first() {
        return Err(checkpoint.error(format!(
            "its network's tensors stand behind the prefix `{prefix}`, and {} beside them do not, such as `{stranger}`; \
             save the network's alone",
            selection.strangers.len()
        )));
    }
    Ok((unet, selection))
}

fn unknown(checkpoint: &Checkpoint) -> Error {
    let names: Vec<&str> = checkpoint.names().take(4).collect();
    let found = match names.is_empty() {
        true => "found none".to_string(),
        false => format!("found {}, …", names.join(", ")),
    };
    let known: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    checkpoint.error(format!(
        "no known network has these tensors ({found}); known are SimpleUnet, {}. Of any other network, {EXPORT_LINES}",
        known.join(", ")
    ))
}
