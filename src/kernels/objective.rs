//! What an attack raises at each pixel of the output: one pass that takes logits and labels to the predicted class, the seed
//! of the gradient `dJ/dlogits`, the integer counts behind IoU and pixel accuracy, and the loss. What the buffers hold besides
//! is laid out in [`ledger`](super::ledger).
//!
//! With `z` the logits of a pixel, `y` its label, `M` the class of the largest logit (of equal ones the first), `p = softmax z`
//! and `r` the class of the largest logit other than `y`'s, the seed is the derivative of `J` by each `z_k` where the label is an
//! attacked class, 0 elsewhere:
//!
//! | objective | J | seed |
//! | --- | --- | --- |
//! | [`LOGIT`] | `z_y` | `[k=y]` |
//! | [`MARGIN`] | `z_y − z_r` (Carlini and Wagner, arXiv 1608.04644, f₆) | `[k=y] − [k=r]` |
//! | [`CROSS_ENTROPY`] | `−ln p_y` | `p_k − [k=y]` |
//! | [`SEG_PGD`] | `w · −ln p_y`, `w = 1 − λ` where `M = y` (targeted: where it is not), else λ (arXiv 2207.12391) | `w (p_k − [k=y])` |
//! | [`COS_PGD`] | the same with `w = p_y / ‖p‖₂`, targeted 1 less that (arXiv 2302.02213) | the same |
//! | [`MASKED_CROSS_ENTROPY`] | the same with `w = [M = y]`, targeted `[M ≠ y]` (SEA, arXiv 2306.12941) | the same |
//! | [`WEIGHTED_CROSS_ENTROPY`] | the same times the weight of class y | the same |
//! | [`JENSEN_SHANNON`] | `ln 2 + ½ (p_y ln p_y − (1 + p_y) ln (1 + p_y))`, of p and the label (SEA) | `½ p_y ln ((1 + p_y) / p_y) (p_k − [k=y])` |
//! | [`TSALLIS`] | `(1 − p_y^(1−q)) / (1 − q)` | `p_y^(1−q) (p_k − [k=y])` |
//! | [`COSINE`] | `1 − z_y / ‖z‖₂` | `z_y z_k / ‖z‖³ − [k=y] / ‖z‖` |
//! | [`DIFFERENCE`] | `z_y − z_r` | `[k=r] − [k=y]` |
//! | [`RATIO`] | that over `D = z₍₁₎ − z₍₃₎`, targeted `z₍₁₎ − ½ (z₍₃₎ + z₍₄₎)`, of the logits by size (DLR, arXiv 2003.01690) | the derivative of what is seeded |
//! | [`DENSE`] | `max(z_y − z_r, 0)`, targeted `max(z_r − z_y, 0)` (DAG, arXiv 1703.08603) | `[k=r] − [k=y]` where J > 0, targeted the other way round |
//!
//! A step goes up the seed. So with [`TARGETED`], where the label is what is wanted, seeds of probabilities and of the cosine
//! are negated, and those of differences are not; without it the other way round. `w` is a constant for the derivative. The
//! seed is not divided by the number of pixels. λ and q stand in the schedule's row of the iteration.
//!
//! With [`ADAPTIVE`] pixels that are predicted as labelled have no seed and no loss. A label of 255, or any that is no class, is
//! left out of seed, counts and losses. A network with one output channel `z` stands for two classes with logits `(−z, z)`: its
//! seed is that of class 1 less that of class 0.
//!
//! With [`LOSS`] each workgroup's sums of `J` and of `−ln p_y` (of probabilities alone) over its pixels are written, in an order
//! that never changes.

use super::ledger::{SCHEDULE, SCHEDULE_LENGTH, counts_and_losses_length, counts_length};
use super::{
    Constants, Extent, KernelParams, Variant, View, check_choice, check_classes, check_parity, fold, kernel,
    samples, shader,
};

/// Write the seed gradient.
pub const WRITE_SEED: u32 = 1;
/// Add to the counts.
pub const COUNT: u32 = 2;
/// Seed only where the prediction is not the label.
pub const ADAPTIVE: u32 = 4;
/// The label is what is wanted, rather than what is to be left.
pub const TARGETED: u32 = 8;
/// Write the sums of the losses.
pub const LOSS: u32 = 16;

/// The label's logit.
pub const LOGIT: u32 = 0;
/// The label's logit less the largest other one.
pub const MARGIN: u32 = 1;
/// Cross-entropy.
pub const CROSS_ENTROPY: u32 = 2;
/// SegPGD's weighted cross-entropy.
pub const SEG_PGD: u32 = 3;
/// CosPGD's weighted cross-entropy.
pub const COS_PGD: u32 = 4;
/// Cross-entropy where the attack has not got through.
pub const MASKED_CROSS_ENTROPY: u32 = 5;
/// The same, weighted by class.
pub const WEIGHTED_CROSS_ENTROPY: u32 = 6;
/// Jensen-Shannon divergence of probabilities and label.
pub const JENSEN_SHANNON: u32 = 7;
/// Tsallis' cross-entropy.
pub const TSALLIS: u32 = 8;
/// Cosine of the logits with the label's axis.
pub const COSINE: u32 = 9;
/// Difference of logits, to go down unless targeted.
pub const DIFFERENCE: u32 = 10;
/// Difference of logits in units of their distances.
pub const RATIO: u32 = 11;
/// Difference of logits where it has the wrong sign.
pub const DENSE: u32 = 12;

/// Threads of a workgroup.
pub const WORKGROUP: u32 = 256;
/// Pixels that one thread handles, [`WORKGROUP`] apart.
pub const PIXELS_PER_THREAD: u32 = 16;

/// Counts of so many samples, both parities of each.
pub(super) fn counts_of_all(samples: u32, length: u32) -> u64 {
    u64::from(samples).saturating_mul(2 * u64::from(length))
}

/// Words of settings that a call reads.
pub(super) fn settings_length(classes: u32, schedule_rows: u32) -> u64 {
    match schedule_rows {
        0 => classes.into(),
        rows => 2 * u64::from(classes) + SCHEDULE_LENGTH as u64 * u64::from(rows),
    }
}

kernel! {
    "objective", "objective";
    parameters {
        /// Of the logits.
        logits: View,
        /// Of the seed gradient.
        seed: View,
        /// Of both.
        extent: Extent,
        /// Classes: the extent's channels, or 2 if there is only one.
        class_count: u32,
        /// What is raised, of the constants above.
        objective: u32,
        /// What to do, of [`WRITE_SEED`], [`COUNT`], [`ADAPTIVE`], [`TARGETED`] and [`LOSS`].
        flags: u32,
        /// Which half of the counts this iteration adds to: the iteration's number modulo 2.
        parity: u32,
        /// Words of one half of a sample's counts.
        counts_length: u32,
        /// Rows of the schedule; 0 if there is none, and then no weights of classes either.
        schedule_rows: u32,
    }
    reads {
        logits: Float, view(logits, extent);
        // A label per pixel, [n][h][w].
        labels: Word, first(|call| call.extent.pixels());
        settings: Word, first(|call| settings_length(call.class_count, call.schedule_rows));
    }
    writes {
        seed: Float, view(seed, extent), when(|call| call.flags & WRITE_SEED != 0);
        counts: Word, first(|call| counts_of_all(call.extent.n, call.counts_length));
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "fused",
        shader!(
            "shared/counts",
            "shared/counting",
            "shared/objective",
            "objective"
        ),
        |call| {
            let [x, y] = fold((call.extent.h * call.extent.w).div_ceil(WORKGROUP * PIXELS_PER_THREAD));
            [x, y, call.extent.n]
        },
    )
    .for_hardware()
    // Parameters that the shader also has as constants, so that what is left out is not compiled and loops over classes
    // have a known end.
    .with_constants(|call| constants(call.flags, call.objective, call.class_count, call.extent.c))];

    fn check(&self) -> Result<(), String> {
        check_objective(self.objective, self.flags, self.class_count, self.schedule_rows)?;
        check_counts(self.extent, self.class_count, self.flags, self.counts_length)?;
        check_row(self.class_count, self.schedule_rows, self.counts_length)?;
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
        let asma = Params {
            logits: view,
            seed: view,
            extent,
            class_count: 2,
            objective: MARGIN,
            flags: WRITE_SEED | COUNT | ADAPTIVE,
            parity: 0,
            counts_length: counts_length(2) as u32,
            schedule_rows: 0,
        };
        let five = Extent { c: 5, ..extent };
        let others = (CROSS_ENTROPY..=DENSE).map(|objective| Params {
            logits: View::dense(five.into()),
            seed: View::dense(five.into()),
            extent: five,
            class_count: 5,
            objective,
            flags: WRITE_SEED | COUNT | LOSS,
            counts_length: counts_and_losses_length(5, (extent.h * extent.w) as usize) as u32,
            schedule_rows: 21,
            ..asma
        });
        [asma].into_iter().chain(others).collect()
    }
}

/// The constants of the shaders that seed.
pub(super) fn constants(flags: u32, objective: u32, class_count: u32, channels: u32) -> Constants {
    let mut constants = vec![
        ("FLAGS", flags),
        ("OBJECTIVE", objective),
        ("CLASS_COUNT", class_count),
        ("CHANNELS", channels),
    ];
    constants.extend_from_slice(SCHEDULE);
    constants
}

/// Refuses objectives that there are not, and those that need what is not there.
pub(super) fn check_objective(
    objective: u32,
    flags: u32,
    class_count: u32,
    schedule_rows: u32,
) -> Result<(), String> {
    check_choice("objective", objective, DENSE)?;
    let least = if flags & TARGETED == 0 { 3 } else { 4 };
    if objective == RATIO && class_count < least {
        return Err(format!(
            "a ratio of differences of {class_count} classes; want at least {least}"
        ));
    }
    let scheduled = matches!(objective, SEG_PGD | TSALLIS | WEIGHTED_CROSS_ENTROPY);
    match scheduled && schedule_rows == 0 {
        true => Err("an objective that takes a schedule or weights, without one".into()),
        false => Ok(()),
    }
}

/// Refuses counts that have no word for the schedule's row, where there is a schedule.
pub(super) fn check_row(class_count: u32, schedule_rows: u32, length: u32) -> Result<(), String> {
    let least = counts_length(class_count as usize) + 1;
    match schedule_rows > 0 && (length as usize) < least {
        true => Err(format!(
            "counts of {length} words have none for the schedule's row; want at least {least}"
        )),
        false => Ok(()),
    }
}

/// Refuses counts that are too short for what is written.
pub(super) fn check_counts(extent: Extent, class_count: u32, flags: u32, length: u32) -> Result<(), String> {
    let classes = class_count as usize;
    let pixels = u64::from(extent.h).saturating_mul(extent.w.into()) as usize;
    let least = match flags & LOSS {
        0 => counts_length(classes),
        _ => counts_and_losses_length(classes, pixels),
    };
    match (length as usize) < least {
        true => Err(format!("counts of {length} words; want at least {least}")),
        false => Ok(()),
    }
}
