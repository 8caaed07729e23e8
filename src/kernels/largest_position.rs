//! Which element of each block of a tensor is its largest, the first of equal ones: what the adjoint of a maximum over axes
//! gives the gradient to.

use super::blocks::{check_broadcast, suits_workgroups};
use super::{Extent, KernelParams, Variant, View, fold, kernel, one_thread_per_element, samples, shader};

kernel! {
    "largest_position", "largest_position";
    parameters {
        /// Of the input.
        input: View,
        /// Of the input.
        extent: Extent,
        /// Blocks along each axis: one, or one for each element.
        blocks: Extent,
    }
    reads {
        input: Real, view(input, extent);
    }
    writes {
        // Of each block, which of its elements, counted row by row, channel by channel, sample by sample.
        positions: Word, first(|call| call.blocks.elements());
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new("direct", shader!("shared/blocks", "largest_position"), |call| {
            one_thread_per_element(call.blocks)
        }),
        Variant::<Params>::new(
            "tree",
            shader!("shared/blocks", "largest_position_tree"),
            |call| {
                let blocks = u32::try_from(call.blocks.elements()).unwrap_or(u32::MAX);
                let [x, y] = fold(blocks);
                [x, y, 1]
            },
        )
        .for_hardware()
        .suiting(|call, _| suits_workgroups(call.extent, call.blocks)),
    ];

    fn check(&self) -> Result<(), String> {
        check_broadcast("blocks", self.blocks, self.extent)
    }

    fn work(&self) -> String {
        let (of, to) = (self.extent, self.blocks);
        format!(
            "largest_position of {}x{}x{}x{} in {}x{}x{}x{}",
            of.n, of.c, of.h, of.w, to.n, to.c, to.h, to.w
        )
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
        }]
    }
}
