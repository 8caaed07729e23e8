//! The class of each pixel: of the largest logit, of equal ones the first; with one channel 1 where the logit is above 0,
//! else 0. [`NO_CLASS`] where a logit is infinite or no number.
//!
//! Labels are bytes, 4 to a word, the first in the lowest bits; a sample begins with a word of its own, and what is left
//! of its last one is 0.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, fold, shader};

/// The label of a pixel whose logits are not all finite.
pub const NO_CLASS: u8 = 255;

/// Threads of a workgroup, each of which writes a word.
pub const WORKGROUP: u32 = 256;

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the logits.
    pub logits: View,
    /// Of the logits.
    pub extent: Extent,
}

impl Params {
    /// Words of one sample's labels.
    pub fn words_of_sample(extent: Extent) -> usize {
        (extent.h * extent.w).div_ceil(4) as usize
    }

    /// Words of all samples' labels.
    pub fn words(extent: Extent) -> usize {
        extent.n as usize * Self::words_of_sample(extent)
    }
}

impl KernelParams for Params {
    // `labels` is [n][words of a sample], unsigned integers.
    const KERNEL: Kernel = Kernel {
        name: "prediction",
        entry_point: "prediction",
        reads: &["logits"],
        writes: &["labels"],
        halves: &[],
        variants: &[Variant::plain("plain", shader!("prediction"))],
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.extent.elements(), Self::words(self.extent) as u64]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        let [x, y] = fold((Self::words_of_sample(self.extent) as u32).div_ceil(WORKGROUP));
        [x, y, self.extent.n]
    }
}
