//! A border around each channel, of zeros (`ZERO`) or of the nearest pixel (`REPLICATE`).

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// The border is zero.
pub const ZERO: u32 = 0;
/// The border repeats the nearest pixel.
pub const REPLICATE: u32 = 1;

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
    /// Rows of border above.
    pub top: u32,
    /// Columns of border to the left.
    pub left: u32,
    /// [`ZERO`] or [`REPLICATE`].
    pub mode: u32,
    /// Fills the struct to 16 bytes.
    pub unused: u32,
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "pad",
        entry_point: "pad",
        reads: &["input"],
        writes: &["output"],
        halves: &["input", "output"],
        variants: only_variant!("pad"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.input_extent.elements(), self.output_extent.elements()]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.output_extent)
    }
}
