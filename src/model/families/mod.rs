//! Networks that are recognised by the names of their tensors.

pub(super) mod simple_unet;

use std::collections::BTreeSet;

use super::{Found, ModelOptions};
use crate::checkpoint::{Checkpoint, Selection};
use crate::error::{Error, Result};
use simple_unet::{FAMILY, FAMILY_KEY, FIRST_TENSOR, SimpleUnet};

/// Recognises the network in a checkpoint, and builds it.
///
/// # Errors
/// If no known family has these tensors, or one is missing, surplus, misshapen or not finite.
pub(super) fn read(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<Found> {
    let (unet, selection) = recognise(checkpoint, options)?;
    let graph = unet.load(&selection.tensors)?;
    let said = SimpleUnet::padding_of(checkpoint)?;
    let stored: BTreeSet<String> = selection
        .tensors
        .entries()
        .map(|entry| entry.dtype.to_string())
        .collect();
    let stored = stored.into_iter().collect::<Vec<_>>().join(" and ");
    let mut remarks = vec![format!("stored as {stored}")];
    remarks.extend(Some(selection.describe()).filter(|text| !text.is_empty()));
    let mut notes = Vec::new();
    match (said, options.padding) {
        (Some(_), _) => {}
        (None, Some(_)) => remarks.push("padding as --padding says".into()),
        (None, None) => {
            remarks.push("padding assumed".into());
            notes.push(format!(
                "{} does not say how its 3×3 convolutions pad; `valid` is assumed, whose output is smaller than its \
                 input. Say --padding same if they were built with padding=1, or --padding valid",
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

/// The member of a family, and its tensors under their own names.
fn recognise(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<(SimpleUnet, Selection)> {
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
    let unet = match (SimpleUnet::padding_of(checkpoint)?, options.padding) {
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
    Ok((unet, selection))
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
