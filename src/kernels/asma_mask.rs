//! The first half of the ASMA step (`shaders/asma_step.wgsl`, entry point `mask`): one pass over the output
//! pixels that takes logits and target to the predicted class, the adaptive mask, the seed gradient
//! `dJ/dlogits` and the integer counts behind IoU and pixel accuracy.
//!
//! For pixel `p` with target class `Y_p = c` in the attacked classes, `seed[c, p] = 1` where the prediction
//! `M_p = argmax_k g_k` is not yet `c` (everywhere, with a static mask), 0 for all else. With [`MARGIN`] the
//! objective is `g_c − max_{k≠c} g_k` there instead of `g_c`, so the class of that maximum has the seed −1. Of
//! equal logits the first wins. A label of 255, or any that is no class, is left out of seed and counts. A
//! network with one output channel `z` stands for two classes with logits `(−z, z)`: its seed is −1 or 1, with
//! [`MARGIN`] −2 or 2.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, fold, shader};

/// Write the seed gradient.
pub const WRITE_SEED: u32 = 1;
/// Add to the counts.
pub const COUNT: u32 = 2;
/// Seed only where the prediction is not yet the target.
pub const ADAPTIVE: u32 = 4;
/// Seed the largest of the other logits too, with −1.
pub const MARGIN: u32 = 8;

/// In `classes`: the class is attacked.
pub const CLASS_ATTACKED: u32 = 1;
/// In `classes`: the class's IoU goes into the mean.
pub const CLASS_AVERAGED: u32 = 2;

/// A target label that is left out of the loss and of every statistic.
pub const IGNORE: u32 = 255;

/// Threads of a workgroup.
pub const WORKGROUP: u32 = 256;
/// Pixels that one thread handles, [`WORKGROUP`] apart.
pub const PIXELS_PER_THREAD: u32 = 16;

/// Counts of one sample and one parity: for each class in turn the pixels in both target and prediction, in
/// the target, in the prediction; then, once, correct pixels and counted pixels.
pub const fn counts_length(classes: usize) -> usize {
    3 * classes + 2
}

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the logits.
    pub logits: View,
    /// Of the seed gradient.
    pub seed: View,
    /// Of both.
    pub extent: Extent,
    /// Classes: the extent's channels, or 2 if there is only one.
    pub class_count: u32,
    /// What to do, of [`WRITE_SEED`], [`COUNT`], [`ADAPTIVE`] and [`MARGIN`].
    pub flags: u32,
    /// Which half of the counts this iteration adds to: the iteration's number modulo 2.
    pub parity: u32,
    /// Fills the struct to 16 bytes.
    pub unused: u32,
}

impl KernelParams for Params {
    // `target` holds a label per pixel, [n][h][w]; `classes` the CLASS_ bits of each class;
    // `counts` is [n][parity][counts_length]. All of these are unsigned integers.
    const KERNEL: Kernel = Kernel {
        name: "asma_step",
        entry_point: "mask",
        reads: &["logits", "target", "classes"],
        writes: &["seed", "counts"],
        halves: &[],
        variants: &[Variant::plain("fused", shader!("shared/asma_scalars", "shared/asma_ledger", "asma_step")).with_workgroup_memory()],
    };

    fn elements_moved(&self) -> Vec<u64> {
        let logits = self.extent.elements();
        let seed = match self.flags & WRITE_SEED {
            0 => 0,
            _ => logits,
        };
        vec![logits, self.extent.pixels(), 0, seed]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        let [x, y] = fold((self.extent.h * self.extent.w).div_ceil(WORKGROUP * PIXELS_PER_THREAD));
        [x, y, self.extent.n]
    }

    // Parameters that the shader also has as constants, see its head.
    fn constants(&self, _: &Variant) -> Vec<(&'static str, u32)> {
        vec![("FLAGS", self.flags), ("CLASS_COUNT", self.class_count)]
    }
}
