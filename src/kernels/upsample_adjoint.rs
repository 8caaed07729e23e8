//! Adjoint of [`upsample`](super::upsample): each input pixel gathers, from the output pixels that it
//! contributed to, their gradient times its weight. A gather in a fixed order, so that repeats are
//! bit-identical.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the gradient of the resampled values.
    pub gradient: View,
    /// Of the gradient of the input.
    pub output: View,
    /// Of the input and its gradient.
    pub input_extent: Extent,
    /// Of the resampled values and their gradient.
    pub output_extent: Extent,
    /// As in [`upsample`](super::upsample).
    pub mode: u32,
    /// 1: add to what `output` holds.
    pub accumulate: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 2],
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "upsample_adjoint",
        entry_point: "upsample_adjoint",
        reads: &["gradient"],
        writes: &["output"],
        halves: &["gradient", "output"],
        variants: only_variant!("shared/resample", "upsample_adjoint"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let written = (1 + u64::from(self.accumulate)) * self.input_extent.elements();
        vec![self.output_extent.elements(), written]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.input_extent)
    }
}
