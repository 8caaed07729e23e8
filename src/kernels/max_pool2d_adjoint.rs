//! Adjoint of max pooling: each input pixel gathers the gradient of those windows whose largest value it is.
//! Of equal values the first in row-major order has it, as in PyTorch. Recomputed from the input, so that no
//! index tensor is kept.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of what was pooled.
    pub input: View,
    /// Of the gradient of the pooled values.
    pub gradient: View,
    /// Of the gradient of the input.
    pub output: View,
    /// Of the input and its gradient.
    pub input_extent: Extent,
    /// Of the pooled values and their gradient.
    pub output_extent: Extent,
    /// Rows and columns of a window.
    pub kernel: [u32; 2],
    /// Distance between windows, rows and columns.
    pub stride: [u32; 2],
    /// Rows above and columns left of the image that windows may cover.
    pub padding: [u32; 2],
    /// 1: add to what `output` holds.
    pub accumulate: u32,
    /// 1: what was pooled are the values of a slope activation, whose adjoint follows: where they are not above 0, what
    /// `output` would hold is multiplied by `slope`.
    pub gated: u32,
    /// Of that activation.
    pub slope: f32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "max_pool2d_adjoint",
        entry_point: "max_pool2d_adjoint",
        reads: &["input", "gradient"],
        writes: &["output"],
        halves: &["input", "gradient", "output"],
        variants: only_variant!("max_pool2d_adjoint"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let input = self.input_extent.elements();
        let written = (1 + u64::from(self.accumulate)) * input;
        vec![input, self.output_extent.elements(), written]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.input_extent)
    }
}
