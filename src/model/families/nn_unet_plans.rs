//! What nnU-Net's `plans.json` says of a network: how images are normalised, and the strides that the tensors must have. It
//! stands beside the weights, or beside the folder of the fold that they lie in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::model::Preprocessing;

#[derive(serde::Deserialize)]
struct File {
    #[serde(default)]
    configurations: BTreeMap<String, Configuration>,
    #[serde(default)]
    foreground_intensity_properties_per_channel: BTreeMap<String, Intensities>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Configuration {
    normalization_schemes: Vec<String>,
    architecture: Option<Architecture>,
    /// Of plans before architectures were named in them.
    pool_op_kernel_sizes: Option<Vec<Vec<usize>>>,
}

#[derive(serde::Deserialize)]
struct Architecture {
    #[serde(default)]
    arch_kwargs: Arguments,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Arguments {
    strides: Option<Vec<Vec<usize>>>,
}

/// Of the values in the foreground of all training images.
#[derive(Clone, Copy, serde::Deserialize)]
struct Intensities {
    mean: f32,
    std: f32,
    percentile_00_5: f32,
    percentile_99_5: f32,
}

/// What follows from the plans for the network of some tensors.
pub(super) struct Plans {
    /// What pixels become first, where it is the same for all images.
    pub preprocessing: Option<Preprocessing>,
    /// What was read, and what the user has to say.
    pub remarks: Vec<String>,
    pub notes: Vec<String>,
}

/// The plans of the network whose stages have these strides, if there are any.
pub(super) fn read(tensors: &Checkpoint, strides: &[[usize; 2]]) -> Result<Option<Plans>> {
    let Some((path, text)) = find(tensors) else {
        return Ok(None);
    };
    let file: File = serde_json::from_str(&text)
        .map_err(|error| Error::file(&path, format!("cannot be read as nnU-Net's plans: {error}")))?;
    let Some(configuration) = file.configurations.get("2d") else {
        let found: Vec<&str> = file.configurations.keys().map(String::as_str).collect();
        return Err(Error::file(
            &path,
            format!(
                "has no configuration 2d, which networks for images are of; it has: {}",
                found.join(", ")
            ),
        ));
    };
    let planned = configuration
        .architecture
        .as_ref()
        .and_then(|architecture| architecture.arch_kwargs.strides.as_ref())
        .or(configuration.pool_op_kernel_sizes.as_ref());
    if let Some(planned) = planned
        && !planned
            .iter()
            .map(Vec::as_slice)
            .eq(strides.iter().map(<[usize; 2]>::as_slice))
    {
        return Err(Error::file(
            &path,
            format!(
                "plans stages of the strides {planned:?}, and the tensors have {strides:?}; give the plans that the network was \
                 trained by"
            ),
        ));
    }
    let mut plans = Plans {
        preprocessing: None,
        remarks: vec![format!("{} read", path.display())],
        notes: Vec::new(),
    };
    let schemes = &configuration.normalization_schemes;
    let all = |name: &str| !schemes.is_empty() && schemes.iter().all(|scheme| scheme == name);
    if all("CTNormalization") {
        plans.preprocessing = Some(of_counts(
            &path,
            &file.foreground_intensity_properties_per_channel,
            schemes.len(),
        )?);
    } else if all("RGBTo01Normalization") {
        plans.preprocessing = Some(Preprocessing::default());
    } else {
        plans.notes.push(format!(
            "nnU-Net normalises each image by itself here ({}), which is no part of the network; say `mean` and `std` of yours, or \
             `bounds`",
            schemes.join(", ")
        ));
    }
    Ok(Some(plans))
}

/// The first of the places where the plans may lie.
fn find(tensors: &Checkpoint) -> Option<(PathBuf, String)> {
    let folder = tensors.path()?.parent()?;
    let places = [Some(folder), folder.parent()];
    places.into_iter().flatten().find_map(|folder| {
        let path = folder.join("plans.json");
        std::fs::read_to_string(&path).ok().map(|text| (path, text))
    })
}

/// Values clipped to percentiles of the foreground, less its mean, over its deviation: as all channels are given in the
/// same bounds, those must agree.
fn of_counts(
    path: &std::path::Path,
    intensities: &BTreeMap<String, Intensities>,
    channels: usize,
) -> Result<Preprocessing> {
    let of_channels = (0..channels).map(|channel| {
        intensities.get(&channel.to_string()).copied().ok_or_else(|| {
            Error::file(
                path,
                format!(
                    "normalises {channels} channels by their intensities, and has none of channel {channel}"
                ),
            )
        })
    });
    let of_channels = of_channels.collect::<Result<Vec<Intensities>>>()?;
    let bounds: Vec<[f32; 2]> = of_channels
        .iter()
        .map(|channel| [channel.percentile_00_5, channel.percentile_99_5])
        .collect();
    match bounds.first() {
        Some(&first) if bounds.iter().all(|bounds| *bounds == first) && first[0] < first[1] => {
            Ok(Preprocessing {
                bounds: first,
                mean: of_channels.iter().map(|channel| channel.mean).collect(),
                std: of_channels.iter().map(|channel| channel.std.max(1e-8)).collect(),
                ..Preprocessing::default()
            })
        }
        _ => Err(Error::file(
            path,
            format!(
                "clips the channels to {bounds:?}; one pair of bounds for all is read; say `bounds`, `mean` and `std` for images \
                 prepared alike"
            ),
        )),
    }
}
