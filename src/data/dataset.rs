//! A data set: pairs of images and masks, all masks read alike.

use std::path::Path;

use rayon::prelude::*;

use super::image::read_photograph;
use super::input::InputOptions;
use super::input_masks::check_stored_size;
use super::mask::{Evidence, MaskOptions, MaskReading, common, evidence, read_mask_as};
use super::pairing::PairPaths;
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::tensor::Tensor;

/// A sample as networks are trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The image's file name without its ending.
    pub name: String,
    /// The prepared image: 1×3×H×W in \[0, 1\].
    pub image: Tensor,
    /// The class of each pixel of the prepared image: H×W.
    pub labels: LabelMap,
}

/// Samples with what was read of each.
#[derive(Clone, Debug, Default)]
pub struct ReadPairs {
    /// In the order of the pairs.
    pub samples: Vec<Sample>,
    /// What each image's file is, in the same order: size, format, bits, channels, turn.
    pub images: Vec<String>,
    /// What is likely a mistake, in one line each.
    pub notes: Vec<String>,
}

/// How all the masks of a data set are read. One mask alone may not tell: 0 and 255 are black and white, or
/// background and pixels to ignore where other masks have class indices and 255.
///
/// # Errors
/// If a mask cannot be read, their values fit no reading, or two masks contradict each other.
pub fn common_reading(pairs: &[PairPaths], classes: usize, options: &MaskOptions) -> Result<MaskReading> {
    let found: Vec<Result<Evidence>> = pairs
        .par_iter()
        .map(|pair| evidence(&pair.mask, classes, options))
        .collect();
    let found = found.into_iter().collect::<Result<Vec<Evidence>>>()?;
    let masks: Vec<(&Path, &Evidence)> = pairs.iter().map(|pair| pair.mask.as_path()).zip(&found).collect();
    common(&masks, classes, options)
}

/// The same of mask files of which some may be broken: those that cannot be decoded say nothing. Each file counts once.
///
/// # Errors
/// If the masks' values fit no reading, or two masks contradict each other.
pub fn common_reading_of(masks: &[&Path], classes: usize, options: &MaskOptions) -> Result<MaskReading> {
    let found: Vec<(&Path, Evidence)> = masks
        .par_iter()
        .filter_map(|&mask| Some((mask, evidence(mask, classes, options).ok()?)))
        .collect();
    let masks: Vec<(&Path, &Evidence)> = found.iter().map(|(path, evidence)| (*path, evidence)).collect();
    common(&masks, classes, options)
}

/// Reads all pairs for a network of `classes` classes, each image and its mask prepared alike. The samples
/// come in the order of the pairs and are all of one size. All masks are read as [`common_reading`] tells of the whole
/// data set.
///
/// # Errors
/// If a file cannot be read, a mask is not of its image's size or does not fit the classes, the preparation
/// does not work on an image, or prepared images differ in size. Of several bad files, the one that comes first
/// in `pairs` is told.
pub fn read_pairs(
    pairs: &[PairPaths],
    options: &InputOptions,
    classes: usize,
    reading: &MaskReading,
) -> Result<ReadPairs> {
    let read: Vec<Result<(Sample, String, Vec<String>)>> = pairs
        .par_iter()
        .map(|pair| read_pair(pair, options, classes, reading))
        .collect();
    let mut all = ReadPairs::default();
    for pair in read {
        let (sample, image, notes) = pair?;
        all.samples.push(sample);
        all.images.push(image);
        all.notes.extend(notes);
    }
    let Some((first, first_pair)) = all.samples.first().zip(pairs.first()) else {
        return Ok(all);
    };
    let wanted = first.image.shape();
    for (sample, pair) in all.samples.iter().zip(pairs) {
        let found = sample.image.shape();
        if found != wanted {
            return Err(Error::file(
                &pair.image,
                format!(
                    "is {}×{} pixels when prepared ({}), and {} is {}×{}; all images of a data set must come to one \
                     size: scale them with `resize=WIDTHxHEIGHT`",
                    found.w,
                    found.h,
                    options.preparation,
                    first_pair.image.display(),
                    wanted.w,
                    wanted.h
                ),
            ));
        }
    }
    Ok(all)
}

fn read_pair(
    pair: &PairPaths,
    options: &InputOptions,
    classes: usize,
    reading: &MaskReading,
) -> Result<(Sample, String, Vec<String>)> {
    let photograph = read_photograph(&pair.image, &options.image)?;
    let labels = read_mask_as(&pair.mask, classes, &options.mask, reading)?;
    let stored = photograph.image.shape();
    let image = format!("its image {}", pair.image.display());
    check_stored_size(&pair.mask, &labels, &image, [stored.h, stored.w])?;
    let image = options
        .preparation
        .apply_image(&photograph.image)
        .map_err(|cause| Error::file(&pair.image, cause))?;
    let shape = image.shape();
    let labels = options
        .preparation
        .apply_labels(&labels, shape.h, shape.w)
        .map_err(|cause| Error::file(&pair.mask, cause))?;
    let sample = Sample {
        name: pair.name.clone(),
        image,
        labels,
    };
    Ok((sample, photograph.description, photograph.notes))
}
