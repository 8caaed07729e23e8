//! Mean of each block of a tensor and how far its elements lie from it: what a normalisation is made of. In two passes
//! over the block, the second of which takes the mean off first, so that nothing cancels.

use super::blocks::{block, check_blocks};
use super::{Extent, KernelParams, Variant, View, check_flags, fold, kernel, samples, shader};

kernel! {
    "moments", "block_moments";
    parameters {
        /// Of the input.
        input: View,
        /// Of the input.
        extent: Extent,
        /// Blocks along each axis.
        blocks: Extent,
        /// What is added to the variance, where the result is finished.
        epsilon: f32,
        /// 1: one over the root of the variance is given; 0: the sum of the squared distances, to be combined with those
        /// of other blocks.
        finish: u32,
    }
    reads {
        input: Real, view(input, extent);
    }
    writes {
        // Mean and that of each block, in turn.
        moments: Float, first(|call| call.blocks.elements().saturating_mul(2));
    }
}

/// Into how many smaller blocks those of a normalisation are first cut, where they are large and few; as for a
/// [reduction](super::reduce), but for columns, so that two numbers for each can stand in columns.
pub fn partial_blocks(extent: Extent, blocks: Extent) -> Option<Extent> {
    super::reduce::partial_blocks(extent, blocks)
        .filter(|partial| partial.w == blocks.w && block(extent, blocks).w == extent.w && blocks.w == 1)
}

/// Workgroups of a kernel that takes one for each block.
pub(super) fn one_workgroup_per_block(blocks: Extent) -> [u32; 3] {
    let [x, y] = fold(u32::try_from(blocks.elements()).unwrap_or(u32::MAX));
    [x, y, 1]
}

/// Refuses what is added to a variance if it may leave nothing to divide by.
pub(super) fn check_epsilon(epsilon: f32) -> Result<(), String> {
    match epsilon > 0.0 && epsilon.is_finite() {
        true => Ok(()),
        false => Err(format!("`epsilon` is {epsilon}; want a finite number above 0")),
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "tree",
        shader!("shared/blocks", "shared/reduction", "moments"),
        |call| one_workgroup_per_block(call.blocks),
    )
    .for_hardware()];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("finish", self.finish)])?;
        check_epsilon(self.epsilon)?;
        check_blocks(self.extent, self.blocks)
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            extent: samples::extent(),
            blocks: Extent {
                h: 1,
                w: 1,
                ..samples::extent()
            },
            epsilon: 1e-5,
            finish: 1,
        }]
    }
}
