//! Softmax over the channels of each pixel, with the largest logit subtracted first so that nothing overflows.
//! One thread per pixel.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the logits.
    pub input: View,
    /// Of the probabilities.
    pub output: View,
    /// Of both.
    pub extent: Extent,
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "softmax",
        entry_point: "softmax",
        reads: &["input"],
        writes: &["output"],
        halves: &["input", "output"],
        variants: only_variant!("softmax"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.extent.elements(); 2]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(Extent { c: 1, ..self.extent })
    }
}
