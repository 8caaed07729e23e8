//! Adds up the partial sums that the chunks of a long sum gave, in the order of the chunks:
//! `output[offset + i] = Σ_chunk partials[chunk · length + i]`.

use bytemuck::{Pod, Zeroable};

use super::{Kernel, KernelParams, PIXELS_PER_WORKGROUP, Variant, fold, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Sums.
    pub length: u32,
    /// Terms of each.
    pub chunks: u32,
    /// Index of the first sum in `output`.
    pub offset: u32,
    /// 1: add to what `output` holds.
    pub accumulate: u32,
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "sum_partials",
        entry_point: "sum_partials",
        reads: &["partials"],
        writes: &["output"],
        halves: &[],
        variants: only_variant!("sum_partials"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let length = u64::from(self.length);
        vec![u64::from(self.chunks) * length, (1 + u64::from(self.accumulate)) * length]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        let [x, y] = fold(self.length.div_ceil(PIXELS_PER_WORKGROUP));
        [x, y, 1]
    }
}
