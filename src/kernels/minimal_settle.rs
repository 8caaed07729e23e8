//! The end of an iteration of an attack for the smallest perturbation: what is worked out once for each sample, from its
//! counts and partial sums, for the calls that step and for the trace. One workgroup a sample.
//!
//! # Rules
//! As adv_lib has them (Rony et al., *adversarial-library*, alma_prox.py and primal_dual_gradient_descent.py), with N the
//! counted pixels of a sample, A those of them that are adversarial (predicted otherwise than labelled, or, with
//! `TARGETED`, as labelled), and dist = L∞ of the image that was scored:
//! - Success: 100 A ≥ 99 N, which is N − A ≤ ⌊N/100⌋. In whole numbers, so that no division decides.
//! - Best: a success whose dist is not above the best one's; before the first success any image with A not below the best
//!   one's. [`STATE_NEW_BEST`] tells the call that moves the image to keep it.
//! - Stopping: `REACHED` at a success with a dist of 0, which nothing is better than.
//! - With `MULTIPLIERS` (ALMA-prox): the scale w of the constraints becomes `clip(w / 1.02)` at a success, else `clip(w /
//!   0.98)`, within [`SCALES`]; the length of the step is `λ = rate · s / (max(i − i_f, 0) + s)`, with `s = (0.1 / 0.9)
//!   max(T − i_f, 1)` and i_f the iteration of the first success if that lies before T/2 (whole numbers), else T/2; and k
//!   of the next iteration is the whole part of `0.01 N · share`, the share read from that one's schedule.
//! - Else (PDPGD): the dual weights are a softmax with one entry more, which has no pixel. That one's share follows the
//!   average of the weights, `r̄ ← 0.9 r̄ + 0.1 / (1 + Σe^Λ)`, and so does that of all others, `q̄ ← 0.9 q̄ + 0.1 Σe^Λ /
//!   (1 + Σe^Λ)`; both begin as ½. The weight of the proximal step is `r̄ / q̄ · rate / H`, with H the largest number of
//!   Adam's metric.
//! - Row: iteration, IoU, pixel accuracy, L2, L∞, the step's λ or Adam's rate, loss, A/N. IoU and accuracy are as for
//!   [`asma_update`](super::asma_update).
//!
//! A sample that had stopped before is left as it is, no row; its state is copied to the other parity. The counts of the
//! other parity become 0. The next iteration's words of the schedule become words of its state, for all calls to read.
//!
//! # The ledger
//! It is laid out as [`ledger`] has it, with partial sums of the squares and the largest of the distances
//! to the source. The half of them that the image's next move will write to holds, until then, of each workgroup of
//! [`pdpgd_step`](super::pdpgd_step) the largest |anchor|, in the place of the squares, and the largest number of Adam's
//! metric, in that of the largest distance.

use super::ledger::{self, HEADER, ROW_LENGTH, counts_length, image_groups, words};
use super::{
    Constants, Extent, KernelParams, Variant, check_parity, kernel, objective, product, samples, shader,
};

pub use super::ledger::{REACHED, RUNNING};

/// The goal is that pixels are predicted as labelled.
pub const TARGETED: u32 = 1;
/// Penalties with multipliers (ALMA-prox), not dual weights (PDPGD).
pub const MULTIPLIERS: u32 = 2;

/// The least and the largest scale of the constraints.
pub const SCALES: [f32; 2] = [0.1, 1.0];
/// What the scale is divided by at a success.
pub const SCALE_AT_SUCCESS: f32 = 1.02;
/// What it is divided by else.
pub const SCALE_ELSE: f32 = 0.98;
/// One of so many counted pixels need not be adversarial.
pub const SPARED: u32 = 100;

words! {
    /// What the ledger has of these attacks: the words of its header, and of a state.
    LEDGER {
        /// Word of the pixels counted.
        COUNTED = 9;
        /// Word of the rate: λ at first, or Adam's (float).
        RATE = 10;
        /// Word of the iterations that take a step, T.
        ITERATIONS = 11;
        /// In a state: the adversarial pixels of the best image.
        STATE_BEST_ADVERSARIAL = 2;
        /// In a state, with multipliers: w, the scale of the constraints (float).
        STATE_SCALE = 4;
        /// In a state, with dual weights: r̄, the average share of the entry without a pixel (float).
        STATE_SLACK = 4;
        /// In a state: λ of the last step, or the weight of the last proximal one (float).
        STATE_STEP = 5;
        /// In a state: L∞ of the best image (float).
        STATE_BEST_DISTANCE = 6;
        /// In a state: 1 if the image that was settled last is the best.
        STATE_NEW_BEST = 7;
        /// In a state, with multipliers: how many of the largest constraints are to be left out, k.
        STATE_RANK = 9;
        /// In a state, with dual weights: q̄, the average share of all pixels (float).
        STATE_SHARE = 9;
        /// In a state, with dual weights: the largest number of Adam's metric (float).
        STATE_METRIC = 10;
        /// In a state: first word of the schedule of the iteration that is to be settled (floats).
        STATE_SCHEDULE = 12;
    }
}

/// Words of the schedule for one iteration i. With `MULTIPLIERS`: the share of k, `1 − 0.8^{i+1}`, 0, 0; else Adam's rate
/// in units of the rate, `1 − 0.9^{i+1}`, `√(1 − 0.999^{i+1})`, what the duals move by.
pub const SCHEDULE_LENGTH: usize = 4;

/// Words that a workgroup of a kernel that seeds adds to the sums: the loss, and with dual weights the Σe^Λ of the next
/// iteration.
pub const SUMS_OF_SEEDS: usize = 2;

kernel! {
    "minimal_settle", "settle";
    parameters {
        /// Of the images.
        extent: Extent,
        /// Of the logits.
        output: Extent,
        /// Classes in the counts.
        class_count: u32,
        /// [`TARGETED`] and [`MULTIPLIERS`].
        flags: u32,
        /// The iteration's number modulo 2.
        parity: u32,
        /// Iterations in the schedule.
        schedule_rows: u32,
        /// Rows of the trace that the ring holds; at least 1.
        ring_rows: u32,
        /// Words of the ledger for one sample.
        ledger_length: u32,
    }
    reads {
        // The `CLASS_` bits of each class.
        classes: Word, first(|call| call.class_count.into());
        schedule: Float, first(|call| u64::from(call.schedule_rows) * SCHEDULE_LENGTH as u64);
        // [n][sums_length]
        sums: Float, first(|call| sums_of_all(call.output));
    }
    writes {
        counts: Word, first(|call| counts_of_all(call.extent.n, call.class_count)), also_read(|_| true);
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length)), also_read(|_| true);
    }
}

/// First word of the ring in a sample's ledger.
pub fn ring_start(extent: Extent) -> usize {
    HEADER + 4 * image_groups(extent) as usize
}

/// Words of the ledger for one sample.
pub fn ledger_length(extent: Extent, ring_rows: usize) -> usize {
    ring_start(extent) + ring_rows * ROW_LENGTH
}

/// Counts of so many samples, both parities of each.
pub(super) fn counts_of_all(samples: u32, classes: u32) -> u64 {
    objective::counts_of_all(samples, counts_length(classes as usize) as u32)
}

/// These constants, and those of the ledger.
pub(super) fn ledger_constants(own: &[(&'static str, u32)]) -> Constants {
    let mut constants = own.to_vec();
    constants.extend([("RUNNING", RUNNING), ("REACHED", REACHED)]);
    constants.extend_from_slice(ledger::LEDGER);
    constants.extend_from_slice(LEDGER);
    constants
}

/// Refuses a ledger that is too short.
pub(super) fn check_ledger(extent: Extent, ring_rows: u32, length: u32) -> Result<(), String> {
    let least = ledger_length(extent, ring_rows as usize);
    ledger::check_length(length, least, ring_rows)
}

/// Refuses a ledger that does not even hold the state.
pub(super) fn check_state(length: u32) -> Result<(), String> {
    match length as usize >= HEADER {
        true => Ok(()),
        false => Err(format!("a ledger of {length} words; want at least {HEADER}")),
    }
}

/// Pixels of a workgroup of the kernels that seed.
pub const SEED_GROUP: u32 = 1024;

/// Workgroups of one sample in the kernels that seed.
pub fn seed_groups(output: Extent) -> u32 {
    let pixels = product(&[output.h, output.w]);
    u32::try_from(pixels.div_ceil(SEED_GROUP.into())).unwrap_or(u32::MAX)
}

/// Words of the sums for one sample: two halves, for even and odd iterations, of [`SUMS_OF_SEEDS`] of each workgroup of a
/// kernel that seeds.
pub fn sums_length(output: Extent) -> usize {
    2 * SUMS_OF_SEEDS * seed_groups(output) as usize
}

/// Words of the sums of all samples.
pub(super) fn sums_of_all(output: Extent) -> u64 {
    u64::from(output.n).saturating_mul(sums_length(output) as u64)
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "workgroup",
        shader!("shared/reduction", "shared/minimal_ledger", "minimal_settle"),
        |call| [1, 1, call.extent.n],
    )
    .for_hardware()
    .with_constants(|call| ledger_constants(&[("FLAGS", call.flags), ("CLASS_COUNT", call.class_count)]))];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        super::check_choice("flags", self.flags, TARGETED | MULTIPLIERS)?;
        if !(1..=255).contains(&self.class_count) {
            return Err(format!("{} classes; want 1 to 255", self.class_count));
        }
        if self.schedule_rows == 0 || self.output.n != self.extent.n {
            return Err(
                "a schedule of no iterations, or another number of samples of logits than of images".into(),
            );
        }
        check_ledger(self.extent, self.ring_rows, self.ledger_length)
    }

    fn elements_moved(&self) -> Vec<u64> {
        vec![0; 5]
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 3,
            ..samples::large_extent()
        };
        [0, TARGETED, MULTIPLIERS, MULTIPLIERS | TARGETED]
            .map(|flags| Params {
                extent,
                output: samples::large_extent(),
                class_count: 2,
                flags,
                parity: 0,
                schedule_rows: 21,
                ring_rows: 64,
                ledger_length: ledger_length(extent, 64) as u32,
            })
            .into()
    }
}
