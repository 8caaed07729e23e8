//! The logistic function `1/(1+e^(−x))`, computed from `e^(−|x|)` so that nothing overflows.

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
        name: "sigmoid",
        entry_point: "sigmoid",
        reads: &["input"],
        writes: &["output"],
        halves: &["input", "output"],
        variants: only_variant!("sigmoid"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.extent.elements(); 2]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.extent)
    }
}
