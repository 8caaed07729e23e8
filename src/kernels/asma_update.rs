//! The second half of the ASMA step (`shaders/asma_update.wgsl`): one pass over the input
//! pixels that takes the network's gradient, the adversarial image `Xₙ`, the source `X` and the counts to
//! the multiplier `αₙ`, the gradient of the `L2` term, the step, the clip, `Xₙ₊₁` in place, and partial sums
//! for `L2 = ‖X − Xₙ₊₁‖₂` and `L∞`.
//!
//! A call does what its flags say:
//! - `STEP`: `Xₙ₊₁ = Xₙ + αₙ (∇ + 2λ (X − Xₙ))`, clipped to [0, 1] if `CLIP` is set too, and partial sums of
//!   what was written;
//! - `CLIP` alone: the image is only clipped;
//! - `SETTLE`: row n of the trace is written from the counts and the partial sums, the state moves on to the
//!   next iteration, stopping rules are applied (before the step), and the image is kept as the best one if
//!   its IoU is the highest so far (after the clip).
//!
//! The one-forward schedule is one call `SETTLE | STEP | CLIP` an iteration. The two-forward schedule is a
//! call `STEP`, a forward pass on the unclipped image, and a call `SETTLE | CLIP`.
//!
//! Every workgroup works out the same multiplier and decisions from the counts and the state of parity n;
//! only the first one of a sample writes row and state, to parity n+1, so nothing races and nothing needs
//! another dispatch or the host. Whoever settles also zeroes the counts of the other parity for the next
//! iteration.
//!
//! # Rules
//! - IoU: the mean over the averaged classes that target or prediction has of `both / (target + predicted − both)`, 1 if
//!   there is none. Pixel accuracy: `correct / counted`, 1 if nothing was counted.
//! - Multiplier of the step: τ with `STATIC_MULTIPLIER`; with `MULTIPLIER_FROM_COUNTS` τ at iteration 0 and
//!   `β·IoU + τ` after it; else the state's, which begins as τ. The row holds this one. A settlement leaves
//!   `β·IoU + τ` (τ with `STATIC_MULTIPLIER`) in the state of the next parity.
//! - Partial sums: a step writes those of what it wrote to half `1 − parity` if it settles too, else to half
//!   `parity`. A settlement reads half `parity`. A call with `CLIP` and without `STEP` writes to half `1 − parity`,
//!   for each workgroup, 1 if the clip changed a value of it, else 0, and then 0: what decides whether the next
//!   iteration's first forward pass can be left out.
//! - Row n goes to row `n mod ring_rows` of the ring.
//! - Best: an IoU above the best so far makes iteration n the best, and `best` becomes the image: as it was
//!   before the step if the call has `STEP`, else after the clip.
//! - With `CAPPED`, a stepped value is no further from the source than `CAP`, before any clip.
//! - With `HOLD`, which needs `SETTLE` and `STEP`: where L2 is more than `LEAP` above that of the last settlement, the step
//!   before overshot and is taken back: the image becomes the mean of itself and `best`, which costs no gradient, no step
//!   is taken, the row's multiplier is 0 and the scale shrinks by `SHRINK`. Else, where the last rise is more than
//!   `STAGNATION` iterations old, the scale grows by `GROWTH + GROWTH_WITH_IOU · best IoU`; it
//!   stays within `SCALES` and multiplies the step's multiplier. A rise is a highest IoU that makes up for `LEAST_RISE`
//!   of what the last rise's lacked of 1: many small ones are no reason to go on with small steps. The step also gives up the
//!   share `PULL` of the distance to the source; with a scale above `PULLED_SCALE`, as where an image is hard to move, so
//!   many times less as that is above it, but at least `LEAST_PULL` of that share. An image
//!   taken back is neither best nor does it reach anything, and of images with equal IoUs the latest is the best.
//! - With `REFINE`, which needs `HOLD`: the first image whose IoU is at least `STOP_IOU` does not stop the sample but begins
//!   its refinement, in which the perturbation shrinks. The best is now the image of the least L2 whose IoU is at least
//!   `STOP_IOU`. Where the IoU is that, the scale shrinks by `REFINING_SHRINK` and the pull, which begins at
//!   `FIRST_REFINING_PULL`, grows by `PULL_GROWTH`; where it is not, they grow by `REFINING_GROWTH` and shrink by
//!   `PULL_SHRINK`, the pull within `REFINING_PULLS`. A leap is not looked for; instead, after every `MOST_ASTRAY`
//!   iterations without that IoU, the image is taken back as above, the scale left as it is. Progress is then a least L2 that lies by `LEAST_FALL` of itself below that of the last progress.
//! - A step looks at its gradient, and at what comes out before cap and clip. Where either is infinite or no number,
//!   `NOT_FINITE` becomes the iteration + 1, unless it was set before.
//! - Stopping, after that, without `REFINE`: `REACHED` if the IoU is at least `STOP_IOU`. With it: `REACHED` once
//!   such an image has an L2 of at most `FLOOR`; or, in a refinement, once it has as many iterations as
//!   `REFINING_LIMIT` says, or if that is 0 as came before it, or without progress for `REFINING_PATIENCE`. Else, and
//!   not in a refinement, `NO_PROGRESS` if `PATIENCE` is above 0 and the last iteration with a new highest IoU is at
//!   least that far back. The iteration settled still counts as one.
//! - A stop that this very settlement decides already keeps a call with `STEP` from touching the image; its
//!   partial sums are then those of the image as it stays. Without `STEP` the clip is still done.
//! - A sample that had stopped before is left as it is, no row, no image, and the partial sums of a `STEP` are
//!   those of the image as it stays; a settlement only copies its state
//!   to the other parity and zeroes that parity's counts.
//! - A pixel whose `region` is 0 is neither stepped nor clipped; it still counts in the partial sums.
//!
//! # The ledger
//! As [`ledger`] has it: partial sums are L2² and L∞ of each workgroup in turn, and a row of the trace has, after
//! the five words of all, the multiplier (a float), 1 for a row that was written, and 0.

use super::ledger::{self, counts_length, image_groups, words};
use super::objective::{check_counts, counts_of_all};
use super::{Constants, Extent, KernelParams, Variant, check_parity, fold, kernel, samples, shader};

/// Take the step.
pub const STEP: u32 = 1;
/// Clip to [0, 1].
pub const CLIP: u32 = 2;
/// Write the trace's row and move the state on.
pub const SETTLE: u32 = 4;
/// Keep the multiplier at τ.
pub const STATIC_MULTIPLIER: u32 = 8;
/// The multiplier of this step comes from the counts of the same iteration (one-forward), rather than from
/// the state that the last settlement left (two-forward).
pub const MULTIPLIER_FROM_COUNTS: u32 = 16;
/// Pixels whose `region` is 0 do not change.
pub const REGION: u32 = 32;
/// No value is stepped further from the source than the ledger's [`CAP`].
pub const CAPPED: u32 = 64;
/// A step that overshot is taken back. Only in calls with [`SETTLE`] and [`STEP`].
pub const HOLD: u32 = 128;
/// Once the IoU asked for is reached, the perturbation shrinks as long as it stays reached. Only in calls with [`HOLD`].
pub const REFINE: u32 = 256;

/// With [`HOLD`], what is left of the step's scale where one was taken back.
pub const SHRINK: f32 = 0.5;
/// With [`HOLD`], the share of what the IoU of the last rise lacks of 1 that the next one must have more.
pub const LEAST_RISE: f32 = 0.05;
/// With [`HOLD`], the iterations without a rise after which the scale grows.
pub const STAGNATION: u32 = 4;
/// With [`HOLD`], what it then grows by in each at a best IoU of 0.
pub const GROWTH: f32 = 1.02;
/// With [`HOLD`], what a best IoU of 1 adds to that: where target and prediction have little in common, large steps lead
/// astray.
pub const GROWTH_WITH_IOU: f32 = 0.04;
/// With [`HOLD`], the least and the largest scale.
pub const SCALES: [f32; 2] = [1.0 / 32.0, 64.0];

/// With [`HOLD`], the scale above which a step gives up less of the distance to the source: what an image that is hard to move
/// gained should last until it is enough.
pub const PULLED_SCALE: f32 = 4.0;
/// With [`HOLD`], the least part of the ledger's [`PULL`] that is given up.
pub const LEAST_PULL: f32 = 0.4;

/// With [`REFINE`], the pull that a refinement begins with.
pub const FIRST_REFINING_PULL: f32 = 0.01;
/// With [`REFINE`], what the pull grows by where the IoU stays reached.
pub const PULL_GROWTH: f32 = 1.2;
/// With [`REFINE`], what is left of the pull where it does not.
pub const PULL_SHRINK: f32 = 0.85;
/// With [`REFINE`], the least and the largest pull.
pub const REFINING_PULLS: [f32; 2] = [0.002, 0.02];
/// With [`REFINE`], the share by which L2 has to fall to be progress.
pub const LEAST_FALL: f32 = 0.01;
/// With [`REFINE`], the iterations without progress that end a refinement.
pub const REFINING_PATIENCE: u32 = 100;
/// With [`REFINE`], what is left of the step's scale where the IoU stays reached.
pub const REFINING_SHRINK: f32 = 0.95;
/// With [`REFINE`], what the scale grows by where it does not.
pub const REFINING_GROWTH: f32 = 1.02;
/// With [`REFINE`], the iterations without the IoU asked for after which the image goes back towards the best one.
pub const MOST_ASTRAY: u32 = 8;

pub use super::ledger::{
    HEADER, NO_PROGRESS, NOT_FINITE, REACHED, ROW_LENGTH, RUNNING, STATE, STATE_BEST_ITERATION,
    STATE_ITERATION, STATE_LENGTH, STATE_REACHED, STATE_STOPPED,
};

words! {
    /// What the ledger has of ASMA: the words of its header, and of a state.
    LEDGER {
        /// Word of τ (float).
        TAU = 0;
        /// Word of β (float).
        BETA = 1;
        /// Word of the IoU at which to stop (float; above 1: never).
        STOP_IOU = 2;
        /// Word of the iterations without a new best IoU after which to stop (0: never).
        PATIENCE = 3;
        /// Word of the most that a value may differ from the source's (float), read with [`CAPPED`].
        CAP = 4;
        /// Word of the most that L2 may grow by a step (float), read with [`HOLD`].
        LEAP = 5;
        /// Word of the share of the distance to the source that a step gives up at most (float), read
        /// with [`HOLD`].
        PULL = 7;
        /// Word of the L2 of a perturbation that is small enough (float), read with [`REFINE`].
        FLOOR = 8;
        /// Word of the iterations of a refinement at most (0: as many as it took to reach the IoU), read with [`REFINE`].
        REFINING_LIMIT = 9;
        /// In a state: best IoU so far (float, −1 before the first).
        STATE_BEST_IOU = 2;
        /// In a state: multiplier of the next step (float).
        STATE_MULTIPLIER = 4;
        /// In a state: what [`HOLD`] multiplies the multiplier by (float).
        STATE_SCALE = 5;
        /// In a state: the last iteration whose IoU was above all before it, or in a refinement whose L2 was below; above all
        /// iterations: the one to come.
        STATE_PROGRESS = 6;
        /// In a state: L2 of the last settled image (float).
        STATE_L2 = 7;
        /// In a state: the pull of the last refining step (float).
        STATE_PULL = 9;
        /// In a state: L2 of the best image of a refinement (float).
        STATE_BEST_L2 = 10;
        /// In a state: L2 at the last progress of a refinement (float).
        STATE_PROGRESS_L2 = 11;
        /// In a state: the last iteration whose IoU was the one asked for.
        STATE_KEPT = 12;
        /// In a state: the iteration of the last rise; above all iterations: the one to come.
        STATE_RISE = 13;
        /// In a state: the IoU of the last rise (float, 0 before the first).
        STATE_RISE_IOU = 14;
    }
}

kernel! {
    "asma_update", "update";
    parameters {
        /// Of the images and the gradient, all dense.
        extent: Extent,
        /// Classes in the counts.
        class_count: u32,
        /// What to do, of the constants above.
        flags: u32,
        /// The iteration's number modulo 2.
        parity: u32,
        /// λ, the weight of `‖X − Xₙ‖²`.
        lambda: f32,
        /// Rows of the trace that the ring holds; at least 1.
        ring_rows: u32,
        /// Words of the ledger for one sample.
        ledger_length: u32,
        /// Words of one half of a sample's counts.
        counts_length: u32,
    }
    reads {
        gradient: Float, first(|call| call.extent.elements());
        source: Float, first(|call| call.extent.elements());
        // 0 or 1 per pixel, [n][h][w].
        region: Word, first(|call| call.extent.pixels()), when(|call| call.flags & REGION != 0);
        // As in `objective`.
        settings: Word, first(|call| call.class_count.into());
    }
    writes {
        adversarial: Float, first(|call| call.extent.elements()), also_read(|_| true);
        best: Float, first(|call| call.extent.elements()), also_read(|call| call.flags & HOLD != 0);
        counts: Word, first(|call| counts_of_all(call.extent.n, call.counts_length));
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length));
    }
}

impl Params {
    /// Words of the ledger for one sample.
    pub fn ledger_length(extent: Extent, ring_rows: usize) -> usize {
        Self::ring_start(extent) + ring_rows * ROW_LENGTH
    }

    /// First word of the ring in a sample's ledger.
    pub fn ring_start(extent: Extent) -> usize {
        HEADER + 4 * image_groups(extent) as usize
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new(
            "scalars",
            shader!(
                "shared/counts",
                "shared/scalars",
                "shared/ledger",
                "shared/asma_ledger",
                "asma_update"
            ),
            Params::grid,
        )
        .for_hardware()
        .with_constants(Params::constants),
        // Loads and stores 4 values at once. A vector is of one sample, and with a region, which is of pixels, of one
        // channel.
        Variant::<Params>::new(
            "vectors",
            shader!(
                "shared/counts",
                "shared/vectors",
                "shared/ledger",
                "shared/asma_ledger",
                "asma_update"
            ),
            Params::grid,
        )
        .for_hardware()
        .for_calls(|call, _| {
            let Extent { c, h, w, .. } = call.extent;
            (c * h * w).is_multiple_of(4) && (call.flags & REGION == 0 || (h * w).is_multiple_of(4))
        })
        .with_constants(Params::constants),
    ];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        if !(1..=255).contains(&self.class_count) {
            return Err(format!("{} classes; want 1 to 255", self.class_count));
        }
        check_counts(self.extent, self.class_count, 0, self.counts_length)?;
        let least = Params::ledger_length(self.extent, self.ring_rows as usize);
        ledger::check_length(self.ledger_length, least, self.ring_rows)
    }

    fn elements_moved(&self) -> Vec<u64> {
        // Source and image are read, the image is written; a step reads the gradient too.
        let image = self.extent.elements();
        let gradient = if self.flags & STEP == 0 { 0 } else { image };
        let region = match self.flags & REGION {
            0 => 0,
            _ => self.extent.pixels(),
        };
        vec![gradient, image, region, 0, 2 * image]
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.extent;
        format!("asma_update of {n}x{c}x{h}x{w}, flags {}", self.flags)
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 3,
            ..samples::large_extent()
        };
        vec![Params {
            extent,
            class_count: 2,
            flags: SETTLE | STEP | CLIP | MULTIPLIER_FROM_COUNTS,
            parity: 0,
            lambda: 1.0,
            ring_rows: 64,
            ledger_length: Params::ledger_length(extent, 64) as u32,
            counts_length: counts_length(2) as u32,
        }]
    }
}

impl Params {
    fn grid(&self) -> [u32; 3] {
        let [x, y] = fold(image_groups(self.extent));
        [x, y, self.extent.n]
    }

    // Parameters that the shader also has as constants, see its head.
    fn constants(&self) -> Constants {
        let mut constants = vec![
            ("FLAGS", self.flags),
            ("CLASS_COUNT", self.class_count),
            ("RUNNING", RUNNING),
            ("REACHED", REACHED),
            ("NO_PROGRESS", NO_PROGRESS),
        ];
        constants.extend_from_slice(ledger::LEDGER);
        constants.extend_from_slice(LEDGER);
        constants
    }
}
