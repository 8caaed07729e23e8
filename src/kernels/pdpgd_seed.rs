//! The dual weights of PDPGD (Matyasko and Chau, *PDPGD: Primal-Dual Proximal Gradient Descent Adversarial Attack*, 2021,
//! as adv_lib has it for segmentation): one pass over the output pixels that takes logits and labels to the weight of
//! each pixel, to the gradient of the loss by the logits and to the counts that [`objective`](super::objective) makes
//! too, see [`ledger`](super::ledger).
//!
//! With logits `z`, label `y`, N counted pixels and `s = 1`, or −1 with [`TARGETED`], `m = s (z_y − max_{k≠y} z_k)` is
//! below 0 where the pixel is as the attack wants it. Of iteration i:
//!
//! ```text
//! q = e^Λ / (1 + Σ e^Λ)         q̄ = 0.9 q̄ + 0.1 q         loss = Σ q̄ ln(1 + e^m)         Λ = clip(Λ + θ sign m, ± ln 1e12)
//! ```
//!
//! Λ begins as `−ln N`, and `q̄` as `1/(2N)`, which is q then. θ is a word of the schedule. The seed is the gradient of
//! the loss: the attack descends. A network with one output channel `z` has the logits `(−z, z)`. Pixels whose label is
//! no class have the seed 0 and are not counted.
//!
//! # The duals
//! Per sample two planes of a float for each pixel: Λ and q̄. Σe^Λ is of the Λ that the iteration before left: its
//! partial sums stand in the half of the sums of that one, see [`minimal_settle`](super::minimal_settle).

use super::minimal_settle::{counts_of_all, ledger_constants, seed_groups, sums_of_all};
use super::{
    Extent, KernelParams, Variant, View, check_classes, check_parity, fold, kernel, samples, shader,
};

pub use super::alma_constraints::TARGETED;

/// The largest magnitude of Λ, `ln 1e12`.
pub const MOST_LOG_DUAL: f32 = 27.631_021;

/// Planes of the duals.
pub const PLANES: usize = 2;

kernel! {
    "pdpgd_seed", "weigh";
    parameters {
        /// Of the logits.
        logits: View,
        /// Of the seed.
        seed: View,
        /// Of both.
        extent: Extent,
        /// Classes: the extent's channels, or 2 if there is only one.
        class_count: u32,
        /// [`TARGETED`].
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
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length));
    }
    writes {
        seed: Float, view(seed, extent);
        // [n][PLANES][h][w]
        duals: Float, first(|call| call.extent.pixels().saturating_mul(PLANES as u64)), also_read(|_| true);
        // [n][parity][counts_length]
        counts: Word, first(|call| counts_of_all(call.extent.n, call.class_count)), also_read(|_| true);
        // As in `minimal_settle`.
        sums: Float, first(|call| sums_of_all(call.extent)), also_read(|_| true);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "fused",
        shader!(
            "shared/minimal_ledger",
            "shared/elementary",
            "shared/counting",
            "shared/ranked_classes",
            "pdpgd_seed"
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
        super::check_choice("flags", self.flags, TARGETED)?;
        super::minimal_settle::check_state(self.ledger_length)?;
        check_classes(self.class_count, self.extent.c)
    }

    fn elements_moved(&self) -> Vec<u64> {
        let (pixels, logits) = (self.extent.pixels(), self.extent.elements());
        vec![logits, pixels, 0, logits, 2 * PLANES as u64 * pixels, 0, 0]
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 2,
            ..samples::extent()
        };
        [0, TARGETED]
            .map(|flags| Params {
                logits: View::dense(extent.into()),
                seed: View::dense(extent.into()),
                extent,
                class_count: 2,
                flags,
                parity: 0,
                ledger_length: 64,
            })
            .into()
    }
}
