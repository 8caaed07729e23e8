//! The gradient step of ALMA-prox: one pass over the image that takes the gradient to the metric and to the point of the
//! proximal step.
//!
//! ```text
//! v = 0.8 v + 0.2 g²          H = max(√(v / (1 − 0.8^{i+1})), 1e-8)          point = (image − source) − λ g / H
//! ```
//!
//! v begins as 0, λ is what [`minimal_settle`](super::minimal_settle) left in the state of the next parity, and `1 −
//! 0.8^{i+1}` a word of the schedule in that of this one. With [`REGION`] the gradient is 0 at a pixel whose `region` is
//! 0, so that its perturbation stays 0. A gradient that is infinite or no number leaves the iteration + 1 in the ledger's
//! word [`NOT_FINITE`](super::ledger::NOT_FINITE), unless it was set before.

use super::minimal_settle::{check_ledger, ledger_constants};
use super::{Extent, KernelParams, Variant, check_parity, fold, kernel, samples, shader};

/// Pixels whose `region` is 0 do not change.
pub const REGION: u32 = 1;

/// The least number of the metric.
pub const LEAST_METRIC: f32 = 1e-8;
/// Gradients further from 0 are as if they were so far, so that their squares are finite.
pub const MOST_GRADIENT: f32 = 1e18;

/// Elements of a workgroup.
const GROUP: u32 = 1024;

kernel! {
    "alma_step", "advance";
    parameters {
        /// Of the images and the gradient, all dense.
        extent: Extent,
        /// [`REGION`].
        flags: u32,
        /// The iteration's number modulo 2.
        parity: u32,
        /// Words of the ledger for one sample.
        ledger_length: u32,
    }
    reads {
        gradient: Float, first(|call| call.extent.elements());
        source: Float, first(|call| call.extent.elements());
        image: Float, first(|call| call.extent.elements());
        // 0 or 1 per pixel, [n][h][w].
        region: Word, first(|call| call.extent.pixels()), when(|call| call.flags & REGION != 0);
    }
    writes {
        second_moment: Float, first(|call| call.extent.elements()), also_read(|_| true);
        metric: Float, first(|call| call.extent.elements());
        point: Float, first(|call| call.extent.elements());
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length)), also_read(|_| true);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "scalars",
        shader!("shared/minimal_ledger", "shared/not_finite", "alma_step"),
        |call| {
            let [x, y] = fold((call.extent.c * call.extent.h * call.extent.w).div_ceil(GROUP));
            [x, y, call.extent.n]
        },
    )
    .with_constants(|call| ledger_constants(&[("FLAGS", call.flags)]))];

    fn check(&self) -> Result<(), String> {
        check_parity(self.parity)?;
        super::check_choice("flags", self.flags, REGION)?;
        check_ledger(self.extent, 1, self.ledger_length)
    }

    fn elements_moved(&self) -> Vec<u64> {
        let image = self.extent.elements();
        let region = if self.flags & REGION == 0 {
            0
        } else {
            self.extent.pixels()
        };
        vec![image, image, image, region, 2 * image, image, image, 0]
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 3,
            ..samples::large_extent()
        };
        [0, REGION]
            .map(|flags| Params {
                extent,
                flags,
                parity: 0,
                ledger_length: super::minimal_settle::ledger_length(extent, 64) as u32,
            })
            .into()
    }
}
