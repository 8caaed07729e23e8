//! Sums over the pixels of each channel: the gradients of what a layer has once per channel.
//!
//! | mode | summed | is the gradient of |
//! | --- | --- | --- |
//! | [`GRADIENT`] | `dy` | a bias, the shift of an affine |
//! | [`PRODUCT`] | `x · dy` | the scale of an affine; with `dy = x`, a squared norm |
//! | [`NEGATIVE_PRODUCT`] | `x · dy` where `x ≤ 0` | a learnt slope |
//!
//! The pixels of all samples are cut into chunks, each of which gives one partial sum of every channel;
//! [`sum_partials`](super::sum_partials) adds them up in a fixed order, so that a run can be repeated to the bit.

use super::{Extent, KernelParams, Variant, View, check_choice, kernel, samples, shader};

/// Sum the gradient.
pub const GRADIENT: u32 = 0;
/// Sum the product of input and gradient.
pub const PRODUCT: u32 = 1;
/// Sum that product where the input is not positive.
pub const NEGATIVE_PRODUCT: u32 = 2;

/// Most chunks that [`Params::chunked`] makes.
const MOST_CHUNKS: u32 = 256;
/// Pixels below which it makes no further chunks.
const FEWEST_PIXELS: u32 = 1024;

kernel! {
    "channel_sums", "channel_sums";
    parameters {
        /// Of the input; not read in mode [`GRADIENT`].
        input: View,
        /// Of the gradient.
        gradient: View,
        /// Of both.
        extent: Extent,
        /// [`GRADIENT`], [`PRODUCT`] or [`NEGATIVE_PRODUCT`].
        mode: u32,
        /// Pixels, counted through all samples, that one chunk sums.
        pixels_per_chunk: u32,
    }
    reads {
        input: Float, view(input, extent), when(|call| call.mode != GRADIENT);
        gradient: Float, view(gradient, extent);
    }
    writes {
        // [chunks][channels]
        partials: Float, first(|call| u64::from(call.chunks()) * u64::from(call.extent.c));
    }
}

impl Params {
    /// With chunks of a size that gives a GPU enough of them.
    pub fn chunked(input: View, gradient: View, extent: Extent, mode: u32) -> Params {
        Params {
            input,
            gradient,
            extent,
            mode,
            pixels_per_chunk: pixels_per_chunk(extent),
        }
    }

    /// Chunks, each of which gives a partial sum of every channel.
    pub fn chunks(&self) -> u32 {
        chunks(self.extent, self.pixels_per_chunk)
    }
}

/// Pixels of a chunk, for a number of chunks that is enough for a GPU and not too many to add up.
pub(super) fn pixels_per_chunk(extent: Extent) -> u32 {
    let pixels = extent.pixels().div_ceil(MOST_CHUNKS.into());
    u32::try_from(pixels).unwrap_or(u32::MAX).max(FEWEST_PIXELS)
}

/// Into how many chunks of so many pixels the pixels of all samples fall.
pub(super) fn chunks(extent: Extent, pixels_per_chunk: u32) -> u32 {
    u32::try_from(extent.pixels().div_ceil(pixels_per_chunk.max(1).into())).unwrap_or(u32::MAX)
}

/// A chunk of no pixels would never end.
pub(super) fn check_chunks(per_chunk: u32) -> Result<(), String> {
    match per_chunk {
        0 => Err("a chunk has nothing to sum".into()),
        _ => Ok(()),
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[
            Variant::<Params>::new("tree", shader!("shared/reduction", "channel_sums"), |call| {
                [call.chunks(), call.extent.c, 1]
            })
            .for_hardware(),
        ];

    fn check(&self) -> Result<(), String> {
        check_choice("mode", self.mode, NEGATIVE_PRODUCT)?;
        check_chunks(self.pixels_per_chunk)
    }

    fn samples() -> Vec<Params> {
        vec![Params::chunked(
            samples::view(),
            samples::view(),
            samples::extent(),
            PRODUCT,
        )]
    }
}
