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

use super::{
    Extent, KernelParams, Variant, View, check_classes, check_parity, fold, kernel, samples, shader,
};

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

/// Counts of so many samples, both parities of each.
pub(super) fn counts_of_all(samples: u32, classes: u32) -> u64 {
    u64::from(samples).saturating_mul(2 * counts_length(classes as usize) as u64)
}

kernel! {
    "asma_step", "mask";
    parameters {
        /// Of the logits.
        logits: View,
        /// Of the seed gradient.
        seed: View,
        /// Of both.
        extent: Extent,
        /// Classes: the extent's channels, or 2 if there is only one.
        class_count: u32,
        /// What to do, of [`WRITE_SEED`], [`COUNT`], [`ADAPTIVE`] and [`MARGIN`].
        flags: u32,
        /// Which half of the counts this iteration adds to: the iteration's number modulo 2.
        parity: u32,
    }
    reads {
        logits: Float, view(logits, extent);
        // A label per pixel, [n][h][w].
        target: Word, first(|call| call.extent.pixels());
        // The CLASS_ bits of each class.
        classes: Word, first(|call| call.class_count.into());
    }
    writes {
        seed: Float, view(seed, extent), when(|call| call.flags & WRITE_SEED != 0);
        // [n][parity][counts_length]
        counts: Word, first(|call| counts_of_all(call.extent.n, call.class_count));
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "fused",
        shader!("shared/asma_scalars", "shared/asma_ledger", "asma_step"),
        |call| {
            let [x, y] = fold((call.extent.h * call.extent.w).div_ceil(WORKGROUP * PIXELS_PER_THREAD));
            [x, y, call.extent.n]
        },
    )
    .with_workgroup_memory()
    // Parameters that the shader also has as constants, see its head.
    .with_constants(|call| vec![("FLAGS", call.flags), ("CLASS_COUNT", call.class_count)])];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        check_classes(self.class_count, self.extent.c)
    }

    fn elements_moved(&self) -> Vec<u64> {
        let logits = self.extent.elements();
        let seed = match self.flags & WRITE_SEED {
            0 => 0,
            _ => logits,
        };
        vec![logits, self.extent.pixels(), 0, seed]
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 2,
            ..samples::extent()
        };
        let view = View::dense(extent.into());
        vec![Params {
            logits: view,
            seed: view,
            extent,
            class_count: 2,
            flags: WRITE_SEED | COUNT | ADAPTIVE,
            parity: 0,
        }]
    }
}
