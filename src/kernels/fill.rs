//! One value everywhere: what a gradient begins with that only a window is written of.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the output.
    pub output: View,
    /// Of the output.
    pub extent: Extent,
    /// What to write.
    pub value: f32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "fill",
        entry_point: "fill",
        reads: &[],
        writes: &["output"],
        halves: &["output"],
        variants: only_variant!("fill"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.extent.elements()]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.extent)
    }
}
