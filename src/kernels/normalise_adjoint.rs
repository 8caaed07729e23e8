//! Adjoint of a normalisation: `(h − mean h − x̂ · mean (h · x̂)) / σ` over each block, with `h` the gradient times its
//! channel's or column's scale and `x̂` the normalised input, from the sums of [`normalise_sums`](super::normalise_sums).

use super::blocks::check_blocks;
use super::normalise::coefficients;
use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "normalise_adjoint", "normalise_adjoint";
    parameters {
        /// Of the input.
        input: View,
        /// Of the gradient of the output.
        gradient: View,
        /// Of the gradient of the input.
        output: View,
        /// Of all three.
        extent: Extent,
        /// Blocks along each axis.
        blocks: Extent,
        /// 1: a scale of each column; 0: of each channel.
        per_column: u32,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        input: Real, view(input, extent);
        // Mean and one over the deviation of each block, in turn.
        moments: Float, first(|call| call.blocks.elements().saturating_mul(2));
        // Scale and shift of each channel or column, in turn.
        coefficients: Float, first(|call| coefficients(call.extent, call.per_column).saturating_mul(2));
        gradient: Real, view(gradient, extent);
        // Both sums of each block, in turn.
        sums: Float, first(|call| call.blocks.elements().saturating_mul(2));
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/blocks", "shared/normalisation", "normalise_adjoint"),
        |call| one_thread_per_element(call.extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("per_column", self.per_column), ("accumulate", self.accumulate)])?;
        check_blocks(self.extent, self.blocks)
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            gradient: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            blocks: Extent {
                h: 1,
                w: 1,
                ..samples::extent()
            },
            per_column: 0,
            accumulate: 0,
        }]
    }
}
