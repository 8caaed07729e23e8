//! What the adjoint of a normalisation takes off: of each block, the sum of `h`, the gradient times its channel's or
//! column's scale, and of `h · x̂`, with `x̂` the normalised input.

use super::blocks::check_blocks;
use super::moments::one_workgroup_per_block;
use super::normalise::coefficients;
use super::{Extent, KernelParams, Variant, View, check_flags, kernel, samples, shader};

kernel! {
    "normalise_sums", "normalise_sums";
    parameters {
        /// Of the input.
        input: View,
        /// Of the gradient of the output.
        gradient: View,
        /// Of both.
        extent: Extent,
        /// Parts along each axis, of each of which the sums are given.
        parts: Extent,
        /// Blocks along each axis, each of whole parts.
        blocks: Extent,
        /// 1: a scale of each column; 0: of each channel.
        per_column: u32,
    }
    reads {
        input: Real, view(input, extent);
        // Mean and one over the deviation of each block, in turn.
        moments: Float, first(|call| call.blocks.elements().saturating_mul(2));
        // Scale and shift of each channel or column, in turn.
        coefficients: Float, first(|call| coefficients(call.extent, call.per_column).saturating_mul(2));
        gradient: Real, view(gradient, extent);
    }
    writes {
        // Both sums of each part, in turn.
        sums: Float, first(|call| call.parts.elements().saturating_mul(2));
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "tree",
        shader!(
            "shared/blocks",
            "shared/normalisation",
            "shared/reduction",
            "normalise_sums"
        ),
        |call| one_workgroup_per_block(call.parts),
    )
    .for_hardware()];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("per_column", self.per_column)])?;
        check_blocks(self.extent, self.parts)?;
        check_blocks(self.parts, self.blocks)?;
        check_blocks(self.extent, self.blocks)
    }

    fn samples() -> Vec<Params> {
        let extent = samples::extent();
        vec![Params {
            input: samples::view(),
            gradient: samples::view(),
            extent,
            parts: Extent { h: 4, w: 1, ..extent },
            blocks: Extent { h: 1, w: 1, ..extent },
            per_column: 0,
        }]
    }
}
