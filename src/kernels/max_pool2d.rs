//! Max pooling: the largest value in each window; places outside the image count as −∞.

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
    /// Of the input.
    pub input_extent: Extent,
    /// Of the output.
    pub output_extent: Extent,
    /// Rows and columns of a window.
    pub kernel: [u32; 2],
    /// Distance between windows, rows and columns.
    pub stride: [u32; 2],
    /// Rows above and columns left of the image that windows may cover.
    pub padding: [u32; 2],
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 2],
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "max_pool2d",
        entry_point: "max_pool2d",
        reads: &["input"],
        writes: &["output"],
        halves: &["input", "output"],
        variants: only_variant!("max_pool2d"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.input_extent.elements(), self.output_extent.elements()]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.output_extent)
    }
}
