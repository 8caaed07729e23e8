//! The end of a proximal step: the perturbation becomes the step's point clipped, and the image follows.
//!
//! A call does what its flags say:
//! - `KEEP`: where the settlement found the image to be the best so far, `best` becomes the image as it was before this
//!   call;
//! - `CLIP`: `image = clip_[0,1](source + z)`, with z the point clipped to ±t, t found by
//!   [`proximal_search`](super::proximal_search), and the partial sums of its distance to the source go to the other
//!   parity's half of the ledger, for the next settlement;
//! - `ROUNDS`: the point is the anchor of a proximal step in several rounds, and z what their bounds, found by
//!   [`proximal_rounds`](super::proximal_rounds), make of it.
//!
//! The image of a sample that has stopped stays as it is.

use super::ledger::image_groups;
use super::proximal_rounds::{CALLS, rounds_constants, rounds_of_all};
use super::proximal_search::search_of_all;
use super::{Extent, KernelParams, Variant, check_parity, fold, kernel, samples, shader};

/// Keep the image as the best one if it is.
pub const KEEP: u32 = 1;
/// Clip the point and move the image.
pub const CLIP: u32 = 2;
/// A step in several rounds.
pub const ROUNDS: u32 = 4;

kernel! {
    "proximal_clip", "clip";
    parameters {
        /// Of the images, the point and the metric, all dense.
        extent: Extent,
        /// [`KEEP`], [`CLIP`] and [`ROUNDS`].
        flags: u32,
        /// The iteration's number modulo 2.
        parity: u32,
        /// Words of the ledger for one sample.
        ledger_length: u32,
    }
    reads {
        source: Float, first(|call| call.extent.elements());
        point: Float, first(|call| call.extent.elements()), when(|call| call.flags & CLIP != 0);
        metric: Float, first(|call| call.extent.elements()), when(|call| call.flags & ROUNDS != 0);
        search: Word, first(|call| search_of_all(call.extent)), when(|call| call.flags & (CLIP | ROUNDS) == CLIP);
        rounds: Float, first(|call| rounds_of_all(call.extent)), when(|call| call.flags & ROUNDS != 0);
    }
    writes {
        image: Float, first(|call| call.extent.elements()), also_read(|_| true);
        best: Float, first(|call| call.extent.elements()), when(|call| call.flags & KEEP != 0);
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length)), also_read(|_| true);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "scalars",
        shader!(
            "shared/minimal_ledger",
            "shared/proximal",
            "shared/proximal_rounds",
            "proximal_clip"
        ),
        |call| {
            let [x, y] = fold(image_groups(call.extent));
            [x, y, call.extent.n]
        },
    )
    .for_hardware()
    .with_constants(|call| rounds_constants(CALLS, &[("FLAGS", call.flags)]))];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        super::check_choice("flags", self.flags, KEEP | CLIP | ROUNDS)?;
        if self.flags & (CLIP | ROUNDS) == ROUNDS {
            return Err("rounds of a step that is not taken; want CLIP beside ROUNDS".into());
        }
        super::minimal_settle::check_ledger(self.extent, 1, self.ledger_length)
    }

    fn elements_moved(&self) -> Vec<u64> {
        let image = self.extent.elements();
        let of = |flag| if self.flags & flag == 0 { 0 } else { image };
        vec![of(CLIP), of(CLIP), of(ROUNDS), 0, 0, image + of(CLIP), 0, 0]
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
        [KEEP, KEEP | CLIP, KEEP | CLIP | ROUNDS]
            .map(|flags| Params {
                extent,
                flags,
                parity: 0,
                ledger_length,
            })
            .into()
    }
}
