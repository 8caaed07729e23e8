//! Elementwise sum of two tensors of one shape.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the first summand.
    pub left: View,
    /// Of the second summand.
    pub right: View,
    /// Of the sum.
    pub output: View,
    /// Of all three.
    pub extent: Extent,
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "add",
        entry_point: "add",
        reads: &["left", "right"],
        writes: &["output"],
        halves: &["left", "right", "output"],
        variants: only_variant!("add"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.extent.elements(); 3]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.extent)
    }
}
