//! The constraints of ALMA-prox (Rony, Pesquet and Ben Ayed, *Proximal Splitting Adversarial Attacks for Semantic
//! Segmentation*, 2023): one pass over the output pixels that takes logits and labels to the ratio that each pixel's
//! constraint is a multiple of, and to the counts that [`objective`](super::objective) makes too, see
//! [`ledger`](super::ledger).
//!
//! With logits `z`, label `y`, `z_(1) ≥ z_(2) ≥ …` and `s = 1`, or −1 with [`TARGETED`]:
//!
//! ```text
//! ratio = s · (z_y − max_{k≠y} z_k + 1e-4) / (z_(1) − z_(3) + 1e-8)
//! ```
//!
//! the difference of logits ratio (Croce and Hein, 2020); with [`TARGETED`] the divisor is `z_(1) − ½(z_(3) + z_(4)) +
//! 1e-8`. It is below 0 where the pixel is as the attack wants it. Of two classes, and with [`TARGETED`] of three, there
//! is no such divisor: it is 1, and the ratio a plain difference of logits. A network with one output channel `z` has the
//! logits `(−z, z)`. Pixels whose label is no class have the ratio 0 and are not counted.

use super::minimal_settle::counts_of_all;
use super::{
    Extent, KernelParams, Variant, View, check_classes, check_parity, fold, kernel, samples, shader,
};

/// The goal is that pixels are predicted as labelled, not otherwise.
pub const TARGETED: u32 = 1;
/// What is added to the difference of logits.
pub const LOGIT_TOLERANCE: f32 = 1e-4;
/// What is added to what it is divided by.
pub const LEAST_SPREAD: f32 = 1e-8;

/// Pixels of a workgroup.
const GROUP: u32 = 4096;

kernel! {
    "alma_constraints", "constrain";
    parameters {
        /// Of the logits.
        logits: View,
        /// Of the logits.
        extent: Extent,
        /// Classes: the extent's channels, or 2 if there is only one.
        class_count: u32,
        /// [`TARGETED`].
        flags: u32,
        /// The iteration's number modulo 2.
        parity: u32,
    }
    reads {
        logits: Float, view(logits, extent);
        // A label per pixel, [n][h][w].
        labels: Word, first(|call| call.extent.pixels());
    }
    writes {
        // [n][h][w]
        ratios: Float, first(|call| call.extent.pixels());
        // [n][parity][counts_length]
        counts: Word, first(|call| counts_of_all(call.extent.n, call.class_count)), also_read(|_| true);
    }
}

/// Whether so many classes have a ratio, not a plain difference.
pub fn has_spread(class_count: usize, targeted: bool) -> bool {
    class_count >= if targeted { 4 } else { 3 }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "fused",
        shader!(
            "shared/counting",
            "shared/ranked_classes",
            "shared/logit_ratio",
            "alma_constraints"
        ),
        |call| {
            let [x, y] = fold((call.extent.h * call.extent.w).div_ceil(GROUP));
            [x, y, call.extent.n]
        },
    )
    .for_hardware()
    .with_constants(|call| vec![("FLAGS", call.flags), ("CLASS_COUNT", call.class_count)])];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        super::check_choice("flags", self.flags, TARGETED)?;
        check_classes(self.class_count, self.extent.c)
    }

    fn elements_moved(&self) -> Vec<u64> {
        let pixels = self.extent.pixels();
        vec![self.extent.elements(), pixels, pixels, 0]
    }

    fn samples() -> Vec<Params> {
        let sample = |channels, flags| {
            let extent = Extent {
                c: channels,
                ..samples::extent()
            };
            Params {
                logits: View::dense(extent.into()),
                extent,
                class_count: channels.max(2),
                flags,
                parity: 0,
            }
        };
        vec![sample(2, 0), sample(5, 0), sample(5, TARGETED)]
    }
}
