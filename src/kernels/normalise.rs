//! Takes the mean of its block off each number and divides by the deviation, then scales and shifts by channel or by
//! column, and bends at 0 if an activation follows.

use super::blocks::check_blocks;
use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "normalise", "normalise";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of both.
        extent: Extent,
        /// Blocks along each axis.
        blocks: Extent,
        /// 1: scale and shift of each column; 0: of each channel.
        per_column: u32,
        /// 1: what is below 0 is multiplied by the slope of its channel.
        activated: u32,
    }
    reads {
        input: Real, view(input, extent);
        // Mean and one over the deviation of each block, in turn.
        moments: Float, first(|call| call.blocks.elements().saturating_mul(2));
        // Scale and shift of each channel or column, in turn.
        coefficients: Float, first(|call| coefficients(call.extent, call.per_column).saturating_mul(2));
        // One for each channel.
        slopes: Float, first(|call| call.extent.c.into()), when(|call| call.activated == 1);
    }
    writes {
        output: Real, view(output, extent);
    }
}

/// Scales and shifts of a call.
pub(super) fn coefficients(extent: Extent, per_column: u32) -> u64 {
    match per_column {
        1 => extent.w.into(),
        _ => extent.c.into(),
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/blocks", "shared/normalisation", "normalise"),
        |call| one_thread_per_element(call.extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("per_column", self.per_column), ("activated", self.activated)])?;
        check_blocks(self.extent, self.blocks)
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            blocks: Extent {
                h: 1,
                w: 1,
                ..samples::extent()
            },
            per_column: 0,
            activated: 0,
        }]
    }
}
