//! Resampling to another size: along each axis, an output value is mixed of two neighbouring places of the input. Which
//! they are, and with what weight, stands in a table, so that one kernel serves every convention and all devices agree:
//! for each output row, then for each output column, the lower place, a whole number, and the weight of the one after it.
//! There is none after the last; with a weight of 0 the lower place stands alone.

use super::{Extent, KernelParams, Variant, View, kernel, one_thread_per_element, samples, shader};

kernel! {
    "resize", "resize";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output.
        output_extent: Extent,
    }
    reads {
        input: Real, view(input, input_extent);
        // Of the output's rows, then of its columns: place and weight.
        sources: Float, first(|call| places(call.output_extent));
    }
    writes {
        output: Real, view(output, output_extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/resample", "resize"),
        |call| one_thread_per_element(call.output_extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_resampled(self.input_extent, self.output_extent)
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::large_view(),
            input_extent: samples::extent(),
            output_extent: samples::large_extent(),
        }]
    }
}

/// Numbers in a table with two for each row and each column.
pub(super) fn places(extent: Extent) -> u64 {
    2 * (u64::from(extent.h) + u64::from(extent.w))
}

/// Resampling leaves samples and channels as they are, and finds no pixel in nothing.
pub(super) fn check_resampled(input: Extent, output: Extent) -> Result<(), String> {
    super::max_pool2d::check_pooled(input, output)?;
    if (input.elements() == 0) != (output.elements() == 0) {
        return Err("it makes pixels of nothing, or nothing of pixels".into());
    }
    Ok(())
}
