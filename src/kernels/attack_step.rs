//! The step of attacks with a budget (`shaders/attack_step.wgsl`): one pass over the input pixels that takes the network's
//! gradient, the adversarial image `x`, the source `x₀`, counts and losses to the best image so far, the next image and the
//! partial sums of its distance to the source. One that needs lengths has passes before it that only measure.
//!
//! What happens at an iteration stands in its row of the schedule (see [`ledger`]), which the host writes
//! beforehand: the radius `ε`, the length `α` of the step, whether a phase begins or ends with it, whether the step is checked.
//! All else is decided on the device, for each sample by itself and in every workgroup alike.
//!
//! # A step
//! With `g` the gradient, 0 where the region has no pixel, `d(g)` its direction:
//! - [`SIGN`] `sign g`; [`UNIT`] `g / max(‖g‖₂, 1e-12)`; [`LARGEST`] `g / max(‖g‖∞, 1e-8)`; [`ADAM`] that of AMSGrad
//!   (β 0.9, 0.999, ε 1e-8) of `g` times `gradient_scale`, whose bias the schedule's `α` and correction take off; else `g`;
//! - the image becomes `Π(x + α d(g))`. `Π` brings values within `ε` of the source's with [`WITHIN_LARGEST`]; with
//!   [`WITHIN_LENGTH`] it multiplies the distance to the source, so that its length is at most `ε`; and then it clips to
//!   [0, 1];
//! - [`MOMENTUM`] (APGD, arXiv 2003.01690): with `z = Π(x + α d(g))`, `x' = Π(x + a (z − x) + (1 − a)(x − x₋₁))`, `a` = 1 at the
//!   first iteration of a phase, else 0.75;
//! - [`UNCLIPPED`] (DAG as published): `r ← r + α d(g)`, `x = clip(x₀ + r)`, where a value that the clip holds has no gradient.
//!
//! # The judge
//! - The score is the number of counted pixels that are not predicted as labelled, with [`TARGETED`] of those that are.
//! - The best image is that of the highest score, of equal ones the last; with [`KEEP_LAST`] of the last iterations of phases
//!   alone. With [`PUBLISHED`] a phase's first score counts every pixel that is not predicted as labelled, those without a
//!   label too (as SEA's code does).
//! - The rate is score over counted pixels, with [`GOAL_OF_IOU`] the IoU with the labels. A sample stops with
//!   [`REACHED`] once it is at least `GOAL`, and the image that reached it is the best.
//! - In a row of kind [`ROW_WIDE`] neither happens: its radius is larger than what was asked for.
//! - With [`MINIMISE`] it does not: then the best image is that of the least L∞ (L2 with [`WITHIN_LENGTH`]) whose rate is at
//!   least `GOAL`, and before there is one that of the highest score. A row of kind [`ROW_BISECTS`] ends a round: where its rate
//!   got there the budget's scale is halved towards the largest that failed, else towards the least that did not. Radius and
//!   step are multiplied by it.
//!
//! # The schedule of APGD
//! The loss that is tracked is `tracked` times the sum of the cross-entropy, with [`TRACK_LOSS`] of the loss. Where it is the
//! highest of its phase, image and gradient are kept. In a row of kind [`ROW_CHECK`], where it rose in at most three quarters of
//! the iterations since the last check, or the highest is still that of the last check and the step was not halved there, the
//! step is halved and goes on from the image of the highest loss. With [`PUBLISHED`] the first loss of a phase is compared with 0
//! instead of the one before it.
//!
//! # Phases
//! The last iteration of a phase, of kind [`ROW_LAST`], takes no step: the image becomes the start of the next phase, the
//! source, with [`ROW_RANDOM`] noise around it within the next radius (each value uniform; with [`WITHIN_LENGTH`] scaled to
//! exactly that length), with [`ROW_FROM_BEST`] the phase's best image brought within the next radius. With [`ROW_END`] it stays.
//! With [`PHASES`] the image of the highest score of each phase, whatever its radius, stands in a section of its own.
//!
//! # Measures
//! A call with [`MEASURE`] writes, for each workgroup, `Σ g²`, `Σ g (x − x₀)`, `Σ (x − x₀)²` and `max |g|`, of what the step
//! will go on from; at the end of a phase those of the noise and of the best image. One with [`CANDIDATE`] writes
//! `Σ (x' − x₀)²` of what momentum gives before `Π`.
//!
//! # The trace's row
//! After the five words of all: the length of the step, the loss times `loss_scale`, score over counted pixels.

use super::ledger::{
    self, HEADER, NO_PROGRESS, REACHED, ROW_LENGTH, RUNNING, SCHEDULE, counts_and_losses_length,
    image_groups, words,
};
use super::objective::{check_counts, counts_of_all, settings_length};
use super::{Constants, Extent, KernelParams, Variant, check_parity, fold, kernel, samples, shader};

/// Only measure what the step goes on from.
pub const MEASURE: u32 = 1;
/// Only measure what momentum gives.
pub const CANDIDATE: u32 = 2;
/// The gradient's signs.
pub const SIGN: u32 = 4;
/// The gradient over its length.
pub const UNIT: u32 = 8;
/// The gradient over its largest value.
pub const LARGEST: u32 = 16;
/// AMSGrad's direction.
pub const ADAM: u32 = 32;
/// No value further from the source than the radius.
pub const WITHIN_LARGEST: u32 = 64;
/// The whole no further from the source than the radius.
pub const WITHIN_LENGTH: u32 = 128;
/// APGD's momentum.
pub const MOMENTUM: u32 = 256;
/// What is added to the source is not clipped.
pub const UNCLIPPED: u32 = 512;
/// Pixels whose `region` is 0 do not change.
pub const REGION: u32 = 1024;
/// Labels are what is wanted.
pub const TARGETED: u32 = 2048;
/// Bisect the radius.
pub const MINIMISE: u32 = 4096;
/// Of a phase only the last image may be the best.
pub const KEEP_LAST: u32 = 8192;
/// As published, where that is wrong.
pub const PUBLISHED: u32 = 16384;
/// Track the loss instead of the cross-entropy.
pub const TRACK_LOSS: u32 = 32768;
/// The goal is an IoU with the labels instead of a share of the pixels.
pub const GOAL_OF_IOU: u32 = 65536;
/// Keep the best image of each phase, for the next to begin at.
pub const PHASES: u32 = 131_072;

/// In a schedule's row: a phase begins.
pub const ROW_FIRST: u32 = 1;
/// A phase ends.
pub const ROW_LAST: u32 = 2;
/// The step is checked.
pub const ROW_CHECK: u32 = 4;
/// The next phase begins at noise.
pub const ROW_RANDOM: u32 = 8;
/// The next phase begins at the best image of this one; wants [`PHASES`].
pub const ROW_FROM_BEST: u32 = 16;
/// The radius is larger than what was asked for.
pub const ROW_WIDE: u32 = 32;
/// There is no next phase.
pub const ROW_END: u32 = 64;
/// A round of bisection ends.
pub const ROW_BISECTS: u32 = 128;

words! {
    /// What the ledger has of a budget: the words of its header, of a state, and of a workgroup's measures.
    LEDGER {
        /// Word of the rate at which the attack has got through (float; above 1: never).
        GOAL = 0;
        /// In a state: the best score and 1; 0 before the first.
        STATE_BEST_SCORE = 2;
        /// In a state: the tracked loss of the last iteration (float).
        STATE_TRACKED = 4;
        /// In a state: the highest of its phase (float).
        STATE_HIGHEST = 5;
        /// In a state: the same at the last check (float).
        STATE_CHECKED = 6;
        /// In a state: how often the tracked loss rose since the last check.
        STATE_RISES = 7;
        /// In a state: whether the step was halved at the last check.
        STATE_HALVED = 9;
        /// In a state: what the schedule's step is multiplied by (float).
        STATE_STEP_SCALE = 10;
        /// In a state: what radius and step are multiplied by (float).
        STATE_RADIUS_SCALE = 11;
        /// In a state: the largest scale that failed (float).
        STATE_LOW = 12;
        /// In a state: the least scale that did not (float).
        STATE_HIGH = 13;
        /// In a state: how far the best image that got through is from the source (float).
        STATE_BEST_NORM = 14;
        /// In a state: whether this round of bisection got through.
        STATE_ROUND = 15;
        /// In a state: the best score of the phase and 1.
        STATE_PHASE_SCORE = 16;
        /// Words of a workgroup's measures.
        MEASURES = 5;
    }
}

kernel! {
    "attack_step", "step";
    parameters {
        /// Of the images and the gradient, all dense.
        extent: Extent,
        /// Classes in the counts.
        class_count: u32,
        /// What to do, of the constants above.
        flags: u32,
        /// The iteration's number modulo 2.
        parity: u32,
        /// Words of one half of a sample's counts.
        counts_length: u32,
        /// Rows of the schedule; at least 1.
        schedule_rows: u32,
        /// Rows of the trace that the ring holds; at least 1.
        ring_rows: u32,
        /// Words of the ledger for one sample.
        ledger_length: u32,
        /// Pixels of one sample's output.
        pixels: u32,
        /// Partial sums of the losses of one sample.
        loss_sums: u32,
        /// What the sum of the losses is multiplied by in the trace.
        loss_scale: f32,
        /// What the sum that the schedule looks at is multiplied by: 1 where it is to rise, −1 where it is to fall.
        tracked: f32,
        /// What gradients are multiplied by before AMSGrad sees them.
        gradient_scale: f32,
    }
    reads {
        gradient: Float, first(|call| call.extent.elements());
        source: Float, first(|call| call.extent.elements());
        // 0 or 1 per pixel, [n][h][w].
        region: Word, first(|call| call.extent.pixels()), when(|call| call.flags & REGION != 0);
        settings: Word, first(|call| settings_length(call.class_count, call.schedule_rows));
    }
    writes {
        adversarial: Float, first(|call| call.extent.elements()), also_read(|_| true);
        // The best image, then what the direction keeps, then the phase's best image, each dense.
        memory: Float, first(|call| u64::from(sections(call.flags)).saturating_mul(call.extent.elements())), also_read(|_| true);
        counts: Word, first(|call| counts_of_all(call.extent.n, call.counts_length)), also_read(|_| true);
        ledger: Word, first(|call| u64::from(call.extent.n).saturating_mul(call.ledger_length.into())), also_read(|_| true);
    }
}

/// Images that the memory of an attack with these flags holds, the best one first.
pub const fn sections(flags: u32) -> u32 {
    let of_direction = match flags {
        _ if flags & (MOMENTUM | ADAM) != 0 => 3,
        _ if flags & UNCLIPPED != 0 => 1,
        _ => 0,
    };
    1 + of_direction + (flags & PHASES != 0) as u32
}

/// Most sections that any flags have.
pub const MOST_SECTIONS: usize = 5;

impl Params {
    /// First word of the measures in a sample's ledger.
    pub fn measures_start(extent: Extent) -> usize {
        HEADER + 4 * image_groups(extent) as usize
    }

    /// First word of the ring in a sample's ledger.
    pub fn ring_start(extent: Extent) -> usize {
        Self::measures_start(extent) + MEASURES * image_groups(extent) as usize
    }

    /// Words of the ledger for one sample.
    pub fn ledger_length(extent: Extent, ring_rows: usize) -> usize {
        Self::ring_start(extent) + ring_rows * ROW_LENGTH
    }

    /// Whether the call moves the image, rather than measures.
    pub fn moves(&self) -> bool {
        self.flags & (MEASURE | CANDIDATE) == 0
    }

    fn grid(&self) -> [u32; 3] {
        let [x, y] = fold(image_groups(self.extent));
        [x, y, self.extent.n]
    }

    // Flags and classes are parameters too, but what the flags leave out is not to be compiled.
    fn constants(&self) -> Constants {
        let mut constants = vec![
            ("FLAGS", self.flags),
            ("CLASS_COUNT", self.class_count),
            ("RUNNING", RUNNING),
            ("REACHED", REACHED),
            ("NO_PROGRESS", NO_PROGRESS),
            ("ROW_FIRST", ROW_FIRST),
            ("ROW_LAST", ROW_LAST),
            ("ROW_CHECK", ROW_CHECK),
            ("ROW_RANDOM", ROW_RANDOM),
            ("ROW_FROM_BEST", ROW_FROM_BEST),
            ("ROW_WIDE", ROW_WIDE),
            ("ROW_END", ROW_END),
            ("ROW_BISECTS", ROW_BISECTS),
            ("PHASE_BEST", sections(self.flags) - 1),
        ];
        constants.extend_from_slice(SCHEDULE);
        constants.extend_from_slice(ledger::LEDGER);
        constants.extend_from_slice(LEDGER);
        constants
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
                "shared/movement",
                "shared/step_decision",
                "attack_step"
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
                "shared/movement",
                "shared/step_decision",
                "attack_step"
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
        check_counts(self.extent, self.class_count, 0, self.counts_length)?;
        if !(1..=255).contains(&self.class_count) {
            return Err(format!("{} classes; want 1 to 255", self.class_count));
        }
        if self.flags & MEASURE != 0 && self.flags & CANDIDATE != 0 {
            return Err("a call that measures twice; want one of MEASURE and CANDIDATE".into());
        }
        if self.flags & CANDIDATE != 0 && self.flags & MOMENTUM == 0 {
            return Err("a call that measures what momentum gives, without MOMENTUM".into());
        }
        if self.schedule_rows == 0 {
            return Err("a schedule of 0 rows; want at least 1".into());
        }
        let counted = ledger::counts_length(self.class_count as usize) as u64 + 1;
        if counted + 2 * u64::from(self.loss_sums) > self.counts_length.into() {
            return Err(format!(
                "{} sums of losses in counts of {} words",
                self.loss_sums, self.counts_length
            ));
        }
        let least = Params::ledger_length(self.extent, self.ring_rows as usize);
        ledger::check_length(self.ledger_length, least, self.ring_rows)
    }

    fn elements_moved(&self) -> Vec<u64> {
        // Gradient, source and image are read, the image is written; what the direction keeps is read and written.
        let image = self.extent.elements();
        let region = match self.flags & REGION {
            0 => 0,
            _ => self.extent.pixels(),
        };
        let written = if self.moves() { 2 * image } else { image };
        let kept = u64::from(sections(self.flags & !PHASES) - 1);
        let memory = if self.moves() { 2 * kept * image } else { 0 };
        vec![image, image, region, 0, written, memory]
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.extent;
        format!("attack_step of {n}x{c}x{h}x{w}, flags {}", self.flags)
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 3,
            ..samples::large_extent()
        };
        let pixels = extent.h * extent.w;
        let flags = [
            SIGN | WITHIN_LARGEST,
            UNIT | WITHIN_LENGTH | MEASURE,
            UNIT | WITHIN_LENGTH,
            SIGN | WITHIN_LARGEST | MOMENTUM,
            UNIT | WITHIN_LENGTH | MOMENTUM | CANDIDATE,
            UNIT | WITHIN_LENGTH | MOMENTUM,
            SIGN | WITHIN_LARGEST | MOMENTUM | PHASES,
            ADAM | WITHIN_LARGEST,
            LARGEST,
            LARGEST | UNCLIPPED | TARGETED,
        ];
        let call = |flags| Params {
            extent,
            class_count: 2,
            flags,
            parity: 0,
            counts_length: counts_and_losses_length(2, pixels as usize) as u32,
            schedule_rows: 21,
            ring_rows: 64,
            ledger_length: Params::ledger_length(extent, 64) as u32,
            pixels,
            loss_sums: 4,
            loss_scale: 1.0,
            tracked: 1.0,
            gradient_scale: 1.0,
        };
        flags.map(call).to_vec()
    }
}

/// PCG's hash of 32 bits.
fn hashed(word: u32) -> u32 {
    let state = word.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let word = ((state >> ((state >> 28) + 4)) ^ state).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}

/// A number from −1 to 1 that seed and element alone decide.
pub fn noise(seed: u32, element: usize) -> f32 {
    let word = hashed(hashed(element as u32) ^ seed);
    (word >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0
}
