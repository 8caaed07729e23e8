//! Copies of chosen elements, `output[k] = source[indices[k]]`: how parameters that training changes come into
//! the layouts that the other kernels read (packed weights, pairs of bias and slope).

use bytemuck::{Pod, Zeroable};

use super::{Kernel, KernelParams, PIXELS_PER_WORKGROUP, Variant, fold, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Elements of `indices` and of `output`.
    pub length: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

impl KernelParams for Params {
    // `indices` are unsigned integers, each inside `source`.
    const KERNEL: Kernel = Kernel {
        name: "gather",
        entry_point: "gather",
        reads: &["source", "indices"],
        writes: &["output"],
        halves: &[],
        variants: only_variant!("gather"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![u64::from(self.length); 3]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        let [x, y] = fold(self.length.div_ceil(PIXELS_PER_WORKGROUP));
        [x, y, 1]
    }
}
