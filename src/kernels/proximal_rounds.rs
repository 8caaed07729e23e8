//! The rounds of a proximal step of `λ‖·‖∞` in the metric of Adam (Melchior, Joseph and Moolekamp, *Proximal Adam*, 2019):
//! from `z₀ = anchor`, with `h = metric / largest`,
//!
//! ```text
//! v = z_k − h (z_k − anchor)          z_{k+1} = v clipped to ±t_k, where Σ (|v| − t)_+ falls to λ at t_k
//! ```
//!
//! A sample whose round moved z by no more than [`LEAST_MOVE`] of its length has had its last round; there are
//! [`MOST_ROUNDS`] at most.
//!
//! Nothing is written for an element: |z| and |v| follow from |anchor|, h and the bounds of the rounds before, which are a
//! few numbers, and their signs are the anchor's. That takes fewer bytes than to keep z, and they are only read.
//!
//! # The search
//! `f(t) = Σ (|v| − t)_+` is convex and falls, from 0 to the bound of the round before (in the first round the largest
//! |anchor|): no v grows from a round to the next, so t does not. A call sums f at [`THRESHOLDS`] values of t; the first of a
//! round at values that lie the closer the larger they are, each other one evenly between the two bounds of t that the
//! call before left. Those are, of the two neighbours between which f falls to λ: above, where the chord between them
//! falls to λ, as f is below it; beneath, where the chords on either side of them, drawn out, fall to λ, as f is above
//! those. The bound of the round is the upper one, after [`FIRST_PASSES`] calls of the first round and [`PASSES`] of each
//! other one. Whoever reads what a call left narrows it down himself (`Progress` in the twin, and in
//! `shaders/shared/proximal_rounds.wgsl`).
//!
//! # The words of the rounds
//! Per sample, all floats: [`SLOT`] words for each call, as it began: the lower and the upper bound, 1 if the round is gone
//! through, else 0, and if it begins a round, the bound that the one before came to. Then two halves, for calls of even and
//! odd number, of [`SUMS`] words of each workgroup: f at each threshold, and of a call that begins a round the squared
//! lengths of what the round before moved z by and of what that led to; all of them over the number of elements.

use super::ledger::image_groups;
use super::minimal_settle::{check_ledger, ledger_constants};
use super::{Constants, Extent, KernelParams, Variant, check_parity, fold, kernel, samples, shader};

/// Most rounds of a step.
pub const MOST_ROUNDS: usize = 5;
/// The share of a perturbation's length that a round must move it by for another one to follow.
pub const LEAST_MOVE: f32 = 1e-2;

/// Values of t that a call looks at.
pub const THRESHOLDS: usize = 8;
/// Calls of the search in the first round.
pub const FIRST_PASSES: u32 = 4;
/// Calls of the search in each other round.
pub const PASSES: u32 = 3;
/// Calls of all rounds.
pub const CALLS: u32 = FIRST_PASSES + (MOST_ROUNDS as u32 - 1) * PASSES;

/// Words of a call at the beginning.
pub const SLOT: usize = 4;
/// Words before the sums.
pub const HEADER: usize = SLOT * CALLS as usize;
/// Words of a workgroup's sums.
pub const SUMS: usize = THRESHOLDS + 2;

kernel! {
    "proximal_rounds", "search_round";
    parameters {
        /// Of the anchor and the metric, both dense.
        extent: Extent,
        /// The iteration's number modulo 2.
        parity: u32,
        /// Which call of an iteration, from 0.
        number: u32,
        /// Words of the ledger for one sample.
        ledger_length: u32,
    }
    reads {
        anchor: Float, first(|call| call.extent.elements());
        metric: Float, first(|call| call.extent.elements());
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length));
    }
    writes {
        // [n][rounds_length]
        rounds: Float, first(|call| rounds_of_all(call.extent)), also_read(|_| true);
    }
}

/// The round of call `number`, and which of the round's calls it is; what reads the last call's sums is as the call
/// after it.
pub const fn round_of(number: u32) -> (usize, u32) {
    match number.checked_sub(FIRST_PASSES) {
        None => (0, number),
        Some(later) => (1 + (later / PASSES) as usize, later % PASSES),
    }
}

/// The first call of a round.
pub const fn first_call(round: usize) -> u32 {
    match round {
        0 => 0,
        _ => FIRST_PASSES + (round as u32 - 1) * PASSES,
    }
}

/// Words of one sample in the buffer of the rounds.
pub fn rounds_length(extent: Extent) -> usize {
    HEADER + 2 * SUMS * image_groups(extent) as usize
}

/// Words of the rounds of all samples.
pub fn rounds_of_all(extent: Extent) -> u64 {
    u64::from(extent.n).saturating_mul(rounds_length(extent) as u64)
}

/// What shaders that read the rounds are told: these constants, and those of the ledger.
pub(super) fn rounds_constants(number: u32, own: &[(&'static str, u32)]) -> Constants {
    let (round, pass) = round_of(number);
    let mut constants = vec![
        ("NUMBER", number),
        ("ROUND", round as u32),
        ("PASS", pass),
        ("FIRST_PASSES", FIRST_PASSES),
        ("PASSES", PASSES),
        ("ROUND_THRESHOLDS", THRESHOLDS as u32),
        ("ROUNDS_HEADER", HEADER as u32),
    ];
    constants.extend_from_slice(own);
    ledger_constants(&constants)
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "thresholds",
        shader!(
            "shared/minimal_ledger",
            "shared/proximal_rounds",
            "proximal_rounds"
        ),
        |call| {
            let [x, y] = fold(image_groups(call.extent));
            [x, y, call.extent.n]
        },
    )
    .for_hardware()
    .with_constants(|call| rounds_constants(call.number, &[]))];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        super::check_choice("number", self.number, CALLS - 1)?;
        check_ledger(self.extent, 1, self.ledger_length)
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.extent;
        let (round, pass) = round_of(self.number);
        format!("proximal_rounds of {n}x{c}x{h}x{w}, round {round}, pass {pass}")
    }

    fn flops(&self) -> u64 {
        // A round takes four operations of an element, a threshold three.
        let (round, _) = round_of(self.number);
        (4 * round as u64 + 3 * THRESHOLDS as u64) * self.extent.elements()
    }

    fn elements_moved(&self) -> Vec<u64> {
        let image = self.extent.elements();
        let metric = if round_of(self.number).0 == 0 { 0 } else { image };
        vec![image, metric, 0, 0]
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 3,
            ..samples::large_extent()
        };
        (0..CALLS)
            .map(|number| Params {
                extent,
                parity: 0,
                number,
                ledger_length: super::minimal_settle::ledger_length(extent, 64) as u32,
            })
            .collect()
    }
}
