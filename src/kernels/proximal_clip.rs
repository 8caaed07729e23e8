//! The end of a proximal step: with t found by [`proximal_search`](super::proximal_search), the perturbation becomes its
//! point clipped to ±t and to the box, and the image follows.
//!
//! A call does what its flags say:
//! - `KEEP`: where the settlement found the image to be the best so far, `best` becomes the image as it was before this
//!   call;
//! - `CLIP`: `image = clip_[0,1](source + clip_±t(point))`, and the partial sums of its distance to the source go to the
//!   other parity's half of the ledger, for the next settlement;
//! - `ROUNDS`: the step is one round of a proximal step in another metric, that of Adam (Melchior, Joseph and Moolekamp,
//!   *Proximal Adam*, 2019): from `z₀ = anchor`, `z_{k+1}` is this step of `z_k − (metric / largest) · (z_k − anchor)`,
//!   which a call leaves in `point` for the next round. A sample whose round moved z by no more than [`LEAST_MOVE`] of
//!   its length has had its last round.
//!
//! The image of a sample that has stopped stays as it is, and so does that of one that has had its last round.
//!
//! # The words behind those of the search
//! Per sample: two halves, of even and odd rounds, of two floats for each workgroup: `Σ (z_{k+1} − z_k)²` and `Σ
//! z_{k+1}²`. Word [`ROUND`] + k of the search's header is 1 if round k was gone through.

use super::ledger::image_groups;
use super::proximal_search::search_of_all;
use super::{Extent, KernelParams, Variant, check_parity, fold, kernel, samples, shader};

/// Keep the image as the best one if it is.
pub const KEEP: u32 = 1;
/// Clip the point and move the image.
pub const CLIP: u32 = 2;
/// One of several rounds.
pub const ROUNDS: u32 = 4;

/// The share of a perturbation's length that a round must move it by for another one to follow.
pub const LEAST_MOVE: f32 = 1e-2;
/// Most rounds of a step.
pub const MOST_ROUNDS: u32 = 8;
/// In the header of the search: whether round 0 was gone through; the others follow.
pub const ROUND: usize = 8;

kernel! {
    "proximal_clip", "clip";
    parameters {
        /// Of the images, the point, the anchor and the metric, all dense.
        extent: Extent,
        /// [`KEEP`], [`CLIP`] and [`ROUNDS`].
        flags: u32,
        /// The iteration's number modulo 2.
        parity: u32,
        /// Which round, from 0.
        round: u32,
        /// Words of the ledger for one sample.
        ledger_length: u32,
    }
    reads {
        source: Float, first(|call| call.extent.elements());
        anchor: Float, first(|call| call.extent.elements()), when(|call| call.flags & ROUNDS != 0);
        metric: Float, first(|call| call.extent.elements()), when(|call| call.flags & ROUNDS != 0);
    }
    writes {
        image: Float, first(|call| call.extent.elements()), also_read(|_| true);
        point: Float, first(|call| call.extent.elements()), when(|call| call.flags & CLIP != 0), also_read(|_| true);
        best: Float, first(|call| call.extent.elements()), when(|call| call.flags & KEEP != 0);
        search: Word, first(|call| search_of_all(call.extent)), when(|call| call.flags & CLIP != 0), also_read(|_| true);
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length)), also_read(|_| true);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "scalars",
        shader!("shared/minimal_ledger", "shared/proximal", "proximal_clip"),
        |call| {
            let [x, y] = fold(image_groups(call.extent));
            [x, y, call.extent.n]
        },
    )
    .with_workgroup_memory()
    .with_constants(|call| {
        super::minimal_settle::ledger_constants(&[("FLAGS", call.flags), ("ROUND", call.round)])
    })];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        super::check_choice("flags", self.flags, KEEP | CLIP | ROUNDS)?;
        super::check_choice("round", self.round, MOST_ROUNDS - 1)?;
        super::minimal_settle::check_ledger(self.extent, 1, self.ledger_length)
    }

    fn elements_moved(&self) -> Vec<u64> {
        let image = self.extent.elements();
        let rounds = if self.flags & ROUNDS == 0 { 0 } else { image };
        vec![image, rounds, rounds, 2 * image, image + rounds, 0, 0, 0]
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.extent;
        format!("proximal_clip of {n}x{c}x{h}x{w}, flags {}", self.flags)
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 3,
            ..samples::large_extent()
        };
        let ledger_length = super::minimal_settle::ledger_length(extent, 64) as u32;
        [
            (KEEP, 0),
            (KEEP | CLIP, 0),
            (KEEP | CLIP | ROUNDS, 0),
            (CLIP | ROUNDS, 1),
        ]
        .map(|(flags, round)| Params {
            extent,
            flags,
            parity: 0,
            round,
            ledger_length,
        })
        .into()
    }
}
