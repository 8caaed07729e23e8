//! The gradient step of PDPGD: one pass over the image that takes a step of Adam, which the rounds of the proximal step
//! begin from.
//!
//! ```text
//! m = 0.9 m + 0.1 g          v = 0.999 v + 0.001 g²          metric = √v / √(1 − 0.999^{i+1}) + 1e-8
//! anchor = clip_[0,1](image − rate_i / (1 − 0.9^{i+1}) · m / metric) − source
//! ```
//!
//! The moments begin as 0; the rate is that of the ledger, and what it is multiplied by and the corrections are words of
//! the schedule in the state. With [`REGION`] the gradient is 0 at a pixel whose `region` is 0, so that its perturbation
//! stays 0. The largest |anchor| of each workgroup and the largest number of its metric go to the ledger, see
//! [`minimal_settle`](super::minimal_settle). A gradient that is infinite or no number leaves the iteration + 1 in the
//! ledger's word [`NOT_FINITE`](super::ledger::NOT_FINITE), unless it was set before.
//!
//! # The moments
//! Per sample two images: m and v.

use super::minimal_settle::{check_ledger, ledger_constants};
use super::{Extent, KernelParams, Variant, check_parity, fold, kernel, samples, shader};

pub use super::alma_step::{LEAST_METRIC, MOST_GRADIENT, REGION};

kernel! {
    "pdpgd_step", "step_of_adam";
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
        // [n][2][c][h][w]
        moments: Float, first(|call| call.extent.elements().saturating_mul(2)), also_read(|_| true);
        metric: Float, first(|call| call.extent.elements());
        anchor: Float, first(|call| call.extent.elements());
        ledger: Word, first(|call| u64::from(call.extent.n) * u64::from(call.ledger_length)), also_read(|_| true);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "scalars",
        shader!("shared/minimal_ledger", "shared/not_finite", "pdpgd_step"),
        |call| {
            let [x, y] = fold(super::ledger::image_groups(call.extent));
            [x, y, call.extent.n]
        },
    )
    .for_hardware()
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
        vec![image, image, image, region, 4 * image, image, image, 0]
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
