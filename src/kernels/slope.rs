//! Slope activation, `y = x` for `x ≥ 0` and `slope_c · x` below: ReLU (slope 0), LeakyReLU, PReLU (a slope
//! per channel). The convolutions do the same in their epilogue; this kernel is for where there is none.

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
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "slope",
        entry_point: "slope",
        reads: &["input", "slopes"],
        writes: &["output"],
        halves: &["input", "output"],
        variants: only_variant!("slope"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.extent.elements(), 0, self.extent.elements()]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.extent)
    }
}
