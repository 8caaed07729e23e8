//! Gives each number of a reduced tensor to all elements of its block, or to one of them: the adjoint of
//! [`reduce`](super::reduce).

use super::blocks::check_broadcast;
use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "spread", "spread";
    parameters {
        /// Of the reduced tensor.
        input: View,
        /// Of the output.
        output: View,
        /// Of the reduced tensor, repeated on axes on which it has a size of 1.
        input_extent: Extent,
        /// Of the output.
        extent: Extent,
        /// What the numbers are multiplied by.
        scale: f32,
        /// 1: only one element of each block has its number, the others 0.
        chosen: u32,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        input: Real, view(input, input_extent);
        // Of each block, which of its elements, counted row by row, channel by channel, sample by sample.
        positions: Word, first(|call| call.input_extent.elements()), when(|call| call.chosen == 1);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/blocks", "spread"),
        |call| one_thread_per_element(call.extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("chosen", self.chosen), ("accumulate", self.accumulate)])?;
        check_broadcast("input", self.input_extent, self.extent)
    }

    fn samples() -> Vec<Params> {
        let input_extent = Extent {
            h: 1,
            w: 1,
            ..samples::extent()
        };
        vec![Params {
            input: View::dense(input_extent.into()),
            output: samples::view(),
            input_extent,
            extent: samples::extent(),
            scale: 1.0,
            chosen: 0,
            accumulate: 0,
        }]
    }
}
