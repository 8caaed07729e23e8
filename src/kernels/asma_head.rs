//! The first half of the ASMA step together with the network's last convolution, of 1 × 1 with stride 1 and without
//! activation, and the adjoints of that and of the activation before it: one pass from features and target to logits,
//! counts and the features' gradient. The seed gradient never stands in memory, and four launches become one.
//!
//! For each output pixel:
//! - `logits_c = bias_c + Σ_i weight[i, c] · feature_i`, which are written;
//! - prediction, seed and counts of them as [`asma_mask`](super::asma_mask) has it, flags included;
//! - with [`WRITE_SEED`]: `gradient_i = Σ_c weight[i, c] · seed_c`, times `slope` where
//!   `feature_i` is not positive.

use bytemuck::{Pod, Zeroable};

use super::asma_mask::{COUNT, WORKGROUP, WRITE_SEED};
use super::{Extent, Kernel, KernelParams, Variant, View, fold, shader};

/// Most channels of logits: a thread holds those of its pixel.
pub const MOST_CHANNELS: u32 = 8;

/// Pixels that one thread handles, [`WORKGROUP`] apart.
pub const PIXELS_PER_THREAD: u32 = 2;

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the features.
    pub features: View,
    /// Of the logits.
    pub logits: View,
    /// Of the features' gradient.
    pub gradient: View,
    /// Of the logits; at most [`MOST_CHANNELS`] channels.
    pub extent: Extent,
    /// Channels of the features.
    pub feature_count: u32,
    /// Out channels in `weight`, a multiple of [`CHANNEL_BLOCK`](super::conv2d::CHANNEL_BLOCK).
    pub padded_out_channels: u32,
    /// Classes: the extent's channels, or 2 if there is only one.
    pub class_count: u32,
    /// What to do, as [`asma_mask`](super::asma_mask) has it.
    pub flags: u32,
    /// Which half of the counts this iteration adds to: the iteration's number modulo 2.
    pub parity: u32,
    /// Slope below 0 of the activation that the features come from; 1 if they come from none.
    pub slope: f32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 2],
}

impl KernelParams for Params {
    // `weight` is [features][padded out channels] and `epilogue` bias and slope of each padded out channel, as in
    // `conv2d`; `target`, `classes` and `counts` are as in `asma_mask`.
    const KERNEL: Kernel = Kernel {
        name: "asma_head",
        entry_point: "head",
        reads: &["features", "weight", "epilogue", "target", "classes"],
        writes: &["gradient", "counts", "logits"],
        halves: &["features", "weight", "gradient"],
        variants: &[Variant::plain("fused", shader!("shared/asma_scalars", "shared/asma_ledger", "asma_step", "asma_head")).with_workgroup_memory()],
    };

    fn elements_moved(&self) -> Vec<u64> {
        // The features are read once where a thread can hold them, and their gradient is written.
        let features = u64::from(self.feature_count) * self.extent.pixels();
        let weight = u64::from(self.feature_count) * u64::from(self.padded_out_channels);
        let gradient = if self.flags & WRITE_SEED == 0 { 0 } else { features };
        let labels = u64::from(self.flags & (WRITE_SEED | COUNT) != 0) * self.extent.pixels();
        vec![features, weight, 0, labels, 0, gradient, 0, self.extent.elements()]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        let [x, y] = fold((self.extent.h * self.extent.w).div_ceil(WORKGROUP * PIXELS_PER_THREAD));
        [x, y, self.extent.n]
    }

    fn constants(&self, _: &Variant) -> Vec<(&'static str, u32)> {
        vec![
            ("FLAGS", self.flags),
            ("CLASS_COUNT", self.class_count),
            ("CHANNELS", self.extent.c),
        ]
    }

    fn flops(&self) -> u64 {
        let passes = if self.flags & WRITE_SEED == 0 { 1 } else { 2 };
        2 * passes * u64::from(self.feature_count) * self.extent.elements()
    }
}
