//! Synthetic photographs with exact ground truth: fundus photographs with the optic disc, dermoscopy images
//! with the lesion.
//!
//! Image `index` of a series depends on the [`SyntheticOptions`] and the index alone, bit for bit on every machine:
//! random numbers come from one small generator, and elementary functions from `libm` only, because those of
//! the standard library differ between platforms in the last bit.

mod artefacts;
mod canvas;
mod disc;
mod fundus;
mod jpeg;
mod lesion;
mod noise;
mod outline;
mod pigment;
mod random;
mod retina;
mod sensor;
mod stroke;
mod vessels;
mod view;

use std::fmt;
use std::str::FromStr;

use self::random::Random;
use super::image::round_to_8_bits;
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::tensor::Tensor;

/// Sides of a synthetic image that can be asked for, in pixels.
const SIDES: std::ops::RangeInclusive<usize> = 32..=2048;

/// What a synthetic image shows. Written `fundus` or `lesion`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntheticKind {
    /// A photograph of the back of the eye; the foreground is the optic disc.
    Fundus,
    /// A dermoscopy image of skin; the foreground is the pigmented lesion.
    Lesion,
}

/// Which endless series of synthetic images is meant.
#[derive(Clone, Copy, Debug)]
pub struct SyntheticOptions {
    /// What the images show.
    pub kind: SyntheticKind,
    /// Side of the square images in pixels, 32 to 2048.
    pub size: usize,
    /// Series of different seeds have nothing in common.
    pub seed: u64,
    /// Fundus only: the cup inside the disc is always drawn, and labelled as class 2.
    pub cup: bool,
}

impl SyntheticOptions {
    /// Checks that there is such a series.
    ///
    /// # Errors
    /// If the side is out of range, or a cup is wanted in another image than a fundus photograph.
    pub fn check(&self) -> Result<()> {
        if !SIDES.contains(&self.size) {
            return Err(Error::Usage(format!(
                "a synthetic image of {0}×{0} pixels was asked for; its side is {1} to {2} pixels",
                self.size,
                SIDES.start(),
                SIDES.end()
            )));
        }
        if self.cup && self.kind != SyntheticKind::Fundus {
            return Err(Error::Usage(format!(
                "a cup was asked for in a {} image; only fundus images have one",
                self.kind
            )));
        }
        Ok(())
    }

    /// How many classes the labels tell apart: background and foreground, and the cup if it is asked for.
    pub fn class_count(&self) -> usize {
        if self.cup { 3 } else { 2 }
    }
}

impl fmt::Display for SyntheticKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SyntheticKind::Fundus => "fundus",
            SyntheticKind::Lesion => "lesion",
        })
    }
}

impl FromStr for SyntheticKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "fundus" => Ok(SyntheticKind::Fundus),
            "lesion" => Ok(SyntheticKind::Lesion),
            _ => Err(Error::Usage(format!(
                "there are no synthetic images of the kind `{text}`; choose fundus or lesion"
            ))),
        }
    }
}

/// Image `index` of the endless series that `options` name: pixels in \[0, 1\] rounded to 8 bits, of shape
/// 1×3×size×size, and its labels, which know no blur and no noise. Class 1 is the disc or the lesion, class 2
/// the cup inside the disc where the options ask for it.
///
/// The same options and index give the same bits on every machine, in whatever order images are made.
///
/// # Errors
/// If the options name no series: see [`SyntheticOptions::check`].
pub fn generate(options: &SyntheticOptions, index: u64) -> Result<(Tensor, LabelMap)> {
    options.check()?;
    let (canvas, labels) = match options.kind {
        SyntheticKind::Fundus => {
            let random = Random::new(options.seed, index, 1);
            fundus::photograph(random, options.size, options.cup)
        }
        SyntheticKind::Lesion => {
            let random = Random::new(options.seed, index, 2);
            lesion::photograph(random, options.size)
        }
    };
    let labels = LabelMap::new(options.size, options.size, labels)?;
    Ok((round_to_8_bits(&canvas.into_tensor()?), labels))
}
