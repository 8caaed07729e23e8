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

use bytemuck::{Pod, Zeroable};

use super::channel_sums::{chunks, pixels_per_chunk};
use super::{Extent, Kernel, KernelParams, Variant, View, shader};

/// Sums for each class.
pub const TERMS: usize = 5;

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the logits.
    pub logits: View,
    /// Of the logits; its channels are the classes.
    pub extent: Extent,
    /// Pixels, counted through all samples, that one chunk sums.
    pub pixels_per_chunk: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

impl Params {
    /// With chunks of a size that gives a GPU enough of them.
    pub fn chunked(logits: View, extent: Extent) -> Params {
        Params {
            logits,
            extent,
            pixels_per_chunk: pixels_per_chunk(extent),
            unused: [0; 3],
        }
    }

    /// Chunks, each of which gives a partial sum of every term.
    pub fn chunks(&self) -> u32 {
        chunks(self.extent, self.pixels_per_chunk)
    }
}

impl KernelParams for Params {
    // `labels` are unsigned integers, [n][h][w]; `class_weights` one number for each class; `partials` is
    // [chunks][classes][TERMS].
    const KERNEL: Kernel = Kernel {
        name: "loss_sums",
        entry_point: "loss_sums",
        reads: &["logits", "labels", "class_weights"],
        writes: &["partials"],
        halves: &[],
        variants: &[Variant::plain("tree", shader!("shared/reduction", "loss_sums")).with_workgroup_memory()],
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.extent.elements(), self.extent.pixels()]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        [self.chunks(), self.extent.c, 1]
    }
}
