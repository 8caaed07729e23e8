//! The class of each pixel: of the largest logit, of equal ones the first; with one channel 1 where the logit is above 0,
//! else 0. [`NO_CLASS`] where a logit is infinite or no number.
//!
//! Labels are bytes, 4 to a word, the first in the lowest bits; a sample begins with a word of its own, and what is left
//! of its last one is 0. One thread per word.

use super::{Extent, KernelParams, Variant, View, fold, kernel, samples, shader};

/// The label of a pixel whose logits are not all finite.
pub const NO_CLASS: u8 = 255;

/// Threads of a workgroup.
pub const WORKGROUP: u32 = 256;

kernel! {
    "prediction", "prediction";
    parameters {
        /// Of the logits.
        logits: View,
        /// Of the logits; at most 255 channels.
        extent: Extent,
    }
    reads {
        logits: Float, view(logits, extent);
    }
    writes {
        labels: Word, first(|call| Params::words(call.extent) as u64);
    }
}

impl Params {
    /// Words of one sample's labels.
    pub fn words_of_sample(extent: Extent) -> usize {
        (extent.h as usize * extent.w as usize).div_ceil(4)
    }

    /// Words of all samples' labels.
    pub fn words(extent: Extent) -> usize {
        (extent.n as usize).saturating_mul(Self::words_of_sample(extent))
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("prediction"), |call| {
            let [x, y] = fold((Params::words_of_sample(call.extent) as u32).div_ceil(WORKGROUP));
            [x, y, call.extent.n]
        })];

    fn check(&self) -> Result<(), String> {
        match self.extent.c {
            0..=255 => Ok(()),
            channels => Err(format!("{channels} channels of logits; want at most 255")),
        }
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            logits: samples::view(),
            extent: samples::extent(),
        }]
    }
}
