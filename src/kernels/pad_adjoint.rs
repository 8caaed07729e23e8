//! Adjoint of [`pad`](super::pad): each input pixel gathers the gradient of every place that shows it; for
//! `REPLICATE` the border's pixels too.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the gradient with the border.
    pub gradient: View,
    /// Of the gradient without it.
    pub output: View,
    /// Without the border.
    pub input_extent: Extent,
    /// With the border.
    pub output_extent: Extent,
    /// Rows of border above.
    pub top: u32,
    /// Columns of border to the left.
    pub left: u32,
    /// As in [`pad`](super::pad).
    pub mode: u32,
    /// 1: add to what `output` holds.
    pub accumulate: u32,
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "pad_adjoint",
        entry_point: "pad_adjoint",
        reads: &["gradient"],
        writes: &["output"],
        halves: &["gradient", "output"],
        variants: only_variant!("pad_adjoint"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let written = (1 + u64::from(self.accumulate)) * self.input_extent.elements();
        vec![self.output_extent.elements(), written]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.input_extent)
    }
}
