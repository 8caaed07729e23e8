//! The penalties of ALMA-prox: one pass over the output pixels that moves the multipliers of each pixel and writes the
//! gradient of the loss by the logits.
//!
//! With the ratio of [`alma_constraints`](super::alma_constraints), a pixel's constraint is `c = w · ratio`. Its penalty,
//! with a multiplier μ and a parameter ρ of the pixel, is
//!
//! ```text
//! P(c)  = μ c + μ ρ c² + ρ² c³/6       where c ≥ 0,   μ c/(1 − max(ρ, 1) c)   elsewhere
//! P′(c) = μ + 2 μ ρ c + ρ² c²/2        where c ≥ 0,   μ/(1 − max(ρ, 1) c)²    elsewhere
//! ```
//!
//! What is published (adv_lib, alma_prox.py) takes `μ c` for the first term of the derivative where c ≥ 0, so that a
//! pixel that is about to turn is let go; [`PUBLISHED`] does so too.
//!
//! # Rules, of iteration i
//! - w: that of the state divided by 1.02 if the image at hand is a success, else by 0.98, within its bounds; see
//!   [`minimal_settle`](super::minimal_settle).
//! - Left out are the pixels whose ratio is above the k-th largest, that [`select`](super::select) found: the k − 1
//!   largest.
//! - ρ begins as [`FIRST_PARAMETER`]. At every [`CHECK_EVERY`]-th iteration it doubles where the pixel was not
//!   adversarial at any iteration since the last time, and c (0 if left out) is not at most [`IMPROVEMENT`] times what it
//!   was then, or at the first iteration. It stays below [`MOST_PARAMETER`].
//! - μ begins as 1; from the second iteration on it becomes `0.8 μ + 0.2 P′(c)`, with 0 for P′ where the pixel is left
//!   out, within [`MULTIPLIERS_WITHIN`].
//! - The seed is the gradient of `Σ P(c)` over the pixels that are not left out: the attack descends.
//! - Slopes stay below [`MOST_SLOPE`], so that nothing is infinite at any gap of logits.
//!
//! # The multipliers
//! Per sample four planes of a float for each pixel: μ, ρ, c at the last check, and 1 if the pixel was adversarial since
//! then, else 0.

use super::minimal_settle::{SEED_GROUP, counts_of_all, ledger_constants, seed_groups, sums_of_all};
use super::select::LENGTH;
use super::{
    Extent, KernelParams, Variant, View, check_classes, check_parity, fold, kernel, samples, shader,
};

pub use super::alma_constraints::TARGETED;

/// The derivative as it is published.
pub const PUBLISHED: u32 = 2;

/// Iterations between looks at the penalties.
pub const CHECK_EVERY: u32 = 10;
/// What share of a constraint must be left, where it is above 0, for its penalty not to grow.
pub const IMPROVEMENT: f32 = 0.95;
/// ρ at first.
pub const FIRST_PARAMETER: f32 = 0.01;
/// The largest ρ.
pub const MOST_PARAMETER: f32 = 1e13;
/// The least and the largest μ.
pub const MULTIPLIERS_WITHIN: [f32; 2] = [1e-12, 1.0];
/// The largest slope of a penalty.
pub const MOST_SLOPE: f32 = 1e20;
/// The largest penalty.
pub const MOST_LOSS: f32 = 1e30;

/// Planes of the multipliers.
pub const PLANES: usize = 4;

kernel! {
    "alma_seed", "penalise";
    parameters {
        /// Of the logits.
        logits: View,
        /// Of the seed.
        seed: View,
        /// Of both.
        extent: Extent,
        /// Classes: the extent's channels, or 2 if there is only one.
        class_count: u32,
        /// [`TARGETED`] and [`PUBLISHED`].
        flags: u32,
        /// The iteration's number modulo 2.
        parity: u32,
        /// Words of the ledger for one sample.
        ledger_length: u32,
    }
    reads {
        logits: Float, view(logits, extent);
        // A label per pixel, [n][h][w].
        labels: Word, first(|call| call.extent.pixels());
        // Of the image at hand, [n][parity][counts_length].
        counts: Word, first(|call| counts_of_all(call.extent.n, call.class_count));
        // Of the ratios, see `select`.
        selection: Word, first(|call| u64::from(call.extent.n) * LENGTH as u64);
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length));
    }
    writes {
        seed: Float, view(seed, extent);
        // [n][PLANES][h][w]
        multipliers: Float, first(|call| call.extent.pixels().saturating_mul(PLANES as u64)), also_read(|_| true);
        // As in `minimal_settle`.
        sums: Float, first(|call| sums_of_all(call.extent));
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "fused",
        shader!(
            "shared/minimal_ledger",
            "shared/selection",
            "shared/ranked_classes",
            "shared/logit_ratio",
            "alma_seed"
        ),
        |call| {
            let [x, y] = fold(seed_groups(call.extent));
            [x, y, call.extent.n]
        },
    )
    .for_hardware()
    .with_constants(|call| ledger_constants(&[("FLAGS", call.flags), ("CLASS_COUNT", call.class_count)]))];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        super::check_choice("flags", self.flags, TARGETED | PUBLISHED)?;
        super::minimal_settle::check_state(self.ledger_length)?;
        check_classes(self.class_count, self.extent.c)
    }

    fn elements_moved(&self) -> Vec<u64> {
        let (pixels, logits) = (self.extent.pixels(), self.extent.elements());
        vec![logits, pixels, 0, 0, 0, logits, 2 * PLANES as u64 * pixels, 0]
    }

    fn samples() -> Vec<Params> {
        let sample = |channels, flags| {
            let extent = Extent {
                c: channels,
                ..samples::extent()
            };
            Params {
                logits: View::dense(extent.into()),
                seed: View::dense(extent.into()),
                extent,
                class_count: channels.max(2),
                flags,
                parity: 0,
                ledger_length: 64,
            }
        };
        vec![
            sample(2, 0),
            sample(5, 0),
            sample(5, TARGETED),
            sample(5, TARGETED | PUBLISHED),
        ]
    }
}

// What one workgroup of 256 threads with 4 pixels each handles.
const _: () = assert!(SEED_GROUP == 1024);
