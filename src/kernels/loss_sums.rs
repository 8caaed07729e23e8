//! What the training loss is made of, summed over pixels: softmax cross-entropy with class weights, and the
//! overlaps of soft Dice. With `p = softmax(z)`, label `Y` and class weight `w`, for each class `c` over the
//! pixels that are not ignored:
//!
//! | term | sum |
//! | --- | --- |
//! | 0 | `w_c · (−ln p_c)` where `Y = c` |
//! | 1 | `w_c` where `Y = c` |
//! | 2 | `p_c` where `Y = c` |
//! | 3 | `p_c` |
//! | 4 | 1 where `Y = c` |
//!
//! The cross-entropy is `Σ_c term 0 / Σ_c term 1` (as PyTorch's with class weights); the Dice coefficient of
//! class `c` is `(2 · term 2 + s) / (term 3 + term 4 + s)`, of the batch as a whole.
//! [`loss_gradient`](super::loss_gradient) is the adjoint of both.
//!
//! A label that is no class, such as 255, is left out of every sum.

use super::channel_sums::{check_chunks, chunks, pixels_per_chunk};
use super::{Extent, KernelParams, Variant, View, kernel, product, samples, shader};

/// Sums for each class.
pub const TERMS: usize = 5;

kernel! {
    "loss_sums", "loss_sums";
    parameters {
        /// Of the logits.
        logits: View,
        /// Of the logits; its channels are the classes.
        extent: Extent,
        /// Pixels, counted through all samples, that one chunk sums.
        pixels_per_chunk: u32,
    }
    reads {
        logits: Float, view(logits, extent);
        // [n][h][w]
        labels: Word, first(|call| call.extent.pixels());
        // One for each class.
        class_weights: Float, first(|call| call.extent.c.into());
    }
    writes {
        // [chunks][classes][TERMS]
        partials: Float, first(|call| {
            product(&[call.chunks(), call.extent.c, TERMS as u32])
        });
    }
}

impl Params {
    /// With chunks of a size that gives a GPU enough of them.
    pub fn chunked(logits: View, extent: Extent) -> Params {
        Params {
            logits,
            extent,
            pixels_per_chunk: pixels_per_chunk(extent),
        }
    }

    /// Chunks, each of which gives a partial sum of every term.
    pub fn chunks(&self) -> u32 {
        chunks(self.extent, self.pixels_per_chunk)
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[
            Variant::<Params>::new("tree", shader!("shared/reduction", "loss_sums"), |call| {
                [call.chunks(), call.extent.c, 1]
            })
            .for_hardware(),
        ];

    fn check(&self) -> Result<(), String> {
        check_chunks(self.pixels_per_chunk)
    }

    fn samples() -> Vec<Params> {
        vec![Params::chunked(samples::view(), samples::extent())]
    }
}
