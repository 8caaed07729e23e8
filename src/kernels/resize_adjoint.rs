//! Adjoint of [`resize`](super::resize): each input pixel gathers, from the output pixels that it
//! contributed to, their gradient times its weight. A gather in a fixed order, so that repeats are
//! bit-identical.

use super::resize::{check_resampled, places};
use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "resize_adjoint", "resize_adjoint";
    parameters {
        /// Of the gradient of the resampled values.
        gradient: View,
        /// Of the gradient of the input.
        output: View,
        /// Of the input and its gradient.
        input_extent: Extent,
        /// Of the resampled values and their gradient.
        output_extent: Extent,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        gradient: Real, view(gradient, output_extent);
        // As in [`resize`](super::resize).
        sources: Float, first(|call| places(call.output_extent));
        // Of the input's rows, then of its columns: the first place of the output that it goes into, and the one after the
        // last; whole numbers.
        uses: Float, first(|call| places(call.input_extent));
    }
    writes {
        output: Real, view(output, input_extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/resample", "resize_adjoint"),
        |call| one_thread_per_element(call.input_extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_resampled(self.input_extent, self.output_extent)?;
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            gradient: samples::large_view(),
            output: samples::view(),
            input_extent: samples::extent(),
            output_extent: samples::large_extent(),
            accumulate: 0,
        }]
    }
}
