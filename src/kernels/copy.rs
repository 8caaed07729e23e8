//! Copies or adds one strided tensor to another: what a concatenation or a second use of a tensor needs
//! where it cannot be a view.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the input.
    pub input: View,
    /// Of the output.
    pub output: View,
    /// Of both.
    pub extent: Extent,
    /// 1: add to what `output` holds.
    pub accumulate: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "copy",
        entry_point: "copy",
        reads: &["input"],
        writes: &["output"],
        halves: &["input", "output"],
        variants: only_variant!("copy"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let elements = self.extent.elements();
        vec![elements, (1 + u64::from(self.accumulate)) * elements]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.extent)
    }
}
