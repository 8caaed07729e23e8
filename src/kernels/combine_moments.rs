//! Puts together the means and squared distances of parts of blocks, in a fixed order: mean and one over the root of the
//! variance of each whole block (Chan, Golub and LeVeque, 1983).

use super::blocks::check_blocks;
use super::moments::check_epsilon;
use super::{Extent, KernelParams, Variant, kernel, one_thread_per_element, samples, shader};

kernel! {
    "combine_moments", "combine_moments";
    parameters {
        /// Of the tensor that they are of.
        extent: Extent,
        /// Its parts along each axis.
        parts: Extent,
        /// Blocks along each axis, each of whole parts.
        blocks: Extent,
        /// What is added to the variance.
        epsilon: f32,
    }
    reads {
        // Mean and sum of squared distances of each part, in turn.
        partial: Float, first(|call| call.parts.elements().saturating_mul(2));
    }
    writes {
        // Mean and one over the root of the variance of each block, in turn.
        moments: Float, first(|call| call.blocks.elements().saturating_mul(2));
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/blocks", "combine_moments"),
        |call| one_thread_per_element(call.blocks),
    )];

    fn check(&self) -> Result<(), String> {
        check_epsilon(self.epsilon)?;
        check_blocks(self.extent, self.parts)?;
        check_blocks(self.parts, self.blocks)
    }

    fn samples() -> Vec<Params> {
        let extent = samples::extent();
        vec![Params {
            extent,
            parts: Extent { h: 4, w: 1, ..extent },
            blocks: Extent { h: 1, w: 1, ..extent },
            epsilon: 1e-5,
        }]
    }
}
